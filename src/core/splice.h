/* SPDX-License-Identifier: Apache-2.0 */
/* splice.h - a text with some of its pieces replaced, and every other byte as it was. Knows nothing of formats. */
#ifndef SOPS_CORE_SPLICE_H
#define SOPS_CORE_SPLICE_H

#include "core/tree.h"

/* What is to stand in the place of a span; where the span is empty, it is put in. */
struct sops_splice {
    struct sops_span span;
    struct sops_slice bytes;
};

/* Appends `text` to `out` with each of the `count` edits made. Their spans lie in `text`, in order, and do not overlap;
 * what is put in at one place comes in the order given. Spans that are not so are a mistake of the caller: code 1, and
 * `out` as it was. `text` and the edits' bytes are only read, and must not be part of `out`. */
bool sops_splice(struct sops_slice text, const struct sops_splice *edits, size_t count, struct sops_buf *out,
                 struct sops_err *e) SOPS_CHECKED;

#endif
