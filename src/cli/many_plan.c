/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be done, known before any key is used: each file is found, read and parsed, its configuration applied.
 * Kept are metadata and a hash; the text is read again when the file is worked on.
 */
#include "cli/many.h"

#include "base/file.h"
#include "check/look.h"
#include "cli/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the list --------------------------------------------------------------------------------------------------- */

bool sops_many_fail(struct sops_many *m, struct sops_many_file *f, struct sops_err *why)
{
    struct sops_err none = {0};
    (void)sops_run_failed(&m->run, &f->run, why, &none);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct sops_run_file *const *)a)->name, (*(struct sops_run_file *const *)b)->name);
}

/* PATHs and folders that cannot be looked at are failed entries. */
static bool add_unread(struct sops_many *m, const struct sops_unread *u, struct sops_err *e)
{
    struct stat st;
    struct sops_err why = {0};
    struct sops_many_file *f = sops_run_add(&m->run, u->name, e);
    if (f == NULL) {
        return false;
    }
    bool missing = stat(u->name, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
    const struct sops_status_row *status = &sops_status_rows[m->common.statuses];
    if (missing) {
        (void)sops_fail(&why, status->missing != 0 ? status->missing : status->input,
                        "cannot operate on non-existent file '%s'", u->name);
    } else {
        (void)sops_fail(&why, status->input, "cannot read '%s': %s", u->name, u->why);
    }
    return !sops_many_fail(m, f, &why);
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

struct sops_job sops_many_job(struct sops_many *m, const struct sops_many_file *f)
{
    bool update = m->action->needs_config;
    return (struct sops_job){
        .world = m->world,
        .opt = m->opt,
        .services = m->common.services,
        .services_lent = true,
        .order = m->common.order,
        .config = f->config,
        .path = f->run.name,
        .name = f->run.name,
        .watched = true,
        .needs_rule = m->action->required || update,
        .statuses = m->common.statuses,
        .config_indent = update,
    };
}

/* ---- which files ------------------------------------------------------------------------------------------------ */

static const struct sops_format *named_format(const struct sops_many *m, const struct sops_many_file *f,
                                              struct sops_slice text)
{
    const struct sops_format *given = sops_format_named(sops_str(m->opt->shared.input_type));
    return given != NULL ? given : sops_config_format_of(f->config, sops_str(f->run.name), text);
}

static bool look(const struct sops_many *m, const struct sops_many_file *f, struct sops_slice text,
                 struct sops_look *found, struct sops_err *e)
{
    return sops_look(found, text, named_format(m, f, text), m->opt->shared.input_type != NULL, e);
}

/* Would a new version of the file be encrypted, if it were plain? */
static bool is_wanted(const struct sops_many *m, const struct sops_many_file *f, const struct sops_verdict *v,
                      const struct sops_judge *judge)
{
    bool included = m->filter.includes != 0;
    return f->named ||
           (included ? v->rule != NULL || (!judge->has_rules && sops_job_keys_given(&m->common)) : v->wanted);
}

/* encrypt: takes a plain file that must be encrypted; names an encrypted one that would be taken. */
static bool choose_required(struct sops_many *m, struct sops_many_file *f, struct sops_verdict v,
                            const struct sops_look *found, struct sops_slice text, bool *take, struct sops_err *e)
{
    struct sops_err why = {0};
    *take = true;
    if (found->kind == SOPS_LOOK_ENCRYPTED) {
        f->run.outcome = SOPS_RUN_UNCHANGED;
        f->run.reason = "encrypted";
        f->format = found->format;
        return true;
    }
    f->format = named_format(m, f, (struct sops_slice){0}); /* a plain text shows nothing */
    if (f->named) {
        return true;
    }
    if (m->filter.includes != 0) {
        v.by_rule = v.rule != NULL;
        v.wanted = true;
    }
    bool ok = sops_judge_required(&v, f->absolute, f->format, text, take, &why, e);
    sops_err_clear(&why);
    return ok;
}

/* The others: what is encrypted, or was and is damaged. A plain file fails only when it was named. */
static void choose_encrypted(struct sops_many *m, struct sops_many_file *f, const struct sops_look *found,
                             struct sops_slice text, bool *take)
{
    const struct sops_format *named = named_format(m, f, text);
    *take = found->kind != SOPS_LOOK_PLAIN || f->named;
    f->format = found->kind == SOPS_LOOK_ENCRYPTED ? found->format : named;
    if (*take && found->kind == SOPS_LOOK_ENCRYPTED && found->other) {
        sops_world_warn(m->world, "'%s' is encrypted as %s, and its name says %s: it is read and written as %s",
                        f->run.name, f->format->name, named->name, f->format->name);
    }
}

/* ---- one file --------------------------------------------------------------------------------------------------- */

/* What needs not be read whole: a file with a NUL in its head is never encrypted. False with `e` set on failure. */
static bool read_candidate(struct sops_many *m, const struct sops_selected *s, struct sops_job *j, bool *skip,
                           struct sops_err *e)
{
    if (*skip) {
        return true;
    }
    if (!s->named && !m->action->required) {
        uint8_t head[SOPS_BINARY_HEAD];
        int fd = open(s->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        ssize_t n = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
        *skip = n == 0 || (n > 0 && memchr(head, 0, (size_t)n) != NULL);
        if (fd >= 0) {
            (void)close(fd);
        }
        if (*skip) {
            return true;
        }
    }
    return sops_step_read(j, e);
}

/* The configuration that does not load fails its files, with what loading it says. */
static bool take_config(struct sops_many *m, struct sops_many_file *f, const struct sops_judge *judge,
                        struct sops_err *e)
{
    f->config = &judge->config;
    if (judge->broken) {
        struct sops_config again = {.path = {0}};
        const char *path = sops_arena_text(&m->run.arena, e, "%.*s", SOPS_ARG(judge->config.path));
        bool loaded = path != NULL && sops_config_load(&again, m->world, path, e);
        sops_config_free(&again);
        return loaded ? sops_fail(e, SOPS_E_GENERIC, "'%s': the configuration cannot be used", path) : false;
    }
    if (m->action->needs_config && judge->config.path.len == 0) {
        sops_fail(e, SOPS_E_GENERIC, "config file not found: its creation rules say which keys files should have");
        return sops_hint(e, "make a .sops.yaml, or name one with --config");
    }
    return true;
}

/* Metadata of the job, which outlive it. */
static bool keep_meta(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e)
{
    f->meta = sops_arena_alloc(&m->run.arena, sizeof *f->meta, e);
    if (f->meta == NULL) {
        return false;
    }
    *f->meta = *sops_envelope_meta(j->env);
    *sops_envelope_meta(j->env) = (struct sops_meta){.groups = NULL};
    return true;
}

static bool plan_required(struct sops_job *j, struct sops_err *e)
{
    return sops_job_formats(j, e) && sops_step_creation(j, e) && sops_step_parse_plain(j, e) && sops_step_parts(j, e) &&
           sops_step_not_sealed(j, e);
}

/* What would fail on this file alone before a key is used fails here. */
static bool plan_file(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e)
{
    if (m->action->required) {
        bool ok = plan_required(j, e) && keep_meta(m, f, j, e);
        f->wanted = f->meta;
        return ok;
    }
    return sops_job_in_format(j, f->format, e) && sops_step_parse_sealed(j, e) &&
           (m->action->needs_config || sops_step_version(j, e)) &&
           (m->action->plan == NULL || m->action->plan(m, f, j, e)) && keep_meta(m, f, j, e);
}

/* While a file is planned nothing is said that will be said again when it is worked on. */
static bool plan_quietly(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e)
{
    void (*say)(struct sops_world *, enum sops_say, const char *) = m->world->say;
    m->world->say = sops_ui_say_nothing;
    bool ok = plan_file(m, f, j, e);
    m->world->say = say;
    return ok;
}

static bool plan_selected(struct sops_many *m, const struct sops_selected *s, struct sops_err *e)
{
    struct sops_look found = {.kind = SOPS_LOOK_PLAIN};
    struct sops_many_file f = {.run = {.name = s->name}, .absolute = s->absolute, .named = s->named, .size = s->size};
    struct sops_err why = {0};
    bool take = false, skip = false;
    struct sops_judge *judge = sops_configs_for(&m->configs, s->absolute, e);
    if (judge == NULL) {
        return false;
    }
    f.config = &judge->config;
    struct sops_verdict v = {0};
    if (m->action->required) {
        sops_judge_file(judge, f.absolute, &v);
        skip = !f.named && (v.ignored || !is_wanted(m, &f, &v, judge));
    }
    struct sops_job j = sops_many_job(m, &f);
    bool ok = true, read = read_candidate(m, s, &j, &skip, &why);
    if (read && !skip) {
        ok = look(m, &f, sops_buf_view(&j.raw), &found, e);
        if (ok && m->action->required) {
            ok = choose_required(m, &f, v, &found, sops_buf_view(&j.raw), &take, e);
        } else if (ok) {
            choose_encrypted(m, &f, &found, sops_buf_view(&j.raw), &take);
        }
    }
    sops_look_free(&found);
    f.was = j.was;
    if (ok && (take || !read)) {
        struct sops_many_file *kept =
            sops_run_add(&m->run, f.run.name, e); /* first, as what the plan holds is freed with it */
        bool planned = kept != NULL && read && take_config(m, &f, judge, &why) &&
                       (f.run.outcome == SOPS_RUN_UNCHANGED || plan_quietly(m, &f, &j, &why));
        ok = kept != NULL;
        if (ok) {
            *kept = f;
        } else {
            sops_many_drop(&f);
        }
        if (ok && !planned) {
            (void)sops_many_fail(m, kept, &why);
        }
    }
    sops_err_clear(&why);
    sops_job_free(&j);
    return ok;
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static bool select_files(struct sops_many *m, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ask_git = m->action->required && !m->opt->shared.many.no_ignore;
    m->git = (struct sops_git){.world = m->world};
    m->selection.filter = &m->filter;
    m->selection.by_inode = m->opt->shared.many.output_dir == NULL;
    if (ask_git) {
        m->selection.git = &m->git;
        m->selection.place = sops_git_look(&m->git, &why);
        if (m->selection.place == SOPS_GIT_FAILED) {
            sops_world_warn(m->world, "%s: files that git ignores are taken, too", why.msg);
        }
        sops_err_clear(&why);
    }
    m->configs = (struct sops_configs){.world = m->world, .named = m->opt->shared.config};
    return sops_select(&m->selection, m->opt->args, e) && sops_configs_open(&m->configs, e);
}

static bool plan_all(struct sops_many *m, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < m->selection.unreads; i++) {
        ok = add_unread(m, &m->selection.unread[i], e);
    }
    for (size_t i = 0; ok && i < m->selection.count; i++) {
        const struct sops_selected *s = &m->selection.file[i];
        if (!sops_selected_left_over(s, m->world) && (s->named || !sops_many_is_below_output(m, s->absolute))) {
            ok = plan_selected(m, s, e);
        }
    }
    if (ok && m->run.count > 1) {
        qsort(m->run.file, m->run.count, sizeof *m->run.file, by_name);
    }
    return ok;
}

bool sops_many_plan(struct sops_many *m, struct sops_err *e)
{
    return select_files(m, e) && plan_all(m, e) && (m->opt->shared.many.output_dir == NULL || sops_many_targets(m, e));
}

/* ---- again, when it is worked on -------------------------------------------------------------------------------- */

static bool same_as_planned(const struct sops_many_file *f, const struct sops_file_was *was)
{
    return was->how == f->was.how && memcmp(was->digest, f->was.digest, sizeof was->digest) == 0;
}

/* Somebody else has changed it: what is it now? */
static bool look_again(struct sops_many_work *k, struct sops_many_file *now, struct sops_err *e)
{
    struct sops_look found = {.kind = SOPS_LOOK_PLAIN};
    bool ok = look(k->many, now, sops_buf_view(&k->job.raw), &found, e);
    if (ok && k->many->action->required && found.kind == SOPS_LOOK_ENCRYPTED) {
        now->run.outcome = SOPS_RUN_UNCHANGED;
        now->run.reason = "encrypted";
    } else if (ok) {
        now->format =
            found.kind == SOPS_LOOK_ENCRYPTED ? found.format : named_format(k->many, now, sops_buf_view(&k->job.raw));
    }
    sops_look_free(&found);
    return ok;
}

bool sops_many_formats(struct sops_many_work *k, struct sops_err *e)
{
    struct sops_many_file now = *k->file;
    if (!same_as_planned(k->file, &k->job.was) && !look_again(k, &now, e)) {
        return false;
    }
    if (now.run.outcome == SOPS_RUN_UNCHANGED) {
        k->file->run.reason = now.run.reason;
        k->job.done = true;
        return true;
    }
    k->file->format = now.format;
    return k->many->action->required ? sops_job_formats(&k->job, e) : sops_job_in_format(&k->job, now.format, e);
}
