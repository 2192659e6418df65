/* SPDX-License-Identifier: Apache-2.0 */
/* One pass and no recursion: the value that is open stands in `at`, and each bracket that closes goes one up. */
#include "base/json_tree.h"

#include "base/ascii.h"
#include "base/text.h"

struct reader {
    struct sops_arena *a;
    struct sops_slice text;
    size_t pos, depth, count;
    struct sops_json_value *root, *at; /* `at`: the list or object that is open */
    struct sops_buf scratch;
};

static bool fail_here(const struct reader *r, const char *why, struct sops_err *e)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < r->pos && i < r->text.len; i++) {
        column = r->text.ptr[i] == '\n' ? 1 : column + 1;
        line += r->text.ptr[i] == '\n';
    }
    return sops_fail(e, SOPS_E_GENERIC, "not JSON (line %u, column %u): %s", line, column, why);
}

static int peek(const struct reader *r) { return r->pos < r->text.len ? r->text.ptr[r->pos] : -1; }

static void skip_blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r') {
        r->pos++;
    }
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

static bool read_hex(struct reader *r, uint32_t *c, struct sops_err *e)
{
    *c = 0;
    for (int i = 0; i < 4; i++, r->pos++) {
        unsigned digit = peek(r) >= 0 ? sops_hex_digit((uint8_t)peek(r)) : 16;
        if (digit == 16) {
            return fail_here(r, "four hex digits are wanted", e);
        }
        *c = *c << 4 | digit;
    }
    return true;
}

/* Behind "\u". The second half of a pair stands in an escape of its own. */
static bool read_unicode(struct reader *r, struct sops_err *e)
{
    uint32_t c, low;
    if (!read_hex(r, &c, e)) {
        return false;
    }
    if (c >= 0xd800 && c < 0xdc00 && r->pos + 1 < r->text.len && r->text.ptr[r->pos] == '\\' &&
        r->text.ptr[r->pos + 1] == 'u') {
        size_t back = r->pos;
        r->pos += 2;
        if (!read_hex(r, &low, e)) {
            return false;
        }
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
        } else {
            r->pos = back;
        }
    }
    return sops_utf8_add(&r->scratch, c >= 0xd800 && c < 0xe000 ? 0xfffd : c, e);
}

static bool read_escape(struct reader *r, struct sops_err *e)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    r->pos += c >= 0;
    if (c == 'u') {
        return read_unicode(r, e);
    }
    return found != NULL ? sops_buf_addc(&r->scratch, (uint8_t)to[found - from], e) : fail_here(r, "no such escape", e);
}

/* At the opening quote. A string without escapes is a part of the source. */
static bool read_string(struct reader *r, struct sops_slice *out, struct sops_err *e)
{
    size_t start = ++r->pos, plain = start;
    bool escaped = false;
    sops_buf_cut(&r->scratch, 0);
    for (;;) {
        int c = peek(r);
        if (c < ' ') {
            return fail_here(r, c < 0 ? "a string is not closed" : "a control character in a string", e);
        }
        if (c != '"' && c != '\\') {
            uint32_t cp;
            size_t n = sops_utf8_next(sops_slice_skip(r->text, r->pos), &cp);
            if (n == 0) {
                return fail_here(r, "a string is not UTF-8", e);
            }
            r->pos += n;
            continue;
        }
        struct sops_slice run = sops_slice_of(r->text.ptr + plain, r->pos - plain);
        r->pos++;
        if (c == '"' && !escaped) {
            *out = run;
            return true;
        }
        if (!sops_buf_add(&r->scratch, run, e)) {
            return false;
        }
        if (c == '"') {
            return sops_arena_copy(r->a, sops_buf_view(&r->scratch), out, e);
        }
        escaped = true;
        if (!read_escape(r, e)) {
            return false;
        }
        plain = r->pos;
    }
}

/* ---- numbers and words ------------------------------------------------------------------------------------------ */

static size_t skip_digits(struct reader *r)
{
    size_t n = sops_digits(sops_slice_skip(r->text, r->pos));
    r->pos += n;
    return n;
}

static bool read_number(struct reader *r, struct sops_err *e)
{
    r->pos += peek(r) == '-';
    bool zero = peek(r) == '0';
    size_t n = skip_digits(r);
    if (n == 0 || (zero && n > 1)) {
        return fail_here(r, "a number is not well formed", e);
    }
    if (peek(r) == '.') {
        r->pos++;
        if (skip_digits(r) == 0) {
            return fail_here(r, "a number ends with its point", e);
        }
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->pos++;
        r->pos += peek(r) == '-' || peek(r) == '+';
        if (skip_digits(r) == 0) {
            return fail_here(r, "a number has an empty exponent", e);
        }
    }
    return true;
}

static bool read_word(struct reader *r, struct sops_json_value *v, struct sops_err *e)
{
    static const struct {
        const char *word;
        enum sops_json_kind kind;
    } words[] = {{"null", SOPS_JSON_NULL}, {"true", SOPS_JSON_TRUE}, {"false", SOPS_JSON_FALSE}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (sops_slice_starts(sops_slice_skip(r->text, r->pos), sops_str(words[i].word))) {
            v->kind = words[i].kind;
            r->pos += strlen(words[i].word);
            return true;
        }
    }
    return fail_here(r, peek(r) < 0 ? "it ends early" : "a value is wanted", e);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static struct sops_json_value *new_value(struct reader *r, struct sops_slice key, struct sops_err *e)
{
    if (++r->count > SOPS_JSON_VALUES_MAX) {
        fail_here(r, "it has too many values", e);
        return NULL;
    }
    struct sops_json_value *v = sops_arena_alloc(r->a, sizeof *v, e);
    if (v == NULL) {
        return NULL;
    }
    v->key = key;
    v->up = r->at;
    if (r->at == NULL) {
        r->root = v;
    } else if (r->at->last == NULL) {
        r->at->child = r->at->last = v;
    } else {
        r->at->last->next = v;
        r->at->last = v;
    }
    return v;
}

/* One value; a list or object is opened only. */
static bool begin_value(struct reader *r, struct sops_slice key, struct sops_err *e)
{
    struct sops_json_value *v = new_value(r, key, e);
    size_t start = r->pos;
    int c = peek(r);
    bool ok = v != NULL;
    if (ok && (c == '{' || c == '[')) {
        v->kind = c == '{' ? SOPS_JSON_OBJECT : SOPS_JSON_LIST;
        v->raw.ptr = r->text.ptr + start;
        r->at = v;
        r->pos++;
        return ++r->depth <= SOPS_JSON_DEPTH_MAX || fail_here(r, "it is nested too deep", e);
    }
    if (ok && c == '"') {
        v->kind = SOPS_JSON_STRING;
        ok = read_string(r, &v->text, e);
    } else if (ok && (c == '-' || (c >= '0' && c <= '9'))) {
        v->kind = SOPS_JSON_NUMBER;
        ok = read_number(r, e);
    } else {
        ok = ok && read_word(r, v, e);
    }
    if (ok) {
        v->raw = sops_slice_of(r->text.ptr + start, r->pos - start);
    }
    return ok;
}

static bool read_member(struct reader *r, struct sops_err *e)
{
    struct sops_slice key = {0};
    if (r->at->kind == SOPS_JSON_OBJECT) {
        if (peek(r) != '"') {
            return fail_here(r, "a name in quotes is wanted", e);
        }
        if (!read_string(r, &key, e)) {
            return false;
        }
        skip_blanks(r);
        if (peek(r) != ':') {
            return fail_here(r, "a colon is wanted", e);
        }
        r->pos++;
        skip_blanks(r);
    }
    return begin_value(r, key, e);
}

/* What follows an opening bracket, a value or a comma within `at`. */
static bool go_on(struct reader *r, struct sops_err *e)
{
    int close = r->at->kind == SOPS_JSON_OBJECT ? '}' : ']';
    bool first = r->at->child == NULL;
    skip_blanks(r);
    if (peek(r) == close) {
        r->pos++;
        r->at->raw.len = (size_t)(r->text.ptr + r->pos - r->at->raw.ptr);
        r->at = r->at->up;
        r->depth--;
        return true;
    }
    if (!first) {
        if (peek(r) != ',') {
            return fail_here(r, peek(r) < 0 ? "it ends early" : "a comma or a closing bracket is wanted", e);
        }
        r->pos++;
        skip_blanks(r);
    }
    return read_member(r, e);
}

bool sops_json_read(struct sops_arena *a, struct sops_slice text, struct sops_json_value **out, struct sops_err *e)
{
    struct reader r = {.a = a, .text = text};
    skip_blanks(&r);
    bool ok = begin_value(&r, (struct sops_slice){0}, e);
    while (ok && r.at != NULL) {
        ok = go_on(&r, e);
    }
    skip_blanks(&r);
    if (ok && r.pos < text.len) {
        ok = fail_here(&r, "something follows the value", e);
    }
    sops_buf_free(&r.scratch);
    *out = ok ? r.root : NULL;
    return ok;
}

/* ---- looking at it ---------------------------------------------------------------------------------------------- */

const struct sops_json_value *sops_json_member(const struct sops_json_value *object, struct sops_slice name)
{
    bool is_object = object != NULL && object->kind == SOPS_JSON_OBJECT;
    const struct sops_json_value *v = is_object ? object->child : NULL;
    while (v != NULL && !sops_slice_eq(v->key, name)) {
        v = v->next;
    }
    return v;
}

const struct sops_json_value *sops_json_last_member(const struct sops_json_value *object, struct sops_slice name)
{
    const struct sops_json_value *found = sops_json_member(object, name);
    for (const struct sops_json_value *v = found; v != NULL; v = v->next) {
        found = sops_slice_eq(v->key, name) ? v : found;
    }
    return found;
}

struct sops_slice sops_json_member_text(const struct sops_json_value *object, const char *name)
{
    const struct sops_json_value *v = sops_json_member(object, sops_str(name));
    return v != NULL && v->kind == SOPS_JSON_STRING ? v->text : (struct sops_slice){0};
}

const struct sops_json_value *sops_json_path(const struct sops_json_value *object, const char *const *names)
{
    for (; object != NULL && *names != NULL; names++) {
        object = sops_json_member(object, sops_str(*names));
    }
    return object;
}

const struct sops_json_value *sops_json_after(const struct sops_json_value *root, const struct sops_json_value *v)
{
    if (v->child != NULL) {
        return v->child;
    }
    while (v != root && v->next == NULL) {
        v = v->up;
    }
    return v == root ? NULL : v->next;
}
