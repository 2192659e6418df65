/* SPDX-License-Identifier: Apache-2.0 */
/* rotate: a new data key and, on the way, other master keys (docs/spec/50-cli.md#rotate). Keys are taken out after
 * others were added, so a key that is named for both is gone. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/steps.h"

static bool same_text(const struct sops_key *a, struct sops_slice shown, bool *same, struct sops_err *e)
{
    struct sops_buf other = {0};
    bool ok = sops_key_show(a, &other, e);
    *same = ok && sops_slice_eq(sops_buf_view(&other), shown);
    sops_buf_free(&other);
    return ok;
}

/* Every key, of whatever kind, that shows the same text (docs/spec/61-age.md#where-recipients-come-from), as often as
 * it is there. */
static bool take_out(struct sops_meta *m, const struct sops_key *gone, struct sops_err *e)
{
    struct sops_buf shown = {0};
    bool ok = sops_key_show(gone, &shown, e);
    for (struct sops_group *g = m->groups; ok && g != NULL; g = g->next) {
        for (struct sops_key **k = &g->keys; ok && *k != NULL;) {
            bool same;
            ok = same_text(*k, sops_buf_view(&shown), &same, e);
            if (ok && same) {
                *k = (*k)->next;
            } else if (ok) {
                k = &(*k)->next;
            }
        }
    }
    sops_buf_free(&shown);
    return ok;
}

struct change {
    struct sops_key *added, *removed;
};

static bool own_options(struct sops_job *j, struct sops_err *e)
{
    struct change *c = j->own;
    struct sops_arena *a = &sops_envelope_meta(j->env)->arena;
    return sops_job_keys(j, a, "add-", SOPS_BY_ROTATE, &c->added, e) &&
           sops_job_keys(j, a, "rm-", SOPS_BY_ROTATE, &c->removed, e);
}

static bool own_audit(struct sops_job *j, struct sops_err *e) { return sops_job_audit(j, "rotate", e); }

/* Not before the file was opened with the keys that it has. */
static bool own_keys(struct sops_job *j, struct sops_err *e)
{
    const struct change *c = j->own;
    struct sops_meta *m = sops_envelope_meta(j->env);
    if (m->groups == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' has no key group", j->path);
    }
    sops_keys_append(&m->groups->keys, c->added);
    for (const struct sops_key *k = c->removed; k != NULL; k = k->next) {
        if (!take_out(m, k, e)) {
            return false;
        }
    }
    return true;
}

/* ---- many files -------------------------------------------------------------------------------------------------- */

#define DAY 86400

/* Was the file last changed by sops so long ago? */
static bool is_old_enough(const struct sops_many *m, const struct sops_meta *meta)
{
    struct sops_time t = {0};
    return m->older_than < 0 ||
           (sops_time_parse(meta->last_modified, &t) && t.seconds < m->world->now(m->world) - m->older_than * DAY);
}

/* The keys of the file in lists of their own: those of the file are what opens it. */
static bool copy_groups(struct sops_arena *a, const struct sops_group *from, struct sops_group **to, struct sops_err *e)
{
    for (; from != NULL; from = from->next, to = &(*to)->next) {
        struct sops_key **end;
        *to = sops_arena_alloc(a, sizeof **to, e);
        if (*to == NULL) {
            return false;
        }
        end = &(*to)->keys;
        for (const struct sops_key *k = from->keys; k != NULL; k = k->next, end = &(*end)->next) {
            *end = sops_arena_alloc(a, sizeof **end, e);
            if (*end == NULL) {
                return false;
            }
            **end = *k;
            (*end)->next = NULL;
        }
    }
    return true;
}

static bool many_plan(struct sops_many *m, struct sops_many_file *f, struct sops_job *j, struct sops_err *e)
{
    struct change c = {0};
    struct sops_meta *meta = sops_envelope_meta(j->env);
    if (!is_old_enough(m, meta)) {
        f->run.outcome = SOPS_RUN_UNCHANGED;
        f->run.reason = "too_new";
        return true;
    }
    f->wanted = sops_arena_alloc(&m->run.arena, sizeof *f->wanted, e);
    j->own = &c;
    bool ok = f->wanted != NULL && own_options(j, e) && copy_groups(&meta->arena, meta->groups, &f->wanted->groups, e);
    j->own = NULL;
    if (!ok || f->wanted->groups == NULL) {
        return ok;
    }
    f->wanted->threshold = meta->threshold;
    sops_keys_append(&f->wanted->groups->keys, c.added);
    for (const struct sops_key *k = c.removed; ok && k != NULL; k = k->next) {
        ok = take_out(f->wanted, k, e);
    }
    return ok;
}

bool sops_step_rotate(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_load, own_options,           own_audit, sops_step_open, own_keys, sops_step_new_key,
        sops_step_seal, sops_step_check_opens, NULL};
    struct change c = {0};
    j->own = &c;
    bool ok = sops_job_steps(j, steps, e);
    j->own = NULL;
    return ok;
}

static const struct sops_many_action many = {
    .would = "rotate",
    .done = "rotated",
    .needs_key = true,
    .plan = many_plan,
    .work = sops_step_rotate,
};

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_file,  sops_step_conflict, sops_step_exists, sops_step_config,
        sops_step_order, sops_step_rotate,   sops_step_write,  NULL,
    };
    struct sops_job j = {.world = w, .opt = o};
    if (sops_opt_any(o, "add-") || sops_opt_any(o, "rm-")) {
        j.statuses = SOPS_STATUSES_NEED_FILE_FOR_KEYS;
    }
    return sops_many_or_one(&j, &many, steps, e);
}

static const struct sops_option older[] = {
    {.name = "older-than",
     SOPS_TEXT_TO(struct sops_shared, many.older_than),
     .value = "AGE",
     .help = "only files that sops changed last so long ago, in days: 90d"},
    {.name = NULL},
};
static const struct sops_opt_table older_table = {"MANY FILES", older};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style, &sops_opts_place, &sops_opts_many,     &older_table, &sops_opts_types,
    &sops_opts_name,  &sops_opts_order, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_rotate = {
    .name = "rotate",
    .summary = "make a new data key, and add or take out master keys",
    .args = "FILE | -r PATH…",
    .about = "Encrypts every value anew with a new data key, wrapped for all keys of the file.\n"
             "Keys that are added go to the first group; keys to be taken out are taken out of\n"
             "every group. The settings and the threshold stay as they are.\n"
             "With -r, files and folders are taken: each encrypted file, with one unlocking for all.\n",
    .example = "sops rotate -i --add-age age1... secrets.yaml",
    .tables = tables,
    .keys = SOPS_OPT_ADD_RM,
    .many = true,
    .run = run,
};
