/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which a value may stand in a text: as it is, quoted for JSON, URLs and shells, in base64 and in hex.
 * Most values look the same in most of them, so what equals the value is left out at once. */
#include "core/redactor.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"
#include "core/format.h"
#include "core/leaves.h"

enum { NAMES_SHOWN = 5 };

/* One value whose forms are added. */
struct value {
    struct sops_redact *r;
    struct sops_slice text;
    uint32_t id;
    struct sops_buf form; /* the one at hand */
};

/* A long text counts in pieces. What is left at its end may be too short to be looked for alone, so its last piece
 * reaches back into the one before. */
static bool add_text(struct value *v, struct sops_slice text, struct sops_err *e)
{
    size_t least = v->r->least;
    bool ok = true;
    if (text.len < least) {
        return true;
    }
    while (ok && text.len > SOPS_MATCHER_LONGEST) {
        ok = sops_matcher_add(&v->r->matcher, sops_slice_first(text, SOPS_MATCHER_LONGEST), v->id, e);
        size_t rest = text.len - SOPS_MATCHER_LONGEST;
        text = sops_slice_skip(text, rest < least ? text.len - least : SOPS_MATCHER_LONGEST);
    }
    return ok && sops_matcher_add(&v->r->matcher, text, v->id, e);
}

/* Adds the form at hand, unless it is the value itself, and empties it. */
static bool add_form(struct value *v, struct sops_err *e)
{
    struct sops_slice form = sops_buf_view(&v->form);
    bool ok = sops_slice_eq(form, v->text) || add_text(v, form, e);
    v->form.len = 0;
    return ok;
}

static bool add_lines(struct value *v, struct sops_err *e)
{
    struct sops_slice rest = v->text, line;
    bool ok = add_text(v, v->text, e);
    if (sops_slice_find(v->text, '\n') == v->text.len) {
        return ok;
    }
    while (ok && sops_slice_next(&rest, '\n', &line)) {
        line.len -= line.len != 0 && line.ptr[line.len - 1] == '\r';
        ok = add_text(v, line, e);
    }
    return ok;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static bool add_json(struct value *v, enum sops_json_escape kind, struct sops_err *e)
{
    return sops_json_escape(&v->form, v->text, kind, e) && add_form(v, e);
}

/* ---- URLs and shells -------------------------------------------------------------------------------------------- */

static bool add_percent(struct value *v, const char *keep, bool plus, struct sops_err *e)
{
    struct sops_slice rest = v->text, piece;
    bool ok = true, first = true;
    while (ok && plus && sops_slice_next(&rest, ' ', &piece)) {
        ok = (first || sops_buf_addc(&v->form, '+', e)) && sops_percent_add(&v->form, piece, keep, e);
        first = false;
    }
    return ok && (plus || sops_percent_add(&v->form, v->text, keep, e)) && add_form(v, e);
}

/* Each character of `which` replaced: `with` for it, or (NULL) a backslash before it. */
static bool add_quoted(struct value *v, const char *which, const char *with, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < v->text.len; i++) {
        uint8_t c = v->text.ptr[i];
        bool hit = c != 0 && strchr(which, c) != NULL;
        ok = !hit           ? sops_buf_addc(&v->form, c, e)
             : with != NULL ? sops_buf_adds(&v->form, with, e)
                            : sops_buf_addc(&v->form, '\\', e) && sops_buf_addc(&v->form, c, e);
    }
    return ok && add_form(v, e);
}

/* ---- base64 and hex --------------------------------------------------------------------------------------------- */

static void to_url_alphabet(struct sops_buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->ptr[i];
        text->ptr[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
}

static bool add_wrapped(struct value *v, struct sops_slice text, size_t width, struct sops_err *e)
{
    bool ok = true;
    while (ok && text.len != 0 && width != 0) {
        struct sops_slice line = sops_slice_first(text, width);
        ok = add_text(v, line, e);
        text = sops_slice_skip(text, line.len);
    }
    return ok;
}

/* What the value alone decides of the encoding of `before` bytes and it, in both alphabets. */
static bool add_base64(struct value *v, size_t before, struct sops_err *e)
{
    static const uint8_t zeros[2] = {0};
    struct sops_buf bytes = {0}, text = {0};
    size_t begin = (8 * before + 5) / 6, end = 8 * (before + v->text.len) / 6;
    bool ok = sops_buf_add(&bytes, sops_slice_of(zeros, before), e) && sops_buf_add(&bytes, v->text, e) &&
              sops_base64_add(&text, SOPS_B64_RAW, sops_buf_view(&bytes), e);
    struct sops_slice decided = sops_slice_skip(sops_slice_first(sops_buf_view(&text), end), begin);
    ok = ok && add_text(v, decided, e);
    for (size_t width = 76; ok && before == 0 && width >= 64; width -= 12) {
        ok = decided.len <= width || add_wrapped(v, decided, width, e);
    }
    if (ok && (sops_slice_find(decided, '+') != decided.len || sops_slice_find(decided, '/') != decided.len)) {
        to_url_alphabet(&text);
        ok = add_text(v, decided, e);
    }
    sops_buf_free(&text);
    sops_buf_free(&bytes);
    return ok;
}

static bool add_hex(struct value *v, bool upper, struct sops_err *e)
{
    return sops_hex_add(&v->form, v->text, upper, e) && add_form(v, e);
}

static bool add_forms(struct value *v, struct sops_err *e)
{
    bool ok = add_lines(v, e) && add_json(v, SOPS_JSON_SHORTEST, e) && add_json(v, SOPS_JSON_HTML, e) &&
              add_json(v, SOPS_JSON_ASCII, e) && add_percent(v, "", false, e) && add_percent(v, "", true, e) &&
              add_percent(v, "!'()*", false, e) && add_percent(v, "/", false, e) && add_quoted(v, "'", "'\\''", e) &&
              add_quoted(v, "'", "'\"'\"'", e) && add_quoted(v, "\"$`\\", NULL, e);
    for (size_t before = 0; ok && before < 3; before++) {
        ok = add_base64(v, before, e);
    }
    return ok && add_hex(v, false, e) && add_hex(v, true, e);
}

/* ---- the values of a document ------------------------------------------------------------------------------------ */

static bool note_short(struct sops_redact *r, struct sops_slice name, struct sops_err *e)
{
    r->left_out++;
    if (r->left_out > NAMES_SHOWN) {
        return r->left_out > NAMES_SHOWN + 1 || sops_buf_adds(&r->short_names, ", …", e);
    }
    return (r->left_out == 1 || sops_buf_adds(&r->short_names, ", ", e)) && sops_buf_add(&r->short_names, name, e);
}

static bool add_value(struct sops_redact *r, struct sops_slice text, struct sops_slice name, struct sops_err *e)
{
    struct value v = {.r = r};
    struct sops_slice kept;
    r->bytes += text.len;
    if (r->bytes > SOPS_REDACT_VALUES_MAX) {
        sops_fail(e, SOPS_E_GENERIC, "the values are more than the %zu MiB that can be redacted",
                  SOPS_REDACT_VALUES_MAX >> 20);
        return sops_hint(e, "leave --redact out, or the file with large values");
    }
    while (text.len != 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    if (text.len < r->least) {
        return note_short(r, name, e);
    }
    v.text = text;
    v.id = (uint32_t)r->values++;
    bool ok = sops_arena_copy(&r->arena, name, &kept, e) &&
              sops_buf_add(&r->names, sops_slice_of(&kept, sizeof kept), e) && add_forms(&v, e);
    sops_buf_free(&v.form);
    return ok;
}

bool sops_redact_add(struct sops_redact *r, const struct sops_doc *d, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = true;
    for (const struct sops_node *part = d->parts; ok && part != NULL; part = part->next) {
        struct sops_leaves l = {.root = part, .separator = SOPS_LIT(".")};
        while (ok && sops_leaves_next(&l, e)) {
            if (l.at->sealed == NULL) {
                continue;
            }
            struct sops_buf name = {0};
            sops_buf_cut(&text, 0);
            ok = sops_buf_add(&name, sops_buf_view(&l.name), e) && sops_node_plain(l.at, &text, e);
            sops_text_tame(&name, 0);
            ok = ok && add_value(r, sops_buf_view(&text), sops_buf_view(&name), e);
            sops_buf_free(&name);
        }
        ok = ok && e->code == SOPS_OK;
        sops_leaves_free(&l);
    }
    sops_buf_free(&text);
    return ok;
}

bool sops_redact_build(struct sops_redact *r, struct sops_err *e) { return sops_matcher_build(&r->matcher, e); }

void sops_redact_free(struct sops_redact *r)
{
    sops_matcher_free(&r->matcher);
    sops_arena_free(&r->arena);
    sops_buf_free(&r->names);
    sops_buf_free(&r->short_names);
    *r = (struct sops_redact){0};
}
