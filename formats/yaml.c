/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as a format: encodings on the way in, indentation on the way out. The reader sees UTF-8 without byte order mark
 * only, so that characters can be counted in one way.
 */
#include "base/text.h"
#include "formats/yaml_written.h"

bool sops_yaml_fail(struct sops_err *e, size_t line, const char *what)
{
    sops_fail_at(e, (unsigned)line + 1, 0, "%s", what);
    return sops_recode(e, SOPS_E_READ);
}

void *sops_yaml_grow(void *array, size_t used, size_t *cap, size_t size, struct sops_err *e)
{
    if (used < *cap) {
        return array;
    }
    size_t more = *cap != 0 ? *cap * 2 : 32, bytes;
    if (__builtin_mul_overflow(more, size, &bytes)) {
        sops_fail_memory(e);
        return NULL;
    }
    void *grown = sops_alloc(bytes, e);
    if (grown == NULL) {
        return NULL;
    }
    if (used != 0) {
        memcpy(grown, array, used * size);
    }
    sops_free(array);
    *cap = more;
    return grown;
}

/* UTF-16 to UTF-8. */
static bool from_utf16(struct sops_slice in, bool big, struct sops_buf *out, struct sops_err *e)
{
    size_t line = 0;
    if (!sops_buf_reserve(out, in.len, e)) {
        return false;
    }
    for (size_t i = 0; i < in.len; i += 2) {
        uint32_t c[2] = {0, 0};
        for (size_t k = 0; k < 2 && i + 2 * k + 1 < in.len; k++) {
            const uint8_t *p = in.ptr + i + 2 * k;
            c[k] = big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
        }
        bool pair = c[0] >= 0xD800 && c[0] < 0xDC00 && c[1] >= 0xDC00 && c[1] < 0xE000;
        if (i + 1 == in.len || (c[0] >= 0xD800 && c[0] < 0xE000 && !pair)) {
            return sops_yaml_fail(e, line, "text that is not UTF-16");
        }
        if (pair) {
            c[0] = 0x10000 + ((c[0] - 0xD800) << 10) + (c[1] - 0xDC00);
            i += 2;
        }
        line += c[0] == '\n';
        if (!sops_utf8_add(out, c[0], e)) {
            return false;
        }
    }
    return true;
}

/* What was read from a translation has no place in the file. */
static void forget_spans(struct sops_doc *d)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            n->span = n->key_span = (struct sops_span){0};
        }
    }
}

static bool parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool big = sops_slice_starts(in, SOPS_LIT("\xFE\xFF"));
    if (in.len == 0) {
        return true;
    }
    if (big || sops_slice_starts(in, SOPS_LIT("\xFF\xFE"))) {
        bool fine =
            from_utf16(sops_slice_skip(in, 2), big, &text, e) && sops_yaml_read(out, sops_buf_view(&text), 0, e);
        sops_buf_free(&text);
        forget_spans(out);
        return fine;
    }
    struct sops_slice bare = sops_text_without_mark(in);
    return sops_yaml_read(out, bare, (uint32_t)(in.len - bare.len), e);
}

static bool indent_of(const struct sops_style *s, unsigned *indent, struct sops_err *e)
{
    int64_t wanted = s->indent_set ? s->indent : 4;
    if (wanted < 0) {
        return sops_fail(e, SOPS_E_DUMP, "the indentation of YAML cannot be negative");
    }
    *indent = wanted == 0 ? 4 : wanted == 1 || wanted > 9 ? 2 : (unsigned)wanted;
    return true;
}

static bool emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    unsigned indent = 0;
    return indent_of(s, &indent, e) && sops_yaml_write(d, indent, s, out, e);
}

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    /* Lists always have the default indentation here, docs/spec/21-yaml.md#writing-layout. */
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e) : sops_yaml_write_value(n, 4, out, e);
}

/* UTF-16 is kept as the UTF-8 that it becomes. */
static bool undress(const struct sops_style *s, struct sops_slice text, bool sealed, struct sops_buf *out,
                    struct sops_buf *said, struct sops_err *e)
{
    (void)s;
    (void)sealed;
    (void)said;
    bool big = sops_slice_starts(text, SOPS_LIT("\xFE\xFF"));
    return (!big && !sops_slice_starts(text, SOPS_LIT("\xFF\xFE"))) ||
           from_utf16(sops_slice_skip(text, 2), big, out, e);
}

static const struct sops_textual textual = {
    .undress = undress,
    .slots = sops_yaml_slots,
    .seal = sops_yaml_seal_slot,
    .open = sops_yaml_open_slot,
    .add_meta = sops_yaml_add_meta,
    .swap_meta = sops_yaml_swap_meta,
    .drop_meta = sops_yaml_drop_meta,
    .entry = sops_yaml_entry,
    .replace = sops_yaml_replace,
    .insert = sops_yaml_insert,
    .remove = sops_yaml_remove,
};

static const struct sops_setting_key settings[] = {
    SOPS_SETTING_KEEP,
    {"compact_array_indent", SOPS_SET_COMPACT_LISTS, sops_words_bool},
    {"document_start_marker", SOPS_SET_START_MARKER, sops_words_bool},
    SOPS_SETTING_END,
};

static const char *const suffixes[] = {".yaml", ".yml", NULL};

const struct sops_format sops_format_yaml = {
    .name = "yaml",
    .turn = 2,
    .suffixes = suffixes,
    .store = "yaml",
    .settings = settings,
    .example = "hello: Welcome to SOPS! Edit this file as you please!\n"
               "example_key: example_value\n"
               "# Example comment\n"
               "example_array:\n"
               "    - example_value1\n"
               "    - example_value2\n"
               "example_number: 1234.56789\n"
               "example_booleans:\n"
               "    - true\n"
               "    - false\n",
    .meta = SOPS_META_NESTED,
    .flags = SOPS_FMT_COMMENTS | SOPS_FMT_PARTS,
    .parse = parse,
    .emit = emit,
    .emit_value = emit_value,
    .textual = &textual,
};
