/* SPDX-License-Identifier: Apache-2.0 */
/* What goes in may be encrypted or not; what is told apart by its text is so whatever its name
 * (docs/spec/72-sealed-secrets.md#input). */
#include "cli/seal.h"

#include "base/ascii.h"
#include "base/file.h"
#include "cli/ui.h"
#include "core/cipher.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

const struct sops_format *sops_seal_yaml(void) { return sops_format_named(SOPS_LIT("yaml")); }
const struct sops_format *sops_seal_json(void) { return sops_format_named(SOPS_LIT("json")); }

bool sops_seal_format(const char *word, const struct sops_format **out, struct sops_err *e)
{
    *out = word == NULL                                       ? NULL
           : sops_same_word(sops_str(word), SOPS_LIT("yaml")) ? sops_seal_yaml()
           : sops_same_word(sops_str(word), SOPS_LIT("json")) ? sops_seal_json()
                                                              : NULL;
    return word == NULL || *out != NULL ||
           sops_fail(e, SOPS_E_CONFLICT, "'%s' is no format: --format takes yaml or json", word);
}

bool sops_format_of_text(struct sops_slice text, const struct sops_format **out, struct sops_err *e)
{
    struct sops_slice trimmed = sops_slice_trim(text);
    struct sops_doc doc = {0};
    struct sops_err tried = {0};
    bool json = trimmed.len != 0 && trimmed.ptr[0] == '{' && sops_doc_parse_row(&doc, sops_seal_json(), text, &tried);
    *out = json ? sops_seal_json() : sops_seal_yaml();
    sops_doc_free(&doc);
    return sops_may_fail(&tried, e);
}

static const char *shown_name(const struct sops_source *s) { return s->path != NULL ? s->path : "stdin"; }

static bool parse_plain(struct sops_source *s, struct sops_slice text, struct sops_err *e)
{
    s->doc = &s->own;
    bool ok = sops_doc_parse_row(&s->own, s->format, text, e);
    sops_ui_notes(shown_name(s), sops_buf_view(&s->own.notes));
    if (!ok) {
        sops_recode(e, s->own.odd_top ? SOPS_E_ENCRYPT : s->own.no_document ? SOPS_E_EMPTY : SOPS_E_READ);
        return sops_within(e, "cannot read '%s' as %s", shown_name(s), s->format->name);
    }
    return true;
}

static bool open_sealed(struct sops_source *s, struct sops_err *e)
{
    struct sops_job *j = &s->job;
    s->encrypted = true;
    bool ok = sops_envelope_detach(j->env, j->in, e) && sops_step_version(j, e) && sops_step_open(j, e);
    s->doc = ok ? sops_envelope_clear(j->env, e) : NULL;
    s->data_key = sops_envelope_key(j->env);
    return s->doc != NULL;
}

bool sops_source_parse(struct sops_source *s, struct sops_slice text, struct sops_err *e)
{
    struct sops_job *j = &s->job;
    if (j->opt->shared.input_type == NULL && (s->by_text || s->name == NULL)) {
        const struct sops_format *looks;
        if (!sops_format_of_text(text, &looks, e)) {
            return false;
        }
        bool sealed_whole = s->by_text && (j->in->flags & SOPS_FMT_WHOLE) != 0 && sops_holds_ciphertext(text) &&
                            looks != sops_seal_yaml() && s->name != NULL;
        j->in = sealed_whole ? j->in : looks;
    }
    s->format = j->in;
    if (sops_holds_ciphertext(text)) {
        if (!sops_envelope_parse_tree(j->env, j->in, text, e)) {
            return false;
        }
        if (sops_envelope_has_meta(j->env, j->in)) {
            return open_sealed(s, e);
        }
    }
    return parse_plain(s, text, e);
}

bool sops_source_open(struct sops_source *s, struct sops_err *e)
{
    struct stat st;
    s->job = sops_job_beside(s->common, s->path);
    s->job.name = s->name;
    if (s->path != NULL && stat(s->path, &st) != 0 && errno == ENOENT) {
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", s->path);
    }
    if (!sops_job_formats(&s->job, e) || !sops_step_read(&s->job, e)) {
        return false;
    }
    s->text = s->job.raw;
    s->job.raw = (struct sops_buf){0};
    return sops_source_parse(s, sops_buf_view(&s->text), e);
}

void sops_source_close(struct sops_source *s)
{
    sops_job_free(&s->job);
    sops_doc_free(&s->own);
    sops_buf_free(&s->text);
    s->doc = NULL;
    s->data_key = (struct sops_slice){0};
}

/* ---- names and folders ------------------------------------------------------------------------------------------ */

bool sops_path_shown(struct sops_arena *a, const char *path, const char **out, struct sops_err *e)
{
    struct sops_buf absolute = {0}, here = {0}, relative = {0};
    struct sops_slice text;
    bool ok = sops_path_absolute(path, &absolute, e) && sops_path_absolute(".", &here, e) &&
              sops_path_relative(sops_buf_cstr(&absolute, e), sops_buf_cstr(&here, e), &relative, e) &&
              sops_arena_copy(a, sops_buf_view(&relative), &text, e);
    *out = ok ? (const char *)text.ptr : path;
    sops_buf_free(&absolute);
    sops_buf_free(&here);
    sops_buf_free(&relative);
    return ok;
}

bool sops_object_name(struct sops_buf *out, struct sops_slice space, struct sops_slice name, struct sops_err *e)
{
    return (space.len == 0 || (sops_buf_add(out, space, e) && sops_buf_addc(out, '/', e))) &&
           sops_buf_add(out, name, e);
}

bool sops_make_folders(const char *path, struct sops_err *e)
{
    struct sops_buf part = {0};
    bool ok = true;
    for (const char *p = path; ok && (p = strchr(p, '/')) != NULL; p++) {
        sops_buf_cut(&part, 0);
        if (p == path) {
            continue;
        }
        ok = sops_buf_add(&part, sops_slice_of(path, (size_t)(p - path)), e) && sops_buf_cstr(&part, e) != NULL;
        if (ok && mkdir((const char *)part.ptr, 0777) != 0 && errno != EEXIST) {
            ok = sops_fail(e, SOPS_E_WRITE, "cannot make the folder '%s': %s", (const char *)part.ptr,
                           sops_os_error(errno));
        }
    }
    sops_buf_free(&part);
    return ok;
}
