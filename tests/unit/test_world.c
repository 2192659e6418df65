/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept for a whole command: made once, whoever asks and however many at a time. */
#include "testing.h"

#include "core/world.h"

#include <pthread.h>
#include <unistd.h>

#define THREADS 8

static const char owner;
static _Atomic unsigned made, failed, dropped;
static _Atomic bool works;

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **thing, struct sops_err *e)
{
    (void)w;
    (void)arg;
    (void)usleep(100000);
    if (!works) {
        failed++;
        (void)sops_fail(e, SOPS_E_GENERIC, "no luck");
        return sops_hint(e, "try later");
    }
    made++;
    struct sops_slice text;
    if (!sops_arena_copy(a, SOPS_LIT("thing"), &text, e)) {
        return false;
    }
    *thing = (void *)(uintptr_t)text.ptr;
    return true;
}

static void *ask(void *arg)
{
    struct sops_err e = {0};
    void *thing = NULL;
    bool ok = sops_world_once(arg, &owner, SOPS_LIT("x"), make, NULL, &thing, &e);
    bool good = ok ? strcmp(thing, "thing") == 0
                   : strcmp(e.msg, "no luck") == 0 && strcmp(e.hint, "try later") == 0 && e.code == SOPS_E_GENERIC;
    sops_err_clear(&e);
    return (void *)(uintptr_t)(good ? 1 + ok : 0);
}

/* How many of THREADS, all at once, got the thing. */
static unsigned ask_all(struct sops_world *w)
{
    pthread_t thread[THREADS];
    unsigned got = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, ask, w), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_non_null(result);
        got += result == (void *)2;
    }
    return got;
}

/* Those who wait for one that fails fail with it; who comes later tries again. */
static void failure_is_shared_not_kept(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    works = false;
    failed = made = 0;
    assert_int_equal(ask_all(&w), 0);
    assert_in_range(failed, 1, THREADS / 2);
    works = true;
    assert_int_equal(ask_all(&w), THREADS);
    assert_int_equal(made, 1);
    sops_world_forget(&w);
}

static bool itself(struct sops_world *w, struct sops_arena *a, void *arg, void **thing, struct sops_err *e)
{
    (void)a;
    (void)arg;
    return sops_world_once(w, &owner, SOPS_LIT("me"), itself, NULL, thing, e);
}

static void needs_itself(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    void *thing;
    assert_false(sops_world_once(&w, &owner, SOPS_LIT("me"), itself, NULL, &thing, &e));
    assert_string_equal(e.msg, "'me' needs itself");
    sops_err_clear(&e);
    sops_world_forget(&w);
}

static void drop(void *thing) { dropped += *(unsigned *)thing; }

static void drops_at_the_end(void **state)
{
    (void)state;
    struct sops_world w = TEST_WORLD;
    struct sops_err e = {0};
    unsigned one = 1, ten = 10;
    dropped = 0;
    assert_ok(sops_world_at_end(&w, drop, &one, &e) && sops_world_at_end(&w, drop, &ten, &e), &e);
    assert_int_equal(dropped, 0);
    sops_world_forget(&w);
    assert_int_equal(dropped, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_is_shared_not_kept),
        cmocka_unit_test(needs_itself),
        cmocka_unit_test(drops_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
