/* SPDX-License-Identifier: Apache-2.0 */
/* Almost nothing is interpreted: a line is a comment or a pair, and only `\n` is more than it seems (spec 20,
 * "dotenv"). */
#include "core/format.h"

#define ESCAPED_BREAK SOPS_LIT("\\n")

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* A copy of `from` in the arena with each `\n` as a newline. */
static bool copy_value(struct sops_doc *d, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    uint8_t *bytes = sops_arena_bytes(&d->arena, from.len, e);
    if (bytes == NULL) {
        return false;
    }
    size_t len = 0;
    while (from.len != 0) {
        size_t n = sops_slice_find(from, '\\');
        memcpy(bytes + len, from.ptr, n);
        len += n;
        from = sops_slice_skip(from, n);
        if (from.len != 0) {
            bool is_break = sops_slice_starts(from, ESCAPED_BREAK);
            bytes[len++] = is_break ? '\n' : '\\';
            from = sops_slice_skip(from, is_break ? 2 : 1);
        }
    }
    *to = sops_slice_of(bytes, len);
    return true;
}

static struct sops_node *add_pair(struct sops_doc *d, struct sops_slice line, size_t equals, struct sops_err *e)
{
    struct sops_slice key = sops_slice_first(line, equals);
    struct sops_slice value = sops_slice_skip(line, equals + 1);
    if (!sops_arena_copy(&d->arena, key, &key, e) || !copy_value(d, value, &value, e)) {
        return NULL;
    }
    return sops_node_add_ref(d, d->parts, SOPS_STR, key, value, e);
}

static bool fail_line(unsigned number, struct sops_err *e)
{
    sops_fail_at(e, number, 0, "a line of a dotenv file has no '='");
    sops_hint(e, "a line break in a value is written as the two characters \\n");
    return sops_recode(e, SOPS_E_READ);
}

static bool parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    const struct sops_slice none = SOPS_LIT("");
    struct sops_node *root = sops_node_add_ref(out, NULL, SOPS_MAP, none, none, e);
    if (root == NULL) {
        return false;
    }
    root->line = 1;
    root->span = (struct sops_span){0, (uint32_t)in.len};
    struct sops_slice rest = in.ptr != NULL ? in : none;
    struct sops_slice line;
    for (unsigned number = 1; sops_slice_next(&rest, '\n', &line); number++) {
        if (line.len == 0) {
            continue;
        }
        struct sops_node *n;
        size_t equals = sops_slice_find(line, '=');
        bool comment = line.ptr[0] == '#';
        if (comment) {
            n = sops_node_add(out, out->parts, SOPS_COMMENT, none, sops_slice_skip(line, 1), e);
        } else if (equals == line.len) {
            return fail_line(number, e);
        } else {
            n = add_pair(out, line, equals, e);
        }
        if (n == NULL) {
            return false;
        }
        const uint8_t *from = comment ? line.ptr : line.ptr + equals + 1;
        n->line = number;
        n->span = sops_span_of(in.ptr, from, line.ptr + line.len);
        n->key_span = comment ? n->key_span : sops_span_of(in.ptr, line.ptr, line.ptr + equals);
    }
    return true;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static size_t count_breaks(struct sops_slice s)
{
    size_t count = 0;
    for (size_t n = sops_slice_find(s, '\n'); n < s.len; n = sops_slice_find(s, '\n')) {
        s = sops_slice_skip(s, n + 1);
        count++;
    }
    return count;
}

/* Room for all of it at once; plain texts are at most a few characters longer than canonical ones. */
static bool make_room(const struct sops_node *map, struct sops_buf *out, struct sops_err *e)
{
    size_t size = 0;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        size += n->key.len + n->text.len + count_breaks(n->text) + sizeof "=<nil>\n";
    }
    return sops_buf_reserve(out, size, e);
}

static bool add_escaped(struct sops_buf *out, struct sops_slice s, struct sops_err *e)
{
    for (;;) {
        size_t n = sops_slice_find(s, '\n');
        if (!sops_buf_add(out, sops_slice_first(s, n), e)) {
            return false;
        }
        if (n == s.len) {
            return true;
        }
        if (!sops_buf_add(out, ESCAPED_BREAK, e)) {
            return false;
        }
        s = sops_slice_skip(s, n + 1);
    }
}

static bool add_entry(struct sops_buf *out, const struct sops_node *n, struct sops_err *e)
{
    if (n->kind == SOPS_COMMENT) {
        return sops_buf_addc(out, '#', e) && sops_buf_add(out, n->text, e) && sops_buf_addc(out, '\n', e);
    }
    if (!sops_buf_add(out, n->key, e) || !sops_buf_addc(out, '=', e)) {
        return false;
    }
    bool good = n->kind == SOPS_STR ? add_escaped(out, n->text, e) : sops_node_plain(n, out, e);
    return good && sops_buf_addc(out, '\n', e);
}

static bool refuse(const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, e)) {
        sops_fail(e, SOPS_E_DUMP, "dotenv holds single values only, and %.*s is a mapping or list",
                  SOPS_ARG(sops_buf_view(&path)));
    }
    sops_buf_free(&path);
    return sops_hint(e, "--output-type selects another type");
}

static bool emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    (void)s;
    if (d->parts == NULL) {
        return true;
    }
    if (!make_room(d->parts, out, e)) {
        return false;
    }
    for (const struct sops_node *n = d->parts->child; n != NULL; n = n->next) {
        if (!sops_node_is_leaf(n) ? !refuse(n, e) : !add_entry(out, n, e)) {
            return false;
        }
    }
    return true;
}

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e)
                               : sops_fail(e, SOPS_E_DUMP, "a single value of dotenv must be a string");
}

const struct sops_format sops_format_dotenv = {
    .name = "dotenv",
    .suffixes = (const char *const[]){".env", NULL},
    .example = "# This is an example file.\n"
               "hello=Welcome to SOPS! Edit this file as you please!\n"
               "example_key=example_value\n"
               "example_multiline=foo\\nbar\\nbaz\n",
    .meta = SOPS_META_PREFIX,
    .flags = SOPS_FMT_LOSSY,
    .parse = parse,
    .emit = emit,
    .emit_value = emit_value,
};
