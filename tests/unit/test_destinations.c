/* SPDX-License-Identifier: Apache-2.0 */
/* What each destination sends, seen by a world that answers from a list and remembers the requests. */
#include "testing.h"

#include "core/destination.h"
#include "core/tree_json.h"

#include <stdio.h>

/* ---- trees to JSON -------------------------------------------------------------------------------------------------
 */

static struct sops_node *add(struct sops_doc *d, struct sops_node *to, enum sops_kind kind, const char *key,
                             const char *text)
{
    struct sops_err e = {0};
    struct sops_node *n = sops_node_add(d, to, kind, sops_str(key), sops_str(text), &e);
    assert_non_null(n);
    return n;
}

static void test_tree(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_buf out = {0};
    struct sops_node *part = add(&d, NULL, SOPS_MAP, "", "");
    add(&d, part, SOPS_COMMENT, "", " said");
    add(&d, part, SOPS_STR, "a", "x\"\n");
    add(&d, part, SOPS_STR, "twice", "first");
    struct sops_node *list = add(&d, part, SOPS_LIST, "list", "");
    add(&d, list, SOPS_INT, "", "-5");
    add(&d, list, SOPS_COMMENT, "", "gone");
    struct sops_node *map = add(&d, list, SOPS_MAP, "", "");
    static const char *const floats[] = {"2.5", "3", "-0", "1000000000000000000000", "0.0000001"};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        add(&d, map, SOPS_FLOAT, (const char *[]){"f", "g", "h", "i", "j"}[i], floats[i]);
    }
    add(&d, map, SOPS_LIST, "empty", "");
    add(&d, list, SOPS_MAP, "", "");
    add(&d, part, SOPS_BOOL, "yes", "True");
    struct sops_node *second = add(&d, NULL, SOPS_MAP, "", "");
    add(&d, second, SOPS_BOOL, "no", "False");
    add(&d, second, SOPS_STR, "twice", "last");
    add(&d, second, SOPS_NULL, "nothing", "");
    add(&d, second, SOPS_TIME, "t", "2024-05-06T07:08:09Z");
    assert_ok(sops_tree_json(&d, &out, &e), &e);
    assert_slice(sops_buf_view(&out), "{\"a\":\"x\\\"\\u000a\",\"list\":[-5,{\"f\":2.5,\"g\":3,\"h\":-0,\"i\":1e+21,"
                                      "\"j\":1e-7,\"empty\":[]},{}],\"yes\":true,\"no\":false,"
                                      "\"twice\":\"last\",\"nothing\":null,\"t\":\"2024-05-06T07:08:09Z\"}");
    sops_buf_free(&out);
    d.state = SOPS_DOC_UNVERIFIED;
    assert_fails(sops_tree_json(&d, &out, &e), &e, SOPS_E_GENERIC);
    assert_int_equal(out.len, 0);
    d.state = SOPS_DOC_PLAIN;
    struct sops_node *odd = add(&d, second, SOPS_FLOAT, "odd", "+Inf");
    static const char *const none[] = {"+Inf", "-Inf", "NaN"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        odd->text = sops_str(none[i]);
        assert_fails(sops_tree_json(&d, &out, &e), &e, SOPS_E_GENERIC);
    }
    sops_buf_free(&out);
    sops_doc_free(&d);
    assert_ok(sops_tree_json(&d, &out, &e), &e);
    assert_slice(sops_buf_view(&out), "{}");
    sops_buf_free(&out);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        bool fits;
    } cases[] = {
        {"0", true},
        {"-1", true},
        {"9007199254740991", true},
        {"9007199254740992", true}, /* 2^53 */
        {"9007199254740993", false},
        {"-9007199254740993", false},
        {"9007199254740994", true},
        {"1152921504606846976", false}, /* 2^60: a double, but written as …847000 */
        {"9223372036854775807", false},
        {"18446744073709551615", false},
        {"10000000000000000000", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        struct sops_node *part = add(&d, NULL, SOPS_MAP, "", "");
        add(&d, part, SOPS_FLOAT, "float", "9007199254740993.5");
        add(&d, part, SOPS_STR, "text", "9007199254740993");
        struct sops_node *list = add(&d, add(&d, part, SOPS_MAP, "in", ""), SOPS_LIST, "list", "");
        add(&d, list, SOPS_INT, "", cases[i].number);
        add(&d, add(&d, NULL, SOPS_MAP, "", ""), SOPS_INT, "last", "1");
        if (cases[i].fits) {
            assert_ok(sops_tree_fits_doubles(&d, &e), &e);
        } else {
            assert_false(sops_tree_fits_doubles(&d, &e));
            assert_non_null(strstr(e.msg, "[\"in\"][\"list\"][0]"));
            assert_null(strstr(e.msg, cases[i].number));
        }
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
}

/* Depth costs no stack. */
static void test_deep_tree(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_buf out = {0};
    struct sops_node *at = add(&d, NULL, SOPS_MAP, "", "");
    at = add(&d, at, SOPS_LIST, "k", "");
    for (unsigned i = 0; i < 200000; i++) {
        at = add(&d, at, SOPS_LIST, "", "");
    }
    assert_ok(sops_tree_json(&d, &out, &e), &e);
    assert_int_equal(out.len, 6 + 2 * 200001);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* ---- requests
 * -------------------------------------------------------------------------------------------------------- */

struct exchange {
    int status;
    const char *body;
};
static struct {
    const struct exchange *answers;
    size_t count;
    struct sops_buf log;
    const char *const *env; /* name, value, name, value, NULL */
} fake;

static bool fake_http(struct sops_world *w, const struct sops_http_req *req, struct sops_http_res *res,
                      struct sops_err *e)
{
    (void)w;
    assert_true(sops_buf_addf(&fake.log, e, "%s %s\n", req->method, req->url));
    for (const char *const *h = req->headers; h != NULL && *h != NULL; h++) {
        if (strncasecmp(*h, "content-type", 12) == 0 || strncasecmp(*h, "authorization: Bearer", 21) == 0 ||
            strncasecmp(*h, "x-vault-token", 13) == 0 || strncasecmp(*h, "x-amz-content-sha256", 20) == 0) {
            assert_true(sops_buf_addf(&fake.log, e, "%s\n", *h));
        }
    }
    assert_true(sops_buf_add(&fake.log, req->body, e) && sops_buf_addc(&fake.log, '\n', e));
    const struct exchange *answer = fake.answers++;
    fake.count++;
    *res = (struct sops_http_res){.status = answer->status};
    return sops_buf_adds(&res->body, answer->body, e);
}

static const char *fake_env(struct sops_world *w, const char *name)
{
    (void)w;
    for (const char *const *at = fake.env; *at != NULL; at += 2) {
        if (strcmp(*at, name) == 0) {
            return at[1];
        }
    }
    return NULL;
}

static bool fake_random(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    memset(out, 0xab, n);
    return true;
}

struct upload {
    const struct sops_destination *to;
    struct sops_slice value[SOPS_MAX_DESTINATION_VALUES];
    const char *const *env;
    const struct exchange *answers;
    bool ok, unchanged;
    const char *log;   /* requests, or a part of them */
    const char *words; /* of the failure */
};

static void check_upload(const struct upload *u)
{
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    bool unchanged = false;
    w.http = fake_http;
    w.env = fake_env;
    w.random = fake_random;
    fake.answers = u->answers;
    fake.env = u->env;
    add(&d, add(&d, NULL, SOPS_MAP, "", ""), SOPS_STR, "a", "1");
    bool ok = u->to->put(&w, u->value, SOPS_LIT("f o.yaml"), SOPS_LIT("bytes"), &d, &unchanged, &e);
    if (ok != u->ok || (u->log != NULL && strstr(sops_buf_cstr(&fake.log, &e), u->log) == NULL)) {
        fail_msg("%s\nwant: %s\ngot: %.*s", e.msg, u->log, SOPS_ARG(sops_buf_view(&fake.log)));
    }
    assert_int_equal(unchanged, u->unchanged);
    if (u->words != NULL && strstr(e.msg, u->words) == NULL) {
        fail_msg("'%s' is not in '%s'", u->words, e.msg);
    }
    sops_err_clear(&e);
    sops_buf_free(&fake.log);
    sops_doc_free(&d);
    sops_world_forget(&w);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ANSWERS(...) ((const struct exchange[]){__VA_ARGS__})
#define AWS_ENV                                                                                                        \
    "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "canary-secret", "HOME", "/nowhere",                           \
        "AWS_EC2_METADATA_DISABLED", "true"

static void test_s3(void **state)
{
    (void)state;
    const struct sops_slice bucket = SOPS_LIT("my-bucket"), prefix = SOPS_LIT("p/"), odd = SOPS_LIT("my.bucket");
    const struct upload rows[] = {
        {&sops_destination_s3,
         {bucket, prefix},
         ENV(AWS_ENV, "AWS_REGION", "eu-west-1"),
         ANSWERS({200, ""}),
         true,
         false,
         "PUT https://my-bucket.s3.eu-west-1.amazonaws.com/p/f%20o.yaml?x-id=PutObject\n"
         "content-type: application/octet-stream\n"
         "x-amz-content-sha256: 277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9\nbytes\n",
         NULL},
        {&sops_destination_s3,
         {odd},
         ENV(AWS_ENV, "AWS_REGION", "eu-west-1"),
         ANSWERS({200, ""}),
         true,
         false,
         "PUT https://s3.eu-west-1.amazonaws.com/my.bucket/f%20o.yaml?x-id=PutObject\n",
         NULL},
        {&sops_destination_s3,
         {bucket},
         ENV(AWS_ENV, "AWS_REGION", "r", "AWS_ENDPOINT_URL_S3", "http://127.0.0.1:99/"),
         ANSWERS({200, ""}),
         true,
         false,
         "PUT http://127.0.0.1:99/my-bucket/f%20o.yaml?x-id=PutObject\n",
         NULL},
        {&sops_destination_s3,
         {bucket},
         ENV(AWS_ENV, "AWS_REGION", "r", "AWS_ENDPOINT_URL_S3", "http://store.example"),
         ANSWERS({200, ""}),
         true,
         false,
         "PUT http://my-bucket.store.example/f%20o.yaml?x-id=PutObject\n",
         NULL},
        {&sops_destination_s3, {bucket}, ENV(AWS_ENV), NULL, false, false, NULL, "Invalid region"},
        {&sops_destination_s3,
         {bucket},
         ENV(AWS_ENV, "AWS_REGION", "eu-west-1"),
         ANSWERS({404, "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"}),
         false,
         false,
         NULL,
         "NoSuchBucket"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_upload(&rows[i]);
    }
}

static void test_gcs(void **state)
{
    (void)state;
    const struct sops_slice bucket = SOPS_LIT("b"), prefix = SOPS_LIT("p/");
    const struct upload rows[] = {
        {&sops_destination_gcs,
         {bucket, prefix},
         ENV("STORAGE_EMULATOR_HOST", "localhost:99"),
         ANSWERS({200, "{}"}),
         true,
         false,
         "POST http://localhost:99/upload/storage/v1/b/b/o?alt=json&name=p%2Ff%20o.yaml&prettyPrint=false&"
         "projection=full&uploadType=multipart\n"
         "Content-Type: multipart/related; boundary=abababababababababababababababababababab\n"
         "--abababababababababababababababababababab\r\nContent-Type: application/json\r\n\r\n"
         "{\"bucket\":\"b\",\"name\":\"p/f o.yaml\"}\n\r\n"
         "--abababababababababababababababababababab\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
         "bytes\r\n--abababababababababababababababababababab--\r\n",
         NULL},
        {&sops_destination_gcs,
         {bucket},
         ENV("STORAGE_EMULATOR_HOST", "http://h/"),
         ANSWERS({404, "{\"error\":{\"message\":\"no such bucket\"}}"}),
         false,
         false,
         "POST http://h/upload/",
         "404"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_upload(&rows[i]);
    }
}

static void test_vault(void **state)
{
    (void)state;
    const struct sops_slice path = SOPS_LIT("app"), address = SOPS_LIT("http://v:8200"), none = {0};
    const struct sops_slice kv = SOPS_LIT("kv/"), one = SOPS_LIT("1");
    const struct upload rows[] = {
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t", "VAULT_MAX_RETRIES", "0"),
         ANSWERS({404, "{\"errors\":[]}"}, {200, "{}"}),
         true,
         false,
         "PUT http://v:8200/v1/secret/data/app/f%20o.yaml\nX-Vault-Token: t\n{\"data\":{\"a\":\"1\"}}\n",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t"),
         ANSWERS({200, "{\"data\":{\"data\":{\"a\":\"1\"}}}"}),
         true,
         true,
         "GET http://v:8200/v1/secret/data/app/f%20o.yaml",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t"),
         ANSWERS({200, "{\"data\":{\"data\":{\"a\":\"2\"}}}"}, {200, "{}"}),
         true,
         false,
         "PUT http://v:8200/v1/secret/data/app/f%20o.yaml",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t"),
         ANSWERS({200, "{\"data\":{\"data\":{\"a\":1}}}"}, {200, "{}"}),
         true,
         false,
         "PUT http://v:8200/v1/secret/data/app/f%20o.yaml",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t"),
         ANSWERS({200, "{\"data\":{\"data\":{\"a\":\"1\",\"b\":null}}}"}, {200, "{}"}),
         true,
         false,
         "PUT http://v:8200/v1/secret/data/app/f%20o.yaml",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t"),
         ANSWERS({200, "{\"data\":{\"data\":null}}"}, {200, "{}"}),
         true,
         false,
         "PUT http://v:8200/v1/secret/data/app/f%20o.yaml",
         NULL},
        {&sops_destination_vault_kv,
         {path, none, kv, one},
         ENV("VAULT_ADDR", "http://w"),
         ANSWERS({204, ""}),
         true,
         false,
         "PUT http://w/v1/kv/app/f%20o.yaml\n{\"a\":\"1\"}\n",
         NULL},
        {&sops_destination_vault_kv,
         {path, address},
         ENV("VAULT_TOKEN", "t", "VAULT_MAX_RETRIES", "0"),
         ANSWERS({403, "{\"errors\":[\"permission denied\"]}"}, {403, "{\"errors\":[\"permission denied\"]}"}),
         false,
         false,
         NULL,
         "permission denied"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_upload(&rows[i]);
    }
}

static void test_where(void **state)
{
    (void)state;
    const struct sops_slice b = SOPS_LIT("b"), p = SOPS_LIT("p/"), sub = SOPS_LIT("secret/sops"),
                            v = SOPS_LIT("https://vault.example.com"), none = {0}, kv = SOPS_LIT("kv"),
                            one = SOPS_LIT("1");
    const struct {
        const struct sops_destination *to;
        struct sops_slice value[SOPS_MAX_DESTINATION_VALUES];
        const char *shown;
    } rows[] = {
        {&sops_destination_s3, {b, p}, "s3://b/p/n.yaml"},
        {&sops_destination_gcs, {b}, "gcs://b/n.yaml"},
        {&sops_destination_vault_kv, {sub, v}, "https://vault.example.com/v1/secret/data/secret/sops/n.yaml"},
        {&sops_destination_vault_kv, {p, none, kv, one}, "https://127.0.0.1:8200/v1/kv/p/n.yaml"},
    };
    static const char *const nothing[] = {NULL};
    struct sops_world w = TEST_WORLD;
    w.env = fake_env;
    fake.env = nothing;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sops_err e = {0};
        struct sops_buf shown = {0};
        assert_ok(rows[i].to->where(&w, rows[i].value, SOPS_LIT("n.yaml"), &shown, &e), &e);
        assert_slice(sops_buf_view(&shown), rows[i].shown);
        sops_buf_free(&shown);
    }
    sops_world_forget(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),  cmocka_unit_test(test_deep_tree), cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_s3),    cmocka_unit_test(test_gcs),       cmocka_unit_test(test_vault),
        cmocka_unit_test(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
