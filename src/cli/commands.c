/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. */
#include "cli/command.h"

#define X(name) &sops_verb_##name,
const struct sops_verb *const sops_verbs[] = {
#include "cli/list.h"
    NULL,
};
#undef X

const struct sops_verb *sops_verb_find(const struct sops_verb *const *list, const char *name)
{
    if (strcmp(name, "h") == 0) {
        name = "help";
    }
    for (; *list != NULL; list++) {
        if (strcmp((*list)->name, name) == 0) {
            return *list;
        }
    }
    return NULL;
}
