/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - where clear text may stand for a while: a folder of our own, in memory where that can be. */
#ifndef SOPS_CLI_SCRATCH_H
#define SOPS_CLI_SCRATCH_H

#include "core/world.h"

/* Makes a folder of mode 0700 whose name begins with ".sops", in TMPDIR where that is set, else in the first of
 * XDG_RUNTIME_DIR, /dev/shm (both in memory) and /tmp that will have it. `path` (absolute) ends with a NUL that is not
 * counted. It is removed on every way out; earlier with sops_temp_remove. */
bool sops_scratch_make(struct sops_world *w, struct sops_buf *path, struct sops_err *e) SOPS_CHECKED;

#endif
