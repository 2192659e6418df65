/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a zero byte, a text. Whatever they are: no crash, an answer in bounded time, words for each refusal. */
#include "core/regex.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_err e = {0};
    struct sops_slice all = sops_slice_of(data, size);
    size_t cut = sops_slice_find(all, 0);
    struct sops_regex *r = sops_regex_new(sops_slice_first(all, cut), &e);
    if ((r == NULL) != (e.code != SOPS_OK) || (r == NULL && e.msg[0] == '\0')) {
        abort();
    }
    if (r != NULL) {
        (void)sops_regex_match(r, sops_slice_skip(all, cut + 1));
    }
    sops_regex_free(r);
    sops_err_clear(&e);
    return 0;
}
