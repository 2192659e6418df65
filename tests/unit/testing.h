/* SPDX-License-Identifier: Apache-2.0 */
/* testing.h - what unit tests share: cmocka, a check for leaks, a world without anything in it but chance and time. */
#ifndef SOPS_TESTS_TESTING_H
#define SOPS_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/base.h"
#include "core/world.h"

#include <sodium.h>

/* The two are the same text; shows both when they are not. */
#define assert_slice(slice, literal)                                                                                   \
    do {                                                                                                               \
        struct sops_slice got_ = (slice), want_ = sops_str(literal);                                                   \
        if (!sops_slice_eq(got_, want_)) {                                                                             \
            print_error("got  '%.*s'\nwant '%.*s'\n", SOPS_ARG(got_), SOPS_ARG(want_));                                \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* The call succeeds; shows the message when it does not. */
#define assert_ok(call, e)                                                                                             \
    do {                                                                                                               \
        bool ok_ = (call);                                                                                             \
        if (!ok_) {                                                                                                    \
            print_error("failed: %s\n", (e)->msg);                                                                     \
        }                                                                                                              \
        assert_true(ok_);                                                                                              \
        assert_int_equal((e)->code, SOPS_OK);                                                                          \
    } while (0)

/* The call fails with this code and has words for it. Clears the error. */
#define assert_fails(call, e, want_code)                                                                               \
    do {                                                                                                               \
        assert_false(call);                                                                                            \
        assert_int_equal((e)->code, (want_code));                                                                      \
        assert_true((e)->msg[0] != '\0');                                                                              \
        sops_err_clear(e);                                                                                             \
    } while (0)

static inline bool test_random(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    (void)e;
    randombytes_buf(out, n);
    return true;
}

static inline const char *test_no_env(struct sops_world *w, const char *name)
{
    (void)w;
    (void)name;
    return NULL;
}

static inline void test_say(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    (void)level;
    (void)text;
}

static inline int64_t test_now(struct sops_world *w)
{
    (void)w;
    return 1775037600; /* 2026-04-01T10:00:00Z */
}

static inline void test_pause(struct sops_world *w, unsigned ms)
{
    (void)w;
    (void)ms;
}

#define TEST_WORLD                                                                                                     \
    {                                                                                                                  \
        .env = test_no_env, .say = test_say, .random = test_random, .now = test_now, .pause = test_pause               \
    }

/* Group tear-down: nothing that mem.c gave is left. It ends the program, as cmocka reports a failed group tear-down but
 * gives 0 all the same. */
static inline int test_no_leaks(void **state)
{
    (void)state;
    if (sops_mem_live() != 0) {
        print_error("%zu blocks were not freed\n", sops_mem_live());
        exit(1);
    }
    return 0;
}

#endif
