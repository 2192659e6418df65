/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP needs and no server is asked for: which proxy, which authorities, and the helpers for texts. */
#include "http_world.h"

#include <stdlib.h>
#include <unistd.h>

static void proxy_rules(void **state)
{
    (void)state;
    static const struct {
        const char *url, *no_proxy;
        bool proxied;
    } cases[] = {
        {"https://example.com/", "", true},
        {"http://example.com/", "", true},
        {"https://localhost/", "", false},
        {"https://LOCALHOST:8/", "", false},
        {"https://127.9.9.9/", "", false},
        {"https://[::1]:80/", "", false},
        {"https://[::2]/", "", true},
        {"https://localhost.example/", "", true},
        {"https://example.com/", "*", false},
        {"https://example.com/", "example.com", false},
        {"https://a.example.com/", "x, example.com ", false},
        {"https://aexample.com/", "example.com", true},
        {"https://example.com/", ".example.com", true},
        {"https://a.example.com/", ".example.com", false},
        {"https://a.example.com/", "*.example.com", false},
        {"https://EXAMPLE.com/", "example.com:443", false},
        {"https://example.com:8443/", "example.com:443", true},
        {"https://10.1.2.3/", "10.0.0.0/8", false},
        {"https://11.1.2.3/", "10.0.0.0/8", true},
        {"https://10.1.2.3/", "10.1.2.3", false},
        {"https://10.1.2.3:9/", "10.1.2.3:443", true},
        {"https://[fd00::1]/", "fd00::/8", false},
        {"https://[fe00::1]/", "fd00::/8", true},
        {"https://10.1.2.3/", "10.0.0.0/x, 10.0.0.0/99,,/", true},
        {"ftp://example.com/", "", false},
    };
    struct sops_world w;
    new_world(&w);
    variables[0] = "HTTPS_PROXY";
    variables[1] = "http://proxy";
    variables[2] = "http_proxy";
    variables[3] = "http://proxy";
    variables[4] = "NO_PROXY";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        variables[5] = cases[i].no_proxy;
        if ((sops_proxy_for(&w, sops_str(cases[i].url))[0] != '\0') != cases[i].proxied) {
            print_error("%s with NO_PROXY '%s'\n", cases[i].url, cases[i].no_proxy);
            fail();
        }
    }
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

/* Only folders without names made of hashes are read, and only what holds certificates; with every lack of memory. */
static void trusted_folders(void **state)
{
    (void)state;
#define MARK "-----BEGIN CERTIFICATE-----"
    struct sops_world w;
    struct sops_err e = {0};
    struct sops_slice pem;
    char folder[] = "/tmp/sops-trust-XXXXXX", list[64], file[64];
    assert_non_null(mkdtemp(folder));
    put_file(folder, "a.pem", MARK "a");
    put_file(folder, "key", "-----BEGIN PRIVATE KEY-----");
    put_file(folder, "0123456g.0", "no hash");
    put_file(folder, "01234567.x", "no hash");
    (void)snprintf(list, sizeof list, "/none/such::%s", folder);
    (void)snprintf(file, sizeof file, "%s/a.pem", folder);
    new_world(&w);
    for (uint64_t k = 1;; k++) {
        uint64_t count = sops_mem_count();
        sops_mem_fail_at(k);
        bool ok = sops_trust_folders(&w, list, file, &pem, &e);
        sops_mem_fail_at(0);
        assert_int_equal(ok, e.code == SOPS_OK);
        sops_err_clear(&e);
        if (sops_mem_count() - count < k) {
            assert_true(ok);
            break;
        }
        sops_world_forget(&w);
    }
    assert_slice(pem, MARK "a\n" MARK "a\n");
    sops_world_forget(&w);
    assert_ok(sops_trust_folders(&w, folder, NULL, &pem, &e), &e);
    assert_slice(pem, MARK "a\n");
    sops_world_forget(&w);
    put_file(folder, "01234567.12", MARK);
    assert_ok(sops_trust_folders(&w, folder, file, &pem, &e), &e);
    assert_slice(pem, "");
    sops_world_forget(&w);
    static const char *const names[] = {"a.pem", "key", "0123456g.0", "01234567.x", "01234567.12"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        remove_file(folder, names[i]);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void helpers(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    json_t *json = NULL;
    assert_ok(sops_form_add(&out, "a b", SOPS_LIT("c&d/e"), &e) && sops_form_add(&out, "x", SOPS_LIT("~1"), &e), &e);
    assert_slice(sops_buf_view(&out), "a%20b=c%26d%2Fe&x=~1");
    sops_buf_cut(&out, 0);
    assert_ok(sops_base64_text(&out, SOPS_B64_CR, SOPS_LIT("aGVs\r\nbG8="), &e), &e);
    assert_ok(sops_base64_text(&out, SOPS_B64_URL, SOPS_LIT("aGVsbG8="), &e), &e);
    assert_slice(sops_buf_view(&out), "hellohello");
    assert_fails(sops_base64_text(&out, SOPS_B64_CR, SOPS_LIT("aGVs bG8="), &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_json_load(SOPS_LIT("{\"canary\":"), &json, &e), &e, SOPS_E_GENERIC);
    assert_fails(sops_json_load(SOPS_LIT(""), &json, &e), &e, SOPS_E_GENERIC);
    assert_ok(sops_json_load(SOPS_LIT("{\"n\":\"12\",\"m\":7,\"t\":\"x\\u0000y\"}"), &json, &e), &e);
    assert_int_equal(sops_json_number(json, "n"), 12);
    assert_int_equal(sops_json_number(json, "m"), 7);
    assert_int_equal(sops_json_number(json, "t"), 0);
    assert_int_equal(sops_json_text(json, "t").len, 3);
    assert_int_equal(sops_json_text(json, "m").len, 0);
    assert_int_equal(sops_json_text(NULL, "m").len, 0);
    json_decref(json);
    sops_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxy_rules),
        cmocka_unit_test(helpers),
        cmocka_unit_test(trusted_folders),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
