/* SPDX-License-Identifier: Apache-2.0 */
/* One sealed file: what may be had in which state, what keeps its ciphertext, and that a text which nobody could open
 * is noticed before it replaces a file. */
#include "testing.h"

#include "core/envelope.h"

#include <pthread.h>

static const uint8_t key_bytes[32] = "0123456789abcdef0123456789abcdef";
static struct sops_world world = TEST_WORLD;
static const struct sops_style style = {0};
static char told[1024]; /* the last warning */

#define KEY sops_slice_of(key_bytes, sizeof key_bytes)
#define WRAPPED "wrapped for the recipient"

static const struct sops_format *json(void) { return sops_format_named(SOPS_LIT("json")); }

static void hear(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)snprintf(told, sizeof told, "%s", text);
}

/* A key of an envelope that makes, or is to have, sealed text. */
struct wrapped {
    struct sops_group group;
    struct sops_key key;
};

static struct wrapped a_key(const char *enc)
{
    return (struct wrapped){.key = {.source = sops_keysource_named(SOPS_LIT("age")),
                                    .field = {SOPS_LIT("age1recipient")},
                                    .enc = sops_str(enc)}};
}

static struct sops_envelope *sealed_with(struct wrapped *w, const char *enc, const char *clear)
{
    struct sops_err e = {0};
    struct sops_envelope *v = sops_envelope_new(&world, "f.json", &e);
    struct sops_meta *m = sops_envelope_meta(v);
    *w = a_key(enc);
    w->group.keys = &w->key;
    m->groups = &w->group;
    m->version = SOPS_LIT(SOPS_VERSION);
    m->rules.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    assert_ok(sops_envelope_take_key(v, KEY, &e) && sops_envelope_parse_clear(v, json(), sops_str(clear), &e) &&
                  sops_envelope_ready(v, json(), &e) && sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e),
              &e);
    return v;
}

/* Sealed text of `clear`. */
static struct sops_buf sealed_text(const char *clear)
{
    struct sops_err e = {0};
    struct sops_buf out = {0};
    struct wrapped w;
    struct sops_envelope *v = sealed_with(&w, WRAPPED, clear);
    assert_ok(sops_envelope_emit(v, json(), &style, &out, &e), &e);
    sops_envelope_free(v);
    return out;
}

static struct sops_envelope *opened(struct sops_slice text)
{
    struct sops_err e = {0};
    struct sops_envelope *v = sops_envelope_new(&world, "f.json", &e);
    assert_ok(sops_envelope_parse(v, json(), text, &e) && sops_envelope_take_key(v, KEY, &e) &&
                  sops_envelope_open(v, &e),
              &e);
    return v;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* Every way for clear text to leave refuses. */
static void assert_nothing_leaves(struct sops_envelope *v)
{
    struct sops_err e = {0};
    struct sops_buf out = {0};
    assert_fails(sops_envelope_clear(v, &e), &e, SOPS_E_MAC);
    assert_fails(sops_envelope_emit_clear(v, json(), &style, &out, &e), &e, SOPS_E_MAC);
    assert_fails(sops_envelope_emit_all(v, json(), &style, &out, &e), &e, SOPS_E_MAC);
    assert_fails(sops_envelope_seal(v, SOPS_REUSE_LAST, &e), &e, SOPS_E_MAC);
    const struct sops_doc *d = sops_envelope_look(v);
    if (d->state == SOPS_DOC_UNVERIFIED) {
        assert_fails(sops_envelope_emit(v, json(), &style, &out, &e), &e, SOPS_E_ENCRYPT);
        assert_fails(sops_doc_emit(d, json(), &style, &out, &e), &e, SOPS_E_MAC);
        assert_fails(sops_doc_emit_value(d, d->parts->child, json(), &style, &out, &e), &e, SOPS_E_MAC);
    }
    assert_int_equal(out.len, 0);
    sops_buf_free(&out);
}

static void there_and_back(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf text = sealed_text("{\"a\": \"one\", \"b\": [2]}"), out = {0}, again = {0};
    struct sops_envelope *v = sops_envelope_new(&world, "f.json", &e);
    assert_ok(sops_envelope_parse(v, json(), sops_buf_view(&text), &e), &e);
    assert_nothing_leaves(v);
    assert_int_equal(sops_envelope_key(v).len, 0);
    assert_ok(sops_envelope_emit(v, json(), &style, &out, &e) && sops_envelope_emit(v, json(), &style, &again, &e), &e);
    assert_true(sops_slice_eq(sops_buf_view(&out), sops_buf_view(&text))); /* as it was, as often as one likes */
    assert_true(sops_slice_eq(sops_buf_view(&again), sops_buf_view(&text)));
    assert_ok(sops_envelope_take_key(v, KEY, &e) && sops_envelope_open(v, &e), &e);
    assert_nothing_leaves(v);
    assert_ok(sops_envelope_verify(v, &e), &e);
    sops_buf_cut(&out, 0);
    assert_ok(sops_envelope_emit_clear(v, json(), &style, &out, &e), &e);
    assert_slice(sops_buf_view(&out), "{\n\t\"a\": \"one\",\n\t\"b\": [\n\t\t2\n\t]\n}\n");
    sops_envelope_free(v);
    sops_buf_free(&text);
    sops_buf_free(&out);
    sops_buf_free(&again);
}

static void wrong_mac(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf text = sealed_text("{\"a\": \"one\", \"b_unencrypted\": \"2\"}");
    char *clear = memmem(text.ptr, text.len, "\"2\"", 3);
    assert_non_null(clear);
    clear[1] = '3';
    struct sops_envelope *v = opened(sops_buf_view(&text));
    assert_fails(sops_envelope_verify(v, &e), &e, SOPS_E_MAC);
    assert_nothing_leaves(v);
    sops_envelope_trust(v);
    assert_non_null(sops_envelope_clear(v, &e));
    sops_envelope_free(v);
    sops_buf_free(&text);
}

static void count_fault(void *ctx, const struct sops_node *leaf, const char *why)
{
    assert_true(leaf->kind == SOPS_STR && why[0] != '\0');
    ++*(size_t *)ctx;
}

/* Going on after a value that does not open; and then there is no way to the clear text. */
static void damaged_values(void **state)
{
    (void)state;
    struct sops_err e = {0};
    size_t faults = 0;
    struct sops_buf text = sealed_text("{\"a\": \"one\", \"b\": \"two\", \"c\": \"three\"}");
    for (size_t i = 0, found = 0; i < text.len && found < 2; i++) {
        if (sops_slice_starts(sops_slice_skip(sops_buf_view(&text), i), SOPS_LIT("tag:"))) {
            text.ptr[i + 4] ^= 1; /* another digit */
            found++;
        }
    }
    struct sops_envelope *v = sops_envelope_new(&world, "f.json", &e);
    assert_ok(sops_envelope_parse(v, json(), sops_buf_view(&text), &e) && sops_envelope_take_key(v, KEY, &e), &e);
    assert_ok(sops_envelope_open_each(v, count_fault, &faults, &e), &e);
    assert_int_equal(faults, 2);
    assert_slice(sops_envelope_look(v)->parts->child->next->next->text, "three");
    assert_fails(sops_envelope_verify(v, &e), &e, SOPS_E_DECRYPT);
    sops_envelope_trust(v);
    assert_nothing_leaves(v);
    sops_envelope_free(v);
    sops_buf_free(&text);
}

/* What a reader remarks is said with the envelope's name. */
static void remarks(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_world hearing = TEST_WORLD;
    hearing.say = hear;
    struct sops_envelope *v = sops_envelope_new(&hearing, "f.json", &e);
    assert_ok(sops_envelope_parse_clear(v, json(), SOPS_LIT("{\"a\": 1.10}"), &e), &e);
    assert_non_null(strstr(told, "'f.json': "));
    sops_envelope_free(v);
}

/* ---- ciphertexts ------------------------------------------------------------------------------------------------- */

/* How many of the ciphertexts in `text` (values and MAC) stand in `old`, too. */
static size_t shared(struct sops_slice text, struct sops_slice old)
{
    size_t n = 0;
    while (text.len != 0) {
        size_t end = sops_slice_find(text, ']');
        const uint8_t *enc = memmem(text.ptr, end, "ENC[", 4);
        n += enc != NULL && memmem(old.ptr, old.len, enc, (size_t)(text.ptr + end - enc)) != NULL;
        text = sops_slice_skip(text, end + 1);
    }
    return n;
}

static void what_changes(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf text = sealed_text("{\"a\": \"one\", \"b\": \"two\", \"l\": [\"x\", \"x\"]}"), out = {0};
    struct sops_envelope *v = opened(sops_buf_view(&text));
    assert_ok(sops_envelope_verify(v, &e), &e);
    struct sops_doc *d = sops_envelope_clear(v, &e);
    d->parts->child->text = SOPS_LIT("other");
    assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &out, &e), &e);
    assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text)), 3); /* b and both x */
    sops_envelope_free(v);

    sops_buf_cut(&out, 0);
    v = opened(sops_buf_view(&text));
    assert_ok(sops_envelope_verify(v, &e), &e);
    for (int round = 0; round < 2; round++) { /* the editor may come back */
        assert_ok(sops_envelope_parse_clear(v, json(), SOPS_LIT("{\"b\": \"two\", \"a\": \"1\", \"l\": [\"x\"]}"), &e),
                  &e);
    }
    assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &out, &e), &e);
    assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text)), 2);
    sops_envelope_free(v);

    sops_buf_cut(&out, 0);
    v = opened(sops_buf_view(&text));
    assert_ok(sops_envelope_verify(v, &e) && sops_envelope_new_key(v, SOPS_LIT(""), &e), &e);
    assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &out, &e), &e);
    assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text)), 0);
    sops_envelope_free(v);
    sops_buf_free(&text);
    sops_buf_free(&out);
}

/* A new file under the data key of another one takes its ciphertexts over; under another key it does not. */
static void from_another(void **state)
{
    (void)state;
    for (int same_key = 0; same_key < 2; same_key++) {
        struct sops_err e = {0};
        struct sops_buf text = sealed_text("{\"a\": \"one\", \"b\": \"two\"}"), out = {0};
        struct sops_envelope *other = opened(sops_buf_view(&text)), *v = sops_envelope_new(&world, "new", &e);
        assert_ok(sops_envelope_parse_clear(v, json(), SOPS_LIT("{\"a\": \"one\", \"b\": \"2\"}"), &e), &e);
        assert_ok(same_key ? sops_envelope_take_key(v, sops_envelope_key(other), &e) : sops_envelope_new_key(v, SOPS_LIT(""), &e),
                  &e);
        sops_envelope_meta(v)->version = SOPS_LIT(SOPS_VERSION);
        sops_envelope_reuse(v, other);
        assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &out, &e),
                  &e);
        assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text)), same_key);
        sops_envelope_free(v);
        sops_envelope_free(other);
        sops_buf_free(&text);
        sops_buf_free(&out);
    }
}

/* A tree built of nodes of two files, as a merge does it: each leaf keeps the ciphertext that it came with. */
static void of_two_others(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf text[2] = {sealed_text("{\"a\": \"one\", \"b\": \"two\"}"), sealed_text("{\"b\": \"two\"}")};
    struct sops_buf out = {0};
    struct sops_envelope *v = sops_envelope_new(&world, "merged", &e), *from[2];
    struct sops_doc *d = sops_envelope_clear(v, &e);
    struct sops_node *root = sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
    for (size_t i = 0; i < 2; i++) {
        from[i] = opened(sops_buf_view(&text[i]));
        struct sops_node *n = sops_node_copy(d, sops_envelope_look(from[i])->parts->child, &e);
        assert_non_null(n);
        sops_node_link(root, root->last, n);
        sops_envelope_reuse(v, from[i]);
    }
    sops_envelope_meta(v)->version = SOPS_LIT(SOPS_VERSION);
    assert_ok(sops_envelope_take_key(v, sops_envelope_key(from[0]), &e), &e);
    assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &out, &e), &e);
    assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text[0])), 1); /* a */
    assert_int_equal(shared(sops_buf_view(&out), sops_buf_view(&text[1])), 1); /* b of the second, where it came from */
    sops_envelope_free(v);
    for (size_t i = 0; i < 2; i++) {
        sops_envelope_free(from[i]);
        sops_buf_free(&text[i]);
    }
    sops_buf_free(&out);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

/* Seals and opens files of its own, again and again. */
static void *work(void *arg)
{
    size_t *good = arg;
    for (int i = 0; i < 50; i++) {
        struct sops_err e = {0};
        struct sops_buf text = {0};
        struct sops_envelope *v = sops_envelope_new(&world, "f.json", &e), *back = sops_envelope_new(&world, "g", &e);
        struct wrapped w = a_key(WRAPPED);
        w.group.keys = &w.key;
        *sops_envelope_meta(v) = (struct sops_meta){.groups = &w.group, .version = SOPS_LIT(SOPS_VERSION)};
        bool ok = back != NULL && sops_envelope_new_key(v, SOPS_LIT(""), &e) &&
                  sops_envelope_parse_clear(v, json(), SOPS_LIT("{\"a\": \"one\", \"n\": [1, 2.5, true]}"), &e) &&
                  sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e) && sops_envelope_emit(v, json(), &style, &text, &e) &&
                  sops_envelope_parse(back, json(), sops_buf_view(&text), &e) &&
                  sops_envelope_take_key(back, sops_envelope_key(v), &e) && sops_envelope_open(back, &e) &&
                  sops_envelope_verify(back, &e);
        *good += ok;
        sops_err_clear(&e);
        sops_envelope_free(v);
        sops_envelope_free(back);
        sops_buf_free(&text);
    }
    return NULL;
}

static void on_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    size_t good[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, work, &good[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(good[i], 50);
    }
}

/* ---- is what was made good? -------------------------------------------------------------------------------------- */

typedef bool check_fn(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text, struct sops_err *e);
static check_fn *const checks[] = {sops_envelope_opens_again, sops_envelope_keeps};

/* The text with `from` turned into `to`, which is as long. */
static void check(check_fn *fn, const char *enc, const char *from, const char *to, const char *says)
{
    struct sops_err e = {0};
    struct sops_buf text = {0};
    struct wrapped w;
    struct sops_envelope *v = sealed_with(&w, enc, "{\"a\": \"one\", \"b\": [2]}");
    assert_ok(sops_envelope_emit(v, json(), &style, &text, &e), &e);
    if (from != NULL) {
        char *at = memmem(text.ptr, text.len, from, strlen(from));
        assert_non_null(at);
        assert_int_equal(strlen(from), strlen(to));
        memcpy(at, to, strlen(to));
    }
    if (says == NULL) {
        assert_ok(fn(v, json(), sops_buf_view(&text), &e), &e);
    } else {
        assert_false(fn(v, json(), sops_buf_view(&text), &e));
        assert_non_null(strstr(e.msg, "'f.json' is left as it was"));
        if (strstr(e.msg, says) == NULL) {
            print_error("'%s' does not say '%s'\n", e.msg, says);
            fail();
        }
    }
    sops_err_clear(&e);
    sops_envelope_free(v);
    sops_buf_free(&text);
}

static void what_was_made_passes(void **state)
{
    (void)state;
    check(sops_envelope_opens_again, WRAPPED, NULL, NULL, NULL);
    check(sops_envelope_keeps, WRAPPED, NULL, NULL, NULL);
}

static void damage_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        check(checks[i], WRAPPED, "\"sops\"", "\"spos\"", "sops metadata not found");
        check(checks[i], WRAPPED, "wrapped for", "dropped for", "the keys that were written");
        check(checks[i], WRAPPED, "\"mac\": \"ENC[AES256", "\"mac\": \"ENC[AES255", "the keys that were written");
        check(checks[i], WRAPPED, "{", "[", "");
        /* A key that wrapped nothing opens nothing, although the text has just what was written. */
        check(checks[i], "", NULL, NULL, "the keys that were written");
    }
    check(sops_envelope_opens_again, WRAPPED, "\"a\"", "\"x\"", "[\"x\"]");
    check(sops_envelope_opens_again, WRAPPED, "T10:00:00Z", "T10:00:01Z", "MAC");
    check(sops_envelope_keeps, WRAPPED, "\"a\"", "\"x\"", "the values that were written");
}

/* Metadata by hand: are the shares that the keys hold still those of one division? */
static void edited_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int same; /* -1: it cannot be taken */
    } cases[] = {
        {"one", "two", 1},
        {"age1recipient", "age1recipienX", 0},
        {WRAPPED, "dropped for the recipient", 0},
        {"\"sops\"", "\"spos\"", -1},
        {"\"age\"", "\"aga\"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sops_err e = {0};
        bool same = false;
        struct sops_buf text = sealed_text("{\"a\": \"one\"}"), edited = {0};
        struct sops_envelope *v = opened(sops_buf_view(&text));
        assert_ok(sops_envelope_verify(v, &e) && sops_envelope_emit_all(v, json(), &style, &edited, &e), &e);
        char *at = memmem(edited.ptr, edited.len, cases[i].from, strlen(cases[i].from));
        assert_non_null(at);
        memcpy(at, cases[i].to, strlen(cases[i].to));
        bool ok = sops_envelope_parse_all(v, json(), sops_buf_view(&edited), &same, &e);
        assert_int_equal(ok ? same : -1, cases[i].same);
        sops_err_clear(&e);
        sops_envelope_free(v);
        sops_buf_free(&text);
        sops_buf_free(&edited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),       cmocka_unit_test(wrong_mac),
        cmocka_unit_test(damaged_values),       cmocka_unit_test(remarks),
        cmocka_unit_test(what_changes),         cmocka_unit_test(from_another),
        cmocka_unit_test(of_two_others),        cmocka_unit_test(on_threads),
        cmocka_unit_test(damage_is_told),       cmocka_unit_test(edited_metadata),
        cmocka_unit_test(what_was_made_passes),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
