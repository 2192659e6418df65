/* SPDX-License-Identifier: Apache-2.0 */
/* Nearly every text has neither of the two, so finding that out must cost next to nothing. */
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

bool sops_yaml_disguise(struct sops_yaml_disguise *d, struct sops_slice in, struct sops_err *e)
{
    unsigned c = FIRST_PRIVATE;
    if (!has_any(in) || !unused(in, &c, d->mark) || !unused(in, &c, d->backslash)) {
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

bool sops_yaml_reveal(const struct sops_yaml_disguise *d, struct sops_slice text, bool quoted, struct sops_arena *a,
                      struct sops_slice *to, struct sops_err *e)
{
    if (d->text.len == 0) {
        return sops_arena_copy(a, text, to, e);
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
    *to = sops_slice_of(copy, n);
    return true;
}

void sops_yaml_disguise_free(struct sops_yaml_disguise *d) { sops_buf_free(&d->text); }
