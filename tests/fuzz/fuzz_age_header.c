/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are an age file or refused; the grammar is canonical, so what was read is written back the same. Seeds:
 * testdata/age/cctv, whose own lines in front are skipped. */
#include "keysources/age_internal.h"

#include <sodium.h>
#include <stdlib.h>

/* Parsed stanzas give the bytes that the MAC is made of. */
static void check_canonical(const struct sops_age_header *h)
{
    struct sops_buf text = {0};
    bool ok = sops_buf_adds(&text, "age-encryption.org/v1\n", NULL);
    for (const struct sops_age_stanza *s = h->stanzas; ok && s != NULL; s = s->next) {
        ok = sops_age_stanza_emit(s, &text, NULL);
    }
    if (!ok || !sops_buf_adds(&text, "---", NULL) || !sops_slice_eq(sops_buf_view(&text), h->hashed)) {
        abort();
    }
    sops_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t scalar[32] = {0x42, 0x42};
    struct sops_age_header h = {0};
    struct sops_buf plain = {0};
    struct sops_err e = {0};
    uint8_t key[SOPS_AGE_FILE_KEY];
    struct sops_slice file = sops_slice_of(data, size);
    const uint8_t *blank = sops_slice_starts(file, SOPS_LIT("expect: ")) ? memmem(data, size, "\n\n", 2) : NULL;
    file = blank != NULL ? sops_slice_skip(file, (size_t)(blank - data) + 2) : file;
    if (sodium_init() >= 0 && sops_age_header_parse(file, &h, &e)) {
        struct sops_age_set set = {0};
        struct sops_age_identity id = {.secret = sops_slice_of(scalar, sizeof scalar), .set = &set};
        check_canonical(&h);
        if (sops_age_x25519_unwrap(NULL, &id, &h, key, &e) == SOPS_AGE_NOT_MINE && e.code != SOPS_OK) {
            abort();
        }
        sops_age_set_free(&set);
        sops_err_clear(&e);
        memset(key, 0xa5, sizeof key);
        if (sops_age_header_check(&h, key, &e) || sops_age_payload_open(&h, key, &plain, &e)) {
            abort(); /* nobody made this for that key */
        }
    }
    if (plain.len != 0 || e.code == SOPS_OK) {
        abort();
    }
    sops_buf_free(&plain);
    sops_age_header_free(&h);
    sops_err_clear(&e);
    return 0;
}
