/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every format promises, asked of each in the table. Its cases stand in testdata/formats/NAME: valid/ must be
 * read, written and read again; invalid/ must not be read, or, for a .json file of another format, not be written (code
 * 4).
 */
#include "core/format.h"

#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static const struct sops_style usual;

#define LEAST_CASES 3

static void names_and_suffixes_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        const struct sops_format *f = sops_formats[i];
        assert_true(f->name != NULL && f->name[0] != '\0' && f->example != NULL);
        assert_true(f->parse != NULL && f->emit != NULL && f->emit_value != NULL);
        assert_ptr_equal(sops_format_named(sops_str(f->name)), f);
        for (size_t k = 0; f->suffixes != NULL && f->suffixes[k] != NULL; k++) {
            assert_int_equal(f->suffixes[k][0], '.');
            struct sops_slice suffix = sops_str(f->suffixes[k]);
            assert_ptr_equal(f->by_choice ? sops_format_by_choice(suffix) : sops_format_for(suffix), f);
        }
        for (size_t k = 0; k < i; k++) {
            assert_true(f->store == NULL || sops_formats[k]->store == NULL ||
                        strcmp(f->store, sops_formats[k]->store) != 0);
        }
        /* Only the last has no suffix: it takes what is left. */
        assert_int_equal(f->suffixes == NULL, sops_formats[i + 1] == NULL);
    }
}

static void load(const char *path, struct sops_buf *in)
{
    struct sops_err e = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        assert_true(sops_buf_addc(in, (uint8_t)c, &e));
    }
    assert_int_equal(fclose(file), 0);
}

static void same_documents(const struct sops_doc *a, const struct sops_doc *b)
{
    const struct sops_node *m = b->parts;
    for (const struct sops_node *n = a->parts; n != NULL; n = n->next) {
        assert_non_null(m);
        assert_true(sops_node_same(n, m));
        m = m->next;
    }
    assert_null(m);
}

static struct sops_node *value_after(const struct sops_node *root, struct sops_node *n)
{
    do {
        n = sops_node_after(root, n);
    } while (n != NULL && n->kind == SOPS_COMMENT);
    return n;
}

/* The same keys and texts: a float may have become an int, and a comment may have moved. */
static void same_texts(const struct sops_doc *a, const struct sops_doc *b)
{
    struct sops_node *m = b->parts;
    for (struct sops_node *n = a->parts; n != NULL; n = n->next) {
        assert_non_null(m);
        struct sops_node *y = m;
        for (struct sops_node *x = n; x != NULL; x = value_after(n, x)) {
            assert_non_null(y);
            assert_true(sops_slice_eq(x->key, y->key) && sops_slice_eq(x->text, y->text));
            y = value_after(m, y);
        }
        assert_null(y);
        m = m->next;
    }
    assert_null(m);
}

/* Written and read again it is the same; and what is written twice is the same bytes. */
static void check_valid(const struct sops_format *f, struct sops_slice in)
{
    struct sops_doc first = {0}, second = {0}, third = {0};
    struct sops_buf once = {0}, twice = {0};
    struct sops_err e = {0};
    assert_true(sops_doc_parse(&first, f, in, &e));
    assert_true(sops_doc_emit(&first, f, &usual, &once, &e));
    assert_true(sops_doc_parse(&second, f, sops_buf_view(&once), &e));
    assert_true(sops_doc_emit(&second, f, &usual, &twice, &e));
    assert_true(sops_doc_parse(&third, f, sops_buf_view(&twice), &e));
    assert_true(sops_slice_eq(sops_buf_view(&once), sops_buf_view(&twice)));
    same_documents(&second, &third);
    if ((f->flags & SOPS_FMT_LOSSY) == 0) {
        same_texts(&first, &second);
    }
    assert_int_equal(e.code, SOPS_OK);
    sops_buf_free(&once);
    sops_buf_free(&twice);
    sops_doc_free(&first);
    sops_doc_free(&second);
    sops_doc_free(&third);
}

static void check_invalid(const struct sops_format *f, bool is_json, struct sops_slice in)
{
    struct sops_doc d = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    if (is_json && f != &sops_format_json) {
        assert_true(sops_doc_parse(&d, &sops_format_json, in, &e));
        assert_false(sops_doc_emit(&d, f, &usual, &out, &e));
        assert_int_equal(e.code, SOPS_E_DUMP);
        assert_int_equal(out.len, 0);
    } else {
        assert_false(sops_doc_parse(&d, f, in, &e));
        assert_int_equal(e.code, SOPS_E_READ);
    }
    assert_true(e.msg[0] != '\0');
    sops_err_clear(&e);
    sops_buf_free(&out);
    sops_doc_free(&d);
}

/* Each allocation in turn fails: that is told, and nothing is left behind. */
static void check_memory(const struct sops_format *f, struct sops_slice in)
{
    size_t before = sops_mem_live();
    bool good = false;
    for (uint64_t k = 1; !good; k++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        sops_mem_fail_at(k);
        good = sops_doc_parse(&d, f, in, &e) && sops_doc_emit(&d, f, &usual, &out, &e);
        sops_mem_fail_at(0);
        assert_int_equal(e.code, good ? SOPS_OK : SOPS_E_GENERIC);
        sops_err_clear(&e);
        sops_buf_free(&out);
        sops_doc_free(&d);
        assert_int_equal(sops_mem_live(), before);
    }
}

static int check_folder(const struct sops_format *f, const char *kind, bool valid)
{
    char folder[512], path[1024];
    (void)snprintf(folder, sizeof folder, "%s/formats/%s/%s", SOPS_TESTDATA, f->name, kind);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        fail_msg("%s is missing", folder);
    }
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct sops_buf in = {0};
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        load(path, &in);
        print_message("%s\n", path);
        if (valid) {
            check_valid(f, sops_buf_view(&in));
            check_memory(f, sops_buf_view(&in));
        } else {
            check_invalid(f, sops_slice_ends(sops_str(entry->d_name), SOPS_LIT(".json")), sops_buf_view(&in));
        }
        sops_buf_free(&in);
        count++;
    }
    assert_int_equal(closedir(dir), 0);
    return count;
}

static void cases_hold(void **state)
{
    (void)state;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        assert_true(check_folder(sops_formats[i], "valid", true) >= LEAST_CASES);
        assert_true(check_folder(sops_formats[i], "invalid", false) >= LEAST_CASES);
        check_valid(sops_formats[i], sops_str(sops_formats[i]->example));
    }
}

/* Spans are of 32 bits: nobody reads what is longer, nor looks at it. */
static void long_texts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        struct sops_doc d = {0};
        struct sops_err e = {0};
        assert_false(sops_doc_parse(&d, sops_formats[i], sops_slice_of("", (size_t)UINT32_MAX + 1), &e));
        assert_int_equal(e.code, SOPS_E_READ);
        assert_non_null(strstr(e.msg, "4 GiB"));
        sops_err_clear(&e);
        sops_doc_free(&d);
    }
}

/* A string is extracted raw in every format, and nobody writes what was not verified. */
static void strings_are_extracted_raw(void **state)
{
    (void)state;
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        struct sops_doc d = {0};
        struct sops_buf out = {0};
        struct sops_err e = {0};
        struct sops_node *root = sops_node_add(&d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), &e);
        struct sops_node *n = sops_node_add(&d, root, SOPS_STR, SOPS_LIT("data"), SOPS_LIT("a\n\"b\" #\xFF"), &e);
        assert_non_null(n);
        assert_true(sops_formats[i]->emit_value(&d, n, &usual, &out, &e));
        assert_true(sops_slice_eq(sops_buf_view(&out), n->text));
        d.state = SOPS_DOC_UNVERIFIED;
        sops_buf_cut(&out, 0);
        assert_false(sops_doc_emit(&d, sops_formats[i], &usual, &out, &e));
        assert_int_equal(e.code, SOPS_E_MAC);
        assert_int_equal(out.len, 0);
        sops_err_clear(&e);
        sops_buf_free(&out);
        sops_doc_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_suffixes_are_unique),
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(strings_are_extracted_raw),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
