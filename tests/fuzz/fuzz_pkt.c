/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of git's filter protocol: any bytes are read to their end or refused with a code; what was read is written
 * and read again the same. */
#include "cli/pkt.h"

#include <stdlib.h>

static ptrdiff_t read_memory(void *ctx, void *to, size_t n, struct sops_err *e)
{
    struct sops_slice *rest = ctx;
    (void)e;
    struct sops_slice piece = sops_slice_first(*rest, n < 3 ? n : 3); /* a pipe gives what it has */
    if (piece.len != 0) {
        memcpy(to, piece.ptr, piece.len);
    }
    *rest = sops_slice_skip(*rest, piece.len);
    return (ptrdiff_t)piece.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LIMIT = 100000 };
    struct sops_slice rest = sops_slice_of(data, size);
    struct sops_pkt_source s = {.read = read_memory, .ctx = &rest};
    struct sops_buf all = {0}, out = {0}, again = {0};
    struct sops_err e = {0};
    enum sops_pkt what = SOPS_PKT_DATA;
    bool ok = true;
    while (ok && what != SOPS_PKT_END) {
        ok = sops_pkt_read(&s, &all, LIMIT, &what, &e);
    }
    if (ok != (e.code == SOPS_OK) || all.len > LIMIT + SOPS_PKT_MAX) {
        abort();
    }
    sops_err_clear(&e);
    if (!sops_pkt_add(&out, sops_buf_view(&all), &e) || !sops_pkt_flush(&out, &e)) {
        abort();
    }
    rest = sops_buf_view(&out);
    for (what = SOPS_PKT_DATA; what == SOPS_PKT_DATA;) {
        if (!sops_pkt_read(&s, &again, 2 * LIMIT + SOPS_PKT_MAX, &what, &e)) {
            abort();
        }
    }
    if (what != SOPS_PKT_FLUSH || !sops_slice_eq(sops_buf_view(&again), sops_buf_view(&all))) {
        abort();
    }
    sops_buf_free(&all);
    sops_buf_free(&out);
    sops_buf_free(&again);
    return 0;
}
