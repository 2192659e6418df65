/* SPDX-License-Identifier: Apache-2.0 */
/* pkt.h - git's packets: four hex digits of length, themselves counted, and what is in it; "0000" ends a list. */
#ifndef SOPS_CLI_PKT_H
#define SOPS_CLI_PKT_H

#include "base/base.h"

#define SOPS_PKT_MAX 65520 /* bytes of a packet, its length included */

/* Where packets come from: up to `n` bytes into `to`; 0 at the end, -1 with `e` set. */
struct sops_pkt_source {
    ptrdiff_t (*read)(void *ctx, void *to, size_t n, struct sops_err *e);
    void *ctx;
};
enum sops_pkt { SOPS_PKT_DATA, SOPS_PKT_FLUSH, SOPS_PKT_END };
/* The next packet; the bytes of DATA are appended to `to`, at most until that is `limit` long. END: nothing more came.
 * Code 2 for what is no packet, and for an end within one. */
bool sops_pkt_read(struct sops_pkt_source *s, struct sops_buf *to, size_t limit, enum sops_pkt *what,
                   struct sops_err *e) SOPS_CHECKED;
/* Appends `bytes` in as many packets as it takes; none for no bytes. */
bool sops_pkt_add(struct sops_buf *out, struct sops_slice bytes, struct sops_err *e) SOPS_CHECKED;
bool sops_pkt_flush(struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
