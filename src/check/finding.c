/* SPDX-License-Identifier: Apache-2.0 */
#include "check/finding.h"

#include "base/ascii.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define X(name, id, level, words) [SOPS_FIND_##name] = {id, words, SOPS_LEVEL_##level},
const struct sops_finding_kind sops_finding_kinds[SOPS_FINDINGS_COUNT] = {SOPS_FINDING_IDS};
#undef X
const char *const sops_level_words[] = {"error", "warning", "note"};

enum sops_finding_id sops_finding_named(struct sops_slice id)
{
    int i = 0;
    while (i < SOPS_FINDINGS_COUNT && !sops_slice_eq(id, sops_str(sops_finding_kinds[i].id))) {
        i++;
    }
    return (enum sops_finding_id)i;
}

SOPS_PRINTF(3, 0)
static const char *format_text(struct sops_arena *a, struct sops_err *e, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *text = n < 0 ? NULL : (char *)sops_arena_bytes(a, (size_t)n + 1, e);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return text;
}

static bool make_room(struct sops_findings *f, struct sops_err *e)
{
    struct sops_finding *grown = sops_grow(f->list, f->count, &f->room, sizeof *grown, e);
    if (grown != NULL) {
        f->list = grown;
    }
    return grown != NULL;
}

bool sops_findings_add(struct sops_findings *f, enum sops_finding_id id, unsigned line, struct sops_slice path,
                       struct sops_err *e, const char *fmt, ...)
{
    struct sops_finding made = {.id = id, .line = line, .place = f->count};
    va_list args;
    if (!make_room(f, e) || (path.len != 0 && !sops_arena_copy(&f->arena, path, &made.path, e))) {
        return false;
    }
    va_start(args, fmt);
    made.message = format_text(&f->arena, e, fmt, args);
    va_end(args);
    if (made.message == NULL) {
        return false;
    }
    f->list[f->count++] = made;
    return true;
}

bool sops_findings_help(struct sops_findings *f, struct sops_err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *help = format_text(&f->arena, e, fmt, args);
    va_end(args);
    if (help != NULL && f->count != 0) {
        f->list[f->count - 1].help = help;
    }
    return help != NULL;
}

static int in_order(const void *a, const void *b)
{
    const struct sops_finding *x = a, *y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->place < y->place ? -1 : x->place > y->place;
}

void sops_findings_sort(struct sops_findings *f)
{
    if (f->count > 1) {
        qsort(f->list, f->count, sizeof *f->list, in_order);
    }
}

bool sops_findings_have(const struct sops_findings *f, enum sops_finding_id id)
{
    size_t i = 0;
    while (i < f->count && f->list[i].id != id) {
        i++;
    }
    return i < f->count;
}

void sops_findings_cut(struct sops_findings *f, size_t count) { f->count = count < f->count ? count : f->count; }

void sops_findings_free(struct sops_findings *f)
{
    sops_arena_free(&f->arena);
    sops_free(f->list);
    *f = (struct sops_findings){0};
}

/* Control characters, which no message shows as they are: quoted alone the name would come out as another one. */
static bool has_control(struct sops_slice text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f &&
           !(text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0)) {
        i++;
    }
    return i < text.len;
}

/* $'a\nb', as bash, zsh and ksh read it. */
static bool add_escaped_word(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, "$'", e);
    for (size_t i = 0; ok && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        ok = c == '\n'                ? sops_buf_adds(out, "\\n", e)
             : c == '\t'              ? sops_buf_adds(out, "\\t", e)
             : c < 0x20 || c >= 0x7f  ? sops_buf_addf(out, e, "\\%03o", c)
             : c == '\'' || c == '\\' ? sops_buf_addf(out, e, "\\%c", c)
                                      : sops_buf_addc(out, c, e);
    }
    return ok && sops_buf_addc(out, '\'', e);
}

bool sops_shell_word(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    bool option = sops_slice_starts(text, SOPS_LIT("-"));
    if (option && !sops_buf_adds(out, "./", e)) {
        return false;
    }
    if (text.len != 0 && sops_only_alnum(text, "_-./,:=@%+")) {
        return sops_buf_add(out, text, e);
    }
    if (has_control(text)) {
        return add_escaped_word(out, text, e);
    }
    bool ok = sops_buf_addc(out, '\'', e);
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = text.ptr[i] == '\'' ? sops_buf_adds(out, "'\\''", e) : sops_buf_addc(out, text.ptr[i], e);
    }
    return ok && sops_buf_addc(out, '\'', e);
}
