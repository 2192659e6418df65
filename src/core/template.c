/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar is small enough to be read by hand: a part is taken off the front of what is left, with the blanks before
 * it; a line end is no blank, so a brace that was forgotten does not swallow the rest of a file. */
#include "core/template.h"

#include "base/ascii.h"

static bool is_word(uint8_t c) { return sops_is_alnum(c) || c == '_' || c == '-'; }

static void skip_blanks(struct sops_template *t)
{
    while (t->rest.len != 0 && (t->rest.ptr[0] == ' ' || t->rest.ptr[0] == '\t')) {
        t->rest = sops_slice_skip(t->rest, 1);
    }
}

/* Takes `part` off the front, with blanks before it. */
static bool take(struct sops_template *t, struct sops_slice part)
{
    skip_blanks(t);
    if (!sops_slice_starts(t->rest, part)) {
        return false;
    }
    t->rest = sops_slice_skip(t->rest, part.len);
    return true;
}

static struct sops_slice take_word(struct sops_template *t)
{
    skip_blanks(t);
    size_t n = 0;
    while (n < t->rest.len && is_word(t->rest.ptr[n])) {
        n++;
    }
    struct sops_slice word = sops_slice_first(t->rest, n);
    t->rest = sops_slice_skip(t->rest, n);
    return word;
}

bool sops_template_blame(const struct sops_template *t, struct sops_err *e)
{
    size_t at = (size_t)(t->expression.ptr - t->text.ptr), line = 1, begin = 0;
    struct sops_slice before = sops_slice_first(t->text, at);
    for (size_t end; (end = sops_slice_find(before, '\n')) != before.len; line++) {
        begin += end + 1;
        before = sops_slice_skip(before, end + 1);
    }
    return sops_within(e, "%s:%zu:%zu", t->name, line, at - begin + 1);
}

static bool bad_syntax(const struct sops_template *t, const char *why, struct sops_err *e)
{
    (void)sops_fail(e, SOPS_E_READ, "%s", why);
    (void)sops_template_blame(t, e);
    return sops_hint(e, "braces that are not for sops are written {{{{");
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

static bool add_step(struct sops_template *t, struct sops_slice text, int kind, struct sops_err *e)
{
    const struct sops_template_step step = {.text = text, .kind = (unsigned)kind};
    return sops_buf_add(&t->steps, sops_slice_of(&step, sizeof step), e);
}

static bool add_word(struct sops_template *t, struct sops_slice word, struct sops_err *e)
{
    return word.len != 0 ? add_step(t, word, SOPS_STEP_WORD, e) : bad_syntax(t, "a word is missing in the path", e);
}

/* Behind "[". */
static bool add_bracket(struct sops_template *t, struct sops_err *e)
{
    skip_blanks(t);
    uint8_t quote = t->rest.len != 0 ? t->rest.ptr[0] : 0;
    struct sops_slice text;
    int kind = SOPS_STEP_INDEX;
    if (quote == '"' || quote == '\'') {
        t->rest = sops_slice_skip(t->rest, 1);
        text = sops_slice_first(t->rest, sops_slice_find(t->rest, quote));
        if (text.len == t->rest.len || sops_slice_find(text, '\n') != text.len ||
            sops_slice_find(text, '\r') != text.len) {
            return bad_syntax(t, "a quotation is not closed on its line", e);
        }
        t->rest = sops_slice_skip(t->rest, text.len + 1);
        kind = SOPS_STEP_KEY;
    } else {
        text = sops_slice_first(t->rest, sops_digits(t->rest));
        t->rest = sops_slice_skip(t->rest, text.len);
        if (text.len == 0) {
            return bad_syntax(t, "a bracket holds neither a number nor a key in quotes", e);
        }
    }
    return take(t, SOPS_LIT("]")) ? add_step(t, text, kind, e) : bad_syntax(t, "a bracket is not closed", e);
}

static bool take_path(struct sops_template *t, struct sops_err *e)
{
    struct sops_slice word = take_word(t), colon = t->rest;
    t->source = (struct sops_slice){0};
    const uint8_t *begin = word.ptr;
    if (word.len != 0 && take(t, SOPS_LIT(":"))) {
        if (!sops_is_letter(word.ptr[0]) && word.ptr[0] != '_') {
            return bad_syntax(t, "the name of a source begins with a letter", e);
        }
        t->source = word;
        word = take_word(t);
        begin = word.ptr;
    } else {
        t->rest = colon;
    }
    bool ok = word.len != 0            ? add_step(t, word, SOPS_STEP_WORD, e)
              : take(t, SOPS_LIT("[")) ? add_bracket(t, e)
                                       : bad_syntax(t, "a path is missing", e);
    const uint8_t *end = t->rest.ptr;
    while (ok) {
        if (take(t, SOPS_LIT("."))) {
            ok = add_word(t, take_word(t), e);
        } else if (take(t, SOPS_LIT("["))) {
            ok = add_bracket(t, e);
        } else {
            break;
        }
        end = t->rest.ptr;
    }
    t->path = sops_slice_of(begin, (size_t)(end - begin));
    return ok;
}

/* ---- filters ---------------------------------------------------------------------------------------------------- */

static bool take_blanks(struct sops_template *t, unsigned *blanks, struct sops_err *e)
{
    struct sops_slice word = take_word(t);
    unsigned n = 0;
    for (size_t i = 0; i < word.len && word.len <= 2; i++) {
        n = sops_is_digit(word.ptr[i]) ? n * 10 + (unsigned)(word.ptr[i] - '0') : 65;
    }
    *blanks = n;
    return (n >= 1 && n <= 64) || bad_syntax(t, "indent takes a number from 1 to 64", e);
}

static bool take_filter(struct sops_template *t, struct sops_err *e)
{
    static const char *const names[] = {"json", "yaml", "shell", "url", "base64", "indent"};
    struct sops_slice word = take_word(t);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (sops_slice_eq(word, sops_str(names[i]))) {
            struct sops_template_use use = {.filter = (enum sops_template_filter)i};
            return (use.filter != SOPS_INDENTED || take_blanks(t, &use.blanks, e)) &&
                   sops_buf_add(&t->filters, sops_slice_of(&use, sizeof use), e);
        }
    }
    return bad_syntax(t, "unknown filter: there are json, yaml, shell, url, base64 and indent", e);
}

static bool take_expression(struct sops_template *t, struct sops_err *e)
{
    t->expression = t->rest;
    t->rest = sops_slice_skip(t->rest, 2);
    t->steps.len = t->filters.len = 0;
    bool ok = take_path(t, e);
    while (ok && take(t, SOPS_LIT("|"))) {
        ok = take_filter(t, e);
    }
    return ok && (take(t, SOPS_LIT("}}")) || bad_syntax(t, "an expression is not closed by }}", e));
}

enum { BLOCK = 64 };

/* Does "{{" begin in the block? One more byte than that is there. Written so that a compiler makes vectors of it. */
static bool block_has_braces(const uint8_t *p)
{
    uint8_t hit = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        hit |= (uint8_t)((p[i] == '{') & (p[i + 1] == '{'));
    }
    return hit != 0;
}

/* Where the next "{{" is; the length when there is none. */
static size_t find_braces(struct sops_slice text)
{
    size_t at = 0;
    while (at + BLOCK < text.len && !block_has_braces(text.ptr + at)) {
        at += BLOCK;
    }
    for (; at + 1 < text.len; at++) {
        if (text.ptr[at] == '{' && text.ptr[at + 1] == '{') {
            return at;
        }
    }
    return text.len;
}

/* The same for what is left, by what an earlier pass has found. */
static bool next_braces(struct sops_template *t, size_t *at, struct sops_err *e)
{
    uint32_t place;
    size_t begin = (size_t)(t->rest.ptr - t->text.ptr);
    if (t->places->complete) {
        if (t->next_place < t->places->at.len) {
            memcpy(&place, t->places->at.ptr + t->next_place, sizeof place);
            t->next_place += sizeof place;
            *at = place - begin;
        } else {
            *at = t->rest.len;
        }
        return true;
    }
    *at = find_braces(t->rest);
    place = (uint32_t)(begin + *at);
    t->places->complete = *at == t->rest.len;
    return t->places->complete || sops_buf_add(&t->places->at, sops_slice_of(&place, sizeof place), e);
}

bool sops_template_next(struct sops_template *t, struct sops_err *e)
{
    if (!t->begun) {
        t->rest = t->text;
        t->begun = true;
    } else if (t->bare && t->rest.len == 0) {
        t->places->complete = true;
        return false;
    }
    size_t at;
    if (!next_braces(t, &at, e)) {
        return false;
    }
    bool doubled = sops_slice_starts(sops_slice_skip(t->rest, at), SOPS_LIT("{{{{"));
    t->bare = at == t->rest.len || doubled;
    t->literal = sops_slice_first(t->rest, at + (doubled ? 2 : 0));
    t->rest = sops_slice_skip(t->rest, at + (doubled ? 4 : 0));
    return t->bare || take_expression(t, e);
}

void sops_template_free(struct sops_template *t)
{
    sops_buf_free(&t->steps);
    sops_buf_free(&t->filters);
}

/* ---- look-up ---------------------------------------------------------------------------------------------------- */

/* The item with this number, comments counting. */
static const struct sops_node *item_at(const struct sops_node *list, struct sops_slice digits)
{
    const struct sops_node *n = list->child;
    size_t index = 0;
    if (digits.len == 0 || digits.len > 9 || sops_digits(digits) != digits.len) {
        return NULL;
    }
    for (size_t i = 0; i < digits.len; i++) {
        index = index * 10 + (size_t)(digits.ptr[i] - '0');
    }
    for (; n != NULL && index != 0; index--) {
        n = n->next;
    }
    return n;
}

static const struct sops_node *follow(const struct sops_node *n, const struct sops_template_step *step)
{
    if (n->kind == SOPS_MAP) {
        return step->kind != SOPS_STEP_INDEX ? sops_node_find(n, step->text) : NULL;
    }
    return n->kind == SOPS_LIST && step->kind != SOPS_STEP_KEY ? item_at(n, step->text) : NULL;
}

bool sops_template_find(const struct sops_template *t, const struct sops_node *root, const struct sops_node **found,
                        struct sops_err *e)
{
    const struct sops_node *n = root;
    for (size_t at = 0; n != NULL && at < t->steps.len; at += sizeof(struct sops_template_step)) {
        struct sops_template_step step;
        memcpy(&step, t->steps.ptr + at, sizeof step);
        n = follow(n, &step);
    }
    *found = n;
    if (n == NULL || n->kind == SOPS_COMMENT) {
        (void)sops_fail(e, SOPS_E_GENERIC, "there is nothing at '%.*s'", SOPS_ARG(sops_slice_first(t->path, 200)));
        sops_hint(e, "keys as in the file, and numbers from 0 for items: a.b[0]; `sops decrypt` shows what is there");
        return sops_template_blame(t, e);
    }
    return true;
}
