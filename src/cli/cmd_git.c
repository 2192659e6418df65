/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what git calls, and what people type for it. */
#include "cli/git_verbs.h"

static const struct sops_verb *const verbs[] = {&sops_verb_git_install,  &sops_verb_git_resolve, &sops_verb_git_driver,
                                                &sops_verb_git_textconv, &sops_verb_git_filter,  NULL};

const struct sops_verb sops_verb_git = {
    .name = "git",
    .summary = "let git merge, show and store encrypted files",
    .args = "",
    .about = "Once per clone, `sops git install` tells git to merge encrypted files value by value\n"
             "and to show them in clear text. The other commands are called by git, or end a\n"
             "conflict.\n",
    .example = "sops git install",
    .verbs = verbs,
    .ours = true,
    .yields = true,
    .finds = true,
};
