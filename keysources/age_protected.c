/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An age file in the place of identities, locked with a passphrase
 * (docs/spec/61-age.md#passphrase-protected-identities). It is opened when it is first asked to unwrap something, even
 * if none of its identities will fit: which ones it holds is not known before.
 */
#include "keysources/age_internal.h"

#include "base/digest.h"
#include "base/text.h"

#define FILE_MAX ((size_t)16 << 20)
#define CACHE_ID "SopsAge"
#define CACHE_ID_LEN (sizeof CACHE_ID - 1 + 40) /* gpg-agent refuses more than 50 */

bool sops_age_is_protected(struct sops_slice text)
{
    return sops_slice_starts(text, SOPS_LIT("age-encryption")) || sops_slice_starts(text, SOPS_LIT("-----BEGIN AGE"));
}

bool sops_age_protected_add(struct sops_age_set *set, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf file = {0};
    bool ok = true;
    if (sops_slice_starts(text, SOPS_LIT("-----BEGIN AGE"))) {
        ok = sops_age_dearmor(text, &file, e);
        text = sops_buf_view(&file);
    }
    if (ok && text.len >= FILE_MAX) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the protected identity is too long");
    }
    ok = ok && sops_age_set_add(set, sops_age_protected_unwrap, text, e) != NULL;
    sops_buf_free(&file);
    return ok;
}

/* The name under which gpg-agent keeps the passphrase of this file. */
static void cache_id(struct sops_slice file, char out[CACHE_ID_LEN + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t hash[32];
    char *to = out + sizeof CACHE_ID - 1;
    sops_sha256(file, hash);
    memcpy(out, CACHE_ID, sizeof CACHE_ID - 1);
    for (size_t i = 0; i < 25; i += 5) { /* 25 bytes are 40 characters of Base32 */
        uint64_t v = 0;
        for (size_t k = 0; k < 5; k++) {
            v = v << 8 | hash[i + k];
        }
        for (int k = 7; k >= 0; k--) {
            *to++ = alphabet[v >> 5 * k & 31];
        }
    }
    *to = '\0';
}

/* From gpg-agent when it can be reached, else from the terminal. */
static bool ask_passphrase(struct sops_world *w, const struct sops_age_identity *id, const char *cache,
                           struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf prompt = {0};
    bool ok = sops_buf_addf(&prompt, e, "Enter passphrase for identity '%.*s':", SOPS_ARG(id->source)) &&
              sops_buf_cstr(&prompt, e) != NULL;
    if (ok) {
        struct sops_question q = {.kind = SOPS_ASK_SECRET, .prompt = (const char *)prompt.ptr};
        enum sops_age_agent agent = sops_age_agent_ask(w, cache, q.prompt, out, e);
        ok = agent == SOPS_AGE_AGENT_GAVE || (agent == SOPS_AGE_AGENT_NONE && w->ask(w, &q, out, e));
        if (!ok) {
            sops_within(e, "no passphrase for identity '%.*s'", SOPS_ARG(id->source));
        }
    }
    sops_buf_free(&prompt);
    return ok;
}

/* The file key of the protected file. */
static bool unlock(struct sops_world *w, const struct sops_age_identity *id, const struct sops_age_header *h,
                   uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e)
{
    struct sops_buf passphrase = {.locked = true};
    char cache[CACHE_ID_LEN + 1];
    bool locked = h->count == 1 && sops_age_stanza_is(h->stanzas, "scrypt");
    enum sops_age_match match;
    if (!locked) { /* an empty passphrase suffices to have the odd files refused; none is asked for */
        match = sops_age_scrypt_unwrap(SOPS_LIT(""), h, file_key, e);
    } else {
        cache_id(id->secret, cache);
        if (!ask_passphrase(w, id, cache, &passphrase, e)) {
            sops_buf_free(&passphrase);
            return false;
        }
        match = sops_age_scrypt_unwrap(sops_buf_view(&passphrase), h, file_key, e);
        if (match != SOPS_AGE_MINE) {
            sops_age_agent_forget(w, cache);
        }
    }
    sops_buf_free(&passphrase);
    if (match == SOPS_AGE_NOT_MINE) {
        sops_fail(e, SOPS_E_GENERIC, "incorrect passphrase");
    }
    return match == SOPS_AGE_MINE ? true : sops_within(e, "the identity '%.*s'", SOPS_ARG(id->source));
}

/* The identities in the clear text of a protected file, as the age program reads them. */
static bool parse_inner(struct sops_age_identity *id, struct sops_slice text, struct sops_age_set *inner,
                        struct sops_err *e)
{
    bool ok = sops_arena_copy(&inner->arena, id->source, &inner->source, e);
    if (ok && !sops_utf8_valid(text)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "not valid UTF-8");
    }
    ok = ok && sops_age_set_parse(inner, text, SOPS_AGE_TEXT_NATIVE, e);
    if (ok && inner->first == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "no identity found");
    }
    return ok ? true : sops_within(e, "the identity '%.*s'", SOPS_ARG(id->source));
}

static bool open_inner(struct sops_world *w, struct sops_age_identity *id, struct sops_err *e)
{
    struct sops_age_header h = {0};
    struct sops_buf plain = {.locked = true};
    uint8_t file_key[SOPS_AGE_FILE_KEY] = {0};
    struct sops_age_set *inner = sops_arena_alloc(&id->set->arena, sizeof *inner, e);
    bool ok = inner != NULL && sops_age_header_parse(id->secret, &h, e) && unlock(w, id, &h, file_key, e) &&
              sops_age_header_check(&h, file_key, e) && sops_age_payload_open(&h, file_key, &plain, e);
    if (ok) {
        ok = parse_inner(id, sops_buf_view(&plain), inner, e);
        if (ok) {
            id->set->inner = inner;
        } else {
            sops_age_set_free(inner);
        }
    }
    sops_wipe(file_key, sizeof file_key);
    sops_buf_free(&plain);
    sops_age_header_free(&h);
    return ok;
}

enum sops_age_match sops_age_protected_unwrap(struct sops_world *w, struct sops_age_identity *id,
                                              const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                              struct sops_err *e)
{
    if (id->set->inner == NULL && (sops_age_given_up(id, e) || !(open_inner(w, id, e) || sops_age_give_up(id, e)))) {
        return SOPS_AGE_BROKEN;
    }
    for (struct sops_age_identity *i = id->set->inner->first; i != NULL; i = i->next) {
        enum sops_age_match match = i->unwrap(w, i, h, file_key, e);
        if (match != SOPS_AGE_NOT_MINE) {
            return match;
        }
    }
    sops_world_warn(w, "none of the identities in '%.*s' fits", SOPS_ARG(id->source));
    return SOPS_AGE_NOT_MINE;
}
