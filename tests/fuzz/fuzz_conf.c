/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration; the first two choose an allocation that fails. What is read is looked at as .sops.yaml
 * is. */
#include "core/config_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct sops_err e = {0};
    struct sops_doc d = {0};
    sops_mem_fail_at((uint64_t)data[0] << 8 | data[1]);
    bool ok = sops_conf_parse(&d, sops_slice_of(data + 2, size - 2), &e) && sops_config_check(d.parts, &e);
    sops_mem_fail_at(0);
    if (ok != (e.code == SOPS_OK)) {
        abort();
    }
    sops_err_clear(&e);
    sops_doc_free(&d);
    if (sops_mem_live() != 0) {
        abort();
    }
    return 0;
}
