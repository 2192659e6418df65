/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/own_keys.h"

#include "base/ascii.h"

bool own_keys_places(struct own_keys *o, const struct sops_keysource *source, const struct sops_place **out,
                     struct sops_err *e)
{
    size_t i = 0;
    while (sops_keysources[i] != NULL && sops_keysources[i] != source) {
        i++;
    }
    *out = NULL;
    if (source->places == NULL || i >= SOPS_MAX_SOURCES) {
        return true;
    }
    if (!o->read[i] && !source->places(o->world, &o->arena, &o->place[i], e)) {
        return false;
    }
    o->read[i] = true;
    *out = o->place[i];
    return true;
}

/* The type and the key of an SSH recipient, without its comment; all of another text. */
static struct sops_slice bare(struct sops_slice id)
{
    if (!sops_slice_starts(id, SOPS_LIT("ssh-"))) {
        return id;
    }
    size_t first = sops_slice_find(id, ' ');
    size_t second = first + 1 + sops_slice_find(sops_slice_skip(id, first + 1), ' ');
    return sops_slice_first(id, second);
}

/* Fingerprints may be shortened, and are written in any case. */
static bool is_same_id(const struct sops_key *k, struct sops_slice shown, struct sops_slice id)
{
    if (strcmp(k->source->id, "pgp") == 0) {
        return shown.len >= 8 && sops_ends_word(id, shown);
    }
    return sops_slice_eq(bare(shown), bare(id));
}

bool own_keys_ask(struct own_keys *o, const struct sops_key *k, enum own_answer *answer,
                  const struct sops_place **place, const struct sops_own **own, struct sops_err *e)
{
    struct sops_buf shown = {0};
    const struct sops_place *p = NULL;
    *answer = OWN_UNKNOWN;
    if (!own_keys_places(o, k->source, &p, e) || p == NULL) {
        return e->code == SOPS_OK;
    }
    bool ok = sops_key_show(k, &shown, e), unsure = false;
    for (; ok && *answer != OWN_YES && p != NULL; p = p->next) {
        unsure = unsure || p->state == SOPS_PLACE_COMMAND ||
                 (p->state == SOPS_PLACE_FAULTY && strcmp(p->source, "keyring") == 0);
        for (const struct sops_own *x = p->own; x != NULL && *answer != OWN_YES; x = x->next) {
            unsure = unsure || x->id.len == 0;
            if (x->id.len != 0 && is_same_id(k, sops_buf_view(&shown), x->id)) {
                *answer = OWN_YES;
                if (place != NULL) {
                    *place = p;
                }
                if (own != NULL) {
                    *own = x;
                }
            }
        }
    }
    if (ok && *answer != OWN_YES) {
        *answer = unsure ? OWN_UNKNOWN : OWN_NO;
    }
    sops_buf_free(&shown);
    return ok;
}

void own_keys_free(struct own_keys *o)
{
    sops_arena_free(&o->arena);
    *o = (struct own_keys){0};
}
