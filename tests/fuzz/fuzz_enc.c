/* SPDX-License-Identifier: Apache-2.0 */
/* ENC[…] from anywhere is opened or refused, and what was sealed opens to the same. */
#include "core/crypt.h"

#include <sodium.h>
#include <stdlib.h>

static bool chance(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    randombytes_buf(out, n);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {1};
    struct sops_world w = {.random = chance};
    struct sops_rules rules = {0};
    struct sops_crypt c = {.world = &w, .rules = &rules, .data_key = {key, sizeof key}};
    struct sops_err e = {0};
    struct sops_buf text = {0}, enc = {0};
    struct sops_slice in = {data, size}, aad = sops_slice_first(in, 8);
    enum sops_kind kind;
    if (!sops_text_open(&c, in, aad, &kind, &text, &e)) {
        sops_err_clear(&e);
    }
    sops_buf_cut(&text, 0);
    if (size != 0 && (!sops_text_seal(&c, SOPS_STR, in, aad, &enc, &e) ||
                      !sops_text_open(&c, sops_buf_view(&enc), aad, &kind, &text, &e) || kind != SOPS_STR ||
                      !sops_slice_eq(sops_buf_view(&text), in))) {
        abort();
    }
    sops_buf_free(&text);
    sops_buf_free(&enc);
    sops_crypt_free(&c);
    return 0;
}
