/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each file, in order: on stderr for people, with equal errors once; as JSON Lines for programs
 * (docs/spec/75-many-files.md#what-is-printed). */
#include "cli/many.h"

#include "base/json.h"
#include "cli/groups_diff.h"
#include "cli/ui.h"

#define NAMES_SHOWN 10

void sops_many_count(const struct sops_many *m, size_t count[4])
{
    memset(count, 0, 4 * sizeof *count);
    for (size_t i = 0; i < m->count; i++) {
        count[m->file[i].state]++;
    }
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

static bool add_name(struct sops_many *m, struct same *s, const char *name, struct sops_err *e)
{
    if (s->name == NULL) {
        s->name = sops_arena_alloc(&m->arena, NAMES_SHOWN * sizeof *s->name, e);
    }
    if (s->name != NULL && s->more < NAMES_SHOWN) {
        s->name[s->more] = name;
    }
    s->more++;
    return s->name != NULL;
}

static bool add_error(struct sops_many *m, const struct sops_many_file *f, struct sops_table *seen, struct same ***end,
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
    bool ok = sops_ui_error_text(m->world, why, &text, e) &&
              without_name(sops_buf_view(&text), sops_str(f->name), &key, e) &&
              sops_buf_addf(&key, e, "%d", why->code) && sops_arena_copy(&m->arena, sops_buf_view(&key), &copy, e);
    void **place = ok ? sops_table_put(seen, copy, &is_new, e) : NULL;
    ok = place != NULL;
    if (ok && is_new) {
        struct same *s = sops_arena_alloc(&m->arena, sizeof *s, e);
        ok = s != NULL;
        if (ok) {
            s->text = text;
            text = (struct sops_buf){0};
            *place = s;
            **end = s;
            *end = &s->next;
        }
    } else if (ok) {
        ok = add_name(m, *place, f->name, e);
    }
    sops_buf_free(&key);
    sops_buf_free(&text);
    return ok;
}

static bool print_errors(struct sops_many *m, struct sops_buf *out, struct sops_err *e)
{
    struct sops_table seen = {0};
    struct same *first = NULL, **end = &first;
    bool ok = true;
    for (size_t i = 0; ok && i < m->count; i++) {
        if (m->file[i].state == SOPS_MANY_FAILED && m->file[i].why != NULL) {
            ok = add_error(m, &m->file[i], &seen, &end, e);
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

/* The groups as they come, each told when the next one begins. */
struct groups {
    struct sops_buf *out;
    struct sops_buf added, removed;
    size_t number;
};

/* The group at hand; one without a difference is left out. */
static bool end_group(struct groups *g, struct sops_err *e)
{
    bool ok = true;
    if (g->added.len > 1 || g->removed.len > 1) {
        ok = sops_buf_addc(&g->added, ']', e) && sops_buf_addc(&g->removed, ']', e) &&
             sops_json_begin(g->out, NULL, '{', e) && sops_json_add_int(g->out, "group", (int64_t)g->number, e) &&
             sops_json_add_value(g->out, "added", sops_buf_view(&g->added), e) &&
             sops_json_add_value(g->out, "removed", sops_buf_view(&g->removed), e) && sops_buf_addc(g->out, '}', e);
    }
    sops_buf_cut(&g->added, 0);
    sops_buf_cut(&g->removed, 0);
    return ok;
}

static bool begin_group(void *ctx, size_t number, struct sops_err *e)
{
    struct groups *g = ctx;
    bool ok = end_group(g, e);
    g->number = number;
    return ok && sops_buf_addc(&g->added, '[', e) && sops_buf_addc(&g->removed, '[', e);
}

static bool add_key(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e)
{
    struct groups *g = ctx;
    struct sops_buf text = {0};
    bool ok = fate == SOPS_KEY_STAYS ||
              (sops_key_show(k, &text, e) &&
               sops_json_add(fate == SOPS_KEY_COMES ? &g->added : &g->removed, NULL, sops_buf_view(&text), e));
    sops_buf_free(&text);
    return ok;
}

/* What updatekeys changes in the file. */
static bool add_change(struct sops_buf *out, const struct sops_many_file *f, struct sops_err *e)
{
    struct sops_buf groups = {0};
    struct groups g = {.out = &groups};
    const struct sops_groups_visitor v = {begin_group, add_key, &g};
    bool ok = sops_buf_addc(&groups, '[', e) && sops_groups_compare(f->meta->groups, f->update.rule.groups, &v, e) &&
              end_group(&g, e) && sops_buf_addc(&groups, ']', e) &&
              (groups.len == 2 || sops_json_add_value(out, "groups", sops_buf_view(&groups), e));
    if (ok && f->update.threshold != f->meta->threshold) {
        ok = sops_json_begin(out, "threshold", '{', e) && sops_json_add_int(out, "old", f->meta->threshold, e) &&
             sops_json_add_int(out, "new", f->update.threshold, e) && sops_buf_addc(out, '}', e);
    }
    sops_buf_free(&groups);
    sops_buf_free(&g.added);
    sops_buf_free(&g.removed);
    return ok && (!f->update.new_key || sops_json_add_value(out, "new_data_key", SOPS_LIT("true"), e));
}

static bool add_why(struct sops_many *m, struct sops_buf *out, const struct sops_err *why, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_ui_error_text(m->world, why, &text, e);
    struct sops_slice all = sops_buf_view(&text);
    ok = ok && sops_json_add_int(out, "status", why->code, e) &&
         sops_json_add(out, "error", sops_slice_first(all, sops_slice_find(all, '\n')), e);
    sops_buf_free(&text);
    return ok;
}

static const char *result_of(const struct sops_many_file *f, bool dry)
{
    static const char *const words[] = {"not_done", "changed", "unchanged", "failed"};
    return dry && f->state == SOPS_MANY_PLANNED ? "would_change" : words[f->state];
}

static bool add_line(struct sops_many *m, struct sops_buf *out, const struct sops_many_file *f, bool dry,
                     struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
              sops_json_add(out, "file", sops_str(f->name), e) &&
              sops_json_add(out, "action", sops_str(m->opt->command), e) &&
              sops_json_add(out, "result", sops_str(result_of(f, dry)), e);
    bool failed = f->state == SOPS_MANY_FAILED;
    ok = ok &&
         (f->state != SOPS_MANY_UNCHANGED || f->reason == NULL ||
          sops_json_add(out, "reason", sops_str(f->reason), e)) &&
         (f->format == NULL || failed || sops_json_add(out, "format", sops_str(f->format->name), e)) &&
         (f->target == NULL || failed || sops_json_add(out, "output", sops_str(f->target), e));
    if (ok && m->action->needs_config && f->meta != NULL && !failed && f->update.differ) {
        ok = add_change(out, f, e);
    }
    return ok && (!failed || f->why == NULL || add_why(m, out, f->why, e)) && sops_buf_adds(out, "}\n", e);
}

static bool print_json(struct sops_many *m, bool dry, struct sops_err *e)
{
    struct sops_buf out = {0};
    size_t count[4];
    bool ok = true;
    sops_many_count(m, count);
    for (size_t i = 0; ok && i < m->count; i++) {
        ok = add_line(m, &out, &m->file[i], dry, e);
    }
    size_t changed = dry ? count[SOPS_MANY_PLANNED] : count[SOPS_MANY_CHANGED];
    ok = ok &&
         sops_buf_addf(&out, e,
                       "{\"schema\":1,\"summary\":{\"files\":%zu,\"changed\":%zu,\"unchanged\":%zu,\"failed\":%zu,"
                       "\"not_done\":%zu}}\n",
                       m->count, changed, count[SOPS_MANY_UNCHANGED], count[SOPS_MANY_FAILED],
                       dry ? 0 : count[SOPS_MANY_PLANNED]) &&
         sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Why nothing was found. */
static bool note_nothing(const struct sops_many *m, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out,
                            m->action->required ? "no creation rule requires a file to be encrypted in"
                                                : "no encrypted file was found in",
                            e);
    for (const char *const *path = m->opt->args; ok && *path != NULL; path++) {
        ok = sops_buf_adds(out, " '", e) && sops_ui_safe(out, sops_str(*path), e) && sops_buf_addc(out, '\'', e);
    }
    return ok &&
           sops_buf_adds(
               out, m->action->required ? "; --include REGEX says which files a general rule is meant for\n" : "\n", e);
}

/* Those who went, when data keys were renewed: history holds what they can open. */
static bool note_gone(const struct sops_many *m, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf names = {0};
    bool ok = true;
    for (const struct sops_many_change *c = m->change; ok && c != NULL; c = c->next) {
        bool done = false;
        for (size_t i = 0; i < c->count; i++) {
            done = done || c->file[i]->state == SOPS_MANY_CHANGED;
        }
        struct sops_slice gone = sops_buf_view(&c->update->gone);
        if (done && c->update->new_key && gone.len != 0 &&
            (names.len < gone.len || memmem(names.ptr, names.len, gone.ptr, gone.len) == NULL)) {
            ok = (names.len == 0 || sops_buf_adds(&names, ", ", e)) && sops_buf_add(&names, gone, e);
        }
    }
    ok = ok && (names.len == 0 ||
                (sops_buf_adds(out, "who went (", e) && sops_ui_safe(out, sops_buf_view(&names), e) &&
                 sops_buf_adds(out, ") can still open what git's history holds: change the secrets themselves\n", e)));
    sops_buf_free(&names);
    return ok;
}

static bool print_lines(struct sops_many *m, bool dry, struct sops_err *e)
{
    struct sops_buf out = {0};
    size_t count[4];
    bool ok = m->count != 0 || note_nothing(m, &out, e);
    sops_many_count(m, count);
    for (size_t i = 0; ok && !dry && i < m->count; i++) {
        if (m->file[i].state == SOPS_MANY_CHANGED) {
            ok = sops_ui_safe(&out, sops_str(m->file[i].name), e) && sops_buf_addf(&out, e, ": %s\n", m->action->done);
        }
    }
    ok = ok && print_errors(m, &out, e) && note_gone(m, &out, e) &&
         sops_buf_addf(&out, e, "%zu %s, %zu unchanged, %zu failed",
                       dry ? count[SOPS_MANY_PLANNED] : count[SOPS_MANY_CHANGED], dry ? "would change" : "changed",
                       count[SOPS_MANY_UNCHANGED], count[SOPS_MANY_FAILED]) &&
         (dry || count[SOPS_MANY_PLANNED] == 0 || sops_buf_addf(&out, e, ", %zu not done", count[SOPS_MANY_PLANNED])) &&
         sops_buf_addc(&out, '\n', e);
    if (ok) {
        sops_ui_lines(sops_buf_view(&out));
    }
    sops_buf_free(&out);
    return ok;
}

bool sops_many_report(struct sops_many *m, struct sops_err *e)
{
    return print_lines(m, false, e) && (!m->opt->shared.many.json || print_json(m, false, e));
}

/* The plan, a line a file; updatekeys shows its changes instead. */
static bool print_plan(struct sops_many *m, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < m->count; i++) {
        const struct sops_many_file *f = &m->file[i];
        if (f->state == SOPS_MANY_PLANNED) {
            ok =
                sops_buf_addf(&out, e, "would %s ", m->action->would) && sops_ui_safe(&out, sops_str(f->name), e) &&
                (f->target == NULL || (sops_buf_adds(&out, " -> ", e) && sops_ui_safe(&out, sops_str(f->target), e))) &&
                sops_buf_addc(&out, '\n', e);
        }
    }
    ok = ok && sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

bool sops_many_report_dry(struct sops_many *m, struct sops_err *e)
{
    bool json = m->opt->shared.many.json;
    bool ok = m->action->needs_config ? sops_many_show_changes(m, true, e) : json || print_plan(m, e);
    return ok && print_lines(m, true, e) && (!json || print_json(m, true, e));
}
