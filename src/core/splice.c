/* SPDX-License-Identifier: Apache-2.0 */
/* All is checked before the first byte is written, so that there is nothing to take back. */
#include "core/splice.h"

/* The size of the new text; fails when the edits do not fit the old one. */
static bool measure_splice(struct sops_slice text, const struct sops_splice *edits, size_t count, size_t *size,
                           struct sops_err *e)
{
    size_t at = 0;
    *size = text.len;
    for (size_t i = 0; i < count; i++) {
        struct sops_span s = edits[i].span;
        if (s.begin < at || s.end < s.begin || s.end > text.len) {
            return sops_fail(e, SOPS_E_GENERIC, "a mistake in this program: piece %zu of a text, to be replaced, %s",
                             i + 1, s.end > text.len ? "lies outside of it" : "is not behind the one before");
        }
        at = s.end;
        *size -= s.end - s.begin;
        if (__builtin_add_overflow(*size, edits[i].bytes.len, size)) {
            return sops_fail_memory(e);
        }
    }
    return true;
}

bool sops_splice(struct sops_slice text, const struct sops_splice *edits, size_t count, struct sops_buf *out,
                 struct sops_err *e)
{
    size_t size, at = 0;
    if (!measure_splice(text, edits, count, &size, e) || !sops_buf_reserve(out, size, e)) {
        return false;
    }
    bool fine = true; /* there is room for all of it */
    for (size_t i = 0; fine && i < count; i++) {
        fine = sops_buf_add(out, sops_slice_first(sops_slice_skip(text, at), edits[i].span.begin - at), e) &&
               sops_buf_add(out, edits[i].bytes, e);
        at = edits[i].span.end;
    }
    return fine && sops_buf_add(out, sops_slice_skip(text, at), e);
}
