/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of --verbose: shape, quoting, and the words of each key source as the original has them. */
#include "testing.h"

#include "core/key.h"
#include "core/log.h"

#include <stdio.h>

static char said[4096];

static void keep_say(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    assert_int_equal(level, SOPS_SAY_LOG);
    (void)snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static int64_t fixed_now(struct sops_world *w)
{
    (void)w;
    return 86400;
}

static struct sops_world log_world(void)
{
    struct sops_world w = TEST_WORLD;
    w.say = keep_say;
    w.now = fixed_now;
    w.verbose = true;
    said[0] = '\0';
    return w;
}

static void shape(void **state)
{
    (void)state;
    struct sops_world w = log_world();
    sops_log(&w, "SOPS", SOPS_LOG_DEBUG, NULL, "Decrypting %s", "tree");
    assert_string_equal(said, "[SOPS]\t time=\"1970-01-02T00:00:00Z\" level=debug msg=\"Decrypting tree\"\n");
    w = log_world();
    const struct sops_log_field fields[] = {
        {"a", SOPS_LIT("plain-._/@^+1")}, {"none", SOPS_LIT("")}, {"b", SOPS_LIT("a \"b\" \\ \n\t\x01é")}, {NULL, {0}}};
    sops_log(&w, "CMD", SOPS_LOG_INFO, fields, "word");
    assert_string_equal(said, "[CMD]\t time=\"1970-01-02T00:00:00Z\" level=info msg=word a=plain-._/@^+1 "
                              "b=\"a \\\"b\\\" \\\\ \\n\\t\\x01é\"\n");
    w = log_world();
    w.verbose = false;
    sops_log(&w, "CMD", SOPS_LOG_INFO, fields, "word");
    assert_string_equal(said, "");
}

/* What each source says of a key; "" for why: it worked. */
static void says(const char *source, const char *key, bool wrapping, const char *service, const char *why,
                 const char *who, const char *rest)
{
    struct sops_world w = log_world();
    struct sops_arena a = {0};
    struct sops_err e = {0};
    struct sops_key *k = sops_key_parse(&w, &a, sops_keysource_named(sops_str(source)), sops_str(key), &e);
    assert_ok(k != NULL, &e);
    sops_log_key(&w, k, wrapping, service, sops_str(why));
    char line[512];
    (void)snprintf(line, sizeof line, "[%s]\t time=\"1970-01-02T00:00:00Z\" level=info %s\n", who, rest);
    assert_string_equal(said, line);
    sops_arena_free(&a);
}

static void keys(void **state)
{
    (void)state;
    says("age", "age14uetxqhhh4s2znn0epmhpye9x4hdth8ehgxpsuktd7u2r0j4f9sq3kgeny", true, NULL, "", "AGE",
         "msg=\"Encryption succeeded\" "
         "recipient=age14uetxqhhh4s2znn0epmhpye9x4hdth8ehgxpsuktd7u2r0j4f9sq3kgeny");
    says("pgp", "B5E55BDCB911589E103EA3BA9639C12D52B8EDC3", false, NULL, "no luck", "PGP",
         "msg=\"Decryption failed\" fingerprint=B5E55BDCB911589E103EA3BA9639C12D52B8EDC3 error=\"no "
         "luck\"");
    says("kms", "arn:aws:kms:us-east-1:111122223333:alias/sops+arn:aws:iam::111122223333:role/r", false, NULL, "",
         "AWSKMS", "msg=\"Decryption succeeded\" arn=\"arn:aws:kms:us-east-1:111122223333:alias/sops\"");
    says("gcp_kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", false, NULL, "", "GCPKMS",
         "msg=\"Decryption succeeded\" resourceID=projects/p/locations/l/keyRings/r/cryptoKeys/k");
    says("azure_kv", "https://v.vault.azure.net/keys/k/0123", true, NULL, "", "AZKV",
         "msg=\"Encryption succeeded\" key=k version=0123");
    says("hc_vault", "https://vault.example/v1/sops/keys/first", true, NULL, "", "VAULT_TRANSIT",
         "msg=\"Encryption successful\" Path=sops/encrypt/first");
    says("hc_vault", "https://vault.example/v1/sops/keys/first", false, "tcp://h:1", "", "VAULT_TRANSIT",
         "msg=\"Decryption successful\" Path=sops/decrypt/first service=\"tcp://h:1\"");
    says("hckms", "tr-west-1:11111111-1111-4111-8111-111111111111", false, NULL, "", "HCKMS",
         "msg=\"Decryption succeeded\" keyID=\"tr-west-1:11111111-1111-4111-8111-111111111111\"");
}

/* What cannot be said for want of memory is not said, and nothing else comes of it. */
static void memory(void **state)
{
    (void)state;
    const struct sops_log_field fields[] = {{"a", SOPS_LIT("b c")}, {NULL, {0}}};
    for (uint64_t k = 1; k < 6; k++) {
        struct sops_world w = log_world();
        sops_mem_fail_at(k);
        sops_log(&w, "CMD", SOPS_LOG_INFO, fields, "word");
        sops_mem_fail_at(0);
        assert_true(said[0] == '\0' || sops_slice_ends(sops_str(said), SOPS_LIT("msg=word a=\"b c\"\n")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shape), cmocka_unit_test(keys), cmocka_unit_test(memory)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
