/* SPDX-License-Identifier: Apache-2.0 */
/* git_verbs.h - the commands below `sops git` (docs/spec/70-git.md), one file each. */
#ifndef SOPS_CLI_GIT_VERBS_H
#define SOPS_CLI_GIT_VERBS_H

#include "cli/command.h"

extern const struct sops_verb sops_verb_git_install, sops_verb_git_resolve, sops_verb_git_driver,
    sops_verb_git_textconv, sops_verb_git_filter;

#endif
