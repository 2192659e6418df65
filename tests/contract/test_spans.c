/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every leaf of every input that the tests have is taken out of its text by its span, and read alone: it must be the
 * same. So are keys, mappings and lists; lines are counted again. And where a text is as the writer writes it, each
 * leaf is replaced in place: that must give what the writer gives for the changed document.
 */
#include "../unit/spans.h"
#include "core/splice.h"

#include <ftw.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

/* What stands around a piece of text so that the format reads it. */
struct frame {
    const char *before, *after;
};

static const struct frame yaml_values[] = {{"k: ", ""}, {"k: [", "]"}, {NULL, NULL}};
static const struct frame yaml_keys[] = {{"", ": {}\n"}, {"? ", "\n: {}\n"}, {"{? ", " : {}}"}, {NULL, NULL}};
static const struct frame yaml_comments[] = {{"", "\nk: 1\n"}, {NULL, NULL}};
static const struct frame json_values[] = {{"{\"k\": ", "}"}, {NULL, NULL}};
static const struct frame json_keys[] = {{"{", ": 1}"}, {NULL, NULL}};
static const struct frame dotenv_values[] = {{"k=", "\n"}, {NULL, NULL}};
static const struct frame dotenv_keys[] = {{"", "=1\n"}, {NULL, NULL}};
static const struct frame dotenv_comments[] = {{"", "\n"}, {NULL, NULL}};
static const struct frame ini_values[] = {{"k =", ""}, {"k = ", ""}, {NULL, NULL}};
static const struct frame ini_keys[] = {{"", " = 1\n"}, {"[", "]\nk = 1\n"}, {NULL, NULL}};
static const struct frame ini_comments[] = {{"", "\nk = 1\n"}, {NULL, NULL}};
static const struct frame as_it_is[] = {{"", ""}, {NULL, NULL}};

static const struct form {
    const struct sops_format *format;
    const struct frame *values, *keys, *comments;
} forms[] = {
    {&sops_format_yaml, yaml_values, yaml_keys, yaml_comments},
    {&sops_format_json, json_values, json_keys, NULL},
    {&sops_format_dotenv, dotenv_values, dotenv_keys, dotenv_comments},
    {&sops_format_ini, ini_values, ini_keys, ini_comments},
    {&sops_format_binary, as_it_is, as_it_is, NULL},
};

/* One text, and what was found in it. */
struct text {
    const char *path;
    const struct form *form;
    struct sops_slice in;
    bool must_read, later; /* later: the node at hand is not in the first document */
};

static size_t files[sizeof forms / sizeof forms[0]], leaves[sizeof forms / sizeof forms[0]];
static size_t replaced[sizeof forms / sizeof forms[0]];

static struct sops_slice piece_of(const struct text *t, struct sops_span s)
{
    return sops_slice_of(t->in.ptr + s.begin, s.end - s.begin);
}

/* The first leaf that is a comment, or a value. */
static const struct sops_node *first_leaf(const struct sops_doc *d, bool comment)
{
    for (struct sops_node *n = d->tail; n != NULL; n = sops_node_after(d->tail, n)) {
        if (sops_node_is_leaf(n) && (n->kind == SOPS_COMMENT) == comment) {
            return n;
        }
    }
    return NULL;
}

/* The first entry; in INI, where sections are entries, the first of the first section, or else the second section. */
static const struct sops_node *first_entry(const struct sops_doc *d, const struct sops_format *f)
{
    const struct sops_node *n = d->tail->child;
    while (n != NULL && n->kind == SOPS_COMMENT) {
        n = n->next;
    }
    return n == NULL || f != &sops_format_ini ? n : n->child != NULL ? n->child : n->next;
}

/* Adds what a document of YAML may need in front: another one (the first is read more strictly), the %TAG line. */
static void add_front(const struct text *t, struct sops_buf *to)
{
    struct sops_err e = {0};
    struct sops_slice rest = t->in, line;
    assert_true(!t->later || sops_buf_adds(to, "{}\n...\n---\n", &e));
    while (t->form->format == &sops_format_yaml && sops_slice_next(&rest, '\n', &line)) {
        if (sops_slice_starts(line, SOPS_LIT("%TAG"))) {
            sops_buf_cut(to, to->len - (t->later ? 4 : 0));
            assert_true(sops_buf_add(to, line, &e) && sops_buf_adds(to, "\n---\n", &e));
            return;
        }
    }
}

enum part { VALUE, KEY };

/* Is it the same leaf, or the same key? (Keys `-` of INI are numbered in the order of the text.) */
static bool is_same(const struct sops_node *n, const struct sops_node *alone, enum part part)
{
    if (alone == NULL) {
        return false;
    }
    if (part == VALUE) {
        return alone->kind == n->kind && sops_slice_eq(alone->text, n->text);
    }
    bool numbered = sops_slice_eq(alone->key, SOPS_LIT("#1")) && n->key.len > 1 && n->key.ptr[0] == '#';
    return alone->key_kind == n->key_kind && (sops_slice_eq(alone->key, n->key) || numbered);
}

static bool reads_alone_in(const struct text *t, const struct sops_node *n, enum part part, const char *before,
                           size_t blanks, const char *after)
{
    struct sops_span s = part == KEY ? n->key_span : n->span;
    struct sops_buf text = {0};
    struct sops_doc d = {0};
    struct sops_err e = {0};
    /* The break behind it says how a block scalar ends, and must not be there where the text ends without one. */
    bool open = part == VALUE && n->kind != SOPS_COMMENT && t->form->format->flags == sops_format_yaml.flags &&
                s.end < t->in.len && after[0] == '\0';
    add_front(t, &text);
    assert_true(sops_buf_adds(&text, before, &e) && sops_buf_addn(&text, ' ', blanks, &e) &&
                sops_buf_adds(&text, blanks != 0 ? "k: " : "", &e) && sops_buf_add(&text, piece_of(t, s), &e) &&
                sops_buf_adds(&text, open ? "\n" : after, &e));
    bool same =
        sops_doc_parse(&d, t->form->format, sops_buf_view(&text), &e) &&
        is_same(n, part == KEY ? first_entry(&d, t->form->format) : first_leaf(&d, n->kind == SOPS_COMMENT), part);
    sops_err_clear(&e);
    sops_doc_free(&d);
    sops_buf_free(&text);
    return same;
}

/* Is the byte at `i` the last one of a line break, as the format sees them? */
static bool ends_line(const struct text *t, struct sops_slice in, size_t i)
{
    if (in.ptr[i] == '\n' || t->form->format != &sops_format_yaml) {
        return in.ptr[i] == '\n';
    }
    struct sops_slice before = sops_slice_first(in, i + 1);
    return (in.ptr[i] == '\r' && (i + 1 == in.len || in.ptr[i + 1] != '\n')) ||
           sops_slice_ends(before, SOPS_LIT("\xC2\x85")) || sops_slice_ends(before, SOPS_LIT("\xE2\x80\xA8")) ||
           sops_slice_ends(before, SOPS_LIT("\xE2\x80\xA9"));
}

/* The column of a byte, in characters. */
static size_t column_of(const struct text *t, size_t at)
{
    size_t column = 0, mark = sops_slice_starts(t->in, SOPS_LIT("\xEF\xBB\xBF")) ? 3 : 0;
    for (; at > mark && !ends_line(t, t->in, at - 1); at--) {
        column += (t->in.ptr[at - 1] & 0xC0) != 0x80;
    }
    return column;
}

static void reads_alone(const struct text *t, const struct sops_node *n, enum part part)
{
    const struct frame *f = part == KEY ? t->form->keys : n->kind == SOPS_COMMENT ? t->form->comments : t->form->values;
    for (; f->before != NULL; f++) {
        if (reads_alone_in(t, n, part, f->before, 0, f->after)) {
            return;
        }
    }
    /* A block scalar that says how far it is indented stands below a mapping or list in the same column as there. */
    size_t column = n->up != NULL ? column_of(t, n->up->span.begin) : 0;
    if (part == VALUE && t->form->format == &sops_format_yaml && column != 0 &&
        reads_alone_in(t, n, part, "x:\n", column, "")) {
        return;
    }
    struct sops_slice piece = piece_of(t, part == KEY ? n->key_span : n->span);
    fail_msg("%s, line %u: alone it is another %s: >>>%.*s<<<", t->path, n->line, part == KEY ? "key" : "leaf",
             SOPS_ARG(piece));
}

/* The number of lines that end before the byte `at`. */
static unsigned breaks_before(const struct text *t, size_t at)
{
    unsigned count = 0;
    for (size_t i = 0; i < at; i++) {
        count += ends_line(t, t->in, i);
    }
    return count;
}

static bool is_alias(const struct text *t, const struct sops_node *n)
{
    return t->form->format == &sops_format_yaml && !span_is_none(n->span) && n->span.begin < n->span.end &&
           t->in.ptr[n->span.begin] == '*';
}

/* May this node be without a span? */
static bool may_lack(const struct text *t, const struct sops_node *n)
{
    if (t->in.len == 0) {
        return true;
    }
    if (t->form->format == &sops_format_ini) {
        return n->kind == SOPS_COMMENT || (n->kind == SOPS_MAP && n->child == NULL);
    }
    bool utf16 = sops_slice_starts(t->in, SOPS_LIT("\xFE\xFF")) || sops_slice_starts(t->in, SOPS_LIT("\xFF\xFE"));
    bool yaml = t->form->format == &sops_format_yaml;
    for (const struct sops_node *up = n->up; yaml && up != NULL; up = up->up) {
        utf16 = utf16 || is_alias(t, up);
    }
    return yaml && utf16;
}

static size_t values_in(const struct sops_node *n)
{
    size_t count = 0;
    for (const struct sops_node *x = n->child; x != NULL; x = x->next) {
        count += x->kind != SOPS_COMMENT;
    }
    return count;
}

/* A mapping or list of YAML: indented as it was, and as an item of a list in brackets. */
static bool collection_reads_alone(const struct text *t, const struct sops_node *n, bool flow)
{
    struct sops_slice piece = piece_of(t, n->span);
    struct sops_buf text = {0};
    struct sops_doc d = {0};
    struct sops_err e = {0};
    add_front(t, &text);
    assert_true(sops_buf_adds(&text, flow ? "k: [" : "k:\n", &e) &&
                sops_buf_addn(&text, ' ', 1 + column_of(t, n->span.begin), &e));
    for (size_t i = 0; i < piece.len; i++) { /* each line stands one column more to the right */
        assert_true(sops_buf_addc(&text, piece.ptr[i], &e) &&
                    (!ends_line(t, piece, i) || sops_buf_addc(&text, ' ', &e)));
    }
    assert_true(sops_buf_adds(&text, flow ? "]" : n->span.end < t->in.len ? "\n" : "", &e));
    bool fine = sops_doc_parse(&d, t->form->format, sops_buf_view(&text), &e);
    const struct sops_node *alone = fine ? first_entry(&d, t->form->format) : NULL;
    alone = alone != NULL && flow ? alone->child : alone;
    fine = alone != NULL && alone->kind == n->kind && values_in(alone) == values_in(n);
    sops_err_clear(&e);
    sops_buf_free(&text);
    sops_doc_free(&d);
    return fine;
}

static void check_collection(const struct text *t, const struct sops_node *n)
{
    struct sops_slice piece = piece_of(t, n->span);
    if (t->form->format == &sops_format_json) {
        assert_int_equal(piece.ptr[0], n->kind == SOPS_MAP ? '{' : '[');
        assert_int_equal(piece.ptr[piece.len - 1], n->kind == SOPS_MAP ? '}' : ']');
    }
    bool nothing = n->up == NULL && values_in(n) == 0; /* a document that is null */
    /* An alias may need an anchor that stands elsewhere. */
    if (t->form->format == &sops_format_yaml && !nothing && memchr(piece.ptr, '*', piece.len) == NULL &&
        !collection_reads_alone(t, n, false) && !collection_reads_alone(t, n, true)) {
        fail_msg("%s, line %u: it is another mapping or list alone: >>>%.*s<<<", t->path, n->line, SOPS_ARG(piece));
    }
}

/* The empty lines below the text of a block count with `+` only. */
static bool is_tight(const struct text *t, const struct sops_node *n)
{
    struct sops_slice piece = piece_of(t, n->span);
    bool block = t->form->format == &sops_format_yaml && piece.len != 0 && strchr("|>", piece.ptr[0]) != NULL;
    struct sops_slice header = sops_slice_first(piece, sops_slice_find(piece, '\n'));
    return !block || memchr(header.ptr, '+', header.len) != NULL || !ends_line(t, piece, piece.len - 1);
}

static void check_node(const struct text *t, const struct sops_node *n)
{
    if (span_is_none(n->span) && !may_lack(t, n)) {
        fail_msg("%s, line %u: no span", t->path, n->line);
    }
    assert_true(n->line != 0 || t->in.len == 0);
    if (span_is_none(n->span)) {
        return;
    }
    /* With a tag in front, the line is that of the value. */
    bool tagged = t->form->format == &sops_format_yaml && t->in.ptr[n->span.begin] == '!';
    if (!tagged && n->up != NULL && t->form->format != &sops_format_binary && t->in.len < 100000 &&
        n->line != breaks_before(t, n->span.begin) + 1) {
        fail_msg("%s, line %u: it stands in line %u", t->path, n->line, breaks_before(t, n->span.begin) + 1);
    }
    if (!is_alias(t, n) && sops_node_is_leaf(n)) {
        reads_alone(t, n, VALUE);
        assert_true(n->kind == SOPS_COMMENT || is_tight(t, n));
        leaves[t->form - forms]++;
    } else if (!is_alias(t, n)) {
        check_collection(t, n);
    }
    bool key_is_alias = n->key_span.end > n->key_span.begin && t->in.ptr[n->key_span.begin] == '*' &&
                        t->form->format == &sops_format_yaml;
    if (!span_is_none(n->key_span) && !key_is_alias) {
        reads_alone(t, n, KEY);
    }
}

/* ---- in place --------------------------------------------------------------------------------------------------- */

#define NEW_TEXT SOPS_LIT("ENC[AES256_GCM,data:bmV3,iv:aXY=,tag:dGFn,type:str]")

/* The leaf with so many before it, or NULL. */
static struct sops_node *leaf_at(const struct sops_doc *d, size_t index)
{
    for (struct sops_node *p = d->parts; p != NULL; p = p->next) {
        for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
            if (sops_node_is_leaf(n) && index-- == 0) {
                return n;
            }
        }
    }
    return NULL;
}

/* Gives one leaf another text, by the writer and in place; false when there is no such leaf. */
static bool replace_leaf(const struct text *t, size_t index)
{
    static const struct sops_style usual;
    struct sops_doc d = {0}, again = {0};
    struct sops_buf whole = {0}, spliced = {0};
    struct sops_err e = {0};
    assert_true(sops_doc_parse(&d, t->form->format, t->in, &e));
    struct sops_node *n = leaf_at(&d, index);
    bool found = n != NULL;
    if (found && !span_is_none(n->span)) {
        n->kind = n->kind == SOPS_COMMENT ? SOPS_COMMENT : SOPS_STR;
        n->text = NEW_TEXT;
        assert_true(sops_doc_emit(&d, t->form->format, &usual, &whole, &e) &&
                    sops_doc_parse(&again, t->form->format, sops_buf_view(&whole), &e));
        const struct sops_node *m = leaf_at(&again, index);
        assert_true(m != NULL && sops_slice_eq(m->text, NEW_TEXT));
        const struct sops_splice edit = {n->span,
                                         sops_slice_of(whole.ptr + m->span.begin, m->span.end - m->span.begin)};
        assert_true(sops_splice(t->in, &edit, 1, &spliced, &e));
        if (!sops_slice_eq(sops_buf_view(&spliced), sops_buf_view(&whole))) {
            fail_msg("%s, line %u: replaced in place it is not what the writer gives", t->path, n->line);
        }
        replaced[t->form - forms]++;
    }
    sops_buf_free(&whole);
    sops_buf_free(&spliced);
    sops_doc_free(&d);
    sops_doc_free(&again);
    return found;
}

static void check_in_place(const struct text *t, const struct sops_doc *d)
{
    static const struct sops_style usual;
    struct sops_buf out = {0};
    struct sops_err e = {0};
    /* Of a long text each leaf would be read again with all the others. */
    if (t->in.len < 20000 && sops_doc_emit(d, t->form->format, &usual, &out, &e) &&
        sops_slice_eq(sops_buf_view(&out), t->in)) {
        for (size_t i = 0; replace_leaf(t, i); i++) {
        }
    }
    sops_err_clear(&e);
    sops_buf_free(&out);
}

static void check_text(struct text *t)
{
    struct sops_doc d = {0};
    struct sops_err e = {0};
    if (sops_doc_parse(&d, t->form->format, t->in, &e)) {
        const char *problem = spans_problem(&d, t->form->format, t->in.len);
        if (problem != NULL) {
            fail_msg("%s: %s", t->path, problem);
        }
        for (struct sops_node *p = d.parts; p != NULL; p = p->next) {
            t->later = p != d.parts;
            for (struct sops_node *n = p; n != NULL; n = sops_node_after(p, n)) {
                check_node(t, n);
            }
        }
        check_in_place(t, &d);
        files[t->form - forms]++;
    } else if (t->must_read) {
        fail_msg("%s: %s", t->path, e.msg);
    }
    sops_err_clear(&e);
    sops_doc_free(&d);
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static void read_file(const char *path, struct sops_buf *in)
{
    struct sops_err e = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        assert_true(sops_buf_addc(in, (uint8_t)c, &e));
    }
    assert_int_equal(fclose(file), 0);
}

static int check_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_F || st->st_size > 1000000) {
        return 0;
    }
    struct sops_buf in = {0};
    read_file(path, &in);
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (sops_format_for(sops_str(name)) == forms[i].format) {
            check_text(&(struct text){.path = path, .form = &forms[i], .in = sops_buf_view(&in)});
        }
    }
    sops_buf_free(&in);
    return 0;
}

/* Edits of `was`, one for each leaf that has another text in `is`; false when the two are not of one shape. */
static bool edits_between(struct sops_node *was, struct sops_node *is, const struct sops_buf *new_text,
                          struct sops_buf *edits)
{
    struct sops_err e = {0};
    struct sops_node *a = was, *b = is;
    while (a != NULL && b != NULL) {
        if ((a->child == NULL) != (b->child == NULL) || (a->next == NULL) != (b->next == NULL) ||
            !sops_slice_eq(a->key, b->key) || a->kind != b->kind || a->flags != b->flags) {
            return false;
        }
        if (sops_node_is_leaf(a) && !sops_slice_eq(a->text, b->text)) {
            const struct sops_splice edit = {a->span,
                                             sops_slice_of(new_text->ptr + b->span.begin, b->span.end - b->span.begin)};
            assert_true(sops_buf_add(edits, sops_slice_of(&edit, sizeof edit), &e));
        }
        a = sops_node_after(was, a);
        b = sops_node_after(is, b);
    }
    /* The span comes first in an edit. (Comments need not stand where the document has them.) */
    if (edits->len != 0) {
        qsort(edits->ptr, edits->len / sizeof(struct sops_splice), sizeof(struct sops_splice), span_order);
    }
    return a == NULL && b == NULL;
}

static size_t commands;

/* A recorded case in which a file was changed: replacing what differs gives the recorded bytes. */
static int check_change(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    const char *out = strstr(path, "/expect/out/");
    char before[1024];
    if (type != FTW_F || out == NULL) {
        return 0;
    }
    (void)snprintf(before, sizeof before, "%.*s/in/%s", (int)(out - path), path, out + strlen("/expect/out/"));
    const struct sops_format *f = sops_format_for(sops_str(path + at->base));
    if (access(before, R_OK) != 0 || f == &sops_format_binary) {
        return 0;
    }
    static const struct sops_style usual;
    struct sops_buf was = {0}, is = {0}, edits = {0}, written = {0}, spliced = {0};
    struct sops_doc d = {0}, changed = {0};
    struct sops_err e = {0};
    read_file(before, &was);
    read_file(path, &is);
    if (sops_doc_parse(&d, f, sops_buf_view(&was), &e) && sops_doc_parse(&changed, f, sops_buf_view(&is), &e) &&
        sops_doc_emit(&d, f, &usual, &written, &e) && sops_slice_eq(sops_buf_view(&was), sops_buf_view(&written)) &&
        d.parts != NULL && changed.parts != NULL && edits_between(d.parts, changed.parts, &is, &edits)) {
        assert_true(sops_splice(sops_buf_view(&was), (const struct sops_splice *)(const void *)edits.ptr,
                                edits.len / sizeof(struct sops_splice), &spliced, &e));
        if (!sops_slice_eq(sops_buf_view(&spliced), sops_buf_view(&is)) && d.parts->next == NULL) {
            fail_msg("%s: it is not the old file with other values", path);
        }
        commands++;
    }
    sops_err_clear(&e);
    sops_doc_free(&d);
    sops_doc_free(&changed);
    struct sops_buf *const bufs[] = {&was, &is, &edits, &written, &spliced};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        sops_buf_free(bufs[i]);
    }
    return 0;
}

static void commands_replace_values(void **state)
{
    (void)state;
    assert_int_equal(nftw(SOPS_TESTDATA "/conformance", check_change, 16, FTW_PHYS), 0);
    print_message("%zu files were changed\n", commands);
    assert_true(commands >= 20);
}

static void every_leaf_reads_alone(void **state)
{
    (void)state;
    assert_int_equal(nftw(SOPS_TESTDATA "/formats", check_file, 16, FTW_PHYS), 0);
    assert_int_equal(nftw(SOPS_TESTDATA "/conformance", check_file, 16, FTW_PHYS), 0);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        print_message("%s: %zu leaves in %zu files, %zu replaced in place\n", forms[i].format->name, leaves[i],
                      files[i], replaced[i]);
        assert_true(files[i] >= 20 && leaves[i] >= 20 && replaced[i] >= 20);
    }
}

/* What is rare, and in no file. */
static void odd_texts(void **state)
{
    (void)state;
    static const char *const yaml[] = {
        ("\xEF\xBB\xBF"
         "a: \xC3\xA9 # \xC3\xA9\n\xC3\xA9: [\xF0\x9F\x98\x80, 'x']\n"),
        "a: 'x\xEF\xBB\xBFy'\nb: \"\\'\xC3\xA9\\'\" # c\nc: d\n", /* in disguise */
        "a: |\n  x\n\n\nb: |+\n  x\n\n\nc: |-\n  x\n \nd: |+\n\n\ne: >\n  f\n  g\n\n\n  # h\nf: |\n    x\n  \n     \n",
        "a: |2\n    x\nb:\n  c: |1\n     x\n  d:\n  - |2\n      x\n  - e: |2-\n        x\n",
        "a: | # c\n  x\nb: !!str # c\n  1\nc: !!int \"1\"\nd: &x !!str 1\ne: !!str &y 1\nf: *x\n",
        "a: &m\n  b: 1\n  # c\n  d: [1, # x\n    2]\ne: *m\nf:\n  <<: *m\n  g: h\n",
        "a:\nb: \n? c\n? |\n  g\n: - h\n  -\n  - i\n",
        "a: [b: c, ? d : e, {f, g: }, []]\nb: {c: {}, 'd'}\n",
        "a: x\n  y\n  z\nb: \"x\n  y\"\nc: [x\ny, 'z\n\nw']\n",
        "a: 1\r\n# b\r\nc: |\r\n  d\r\n\r\n# e\r\n",
        "# a\n\n# b\nc: d # e\n# f\n---\n# g\n\nh: i\n# j\n...\n# k\n---\nl:\n  - m # n\n  # o\n  - # p\n    - q\n",
        "a: |\n  x",
        "a: |+\n  x",
        "a: |",
        "a: |\n  x\n ",
    };
    static const char *const ini[] = {
        ("\xEF\xBB\xBF"
         "; a\n# b\nc = d ; e\n[s] # f\n`k` = `v\nw` # g\n- = 1\n- = 2\nx = y \\\n  z\ne =\n[t]\n"),
        "a = '''b'''\nc = \"\"\"d\ne\"\"\"\n[u]\na: 1\nb: 2\n; c\na: 3\n",
    };
    for (size_t i = 0; i < sizeof yaml / sizeof yaml[0]; i++) {
        check_text(&(struct text){yaml[i], &forms[0], sops_str(yaml[i]), true, false});
    }
    for (size_t i = 0; i < sizeof ini / sizeof ini[0]; i++) {
        check_text(&(struct text){ini[i], &forms[3], sops_str(ini[i]), true, false});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_texts),
        cmocka_unit_test(every_leaf_reads_alone),
        cmocka_unit_test(commands_replace_values),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
