/* SPDX-License-Identifier: Apache-2.0 */
/* SHA512_Update and its like are called directly: the generic interface looks all digests up before the first, which
 * costs a small file as much as all of its own work. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypt_engine.h"

#include "base/encode.h"

#include <openssl/sha.h>

/* The MAC of a file with mac_only_encrypted begins with SHA-256("sops"). */
static const uint8_t only_encrypted_start[32] = {0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34,
                                                 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f,
                                                 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69};

bool sops_mac_start(struct sops_mac *m, const struct sops_rules *rules, struct sops_err *e)
{
    m->rules = rules;
    m->state = sops_alloc(sizeof *m->state, e);
    if (m->state == NULL) {
        return false;
    }
    (void)SHA512_Init(m->state); /* these cannot fail */
    if (rules->mac_only_encrypted) {
        (void)SHA512_Update(m->state, only_encrypted_start, sizeof only_encrypted_start);
    }
    return true;
}

void sops_mac_add(struct sops_mac *m, const struct sops_node *n, struct sops_slice text)
{
    if (n->kind != SOPS_NULL && (!m->rules->mac_only_encrypted || (n->flags & SOPS_MARKED) != 0)) {
        (void)SHA512_Update(m->state, text.ptr, text.len);
    }
}

bool sops_mac_end(struct sops_mac *m, struct sops_buf *mac, struct sops_err *e)
{
    uint8_t digest[SHA512_DIGEST_LENGTH];
    (void)SHA512_Final(digest, m->state);
    bool ok = sops_hex_add(mac, sops_slice_of(digest, sizeof digest), true, e);
    sops_wipe(digest, sizeof digest);
    return ok;
}

void sops_mac_free(struct sops_mac *m)
{
    sops_free(m->state);
    m->state = NULL;
}
