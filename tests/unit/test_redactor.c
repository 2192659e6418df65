/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher against a naive search on random texts of few letters, and the redactor against a naive one, fed in
 * random pieces: what goes out must not depend on the pieces, and nothing may be held that need not be. */
#include "base/text.h"
#include "core/format.h"
#include "core/leaves.h"
#include "core/redactor.h"
#include "core/reuse.h"

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

/* ---- forms of a value -------------------------------------------------------------------------------------------- */

/* What comes out where a document whose only value is `value` (encrypted, under "k") is redacted in `text`. */
static void check_redacted(const char *value, const char *text, const char *want)
{
    static const struct sops_sealed was_encrypted = {0};
    struct sops_redact what = {.least = SOPS_REDACT_USUAL};
    struct sops_redactor r = {.what = &what};
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
    struct sops_node *leaf =
        root != NULL ? sops_node_add(&d, root, SOPS_STR, SOPS_LIT("k"), sops_str(value), &e) : NULL;
    assert_non_null(leaf);
    leaf->sealed = &was_encrypted;
    assert_ok(sops_redact_add(&what, &d, &e) && sops_redact_build(&what, &e), &e);
    assert_ok(sops_buf_adds(&r.held, text, &e) && sops_redactor_feed(&r, true, &out, &e), &e);
    assert_slice(sops_buf_view(&out), want);
    sops_buf_free(&out);
    sops_redactor_free(&r);
    sops_redact_free(&what);
    sops_doc_free(&d);
}

static void every_form_of_a_value_is_found(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "it's \"5$\" <a/b>\\ \xc3\xa9?! ~~",
        "it's \\\"5$\\\" <a/b>\\\\ \xc3\xa9?! ~~",
        "it's \\\"5$\\\" \\u003ca/b\\u003e\\\\ \xc3\xa9?! ~~",
        "it's \\\"5$\\\" <a/b>\\\\ \\u00e9?! ~~",
        "it%27s%20%225%24%22%20%3Ca%2Fb%3E%5C%20%C3%A9%3F%21%20~~",
        "it%27s+%225%24%22+%3Ca%2Fb%3E%5C+%C3%A9%3F%21+~~",
        "it's%20%225%24%22%20%3Ca%2Fb%3E%5C%20%C3%A9%3F!%20~~",
        "it%27s%20%225%24%22%20%3Ca/b%3E%5C%20%C3%A9%3F%21%20~~",
        "it'\\''s \"5$\" <a/b>\\ \xc3\xa9?! ~~",
        "it'\"'\"'s \"5$\" <a/b>\\ \xc3\xa9?! ~~",
        "it's \\\"5\\$\\\" <a/b>\\\\ \xc3\xa9?! ~~",
        "aXQncyAiNSQiIDxhL2I+XCDDqT8hIH5+",
        "aXQncyAiNSQiIDxhL2I-XCDDqT8hIH5-",
        "l0J3MgIjUkIiA8YS9iPlwgw6k/ISB+f",
        "l0J3MgIjUkIiA8YS9iPlwgw6k_ISB-f",
        "pdCdzICI1JCIgPGEvYj5cIMOpPyEgfn",
        "697427732022352422203c612f623e5c20c3a93f21207e7e",
        "697427732022352422203C612F623E5C20C3A93F21207E7E",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "<%s>", forms[i]);
        check_redacted(forms[0], text, "<[redacted k]>");
        check_redacted("it's \"5$\" <a/b>\\ \xc3\xa9?! ~~\r\n\n", text,
                       "<[redacted k]>"); /* ends of lines do not count */
    }
}

static void lines_and_pieces_are_found_alone(void **state)
{
    (void)state;
    check_redacted("first-line\r\nshort\nlast-line", "first-line short last-line\n",
                   "[redacted k] short [redacted k]\n");
    check_redacted("short", "short", "short");
    /* 84 bytes are 112 characters of base64: wrapped at 76 and at 64 */
    char value[85], long_value[SOPS_MATCHER_LONGEST + 3];
    for (size_t i = 0; i < sizeof value - 1; i++) {
        value[i] = (char)('A' + i % 26);
    }
    value[sizeof value - 1] = '\0';
    check_redacted(value,
                   "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWkFCQ0RF\n"
                   "RkdISUpLTE1OT1BRUlNUVVZXWFlaQUJDREVG\n",
                   "[redacted k]\n[redacted k]\n");
    check_redacted(value,
                   "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVW\n"
                   "V1hZWkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaQUJDREVG\n",
                   "[redacted k]\n[redacted k]\n");
    /* what is left behind the last whole piece is too short alone: its piece reaches back */
    memset(long_value, 'x', sizeof long_value - 1);
    memcpy(long_value + SOPS_MATCHER_LONGEST - 4, "theend", 7);
    check_redacted(long_value, "theend", "[redacted k]");
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
        cmocka_unit_test(every_form_of_a_value_is_found),
        cmocka_unit_test(lines_and_pieces_are_found_alone),
        cmocka_unit_test(leaves_have_the_keys_on_their_way),
        cmocka_unit_test(no_leaves),
        cmocka_unit_test(names_do_not_write_to_a_terminal),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
