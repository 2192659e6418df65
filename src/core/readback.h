/* SPDX-License-Identifier: Apache-2.0 */
/* readback.h - may this be written? Parses what is about to be written and compares
 * (docs/spec/20-formats.md#what-dotenv-and-ini-cannot-hold, docs/spec/10-document-and-cipher.md#active-comments). */
#ifndef SOPS_CORE_READBACK_H
#define SOPS_CORE_READBACK_H

#include "core/format.h"
#include "core/meta.h"

/* `d` is sealed, with its metadata attached, and was emitted as `bytes` in `f`; its nodes carry the marks. Does nothing
 * unless `f` is LOSSY, or has COMMENTS and a comment rule is in force. Code 4 naming the key (LOSSY), 23 naming the key
 * path (a comment rule would answer otherwise when read). */
bool sops_readback(const struct sops_doc *d, const struct sops_format *f, const struct sops_rules *rules,
                   struct sops_slice bytes, struct sops_err *e) SOPS_CHECKED;

#endif
