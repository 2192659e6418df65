/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a URL lead? What two readers could answer differently is refused. */
#include "testing.h"

#include "base/url.h"

static void good(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *host, *port, *path, *query, *rest, *line;
        bool tls;
    } cases[] = {
        {"https://h.example", "h.example", "h.example", "443", "", "", "", "h.example", true},
        {"http://h:8200/v1/a?b=c&d#e", "h:8200", "h", "8200", "/v1/a", "b=c&d", "/v1/a?b=c&d#e", "h:8200", false},
        {"https://h:443/", "h:443", "h", "443", "/", "", "/", "h", true},
        {"http://h:443/", "h:443", "h", "443", "/", "", "/", "h:443", false},
        {"http://h:80?q", "h:80", "h", "80", "", "q", "?q", "h", false},
        {"https://u:p@h/x", "h", "h", "443", "/x", "", "/x", "h", true},
        {"https://[fd00:ec2::23]:81/x", "[fd00:ec2::23]:81", "fd00:ec2::23", "81", "/x", "", "/x", "[fd00:ec2::23]:81",
         true},
        {"http://[::1]", "[::1]", "::1", "80", "", "", "", "[::1]", false},
        {"https://evil.example#.vault.azure.net/", "evil.example", "evil.example", "443", "", "", "#.vault.azure.net/",
         "evil.example", true},
        {"https://evil.example?.vault.azure.net/", "evil.example", "evil.example", "443", "", ".vault.azure.net/",
         "?.vault.azure.net/", "evil.example", true},
        {"https://a.vault.azure.net@evil.example/", "evil.example", "evil.example", "443", "/", "", "/", "evil.example",
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_url u;
        assert_true(sops_url_parse(sops_str(cases[i].url), &u));
        assert_int_equal(u.tls, cases[i].tls);
        assert_slice(u.scheme, cases[i].tls ? "https" : "http");
        assert_slice(u.authority, cases[i].authority);
        assert_slice(u.host, cases[i].host);
        assert_slice(u.port, cases[i].port);
        assert_slice(u.path, cases[i].path);
        assert_slice(u.query, cases[i].query);
        assert_slice(u.rest, cases[i].rest);
        assert_slice(sops_url_host_line(&u), cases[i].line);
    }
}

static void bad(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "h",
        "//h",
        "ftp://h",
        "HTTPS://h",
        "https:/h",
        "https://",
        "https:///x",
        "https://:443/",
        "https://@/",
        "https://a@b@c/",
        "https://evil.example\\@good.example/",
        "https://evil.example\\.good.example/",
        "https://h h/",
        "https://h\n/",
        "https://h\x7f/",
        "https://h\xc3\xa4/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[]/",
        "https://h:80x/",
        "https://h:-1/",
        "https://::1/",
        "https://<h>/",
        "https://h\"/",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_url u;
        if (sops_url_parse(sops_str(cases[i]), &u)) {
            print_error("%s\n", cases[i]);
            fail();
        }
    }
}

static void bases(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"kms.example", "https://kms.example"},        {"kms.example:81//", "https://kms.example:81"},
        {"http://kms.example/", "http://kms.example"}, {"https://kms.example/v1/", "https://kms.example/v1"},
        {"httpd.example", "https://httpd.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        assert_ok(sops_url_base(&out, "https://", sops_str(cases[i][0]), &e), &e);
        assert_slice(sops_buf_view(&out), cases[i][1]);
        sops_buf_free(&out);
    }
}

static void ends(void **state)
{
    (void)state;
    assert_slice(sops_slice_trim_end(SOPS_LIT("/a//"), '/'), "/a");
    assert_slice(sops_slice_trim_end(SOPS_LIT("a"), '/'), "a");
    assert_int_equal(sops_slice_trim_end(SOPS_LIT("///"), '/').len, 0);
    assert_int_equal(sops_slice_trim_end((struct sops_slice){0}, '/').len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(bases),
                                       cmocka_unit_test(ends)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
