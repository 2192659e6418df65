/* SPDX-License-Identifier: Apache-2.0 */
/* Every format's reader, chosen by the first byte; what it reads is written, and read and written again. */
#include "../unit/spans.h"

/* Reads the text; its spans must hold. */
static bool read_text(struct sops_doc *d, const struct sops_format *f, struct sops_slice in, struct sops_err *e)
{
    if (!sops_doc_parse(d, f, in, e)) {
        return false;
    }
    if (spans_problem(d, f, in.len) != NULL) {
        abort();
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t formats = 0;
    while (sops_formats[formats] != NULL) {
        formats++;
    }
    if (size == 0) {
        return 0;
    }
    const struct sops_format *f = sops_formats[data[0] % formats];
    struct sops_doc d = {0}, again = {0};
    struct sops_err e = {0};
    struct sops_buf out = {0}, second = {0};
    struct sops_style style = {0};
    if (read_text(&d, f, sops_slice_of(data + 1, size - 1), &e) && sops_doc_emit(&d, f, &style, &out, &e)) {
        /* Not all that a lossy format writes reads back (readback.c is for that); but nothing may crash. */
        if (read_text(&again, f, sops_buf_view(&out), &e)) {
            (void)!sops_doc_emit(&again, f, &style, &second, &e);
        }
    }
    sops_err_clear(&e);
    sops_doc_free(&d);
    sops_doc_free(&again);
    sops_buf_free(&out);
    sops_buf_free(&second);
    return 0;
}
