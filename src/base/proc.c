/* SPDX-License-Identifier: Apache-2.0 */
/* Words are cut as a shell would cut them, but nothing is ever expanded and no shell is run. All words of one text
 * share one block: each is shorter than the part of the text it came from, so the text's length is room enough. */
#include "base/proc.h"

#include <sys/stat.h>
#include <unistd.h>

static bool is_separator(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Where reading stands, and where the next byte of a word goes. */
struct cutter {
    struct sops_slice rest;
    uint8_t *to;
};

static uint8_t take(struct cutter *c)
{
    uint8_t byte = c->rest.ptr[0];
    c->rest = sops_slice_skip(c->rest, 1);
    return byte;
}

/* The inside of a quotation, with its closing quote. */
static bool quoted(struct cutter *c, uint8_t quote, struct sops_err *e)
{
    while (c->rest.len != 0) {
        uint8_t byte = take(c);
        if (byte == quote) {
            return true;
        }
        if (byte == '\\' && quote == '"') {
            if (c->rest.len == 0) {
                break;
            }
            byte = take(c);
        }
        *c->to++ = byte;
    }
    return sops_fail(e, SOPS_E_GENERIC, "a quotation is not closed");
}

static bool word(struct cutter *c, struct sops_err *e)
{
    while (c->rest.len != 0 && !is_separator(c->rest.ptr[0])) {
        uint8_t byte = take(c);
        if (byte == '\'' || byte == '"') {
            if (!quoted(c, byte, e)) {
                return false;
            }
            continue;
        }
        if (byte == '\\') {
            if (c->rest.len == 0) {
                return sops_fail(e, SOPS_E_GENERIC, "a backslash stands at the end");
            }
            byte = take(c);
        }
        *c->to++ = byte;
    }
    *c->to++ = '\0';
    return true;
}

/* Moves to the first byte of the next word, over blanks and comments. */
static void skip(struct cutter *c)
{
    while (c->rest.len != 0) {
        if (c->rest.ptr[0] == '#') {
            c->rest = sops_slice_skip(c->rest, sops_slice_find(c->rest, '\n'));
        } else if (is_separator(c->rest.ptr[0])) {
            c->rest = sops_slice_skip(c->rest, 1);
        } else {
            return;
        }
    }
}

bool sops_words_split(struct sops_words *w, struct sops_slice text, struct sops_err *e)
{
    *w = (struct sops_words){0};
    if (sops_slice_find(text, '\0') != text.len) {
        return sops_fail(e, SOPS_E_GENERIC, "a NUL byte stands in it");
    }
    /* Every word but the last takes a separator along, and one more place is for the NULL. */
    w->word = sops_arena_alloc(&w->arena, (text.len / 2 + 2) * sizeof *w->word, e);
    struct cutter c = {.rest = text, .to = w->word != NULL ? sops_arena_bytes(&w->arena, text.len + 1, e) : NULL};
    if (c.to == NULL) {
        sops_words_free(w);
        return false;
    }
    for (skip(&c); c.rest.len != 0; skip(&c)) {
        w->word[w->count++] = (char *)c.to;
        if (!word(&c, e)) {
            sops_words_free(w);
            return false;
        }
    }
    return true;
}

void sops_words_free(struct sops_words *w)
{
    sops_arena_free(&w->arena);
    *w = (struct sops_words){0};
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && access(path, X_OK) == 0;
}

/* `folder`/`name` in `out`; an empty entry of PATH is the current folder. */
static bool join(struct sops_buf *out, struct sops_slice folder, const char *name, struct sops_err *e)
{
    sops_buf_cut(out, 0);
    return sops_buf_add(out, folder.len != 0 ? folder : SOPS_LIT("."), e) && sops_buf_addc(out, '/', e) &&
           sops_buf_adds(out, name, e) && sops_buf_cstr(out, e) != NULL;
}

static bool search(const char *name, struct sops_slice path, struct sops_buf *found, struct sops_err *e)
{
    struct sops_slice folder;
    while (sops_slice_next(&path, ':', &folder)) {
        if (!join(found, folder, name, e)) {
            return false;
        }
        if (!is_program((const char *)found->ptr)) {
            continue;
        }
        if (found->ptr[0] != '/') {
            return sops_fail(e, SOPS_E_GENERIC, "the program '%s' stands only in a relative folder of PATH", name) ||
                   sops_hint(e, "give its path, as in ./%s", name);
        }
        return true;
    }
    return sops_fail(e, SOPS_E_GENERIC, "the program '%s' was not found in PATH", name);
}

bool sops_proc_find(const char *name, const char *path, struct sops_buf *out, struct sops_err *e)
{
    if (name[0] == '\0') {
        return sops_fail(e, SOPS_E_GENERIC, "the name of the program is empty");
    }
    if (strchr(name, '/') != NULL) {
        return is_program(name) ? sops_buf_adds(out, name, e)
                                : sops_fail(e, SOPS_E_GENERIC, "'%s' is no program that can be run", name);
    }
    struct sops_buf found = {0};
    bool ok = search(name, sops_str(path), &found, e) && sops_buf_add(out, sops_buf_view(&found), e);
    sops_buf_free(&found);
    return ok;
}
