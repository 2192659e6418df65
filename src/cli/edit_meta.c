/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings and keys by hand. Keys that were taken out are gone, and the others stay as they are. When groups or the
 * threshold are others than before, each key holds a share of a division that is no more: the data key is then wrapped
 * anew, or nobody could open the file.
 */
#include "cli/edit_meta.h"

/* Does `m` hold this very key, in group number `group`? */
static bool knows(const struct sops_meta *m, size_t group, const struct sops_key *k, struct sops_err *e)
{
    const struct sops_group *g = m->groups;
    for (; g != NULL && group > 0; group--) {
        g = g->next;
    }
    for (const struct sops_key *at = g != NULL ? g->keys : NULL; at != NULL; at = at->next) {
        if (sops_slice_eq(at->enc, k->enc) && sops_key_same(at, k, e)) {
            return true;
        }
    }
    return false;
}

static size_t count(const struct sops_group *g)
{
    size_t n = 0;
    for (; g != NULL; g = g->next) {
        n++;
    }
    return n;
}

/* Are all keys of `now` such as `old` has them in the same group? */
static bool same_division(const struct sops_meta *old, const struct sops_meta *now, struct sops_err *e)
{
    size_t group = 0;
    if (count(old->groups) != count(now->groups) || old->threshold != now->threshold) {
        return false;
    }
    for (const struct sops_group *g = now->groups; g != NULL; g = g->next, group++) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (!knows(old, group, k, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool has_key(const struct sops_meta *m)
{
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        if (g->keys != NULL) {
            return true;
        }
    }
    return false;
}

bool sops_edit_take_meta(struct sops_job *j, struct sops_meta *old, struct sops_err *e)
{
    const struct sops_format *f = j->in->sealed != NULL ? j->in->sealed : j->in;
    if (old->groups == NULL) {
        *old = j->meta;
        j->meta = (struct sops_meta){0};
    }
    sops_meta_free(&j->meta);
    if (!sops_doc_parse(&j->doc, f, sops_buf_view(&j->raw), e) || !sops_step_parts(j, e) ||
        !sops_meta_detach(&j->doc, j->in->meta, &j->meta, e)) {
        return false;
    }
    if (!has_key(&j->meta)) {
        return sops_fail(e, SOPS_E_GENERIC, "no key is left that could open the file");
    }
    j->meta.rules.whole = old->rules.whole;
    if (!sops_rules_compile(&j->meta.rules, e)) {
        return false;
    }
    return same_division(old, &j->meta, e) || (e->code == SOPS_OK && sops_step_wrap(j, e));
}
