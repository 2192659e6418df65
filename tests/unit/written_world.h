/* SPDX-License-Identifier: Apache-2.0 */
/* written_world.h - a clear text sealed with preserve style and opened again, in memory: what the unit tests and the
 * fuzz target of text as written share. */
#ifndef SOPS_TESTS_WRITTEN_WORLD_H
#define SOPS_TESTS_WRITTEN_WORLD_H

#include "core/envelope.h"
#include "core/written.h"

#include <sodium.h>

static const uint8_t written_key[32] = "0123456789abcdef0123456789abcdef";

/* Keys of an envelope that nobody wraps. */
struct written_keys {
    struct sops_group group;
    struct sops_key key;
};

static inline struct sops_style written_style(const struct sops_format *f, bool quote)
{
    return (struct sops_style){.keep = SOPS_KEEP_ON, .quote = quote && f->take_meaning != NULL};
}

/* Seals `clear`; `*kept` says whether its style could be kept. False when it is no document of the format. */
static inline bool written_seal(struct sops_world *w, const struct sops_format *f, const struct sops_style *s,
                                struct sops_slice clear, bool *kept, struct sops_buf *out, struct sops_err *e)
{
    struct written_keys keys = {.key = {.source = sops_keysource_named(SOPS_LIT("age")),
                                        .field = {SOPS_LIT("age1recipient")},
                                        .enc = SOPS_LIT("wrapped\nfor\nthe recipient\n")}};
    struct sops_envelope *v = sops_envelope_new(w, "f", e);
    *kept = false;
    if (v == NULL) {
        return false;
    }
    struct sops_meta *m = sops_envelope_meta(v);
    keys.group.keys = &keys.key;
    m->groups = &keys.group;
    m->version = SOPS_LIT(SOPS_VERSION);
    m->rules.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    bool ok = sops_envelope_style(v, f, s, e) &&
              sops_envelope_take_key(v, sops_slice_of(written_key, sizeof written_key), e) &&
              sops_envelope_parse_clear(v, f, clear, e) && sops_envelope_not_empty(v, e) &&
              !sops_envelope_has_meta(v, f) && sops_envelope_seal_kept(v, out, kept, e);
    m->groups = NULL;
    sops_envelope_free(v);
    return ok;
}

/* Opens what was sealed. */
static inline bool written_open(struct sops_world *w, const struct sops_format *f, const struct sops_style *s,
                                struct sops_slice sealed, struct sops_buf *out, struct sops_err *e)
{
    struct sops_envelope *v = sops_envelope_new(w, "f", e);
    bool ok = v != NULL && sops_envelope_style(v, f, s, e) && sops_envelope_parse(v, f, sealed, e) &&
              sops_envelope_take_key(v, sops_slice_of(written_key, sizeof written_key), e) &&
              sops_envelope_open(v, e) && sops_envelope_verify(v, e) && sops_envelope_emit_clear(v, f, s, out, e);
    sops_envelope_free(v);
    return ok;
}

#endif
