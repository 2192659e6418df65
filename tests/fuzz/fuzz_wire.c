/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request of a key service's client. What was read as a request is written and read again. */
#include "services/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct sops_err e = {0};
    struct sops_arena a = {0}, again_a = {0};
    struct sops_key k, again;
    struct sops_slice plain, again_plain, reply;
    enum sops_wire_key what;
    struct sops_buf out = {0};
    if (sops_wire_take_request(sops_slice_of(bytes, n), &a, &what, &k, &plain, &e) && what == SOPS_WIRE_KEY) {
        if (!sops_wire_put_request(&out, &k, plain, &e) ||
            !sops_wire_take_request(sops_buf_view(&out), &again_a, &what, &again, &again_plain, &e) ||
            again.source != k.source || !sops_slice_eq(plain, again_plain)) {
            abort();
        }
    }
    sops_err_clear(&e);
    (void)sops_wire_take_reply(sops_slice_of(bytes, n), &reply, &e);
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_arena_free(&again_a);
    sops_arena_free(&a);
    return sops_mem_live() == 0 ? 0 : (abort(), 0);
}
