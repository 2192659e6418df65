/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An action is worked off word by word with a stack of commands: a parenthesis opens one, and what it gives becomes an
 * argument of the one below. Every step's result is limited, so that no template makes much out of little.
 */
#include "sync/template.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/json_tree.h"
#include "base/text.h"
#include "sync/property.h"

#include <stdio.h>

#define DEPTH_MAX 32
#define ARGS_MAX 16

enum value_kind { TEXT, NUMBER, DOT };
struct value {
    enum value_kind kind;
    struct sops_slice text; /* of a number, its digits */
};
/* One command: a function with arguments, or a value alone. */
struct command {
    struct sops_slice function; /* empty: none */
    struct value arg[ARGS_MAX];
    size_t args;
    struct value piped; /* the result of the command before */
    bool has_piped;
};
struct machine {
    struct sops_slice text;
    size_t pos;
    const struct sops_keys *keys;
    struct sops_arena a; /* of the action at hand */
    struct command stack[DEPTH_MAX];
    size_t depth;
};

/* ---- failures --------------------------------------------------------------------------------------------------- */

static unsigned line_at(const struct machine *m, size_t pos)
{
    unsigned line = 1;
    for (size_t i = 0; i < pos && i < m->text.len; i++) {
        line += m->text.ptr[i] == '\n';
    }
    return line;
}

/* "line 3: "range" WHY". Only a word of letters, digits and the like is shown. */
static bool bad_word(const struct machine *m, size_t pos, struct sops_slice word, const char *why, struct sops_err *e)
{
    char shown[64] = "?";
    if (word.len != 0 && word.len < sizeof shown && sops_only_alnum(word, "._$-")) {
        (void)snprintf(shown, sizeof shown, "%.*s", SOPS_ARG(word));
    }
    return sops_fail(e, SOPS_E_READ, "line %u: \"%s\" %s", line_at(m, pos), shown, why);
}

static bool bad_here(const struct machine *m, const char *why, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_READ, "line %u: %s", line_at(m, m->pos), why);
}

/* ---- building texts --------------------------------------------------------------------------------------------- */

static bool add_limited(struct sops_buf *out, struct sops_slice s, struct sops_err *e)
{
    return (s.len <= SOPS_TEMPLATE_MAX && out->len <= SOPS_TEMPLATE_MAX - s.len)
               ? sops_buf_add(out, s, e)
               : sops_fail(e, SOPS_E_READ, "it gives more than %zu bytes", SOPS_TEMPLATE_MAX);
}

/* A call: what it is given, and where its result goes. */
struct call {
    const struct machine *m;
    const struct value *arg;
    size_t args;
    struct sops_buf *out;
};

static struct sops_slice arg_text(const struct call *c, size_t i) { return c->arg[i].text; }

static bool call_b64enc(const struct call *c, struct sops_err *e)
{
    return sops_base64_add(c->out, SOPS_B64_STD, arg_text(c, 0), e);
}

static bool call_b64dec(const struct call *c, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_slice bytes;
    struct sops_err why = {0};
    bool ok = sops_decode_value(&a, SOPS_LIT("Base64"), arg_text(c, 0), &bytes, &why);
    if (!ok) {
        ok = why.memory ? sops_fail_memory(e) : sops_fail(e, SOPS_E_READ, "what it is given is no base64");
    } else {
        ok = sops_buf_add(c->out, bytes, e);
    }
    sops_err_clear(&why);
    sops_arena_free(&a);
    return ok;
}

static bool change_case(const struct call *c, bool up, struct sops_err *e)
{
    struct sops_slice s = arg_text(c, 0);
    bool ok = true;
    for (size_t i = 0; ok && i < s.len; i++) {
        ok = s.ptr[i] < 0x80 ? sops_buf_addc(c->out, up ? sops_to_upper(s.ptr[i]) : sops_to_lower(s.ptr[i]), e)
                             : sops_fail(e, SOPS_E_READ, "it knows ASCII letters only");
    }
    return ok;
}

static bool call_upper(const struct call *c, struct sops_err *e) { return change_case(c, true, e); }
static bool call_lower(const struct call *c, struct sops_err *e) { return change_case(c, false, e); }
static bool call_trim(const struct call *c, struct sops_err *e)
{
    return sops_buf_add(c->out, sops_slice_trim(arg_text(c, 0)), e);
}

static bool call_trim_prefix(const struct call *c, struct sops_err *e)
{
    struct sops_slice p = arg_text(c, 0), s = arg_text(c, 1);
    return sops_buf_add(c->out, sops_slice_starts(s, p) ? sops_slice_skip(s, p.len) : s, e);
}

static bool call_trim_suffix(const struct call *c, struct sops_err *e)
{
    struct sops_slice p = arg_text(c, 0), s = arg_text(c, 1);
    return sops_buf_add(c->out, sops_slice_ends(s, p) ? sops_slice_first(s, s.len - p.len) : s, e);
}

static bool call_replace(const struct call *c, struct sops_err *e)
{
    struct sops_slice old = arg_text(c, 0), new = arg_text(c, 1), s = arg_text(c, 2);
    bool ok = old.len != 0 || sops_fail(e, SOPS_E_READ, "it is to replace an empty text");
    while (ok && s.len != 0) {
        const uint8_t *at = memmem(s.ptr, s.len, old.ptr, old.len);
        size_t before = at != NULL ? (size_t)(at - s.ptr) : s.len;
        ok = add_limited(c->out, sops_slice_first(s, before), e) && (at == NULL || add_limited(c->out, new, e));
        s = sops_slice_skip(s, before + (at != NULL ? old.len : 0));
    }
    return ok;
}

/* As Go quotes, but that characters beyond ASCII stay as they are. */
static bool call_quote(const struct call *c, struct sops_err *e)
{
    static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";
    struct sops_slice s = arg_text(c, 0);
    bool ok = sops_buf_addc(c->out, '"', e);
    while (ok && s.len != 0) {
        uint32_t cp = 0;
        size_t n = sops_utf8_next(s, &cp);
        const char *found = n == 1 && cp != 0 ? strchr(from, (int)cp) : NULL;
        if (found != NULL) {
            ok = sops_buf_addc(c->out, '\\', e) && sops_buf_addc(c->out, (uint8_t)to[found - from], e);
        } else if (n == 0 || cp < ' ' || cp == 0x7f) {
            ok = sops_buf_addf(c->out, e, "\\x%02x", s.ptr[0]);
        } else {
            ok = sops_buf_add(c->out, sops_slice_first(s, n), e);
        }
        s = sops_slice_skip(s, n != 0 ? n : 1);
    }
    return ok && sops_buf_addc(c->out, '"', e);
}

static bool call_squote(const struct call *c, struct sops_err *e)
{
    return sops_buf_addc(c->out, '\'', e) && sops_buf_add(c->out, arg_text(c, 0), e) && sops_buf_addc(c->out, '\'', e);
}

static bool indent_lines(const struct call *c, bool new_line, struct sops_err *e)
{
    struct sops_slice s = arg_text(c, 1), rest = s, line;
    int64_t n = 0;
    bool first = true;
    if (!sops_int_parse(arg_text(c, 0), &n) || n < 0 || n > 1000) {
        return sops_fail(e, SOPS_E_READ, "the indentation is no number up to 1000");
    }
    bool ok = !new_line || sops_buf_addc(c->out, '\n', e);
    if (s.ptr == NULL) {
        return ok && sops_buf_addn(c->out, ' ', (size_t)n, e);
    }
    while (ok && sops_slice_next(&rest, '\n', &line)) {
        ok = (first || sops_buf_addc(c->out, '\n', e)) && c->out->len + (size_t)n <= SOPS_TEMPLATE_MAX
                 ? sops_buf_addn(c->out, ' ', (size_t)n, e) && add_limited(c->out, line, e)
                 : sops_fail(e, SOPS_E_READ, "it gives more than %zu bytes", SOPS_TEMPLATE_MAX);
        first = false;
    }
    return ok;
}

static bool call_indent(const struct call *c, struct sops_err *e) { return indent_lines(c, false, e); }
static bool call_nindent(const struct call *c, struct sops_err *e) { return indent_lines(c, true, e); }
static bool call_to_string(const struct call *c, struct sops_err *e) { return sops_buf_add(c->out, arg_text(c, 0), e); }

static bool call_to_json(const struct call *c, struct sops_err *e)
{
    return c->arg[0].kind == NUMBER ? sops_buf_add(c->out, arg_text(c, 0), e)
                                    : sops_json_quote_go(c->out, arg_text(c, 0), true, e);
}

static bool call_default(const struct call *c, struct sops_err *e)
{
    return sops_buf_add(c->out, arg_text(c, arg_text(c, 1).len != 0 ? 1 : 0), e);
}

static bool call_sha256(const struct call *c, struct sops_err *e)
{
    uint8_t hash[32];
    sops_sha256(arg_text(c, 0), hash);
    return sops_hex_add(c->out, sops_slice_of(hash, sizeof hash), false, e);
}

static bool call_urlquery(const struct call *c, struct sops_err *e)
{
    struct sops_slice s = arg_text(c, 0);
    bool ok = true;
    for (size_t i = 0; ok && i < s.len; i++) {
        ok = s.ptr[i] == ' ' ? sops_buf_addc(c->out, '+', e)
                             : sops_percent_add(c->out, sops_slice_of(s.ptr + i, 1), "", e);
    }
    return ok;
}

static bool call_index(const struct call *c, struct sops_err *e)
{
    struct sops_slice value = {0};
    return !sops_keys_get(c->m->keys, arg_text(c, 1), &value) || sops_buf_add(c->out, value, e);
}

/* %s, %v, %d, %%, and as many arguments. */
static bool call_printf(const struct call *c, struct sops_err *e)
{
    struct sops_slice f = arg_text(c, 0);
    size_t next = 1;
    bool ok = true;
    while (ok && f.len != 0) {
        size_t plain = sops_slice_find(f, '%');
        ok = add_limited(c->out, sops_slice_first(f, plain), e);
        f = sops_slice_skip(f, plain);
        if (!ok || f.len == 0) {
            break;
        }
        uint8_t verb = f.len > 1 ? f.ptr[1] : 0;
        f = sops_slice_skip(f, 2);
        if (verb == '%') {
            ok = sops_buf_addc(c->out, '%', e);
            continue;
        }
        bool number = next < c->args && c->arg[next].kind == NUMBER;
        if (next >= c->args || (verb != 's' && verb != 'v' && verb != 'd') ||
            (verb == 'd') != (number && verb != 'v')) {
            return sops_fail(e, SOPS_E_READ,
                             "its arguments do not go with its format (%%s, %%v, %%d of a number, %%%%)");
        }
        ok = add_limited(c->out, arg_text(c, next++), e);
    }
    return ok && (next == c->args || sops_fail(e, SOPS_E_READ, "it has more arguments than its format"));
}

/* ---- the functions ---------------------------------------------------------------------------------------------- */

static const struct function {
    const char *name;
    size_t args;       /* 0: any number, at least one */
    const char *kinds; /* of the arguments: t text, n number, a either, . the dot; the last one repeats */
    bool (*call)(const struct call *c, struct sops_err *e);
} functions[] = {
    {"b64enc", 1, "t", call_b64enc},
    {"b64dec", 1, "t", call_b64dec},
    {"upper", 1, "t", call_upper},
    {"lower", 1, "t", call_lower},
    {"trim", 1, "t", call_trim},
    {"trimPrefix", 2, "tt", call_trim_prefix},
    {"trimSuffix", 2, "tt", call_trim_suffix},
    {"replace", 3, "ttt", call_replace},
    {"quote", 1, "a", call_quote},
    {"squote", 1, "a", call_squote},
    {"indent", 2, "nt", call_indent},
    {"nindent", 2, "nt", call_nindent},
    {"toString", 1, "a", call_to_string},
    {"toJson", 1, "a", call_to_json},
    {"default", 2, "aa", call_default},
    {"printf", 0, "ta", call_printf},
    {"index", 2, ".t", call_index},
    {"sha256sum", 1, "t", call_sha256},
    {"urlquery", 1, "a", call_urlquery},
};

static const struct function *find_function(struct sops_slice name)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (sops_slice_eq(name, sops_str(functions[i].name))) {
            return &functions[i];
        }
    }
    return NULL;
}

static bool kind_fits(char wanted, enum value_kind kind)
{
    return wanted == 'a' ? kind != DOT : wanted == 't' ? kind == TEXT : wanted == 'n' ? kind == NUMBER : kind == DOT;
}

static bool check_arguments(const struct function *f, const struct value *arg, size_t args)
{
    bool ok = f->args != 0 ? args == f->args : args >= 1;
    for (size_t i = 0; ok && i < args; i++) {
        size_t at = i < strlen(f->kinds) ? i : strlen(f->kinds) - 1;
        ok = kind_fits(f->kinds[at], arg[i].kind);
    }
    return ok;
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

/* What the command at the top gives; it is taken off its words, ready for the next one of the pipeline. */
static bool finish_command(struct machine *m, struct value *out, struct sops_err *e)
{
    struct command *c = &m->stack[m->depth];
    struct sops_buf text = {0};
    if (c->has_piped && c->args < ARGS_MAX) {
        c->arg[c->args++] = c->piped;
    } else if (c->has_piped) {
        return bad_here(m, "a function has too many arguments", e);
    }
    if (c->function.len == 0) {
        if (c->args != 1 || c->has_piped || c->arg[0].kind == DOT) {
            return bad_here(m, c->args == 0 ? "a value is missing" : "a value is no function", e);
        }
        *out = c->arg[0];
        *c = (struct command){{0}, {{TEXT, {0}}}, 0, {TEXT, {0}}, false};
        return true;
    }
    const struct function *f = find_function(c->function);
    struct sops_slice name = c->function;
    if (!check_arguments(f, c->arg, c->args)) {
        return bad_word(m, m->pos, name, "has other arguments than it can take", e);
    }
    const struct call call = {m, c->arg, c->args, &text};
    struct sops_err why = {0};
    bool ok =
        f->call(&call, &why) && (text.len <= SOPS_TEMPLATE_MAX || sops_fail(&why, SOPS_E_READ, "it gives too much"));
    if (!ok) {
        ok = why.memory ? sops_fail_memory(e) : bad_word(m, m->pos, name, why.msg, e);
    }
    sops_err_clear(&why);
    *out = (struct value){TEXT, {0}};
    ok = ok && sops_arena_copy(&m->a, sops_buf_view(&text), &out->text, e);
    sops_buf_free(&text);
    *c = (struct command){{0}, {{TEXT, {0}}}, 0, {TEXT, {0}}, false};
    return ok;
}

static bool add_argument(struct machine *m, struct value v, struct sops_err *e)
{
    struct command *c = &m->stack[m->depth];
    if (c->args == ARGS_MAX) {
        return bad_here(m, "a function has too many arguments", e);
    }
    if (c->function.len == 0 && c->args != 0) {
        return bad_here(m, "a value is no function", e);
    }
    c->arg[c->args++] = v;
    return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static int peek(const struct machine *m, size_t ahead)
{
    return m->pos + ahead < m->text.len ? m->text.ptr[m->pos + ahead] : -1;
}

static bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool at_end(const struct machine *m) { return peek(m, 0) == '}' && peek(m, 1) == '}'; }

/* " -}}" */
static bool at_trimming_end(const struct machine *m)
{
    return peek(m, 0) == '-' && peek(m, 1) == '}' && peek(m, 2) == '}' && m->pos > 0 &&
           is_blank(m->text.ptr[m->pos - 1]);
}

/* The word from here on, for messages: up to what can end one. */
static struct sops_slice word_here(const struct machine *m)
{
    struct sops_slice rest = sops_slice_skip(m->text, m->pos);
    size_t n = 0;
    while (n < rest.len && !is_blank(rest.ptr[n]) && strchr("|(){}\"`", rest.ptr[n]) == NULL) {
        n++;
    }
    return sops_slice_first(rest, n);
}

static bool read_string(struct machine *m, struct sops_err *e)
{
    static const char from[] = "\"\\nrt", to[] = "\"\\\n\r\t";
    struct sops_buf text = {0};
    struct value v = {TEXT, {0}};
    bool ok = true;
    for (m->pos++; ok && peek(m, 0) != '"'; m->pos++) {
        int c = peek(m, 0);
        if (c < 0 || c == '\n') {
            ok = bad_here(m, "a text is not closed", e);
        } else if (c != '\\') {
            ok = sops_buf_addc(&text, (uint8_t)c, e);
        } else {
            int next = peek(m, 1);
            const char *found = next > 0 ? strchr(from, next) : NULL;
            m->pos++;
            ok = found != NULL ? sops_buf_addc(&text, (uint8_t)to[found - from], e)
                               : bad_here(m, "an escape in a text is not supported", e);
        }
    }
    m->pos += ok;
    ok = ok && sops_arena_copy(&m->a, sops_buf_view(&text), &v.text, e);
    sops_buf_free(&text);
    return ok && add_argument(m, v, e);
}

static bool read_raw(struct machine *m, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_skip(m->text, m->pos + 1);
    size_t end = sops_slice_find(rest, '`');
    if (end == rest.len) {
        return bad_here(m, "a text is not closed", e);
    }
    m->pos += end + 2;
    return add_argument(m, (struct value){TEXT, sops_slice_first(rest, end)}, e);
}

static bool read_field(struct machine *m, struct sops_slice word, struct sops_err *e)
{
    struct sops_slice name = sops_slice_skip(word, 1);
    struct value v = {TEXT, {0}};
    if (name.len == 0) {
        m->pos++;
        return add_argument(m, (struct value){DOT, {0}}, e);
    }
    if (!sops_only_alnum(name, "_")) {
        return bad_word(m, m->pos, word, "is not supported", e);
    }
    if (!sops_keys_get(m->keys, name, &v.text)) {
        return bad_word(m, m->pos, name, "is no key that is there", e);
    }
    m->pos += word.len;
    return add_argument(m, v, e);
}

static bool read_number(struct machine *m, struct sops_slice word, struct sops_err *e)
{
    int64_t n;
    if (!sops_int_parse(word, &n) || word.ptr[0] == '+' || (word.len > 1 && word.ptr[0] == '0')) {
        return bad_word(m, m->pos, word, "is no whole number", e);
    }
    m->pos += word.len;
    return add_argument(m, (struct value){NUMBER, word}, e);
}

static bool read_function(struct machine *m, struct sops_slice word, struct sops_err *e)
{
    struct command *c = &m->stack[m->depth];
    if (find_function(word) == NULL) {
        return bad_word(m, m->pos, word, "is not supported", e);
    }
    if (c->function.len != 0 || c->args != 0) {
        return bad_word(m, m->pos, word, "stands where a value is wanted", e);
    }
    c->function = word;
    m->pos += word.len;
    return true;
}

static bool open_parenthesis(struct machine *m, struct sops_err *e)
{
    if (m->depth + 1 == DEPTH_MAX) {
        return bad_here(m, "parentheses are nested too deep", e);
    }
    m->pos++;
    m->stack[++m->depth] = (struct command){{0}, {{TEXT, {0}}}, 0, {TEXT, {0}}, false};
    return true;
}

static bool close_parenthesis(struct machine *m, struct sops_err *e)
{
    struct value v;
    if (m->depth == 0) {
        return bad_here(m, "a parenthesis is closed that was not opened", e);
    }
    if (!finish_command(m, &v, e)) {
        return false;
    }
    m->pos++;
    m->depth--;
    return add_argument(m, v, e);
}

static bool pipe_on(struct machine *m, struct sops_err *e)
{
    struct value v;
    if (!finish_command(m, &v, e)) {
        return false;
    }
    m->pos++;
    m->stack[m->depth].piped = v;
    m->stack[m->depth].has_piped = true;
    return true;
}

static bool read_word(struct machine *m, struct sops_err *e)
{
    int c = peek(m, 0);
    struct sops_slice word = word_here(m);
    switch (c) {
    case '"':
        return read_string(m, e);
    case '`':
        return read_raw(m, e);
    case '(':
        return open_parenthesis(m, e);
    case ')':
        return close_parenthesis(m, e);
    case '|':
        return pipe_on(m, e);
    case '.':
        return read_field(m, word, e);
    default:
        break;
    }
    if (sops_is_digit((uint8_t)c) || (c == '-' && word.len > 1)) {
        return read_number(m, word, e);
    }
    return word.len != 0 ? read_function(m, word, e) : bad_here(m, "a character is not supported", e);
}

/* ---- actions ---------------------------------------------------------------------------------------------------- */

/* A comment must fill its action. `*is`: this is one. */
static bool skip_comment(struct machine *m, bool *is, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_skip(m->text, m->pos);
    *is = sops_slice_starts(rest, SOPS_LIT("/*"));
    if (!*is) {
        return true;
    }
    const uint8_t *end = memmem(rest.ptr + 2, rest.len - 2, "*/", 2);
    if (end == NULL) {
        return bad_here(m, "a comment is not closed", e);
    }
    m->pos += (size_t)(end - rest.ptr) + 2;
    while (is_blank(peek(m, 0))) {
        m->pos++;
    }
    return at_end(m) || at_trimming_end(m) || bad_here(m, "something follows a comment", e);
}

/* From behind "{{" to its end; `*trims`: the end takes white space away behind it. */
static bool run_action(struct machine *m, struct sops_buf *out, bool *trims, struct sops_err *e)
{
    size_t start = m->pos;
    bool comment = false, ok;
    struct value v;
    m->depth = 0;
    m->stack[0] = (struct command){{0}, {{TEXT, {0}}}, 0, {TEXT, {0}}, false};
    while (is_blank(peek(m, 0))) {
        m->pos++;
    }
    ok = skip_comment(m, &comment, e);
    while (ok && !at_end(m) && !at_trimming_end(m)) {
        if (is_blank(peek(m, 0))) {
            m->pos++;
        } else if (peek(m, 0) < 0) {
            m->pos = start;
            ok = bad_here(m, "\"{{\" has no end", e);
        } else {
            ok = read_word(m, e);
        }
    }
    *trims = ok && at_trimming_end(m);
    if (ok && !comment) {
        ok = (m->depth == 0 || bad_here(m, "a parenthesis is not closed", e)) && finish_command(m, &v, e) &&
             add_limited(out, v.text, e);
    }
    m->pos += *trims ? 3 : 2;
    sops_arena_free(&m->a);
    return ok;
}

static struct sops_slice trim_start(struct sops_slice s)
{
    while (s.len != 0 && is_blank(s.ptr[0])) {
        s = sops_slice_skip(s, 1);
    }
    return s;
}

static struct sops_slice trim_end(struct sops_slice s)
{
    while (s.len != 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool sops_template_run(struct sops_slice text, const struct sops_keys *keys, struct sops_buf *out, struct sops_err *e)
{
    struct machine *m = sops_alloc(sizeof *m, e);
    struct sops_buf made = {0};
    bool ok = m != NULL, trims = false;
    if (ok) {
        m->text = text;
        m->keys = keys;
    }
    while (ok && m->pos < text.len) {
        struct sops_slice rest = sops_slice_skip(text, m->pos);
        const uint8_t *open = memmem(rest.ptr, rest.len, "{{", 2);
        struct sops_slice plain = sops_slice_first(rest, open != NULL ? (size_t)(open - rest.ptr) : rest.len);
        m->pos += plain.len + (open != NULL ? 2 : 0);
        bool trims_before = open != NULL && peek(m, 0) == '-' && is_blank(peek(m, 1));
        plain = trims ? trim_start(plain) : plain;
        plain = trims_before ? trim_end(plain) : plain;
        m->pos += trims_before;
        trims = false;
        ok = add_limited(&made, plain, e) && (open == NULL || run_action(m, &made, &trims, e));
    }
    ok = ok && sops_buf_add(out, sops_buf_view(&made), e);
    sops_buf_free(&made);
    sops_free(m);
    return ok;
}
