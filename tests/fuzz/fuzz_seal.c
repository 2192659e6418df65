/* SPDX-License-Identifier: Apache-2.0 */
/* What seal, unseal and reseal read of strangers: any text is a certificate, private keys, a backup of them,
 * SealedSecrets or Secrets, or is refused with a code; and what was read as SealedSecrets is written and read again the
 * same. */
#include "core/format.h"
#include "seal/cert.h"
#include "seal/cipher.h"
#include "seal/object.h"

#include <stdlib.h>

static void say_nothing(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

static int64_t some_day(struct sops_world *w)
{
    (void)w;
    return 1775037600;
}

static void expect_code(bool ok, struct sops_err *e)
{
    if (ok != (e->code == SOPS_OK)) {
        abort();
    }
    sops_err_clear(e);
}

static void read_keys(struct sops_world *w, struct sops_slice text)
{
    struct sops_err e = {0};
    struct sops_seal_cert cert = {0};
    struct sops_seal_keys keys = {0};
    expect_code(sops_cert_read(&cert, w, "fuzz", text, &e), &e);
    sops_cert_free(&cert);
    if (sops_is_pem(text)) {
        expect_code(sops_keys_add_pem(&keys, "fuzz", text, &e), &e);
    }
    sops_seal_keys_free(&keys);
}

static void read_objects(struct sops_world *w, const struct sops_doc *d)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_seal_keys keys = {0};
    struct sops_sealed_object *sealed = NULL;
    struct sops_secret_list secrets = {.arena = &a};
    const struct sops_secret_how how = {.flat = true, .flat_key = SOPS_LIT("key")};
    size_t count = 0, others = 0;
    expect_code(sops_keys_add_backup(&keys, w, "fuzz", d, &e), &e);
    expect_code(sops_secrets_read(d, &how, &secrets, &e), &e);
    expect_code(sops_sealed_all(d, &a, &sealed, &count, &others, &e), &e);
    for (size_t i = 0; i < count; i++) {
        for (const struct sops_node *n = sealed[i].items != NULL ? sealed[i].items->child : NULL; n != NULL;
             n = n->next) {
            struct sops_buf value = {0};
            size_t which = 0;
            if (n->kind == SOPS_STR && sops_item_open(keys.key, keys.count, SOPS_LIT("a/b"), n->text, &value, &which,
                                                      &e) == SOPS_ITEM_OPENED) {
                abort(); /* nobody seals for a key that was made up */
            }
            sops_err_clear(&e);
            sops_buf_free(&value);
        }
    }
    sops_seal_keys_free(&keys);
    sops_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_world w = {.say = say_nothing, .now = some_day};
    struct sops_slice text = sops_slice_of(data, size);
    const char *const names[] = {"yaml", "json"};
    read_keys(&w, text);
    for (size_t i = 0; i < 2; i++) {
        struct sops_err e = {0};
        struct sops_doc d = {0};
        if (sops_doc_parse(&d, sops_format_named(sops_str(names[i])), text, &e)) {
            read_objects(&w, &d);
        }
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
    return 0;
}
