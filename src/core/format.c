/* SPDX-License-Identifier: Apache-2.0 */
/* Formats are found by walking the table: nothing here knows one by name. */
#include "core/format.h"

#include "base/text.h"

const char *const sops_words_bool[] = {"false", "true", NULL};
const char *const sops_words_keep[] = {"false", "true", "strict", NULL};

const struct sops_format *sops_format_named(struct sops_slice word)
{
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        if (sops_slice_eq(word, sops_str(sops_formats[i]->name))) {
            return sops_formats[i];
        }
    }
    return NULL;
}

const struct sops_format *sops_format_to_try(const struct sops_format *last)
{
    const struct sops_format *next = NULL;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        unsigned turn = sops_formats[i]->turn;
        if (turn > (last != NULL ? last->turn : 0) && (next == NULL || turn < next->turn)) {
            next = sops_formats[i];
        }
    }
    return next;
}

static bool has_suffix(const struct sops_format *f, struct sops_slice file_name)
{
    for (const char *const *suffix = f->suffixes; suffix != NULL && *suffix != NULL; suffix++) {
        if (sops_slice_ends(file_name, sops_str(*suffix))) {
            return true;
        }
    }
    return false;
}

const struct sops_format *sops_format_by_choice(struct sops_slice file_name)
{
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        if (sops_formats[i]->by_choice && has_suffix(sops_formats[i], file_name)) {
            return sops_formats[i];
        }
    }
    return NULL;
}

const struct sops_format *sops_format_for(struct sops_slice file_name)
{
    const struct sops_format *last = NULL;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        last = sops_formats[i];
        if (!last->by_choice && has_suffix(last, file_name)) {
            return last;
        }
    }
    return last;
}

bool sops_node_plain(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        return sops_buf_adds(out, "<nil>", e);
    case SOPS_BOOL:
        return sops_buf_adds(out, sops_slice_eq(n->text, SOPS_LIT("True")) ? "true" : "false", e);
    case SOPS_FLOAT:
        return sops_float_plain(out, n->text, e);
    case SOPS_TIME:
        return sops_time_plain(out, n->text, e);
    case SOPS_INT:
    case SOPS_STR:
    case SOPS_COMMENT:
        return sops_buf_add(out, n->text, e);
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_ODD:
        break;
    }
    return sops_fail(e, SOPS_E_DUMP, "a mapping or list is no single value");
}

bool sops_doc_parse(struct sops_doc *d, const struct sops_format *f, struct sops_slice in, struct sops_err *e)
{
    if (in.len > UINT32_MAX) {
        return sops_fail(e, SOPS_E_READ, "the text is longer than 4 GiB");
    }
    return f->parse(d, in, e);
}

bool sops_doc_parse_row(struct sops_doc *d, const struct sops_format *f, struct sops_slice in, struct sops_err *e)
{
    struct sops_format row = *f;
    row.parse = f->parse_row != NULL ? f->parse_row : f->parse;
    return sops_doc_parse(d, &row, in, e);
}

static bool may_leave(const struct sops_doc *d, struct sops_err *e)
{
    return d->state != SOPS_DOC_UNVERIFIED ||
           sops_fail(e, SOPS_E_MAC, "the document was not verified against its MAC, so it is not written");
}

bool sops_doc_emit(const struct sops_doc *d, const struct sops_format *f, const struct sops_style *s,
                   struct sops_buf *out, struct sops_err *e)
{
    size_t before = out->len;
    if (!may_leave(d, e)) {
        return false;
    }
    if (!f->emit(d, s, out, e)) {
        sops_buf_cut(out, before);
        return false;
    }
    return true;
}

bool sops_doc_emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_format *f,
                         const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    return may_leave(d, e) && f->emit_value(d, n, s, out, e);
}

bool sops_blanks_fail(struct sops_err *e)
{
    sops_fail(e, SOPS_E_DUMP, "the document is nested so deeply that its indentation would take more than %zu MiB",
              SOPS_BLANKS_MAX >> 20);
    return sops_hint(e, "a smaller --indent makes it less");
}
