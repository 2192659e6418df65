/* SPDX-License-Identifier: Apache-2.0 */
/* repair.h - files of a sops before 3.3.0 whose KMS encryption contexts do not fit what was wrapped. */
#ifndef SOPS_CLI_REPAIR_H
#define SOPS_CLI_REPAIR_H

#include "cli/steps.h"

/* `e` says why the data key cannot be had. When the file is such a one and opens with a context bent as then: true, the
 * key is in j->key, `e` is cleared, and j->meta is such that writing it gives a file that opens. Else false, `e` as it
 * was. */
bool sops_job_repair(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

#endif
