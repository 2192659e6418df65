/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that wrap a data key anew could leave a file that nobody can open. So what is about to be written is read as
 * it will be read, and, where the data key is new, opened with it. Keys are not asked again: that would ask for PINs
 * and servers twice. */
#include "cli/steps.h"

static bool same_keys(const struct sops_group *a, const struct sops_group *b, struct sops_err *e)
{
    const struct sops_key *other = b->keys;
    for (const struct sops_key *k = a->keys; k != NULL; k = k->next) {
        /* From where the one before was found, as the order is the same but for the kinds of keys. */
        const struct sops_key *from = other;
        while (other != NULL && !(sops_slice_eq(other->enc, k->enc) && sops_key_same(other, k, e))) {
            other = other->next != NULL ? other->next : b->keys;
            other = other != from ? other : NULL;
        }
        if (other == NULL || k->enc.len == 0) {
            return false;
        }
    }
    return true;
}

static bool same_groups(const struct sops_meta *a, const struct sops_meta *b, struct sops_err *e)
{
    const struct sops_group *x = a->groups, *y = b->groups;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!same_keys(x, y, e)) {
            return false;
        }
    }
    return x == NULL && y == NULL && a->threshold == b->threshold && sops_slice_eq(a->mac, b->mac);
}

/* The values of the two, metadata apart. Both have been read from text of the same format. */
static bool same_values(const struct sops_doc *a, const struct sops_doc *b)
{
    const struct sops_node *x = a->parts, *y = b->parts;
    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        if (!sops_node_same(x, y)) {
            return false;
        }
    }
    return x == NULL && y == NULL;
}

/* The new text, parsed; its metadata must have the keys of j->meta, each with its wrapped data key. */
static bool read_again(struct sops_job *j, struct sops_doc *again, struct sops_meta *meta, struct sops_err *e)
{
    const struct sops_format *f = j->out->sealed != NULL ? j->out->sealed : j->out;
    if (!sops_doc_parse(again, f, sops_buf_view(&j->bytes), e) || !sops_meta_detach(again, j->out->meta, meta, e)) {
        return false;
    }
    return same_groups(&j->meta, meta, e) ||
           sops_fail(e, SOPS_E_GENERIC, "the new text does not have the keys that were written");
}

static bool left_alone(const struct sops_job *j, struct sops_err *e)
{
    return sops_within(e, "'%s' is left as it was", j->path);
}

bool sops_step_check_keys(struct sops_job *j, struct sops_err *e)
{
    struct sops_doc again = {0};
    struct sops_meta meta = {0}, ours = {0};
    bool ok = read_again(j, &again, &meta, e) && sops_meta_detach(&j->doc, j->out->meta, &ours, e) &&
              (same_values(&j->doc, &again) ||
               sops_fail(e, SOPS_E_GENERIC, "the new text does not have the values that were written"));
    sops_meta_free(&meta);
    sops_meta_free(&ours);
    sops_doc_free(&again);
    return ok || left_alone(j, e);
}

bool sops_step_check_opens(struct sops_job *j, struct sops_err *e)
{
    struct sops_doc again = {0};
    struct sops_meta meta = {0};
    struct sops_buf mac = {0};
    struct sops_crypt crypt = {.world = j->world, .rules = &meta.rules, .data_key = sops_secret_view(&j->key)};
    sops_doc_free(&j->doc); /* two at once would double what a large file needs */
    bool ok = read_again(j, &again, &meta, e) && sops_rules_compile(&meta.rules, e) &&
              sops_rules_mark(&meta.rules, &again, e) && sops_doc_open(&again, &crypt, NULL, NULL, &mac, e) &&
              sops_doc_verify(&again, &crypt, sops_buf_view(&mac), meta.mac, meta.last_modified, e);
    sops_buf_free(&mac);
    sops_crypt_free(&crypt);
    sops_meta_free(&meta);
    sops_doc_free(&again);
    return ok || left_alone(j, e);
}
