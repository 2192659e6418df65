/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reuse_old.h"

#include "core/merge_meta.h"

bool sops_same_documents(const struct sops_envelope *a, const struct sops_envelope *b)
{
    const struct sops_node *x = sops_envelope_look(a)->parts, *y = sops_envelope_look(b)->parts;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!sops_node_same(x, y)) {
            return false;
        }
    }
    return x == NULL && y == NULL;
}

bool sops_same_file(const struct sops_envelope *old, const struct sops_envelope *clear, bool *same, struct sops_err *e)
{
    *same = sops_same_documents(clear, old);
    return !*same || sops_envelope_same_text(old, clear, same, e);
}

/* What a file says that records nothing is what is read from it. */
static void complete_rules(struct sops_rules *to, const struct sops_rules *rules)
{
    *to = *rules;
    to->regex = NULL;
    if (sops_rules_which(to) == SOPS_RULES) {
        to->text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
}

static bool same_settings(struct sops_job *j, struct sops_version *old, struct sops_err *e)
{
    struct sops_meta now = *sops_envelope_meta(j->env);
    const struct sops_meta *was = sops_envelope_meta(old->env);
    bool named = now.threshold != 0;
    complete_rules(&now.rules, &sops_envelope_meta(j->env)->rules);
    if ((j->out->flags & SOPS_FMT_WHOLE) != 0) {
        now.rules = was->rules; /* they do not apply */
    }
    if (now.groups != NULL && now.groups->next == NULL) {
        now.threshold = was->threshold; /* it has no effect */
    }
    for (const struct sops_group *g = now.groups; g != NULL && now.groups->next != NULL && !named; g = g->next) {
        now.threshold++; /* all of them, when nobody said how many */
    }
    return sops_meta_same_settings(&now, was, e);
}

bool sops_job_take_old(struct sops_job *j, struct sops_version *old, enum sops_old *how, struct sops_err *why,
                       struct sops_err *e)
{
    *how = SOPS_OLD_UNFIT;
    if (!sops_version_open(old, j, NULL, true, why)) {
        return !why->memory || sops_fail_memory(e);
    }
    struct sops_meta *m = sops_envelope_meta(j->env);
    const struct sops_meta *was = sops_envelope_meta(old->env);
    if (!same_settings(j, old, e)) {
        sops_fail(why, SOPS_E_GENERIC, "its recipients or its rules are others than those of the new file");
        return e->code == SOPS_OK;
    }
    bool same = false;
    if (!sops_same_file(old->env, j->env, &same, e)) {
        return false;
    }
    if (same) {
        *how = SOPS_OLD_EQUAL;
        return true;
    }
    *how = SOPS_OLD_TAKEN;
    m->groups = was->groups;
    m->threshold = was->threshold;
    sops_envelope_reuse(j->env, old->env);
    return sops_envelope_take_key(j->env, sops_envelope_key(old->env), e);
}

bool sops_job_seal_in(struct sops_job *j, struct sops_envelope *old, struct sops_err *e)
{
    if (!sops_envelope_take_clear(old, j->env, e)) {
        return false;
    }
    struct sops_envelope *empty = j->env;
    j->env = old;
    bool ok = sops_step_seal(j, e);
    j->env = empty;
    return ok;
}
