/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an INI file of AWS, as a Vault URI, and as the challenge of an Azure vault; the first two choose an
 * allocation that fails. */
#include "cloud/azure.h"
#include "cloud/profile.h"
#include "keysources/hc_vault_uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, struct sops_err *e)
{
    if (ok != (e->code == SOPS_OK)) {
        abort();
    }
    sops_err_clear(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct sops_slice text = sops_slice_of(data + 2, size - 2);
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_ini ini = {0};
    struct sops_vault_uri uri;
    struct sops_azure_challenge challenge;
    struct sops_http_res res = {0};
    sops_mem_fail_at((uint64_t)data[0] << 8 | data[1]);
    check(sops_ini_read(&ini, &a, text, NULL, &e), &e);
    for (const struct sops_setting *s = ini.first; s != NULL; s = s->next) {
        if (sops_ini_find(&ini, s->section, s->key) == NULL || !sops_ini_has(&ini, s->section)) {
            abort();
        }
    }
    check(sops_vault_uri_parse(&a, text, &uri, &e), &e);
    if (sops_buf_adds(&res.head, "WWW-Authenticate: ", &e) && sops_buf_add(&res.head, text, &e)) {
        check(sops_azure_challenge_read(&a, &res, "https://v.vault.azure.net/keys", &challenge, &e), &e);
    }
    sops_mem_fail_at(0);
    sops_err_clear(&e);
    sops_http_res_free(&res);
    sops_arena_free(&a);
    if (sops_mem_live() != 0) {
        abort();
    }
    return 0;
}
