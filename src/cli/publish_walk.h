/* SPDX-License-Identifier: Apache-2.0 */
/* publish_walk.h - all files below a folder, in the order of their names. */
#ifndef SOPS_CLI_PUBLISH_WALK_H
#define SOPS_CLI_PUBLISH_WALK_H

#include "base/base.h"

/* Calls `visit` for each entry below `folder` that is no folder: its path, and its name from `folder` on. Links to
 * folders are entries. Ends with the first failure. */
bool sops_publish_walk(const char *folder,
                       bool (*visit)(void *ctx, const char *path, struct sops_slice name, struct sops_err *e),
                       void *ctx, struct sops_err *e) SOPS_CHECKED;

#endif
