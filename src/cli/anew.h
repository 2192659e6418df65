/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anew.h - when somebody else has changed the file that was to be replaced, a command begins anew with what is there
 * now, so that both changes are in it (docs/spec/75-many-files.md#changes-of-others).
 *
 *     struct sops_anew anew = {.world = w};
 *     while (!(ok = work(e)) && sops_anew(&anew, path, e)) { forget what was read }
 */
#ifndef SOPS_CLI_ANEW_H
#define SOPS_CLI_ANEW_H

#include "core/world.h"

struct sops_anew {
    struct sops_world *world;
    unsigned tries;
};
/* Was `e` somebody else's change of the file `path` (NULL: none), and may it be tried once more? Then it is cleared,
 * and a short time has passed. Not any more after 20 times, or when no regular file stands there; one that is gone may
 * come back, each look for it is a try. */
bool sops_anew(struct sops_anew *a, const char *path, struct sops_err *e);

#endif
