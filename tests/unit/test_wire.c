/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "base/encode.h"
#include "core/key.h"
#include "services/wire.h"

#include <stdio.h>

static const struct sops_pair foo = {.key = {(const uint8_t *)"foo", 3}, .value = {(const uint8_t *)"bar", 3}};

static void check_hex(const struct sops_key *k, struct sops_slice bytes, const char *hex)
{
    struct sops_err e = {0};
    struct sops_buf out = {0}, text = {0};
    assert_ok(sops_wire_put_request(&out, k, bytes, &e), &e);
    assert_ok(sops_hex_add(&text, sops_buf_view(&out), false, &e), &e);
    assert_slice(sops_buf_view(&text), hex);
    sops_buf_free(&text);
    sops_buf_free(&out);
}

static void test_golden_bytes(void **state)
{
    (void)state;
    struct sops_key pgp = {.source = sops_keysource_named(SOPS_LIT("pgp")),
                           .field = {SOPS_LIT("B59DAF469E8C948138901A649732075EA221A7EA")}};
    check_hex(&pgp, sops_slice_of("\0\1\2\3", 4),
              "0a2c122a0a28423539444146343639453843393438313338393031413634393733323037354541323231413745"
              "41120400010203");
    struct sops_key kms = {.source = sops_keysource_named(SOPS_LIT("kms")), .map = &foo};
    kms.field[0] = SOPS_LIT("arn:aws:kms:us-west-2:107501996527:key/612d5f0p-p1l3-45e6-aca6-a5b005693a48");
    for (unsigned i = 0; kms.source->fields[i].meta != NULL; i++) {
        if (strcmp(kms.source->fields[i].meta, "aws_profile") == 0) {
            kms.field[i] = SOPS_LIT("prof");
        }
    }
    check_hex(&kms, SOPS_LIT("enc"),
              "0a610a5f0a4b61726e3a6177733a6b6d733a75732d776573742d323a3130373530313939363532373a6b65792f3631"
              "3264356630702d70316c332d343565362d616361362d6135623030353639336134381a0a0a03666f6f120362617222"
              "0470726f661203656e63");
    struct sops_key age = {.source = sops_keysource_named(SOPS_LIT("age")), .field = {SOPS_LIT("age1x")}};
    check_hex(&age, (struct sops_slice){0}, "0a0932070a056167653178");
}

/* Every source of the table, with each of its fields set, comes back the same. */
static void test_round_trip_of_all_sources(void **state)
{
    (void)state;
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        static const char *const values[SOPS_MAX_FIELDS] = {"one", "", "three \xc3\xa9", "four"};
        struct sops_key k = {.source = sops_keysources[i]}, got;
        for (unsigned f = 0; k.source->fields[f].meta != NULL; f++) {
            if ((k.source->fields[f].flags & SOPS_FIELD_MAP) != 0) {
                k.map = &foo;
            } else {
                k.field[f] = sops_str(values[f]);
            }
        }
        struct sops_err e = {0};
        struct sops_buf out = {0};
        struct sops_arena a = {0};
        struct sops_slice bytes;
        enum sops_wire_key what;
        assert_ok(sops_wire_put_request(&out, &k, SOPS_LIT("plain"), &e), &e);
        assert_ok(sops_wire_take_request(sops_buf_view(&out), &a, &what, &got, &bytes, &e), &e);
        assert_int_equal(what, SOPS_WIRE_KEY);
        assert_ptr_equal(got.source, k.source);
        assert_slice(bytes, "plain");
        for (unsigned f = 0; k.source->fields[f].meta != NULL; f++) {
            assert_true(sops_slice_eq(k.field[f], got.field[f]));
        }
        assert_true((k.map == NULL) == (got.map == NULL));
        sops_arena_free(&a);
        sops_buf_free(&out);
    }
}

static void take(const char *bytes, size_t n, bool ok, enum sops_wire_key want, const char *plain)
{
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key k;
    struct sops_slice got;
    enum sops_wire_key what;
    bool well = sops_wire_take_request(sops_slice_of(bytes, n), &a, &what, &k, &got, &e);
    assert_int_equal(well, ok);
    if (ok) {
        assert_int_equal(what, want);
        assert_slice(got, plain);
    } else {
        assert_string_equal(e.msg, "proto: cannot parse invalid wire-format data");
    }
    sops_err_clear(&e);
    sops_arena_free(&a);
}

#define TAKE(text, ok, want, plain) take("" text, sizeof(text) - 1, ok, want, plain)

static void test_odd_messages(void **state)
{
    (void)state;
    TAKE("", true, SOPS_WIRE_NO_KEY, "");
    TAKE("\x0a\x00", true, SOPS_WIRE_NO_KEY, "");
    TAKE("\x0a\x02\x12\x00", true, SOPS_WIRE_KEY, "");
    TAKE("\x0a\x02\x42\x00", true, SOPS_WIRE_UNKNOWN_KEY, "");
    TAKE("\x12\x01x\x12\x01y", true, SOPS_WIRE_NO_KEY, "y");
    TAKE("\x08\x01\x11"
         "12345678"
         "\x1d"
         "1234"
         "\x12\x01x",
         true, SOPS_WIRE_NO_KEY, "x");                                      /* other types */
    TAKE("\x1b\x23\x08\x01\x24\x1c\x12\x01x", true, SOPS_WIRE_NO_KEY, "x"); /* groups */
    TAKE("\x1b\x24", false, 0, "");
    TAKE("\x1b", false, 0, "");
    TAKE("\x1c", false, 0, "");
    TAKE("\xff\xff", false, 0, "");
    TAKE("\x12", false, 0, "");
    TAKE("\x12\x05x", false, 0, "");
    TAKE("\x02\x00", false, 0, "");                                         /* number 0 */
    TAKE("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", false, 0, "");     /* longer than memory */
    TAKE("\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", false, 0, ""); /* eleven bytes */
    TAKE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", true, SOPS_WIRE_NO_KEY, "");
    TAKE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", false, 0, ""); /* more than 64 bits */
    TAKE("\x0f\x00", false, 0, "");                                     /* type 7 */
    TAKE("\x0a\x05\x12\x03\x0a\x01\xff", false, 0, "");                 /* not UTF-8 */
    TAKE("\x0a\x03\x12\x05x", false, 0, "");                            /* longer than its message */
}

static void test_last_type_wins_and_parts_merge(void **state)
{
    (void)state;
    static const char in[] = "\x0a\x05\x12\x03\x0a\x01x\x0a\x05\x1a\x03\x0a\x01y" /* pgp, then gcp_kms */
                             "\x0a\x02\x1a\x00"                                   /* an empty part of it */
                             "\x0a\x02\x42\x00";                                  /* and a type that is unknown */
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key k;
    struct sops_slice got;
    enum sops_wire_key what;
    assert_ok(sops_wire_take_request(sops_slice_of(in, sizeof in - 1), &a, &what, &k, &got, &e), &e);
    assert_int_equal(what, SOPS_WIRE_KEY);
    assert_string_equal(k.source->id, "gcp_kms");
    assert_slice(k.field[0], "y");
    sops_arena_free(&a);
}

static void test_map_is_sorted_and_unique(void **state)
{
    (void)state;
    static const char in[] = "\x0a\x1d\x0a\x1b\x1a\x06\x0a\x01z\x12\x01"
                             "1\x1a\x06\x0a\x01"
                             "a\x12\x01"
                             "2"
                             "\x1a\x06\x0a\x01z\x12\x01"
                             "3\x1a\x01\x08";
    struct sops_err e = {0};
    struct sops_arena a = {0};
    struct sops_key k;
    struct sops_slice got;
    enum sops_wire_key what;
    /* the last entry is cut short */
    assert_fails(sops_wire_take_request(sops_slice_of(in, sizeof in - 1), &a, &what, &k, &got, &e), &e, 1);
    char well[sizeof in];
    memcpy(well, in, sizeof in);
    well[1] = 0x1a;
    well[3] = 0x18;
    assert_ok(sops_wire_take_request(sops_slice_of(well, sizeof in - 4), &a, &what, &k, &got, &e), &e);
    assert_slice(k.map->key, "a");
    assert_slice(k.map->value, "2");
    assert_slice(k.map->next->key, "z");
    assert_slice(k.map->next->value, "3");
    assert_null(k.map->next->next);
    sops_arena_free(&a);
}

/* Groups in groups, and pairs of a context, up to the limit and beyond. */
static void test_limits(void **state)
{
    (void)state;
    static const struct {
        unsigned n;
        bool ok;
    } groups[] = {{1, true}, {100, true}, {101, false}, {5000, false}}, pairs[] = {{1000, true}, {1100, false}};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        struct sops_err e = {0};
        struct sops_buf in = {0};
        struct sops_slice got;
        assert_ok(sops_buf_addn(&in, 0x1b, groups[i].n, &e) && sops_buf_addn(&in, 0x1c, groups[i].n, &e) &&
                      sops_buf_adds(&in, "\x0a\x01x", &e),
                  &e);
        bool ok = sops_wire_take_reply(sops_buf_view(&in), &got, &e);
        assert_int_equal(ok, groups[i].ok);
        sops_err_clear(&e);
        sops_buf_free(&in);
    }
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        static struct sops_pair pair[1100];
        static char name[1100][16];
        struct sops_key kms = {.source = sops_keysource_named(SOPS_LIT("kms")), .map = pair}, k;
        struct sops_err e = {0};
        struct sops_buf in = {0};
        struct sops_arena a = {0};
        struct sops_slice got;
        enum sops_wire_key what;
        for (unsigned n = 0; n < pairs[i].n; n++) {
            (void)snprintf(name[n], sizeof name[n], "k%06u", n);
            pair[n] = (struct sops_pair){sops_str(name[n]), SOPS_LIT("v"), n + 1 < pairs[i].n ? &pair[n + 1] : NULL};
        }
        assert_ok(sops_wire_put_request(&in, &kms, SOPS_LIT("plain"), &e), &e);
        bool ok = sops_wire_take_request(sops_buf_view(&in), &a, &what, &k, &got, &e);
        assert_int_equal(ok, pairs[i].ok);
        sops_err_clear(&e);
        sops_arena_free(&a);
        sops_buf_free(&in);
    }
}

static void test_replies(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf out = {0};
    struct sops_slice got;
    assert_ok(sops_wire_put_reply(&out, SOPS_LIT(""), &e), &e);
    assert_int_equal(out.len, 0);
    assert_ok(sops_wire_put_reply(&out, SOPS_LIT("text"), &e), &e);
    assert_slice(sops_buf_view(&out), "\x0a\x04text");
    assert_ok(sops_wire_take_reply(sops_buf_view(&out), &got, &e), &e);
    assert_slice(got, "text");
    assert_fails(sops_wire_take_reply(SOPS_LIT("\x0a\x05text"), &got, &e), &e, 1);
    sops_buf_free(&out);
}

static void test_without_memory(void **state)
{
    (void)state;
    struct sops_key kms = {.source = sops_keysource_named(SOPS_LIT("kms")), .field = {SOPS_LIT("arn")}, .map = &foo};
    bool ok = false;
    for (uint64_t n = 1; !ok; n++) {
        struct sops_err e = {0};
        struct sops_buf out = {0};
        struct sops_arena a = {0};
        struct sops_key got;
        struct sops_slice bytes;
        enum sops_wire_key what;
        sops_mem_fail_at(n);
        ok = sops_wire_put_request(&out, &kms, SOPS_LIT("plain"), &e) &&
             sops_wire_take_request(sops_buf_view(&out), &a, &what, &got, &bytes, &e);
        sops_mem_fail_at(0);
        assert_int_equal(ok, e.code == SOPS_OK);
        sops_err_clear(&e);
        sops_arena_free(&a);
        sops_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_round_trip_of_all_sources),
        cmocka_unit_test(test_odd_messages),
        cmocka_unit_test(test_last_type_wins_and_parts_merge),
        cmocka_unit_test(test_map_is_sorted_and_unique),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
