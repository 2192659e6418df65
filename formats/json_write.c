/* SPDX-License-Identifier: Apache-2.0 */
/* The document is laid out twice: once to learn the size, once into memory that was reserved for just that. */
#include "formats/json.h"

#include "base/text.h"

/* The reference's limit, and a bound for the indentation, which grows with the square of the depth. */
#define DEPTH_MAX 10000

struct writer {
    uint8_t *at; /* NULL while measuring */
    size_t size;
    size_t blanks; /* of indentation, so far */
    bool too_big;
    bool compact;
    bool spaced; /* compact, with a blank behind each comma and colon */
    uint8_t blank;
    size_t indent; /* blanks a level */
    size_t depth;
    struct sops_buf scratch;
    struct sops_err *e;
};

static void put(struct writer *w, struct sops_slice s)
{
    w->too_big = __builtin_add_overflow(w->size, s.len, &w->size) || w->too_big;
    if (w->at != NULL && s.len != 0) {
        memcpy(w->at, s.ptr, s.len);
        w->at += s.len;
    }
}

static void put_line(struct writer *w)
{
    size_t blanks;
    if (w->compact) {
        return;
    }
    put(w, SOPS_LIT("\n"));
    w->too_big = __builtin_mul_overflow(w->depth, w->indent, &blanks) ||
                 __builtin_add_overflow(w->size, blanks, &w->size) || w->too_big;
    w->too_big = w->too_big || blanks > SOPS_BLANKS_MAX - w->blanks;
    w->blanks += w->too_big ? 0 : blanks;
    if (w->at != NULL) {
        memset(w->at, w->blank, blanks);
        w->at += blanks;
    }
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

#define BLOCK 64
/* The same of BLOCK bytes, in a way that the compiler turns into a few vector instructions. */
static bool are_plain(const uint8_t *s)
{
    uint8_t odd = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t c = s[i];
        odd |= (uint8_t)((c < 0x20) | (c >= 0x80) | (c == '"') | (c == '\\') | ((c | 2) == '>') | (c == '&'));
    }
    return odd == 0;
}

/* How many bytes at the start of `s` are written as they are. */
static size_t plain_run(struct sops_slice s)
{
    size_t i = 0;
    while (s.len - i >= BLOCK && are_plain(s.ptr + i)) {
        i += BLOCK;
    }
    for (; s.len - i >= 8; i += 8) {
        uint64_t v;
        memcpy(&v, s.ptr + i, sizeof v);
        uint64_t angle = sops_zero_byte((v | SOPS_EACH_BYTE('<' ^ '>')) ^ SOPS_EACH_BYTE('>'));
        uint64_t rest = sops_zero_byte(v ^ SOPS_EACH_BYTE('"')) | sops_zero_byte(v ^ SOPS_EACH_BYTE('\\')) |
                        sops_zero_byte(v ^ SOPS_EACH_BYTE('&'));
        if ((sops_odd_byte(v) | angle | rest) != 0) {
            break;
        }
    }
    while (i < s.len && is_plain(s.ptr[i])) {
        i++;
    }
    return i;
}

/* The one character at the start of `s` that is not plain; returns the number of bytes it takes there. */
static size_t put_special(struct writer *w, struct sops_slice s)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t c = s.ptr[0];
    uint32_t cp;
    size_t n = sops_utf8_next(s, &cp);
    if (n == 0) {
        put(w, SOPS_LIT("\\ufffd"));
        return 1;
    }
    if (cp == 0x2028 || cp == 0x2029) {
        put(w, cp == 0x2028 ? SOPS_LIT("\\u2028") : SOPS_LIT("\\u2029"));
        return n;
    }
    if (n > 1) {
        put(w, sops_slice_first(s, n));
        return n;
    }
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known != NULL) {
        put(w, sops_slice_of((const char[]){'\\', to[known - from]}, 2));
    } else {
        put(w, sops_slice_of((const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6));
    }
    return 1;
}

static void put_string(struct writer *w, struct sops_slice s)
{
    put(w, SOPS_LIT("\""));
    while (s.len != 0) {
        size_t n = plain_run(s);
        put(w, sops_slice_first(s, n));
        s = sops_slice_skip(s, n);
        if (s.len != 0) {
            s = sops_slice_skip(s, put_special(w, s));
        }
    }
    put(w, SOPS_LIT("\""));
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

/* `n` or the next one beside it that JSON can show. */
static const struct sops_node *shown(const struct sops_node *n)
{
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n;
}

static bool put_scalar(struct writer *w, const struct sops_node *n)
{
    switch ((enum sops_kind)n->kind) {
    case SOPS_NULL:
        put(w, SOPS_LIT("null"));
        return true;
    case SOPS_BOOL:
        put(w, sops_slice_eq(n->text, SOPS_LIT("True")) ? SOPS_LIT("true") : SOPS_LIT("false"));
        return true;
    case SOPS_INT:
        put(w, n->text);
        return true;
    case SOPS_FLOAT:
        sops_buf_cut(&w->scratch, 0);
        if (!sops_float_json(&w->scratch, n->text, w->e)) {
            return false;
        }
        put(w, sops_buf_view(&w->scratch));
        return true;
    case SOPS_STR:
    case SOPS_TIME:
        put_string(w, n->text);
        return true;
    case SOPS_COMMENT:
    case SOPS_MAP:
    case SOPS_LIST:
    case SOPS_ODD:
        break;
    }
    return sops_fail(w->e, SOPS_E_DUMP, "JSON cannot hold such a value");
}

static void put_key(struct writer *w, const struct sops_node *n)
{
    if (n->up->kind == SOPS_MAP) {
        put_string(w, n->key);
        put(w, w->compact && !w->spaced ? SOPS_LIT(":") : SOPS_LIT(": "));
    }
}

/* Writes `n` but for what is in it; `*inside` is the first node in it. */
static bool put_node(struct writer *w, const struct sops_node *n, const struct sops_node **inside)
{
    *inside = NULL;
    if (sops_node_is_leaf(n)) {
        return put_scalar(w, n);
    }
    bool map = n->kind == SOPS_MAP;
    if (w->depth >= DEPTH_MAX) {
        return sops_fail(w->e, SOPS_E_DUMP, "JSON is limited to %d mappings and lists inside each other", DEPTH_MAX);
    }
    *inside = shown(n->child);
    if (*inside == NULL) {
        put(w, map ? SOPS_LIT("{}") : SOPS_LIT("[]"));
        return true;
    }
    put(w, map ? SOPS_LIT("{") : SOPS_LIT("["));
    w->depth++;
    return true;
}

static void put_end(struct writer *w, const struct sops_node *n)
{
    w->depth--;
    put_line(w);
    put(w, n->kind == SOPS_MAP ? SOPS_LIT("}") : SOPS_LIT("]"));
}

static bool put_tree(struct writer *w, const struct sops_node *root)
{
    const struct sops_node *n = root;
    const struct sops_node *inside;
    w->size = 0;
    w->depth = 0;
    while (put_node(w, n, &inside)) {
        const struct sops_node *next = inside;
        while (next == NULL && n != root) {
            next = shown(n->next);
            if (next == NULL) {
                n = n->up;
                put_end(w, n);
            } else {
                put(w, w->spaced ? SOPS_LIT(", ") : SOPS_LIT(","));
            }
        }
        if (next == NULL) {
            return true;
        }
        n = next;
        put_line(w);
        put_key(w, n);
    }
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, w->e)) {
        sops_within(w->e, "%.*s", SOPS_ARG(sops_buf_view(&path)));
    }
    sops_buf_free(&path);
    return false;
}

static bool write_twice(struct writer *w, const struct sops_node *root, struct sops_buf *out)
{
    bool good = put_tree(w, root);
    if (good && w->too_big) {
        good = sops_blanks_fail(w->e);
    }
    if (good && sops_buf_reserve(out, w->size + 1, w->e)) { /* and a newline */
        w->at = out->ptr + out->len;
        w->blanks = 0;
        good = put_tree(w, root);
        out->len += w->size;
    } else {
        good = false;
    }
    sops_buf_free(&w->scratch);
    return good;
}

bool sops_json_write(const struct sops_node *root, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    struct writer w = {.blank = '\t', .indent = 1, .e = e};
    if (s->indent_set && s->indent < -1) {
        return sops_fail(e, SOPS_E_DUMP, "JSON cannot be indented by %lld blanks", (long long)s->indent);
    }
    if (s->indent_set && s->indent != -1) {
        w.blank = ' ';
        w.indent = (size_t)s->indent;
    }
    return write_twice(&w, root, out);
}

bool sops_json_write_compact(const struct sops_node *root, struct sops_buf *out, struct sops_err *e)
{
    struct writer w = {.compact = true, .e = e};
    return write_twice(&w, root, out);
}

bool sops_json_write_line(const struct sops_node *root, struct sops_buf *out, struct sops_err *e)
{
    struct writer w = {.compact = true, .spaced = true, .e = e};
    return write_twice(&w, root, out);
}
