/* SPDX-License-Identifier: Apache-2.0 */
/* A text of any format, by the first byte, sealed as it is written and opened again: it comes back, or its style is
 * lost. And a sealed text with a changed byte is opened to nothing else than text or an error. */
#include "../unit/written_world.h"

#include <stdlib.h>

static bool chance(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    randombytes_buf(out, n);
    return true;
}

static int64_t noon(struct sops_world *w)
{
    (void)w;
    return 1700000000;
}

static void ignore(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_world w = {.random = chance, .now = noon, .say = ignore};
    struct sops_err e = {0};
    struct sops_buf sealed = {0}, open = {0}, again = {0};
    size_t formats = 0;
    bool kept = false;
    while (sops_formats[formats] != NULL) {
        formats++;
    }
    if (size < 2) {
        return 0;
    }
    const struct sops_format *f = sops_formats[data[0] % formats];
    struct sops_style s = written_style(f, (data[0] & 0x80) != 0);
    struct sops_slice clear = sops_slice_of(data + 2, size - 2);
    if (f->textual != NULL && written_seal(&w, f, &s, clear, &kept, &sealed, &e) && kept) {
        if (!written_open(&w, f, &s, sops_buf_view(&sealed), &open, &e)) {
            abort();
        }
        bool quoted = s.quote || (clear.len > 1 && clear.ptr[0] >= 0xFE);
        if (!quoted && !sops_slice_eq(sops_buf_view(&open), clear)) {
            abort();
        }
        sealed.ptr[data[1] * sealed.len / 256] ^= 1;
        if (!written_open(&w, f, &s, sops_buf_view(&sealed), &again, &e)) {
            sops_err_clear(&e);
        }
    }
    sops_err_clear(&e);
    sops_buf_free(&sealed);
    sops_buf_free(&open);
    sops_buf_free(&again);
    return 0;
}
