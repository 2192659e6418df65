/* SPDX-License-Identifier: Apache-2.0 */
/* Three versions of a document, each changed by strangers: they merge or conflict, and whatever comes out can be
 * written; the first sections of a conflict's text are the text of ours, the second ones that of theirs. The first byte
 * chooses the format, NUL bytes divide the versions. */
#include "core/conflict.h"
#include "core/format.h"
#include "core/merge.h"

#include <stdlib.h>

static const struct sops_style style = {0};

static bool write_side(const struct sops_merge *m, const struct sops_merge_in *in, const struct sops_format *f,
                       sops_pick_fn *pick, struct sops_buf *out)
{
    struct sops_err e = {0};
    struct sops_doc d = {0};
    if (!sops_merge_pick(m, in, pick, NULL, false, &d, &e)) {
        abort();
    }
    bool ok = sops_doc_emit(&d, f, &style, out, &e);
    sops_err_clear(&e);
    sops_doc_free(&d);
    return ok;
}

/* What is left when one section of each pair is kept; false when a line of the text itself looks like a marker. */
static bool keep_side(struct sops_slice text, int side, struct sops_buf *out)
{
    struct sops_err e = {0};
    int at = -1;
    while (text.len != 0) {
        size_t n = sops_slice_find(text, '\n');
        struct sops_slice line = sops_slice_first(text, n + (n < text.len));
        bool begin = sops_slice_eq(line, SOPS_LIT("<<<<<<<<<<<<<<<<<<<< ours\n"));
        bool middle = sops_slice_eq(line, SOPS_LIT("====================\n"));
        bool end = sops_slice_eq(line, SOPS_LIT(">>>>>>>>>>>>>>>>>>>> theirs\n"));
        if (begin || middle || end) {
            if (at != (begin ? -1 : middle ? 0 : 1)) {
                return false;
            }
            at = begin ? 0 : middle ? 1 : -1;
        } else if ((at < 0 || at == side) && !sops_buf_add(out, line, &e)) {
            abort();
        }
        text = sops_slice_skip(text, line.len);
    }
    return true;
}

static void check_text(const struct sops_merge *m, const struct sops_format *f, const struct sops_buf *left,
                       const struct sops_buf *right)
{
    const struct sops_marker_style marks = {.size = 20};
    struct sops_err e = {0};
    struct sops_buf text = {0}, side[2] = {{0}};
    bool whole = left->len == 0 || right->len == 0 || left->ptr[left->len - 1] != '\n' ||
                 right->ptr[right->len - 1] != '\n'; /* then a line break may have been added */
    if (!sops_conflict_text(m, f, sops_buf_view(left), sops_buf_view(right), &marks, &text, &e)) {
        abort();
    }
    if (!whole && keep_side(sops_buf_view(&text), 0, &side[0]) && keep_side(sops_buf_view(&text), 1, &side[1]) &&
        (!sops_slice_eq(sops_buf_view(&side[0]), sops_buf_view(left)) ||
         !sops_slice_eq(sops_buf_view(&side[1]), sops_buf_view(right)))) {
        abort();
    }
    sops_buf_free(&text);
    sops_buf_free(&side[0]);
    sops_buf_free(&side[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_slice rest = sops_slice_of(data, size), piece[3] = {{0}};
    const struct sops_format *f = NULL;
    size_t formats = 0, pieces = 0;
    while (sops_formats[formats] != NULL) {
        formats++;
    }
    if (size == 0) {
        return 0;
    }
    f = sops_formats[data[0] % formats];
    rest = sops_slice_skip(rest, 1);
    while (pieces < 3 && sops_slice_next(&rest, '\0', &piece[pieces])) {
        pieces++;
    }
    struct sops_doc d[3] = {{.state = SOPS_DOC_PLAIN}};
    struct sops_merge m = {0};
    struct sops_err e = {0};
    bool ok = pieces == 3;
    for (int i = 0; ok && i < 3; i++) {
        ok = sops_doc_parse(&d[i], f, piece[i], &e);
    }
    sops_err_clear(&e);
    const struct sops_merge_in in = {.base = piece[0].len != 0 ? &d[0] : NULL,
                                     .ours = &d[1],
                                     .theirs = &d[2],
                                     .comments_behind = (f->flags & SOPS_FMT_BEHIND) != 0};
    if (ok && !sops_merge_values(&in, &m, &e)) {
        abort(); /* only memory may be out */
    }
    struct sops_buf left = {0}, right = {0};
    if (ok && !m.documents && write_side(&m, &in, f, sops_pick_ours, &left) &&
        write_side(&m, &in, f, sops_pick_theirs, &right)) {
        check_text(&m, f, &left, &right);
    }
    sops_buf_free(&left);
    sops_buf_free(&right);
    sops_merge_free(&m);
    for (int i = 0; i < 3; i++) {
        sops_doc_free(&d[i]);
    }
    if (sops_mem_live() != 0) {
        abort();
    }
    return 0;
}
