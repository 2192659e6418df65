/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher against a naive search on random texts of few letters, and the redactor against a naive one, fed in
 * random pieces: what goes out must not depend on the pieces, and nothing may be held that need not be. */
#include "base/text.h"
#include "core/format.h"
#include "core/leaves.h"
#include "core/redactor.h"

#include "testing.h"

static uint32_t seed = 1;
static uint32_t next_random(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

enum { TEXTS = 12, LONGEST = 24, INPUT = 200 };
struct naive {
    char text[TEXTS][LONGEST + 1];
    uint32_t count;
};

static void random_text(char *to, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        to[i] = (char)('a' + next_random(2));
    }
    to[len] = '\0';
}

/* The longest text at the start of `in`; of equal ones the first. `*open`: one goes on behind its end. */
static size_t naive_match(const struct naive *n, const char *in, uint32_t *id, bool *open)
{
    size_t best = 0, left = strlen(in);
    *open = false;
    for (uint32_t i = 0; i < n->count; i++) {
        size_t len = strlen(n->text[i]);
        if (len > left && strncmp(n->text[i], in, left) == 0) {
            *open = true;
        } else if (len > best && strncmp(n->text[i], in, len) == 0) {
            best = len;
            *id = i;
        }
    }
    return best;
}

static void make_texts(struct naive *n, struct sops_matcher *m)
{
    struct sops_err e = {0};
    n->count = 1 + next_random(TEXTS);
    for (uint32_t i = 0; i < n->count; i++) {
        random_text(n->text[i], SOPS_MATCHER_SHORTEST + next_random(LONGEST - SOPS_MATCHER_SHORTEST + 1));
        assert_ok(sops_matcher_add(m, sops_str(n->text[i]), i, &e), &e);
    }
    assert_ok(sops_matcher_build(m, &e), &e);
}

static void matcher_finds_what_a_naive_search_finds(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct naive n;
        struct sops_matcher m = {0};
        char input[INPUT + 1];
        make_texts(&n, &m);
        random_text(input, next_random(INPUT));
        size_t at = 0;
        for (size_t i = 0; input[i] != '\0'; i++) {
            struct sops_found found;
            uint32_t id = 0;
            bool open;
            size_t len = naive_match(&n, input + i, &id, &open);
            bool rest = strlen(input + i) < SOPS_MATCHER_SHORTEST; /* too little for a text: only open places count */
            if (len == 0 && !open) {
                continue;
            }
            at = sops_matcher_next(&m, sops_str(input), at, &found);
            assert_int_equal(at++, i);
            assert_int_equal(found.open, open);
            assert_int_equal(found.len, rest ? 0 : len);
            if (len != 0) {
                assert_int_equal(found.id, id);
            }
        }
        struct sops_found found;
        assert_int_equal(sops_matcher_next(&m, sops_str(input), at, &found), strlen(input));
        sops_matcher_free(&m);
    }
}

static void matcher_refuses_what_is_too_short_or_too_long(void **state)
{
    (void)state;
    static const char text[SOPS_MATCHER_LONGEST + 1] = {0};
    struct sops_matcher m = {0};
    struct sops_err e = {0};
    assert_false(sops_matcher_add(&m, SOPS_LIT("abc"), 0, &e));
    sops_err_clear(&e);
    assert_false(sops_matcher_add(&m, sops_slice_of(text, sizeof text), 0, &e));
    sops_err_clear(&e);
    assert_ok(sops_matcher_add(&m, sops_slice_of(text, sizeof text - 1), 0, &e), &e);
    assert_ok(sops_matcher_build(&m, &e), &e);
    sops_matcher_free(&m);
}

/* Every byte in an occurrence out; each run is one mark, named after its first and longest. */
static void naive_redact(const struct naive *n, const char *in, struct sops_buf *out)
{
    struct sops_err e = {0};
    size_t covered = 0;
    bool in_run = false;
    for (size_t i = 0; in[i] != '\0'; i++) {
        uint32_t id = 0;
        bool open;
        size_t len = naive_match(n, in + i, &id, &open);
        if (len != 0 && !(in_run && covered >= i)) {
            assert_ok(sops_buf_addf(out, &e, "[redacted %c]", (int)('A' + id)), &e);
        }
        in_run = in_run || len != 0;
        covered = len != 0 && i + len > covered ? i + len : covered;
        if (i >= covered) {
            in_run = false;
            assert_ok(sops_buf_addc(out, (uint8_t)in[i], &e), &e);
        }
    }
}

/* What is looked for, without the forms of values. */
static void make_redact(struct naive *n, struct sops_redact *what)
{
    static const char names[] = "ABCDEFGHIJKLMNOP";
    struct sops_err e = {0};
    make_texts(n, &what->matcher);
    for (uint32_t i = 0; i < n->count; i++) {
        struct sops_slice name = sops_slice_of(names + i, 1);
        assert_ok(sops_buf_add(&what->names, sops_slice_of(&name, sizeof name), &e), &e);
    }
}

static void pieces_make_no_difference(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct naive n;
        struct sops_redact what = {0};
        struct sops_redactor r = {.what = &what};
        struct sops_buf out = {0}, want = {0};
        struct sops_err e = {0};
        char input[INPUT + 1];
        make_redact(&n, &what);
        random_text(input, next_random(INPUT));
        for (size_t at = 0, left = strlen(input); left != 0;) {
            uint32_t len = 1 + next_random(left < 20 ? (uint32_t)left : 20);
            assert_ok(sops_buf_add(&r.held, sops_slice_of(input + at, len), &e), &e);
            assert_ok(sops_redactor_feed(&r, false, &out, &e), &e);
            at += len;
            left -= len;
            if (r.held.len != 0) { /* it is held only because it may be the beginning of a text */
                struct sops_found found;
                assert_int_equal(sops_matcher_next(&what.matcher, sops_buf_view(&r.held), 0, &found), 0);
                assert_true(found.open);
            }
        }
        assert_ok(sops_redactor_feed(&r, true, &out, &e), &e);
        naive_redact(&n, input, &want);
        assert_int_equal(out.len, want.len);
        assert_true(out.len == 0 || memcmp(out.ptr, want.ptr, out.len) == 0);
        sops_buf_free(&out);
        sops_buf_free(&want);
        sops_redactor_free(&r);
        sops_redact_free(&what);
    }
}

/* ---- names of leaves --------------------------------------------------------------------------------------------- */

static void leaves_have_the_keys_on_their_way(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_buf all = {0};
    assert_ok(sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")),
                             SOPS_LIT("# c\na: {b: 1, c: [2, {d: 3}, []]}\nl:\n    # c\n    - 4\ne: {}\nz: 5\n"), &e),
              &e);
    struct sops_leaves l = {.root = d.parts, .separator = SOPS_LIT("_")};
    while (sops_leaves_next(&l, &e)) {
        assert_ok(sops_buf_add(&all, sops_buf_view(&l.name), &e) && sops_buf_addc(&all, '=', &e) &&
                      sops_buf_add(&all, l.at->text, &e) && sops_buf_addc(&all, ' ', &e),
                  &e);
    }
    assert_slice(sops_buf_view(&all), "a_b=1 a_c_0=2 a_c_1_d=3 l_0=4 z=5 ");
    sops_buf_free(&all);
    sops_leaves_free(&l);
    assert_ok(sops_node_dotted(d.parts->child->next->child->next->child->next->child, &all, &e), &e);
    assert_slice(sops_buf_view(&all), "a.c.1.d");
    sops_buf_free(&all);
    sops_doc_free(&d);
}

static void no_leaves(void **state)
{
    (void)state;
    struct sops_doc d = {0};
    struct sops_err e = {0};
    assert_ok(sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")), SOPS_LIT("{}\n"), &e), &e);
    struct sops_leaves l = {.root = d.parts, .separator = SOPS_LIT("_")};
    assert_false(sops_leaves_next(&l, &e));
    assert_false(sops_leaves_next(&l, &e));
    sops_leaves_free(&l);
    sops_doc_free(&d);
}

static void names_do_not_write_to_a_terminal(void **state)
{
    (void)state;
    struct sops_buf text = {0};
    struct sops_err e = {0};
    assert_ok(sops_buf_add(&text, SOPS_LIT("\x1b[1m\x7f"), &e), &e);
    sops_text_tame(&text, 1);
    assert_slice(sops_buf_view(&text), "\x1b[1m?");
    sops_buf_cut(&text, 0);
    assert_ok(sops_buf_add(&text, SOPS_LIT("a\n\xc2\x9b\xff\xc3\xa9z"), &e), &e);
    sops_text_tame(&text, 0);
    assert_slice(sops_buf_view(&text), "a???\xc3\xa9z");
    sops_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matcher_finds_what_a_naive_search_finds),
        cmocka_unit_test(matcher_refuses_what_is_too_short_or_too_long),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(leaves_have_the_keys_on_their_way),
        cmocka_unit_test(no_leaves),
        cmocka_unit_test(names_do_not_write_to_a_terminal),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
