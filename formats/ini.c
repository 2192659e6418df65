/* SPDX-License-Identifier: Apache-2.0 */
/* The INI format. What is extracted from one and is no string is written as JSON, since a value has no section. */
#include "formats/ini_written.h"

#include "formats/ini.h"

#include "formats/json.h"

static bool emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e)
{
    (void)d;
    (void)s;
    return n->kind == SOPS_STR ? sops_buf_add(out, n->text, e) : sops_json_write_compact(n, out, e);
}

static const char *const sign_words[] = {"any", "spaced", "none", NULL}; /* by enum sops_inline_comments */

static const struct sops_setting_key settings[] = {
    SOPS_SETTING_KEEP, {"inline_comments", SOPS_SET_INLINE_COMMENTS, sign_words}, SOPS_SETTING_END};

const struct sops_format sops_format_ini = {
    .name = "ini",
    .turn = 5,
    .settings = settings,
    .textual = &sops_ini_textual,
    .suffixes = (const char *const[]){".ini", NULL},
    .example = "; This is an example file.\n"
               "[Welcome!]\n"
               "hello       = Welcome to SOPS! Edit this file as you please!\n"
               "example_key = example_value\n",
    .meta = SOPS_META_SECTION,
    .flags = SOPS_FMT_LOSSY | SOPS_FMT_BEHIND,
    .parse = sops_ini_parse,
    .emit = sops_ini_emit,
    .emit_value = emit_value,
};
