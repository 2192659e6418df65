/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is armor or refused; what was in it is the same after armoring it again. Seeds: testdata/age/kat.
 */
#include "keysources/age_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_buf bytes = {0}, text = {0}, again = {0};
    struct sops_err e = {0};
    if (sops_age_dearmor(sops_slice_of(data, size), &bytes, &e)) {
        if (!sops_age_armor(sops_buf_view(&bytes), &text, &e) || !sops_age_dearmor(sops_buf_view(&text), &again, &e) ||
            !sops_slice_eq(sops_buf_view(&bytes), sops_buf_view(&again))) {
            abort();
        }
    } else if (e.code == SOPS_OK) {
        abort();
    }
    sops_buf_free(&bytes);
    sops_buf_free(&text);
    sops_buf_free(&again);
    sops_err_clear(&e);
    return 0;
}
