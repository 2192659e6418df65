/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git filter-process (docs/spec/70-git.md#git-filter-process): clear text in the work tree, ciphertext in git. Nothing
 * leaves clean in clear: what cannot be encrypted is an error, and git keeps what it has.
 */
#include "base/file.h"
#include "cli/git_verbs.h"
#include "cli/pkt.h"
#include "cli/reuse_old.h"
#include "cli/ui.h"
#include "core/conflict.h"

#include <errno.h>
#include <unistd.h>

#define LIST_MAX ((size_t)1 << 20) /* bytes of the lines in front of a content */

struct filter {
    struct sops_world *world;
    const struct sops_options *o;
    struct sops_pkt_source in;
    struct sops_git git;
    struct sops_config config;
    struct sops_err broken; /* why there is no configuration */
    struct sops_service *services;
    struct sops_slice order;
    struct sops_buf list, content, answer, out;
    struct sops_arena names;
    const char *command, *path; /* of the request at hand */
};

static ptrdiff_t read_stdin(void *ctx, void *to, size_t n, struct sops_err *e)
{
    (void)ctx;
    ssize_t got;
    while ((got = read(STDIN_FILENO, to, n)) < 0 && errno == EINTR) {
    }
    if (got < 0) {
        (void)sops_fail(e, SOPS_E_READ, "cannot read from stdin: %s", sops_os_error(errno));
    }
    return got;
}

/* The lines up to the end of a list, each with a LF, into `list`. `*end`: there is no list any more. */
static bool read_list(struct filter *f, bool *end, struct sops_err *e)
{
    enum sops_pkt what = SOPS_PKT_DATA;
    sops_buf_cut(&f->list, 0);
    *end = false;
    while (what == SOPS_PKT_DATA) {
        if (!sops_pkt_read(&f->in, &f->list, LIST_MAX, &what, e)) {
            return false;
        }
        bool open = what == SOPS_PKT_DATA && (f->list.len == 0 || f->list.ptr[f->list.len - 1] != '\n');
        if (open && !sops_buf_addc(&f->list, '\n', e)) {
            return false;
        }
    }
    *end = what == SOPS_PKT_END;
    return !*end || f->list.len == 0 || sops_fail(e, SOPS_E_READ, "git's packets end within a request");
}

/* The value of "NAME=…" in the list; NULL: it is not there. */
static const char *line_of(struct filter *f, const char *name, struct sops_err *e)
{
    struct sops_slice rest = sops_buf_view(&f->list), line = {0};
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        size_t equals = sops_slice_find(line, '=');
        if (sops_slice_eq(sops_slice_first(line, equals), sops_str(name)) && equals < line.len) {
            return sops_arena_text(&f->names, e, "%.*s", SOPS_ARG(sops_slice_skip(line, equals + 1)));
        }
    }
    return NULL;
}

static bool read_content(struct filter *f, struct sops_err *e)
{
    enum sops_pkt what = SOPS_PKT_DATA;
    sops_buf_cut(&f->content, 0);
    while (what == SOPS_PKT_DATA) {
        if (!sops_pkt_read(&f->in, &f->content, SOPS_FILE_MAX, &what, e)) {
            return false;
        }
    }
    return what == SOPS_PKT_FLUSH || sops_fail(e, SOPS_E_READ, "git's packets end within a request");
}

/* ---- smudge ----------------------------------------------------------------------------------------------------- */

static struct sops_job job_of(struct filter *f)
{
    return (struct sops_job){.world = f->world,
                             .opt = f->o,
                             .services = f->services,
                             .services_lent = true,
                             .config = &f->config,
                             .order = f->order,
                             .path = f->path,
                             .name = f->path,
                             .in_order = true};
}

static bool smudge(struct filter *f, struct sops_err *e)
{
    struct sops_job j = job_of(f);
    struct sops_version v = {.name = f->path};
    struct sops_err why = {0};
    const struct sops_format *format =
        sops_version_format(f->world, &f->config, NULL, f->path, sops_buf_view(&f->content));
    struct sops_style style = sops_config_style(&f->config, format);
    style.keep = SOPS_KEEP_OFF;
    v.style = &style;
    v.text = f->content;
    f->content = (struct sops_buf){0};
    bool ok = sops_version_look(&v, f->world, format, e);
    bool sealed = v.state == SOPS_VERSION_SEALED || v.state == SOPS_VERSION_BROKEN;
    bool clear = ok && v.state == SOPS_VERSION_SEALED && sops_version_open(&v, &j, NULL, true, &why) &&
                 sops_envelope_emit_clear(v.env, format, &style, &f->answer, &why);
    ok = ok && (!why.memory || sops_fail_memory(e));
    if (ok && !clear) {
        if (sealed) {
            sops_ui_note("%s: left encrypted: %s", f->path, v.state == SOPS_VERSION_BROKEN ? v.why.msg : why.msg);
        }
        sops_buf_free(&f->answer);
        f->answer = v.text;
        v.text = (struct sops_buf){0};
    }
    sops_err_clear(&why);
    sops_version_free(&v);
    sops_job_free(&j);
    return ok;
}

/* ---- clean ------------------------------------------------------------------------------------------------------ */

/* What git has of the file: in the index, else in the last commit. */
static bool fetch_old(struct filter *f, struct sops_version *old, struct sops_err *e)
{
    static const char *const where[] = {":", "HEAD:"};
    bool ok = strchr(f->path, '\n') == NULL;
    for (size_t i = 0; ok && i < 2 && old->text.len == 0; i++) {
        struct sops_buf name = {0};
        struct sops_git_object o = {0};
        struct sops_err none = {0};
        ok = sops_buf_addf(&name, e, "%s%s", where[i], f->path);
        if (ok && sops_git_read(&f->git, sops_buf_view(&name), SOPS_FILE_MAX, false, &o, &none) && o.there && o.blob &&
            !o.cut) {
            old->text = o.bytes;
            o.bytes = (struct sops_buf){0};
        }
        ok = ok && (!none.memory || sops_fail_memory(e));
        sops_err_clear(&none);
        sops_git_object_free(&o);
        sops_buf_free(&name);
    }
    return ok || e->code == SOPS_OK;
}

/* Is there a creation rule for the file? */
static bool has_rule(struct filter *f, bool *there, struct sops_err *e)
{
    struct sops_creation c = {0};
    struct sops_arena a = {0};
    struct sops_err why = {0};
    bool ok = sops_config_rules(&f->config, f->world, &a, f->path, &c, &why);
    *there = ok && c.from_rule;
    if (!ok && !c.unmatched) {
        (void)sops_fail(e, SOPS_E_GENERIC, "%s", why.msg);
    }
    sops_err_clear(&why);
    sops_arena_free(&a);
    return e->code == SOPS_OK;
}

/* Under the old version's own keys and rules. */
static bool clean_by_old(struct sops_job *j, struct sops_version *old, struct sops_err *e)
{
    if (old->text.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "no creation rule of .sops.yaml matches, and git has no older version");
    }
    if (!sops_version_open(old, j, NULL, true, e)) {
        return sops_within(e, "no creation rule of .sops.yaml matches, and the older version does not open");
    }
    if (sops_same_documents(j->env, old->env)) {
        j->bytes = old->text;
        old->text = (struct sops_buf){0};
        return true;
    }
    return sops_job_seal_in(j, old->env, e);
}

/* Under the keys of the creation rule; beside the old version where that has them, too. */
static bool clean_by_rule(struct sops_job *j, struct sops_version *old, struct sops_err *e)
{
    struct sops_err why = {0};
    enum sops_old how = SOPS_OLD_UNFIT;
    if (!sops_step_creation(j, e) || (old->text.len != 0 && !sops_job_take_old(j, old, &how, &why, e))) {
        return false;
    }
    if (how == SOPS_OLD_EQUAL) {
        j->bytes = old->text;
        old->text = (struct sops_buf){0};
        return true;
    }
    if (how == SOPS_OLD_UNFIT && old->text.len != 0) {
        sops_ui_note("%s: encrypted anew: %s", j->path, why.msg);
    }
    sops_err_clear(&why);
    return (how == SOPS_OLD_TAKEN || sops_step_new_key(j, e)) && sops_step_seal(j, e);
}

static bool encrypt_content(struct filter *f, struct sops_job *j, struct sops_err *e)
{
    struct sops_version old = {.name = f->path};
    bool rule = false;
    bool ok = (f->broken.code == SOPS_OK || sops_fail(e, SOPS_E_GENERIC, "%s", f->broken.msg)) && fetch_old(f, &old, e);
    j->in = j->out = ok ? sops_version_format(f->world, &f->config, NULL, f->path, sops_buf_view(&old.text)) : NULL;
    if (ok) {
        j->style = sops_config_style(&f->config, j->out);
        j->style.keep = SOPS_KEEP_OFF;
        old.style = &j->style;
    }
    ok = ok && sops_version_look(&old, f->world, j->out, e) && sops_buf_add(&j->raw, sops_buf_view(&f->content), e);
    if (ok && old.state != SOPS_VERSION_SEALED) {
        sops_buf_cut(&old.text, 0);
    }
    if (ok) {
        j->env = sops_envelope_new(f->world, f->path, e);
        ok = j->env != NULL && sops_envelope_style(j->env, j->in, &j->style, e);
    }
    if (ok) {
        sops_envelope_turn_into(j->env, j->out, &j->style, false);
        ok = sops_step_parse_plain(j, e) && sops_step_parts(j, e) && sops_step_not_sealed(j, e) &&
             has_rule(f, &rule, e) && (rule ? clean_by_rule(j, &old, e) : clean_by_old(j, &old, e));
    }
    if (ok) {
        f->answer = j->bytes;
        j->bytes = (struct sops_buf){0};
    }
    sops_version_free(&old);
    return ok;
}

static bool clean(struct filter *f, struct sops_err *e)
{
    struct sops_slice text = sops_buf_view(&f->content);
    struct sops_version v = {.name = f->path};
    if (text.len == 0) {
        return true;
    }
    if (sops_holds_markers(text)) {
        return sops_fail(e, SOPS_E_READ, "it holds conflict markers: `sops edit` or `sops git resolve` first");
    }
    const struct sops_format *format = sops_version_format(f->world, &f->config, NULL, f->path, text);
    bool ok =
        sops_buf_add(&v.text, text, e) && (!sops_holds_ciphertext(text) || sops_version_look(&v, f->world, format, e));
    if (ok && (v.state == SOPS_VERSION_SEALED || v.state == SOPS_VERSION_BROKEN)) {
        f->answer = v.text;
        v.text = (struct sops_buf){0};
        sops_version_free(&v);
        return true;
    }
    sops_version_free(&v);
    struct sops_job j = job_of(f);
    ok = ok && encrypt_content(f, &j, e);
    sops_job_free(&j);
    return ok;
}

/* ---- the protocol ----------------------------------------------------------------------------------------------- */

static bool send(struct filter *f, struct sops_err *e)
{
    bool ok = sops_fd_write(STDOUT_FILENO, "stdout", sops_buf_view(&f->out), e);
    sops_buf_cut(&f->out, 0);
    return ok;
}

static bool holds(const struct filter *f, const char *line)
{
    struct sops_slice rest = sops_buf_view(&f->list), piece = {0};
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &piece)) {
        if (sops_slice_eq(piece, sops_str(line))) {
            return true;
        }
    }
    return false;
}

static bool greet(struct filter *f, struct sops_err *e)
{
    bool end = false;
    struct sops_err why = {0};
    bool known = read_list(f, &end, &why) && holds(f, "git-filter-client") && holds(f, "version=2");
    sops_err_clear(&why);
    if (!known) {
        sops_fail(e, SOPS_E_READ, "git starts this, and speaks first: version 2 of its filter protocol");
        return sops_hint(e, "sops git install --filter");
    }
    return sops_pkt_add(&f->out, SOPS_LIT("git-filter-server\n"), e) &&
           sops_pkt_add(&f->out, SOPS_LIT("version=2\n"), e) && sops_pkt_flush(&f->out, e) && send(f, e) &&
           read_list(f, &end, e) && sops_pkt_add(&f->out, SOPS_LIT("capability=clean\n"), e) &&
           sops_pkt_add(&f->out, SOPS_LIT("capability=smudge\n"), e) && sops_pkt_flush(&f->out, e) && send(f, e);
}

/* One request; a failure of it is told, and the next one is served. */
static bool serve(struct filter *f, struct sops_err *e)
{
    struct sops_err why = {0};
    bool is_clean = strcmp(f->command, "clean") == 0;
    sops_buf_free(&f->answer);
    bool done = is_clean || strcmp(f->command, "smudge") == 0
                    ? (is_clean ? clean(f, &why) : smudge(f, &why))
                    : sops_fail(&why, SOPS_E_READ, "git wants what is unknown");
    bool ok;
    if (done) {
        ok = sops_pkt_add(&f->out, SOPS_LIT("status=success\n"), e) && sops_pkt_flush(&f->out, e) &&
             sops_pkt_add(&f->out, sops_buf_view(&f->answer), e) && sops_pkt_flush(&f->out, e) &&
             sops_pkt_flush(&f->out, e);
    } else {
        (void)sops_within(&why, "%s", f->path);
        sops_ui_error(f->world, &why);
        ok = sops_pkt_add(&f->out, SOPS_LIT("status=error\n"), e) && sops_pkt_flush(&f->out, e);
    }
    sops_err_clear(&why);
    return ok && send(f, e);
}

static bool serve_all(struct filter *f, struct sops_err *e)
{
    for (;;) {
        bool end = false;
        sops_arena_free(&f->names);
        if (!read_list(f, &end, e)) {
            return false;
        }
        if (end) {
            return true;
        }
        f->command = line_of(f, "command", e);
        f->path = line_of(f, "pathname", e);
        if (f->command == NULL || f->path == NULL) {
            return sops_fail(e, SOPS_E_READ, "git's request names no command or no path");
        }
        if (!read_content(f, e) || !serve(f, e)) {
            return false;
        }
    }
}

static bool run_filter(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job j = {.world = w, .opt = o};
    struct filter f = {.world = w, .o = o, .in = {.read = read_stdin}, .git = {.world = w}};
    bool ok = greet(&f, e) && sops_step_order(&j, e) && sops_job_services(&j, e);
    f.services = j.services;
    f.order = j.order;
    if (ok && !sops_config_load(&f.config, w, NULL, &f.broken)) {
        sops_ui_warn("%s: nothing can be encrypted", f.broken.msg);
        sops_config_free(&f.config);
    }
    ok = ok && serve_all(&f, e);
    sops_config_free(&f.config);
    sops_err_clear(&f.broken);
    sops_git_close(&f.git);
    sops_buf_free(&f.list);
    sops_buf_free(&f.content);
    sops_buf_free(&f.answer);
    sops_buf_free(&f.out);
    sops_arena_free(&f.names);
    sops_job_free(&j);
    return ok;
}

static const struct sops_opt_table *const tables[] = {&sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_git_filter = {
    .name = "filter-process",
    .summary = "encrypt what goes into git, decrypt what comes out (git calls this)",
    .args = "",
    .about = "The part `filter` of `sops git install` has git start it. The work tree then holds clear\n"
             "text, and what git archive writes, too.\n",
    .example = "git config filter.sops.process 'sops git filter-process'",
    .tables = tables,
    .ours = true,
    .finds = true,
    .words = true,
    .run = run_filter,
};
