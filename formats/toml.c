/* SPDX-License-Identifier: Apache-2.0 */
/* TOML as a format: taken by its ending only where the configuration says so, or the text shows it. */
#include "formats/toml.h"

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e)
                               : sops_toml_add_inline(n, out, e) && sops_buf_addc(out, '\n', e);
}

/* What rops writes for a null, in clear text where a ciphertext belongs, and for an empty text, which it encrypts. */
static void take_nulls(struct sops_doc *d)
{
    for (struct sops_node *n = d->parts; n != NULL; n = sops_node_after(d->parts, n)) {
        if (n->kind == SOPS_STR && (n->flags & SOPS_MARKED) != 0 && sops_slice_eq(n->text, SOPS_LIT("null"))) {
            n->kind = SOPS_NULL;
            n->text = SOPS_LIT("");
        } else if (n->kind == SOPS_STR && sops_slice_starts(n->text, SOPS_TOML_EMPTY)) {
            n->text = SOPS_LIT("");
        }
    }
}

/* Is there a line that begins a table `sops`, or an entry of it? */
static bool shows(struct sops_slice text)
{
    struct sops_slice line, name = SOPS_LIT("sops");
    while (sops_slice_next(&text, '\n', &line)) {
        while (line.len != 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t' || line.ptr[0] == '[')) {
            line = sops_slice_skip(line, 1);
        }
        struct sops_slice behind = sops_slice_skip(line, name.len);
        if (sops_slice_starts(line, name) && behind.len != 0 && memchr(".] =\t", behind.ptr[0], 5) != NULL) {
            return true;
        }
    }
    return false;
}

static const struct sops_setting_key settings[] = {
    SOPS_SETTING_KEEP, {"enabled", SOPS_SET_ENABLED, sops_words_bool}, SOPS_SETTING_END};

const struct sops_format sops_format_toml = {
    .name = "toml",
    .turn = 4,
    .suffixes = (const char *const[]){".toml", NULL},
    .by_choice = true,
    .shows = shows,
    .keep = SOPS_KEEP_ON,
    .settings = settings,
    .example = "hello = \"Welcome to SOPS! Edit this file as you please!\"\n"
               "example_key = \"example_value\"\n"
               "# Example comment\n"
               "example_array = [\"example_value1\", \"example_value2\"]\n"
               "example_number = 1234.56789\n"
               "example_booleans = [true, false]\n",
    .meta = SOPS_META_TABLES,
    .flags = SOPS_FMT_TABLES,
    .parse = sops_toml_parse,
    .emit = sops_toml_emit,
    .emit_value = emit_value,
    .before_open = take_nulls,
    .textual = &sops_toml_textual,
};
