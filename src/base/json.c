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

/* Whether a comma is wanted is seen by what stands there. */
static bool add_name(struct sops_buf *out, const char *name, struct sops_err *e)
{
    bool first = out->len == 0 || strchr("{[", out->ptr[out->len - 1]) != NULL;
    return (first || sops_buf_addc(out, ',', e)) &&
           (name == NULL || (sops_json_quote(out, sops_str(name), e) && sops_buf_addc(out, ':', e)));
}

bool sops_json_begin(struct sops_buf *out, const char *name, char bracket, struct sops_err *e)
{
    return add_name(out, name, e) && sops_buf_addc(out, (uint8_t)bracket, e);
}

bool sops_json_add(struct sops_buf *out, const char *name, struct sops_slice text, struct sops_err *e)
{
    return add_name(out, name, e) && sops_json_quote(out, text, e);
}

bool sops_json_add_base64(struct sops_buf *out, const char *name, enum sops_base64 kind, struct sops_slice bytes,
                          struct sops_err *e)
{
    return add_name(out, name, e) && sops_buf_addc(out, '"', e) && sops_base64_add(out, kind, bytes, e) &&
           sops_buf_addc(out, '"', e);
}

bool sops_json_add_int(struct sops_buf *out, const char *name, int64_t number, struct sops_err *e)
{
    return add_name(out, name, e) && sops_buf_addf(out, e, "%lld", (long long)number);
}

bool sops_json_add_value(struct sops_buf *out, const char *name, struct sops_slice json, struct sops_err *e)
{
    return add_name(out, name, e) && sops_buf_add(out, json, e);
}

/* ---- the inside of a string, as other programs write it -----------------------------------------------------------
 */

static bool escape_unit(struct sops_buf *out, uint32_t unit, struct sops_err *e)
{
    return sops_buf_addf(out, e, "\\u%04x", (unsigned)unit);
}

/* One character, whose bytes are `bytes`. */
static bool escape_char(struct sops_buf *out, uint32_t cp, struct sops_slice bytes, enum sops_json_escape kind,
                        struct sops_err *e)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *escaped = cp != 0 && cp < 0x80 ? strchr(from, (int)cp) : NULL;
    if (escaped != NULL) {
        return sops_buf_addc(out, '\\', e) && sops_buf_addc(out, (uint8_t)to[escaped - from], e);
    }
    bool html = cp == '<' || cp == '>' || cp == '&' || cp == 0x2028 || cp == 0x2029;
    if (cp < 0x20 || (kind == SOPS_JSON_HTML && html) || (kind == SOPS_JSON_ASCII && cp >= 0x80 && cp < 0x10000)) {
        return escape_unit(out, cp, e);
    }
    if (kind == SOPS_JSON_ASCII && cp >= 0x10000) {
        return escape_unit(out, 0xd800 + ((cp - 0x10000) >> 10), e) &&
               escape_unit(out, 0xdc00 + ((cp - 0x10000) & 0x3ff), e);
    }
    return sops_buf_add(out, bytes, e);
}

bool sops_json_escape(struct sops_buf *out, struct sops_slice text, enum sops_json_escape kind, struct sops_err *e)
{
    bool ok = true;
    while (ok && text.len != 0) {
        uint32_t cp = 0;
        size_t len = sops_utf8_next(text, &cp);
        struct sops_slice bytes = sops_slice_first(text, len != 0 ? len : 1);
        ok = len != 0 ? escape_char(out, cp, bytes, kind, e) : sops_buf_add(out, bytes, e);
        text = sops_slice_skip(text, bytes.len);
    }
    return ok;
}
