/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table_words.h"

#include "cli/command.h"
#include "core/format.h"
#include "core/keysource.h"

static bool add_name(struct sops_buf *out, bool *first, const char *between, const char *name, struct sops_err *e)
{
    bool ok = *first || sops_buf_adds(out, between, e);
    *first = false;
    return ok && sops_buf_adds(out, name, e);
}

static bool add_file_types(struct sops_buf *out, const char *between, struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && sops_formats[i] != NULL; i++) {
        ok = add_name(out, &first, between, sops_formats[i]->name, e);
    }
    return ok;
}

static bool add_key_types(struct sops_buf *out, const char *between, struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && sops_keysources[i] != NULL; i++) {
        ok = add_name(out, &first, between, sops_keysources[i]->id, e);
    }
    return ok;
}

static bool add_own_commands(struct sops_buf *out, const char *between, struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && sops_verbs[i] != NULL; i++) {
        ok = !sops_verbs[i]->ours || add_name(out, &first, between, sops_verbs[i]->name, e);
    }
    return ok;
}

bool sops_table_words(const char *text, const char *between, struct sops_buf *out, struct sops_err *e)
{
    static const struct {
        const char *word;
        bool (*add)(struct sops_buf *out, const char *between, struct sops_err *e);
    } words[] = {{"FILE_TYPES", add_file_types}, {"KEY_TYPES", add_key_types}, {"OWN_COMMANDS", add_own_commands}};
    struct sops_slice rest = sops_str(text);
    bool ok = true;
    while (ok && rest.len != 0) {
        size_t i = 0;
        while (i < sizeof words / sizeof words[0] && !sops_slice_starts(rest, sops_str(words[i].word))) {
            i++;
        }
        if (i < sizeof words / sizeof words[0]) {
            ok = words[i].add(out, between, e);
            rest = sops_slice_skip(rest, strlen(words[i].word));
        } else {
            ok = sops_buf_addc(out, rest.ptr[0], e);
            rest = sops_slice_skip(rest, 1);
        }
    }
    return ok;
}
