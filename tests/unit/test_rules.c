/* SPDX-License-Identifier: Apache-2.0 */
/* Which leaves are marked, for each of the six rules (docs/spec/10-document-and-cipher.md#which-leaves-are-encrypted,
 * #active-comments). */
#include "testing.h"

#include "core/rules.h"

/*
 * Documents are written as one text: `key=` is a leaf, `key{` and `key[` open a map or a list, `}` and `]` close,
 * `#text;` is a comment, `~` after `=` makes a null. A list item is `=`. Marks come out as one letter a leaf.
 */
static void build(struct sops_doc *d, const char *text)
{
    struct sops_err e = {0};
    struct sops_slice none = {0};
    struct sops_node *at = sops_node_add(d, NULL, SOPS_MAP, none, none, &e);
    const char *start = text;
    for (; *text != '\0'; text++) {
        struct sops_slice key = sops_slice_of(start, (size_t)(text - start));
        switch (*text) {
        case '=':
            assert_non_null(sops_node_add(d, at, text[1] == '~' ? SOPS_NULL : SOPS_STR, key, SOPS_LIT("v"), &e));
            text += text[1] == '~';
            break;
        case '{':
        case '[':
            at = sops_node_add(d, at, *text == '{' ? SOPS_MAP : SOPS_LIST, key, none, &e);
            break;
        case '}':
        case ']':
            at = at->up;
            break;
        case ';':
            assert_non_null(sops_node_add(d, at, SOPS_COMMENT, none, sops_slice_skip(key, 1), &e));
            break;
        case ' ':
            break;
        default:
            continue;
        }
        start = text + 1;
    }
}

static void expect(enum sops_rule rule, const char *value, const char *document, const char *want)
{
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_rules r = {0};
    char got[64] = "";
    size_t n = 0;
    if (rule < SOPS_RULES) {
        r.text[rule] = sops_str(value);
    }
    build(&d, document);
    assert_ok(sops_rules_compile(&r, &e), &e);
    for (int twice = 0; twice < 2; twice++) { /* marks of before must not matter */
        assert_ok(sops_rules_mark(&r, &d, &e), &e);
    }
    for (struct sops_node *x = d.parts; x != NULL; x = sops_node_after(d.parts, x)) {
        if (sops_node_is_leaf(x)) {
            got[n++] = (x->flags & SOPS_MARKED) != 0 ? 'E' : '.';
        }
    }
    if (strcmp(got, want) != 0) {
        print_error("%s: %s\n%s\ngot  %s\nwant %s\n", rule < SOPS_RULES ? sops_rule_names[rule] : "none", value,
                    document, got, want);
        fail();
    }
    sops_rules_free(&r);
    sops_doc_free(&d);
}

static void by_key(void **state)
{
    (void)state;
    expect(SOPS_RULES, "", "#c; a= b_unencrypted= m_unencrypted{x= l[= =]} n=~", "EE.....");
    expect(SOPS_UNENCRYPTED_SUFFIX, "_x", "#c; a= b_x= _x= X_X= m{c_x= d=} l_x[= #i;] e=~", "EE..E.E...");
    expect(SOPS_ENCRYPTED_SUFFIX, "_x", "#c; a= b_x= m{c_x= d=} l_x[= #i; {z=}]", "..EE.EEE");
    expect(SOPS_UNENCRYPTED_REGEX, "^p", "#c; pa= ap= m{p= q=} p{a= b{c=}}", "E.E.E..");
    expect(SOPS_ENCRYPTED_REGEX, "^p", "#c; pa= ap= m{p= #k; q=} p{a= #k; b{c=}}", ".E.E..EEE");
    expect(SOPS_ENCRYPTED_REGEX, "^$", "= a=", "E.");
}

static void by_comment(void **state)
{
    (void)state;
    const char *hide = "hide";
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "#hide; a= b=", ".E.");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "#hide; #more; a= b=", ".EE.");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "#x; #hide; m{a= #c; l[= #d; =]} b=", "..EEEEE.");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "m{a= #hide;} b=", "...");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "l[= #hide; = =] b=", "..E..");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "l[#hide; {a= #k; b=} =] b=", ".EEE..");
    expect(SOPS_ENCRYPTED_COMMENT_REGEX, hide, "#hide; m{} b=", "..");
    expect(SOPS_UNENCRYPTED_COMMENT_REGEX, hide, "#x; #hide; #y; a= b= #end;", "E...EE");
    expect(SOPS_UNENCRYPTED_COMMENT_REGEX, hide, "#hide; m{a= #c; l[=]} b= n=~", "....E.");
}

static void whole_and_parts(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_rules r = {.whole = true};
    r.text[SOPS_ENCRYPTED_SUFFIX] = SOPS_LIT("_x");
    build(&d, "a= b=~");
    build(&d, "c=");
    assert_ok(sops_rules_mark(&r, &d, &e), &e);
    assert_true((d.parts->child->flags & SOPS_MARKED) != 0);
    assert_true((d.parts->last->flags & SOPS_MARKED) == 0);
    assert_true((d.tail->child->flags & SOPS_MARKED) != 0);
    sops_doc_free(&d);
}

/* A regex that does not compile: refused by compile, and matches nothing when it is used all the same. */
static void regex_that_does_not_compile(void **state)
{
    (void)state;
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_rules r = {0};
    r.text[SOPS_UNENCRYPTED_REGEX] = SOPS_LIT("(a");
    assert_false(sops_rules_compile(&r, &e));
    assert_non_null(strstr(e.msg, "unencrypted_regex"));
    assert_non_null(strstr(e.msg, "(a"));
    sops_err_clear(&e);
    build(&d, "a=");
    assert_ok(sops_rules_mark(&r, &d, &e), &e);
    assert_true((d.parts->child->flags & SOPS_MARKED) != 0);
    sops_doc_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_key),
        cmocka_unit_test(by_comment),
        cmocka_unit_test(whole_and_parts),
        cmocka_unit_test(regex_that_does_not_compile),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
