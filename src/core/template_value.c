/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression makes of a value: its text, or JSON or YAML of it, through the filters from left to right. Filters
 * can multiply a text, so what one expression gives has a limit. */
#include "core/template.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

#define VALUE_MAX ((size_t)256 << 20)

static bool json_string(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addc(out, '"', e) && sops_json_escape(out, text, SOPS_JSON_SHORTEST, e) &&
           sops_buf_addc(out, '"', e);
}

static bool json_scalar(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        return sops_buf_adds(out, "null", e);
    case SOPS_BOOL:
        return sops_buf_adds(out, n->text.len == 4 ? "true" : "false", e);
    case SOPS_FLOAT:
        return sops_float_json(out, n->text, e);
    case SOPS_INT:
        return sops_buf_add(out, n->text, e);
    case SOPS_STR:
    case SOPS_TIME:
        return json_string(n->text, out, e);
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_COMMENT:
    case SOPS_ODD:
        break;
    }
    return sops_fail(e, SOPS_E_DUMP, "a value of this kind has no JSON");
}

static const struct sops_node *without_comments(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

/* The whole of `root` on one line, without recursion. */
static bool json_value(const struct sops_node *root, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_node *n = root;
    for (bool ok = true; ok;) {
        if (n != root && n->up->kind == SOPS_MAP) {
            ok = json_string(n->key, out, e) && sops_buf_addc(out, ':', e);
        }
        bool leaf = sops_node_is_leaf(n);
        const struct sops_node *inside = leaf ? NULL : without_comments(n->child);
        ok = ok && (leaf ? json_scalar(n, out, e) : sops_buf_addc(out, n->kind == SOPS_MAP ? '{' : '[', e));
        if (ok && !leaf && inside == NULL) {
            ok = sops_buf_addc(out, n->kind == SOPS_MAP ? '}' : ']', e);
        }
        const struct sops_node *next = inside;
        while (ok && next == NULL && n != root) {
            next = without_comments(n->next);
            n = n->up;
            ok = next != NULL ? sops_buf_addc(out, ',', e) : sops_buf_addc(out, n->kind == SOPS_MAP ? '}' : ']', e);
        }
        if (!ok || next == NULL) {
            return ok;
        }
        n = next;
    }
    return false;
}

/* The YAML that decrypt writes, without its last newline. */
static bool yaml_value(const struct sops_node *n, const struct sops_style *style, struct sops_buf *out,
                       struct sops_err *e)
{
    const struct sops_format *yaml = sops_format_named(SOPS_LIT("yaml"));
    struct sops_doc d = {0};
    struct sops_node *copy = sops_node_copy(&d, n, e);
    bool ok = copy != NULL;
    if (ok && n->kind == SOPS_MAP) {
        d.parts = d.tail = copy;
        ok = sops_doc_emit(&d, yaml, style, out, e);
    } else if (ok) {
        ok = sops_doc_emit_value(&d, copy, yaml, style, out, e);
    }
    out->len -= ok && out->len != 0 && out->ptr[out->len - 1] == '\n';
    sops_doc_free(&d);
    return ok;
}

/* The text of a leaf. */
static bool text_value(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    if (!sops_node_is_leaf(n)) {
        sops_fail(e, SOPS_E_DUMP, "a %s has no text", n->kind == SOPS_MAP ? "mapping" : "list");
        return sops_hint(e, "put | json or | yaml behind it");
    }
    return n->kind == SOPS_NULL ? sops_buf_adds(out, "null", e) : sops_node_plain(n, out, e);
}

static bool shell_text(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    if (sops_slice_find(text, '\0') != text.len) {
        return sops_fail(e, SOPS_E_DUMP, "the value holds a NUL byte, which no shell can read") ||
               sops_hint(e, "| base64 can hold it");
    }
    bool ok = sops_buf_addc(out, '\'', e);
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = text.ptr[i] == '\'' ? sops_buf_adds(out, "'\\''", e) : sops_buf_addc(out, text.ptr[i], e);
    }
    return ok && sops_buf_addc(out, '\'', e);
}

static bool indented_text(struct sops_slice text, unsigned blanks, struct sops_buf *out, struct sops_err *e)
{
    bool ok = true;
    while (ok && text.len != 0) {
        size_t line = sops_slice_find(text, '\n') + 1;
        ok = sops_buf_add(out, sops_slice_first(text, line), e);
        text = sops_slice_skip(text, line);
        if (ok && text.len != 0 && text.ptr[0] != '\n') {
            ok = sops_buf_addn(out, ' ', blanks, e);
        }
    }
    return ok;
}

static bool filtered_text(struct sops_slice text, const struct sops_template_use *use, struct sops_buf *out,
                          struct sops_err *e)
{
    switch (use->filter) {
    case SOPS_AS_JSON:
    case SOPS_AS_YAML:
        return json_string(text, out, e);
    case SOPS_AS_SHELL:
        return shell_text(text, out, e);
    case SOPS_AS_URL:
        return sops_percent_add(out, text, "", e);
    case SOPS_AS_BASE64:
        return sops_base64_add(out, SOPS_B64_STD, text, e);
    case SOPS_INDENTED:
        return indented_text(text, use->blanks, out, e);
    }
    return false;
}

/* The first filter may take the value itself. */
static bool first_text(const struct sops_node *n, const struct sops_template_use *use, const struct sops_style *style,
                       struct sops_buf *out, bool *used, struct sops_err *e)
{
    *used = use != NULL && (use->filter == SOPS_AS_JSON || use->filter == SOPS_AS_YAML);
    if (!*used) {
        return text_value(n, out, e);
    }
    bool as_yaml = use->filter == SOPS_AS_YAML && !sops_node_is_leaf(n) && without_comments(n->child) != NULL;
    return as_yaml ? yaml_value(n, style, out, e) : json_value(n, out, e);
}

bool sops_template_value(const struct sops_template *t, const struct sops_node *n, const struct sops_style *style,
                         struct sops_buf *out, struct sops_err *e)
{
    const struct sops_template_use *use = (const struct sops_template_use *)(const void *)t->filters.ptr;
    size_t count = t->filters.len / sizeof *use;
    struct sops_buf text = {0};
    bool used = false, ok = first_text(n, count != 0 ? use : NULL, style, &text, &used, e);
    for (size_t i = used; ok && i < count; i++) {
        struct sops_buf next = {0};
        ok = (text.len <= VALUE_MAX ||
              sops_fail(e, SOPS_E_DUMP, "the filters make more than %zu MiB", VALUE_MAX >> 20)) &&
             filtered_text(sops_buf_view(&text), &use[i], &next, e);
        sops_buf_free(&text);
        text = next;
    }
    ok = ok && sops_buf_add(out, sops_buf_view(&text), e);
    sops_buf_free(&text);
    if (!ok && !e->memory) {
        sops_within(e, "'%.*s'", SOPS_ARG(sops_slice_first(t->path, 200)));
        sops_recode(e, SOPS_E_DUMP);
        (void)sops_template_blame(t, e);
    }
    return ok;
}
