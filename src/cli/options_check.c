/* SPDX-License-Identifier: Apache-2.0 */
/* Words that name a format. The original goes by the file's name when it does not know one, so that a dotenv file is
 * encrypted as a whole with `--input-type env`. */
#include "base/ascii.h"
#include "base/suggest.h"
#include "cli/options.h"
#include "cli/table_words.h"
#include "core/format.h"

#include <stdio.h>

/* What was meant: by an ending ("yml", "env"), a name in capital letters, or one that is nearly the same. */
static const char *meant_type(const char *word)
{
    char name[80];
    (void)snprintf(name, sizeof name, "x.%.64s", word[0] == '.' ? word + 1 : word);
    for (char *c = name; *c != '\0'; c++) {
        *c = (char)sops_to_lower((uint8_t)*c);
    }
    const struct sops_format *by_ending = sops_format_for(sops_str(name));
    if (by_ending->suffixes != NULL && by_ending->suffixes[0] != NULL) {
        return by_ending->name;
    }
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        if (sops_word_near(name + 2, sops_formats[i]->name)) {
            return sops_formats[i]->name;
        }
    }
    return NULL;
}

static bool refuse_type(const struct sops_opt_slot *s, struct sops_slice types, struct sops_err *e)
{
    const char *meant = meant_type(s->text);
    sops_fail(e, SOPS_E_GENERIC, "'%s' in --%s is none of %.*s", s->text, s->def.name, SOPS_ARG(types));
    return meant != NULL ? sops_hint(e, "did you mean --%s %s?", s->def.name, meant) : false;
}

bool sops_options_check(const struct sops_options *o, struct sops_world *w, struct sops_err *e)
{
    struct sops_buf types = {0};
    bool ok = sops_table_words("FILE_TYPES", ", ", &types, e);
    for (size_t i = 0; ok && i < o->slots; i++) {
        const struct sops_opt_slot *s = &o->slot[i];
        bool is_type = (s->def.flags & (SOPS_OPT_TYPE | SOPS_OPT_TYPE_LAX)) != 0;
        if (!is_type || s->text == NULL || s->text[0] == '\0' || sops_format_named(sops_str(s->text)) != NULL) {
            continue;
        }
        if ((s->def.flags & SOPS_OPT_TYPE) != 0) {
            ok = refuse_type(s, sops_buf_view(&types), e);
        } else {
            sops_world_warn(w, "'%s' in --%s is ignored, as it is none of %.*s", s->text, s->def.name, SOPS_ARG(types));
        }
    }
    sops_buf_free(&types);
    return ok;
}
