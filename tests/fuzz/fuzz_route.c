/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of --extract, set and unset; word splitting of commands. */
#include "base/proc.h"
#include "core/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_err e = {0};
    struct sops_route r = {0};
    struct sops_words w = {0};
    (void)!sops_route_parse(&r, sops_slice_of(data, size), SOPS_E_PATH, &e);
    sops_err_clear(&e);
    (void)!sops_words_split(&w, sops_slice_of(data, size), &e);
    sops_err_clear(&e);
    sops_route_free(&r);
    sops_words_free(&w);
    return 0;
}
