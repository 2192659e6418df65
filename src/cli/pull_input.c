/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every document of a file is read by itself: what is no mapping is passed over, as files of Kubernetes hold all sorts
 * of things, and one that is JSON is read as that. A file that sops encrypted is opened in memory, its MAC compared.
 */
#include "cli/pull_run.h"

#include "base/file.h"
#include "cli/seal.h"
#include "cli/walk.h"
#include "manifest/manifest.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX ((size_t)16 << 20)

/* A file, or one document of it. */
struct sops_pull_input {
    struct sops_source source; /* an encrypted file */
    struct sops_doc doc;       /* a plain document */
    struct sops_pull_input *next;
};

void sops_pull_inputs_free(struct sops_pull_run *r)
{
    for (struct sops_pull_input *in = r->input; in != NULL; in = in->next) {
        sops_source_close(&in->source);
        sops_doc_free(&in->doc);
    }
    r->input = NULL;
}

static struct sops_pull_input *new_input(struct sops_pull_run *r, struct sops_err *e)
{
    struct sops_pull_input *in = sops_arena_alloc(&r->arena, sizeof *in, e);
    if (in != NULL) {
        in->next = r->input;
        r->input = in;
    }
    return in;
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static void move_lines(struct sops_doc *d, unsigned by)
{
    for (struct sops_node *part = d->parts; by != 0 && part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            n->line += by;
        }
    }
}

static bool is_json(struct sops_slice text)
{
    struct sops_slice trimmed = sops_slice_trim(text);
    return trimmed.len != 0 && trimmed.ptr[0] == '{';
}

static bool is_yaml(struct sops_slice text) { return !sops_manifest_is_empty(text) && !is_json(text); }

/* What is in JSON is read as JSON; a pair of surrogates is no YAML. */
static bool parse_document(struct sops_doc *d, struct sops_slice text, struct sops_err *e)
{
    struct sops_err why = {0};
    if (is_json(text)) {
        if (sops_doc_parse_row(d, sops_seal_json(), text, &why)) {
            return true;
        }
        bool memory = why.memory;
        sops_err_clear(&why);
        sops_doc_free(d);
        *d = (struct sops_doc){0};
        if (memory) {
            return sops_fail_memory(e);
        }
    }
    return sops_doc_parse_row(d, sops_seal_yaml(), text, e);
}

static bool take_document(struct sops_pull_run *r, const char *name, struct sops_slice text, unsigned line,
                          unsigned number, struct sops_err *e)
{
    struct sops_pull_input *in = new_input(r, e);
    struct sops_err why = {0};
    if (in == NULL) {
        return false;
    }
    if (!parse_document(&in->doc, text, &why)) {
        bool passed = !why.memory && (in->doc.odd_top || in->doc.no_document);
        if (!passed) {
            why.line += why.line != 0 ? line : 0;
            *e = why;
            sops_recode(e, SOPS_E_READ);
            return sops_within(e, "cannot read '%s', document %u", name, number);
        }
        sops_err_clear(&why);
        return true;
    }
    move_lines(&in->doc, line);
    bool ok = true;
    for (const struct sops_node *part = in->doc.parts; ok && part != NULL; part = part->next) {
        ok = sops_objects_add(&r->manifests, part, name, number, e);
    }
    return ok;
}

/* All of `count` documents of YAML at once, which takes half of the time; `*taken` is false, and nothing has happened,
 * when one of them is no mapping or cannot be read: each is then taken by itself. */
static bool take_together(struct sops_pull_run *r, const char *name, const struct sops_manifest *first, size_t count,
                          unsigned line, unsigned number, bool *taken, struct sops_err *e)
{
    struct sops_slice text = sops_manifest_text(first), last = sops_manifest_text(first + count - 1);
    text.len = (size_t)(last.ptr + last.len - text.ptr);
    struct sops_pull_input *in = new_input(r, e);
    struct sops_err why = {0};
    size_t parts = 0;
    *taken = in != NULL && sops_doc_parse_row(&in->doc, sops_seal_yaml(), text, &why);
    for (const struct sops_node *part = *taken ? in->doc.parts : NULL; part != NULL; part = part->next) {
        parts++;
    }
    *taken = *taken && parts == count;
    if (!*taken && in != NULL) {
        sops_doc_free(&in->doc);
    }
    bool ok = in != NULL && sops_may_fail(&why, e);
    if (*taken) {
        move_lines(&in->doc, line);
    }
    for (const struct sops_node *part = *taken ? in->doc.parts : NULL; ok && part != NULL; part = part->next) {
        ok = sops_objects_add(&r->manifests, part, name, ++number, e);
    }
    return ok;
}

static unsigned line_breaks(const uint8_t *from, const uint8_t *to)
{
    unsigned count = 0;
    for (; from < to; from++) {
        count += *from == '\n';
    }
    return count;
}

static bool take_plain(struct sops_pull_run *r, const char *name, struct sops_slice text, struct sops_err *e)
{
    struct sops_manifests all = {0};
    const uint8_t *at = text.ptr;
    unsigned line = 0, number = 0;
    size_t tried = 0; /* those before it were taken together, or cannot be */
    bool ok = sops_manifests_split(&all, NULL, text, e);
    for (size_t i = 0; ok && i < all.count; i++) {
        size_t together = 0;
        bool taken = false;
        line += line_breaks(at, sops_manifest_text(&all.all[i]).ptr);
        at = sops_manifest_text(&all.all[i]).ptr;
        while (i >= tried && i + together < all.count && is_yaml(sops_manifest_text(&all.all[i + together]))) {
            together++;
        }
        tried = i + together > tried ? i + together : tried;
        ok = together < 2 || take_together(r, name, &all.all[i], together, line, number, &taken, e);
        if (ok && taken) {
            number += (unsigned)together;
            i += together - 1;
        } else if (ok && !sops_manifest_is_empty(sops_manifest_text(&all.all[i]))) {
            ok = take_document(r, name, sops_manifest_text(&all.all[i]), line, ++number, e);
        }
    }
    sops_manifests_free(&all);
    return ok;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* Opens what sops encrypted. `*plain`: it only looks as if it were. */
static bool take_sealed(struct sops_pull_run *r, const char *path, const char *name, struct sops_slice text,
                        bool *plain, struct sops_err *e)
{
    struct sops_pull_input *in = new_input(r, e);
    unsigned number = 0;
    if (in == NULL) {
        return false;
    }
    in->source = (struct sops_source){.common = &r->job, .path = path, .name = path, .by_text = path == NULL};
    if (!sops_job_services(&r->job, e)) {
        return false;
    }
    in->source.job = sops_job_beside(&r->job, path);
    bool ok = sops_job_formats(&in->source.job, e) && sops_source_parse(&in->source, text, e);
    *plain = !in->source.encrypted;
    if (!ok && *plain && !e->memory) {
        sops_err_clear(e);
        return true;
    }
    if (!ok) {
        sops_recode(e, e->code == SOPS_E_GENERIC ? SOPS_E_READ : e->code);
        return strstr(e->msg, name) != NULL ? false : sops_within(e, "'%s'", name);
    }
    for (const struct sops_node *part = *plain ? NULL : in->source.doc->parts; ok && part != NULL; part = part->next) {
        ok = sops_objects_add(&r->manifests, part, name, ++number, e);
    }
    return ok;
}

static bool take_text(struct sops_pull_run *r, const char *path, const char *name, struct sops_slice text,
                      struct sops_err *e)
{
    bool plain = true;
    if (sops_holds_ciphertext(text) && !take_sealed(r, path, name, text, &plain, e)) {
        return false;
    }
    return !plain || take_plain(r, name, text, e);
}

static bool take_file(struct sops_pull_run *r, const char *path, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice copy;
    const char *shown = strncmp(path, "./", 2) == 0 && path[2] != '\0' ? path + 2 : path;
    bool ok = sops_arena_copy(&r->arena, sops_str(shown), &copy, e) &&
              (sops_file_read(path, MANIFEST_MAX, &text, e) || sops_recode(e, SOPS_E_READ)) &&
              take_text(r, (const char *)copy.ptr, (const char *)copy.ptr, sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

static bool visit_entry(void *ctx, const char *path, struct sops_slice name, const struct stat *st, struct sops_err *e)
{
    static const char *const endings[] = {".yaml", ".yml", ".json", NULL};
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.' && name.ptr[dot - 1] != '/') {
        dot--;
    }
    bool wanted = S_ISREG(st->st_mode) && dot > 0 && sops_slice_is_any(sops_slice_skip(name, dot - 1), endings);
    return !wanted || take_file(ctx, path, e);
}

static bool take_path(struct sops_pull_run *r, const char *path, struct sops_err *e)
{
    const struct sops_walker walker = {.visit = visit_entry, .ctx = r};
    struct stat st;
    if (stat(path, &st) != 0) {
        return sops_fail(e, SOPS_E_READ, "cannot read '%s': %s", path, sops_os_error(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return take_file(r, path, e);
    }
    return r->job.opt->shared.recursive ? sops_walk_folder(path, &walker, e)
                                        : sops_fail(e, SOPS_E_READ, "'%s' is a folder: it needs --recursive", path);
}

bool sops_pull_inputs(struct sops_pull_run *r, struct sops_err *e)
{
    const struct sops_options *o = r->job.opt;
    struct sops_buf text = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < o->argc; i++) {
        ok = take_path(r, o->args[i], e);
    }
    if (o->argc == 0) {
        ok = (sops_fd_read(STDIN_FILENO, "stdin", MANIFEST_MAX, &text, e) || sops_recode(e, SOPS_E_READ)) &&
             take_text(r, NULL, "stdin", sops_buf_view(&text), e);
        sops_buf_free(&text);
    }
    return ok;
}
