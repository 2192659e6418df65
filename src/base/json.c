/* SPDX-License-Identifier: Apache-2.0 */
/* Only what JSON demands is escaped, so that what is sent can be read in a log of the other end. */
#include "base/json.h"

#include "base/text.h"

static bool add_character(struct sops_buf *out, struct sops_slice text, size_t *used, struct sops_err *e)
{
    uint32_t c = 0;
    *used = sops_utf8_next(text, &c);
    if (*used == 0) {
        *used = 1;
        return sops_utf8_add(out, 0xfffd, e);
    }
    if (c == '"' || c == '\\') {
        return sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)c, e);
    }
    return c < ' ' ? sops_buf_addf(out, e, "\\u%04x", c) : sops_buf_add(out, sops_slice_first(text, *used), e);
}

bool sops_json_quote(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '"', e);
    for (size_t used; ok && text.len != 0; text = sops_slice_skip(text, used)) {
        ok = add_character(out, text, &used, e);
    }
    return ok && sops_buf_addc(out, '"', e);
}
