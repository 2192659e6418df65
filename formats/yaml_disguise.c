/* SPDX-License-Identifier: Apache-2.0 */
/* Nearly every text has neither mark nor \', so finding that out must cost next to nothing. */
#include "formats/yaml_disguise.h"

#define FIRST_PRIVATE 0xE000
#define LAST_PRIVATE 0xF8FF

static const char mark[] = "\xEF\xBB\xBF";

static bool at_mark(struct sops_slice in, size_t i) { return in.len - i >= 3 && memcmp(in.ptr + i, mark, 3) == 0; }

/* The place, from `i` on, of the next mark that is not the first character, or backslash that escapes a '. */
static size_t next_place(struct sops_slice in, size_t i)
{
    for (; i < in.len; i++) {
        if (i != 0 && at_mark(in, i)) {
            return i;
        }
        if (in.ptr[i] == '\\') {
            if (in.len - i > 1 && in.ptr[i + 1] == '\'') {
                return i;
            }
            i++; /* what it escapes, which may be a backslash */
        }
    }
    return in.len;
}

static bool has_any(struct sops_slice in)
{
    return in.len > 1 && (memchr(in.ptr, '\\', in.len) != NULL || memchr(in.ptr + 1, mark[0], in.len - 1) != NULL) &&
           next_place(in, 0) != in.len;
}

/* A character for private use, from `*c` on, that does not occur; false when all do. */
static bool unused(struct sops_slice in, unsigned *c, char out[4])
{
    for (; *c <= LAST_PRIVATE; ++*c) {
        const char three[] = {(char)(0xE0 | *c >> 12), (char)(0x80 | (*c >> 6 & 0x3F)), (char)(0x80 | (*c & 0x3F))};
        if (memmem(in.ptr, in.len, three, sizeof three) == NULL) {
            memcpy(out, three, sizeof three);
            ++*c;
            return true;
        }
    }
    return false;
}

/* ---- ciphertexts ------------------------------------------------------------------------------------------------ */

#define FRAME "ENC[AES256_GCM,"
#define STAND_IN "\xEE\x80\x80" /* U+E000 */
#define KEY_MAX 1024            /* characters */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (uint8_t)(byte))

/* The highest bit of a byte is set where one of the eight is `byte`. */
static uint64_t is_byte(uint64_t eight, char byte)
{
    uint64_t other = eight ^ EACH(byte);
    return (other - EACH(1)) & ~other;
}

/* Is there nothing that a scanner looks at within a scalar, of any style: blanks, quotes, backslashes, breaks? (A ':'
 * counts only before a blank, a '#' behind one.) Eight bytes at a time, the last ones twice; `s` is that long. */
static bool is_inert(struct sops_slice s)
{
    uint64_t bad = 0, eight;
    for (size_t i = 0; i < s.len; i += sizeof eight) {
        size_t left = s.len - i;
        memcpy(&eight, s.ptr + (left < sizeof eight ? s.len - sizeof eight : i), sizeof eight);
        bad |= eight | (eight - EACH(' ' + 1)) | is_byte(eight, '"') | is_byte(eight, '\'') | is_byte(eight, '\\');
    }
    return (bad & EACH(0x80)) == 0;
}

/* Does nothing of the line behind `end` belong to a key? Then it does not count how long the ciphertext in front of it
 * is, which it does for keys: of short lines nothing can be too long. */
static bool ends_line(struct sops_slice in, size_t end)
{
    struct sops_slice rest = sops_slice_skip(in, end);
    if (sops_slice_starts(rest, SOPS_LIT("\n"))) {
        return true;
    }
    const uint8_t *before = memrchr(in.ptr, '\n', end);
    size_t begin = before != NULL ? (size_t)(before - in.ptr) : 0;
    return sops_slice_starts(rest, SOPS_LIT(" #")) && end - begin + sops_slice_find(rest, '\n') < KEY_MAX;
}

/* The ciphertext whose bracket is at `bracket`: behind a blank or the sign of a comment, and up to the end of its line
 * or a comment. Empty when it is none such. */
static struct sops_slice frame_at(struct sops_slice in, size_t bracket)
{
    const struct sops_slice frame = SOPS_LIT(FRAME), none = SOPS_LIT("");
    size_t before = sizeof "ENC" - 1;
    if (bracket <= before || !sops_slice_starts(sops_slice_skip(in, bracket - before), frame)) {
        return none;
    }
    struct sops_slice s = sops_slice_skip(in, bracket - before);
    s = sops_slice_first(s, sops_slice_find(s, '\n'));
    s = sops_slice_first(s, sops_slice_find(s, ' '));
    return (s.ptr[-1] == ' ' || s.ptr[-1] == '#') && s.ptr[s.len - 1] == ']' && is_inert(s) &&
                   ends_line(in, (size_t)(s.ptr - in.ptr) + s.len)
               ? s
               : none;
}

/* May one character stand for a ciphertext wherever one is? Not where brackets have a meaning, in directives, and where
 * a token might have such a character of its own, by an escape. (Other brackets than braces are found on the way.) */
static bool may_cut(struct sops_slice in)
{
    if (memchr(in.ptr, STAND_IN[0], in.len) != NULL || memchr(in.ptr, '{', in.len) != NULL ||
        memchr(in.ptr, '%', in.len) != NULL) {
        return false;
    }
    for (size_t at = sops_slice_find(in, '\\'); at + 1 < in.len;) {
        if (in.ptr[at + 1] == 'u' || in.ptr[at + 1] == 'U') {
            return false;
        }
        at += 1 + sops_slice_find(sops_slice_skip(in, at + 1), '\\');
    }
    return true;
}

static void forget_cuts(struct sops_yaml_disguise *d)
{
    sops_buf_free(&d->text);
    d->cuts = 0;
}

static size_t left_out_before(const struct sops_yaml_disguise *d, size_t n)
{
    return n != 0 ? d->cut[n - 1].left_out : 0;
}

static bool add_cut(struct sops_yaml_disguise *d, struct sops_slice in, struct sops_slice frame, size_t index,
                    struct sops_err *e)
{
    struct sops_yaml_cut *cut = sops_grow(d->cut, d->cuts, &d->room, sizeof *cut, e);
    if (cut == NULL) {
        return false;
    }
    d->cut = cut;
    size_t left_out = left_out_before(d, d->cuts) + frame.len - 1;
    cut[d->cuts++] = (struct sops_yaml_cut){(uint32_t)index, (uint32_t)(frame.ptr - in.ptr), (uint32_t)frame.len,
                                            (uint32_t)left_out};
    return true;
}

static size_t count_characters(struct sops_slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += (s.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

/* The text with a character for each ciphertext. */
static bool cut_out(struct sops_yaml_disguise *d, struct sops_slice in, bool ascii, struct sops_err *e)
{
    size_t index = 0, from = 0; /* index: characters so far */
    for (size_t at = sops_slice_find(in, '['); at < in.len; at += sops_slice_find(sops_slice_skip(in, at), '[')) {
        struct sops_slice frame = frame_at(in, at);
        if (frame.len == 0) {
            forget_cuts(d);
            return true;
        }
        struct sops_slice before = sops_slice_of(in.ptr + from, (size_t)(frame.ptr - in.ptr) - from);
        index += ascii ? before.len : count_characters(before);
        if ((d->cuts == 0 && !sops_buf_reserve(&d->text, in.len / 3, e)) || !sops_buf_add(&d->text, before, e) ||
            !sops_buf_adds(&d->text, STAND_IN, e) || !add_cut(d, in, frame, index++, e)) {
            return false;
        }
        from = at = (size_t)(frame.ptr - in.ptr) + frame.len;
    }
    return d->cuts == 0 || sops_buf_add(&d->text, sops_slice_skip(in, from), e);
}

size_t sops_yaml_place_of(struct sops_yaml_disguise *d, size_t *index, size_t *column)
{
    size_t line = *index - *column, n = d->near;
    while (n > 0 && d->cut[n - 1].index >= *index) {
        n--;
    }
    while (n < d->cuts && d->cut[n].index < *index) {
        n++;
    }
    d->near = n;
    size_t left_out = left_out_before(d, n), first = n;
    while (first > 0 && d->cut[first - 1].index >= line) {
        first--;
    }
    *column += left_out - left_out_before(d, first);
    *index += left_out;
    return n;
}

static size_t count_stand_ins(struct sops_slice text)
{
    size_t n = 0;
    for (size_t at; (at = sops_slice_find(text, (uint8_t)STAND_IN[0])) < text.len; n++) {
        text = sops_slice_skip(text, at + 1);
    }
    return n;
}

/* The text of a token with the ciphertexts `from` to `to` in it again. Those of the comment behind the `|` or `>` of a
 * block stand in front, and are no part of its text. */
static bool put_back(const struct sops_yaml_disguise *d, struct sops_slice in, struct sops_slice text, size_t from,
                     size_t to, struct sops_arena *a, struct sops_slice *out, struct sops_err *e)
{
    size_t inside = count_stand_ins(text), n = 0;
    from = inside < to - from ? to - inside : from;
    size_t size = text.len + left_out_before(d, to) - left_out_before(d, from);
    uint8_t *copy = sops_arena_bytes(a, size + 1, e);
    if (copy == NULL) {
        return false;
    }
    for (size_t at; from < to && (at = sops_slice_find(text, (uint8_t)STAND_IN[0])) < text.len; from++) {
        memcpy(copy + n, text.ptr, at);
        memcpy(copy + n + at, in.ptr + d->cut[from].byte, d->cut[from].len);
        n += at + d->cut[from].len;
        text = sops_slice_skip(text, at + sizeof STAND_IN - 1);
    }
    memcpy(copy + n, text.ptr, text.len);
    copy[n + text.len] = '\0';
    *out = sops_slice_of(copy, n + text.len);
    return true;
}

/* ---- both ------------------------------------------------------------------------------------------------------- */

bool sops_yaml_disguise(struct sops_yaml_disguise *d, struct sops_slice in, bool ascii, struct sops_err *e)
{
    unsigned c = FIRST_PRIVATE;
    if (!has_any(in)) {
        return in.len == 0 || !may_cut(in) || cut_out(d, in, ascii, e);
    }
    if (!unused(in, &c, d->mark) || !unused(in, &c, d->backslash)) {
        d->mark[0] = '\0';
        return true;
    }
    for (size_t from = 0, at; from < in.len; from = at) {
        at = next_place(in, from);
        if (!sops_buf_add(&d->text, sops_slice_of(in.ptr + from, at - from), e)) {
            return false;
        }
        if (at < in.len) {
            bool is_mark = in.ptr[at] != '\\';
            if (!sops_buf_adds(&d->text, is_mark ? d->mark : d->backslash, e)) {
                return false;
            }
            at += is_mark ? 3 : 1;
        }
    }
    return true;
}

bool sops_yaml_reveal(const struct sops_yaml_disguise *d, struct sops_slice in, struct sops_slice text, bool quoted,
                      size_t from, size_t to, struct sops_arena *a, struct sops_slice *out, struct sops_err *e)
{
    if (d->mark[0] == '\0') {
        return from == to ? sops_arena_copy(a, text, out, e) : put_back(d, in, text, from, to, a, out, e);
    }
    uint8_t *copy = sops_arena_bytes(a, text.len + 1, e);
    size_t n = 0;
    if (copy == NULL) {
        return false;
    }
    for (size_t i = 0; i < text.len;) {
        if (text.len - i >= 3 && memcmp(text.ptr + i, d->mark, 3) == 0) {
            memcpy(copy + n, mark, 3);
            n += 3;
            i += 3;
        } else if (text.len - i >= 3 && memcmp(text.ptr + i, d->backslash, 3) == 0) {
            if (!quoted) {
                copy[n++] = '\\';
            }
            i += 3;
        } else {
            copy[n++] = text.ptr[i++];
        }
    }
    copy[n] = '\0';
    *out = sops_slice_of(copy, n);
    return true;
}

void sops_yaml_disguise_free(struct sops_yaml_disguise *d)
{
    sops_buf_free(&d->text);
    sops_free(d->cut);
}
