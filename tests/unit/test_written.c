/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of all formats, from a table and from a generator, sealed and opened in memory: what comes back is what went
 * in, nothing that is to be encrypted stays clear, and all but ciphertexts is as it was.
 */
#include "testing.h"

#include "base/ascii.h"
#include "written_world.h"

static struct sops_world world = TEST_WORLD;

#define SECRET "kanari"

/* The bytes of a sealed text without its ciphertexts and spellings. */
static struct sops_buf layout_of(struct sops_slice text)
{
    struct sops_buf out = {0};
    struct sops_err e = {0};
    while (text.len != 0) {
        const uint8_t *at = memmem(text.ptr, text.len, "ENC[AES256_GCM,", 15);
        size_t n = at != NULL ? (size_t)(at - text.ptr) : text.len;
        assert_ok(sops_buf_add(&out, sops_slice_first(text, n), &e), &e);
        text = sops_slice_skip(text, n);
        if (text.len != 0) {
            text = sops_slice_skip(text, sops_slice_find(text, ']') + 1);
            while (text.len != 0 && (text.ptr[0] == '~' || text.ptr[0] == '+' || text.ptr[0] == '/' ||
                                     text.ptr[0] == '=' || sops_is_alnum(text.ptr[0]))) {
                text = sops_slice_skip(text, 1);
            }
        }
    }
    return out;
}

/* There and back; true when the style was kept. `must`: it has to be. */
static bool check_trip(const struct sops_format *f, struct sops_slice clear, bool quote, bool must)
{
    struct sops_style s = written_style(f, quote);
    struct sops_buf sealed = {0}, open = {0};
    struct sops_err e = {0};
    bool kept = false;
    bool ok = written_seal(&world, f, &s, clear, &kept, &sealed, &e);
    if (must && (!ok || !kept)) {
        fail_msg("%s: not kept: %.*s (%s)", f->name, SOPS_ARG(clear), e.msg);
    }
    if (kept) {
        assert_null(memmem(sealed.ptr, sealed.len, SECRET, sizeof SECRET - 1));
        assert_ok(written_open(&world, f, &s, sops_buf_view(&sealed), &open, &e), &e);
        if (!sops_slice_eq(sops_buf_view(&open), clear)) {
            fail_msg("%s: %.*s\nbecame %.*s\nthrough %.*s", f->name, SOPS_ARG(clear), SOPS_ARG(open), SOPS_ARG(sealed));
        }
    }
    sops_err_clear(&e);
    sops_buf_free(&sealed);
    sops_buf_free(&open);
    return kept;
}

static void texts_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
        bool quote;
    } texts[] = {
        {"yaml",
         "# kanari\na: 'kanari'  # kanari\nb: [kanari, \"kanari\", 1.10]\nc: |\n  kanari\n    x\nd: &x {k: kanari}\ne: "
         "*x\n",
         false},
        {"yaml", "a: >-\n  kanari\n  kanari\n\n# kanari\n---\nb: kanari", false},
        {"yaml", "l: [ # kanari\n ]\nm:\n- kanari\n# kanari\n- - kanari\n", false},
        {"json", "{ \"a\" :\"kanari\\u0041\",\n\t\"b\": [ 1.50 ,\"kanari\" ] }", false},
        {"dotenv", "# kanari\n\nA=kanari\nB=kanari # kanari", false},
        {"dotenv", "export A='kanari\nkanari' # kanari\nB=kanari # kanari\nC=\"kanari\"\n", true},
        {"ini", "; kanari\nx=kanari ; kanari\n\n[a]\n# kanari\n\n# kanari\nk : \"kanari\"\n; kanari", false},
        {"toml",
         "# kanari\na = \"\"\"kanari \\\n  x\"\"\" # kanari\n[[t]] # kanari\nb = [ 0x1F, # kanari\n 1979-05-27 ]\n",
         false},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)check_trip(sops_format_named(sops_str(texts[i].format)), sops_str(texts[i].text), texts[i].quote, true);
    }
}

static void layout_stays(void **state)
{
    (void)state;
    const struct sops_format *yaml = sops_format_named(SOPS_LIT("yaml"));
    struct sops_style s = written_style(yaml, false);
    struct sops_buf sealed = {0};
    struct sops_err e = {0};
    bool kept = false;
    assert_ok(written_seal(&world, yaml, &s, SOPS_LIT("a:  'x'   # c\n\n\nb: [1, \"y\"]\nc_unencrypted: 0x1F\n"), &kept,
                           &sealed, &e),
              &e);
    assert_true(kept);
    struct sops_buf layout = layout_of(sops_buf_view(&sealed));
    const char want[] = "a:  ''   #\n\n\nb: ['', \"\"]\nc_unencrypted: 0x1F\nsops:\n";
    assert_true(sops_slice_starts(sops_buf_view(&layout), sops_str(want)));
    sops_buf_free(&layout);
    sops_buf_free(&sealed);
}

/* ---- texts from a generator -------------------------------------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % n;
}

static void put(struct sops_buf *out, const char *text)
{
    struct sops_err e = {0};
    assert_ok(sops_buf_adds(out, text, &e), &e);
}

static void put_blanks(struct sops_buf *out, uint32_t most)
{
    for (uint32_t n = dice(most + 1); n > 0; n--) {
        put(out, " ");
    }
}

static const char *one_of(const char *const *from, size_t count) { return from[dice((uint32_t)count)]; }
#define ONE_OF(from) one_of((from), sizeof(from) / sizeof *(from))

static void make_yaml(struct sops_buf *out)
{
    static const char *const scalars[] = {"kanari",
                                          "'kanari'",
                                          "\"kanari \\x41\"",
                                          "5",
                                          "0x1F",
                                          "1.10",
                                          "true",
                                          "~",
                                          "",
                                          "2024-01-02",
                                          "!t kanari",
                                          "!!str 5",
                                          "'5'",
                                          "[kanari, 'x']",
                                          "{k: kanari, l: [2]}",
                                          "|\n    kanari\n    x",
                                          ">-\n    kanari\n    x",
                                          "'kanari\n    x'",
                                          "{}",
                                          "[]",
                                          "\"é 😀\"",
                                          "kanari\n    x"};
    static const char *const comments[] = {"", "", "", " # kanari", "  #kanari", " #"};
    for (uint32_t n = 1 + dice(6), i = 0; i < n; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", i);
        if (dice(5) == 0) {
            put(out, "# kanari\n");
        }
        if (dice(6) == 0) {
            put(out, "\n");
        }
        put(out, key);
        put(out, ":");
        const char *scalar = ONE_OF(scalars);
        if (dice(4) == 0) {
            bool list = dice(2) == 0;
            put(out, ONE_OF(comments));
            for (uint32_t m = 1 + dice(3), j = 0; j < m; j++) {
                (void)snprintf(key, sizeof key, "c%u: ", j);
                put(out, "\n  ");
                put(out, list ? "- " : key);
                const char *inner = ONE_OF(scalars);
                put(out, strchr(inner, '\n') == NULL ? inner : "kanari");
                put(out, ONE_OF(comments));
            }
        } else {
            put(out, " ");
            put_blanks(out, 2);
            put(out, scalar);
            if (strchr(scalar, '\n') == NULL) {
                put(out, ONE_OF(comments));
            }
        }
        put(out, i + 1 < n || dice(4) != 0 ? "\n" : "");
    }
}

static void make_json(struct sops_buf *out)
{
    static const char *const scalars[] = {
        "\"kanari\"",      "\"\\u006banari\"",   "1", "1.50", "1e3", "true", "null", "\"\"", "{}", "[ ]",
        "[1,\"kanari\" ]", "{ \"a\":\"kanari\"}"};
    put(out, "{");
    for (uint32_t n = dice(5), i = 0; i < n; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "%s\"k%u\"%s:", dice(2) == 0 ? "\n  " : " ", i, dice(3) == 0 ? " " : "");
        put(out, key);
        put_blanks(out, 1);
        put(out, ONE_OF(scalars));
        put(out, i + 1 < n ? "," : "");
    }
    put(out, dice(2) == 0 ? "\n}\n" : "}");
}

static void make_dotenv(struct sops_buf *out)
{
    static const char *const lines[] = {"# kanari",
                                        "",
                                        "#",
                                        "A%=kanari",
                                        "B%=\"kanari\"",
                                        "C%='kanari x' # kanari",
                                        "export D%=kanari # kanari",
                                        "E%= kanari",
                                        "F%=\"kanari\\n\"",
                                        "G%=",
                                        "H%='$'"};
    for (uint32_t n = dice(7), i = 0; i < n; i++) {
        for (const char *c = ONE_OF(lines); *c != '\0'; c++) {
            char text[16] = {*c, '\0'};
            if (*c == '%') {
                (void)snprintf(text, sizeof text, "%u", i);
            }
            put(out, text);
        }
        put(out, i + 1 < n || dice(3) != 0 ? "\n" : "");
    }
}

static void make_ini(struct sops_buf *out)
{
    static const char *const lines[] = {
        "; kanari",       "",     "# kanari", "a%=kanari",     "b% = \"kanari\"",         "c% : kanari ; kanari",
        "d%= `kanari;x`", "[s%]", "e% =",     "  f% = kanari", "g%=\"\"\"kanari\nx\"\"\""};
    for (uint32_t n = 1 + dice(7), i = 0; i < n; i++) {
        for (const char *c = ONE_OF(lines); *c != '\0'; c++) {
            char text[16] = {*c, '\0'};
            if (*c == '%') {
                (void)snprintf(text, sizeof text, "%u", i);
            }
            put(out, text);
        }
        put(out, i + 1 < n || dice(3) != 0 ? "\n" : "");
    }
}

static void make_toml(struct sops_buf *out)
{
    static const char *const values[] = {"\"kanari\"",
                                         "'kanari'",
                                         "\"\"\"kanari\nx\"\"\"",
                                         "0x1F",
                                         "1.50",
                                         "true",
                                         "1979-05-27",
                                         "'1979-05-27'",
                                         "[ 1, # kanari\n 'kanari' ]",
                                         "{ a = \"kanari\" }",
                                         "inf",
                                         "[]",
                                         "\"\\u006banari\""};
    for (uint32_t n = dice(7), i = 0; i < n; i++) {
        char key[24];
        uint32_t what = dice(8);
        (void)snprintf(key, sizeof key,
                       what == 0   ? "[t%u]"
                       : what == 1 ? "[[u%u.v]]"
                       : what == 2 ? "k%u.l = "
                                   : "k%u = ",
                       i);
        put(out, dice(4) == 0 ? "# kanari\n" : "");
        put(out, key);
        if (what > 1) {
            put(out, ONE_OF(values));
        }
        put(out, dice(4) == 0 ? " # kanari" : "");
        put(out, i + 1 < n || dice(3) != 0 ? "\n" : "");
    }
}

static void random_texts_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        void (*make)(struct sops_buf *out);
        bool quote;
        unsigned least; /* of 100 that are kept: the generator makes some that cannot be */
    } kinds[] = {{"yaml", make_yaml, false, 70},
                 {"json", make_json, false, 95},
                 {"dotenv", make_dotenv, false, 95},
                 {"ini", make_ini, false, 85},
                 {"toml", make_toml, false, 90}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        unsigned kept = 0;
        for (unsigned i = 0; i < 200; i++) {
            struct sops_buf text = {0};
            kinds[k].make(&text);
            kept +=
                check_trip(sops_format_named(sops_str(kinds[k].format)), sops_buf_view(&text), kinds[k].quote, false);
            sops_buf_free(&text);
        }
        if (kept < 2 * kinds[k].least) {
            fail_msg("%s: %u of 200 are kept", kinds[k].format, kept);
        }
    }
}

/* ---- the check of what is about to be written -------------------------------------------------------------------- */

/* A format that opens a text to another one than was sealed: it takes a byte too many out with the metadata. */
static const struct sops_format *honest;

static bool drop_too_much(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    return honest->textual->drop_meta(w, to, e) && sops_edits_add(to, (struct sops_span){0, 1}, SOPS_LIT(""), e);
}

static void what_opens_to_other_bytes_is_not_kept(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
    } texts[] = {{"yaml", " a: kanari\n"},
                 {"json", " {\"a\": \"kanari\"}\n"},
                 {"dotenv", "\nA=kanari\n"},
                 {"ini", "\n[s]\na = kanari\n"},
                 {"toml", "\na = \"kanari\"\n"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        honest = sops_format_named(sops_str(texts[i].format));
        struct sops_textual textual = *honest->textual;
        struct sops_format faulty = *honest;
        textual.drop_meta = drop_too_much;
        faulty.textual = &textual;
        assert_true(check_trip(honest, sops_str(texts[i].text), false, true));

        struct sops_style s = written_style(&faulty, false);
        struct sops_buf sealed = {0};
        struct sops_err e = {0};
        bool kept = true;
        assert_ok(written_seal(&world, &faulty, &s, sops_str(texts[i].text), &kept, &sealed, &e), &e);
        assert_false(kept);
        assert_int_equal(sealed.len, 0);
        sops_buf_free(&sealed);
    }
}

/* A format that puts another letter in front, a key's, the `slip`th time that it writes a text: the first one holds
 * tokens, the second ciphertexts. The MAC does not know of keys of values that stay clear. */
static unsigned slip, writes;

static bool rename_key(struct sops_edits *to, struct sops_err *e)
{
    return ++writes != slip || sops_edits_add(to, (struct sops_span){0, 1}, SOPS_LIT("x"), e);
}

static bool add_and_rename(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                           struct sops_err *e)
{
    return honest->textual->add_meta(w, m, to, e) && rename_key(to, e);
}

static bool swap_and_rename(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                            struct sops_err *e)
{
    return honest->textual->swap_meta(w, m, to, e) && rename_key(to, e);
}

/* What was sealed is opened, and sealed with a new key. True when the style was kept. */
static bool seal_anew(const struct sops_format *f, struct sops_slice sealed, struct sops_buf *out)
{
    struct sops_style s = written_style(f, false);
    struct sops_err e = {0};
    bool kept = false;
    struct sops_envelope *v = sops_envelope_new(&world, "f", &e);
    assert_non_null(v);
    assert_ok(sops_envelope_style(v, f, &s, &e) && sops_envelope_parse(v, f, sealed, &e) &&
                  sops_envelope_take_key(v, sops_slice_of(written_key, sizeof written_key), &e) &&
                  sops_envelope_open(v, &e) && sops_envelope_verify(v, &e) &&
                  sops_envelope_new_key(v, (struct sops_slice){0}, &e) && sops_envelope_seal_kept(v, out, &kept, &e),
              &e);
    sops_envelope_free(v);
    return kept;
}

static void values_of_another_document_are_not_kept(void **state)
{
    (void)state;
    const struct sops_slice text = SOPS_LIT("k_unencrypted: 1\na: kanari\n");
    honest = sops_format_named(SOPS_LIT("yaml"));
    struct sops_textual textual = *honest->textual;
    struct sops_format faulty = *honest;
    textual.add_meta = add_and_rename;
    textual.swap_meta = swap_and_rename;
    faulty.textual = &textual;
    struct sops_style s = written_style(&faulty, false);
    struct sops_buf sealed = {0}, again = {0};
    struct sops_err e = {0};
    for (slip = 1; slip <= 3; slip++) { /* the third is none */
        bool kept = false;
        sops_buf_cut(&sealed, 0);
        writes = 0;
        assert_ok(written_seal(&world, &faulty, &s, text, &kept, &sealed, &e), &e);
        assert_int_equal(kept, slip == 3);
        assert_int_equal(sealed.len != 0, slip == 3);
    }
    for (slip = 1; slip <= 3; slip++) {
        sops_buf_cut(&again, 0);
        writes = 0;
        assert_int_equal(seal_anew(&faulty, sops_buf_view(&sealed), &again), slip == 3);
        assert_int_equal(again.len != 0, slip == 3);
    }
    sops_buf_free(&sealed);
    sops_buf_free(&again);
}

/* One that leaves a value, or a comment, in the place of its ciphertext, and one that writes another MAC. */
static enum sops_kind left_clear;

static bool leave_clear(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                        const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    bool leave = clear != NULL && clear->kind == left_clear && sops_slice_starts(text, SOPS_LIT("ENC[AES256_GCM,"));
    return honest->textual->seal(w, s, leave ? clear->text : text, clear, to, e);
}

static bool add_other_mac(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                          struct sops_err *e)
{
    for (struct sops_node *n = m->doc->parts; n != NULL; n = sops_node_after(m->doc->parts, n)) {
        if (sops_slice_eq(n->key, SOPS_LIT("mac"))) {
            n->text = SOPS_LIT("ENC[AES256_GCM,data:aGVsbG8=,iv:AAAA,tag:BBBB,type:str]");
        }
    }
    return honest->textual->add_meta(w, m, to, e);
}

static void what_does_not_open_is_not_kept(void **state)
{
    (void)state;
    honest = sops_format_named(SOPS_LIT("yaml"));
    for (int what = 0; what < 3; what++) {
        struct sops_textual textual = *honest->textual;
        struct sops_format faulty = *honest;
        left_clear = what == 0 ? SOPS_STR : SOPS_COMMENT;
        textual.seal = what < 2 ? leave_clear : textual.seal;
        textual.add_meta = what == 2 ? add_other_mac : textual.add_meta;
        faulty.textual = &textual;
        struct sops_style s = written_style(&faulty, false);
        struct sops_buf sealed = {0};
        struct sops_err e = {0};
        bool kept = true;
        assert_ok(written_seal(&world, &faulty, &s, SOPS_LIT("# kanari\na: kanari\n"), &kept, &sealed, &e), &e);
        assert_false(kept);
        assert_int_equal(sealed.len, 0);
        sops_buf_free(&sealed);
    }
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void toml_has_64_bits(void **state)
{
    (void)state;
    static const char *const texts[] = {"a = 9223372036854775808\n", "a = -9223372036854775809\n",
                                        "a = 0x8000000000000000\n", "a = 0x10000000000000001\n",
                                        "a = 0o1000000000000000000000\n"};
    const struct sops_format *toml = sops_format_named(SOPS_LIT("toml"));
    struct sops_style s = written_style(toml, false);
    assert_true(check_trip(toml, SOPS_LIT("a = -9223372036854775808\nb = 0x7FFF_FFFF_FFFF_FFFF\n"), false, true));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sops_buf sealed = {0};
        struct sops_err e = {0};
        bool kept = true;
        assert_false(written_seal(&world, toml, &s, sops_str(texts[i]), &kept, &sealed, &e));
        assert_non_null(strstr(e.msg, "a whole number of more than 64 bits"));
        sops_err_clear(&e);
        sops_buf_free(&sealed);
    }
}

/* ---- edits ------------------------------------------------------------------------------------------------------- */

static void edits_within_others_are_dropped(void **state)
{
    (void)state;
    struct sops_edits edits = {0};
    struct sops_buf out = {0};
    struct sops_err e = {0};
    assert_ok(sops_edits_add(&edits, (struct sops_span){6, 8}, SOPS_LIT("8"), &e) &&
                  sops_edits_add(&edits, (struct sops_span){1, 4}, SOPS_LIT("-"), &e) &&
                  sops_edits_add(&edits, (struct sops_span){2, 3}, SOPS_LIT("within"), &e) &&
                  sops_edits_add(&edits, (struct sops_span){1, 1}, SOPS_LIT("in"), &e) &&
                  sops_edits_apply(&edits, SOPS_LIT("abcdefgh"), &out, &e),
              &e);
    assert_slice(sops_buf_view(&out), "ain-ef8");
    sops_edits_free(&edits);
    sops_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(layout_stays),
        cmocka_unit_test(random_texts_come_back),
        cmocka_unit_test(what_opens_to_other_bytes_is_not_kept),
        cmocka_unit_test(values_of_another_document_are_not_kept),
        cmocka_unit_test(what_does_not_open_is_not_kept),
        cmocka_unit_test(toml_has_64_bits),
        cmocka_unit_test(edits_within_others_are_dropped),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || sops_mem_live() != 0;
}
