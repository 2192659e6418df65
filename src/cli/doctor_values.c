/* SPDX-License-Identifier: Apache-2.0 */
/* Values that do not open, and why a MAC is wrong: causes are tried in an order, and the first that fits is told. */
#include "cli/doctor.h"

#include "base/file.h"

/* ---- values
 * ------------------------------------------------------------------------------------------------------------ */

struct faults {
    struct doctor *d;
    struct sops_pather pather;
    struct sops_liner liner;
    struct sops_err *e;
    size_t count;
};

static void on_fault(void *ctx, const struct sops_node *leaf, const char *why)
{
    struct faults *f = ctx;
    struct doctor *d = f->d;
    struct sops_buf path = {0};
    f->count++;
    bool ok = f->e->code == SOPS_OK && sops_pather_add(&f->pather, leaf, &path, f->e);
    const char *what = ok ? sops_arena_text(&d->arena, f->e, "%.*s", SOPS_ARG(sops_buf_view(&path))) : NULL;
    const char *error = what != NULL ? doctor_copy(d, why, f->e) : NULL;
    struct doctor_check *c = error != NULL ? doctor_add(d, "leaf", DOCTOR_FAIL, what, f->e) : NULL;
    if (c != NULL) {
        c->where = sops_arena_text(&d->arena, f->e, "line %u", sops_liner_of(&f->liner, leaf));
        c->error = error;
        c->next_step = "put back what stood there (git log -p), or write the value with sops set";
        d->status = d->status == 0 ? SOPS_E_DECRYPT : d->status;
    }
    sops_buf_free(&path);
}

static size_t count_values(const struct sops_doc *doc)
{
    size_t n = 0;
    for (struct sops_node *part = doc->parts; part != NULL; part = part->next) {
        for (const struct sops_node *x = part; x != NULL; x = sops_node_after(part, (struct sops_node *)(uintptr_t)x)) {
            n += sops_node_is_leaf(x) && x->kind != SOPS_COMMENT;
        }
    }
    return n;
}

/* ---- why the MAC is wrong
 * ------------------------------------------------------------------------------------------------ */

/* Is it right with `mac_only_encrypted` the other way? */
static bool fits_switched(struct doctor *d, bool *fits, struct sops_err *e)
{
    struct sops_err why = {0};
    struct sops_envelope *v = sops_envelope_new(&d->quiet, d->file, e);
    *fits = false;
    if (v == NULL) {
        return false;
    }
    if (sops_envelope_parse(v, d->format, sops_buf_view(&d->text), &why)) {
        struct sops_meta *m = sops_envelope_meta(v);
        m->rules.mac_only_encrypted = !m->rules.mac_only_encrypted;
        *fits = sops_envelope_take_key(v, sops_envelope_key(d->env), &why) && sops_envelope_open(v, &why) &&
                sops_envelope_verify(v, &why);
    }
    bool memory = why.memory;
    sops_err_clear(&why);
    sops_envelope_free(v);
    return !memory || sops_fail_memory(e);
}

/* The path from the top of git's work tree; NULL: it is in none. */
static const char *tree_path(struct doctor *d, struct sops_git *g, struct sops_err *e)
{
    struct check_run r = {.job = d->job, .git = *g};
    struct sops_buf absolute = {0};
    const char *path = NULL;
    bool ok = sops_buf_add(&r.configs.here, sops_buf_view(&d->configs.here), e) && check_look(&r, false, e) &&
              sops_path_absolute(d->file, &absolute, e);
    const char *found = ok ? check_tree_path(&r, sops_buf_view(&absolute)) : NULL;
    path = found != NULL ? doctor_copy(d, found, e) : NULL;
    sops_buf_free(&absolute);
    sops_buf_free(&r.configs.here);
    sops_buf_free(&r.top);
    *g = r.git;
    return path;
}

/* What differs from the version that sops wrote, when git has it: `*told` then. */
static bool tell_difference(struct doctor *d, struct sops_checked *now, bool *told, struct sops_err *e)
{
    struct sops_git g = {.world = d->job->world};
    struct sops_revision here = {0}, oldest = {0};
    struct sops_revision_change change = {0};
    char commit[SOPS_GIT_ID] = "";
    struct check_starts start;
    bool good = false;
    const char *path = tree_path(d, &g, e);
    bool ok = e->code == SOPS_OK;
    *told = false;
    if (ok && path != NULL) {
        ok = sops_revision_take(&here, now, &good, e) && check_history_starts(&g, &start, e) &&
             (!good || start.count == 0 ||
              check_history_oldest(&g, &start, path, here.meta->mac, d->format, commit, &oldest, e));
    }
    if (ok && commit[0] != '\0' && !sops_revision_agrees(&oldest, &here)) {
        ok = sops_revision_compare_texts(&oldest, &here, d->secrets, &change, e);
        const char *error =
            ok ? sops_arena_text(&d->arena, e, "since commit %.12s, in which sops wrote it, a hand: %.*s", commit,
                                 SOPS_ARG(sops_buf_view(&change.text)))
               : NULL;
        const char *more = change.clear_only && change.entry == NULL
                               ? "; only clear values differ: mac_only_encrypted: true in the creation rule lets other "
                                 "tools change them"
                               : "";
        const char *next = error != NULL ? sops_arena_text(&d->arena, e,
                                                           "git checkout %.12s -- %s, or, when the change was meant, "
                                                           "sops edit --ignore-mac %s%s",
                                                           commit, d->word, d->word, more)
                                         : NULL;
        ok = next != NULL && doctor_fail(d, "mac", "wrong", error, next, SOPS_E_MAC, e);
        *told = true;
    }
    sops_revision_change_free(&change);
    sops_revision_free(&here);
    sops_revision_free(&oldest);
    sops_git_close(&g);
    return ok;
}

static bool tell_cause(struct doctor *d, struct sops_err *e)
{
    bool switched = false, told = false;
    if (!fits_switched(d, &switched, e)) {
        return false;
    }
    if (switched) {
        const char *next = sops_arena_text(&d->arena, e, "put mac_only_encrypted of %s back to what it was", d->word);
        return next != NULL && doctor_fail(d, "mac", "wrong",
                                           "mac_only_encrypted was switched in the file: with the other value the MAC "
                                           "is right",
                                           next, SOPS_E_MAC, e);
    }
    struct sops_checked now = {0};
    struct sops_subject s = {.name = d->file,
                             .text = sops_buf_view(&d->text),
                             .judge = &d->configs.none,
                             .secrets = d->secrets,
                             .command = "sops",
                             .now = d->job->world->now(d->job->world)};
    bool ok = sops_arena_copy(&d->arena, sops_str(d->file), &s.absolute, e) && sops_check_file(&s, &now, e) &&
              (!now.readable || !now.marked || tell_difference(d, &now, &told, e));
    sops_checked_free(&now);
    if (ok && !told) {
        const char *next = sops_arena_text(&d->arena, e,
                                           "sops edit --ignore-mac %s, when the change was meant; else an "
                                           "older version of the file",
                                           d->word);
        ok = next != NULL &&
             doctor_fail(d, "mac", "wrong", "a value was added, removed or changed without sops", next, SOPS_E_MAC, e);
    }
    return ok;
}

/* ---- both
 * --------------------------------------------------------------------------------------------------------------- */

static bool check_mac(struct doctor *d, struct sops_err *e)
{
    struct sops_err why = {0};
    bool good = sops_envelope_verify(d->env, &why), ok = !why.memory || sops_fail_memory(e);
    sops_err_clear(&why);
    return ok && (good ? doctor_add(d, "mac", DOCTOR_OK, "right", e) != NULL : tell_cause(d, e));
}

bool doctor_values(struct doctor *d, bool have, struct sops_err *e)
{
    struct sops_world *w = d->job->world;
    struct faults f = {.d = d, .pather = {.secrets = d->secrets}, .liner = {.text = sops_buf_view(&d->text)}, .e = e};
    struct sops_err why = {0};
    if (!have) {
        return doctor_add(d, "leaf", DOCTOR_NOT_TRIED, "values", e) != NULL &&
               doctor_add(d, "mac", DOCTOR_NOT_TRIED, "not compared", e) != NULL;
    }
    if (w->audit != NULL && !w->audit(w, "decrypt", d->file, e)) {
        return false;
    }
    bool opened = sops_envelope_open_each(d->env, on_fault, &f, &why);
    bool ok = e->code == SOPS_OK && (!why.memory || sops_fail_memory(e));
    if (ok && !opened) {
        const char *error = doctor_copy(d, why.msg, e);
        ok = error != NULL &&
             doctor_fail(d, "leaf", "values", error, "look for an older version of the file: git log", why.code, e);
    } else if (ok && f.count == 0) {
        size_t n = count_values(sops_envelope_look(d->env));
        const char *what = sops_arena_text(&d->arena, e, "%zu value%s", n, n == 1 ? "" : "s");
        ok = what != NULL && doctor_add(d, "leaf", DOCTOR_OK, what, e) != NULL;
    }
    sops_err_clear(&why);
    if (ok && (f.count != 0 || !opened)) {
        return doctor_add(d, "mac", DOCTOR_NOT_TRIED, "not compared: values do not open", e) != NULL;
    }
    return ok && check_mac(d, e);
}
