/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each file, for people and for programs (docs/spec/75-many-files.md#what-is-printed). */
#include "cli/run.h"

#include "base/json.h"
#include "base/table.h"
#include "cli/ui.h"

#define NAMES_SHOWN 10

bool sops_run_summary(const struct sops_run *r, struct sops_buf *out, struct sops_err *e)
{
    static const enum sops_run_outcome order[] = {SOPS_RUN_CHANGED, SOPS_RUN_UNCHANGED, SOPS_RUN_DECLINED,
                                                  SOPS_RUN_FAILED, SOPS_RUN_NOT_DONE};
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < sizeof order / sizeof order[0]; i++) {
        size_t count = sops_run_count(r, order[i]);
        if (r->words[order[i]] != NULL && (count != 0 || order[i] != SOPS_RUN_NOT_DONE)) {
            ok = sops_buf_addf(out, e, "%s%zu %s", first ? "" : ", ", count, r->words[order[i]]);
            first = false;
        }
    }
    return ok && (r->ended == NULL || !atomic_load(&r->stop) || sops_buf_adds(out, r->ended, e)) &&
           sops_buf_addc(out, '\n', e);
}

void sops_run_tell(const struct sops_run *r)
{
    struct sops_buf line = {0};
    struct sops_err ignored = {0};
    if (sops_run_summary(r, &line, &ignored)) {
        sops_ui_lines(sops_buf_view(&line));
    }
    sops_buf_free(&line);
    sops_err_clear(&ignored);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* The errors with one text. */
struct same {
    struct sops_buf text; /* as printed, with the first one's name */
    const char **name;    /* of the others, as many as are shown */
    size_t more;
    struct same *next;
};

/* `text` with a mark wherever the file's own name stands. */
static bool without_name(struct sops_slice text, struct sops_slice name, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '.', e);
    while (ok && text.len != 0) {
        const uint8_t *at = name.len != 0 ? memmem(text.ptr, text.len, name.ptr, name.len) : NULL;
        size_t before = at != NULL ? (size_t)(at - text.ptr) : text.len;
        ok = sops_buf_add(out, sops_slice_first(text, before), e) && (at == NULL || sops_buf_addc(out, 1, e));
        text = sops_slice_skip(text, before + (at != NULL ? name.len : 0));
    }
    return ok;
}

static bool add_name(struct sops_run *r, struct same *s, const char *name, struct sops_err *e)
{
    if (s->name == NULL) {
        s->name = sops_arena_alloc(&r->arena, NAMES_SHOWN * sizeof *s->name, e);
    }
    if (s->name != NULL && s->more < NAMES_SHOWN) {
        s->name[s->more] = name;
    }
    s->more++;
    return s->name != NULL;
}

static bool add_error(struct sops_run *r, const struct sops_run_file *f, struct sops_table *seen, struct same ***end,
                      struct sops_err *e)
{
    struct sops_buf text = {0}, key = {0};
    struct sops_slice copy;
    bool is_new = false;
    struct sops_err named = {0}, *why = f->why;
    if (strstr(why->msg, f->name) == NULL) { /* a message that does not say which file it is about */
        named = *why;
        (void)sops_within(&named, "'%s'", f->name);
        why = &named;
    }
    bool ok = sops_ui_error_text(r->world, why, &text, e) &&
              without_name(sops_buf_view(&text), sops_str(f->name), &key, e) &&
              sops_buf_addf(&key, e, "%d", why->code) && sops_arena_copy(&r->arena, sops_buf_view(&key), &copy, e);
    void **place = ok ? sops_table_put(seen, copy, &is_new, e) : NULL;
    ok = place != NULL;
    if (ok && is_new) {
        struct same *s = sops_arena_alloc(&r->arena, sizeof *s, e);
        ok = s != NULL;
        if (ok) {
            s->text = text;
            text = (struct sops_buf){0};
            *place = s;
            **end = s;
            *end = &s->next;
        }
    } else if (ok) {
        ok = add_name(r, *place, f->name, e);
    }
    sops_buf_free(&key);
    sops_buf_free(&text);
    return ok;
}

bool sops_run_errors(struct sops_run *r, struct sops_buf *out, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct same *first = NULL, **end = &first;
    bool ok = true;
    for (size_t i = 0; ok && i < r->count; i++) {
        if (r->file[i]->outcome == SOPS_RUN_FAILED && r->file[i]->why != NULL) {
            ok = add_error(r, r->file[i], &seen, &end, e);
        }
    }
    for (struct same *s = first; s != NULL; s = s->next) {
        ok = ok && sops_buf_add(out, sops_buf_view(&s->text), e) &&
             (s->more == 0 || sops_buf_addf(out, e, "The same for %zu more:\n", s->more));
        for (size_t i = 0; ok && i < s->more && i < NAMES_SHOWN; i++) {
            ok = sops_buf_adds(out, "  ", e) && sops_ui_safe(out, sops_str(s->name[i]), e) &&
                 sops_buf_addc(out, '\n', e);
        }
        ok = ok && (s->more <= NAMES_SHOWN || sops_buf_addf(out, e, "  … and %zu more\n", s->more - NAMES_SHOWN));
        sops_buf_free(&s->text);
    }
    sops_table_free(&seen);
    return ok;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static bool add_why(struct sops_run *r, const struct sops_err *why, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_ui_error_text(r->world, why, &text, e);
    struct sops_slice all = sops_buf_view(&text);
    ok = ok && sops_json_add_int(out, "status", why->code, e) &&
         sops_json_add(out, "error", sops_slice_first(all, sops_slice_find(all, '\n')), e);
    sops_buf_free(&text);
    return ok;
}

static bool add_line(struct sops_run *r, const struct sops_run_file *f, bool dry, sops_run_add_fn *add,
                     struct sops_buf *out, struct sops_err *e)
{
    static const char *const words[] = {"not_done", "changed", "unchanged", "unchanged", "failed"};
    const char *reason = f->outcome == SOPS_RUN_UNCHANGED  ? f->reason
                         : f->outcome == SOPS_RUN_DECLINED ? "declined"
                                                           : NULL;
    bool would = dry && f->outcome == SOPS_RUN_CHANGED, failed = f->outcome == SOPS_RUN_FAILED;
    return sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
           sops_json_add(out, "file", sops_str(f->name), e) &&
           sops_json_add(out, "action", sops_str(r->opt->command), e) &&
           sops_json_add(out, "result", sops_str(would ? "would_change" : words[f->outcome]), e) &&
           (reason == NULL || sops_json_add(out, "reason", sops_str(reason), e)) &&
           (failed ? f->why == NULL || add_why(r, f->why, out, e) : add == NULL || add(r->ctx, f, out, e)) &&
           sops_buf_adds(out, "}\n", e);
}

bool sops_run_json(struct sops_run *r, bool dry, sops_run_add_fn *add, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < r->count; i++) {
        ok = add_line(r, r->file[i], dry, add, &out, e);
    }
    ok = ok &&
         sops_buf_addf(&out, e,
                       "{\"schema\":1,\"summary\":{\"files\":%zu,\"changed\":%zu,\"unchanged\":%zu,\"failed\":%zu,"
                       "\"not_done\":%zu}}\n",
                       r->count, sops_run_count(r, SOPS_RUN_CHANGED),
                       sops_run_count(r, SOPS_RUN_UNCHANGED) + sops_run_count(r, SOPS_RUN_DECLINED),
                       sops_run_count(r, SOPS_RUN_FAILED), sops_run_count(r, SOPS_RUN_NOT_DONE)) &&
         sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}
