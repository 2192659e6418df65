/* SPDX-License-Identifier: Apache-2.0 */
/* What runs on several threads: the leaves of a large document, opened and sealed, and several files at a time. The
 * same program is run under ThreadSanitizer (scripts/test -k tsan), which sees what a right result does not show. */
#include "testing.h"

#include "base/thread.h"
#include "core/envelope.h"
#include "core/format.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define LEAVES 6000 /* well above what makes the ciphers start helpers */
#define FILES 4

static const uint8_t data_key[32] = "0123456789abcdef0123456789abcdef";
static struct sops_world world = TEST_WORLD;

static void make_text(struct sops_buf *text, size_t leaves, unsigned salt)
{
    struct sops_err e = {0};
    for (size_t i = 0; i < leaves; i++) {
        assert_true(sops_buf_addf(text, &e, "\"k%zu\": %s%zu-%u%s\n", i, i % 3 == 0 ? "\"" : "\"v", i, salt, "\""));
        if (i % 7 == 0) {
            assert_true(sops_buf_addf(text, &e, "# remark %zu\n", i));
        }
    }
}

/* The one key of the metadata of an envelope that is to be written. */
struct wrapped {
    struct sops_group group;
    struct sops_key key;
};

/* One envelope with `text` as its content and our data key. */
static struct sops_envelope *envelope_of(struct wrapped *w, struct sops_slice text)
{
    struct sops_err e = {0};
    *w = (struct wrapped){.group = {.keys = &w->key},
                          .key = {.source = sops_keysource_named(SOPS_LIT("age")),
                                  .field = {SOPS_LIT("age1recipient")},
                                  .enc = SOPS_LIT("wrapped for the recipient")}};
    struct sops_envelope *v = sops_envelope_new(&world, "threads.yaml", &e);
    assert_non_null(v);
    assert_ok(sops_envelope_parse_clear(v, sops_format_named(SOPS_LIT("yaml")), text, &e), &e);
    sops_envelope_meta(v)->groups = &w->group;
    sops_envelope_meta(v)->rules.text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT("_unencrypted");
    sops_envelope_meta(v)->version = SOPS_LIT(SOPS_VERSION);
    assert_ok(sops_envelope_take_key(v, (struct sops_slice){data_key, sizeof data_key}, &e), &e);
    return v;
}

static void seal_text(struct sops_slice text, struct sops_buf *sealed)
{
    struct sops_err e = {0};
    const struct sops_format *yaml = sops_format_named(SOPS_LIT("yaml"));
    const struct sops_style style = {0};
    struct wrapped w;
    struct sops_envelope *v = envelope_of(&w, text);
    assert_ok(sops_envelope_ready(v, yaml, &e), &e);
    assert_ok(sops_envelope_seal(v, SOPS_REUSE_IN_ORDER, &e), &e);
    assert_ok(sops_envelope_emit(v, yaml, &style, sealed, &e), &e);
    sops_envelope_free(v);
}

static void open_text(struct sops_slice sealed, struct sops_buf *clear)
{
    struct sops_err e = {0};
    const struct sops_format *yaml = sops_format_named(SOPS_LIT("yaml"));
    const struct sops_style style = {0};
    struct sops_envelope *v = sops_envelope_new(&world, "threads.yaml", &e);
    assert_non_null(v);
    assert_ok(sops_envelope_parse(v, yaml, sealed, &e), &e);
    assert_ok(sops_envelope_take_key(v, (struct sops_slice){data_key, sizeof data_key}, &e), &e);
    assert_ok(sops_envelope_open(v, &e), &e);
    assert_ok(sops_envelope_verify(v, &e), &e);
    assert_ok(sops_envelope_emit_clear(v, yaml, &style, clear, &e), &e);
    sops_envelope_free(v);
}

/* What the writer makes of `text` without any cipher. */
static void normal_form(struct sops_slice text, struct sops_buf *clear)
{
    struct sops_err e = {0};
    const struct sops_style style = {0};
    struct wrapped w;
    struct sops_envelope *v = envelope_of(&w, text);
    assert_ok(sops_envelope_emit_clear(v, sops_format_named(SOPS_LIT("yaml")), &style, clear, &e), &e);
    sops_envelope_free(v);
}

static void there_and_back(size_t leaves, unsigned salt)
{
    struct sops_buf text = {0}, sealed = {0}, clear = {0}, want = {0};
    make_text(&text, leaves, salt);
    normal_form(sops_buf_view(&text), &want);
    seal_text(sops_buf_view(&text), &sealed);
    open_text(sops_buf_view(&sealed), &clear);
    assert_true(sops_slice_eq(sops_buf_view(&clear), sops_buf_view(&want)));
    sops_buf_free(&text);
    sops_buf_free(&sealed);
    sops_buf_free(&clear);
    sops_buf_free(&want);
}

static void many_leaves(void **state)
{
    (void)state;
    there_and_back(LEAVES, 1);
}

/* A leaf that does not open is found whichever thread has it, and the first one in the document is named. */
static void the_first_bad_leaf_is_named(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_buf text = {0}, sealed = {0}, spoilt = {0};
    make_text(&text, LEAVES, 2);
    seal_text(sops_buf_view(&text), &sealed);
    struct sops_slice rest = sops_buf_view(&sealed), line;
    size_t n = 0;
    while (rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        bool bad = sops_slice_starts(line, SOPS_LIT("k4711:")) || sops_slice_starts(line, SOPS_LIT("k5811:"));
        size_t at = sops_slice_find(line, '[') + sizeof "AES256_GCM,data:";
        assert_true(sops_buf_add(&spoilt, bad ? sops_slice_first(line, at) : line, &e));
        if (bad) { /* the first character of the ciphertext becomes another */
            assert_true(sops_buf_addc(&spoilt, line.ptr[at] == 'A' ? 'B' : 'A', &e) &&
                        sops_buf_add(&spoilt, sops_slice_skip(line, at + 1), &e));
            n++;
        }
        assert_true(sops_buf_addc(&spoilt, '\n', &e));
    }
    assert_int_equal(n, 2);
    struct sops_envelope *v = sops_envelope_new(&world, "threads.yaml", &e);
    assert_ok(sops_envelope_parse(v, sops_format_named(SOPS_LIT("yaml")), sops_buf_view(&spoilt), &e), &e);
    assert_ok(sops_envelope_take_key(v, (struct sops_slice){data_key, sizeof data_key}, &e), &e);
    bool opened = sops_envelope_open(v, &e);
    assert_false(opened);
    assert_int_equal(e.code, SOPS_E_DECRYPT);
    assert_non_null(strstr(e.msg, "[\"k4711\"]"));
    sops_err_clear(&e);
    sops_envelope_free(v);
    sops_buf_free(&text);
    sops_buf_free(&sealed);
    sops_buf_free(&spoilt);
}

static void *one_file(void *arg)
{
    there_and_back(LEAVES / 2, *(const unsigned *)arg);
    return NULL;
}

/* Several envelopes at a time, each with helpers of its own. */
static void several_files_at_once(void **state)
{
    (void)state;
    pthread_t thread[FILES];
    unsigned salt[FILES];
    for (unsigned i = 0; i < FILES; i++) {
        salt[i] = 100 + i;
        assert_int_equal(pthread_create(&thread[i], NULL, one_file, &salt[i]), 0);
    }
    for (unsigned i = 0; i < FILES; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
}

struct tally {
    _Atomic unsigned done[200];
    _Atomic int now, most;
};

static void one_job(void *ctx, size_t i)
{
    struct tally *t = ctx;
    int now = atomic_fetch_add(&t->now, 1) + 1, most = atomic_load(&t->most);
    while (now > most && !atomic_compare_exchange_weak(&t->most, &most, now)) {
    }
    (void)sched_yield();
    atomic_fetch_add(&t->done[i], 1);
    atomic_fetch_sub(&t->now, 1);
}

/* Each job once, and never more at a time than may be. */
static void jobs_together(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 3, 200};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct tally t = {0};
        sops_together(counts[c], 4, one_job, &t);
        for (size_t i = 0; i < 200; i++) {
            assert_int_equal(t.done[i], i < counts[c] ? 1 : 0);
        }
        assert_true(t.most <= 4);
    }
}

struct telling {
    size_t next; /* that is to be told */
    atomic_size_t begun;
    _Atomic int inside;
};

/* The earlier ones take longer, so that later ones have to wait for their turn. */
static void *make_number(void *ctx, size_t i)
{
    struct telling *t = ctx;
    atomic_fetch_add(&t->begun, 1);
    for (size_t k = 0; k < (i % 16 == 0 ? 2000 : 1); k++) {
        (void)sched_yield();
    }
    return i % 7 == 0 ? NULL : (void *)(uintptr_t)(i + 1);
}

static void tell_number(void *ctx, size_t i, void *result)
{
    struct telling *t = ctx;
    assert_int_equal(atomic_fetch_add(&t->inside, 1), 0);
    assert_int_equal(i, t->next);
    assert_int_equal((uintptr_t)result, i % 7 == 0 ? 0 : i + 1);
    assert_true(atomic_load(&t->begun) <= i + 300); /* what waits is bounded */
    t->next++;
    atomic_fetch_sub(&t->inside, 1);
}

/* Each result once, in order, one at a time. */
static void results_in_turn(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 3, 2000};
    for (size_t most = 1; most <= 8; most += 7) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct telling t = {0};
            sops_together_in_turn(counts[c], most, make_number, tell_number, &t);
            assert_int_equal(t.next, counts[c]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_leaves),
        cmocka_unit_test(the_first_bad_leaf_is_named),
        cmocka_unit_test(several_files_at_once),
        cmocka_unit_test(jobs_together),
        cmocka_unit_test(results_in_turn),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
