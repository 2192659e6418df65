/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever has seen the data key opens the file for ever, so it is made new only on request (--rotate) and only where
 * somebody goes; else every value, MAC and time keep their bytes. */
#include "cli/update.h"

#include "cli/groups_diff.h"

static bool add_gone(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e)
{
    struct sops_buf *gone = ctx;
    return fate != SOPS_KEY_GOES || ((gone->len == 0 || sops_buf_adds(gone, ", ", e)) && sops_key_show(k, gone, e));
}

static bool name_gone(const struct sops_meta *m, struct sops_update *u, struct sops_err *e)
{
    const struct sops_groups_visitor v = {NULL, add_gone, &u->gone};
    return sops_groups_compare(m->groups, u->rule.groups, &v, e);
}

bool sops_update_look(struct sops_job *j, struct sops_update *u, bool colour, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    const struct sops_update_options *own = j->opt->own;
    if (!sops_config_creation(j->config, j->world, &m->arena, j->path, &u->rule, e)) {
        return sops_within(e, "'%s'", j->path);
    }
    j->rule_line = u->rule.line;
    if (!u->rule.from_rule) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s': the config file has no creation rules", j->path);
    }
    u->threshold = sops_groups_threshold(m, &u->rule);
    if (own->sync_threshold && !sops_groups_rule_threshold(&u->rule, &u->threshold, e)) {
        return sops_within(e, "'%s'", j->path);
    }
    struct sops_groups_diff d = {
        .file = m, .rule = &u->rule, .threshold = u->threshold, .colour = colour, .rotate = own->rotate};
    bool ok = sops_groups_show(&d, e) && name_gone(m, u, e);
    u->text = d.text;
    u->differ = d.differ;
    u->goes = d.goes;
    u->new_key = d.goes && own->rotate;
    return ok;
}

void sops_update_free(struct sops_update *u)
{
    sops_buf_free(&u->text);
    sops_buf_free(&u->gone);
    *u = (struct sops_update){.differ = false};
}

void sops_update_warn(struct sops_world *w, const struct sops_update *u)
{
    if (u->gone.len != 0 && !u->new_key) {
        sops_world_warn(w,
                        "the data key stays, so whoever has seen it opens this and later versions of the file: %.*s "
                        "(--rotate makes it new)",
                        SOPS_ARG(sops_slice_first(sops_buf_view(&u->gone), 700)));
    }
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

static bool own_groups(struct sops_job *j, struct sops_err *e)
{
    const struct sops_update *u = j->own;
    struct sops_meta *m = sops_envelope_meta(j->env);
    (void)e;
    m->groups = u->rule.groups;
    m->threshold = u->threshold;
    return true;
}

static bool own_audit(struct sops_job *j, struct sops_err *e) { return sops_job_audit(j, "rotate", e); }

bool sops_step_update(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const keep[] = {sops_step_unwrap,      own_groups,           sops_step_wrap,
                                      sops_step_emit_sealed, sops_step_check_keys, NULL};
    static sops_step *const renew[] = {sops_step_version, own_audit,      sops_step_open,        own_groups,
                                       sops_step_new_key, sops_step_seal, sops_step_check_opens, NULL};
    return sops_job_steps(j, ((const struct sops_update *)j->own)->new_key ? renew : keep, e);
}
