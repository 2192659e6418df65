/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, in the order of the help. */
#include "cli/command.h"

const struct sops_verb *const sops_verbs[] = {
    &sops_verb_encrypt,    &sops_verb_decrypt,
#if __has_include("cli/cmd_edit.c")
    &sops_verb_edit,
#endif
#if __has_include("cli/cmd_set.c")
    &sops_verb_set,        &sops_verb_unset,
#endif
#if __has_include("cli/cmd_rotate.c")
    &sops_verb_rotate,
#endif
#if __has_include("cli/cmd_updatekeys.c")
    &sops_verb_updatekeys,
#endif
#if __has_include("cli/cmd_groups.c")
    &sops_verb_groups,
#endif
#if __has_include("cli/cmd_exec_env.c")
    &sops_verb_exec_env,
#endif
#if __has_include("cli/cmd_exec_file.c")
    &sops_verb_exec_file,
#endif
    &sops_verb_filestatus,
#if __has_include("cli/cmd_publish.c")
    &sops_verb_publish,
#endif
#if __has_include("cli/cmd_keyservice.c")
    &sops_verb_keyservice,
#endif
    &sops_verb_keygen,     &sops_verb_completion, &sops_verb_help, NULL,
};

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
