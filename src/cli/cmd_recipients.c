/* SPDX-License-Identifier: Apache-2.0 */
/* recipients: who can open each file, from its metadata alone; nothing is unwrapped, asked or fetched
 * (docs/spec/71-check.md#recipients). */
#include "cli/check.h"
#include "cli/command.h"
#include "cli/own_keys.h"
#include "cli/ui.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "base/thread.h"

#include <stdlib.h>
#include <sys/stat.h>

#define ROTATE_DAYS 180 /* after which a new data key is advised (docs/spec/71-check.md#recipients) */

struct recipients_options {
    bool by_recipient, json;
    const char *const *include, *const *exclude;
    struct sops_opt_number jobs;
};

/* A recipient, and the files that it opens. */
struct reader {
    struct sops_slice type, id;
    const char *name;
    enum own_answer mine;
    const char **file;
    size_t files, room;
};

struct listing {
    struct sops_job *job;
    const struct recipients_options *own;
    struct sops_configs configs;
    struct own_keys keys;
    struct sops_table table; /* of readers, by type and id */
    struct reader **reader;
    size_t readers, room;
    size_t failed;
    const struct sops_selection *selection;
    struct sops_judge **judge; /* of each file */
    size_t threads;
    pthread_mutex_t large;   /* one large file at a time */
    struct sops_err failure; /* of the run: nothing is listed after it */
    atomic_bool stop;        /* … and nothing is read */
    struct sops_buf out;
    struct sops_arena arena;
};

/* ---- one file -------------------------------------------------------------------------------------------------------
 */

/* A key as it is shown. */
struct shown {
    struct sops_slice id;
    const char *name;
    enum own_answer mine;
    const struct sops_place *place;
    const struct sops_own *own;
};

static bool show_key(struct listing *l, struct sops_names *names, const struct sops_key *k, struct shown *s,
                     struct sops_err *e)
{
    struct sops_buf id = {0};
    *s = (struct shown){.mine = OWN_UNKNOWN};
    s->name = sops_names_get(names, k, &l->arena, e);
    bool ok = e->code == SOPS_OK && sops_key_show(k, &id, e) &&
              sops_arena_copy(&l->arena, sops_buf_view(&id), &s->id, e) &&
              own_keys_ask(&l->keys, k, &s->mine, &s->place, &s->own, e);
    if (ok && s->name == NULL && s->own != NULL && s->own->name.len != 0) {
        s->name = sops_arena_text(&l->arena, e, "%.*s", SOPS_ARG(s->own->name));
        ok = s->name != NULL;
    }
    sops_buf_free(&id);
    return ok;
}

static bool add_or_null(struct sops_buf *o, const char *name, struct sops_slice text, bool there, struct sops_err *e)
{
    return there ? sops_json_add(o, name, text, e) : sops_json_add_value(o, name, SOPS_LIT("null"), e);
}

static struct sops_slice mine_word(enum own_answer mine)
{
    return mine == OWN_YES ? SOPS_LIT("true") : mine == OWN_NO ? SOPS_LIT("false") : SOPS_LIT("null");
}

static bool add_json_key(struct sops_buf *o, const struct sops_key *k, const struct shown *s, struct sops_err *e)
{
    return sops_json_begin(o, NULL, '{', e) && sops_json_add(o, "type", sops_str(k->source->id), e) &&
           sops_json_add(o, "id", s->id, e) && add_or_null(o, "name", sops_str(s->name), s->name != NULL, e) &&
           sops_json_add_value(o, "mine", mine_word(s->mine), e) &&
           add_or_null(o, "created_at", k->created_at, (k->source->flags & SOPS_SRC_DATED) != 0, e) &&
           sops_buf_addc(o, '}', e);
}

static bool add_json_file(struct listing *l, const char *name, const struct sops_meta *m, const struct sops_format *f,
                          struct sops_names *names, struct sops_err *e)
{
    struct sops_buf *o = &l->out;
    enum sops_rule which = sops_rules_which(&m->rules);
    bool ok = sops_buf_adds(o, "{\"schema\":1", e) && sops_json_add(o, "file", sops_str(name), e) &&
              sops_json_begin(o, "groups", '[', e);
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next) {
        ok = sops_json_begin(o, NULL, '{', e) && sops_json_begin(o, "keys", '[', e);
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            struct shown s;
            ok = show_key(l, names, k, &s, e) && add_json_key(o, k, &s, e);
        }
        ok = ok && sops_buf_adds(o, "]}", e);
    }
    ok = ok && sops_buf_addc(o, ']', e) && sops_json_add_int(o, "threshold", m->threshold, e);
    if (ok && ((f->flags & SOPS_FMT_WHOLE) != 0 || which == SOPS_RULES)) {
        ok = sops_json_add_value(o, "crypt_rule", SOPS_LIT("null"), e);
    } else if (ok) {
        ok = sops_json_begin(o, "crypt_rule", '{', e) &&
             sops_json_add(o, "name", sops_str(sops_rule_names[which]), e) &&
             sops_json_add(o, "value", m->rules.text[which], e) && sops_buf_addc(o, '}', e);
    }
    return ok &&
           sops_json_add_value(o, "mac_only_encrypted",
                               m->rules.mac_only_encrypted ? SOPS_LIT("true") : SOPS_LIT("false"), e) &&
           sops_json_add(o, "lastmodified", m->last_modified, e) && sops_json_add(o, "version", m->version, e) &&
           sops_buf_adds(o, "}\n", e);
}

/* How many days ago; -1: no date. */
static int64_t age_of(const struct listing *l, struct sops_slice date)
{
    struct sops_time t;
    return sops_time_parse(date, &t) ? (l->job->world->now(l->job->world) - t.seconds) / 86400 : -1;
}

static bool add_human_key(struct listing *l, const struct sops_key *k, const struct shown *s, struct sops_err *e)
{
    struct sops_buf *o = &l->out;
    int64_t days = (k->source->flags & SOPS_SRC_DATED) != 0 ? age_of(l, k->created_at) : -1;
    bool ok = sops_buf_addf(o, e, "    %s  %.*s", k->source->id, SOPS_ARG(s->id)) &&
              (s->name == NULL || sops_buf_addf(o, e, "  %s", s->name));
    if (ok && s->mine == OWN_YES) {
        const char *where = s->place->path != NULL ? s->place->path : s->place->name;
        ok = sops_buf_addf(o, e, "  mine (%s", where) &&
             (s->own->line == 0 || sops_buf_addf(o, e, ":%u", s->own->line)) && sops_buf_addc(o, ')', e);
    }
    if (ok && days >= 0) {
        ok = sops_buf_addf(o, e, "  added %.*s, %lld days ago", SOPS_ARG(sops_slice_first(k->created_at, 10)),
                           (long long)days) &&
             (days <= ROTATE_DAYS || sops_buf_addf(o, e, ": rotation is advised after %d", ROTATE_DAYS));
    }
    return ok && sops_buf_addc(o, '\n', e);
}

static bool add_human_file(struct listing *l, const char *name, const struct sops_meta *m, const struct sops_format *f,
                           struct sops_names *names, struct sops_err *e)
{
    struct sops_buf *o = &l->out;
    enum sops_rule which = sops_rules_which(&m->rules);
    size_t groups = 0, number = 0;
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        groups++;
    }
    bool ok = sops_buf_addf(o, e, "%s   ", name);
    if (ok && groups > 1) {
        ok = sops_buf_addf(o, e, "%lld of %zu groups, ",
                           (long long)(m->threshold != 0 ? m->threshold : (int64_t)groups), groups);
    }
    if (ok && (f->flags & SOPS_FMT_WHOLE) == 0 && which < SOPS_RULES) {
        ok = sops_buf_addf(o, e, "%s %.*s, ", sops_rule_names[which], SOPS_ARG(m->rules.text[which]));
    }
    ok = ok && sops_buf_addf(o, e, "changed %.*s\n", SOPS_ARG(sops_slice_first(m->last_modified, 10)));
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next) {
        ok = sops_buf_addf(o, e, "  group %zu\n", ++number);
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            struct shown s;
            ok = show_key(l, names, k, &s, e) && add_human_key(l, k, &s, e);
        }
    }
    return ok;
}

/* ---- by recipient
 * ---------------------------------------------------------------------------------------------------- */

static struct reader *reader_of(struct listing *l, const struct sops_key *k, const struct shown *s, struct sops_err *e)
{
    struct sops_slice key;
    bool is_new;
    if (!sops_arena_printf(&l->arena, &key, e, "%s %.*s", k->source->id, SOPS_ARG(s->id))) {
        return NULL;
    }
    void **place = sops_table_put(&l->table, key, &is_new, e);
    if (place == NULL || !is_new) {
        return place != NULL ? *place : NULL;
    }
    if (l->readers == l->room) {
        size_t room = l->room != 0 ? 2 * l->room : 16;
        struct reader **grown = sops_arena_alloc(&l->arena, room * sizeof(struct reader *), e);
        if (grown == NULL) {
            return NULL;
        }
        if (l->readers != 0) {
            memcpy(grown, l->reader, l->readers * sizeof(struct reader *));
        }
        l->reader = grown;
        l->room = room;
    }
    struct reader *r = sops_arena_alloc(&l->arena, sizeof *r, e);
    if (r != NULL) {
        *r = (struct reader){.type = sops_str(k->source->id), .id = s->id, .mine = s->mine};
        r->name = s->name != NULL ? sops_arena_text(&l->arena, e, "%s", s->name) : NULL;
        l->reader[l->readers++] = r;
        *place = r;
    }
    return e->code == SOPS_OK ? r : NULL;
}

static bool add_file(struct listing *l, struct reader *r, const char *name, struct sops_err *e)
{
    if (r->files != 0 && strcmp(r->file[r->files - 1], name) == 0) {
        return true; /* in two groups of one file */
    }
    if (r->files == r->room) {
        size_t room = r->room != 0 ? 2 * r->room : 8;
        const char **grown = sops_arena_alloc(&l->arena, room * sizeof *grown, e);
        if (grown == NULL) {
            return false;
        }
        if (r->files != 0) {
            memcpy(grown, r->file, r->files * sizeof *grown);
        }
        r->file = grown;
        r->room = room;
    }
    r->file[r->files++] = name;
    return true;
}

static bool count_readers(struct listing *l, const char *name, const struct sops_meta *m, struct sops_names *names,
                          struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            struct shown s;
            struct reader *r = show_key(l, names, k, &s, e) ? reader_of(l, k, &s, e) : NULL;
            ok = r != NULL && add_file(l, r, name, e);
        }
    }
    return ok;
}

static int by_identity(const void *a, const void *b)
{
    const struct reader *x = *(struct reader *const *)a, *y = *(struct reader *const *)b;
    int order = sops_slice_cmp(x->type, y->type);
    return order != 0 ? order : sops_slice_cmp(x->id, y->id);
}

static bool add_readers(struct listing *l, struct sops_err *e)
{
    struct sops_buf *o = &l->out;
    bool ok = true;
    if (l->readers > 1) {
        qsort(l->reader, l->readers, sizeof(struct reader *), by_identity);
    }
    for (size_t i = 0; ok && i < l->readers; i++) {
        const struct reader *r = l->reader[i];
        if (l->own->json) {
            ok = sops_buf_adds(o, "{\"schema\":1", e) && sops_json_add(o, "type", r->type, e) &&
                 sops_json_add(o, "id", r->id, e) && add_or_null(o, "name", sops_str(r->name), r->name != NULL, e) &&
                 sops_json_add_value(o, "mine", mine_word(r->mine), e) && sops_json_begin(o, "files", '[', e);
            for (size_t n = 0; ok && n < r->files; n++) {
                ok = sops_json_add(o, NULL, sops_str(r->file[n]), e);
            }
            ok = ok && sops_buf_adds(o, "]}\n", e);
            continue;
        }
        ok = sops_buf_addf(o, e, "%.*s  %.*s%s%s%s\n", SOPS_ARG(r->type), SOPS_ARG(r->id), r->name != NULL ? "  " : "",
                           r->name != NULL ? r->name : "", r->mine == OWN_YES ? "  mine" : "");
        for (size_t n = 0; ok && n < r->files; n++) {
            ok = sops_buf_addf(o, e, "    %s\n", r->file[n]);
        }
    }
    return ok;
}

/* ---- the run
 * ---------------------------------------------------------------------------------------------------------- */

/* One that fails does not keep the others from being listed. */
static void tell_failure(struct listing *l, const char *name, const char *why)
{
    l->failed++;
    sops_ui_note("'%s': %s", name, why);
}

static bool flush(struct listing *l, struct sops_err *e)
{
    bool ok = l->own->json ? sops_ui_out(sops_buf_view(&l->out), e) : sops_ui_plain(sops_buf_view(&l->out), e);
    sops_buf_cut(&l->out, 0);
    return ok;
}

/* What was read of one file. */
struct reading {
    struct sops_meta meta;
    const struct sops_format *format; /* NULL: it is not listed */
    char *why;                        /* … which is told; NULL: it is plain, and was found in a folder */
    struct sops_err failure;          /* of the run */
};

static bool read_meta(struct listing *l, const struct sops_selected *f, const struct sops_judge *j, struct reading *x,
                      struct sops_err *why, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_look look = {0};
    const struct sops_format *typed = sops_format_named(sops_str(l->job->opt->shared.input_type));
    bool ok = sops_file_read(f->path, SOPS_FILE_MAX, &text, why);
    const struct sops_format *named = typed;
    if (named == NULL) {
        named = sops_config_format_of(j->there ? &j->config : NULL, f->absolute, sops_buf_view(&text));
    }
    if (ok && sops_look(&look, sops_buf_view(&text), named, typed != NULL, e)) {
        if (look.kind == SOPS_LOOK_ENCRYPTED && sops_meta_detach(&look.doc, look.format->meta, &x->meta, why)) {
            x->format = look.format;
        } else if (look.kind == SOPS_LOOK_DAMAGED) {
            (void)sops_fail(why, SOPS_E_GENERIC, "%s", look.why.msg);
        } else if (look.kind == SOPS_LOOK_PLAIN && f->named) {
            (void)sops_fail(why, SOPS_E_GENERIC, "it is not encrypted");
        }
    }
    sops_look_free(&look);
    sops_buf_free(&text);
    return e->code == SOPS_OK && (!why->memory || sops_fail_memory(e));
}

static void *read_nth(void *ctx, size_t number)
{
    struct listing *l = ctx;
    const struct sops_selected *f = &l->selection->file[number];
    bool large = f->size > CHECK_LARGE;
    struct sops_err why = {0}, none = {0};
    struct reading *x = atomic_load(&l->stop) ? NULL : sops_alloc(sizeof *x, &none);
    if (x != NULL) {
        if (large) {
            (void)pthread_mutex_lock(&l->large);
        }
        if (read_meta(l, f, l->judge[number], x, &why, &x->failure) && why.code != SOPS_OK) {
            x->why = sops_strdup(sops_str(why.msg), &x->failure);
        }
        if (large) {
            (void)pthread_mutex_unlock(&l->large);
        }
    }
    sops_err_clear(&why);
    sops_err_clear(&none);
    return x;
}

static bool list_file(struct listing *l, size_t number, struct reading *x, struct sops_err *e)
{
    const char *name = l->selection->file[number].name;
    if (x->failure.code != SOPS_OK) {
        return sops_fail_memory(e);
    }
    if (x->why != NULL) {
        tell_failure(l, name, x->why);
    }
    if (x->format == NULL) {
        return true;
    }
    struct sops_names *names = sops_configs_names(&l->configs, l->judge[number], e);
    return names != NULL &&
           (l->own->by_recipient ? count_readers(l, name, &x->meta, names, e)
            : l->own->json       ? add_json_file(l, name, &x->meta, x->format, names, e)
                                 : add_human_file(l, name, &x->meta, x->format, names, e)) &&
           (l->out.len < 65536 || flush(l, e));
}

static void list_nth(void *ctx, size_t number, void *result)
{
    struct listing *l = ctx;
    struct reading *x = result;
    if (l->failure.code == SOPS_OK) {
        bool ok = x != NULL ? list_file(l, number, x, &l->failure) : sops_fail_memory(&l->failure);
        atomic_store(&l->stop, !ok);
    }
    if (x != NULL) {
        sops_meta_free(&x->meta);
        sops_free(x->why);
        sops_err_clear(&x->failure);
        sops_free(x);
    }
}

static bool list_files(struct listing *l, const struct sops_selection *s, struct sops_err *e)
{
    l->selection = s;
    l->judge = sops_arena_alloc(&l->arena, (s->count + 1) * sizeof(struct sops_judge *), e);
    for (size_t i = 0; l->judge != NULL && i < s->count; i++) {
        l->judge[i] = sops_configs_for(&l->configs, s->file[i].absolute, e);
        if (l->judge[i] == NULL) {
            return false;
        }
    }
    if (l->judge == NULL) {
        return false;
    }
    sops_together_in_turn(s->count, l->threads, read_nth, list_nth, l);
    *e = l->failure;
    l->failure = (struct sops_err){0};
    return e->code == SOPS_OK;
}

static bool refuse_folders(const struct sops_options *o, struct sops_err *e)
{
    struct stat st;
    for (size_t i = 0; !o->shared.recursive && i < o->argc; i++) {
        if (stat(o->args[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            return sops_fail(e, SOPS_E_GENERIC, "'%s' is a folder: give -r to go through it", o->args[i]);
        }
    }
    return true;
}

static bool list_all(struct listing *l, const struct sops_options *o, struct sops_err *e)
{
    struct sops_git git = {.world = l->job->world};
    struct sops_name_filter filter = {0};
    struct sops_err why = {0};
    struct sops_selection s = {.git = &git, .filter = &filter};
    bool ok = sops_name_filter_make(&filter, l->own->include, l->own->exclude, e) && sops_configs_open(&l->configs, e);
    s.place = ok && o->shared.recursive ? sops_git_look(&git, &why) : SOPS_GIT_NONE;
    if (s.place == SOPS_GIT_FAILED) {
        sops_ui_warn("git's list of files is left out: %s", why.msg);
    }
    ok = ok && (!why.memory || sops_fail_memory(e)) && sops_select(&s, o->args, e);
    for (size_t i = 0; ok && i < s.unreads; i++) {
        tell_failure(l, s.unread[i].name, s.unread[i].why);
    }
    ok = ok && list_files(l, &s, e) && (!l->own->by_recipient || add_readers(l, e)) && flush(l, e);
    sops_err_clear(&why);
    sops_selection_free(&s);
    sops_name_filter_free(&filter);
    sops_git_close(&git);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_job job = {.world = w, .opt = o};
    struct listing l = {
        .job = &job, .own = o->own, .configs = {.world = w, .named = o->shared.config}, .keys = {.world = w}};
    if (o->argc == 0) {
        (void)sops_fail(e, SOPS_E_NO_FILE, "no file specified");
        return sops_hint(e, "sops help recipients");
    }
    (void)pthread_mutex_init(&l.large, NULL);
    bool ok = refuse_folders(o, e) && sops_threads_wanted(&l.own->jobs, &l.threads, e) &&
              (list_all(&l, o, e) || sops_recode(e, SOPS_E_GENERIC));
    if (ok && l.failed != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "%zu of the files cannot be listed", l.failed);
    }
    (void)pthread_mutex_destroy(&l.large);
    sops_configs_free(&l.configs);
    own_keys_free(&l.keys);
    sops_table_free(&l.table);
    sops_buf_free(&l.out);
    sops_arena_free(&l.arena);
    sops_job_free(&job);
    return ok;
}

#define OWN struct recipients_options
static const struct sops_option options[] = {
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "go through folders: each encrypted file in them"},
    {.name = "by-recipient",
     SOPS_FLAG_TO(OWN, by_recipient),
     .help = "for each recipient its files: what to rotate when "
             "somebody leaves"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "an object of JSON for each file or recipient"},
    {.name = "include", SOPS_MANY_TO(OWN, include), .value = "REGEX", .help = "only files whose name matches"},
    {.name = "exclude", SOPS_MANY_TO(OWN, exclude), .value = "REGEX", .help = "no files whose name matches"},
    {.name = "jobs",
     SOPS_INT_TO(OWN, jobs),
     .value = "N",
     .help = "files at a time, 1 to 64 (default: 8, or the number of processors, at most 32)"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"RECIPIENTS", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_our_input_type, NULL};

const struct sops_verb sops_verb_recipients = {
    .name = "recipients",
    .summary = "say who can open files",
    .args = "PATH…",
    .about = "From the metadata alone: no key is used, and nobody is asked. Which of the keys are\n"
             "yours is told by the identities in files and variables.\n",
    .example = "sops recipients -r --by-recipient .",
    .tables = tables,
    .own_size = sizeof(struct recipients_options),
    .ours = true,
    .yields = true,
    .run = run,
};
