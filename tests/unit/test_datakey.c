/* SPDX-License-Identifier: Apache-2.0 */
/* One data key wrapped for many keys: side by side or in order, results and failures stand in the order of the keys. */
#include "testing.h"

#include "base/thread.h"
#include "core/datakey.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static pthread_t main_thread;
static atomic_uint elsewhere[2], running; /* wraps of each kind outside the first thread; helpers at work */

/* Appends the key's own text; one that begins with "bad" fails. Those that may not leave the first thread begin with
 * "in order". */
static bool fake_wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                      struct sops_err *e)
{
    (void)w;
    bool ordered = sops_slice_starts(k->field[0], SOPS_LIT("in order"));
    if (!pthread_equal(pthread_self(), main_thread)) {
        atomic_fetch_add(&elsewhere[ordered], 1);
    }
    const struct timespec moment = {0, 100000}; /* so that every thread gets its turn */
    (void)nanosleep(&moment, NULL);
    if (sops_slice_starts(k->field[0], SOPS_LIT("bad"))) {
        return sops_fail(e, SOPS_E_GENERIC, "no luck");
    }
    return sops_buf_addf(enc, e, "%.*s:%zu", SOPS_ARG(k->field[0]), plain.len);
}

static bool fake_computes(const struct sops_key *k) { return !sops_slice_starts(k->field[0], SOPS_LIT("in order")); }

static const struct sops_keysource computing = {.id = "fake", .wrap = fake_wrap, .computes = fake_computes};
static const struct sops_keysource server = {.id = "fake", .wrap = fake_wrap, .flags = SOPS_SRC_REMOTE};

#define KEYS 300
struct fixture {
    struct sops_world world;
    struct sops_service local;
    struct sops_meta meta;
    struct sops_group group;
    struct sops_key key[KEYS];
    char name[KEYS][64];
    struct sops_secret data_key;
};

static void fill(struct fixture *f, size_t count, const char *kind)
{
    *f = (struct fixture){.world = TEST_WORLD, .local = sops_service_local};
    main_thread = pthread_self();
    atomic_store(&elsewhere[0], 0);
    atomic_store(&elsewhere[1], 0);
    struct sops_err e = {0};
    assert_ok(sops_datakey_new(&f->world, &f->data_key, &e), &e);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(f->name[i], sizeof f->name[i], "%s %zu", kind, i);
        f->key[i] = (struct sops_key){.source = &computing, .field = {sops_str(f->name[i])}};
        f->key[i].next = i + 1 < count ? &f->key[i + 1] : NULL;
    }
    f->group.keys = f->key;
    f->meta.groups = &f->group;
}

static void done(struct fixture *f)
{
    sops_secret_free(&f->data_key);
    sops_arena_free(&f->meta.arena);
    sops_world_forget(&f->world);
}

static void check_results(const struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char want[80];
        (void)snprintf(want, sizeof want, "%s:32", f->name[i]);
        assert_slice(f->key[i].enc, want);
    }
}

static void computing_keys(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 3, 11, 12, 13, KEYS};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct fixture f;
        struct sops_err e = {0};
        fill(&f, counts[i], "key");
        assert_ok(sops_datakey_wrap(&f.world, &f.local, &f.meta, &f.data_key, NULL, &e), &e);
        check_results(&f, counts[i]);
        if (counts[i] < 12 || sops_processors() < 2) {
            assert_int_equal(atomic_load(&elsewhere[0]), 0); /* a thread would cost more than it saves */
        } else if (counts[i] == KEYS) {
            assert_int_not_equal(atomic_load(&elsewhere[0]), 0);
        }
        done(&f);
    }
}

static void all_kinds_together(void **state)
{
    (void)state;
    struct fixture f;
    struct sops_err e = {0};
    fill(&f, KEYS, "key");
    for (size_t i = 0; i < KEYS; i += 3) {
        f.key[i].source = &server;
        (void)snprintf(f.name[i + 1], sizeof f.name[i + 1], "in order %zu", i);
        f.key[i + 1].field[0] = sops_str(f.name[i + 1]);
    }
    assert_ok(sops_datakey_wrap(&f.world, &f.local, &f.meta, &f.data_key, NULL, &e), &e);
    check_results(&f, KEYS);
    assert_int_equal(atomic_load(&elsewhere[1]), 0); /* who may ask stays in the first thread */
    assert_int_not_equal(atomic_load(&elsewhere[0]), 0);
    done(&f);
}

/* With a key service in the chain nothing runs side by side: it may ask its user. */
static bool refuse(struct sops_service *s, struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                   struct sops_buf *enc, struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)k;
    (void)plain;
    (void)enc;
    return sops_fail(e, SOPS_E_GENERIC, "refused");
}

static void service_in_the_chain(void **state)
{
    (void)state;
    struct fixture f;
    struct sops_err e = {0};
    struct sops_service first = {.name = "tcp://x", .wrap = refuse, .next = &f.local};
    fill(&f, KEYS, "key");
    f.key[7].source = &server;
    assert_ok(sops_datakey_wrap(&f.world, &first, &f.meta, &f.data_key, NULL, &e), &e);
    check_results(&f, KEYS);
    assert_int_equal(atomic_load(&elsewhere[0]), 0);
    f.key[7].field[0] = SOPS_LIT("bad seven");
    assert_fails(sops_datakey_wrap(&f.world, &first, &f.meta, &f.data_key, NULL, &e) ||
                     strstr(e.msg, "refused; no luck") == NULL,
                 &e, SOPS_E_GENERIC);
    done(&f);
}

static void failures_in_order(void **state)
{
    (void)state;
    struct fixture f;
    struct sops_err e = {0};
    fill(&f, KEYS, "key");
    static const size_t bad[] = {3, 40, 41, 299};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(f.name[bad[i]], sizeof f.name[bad[i]], "bad %zu", bad[i]);
    }
    for (size_t i = 0; i < KEYS; i++) {
        f.key[i].field[0] = sops_str(f.name[i]);
    }
    assert_false(sops_datakey_wrap(&f.world, &f.local, &f.meta, &f.data_key, NULL, &e));
    assert_int_equal(e.code, SOPS_E_GENERIC);
    assert_string_equal(e.msg, "[failed to encrypt new data key with master key \"bad 3\": no luck "
                               "failed to encrypt new data key with master key \"bad 40\": no luck "
                               "failed to encrypt new data key with master key \"bad 41\": no luck "
                               "failed to encrypt new data key with master key \"bad 299\": no luck]");
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(f.key[i].enc.len, 0); /* none is changed */
    }
    sops_err_clear(&e);
    done(&f);
}

/* ---- back ---------------------------------------------------------------------------------------------------- */

static bool plain_wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                       struct sops_err *e)
{
    (void)w;
    (void)k;
    return sops_buf_add(enc, plain, e);
}

static bool plain_unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    (void)w;
    assert_true(plain->locked); /* a share, or the data key itself */
    assert_int_equal(plain->len, 0);
    if (sops_slice_starts(k->field[0], SOPS_LIT("bad"))) {
        return sops_buf_adds(plain, "half", e) && sops_fail(e, SOPS_E_GENERIC, "no luck");
    }
    return sops_buf_add(plain, k->enc, e);
}

static const struct sops_keysource plainly = {.id = "fake", .wrap = plain_wrap, .unwrap = plain_unwrap};

/* Each group has two keys, of which the first opens nothing; `bad`: groups whose second does not, either. */
static bool back(size_t groups, int64_t threshold, size_t bad, struct sops_err *e)
{
    struct fixture f;
    struct sops_group group[4] = {0};
    struct sops_secret found = {0};
    fill(&f, 2 * groups, "key");
    f.meta.groups = group;
    f.meta.threshold = threshold;
    for (size_t i = 0; i < 2 * groups; i++) {
        f.key[i].source = &plainly;
        f.key[i].next = i % 2 == 0 ? &f.key[i + 1] : NULL;
        f.key[i].field[0] = i % 2 == 0 || i / 2 < bad ? SOPS_LIT("bad") : SOPS_LIT("good");
    }
    for (size_t i = 0; i < groups; i++) {
        group[i].keys = &f.key[2 * i];
        group[i].next = i + 1 < groups ? &group[i + 1] : NULL;
    }
    assert_ok(sops_datakey_wrap(&f.world, &f.local, &f.meta, &f.data_key, NULL, e), e);
    bool ok = sops_datakey_unwrap(&f.world, &f.local, &f.meta, SOPS_LIT(SOPS_DEFAULT_ORDER), &found, e);
    if (ok) {
        assert_true(sops_slice_eq(sops_secret_view(&found), sops_secret_view(&f.data_key)));
    }
    sops_secret_free(&found);
    done(&f);
    return ok;
}

static void there_and_back(void **state)
{
    (void)state;
    struct sops_err e = {0};
    assert_ok(back(1, 0, 0, &e), &e);
    assert_ok(back(2, 0, 0, &e), &e);
    assert_ok(back(4, 2, 0, &e), &e);
    assert_ok(back(4, 2, 2, &e), &e);
    assert_fails(back(4, 2, 3, &e), &e, SOPS_E_NO_KEY);
    assert_fails(back(2, 0, 1, &e), &e, SOPS_E_NO_KEY);
    assert_false(back(1, 0, 1, &e));
    assert_non_null(
        strstr((const char *)e.detail.ptr, "Group 0: FAILED\n  bad: FAILED\n  bad: FAILED\n    - | no luck\n"));
    sops_err_clear(&e);
}

static bool fail_by_name(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    (void)w;
    (void)plain;
    return sops_fail(e, SOPS_E_GENERIC, "%.*s", SOPS_ARG(k->enc));
}

/* However many keys there are, each cause is told once, some keys are named and all are counted. */
static void many_failures(void **state)
{
    (void)state;
    static const struct sops_keysource source = {.id = "fake", .unwrap = fail_by_name};
    enum { MANY = 100000 };
    static struct sops_key keys[MANY];
    static char causes[MANY][8];
    struct sops_group group[60] = {{.keys = keys}};
    struct sops_meta m = {.groups = group};
    struct sops_service local = sops_service_local;
    struct sops_world w = {0};
    struct sops_secret found = {0};
    struct sops_err e = {0};
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(causes[i], sizeof causes[i], "%zu", i % 2 == 0 ? 0 : i);
        keys[i] = (struct sops_key){.source = &source,
                                    .field = {SOPS_LIT("key")},
                                    .enc = sops_str(causes[i]),
                                    .next = i + 1 < MANY ? &keys[i + 1] : NULL};
    }
    assert_false(sops_datakey_unwrap(&w, &local, &m, SOPS_LIT(SOPS_DEFAULT_ORDER), &found, &e));
    const char *report = sops_buf_cstr(&e.detail, &e);
    assert_true(e.detail.len < 4096);
    assert_non_null(strstr(report, "  key: FAILED\n  49980 more: FAILED\n    - | 0\n\n  key: FAILED\n    - | 1\n\n"));
    assert_non_null(strstr(report, "    - | 37\n\n  49981 more, each for another reason: FAILED\n\nRecovery"));
    assert_null(strstr(report, "39"));
    sops_err_clear(&e);
    for (size_t i = 0; i < 60; i++) {
        group[i] = (struct sops_group){&keys[MANY - 1], i < 59 ? &group[i + 1] : NULL};
    }
    assert_false(sops_datakey_unwrap(&w, &local, &m, SOPS_LIT(SOPS_DEFAULT_ORDER), &found, &e));
    report = sops_buf_cstr(&e.detail, &e);
    assert_non_null(strstr(report, "Group 19: FAILED\n  key: FAILED\n    - | 99999\n\n40 more groups\n\nRecovery"));
    sops_err_clear(&e);
    sops_world_forget(&w);
}

/* Sources by the ids of the published vectors (docs/spec/60-keysources.md#the-data-key); none opens anything. */
static char tried[64];
static bool note_unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    (void)w;
    (void)plain;
    size_t n = strlen(tried);
    (void)snprintf(tried + n, sizeof tried - n, "%.*s,", SOPS_ARG(k->field[0]));
    sops_fail(e, SOPS_E_GENERIC, "a long reason that has to be broken into lines as it has more than sixty letters");
    return sops_hint(e, "a hint");
}
static const struct sops_keysource vault = {.id = "hc_vault", .unwrap = note_unwrap};
static const struct sops_keysource age = {.id = "age", .unwrap = note_unwrap};
static const struct sops_keysource pgp = {.id = "pgp", .unwrap = note_unwrap};

static void order(void **state)
{
    (void)state;
    static const struct {
        const struct sops_keysource *source[4];
        const char *order, *tried;
    } cases[] = {
        {{&vault, &age, &pgp}, SOPS_DEFAULT_ORDER, "1,2,0,"},
        {{&pgp, &vault, &pgp, &age}, SOPS_DEFAULT_ORDER, "3,0,2,1,"},
        {{&vault, &pgp, &age}, "pgp,age,hc_vault", "1,2,0,"},
        {{&vault, &pgp, &age}, "azure_kv,age", "2,0,1,"},
        {{&vault, &pgp, &age}, "", "0,1,2,"},
        {{&vault, &pgp, &age}, "dummy1,age,dummy2,pgp,dummy3", "2,1,0,"},
    };
    static const char *const numbers[] = {"0", "1", "2", "3"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        struct sops_secret found = {0};
        struct sops_err e = {0};
        size_t count = cases[i].source[3] != NULL ? 4 : 3;
        fill(&f, count, "key");
        for (size_t k = 0; k < count; k++) {
            f.key[k].source = cases[i].source[k];
            f.key[k].field[0] = sops_str(numbers[k]);
        }
        tried[0] = '\0';
        assert_false(sops_datakey_unwrap(&f.world, &f.local, &f.meta, sops_str(cases[i].order), &found, &e));
        assert_string_equal(tried, cases[i].tried);
        assert_int_equal(e.code, SOPS_E_NO_KEY);
        if (i == 4) {
            assert_slice(sops_buf_view(&e.detail),
                         "Group 0: FAILED\n"
                         "  0: FAILED\n"
                         "  1: FAILED\n"
                         "  2: FAILED\n"
                         "    - | a long reason that has to be broken into lines as it has\n"
                         "      | more than sixty letters\n"
                         "      | a hint\n\n"
                         "Recovery failed because no master key was able to decrypt the file. In\n"
                         "order for SOPS to recover the file, at least one key has to be successful,\n"
                         "but none were.\n");
        }
        sops_err_clear(&e);
        done(&f);
    }
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

struct seen {
    cpu_set_t allowed;
    pthread_barrier_t *go;
};

static void *look(void *arg)
{
    struct seen *s = arg;
    (void)pthread_barrier_wait(s->go); /* who started this has given it all processors by now */
    (void)sched_getaffinity(0, sizeof s->allowed, &s->allowed);
    atomic_fetch_add(&running, 1);
    return NULL;
}

/* Memory that is out is no failure of a key: that is what is told, and the key is not asked for once and for all. */
static bool no_memory_wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain,
                           struct sops_buf *enc, struct sops_err *e)
{
    (void)w, (void)k, (void)plain, (void)enc;
    return sops_fail_memory(e);
}

static bool no_memory_unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    bool *once = w->ctx;
    (void)k;
    bool fails = *once;
    *once = false;
    return fails ? sops_fail_memory(e) : sops_buf_addn(plain, 7, 32, e);
}

static void want_of_memory(void **state)
{
    (void)state;
    static const struct sops_keysource source = {.id = "fake", .wrap = no_memory_wrap, .unwrap = no_memory_unwrap};
    struct fixture f;
    struct sops_err e = {0};
    struct sops_secret key = {0};
    bool once = true;
    fill(&f, 1, "one");
    f.world.ctx = &once;
    f.key[0].source = &source;
    f.key[0].enc = SOPS_LIT("x");
    assert_false(sops_datakey_unwrap(&f.world, &f.local, &f.meta, SOPS_LIT(""), &key, &e));
    assert_true(e.memory);
    assert_string_equal(e.msg, "out of memory");
    sops_err_clear(&e);
    assert_ok(sops_datakey_unwrap(&f.world, &f.local, &f.meta, SOPS_LIT(""), &key, &e), &e);
    sops_secret_free(&key);
    assert_false(sops_datakey_wrap(&f.world, &f.local, &f.meta, &f.data_key, NULL, &e));
    assert_true(e.memory);
    sops_err_clear(&e);
    done(&f);
}

static void threads_may_go_anywhere(void **state)
{
    (void)state;
    pthread_t thread[5];
    struct seen seen[5];
    pthread_barrier_t go;
    cpu_set_t ours;
    assert_int_equal(sched_getaffinity(0, sizeof ours, &ours), 0);
    assert_int_equal(sops_processors(), CPU_COUNT(&ours));
    atomic_store(&running, 0);
    assert_int_equal(pthread_barrier_init(&go, NULL, 6), 0);
    for (size_t i = 0; i < 5; i++) {
        seen[i].go = &go;
        assert_true(sops_thread_start(&thread[i], look, &seen[i]));
    }
    (void)pthread_barrier_wait(&go);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(CPU_EQUAL(&seen[i].allowed, &ours));
    }
    assert_int_equal(atomic_load(&running), 5);
    (void)pthread_barrier_destroy(&go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computing_keys),
        cmocka_unit_test(all_kinds_together),
        cmocka_unit_test(service_in_the_chain),
        cmocka_unit_test(failures_in_order),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(many_failures),
        cmocka_unit_test(order),
        cmocka_unit_test(want_of_memory),
        cmocka_unit_test(threads_may_go_anywhere),
    };
    return cmocka_run_group_tests_name("datakey", tests, NULL, test_no_leaks);
}
