/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON format. Only the first part of a document is written: whoever has several is warned or refused before. */
#include "formats/json_written.h"

#include "formats/json.h"

static bool emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    static const struct sops_node nothing = {.kind = SOPS_MAP};
    return sops_json_write(d->parts != NULL ? d->parts : &nothing, s, out, e) && sops_buf_addc(out, '\n', e);
}

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e) : sops_json_write(n, s, out, e);
}

static const struct sops_setting_key settings[] = {SOPS_SETTING_KEEP, SOPS_SETTING_END};

const struct sops_format sops_format_json = {
    .name = "json",
    .turn = 1,
    .suffixes = (const char *const[]){".json", NULL},
    .store = "json",
    .settings = settings,
    .textual = &sops_json_textual,
    .example = "{\n"
               "\t\"hello\": \"Welcome to SOPS! Edit this file as you please!\",\n"
               "\t\"example_key\": \"example_value\",\n"
               "\t\"example_array\": [\n"
               "\t\t\"example_value1\",\n"
               "\t\t\"example_value2\"\n"
               "\t],\n"
               "\t\"example_number\": 1234.56789,\n"
               "\t\"example_booleans\": [\n"
               "\t\ttrue,\n"
               "\t\tfalse\n"
               "\t]\n"
               "}\n",
    .meta = SOPS_META_NESTED,
    .parse = sops_json_parse,
    .parse_row = sops_json_parse_row,
    .emit = emit,
    .emit_value = emit_value,
};
