/* SPDX-License-Identifier: Apache-2.0 */
/* lint.h - what is wrong with a configuration, as findings of its judge
 * (docs/spec/71-check.md#config-explain-config-check). All return false only when memory is out. */
#ifndef SOPS_CHECK_LINT_H
#define SOPS_CHECK_LINT_H

#include "check/judge.h"

/* It does not load, for the reason `why`. */
bool sops_lint_broken(struct sops_judge *j, const struct sops_err *why, struct sops_err *e) SOPS_CHECKED;
/* Reads its section `check` into the judge; what is wrong there counts for nothing. */
bool sops_lint_section(struct sops_judge *j, struct sops_err *e) SOPS_CHECKED;
/* Rules that cannot work or are never reached, and keys that nobody reads. */
bool sops_lint_rules(struct sops_judge *j, struct sops_err *e) SOPS_CHECKED;

#endif
