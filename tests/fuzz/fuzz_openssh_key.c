/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a private key file or refused, and so as a line of authorized_keys. With a passphrase only where
 * OpenSSL's own derivation is used: bcrypt would take all the time. Seeds: testdata/age/kat/ssh-keys. */
#include "keysources/age_ssh_key.h"

#include <stdlib.h>

/* A key that was read tells a public key that can be read. */
static void check(struct sops_slice text, struct sops_slice passphrase)
{
    struct sops_ssh_private k = {0};
    struct sops_ssh_public public;
    struct sops_err e = {0};
    if (sops_ssh_private_parse(text, passphrase, &k, &e)) {
        if (!k.encrypted && !sops_ssh_public_parse(sops_buf_view(&k.wire), &public, &e)) {
            abort();
        }
    } else if (e.code == SOPS_OK || k.wire.ptr != NULL || k.secret.ptr != NULL) {
        abort();
    }
    sops_ssh_private_free(&k);
    sops_err_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_slice text = sops_slice_of(data, size);
    struct sops_buf wire = {0};
    struct sops_err e = {0};
    check(text, (struct sops_slice){0});
    if (memmem(data, size, "DEK-Info", 8) != NULL && memmem(data, size, "OPENSSH", 7) == NULL) {
        check(text, SOPS_LIT("kat passphrase"));
    }
    if (sops_ssh_authorized_parse(text, &wire, &e) != (e.code == SOPS_OK)) {
        abort();
    }
    sops_buf_free(&wire);
    sops_err_clear(&e);
    return 0;
}
