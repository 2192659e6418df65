/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pkt.h"

#include "base/ascii.h"

#define HEAD 4 /* digits of the length */

/* All `n` bytes; `*got` tells how many came before the end. */
static bool read_bytes(struct sops_pkt_source *s, uint8_t *to, size_t n, size_t *got, struct sops_err *e)
{
    for (*got = 0; *got < n;) {
        ptrdiff_t more = s->read(s->ctx, to + *got, n - *got, e);
        if (more < 0) {
            return false;
        }
        if (more == 0) {
            break;
        }
        *got += (size_t)more;
    }
    return true;
}

static bool fail_packet(struct sops_err *e, const char *what)
{
    return sops_fail(e, SOPS_E_READ, "git's packets are damaged: %s", what);
}

bool sops_pkt_read(struct sops_pkt_source *s, struct sops_buf *to, size_t limit, enum sops_pkt *what,
                   struct sops_err *e)
{
    uint8_t head[HEAD];
    size_t got = 0, length = 0;
    if (!read_bytes(s, head, HEAD, &got, e)) {
        return false;
    }
    *what = SOPS_PKT_END;
    if (got == 0) {
        return true;
    }
    for (size_t i = 0; i < got; i++) {
        unsigned digit = sops_hex_digit(head[i]);
        if (digit >= 16) {
            return fail_packet(e, "a length is no number");
        }
        length = length * 16 + digit;
    }
    if (got < HEAD) {
        return fail_packet(e, "they end within a length");
    }
    *what = length == 0 ? SOPS_PKT_FLUSH : SOPS_PKT_DATA;
    if (length == 0) {
        return true;
    }
    if (length < HEAD || length > SOPS_PKT_MAX) {
        return fail_packet(e, "a length that no packet has");
    }
    length -= HEAD;
    if (to->len > limit || length > limit - to->len) {
        return sops_fail(e, SOPS_E_READ, "git sends more than %zu bytes in one piece", limit);
    }
    if (!sops_buf_reserve(to, length, e) || !read_bytes(s, to->ptr + to->len, length, &got, e)) {
        return false;
    }
    to->len += got;
    return got == length || fail_packet(e, "they end within a packet");
}

bool sops_pkt_add(struct sops_buf *out, struct sops_slice bytes, struct sops_err *e)
{
    while (bytes.len != 0) {
        struct sops_slice piece = sops_slice_first(bytes, SOPS_PKT_MAX - HEAD);
        if (!sops_buf_addf(out, e, "%04zx", piece.len + HEAD) || !sops_buf_add(out, piece, e)) {
            return false;
        }
        bytes = sops_slice_skip(bytes, piece.len);
    }
    return true;
}

bool sops_pkt_flush(struct sops_buf *out, struct sops_err *e) { return sops_buf_adds(out, "0000", e); }
