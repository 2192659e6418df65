/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, in the order of the help. */
#include "cli/command.h"

const struct sops_verb *const sops_verbs[] = {
    &sops_verb_encrypt,    &sops_verb_decrypt,
    &sops_verb_edit,       &sops_verb_set,
    &sops_verb_unset,      &sops_verb_rotate,
    &sops_verb_updatekeys, &sops_verb_groups,
    &sops_verb_exec_env,   &sops_verb_exec_file,
    &sops_verb_render,     &sops_verb_kubectl,
    &sops_verb_krm,        &sops_verb_helm,
    &sops_verb_filestatus, &sops_verb_check,
    &sops_verb_config,     &sops_verb_recipients,
    &sops_verb_doctor,     &sops_verb_keys,
    &sops_verb_publish,    &sops_verb_pull,
    &sops_verb_diff,       &sops_verb_replace,
    &sops_verb_merge,      &sops_verb_git,
    &sops_verb_seal,       &sops_verb_unseal,
    &sops_verb_reseal,     &sops_verb_keyservice,
    &sops_verb_keygen,     &sops_verb_completion,
    &sops_verb_help,       NULL,
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
