/* SPDX-License-Identifier: Apache-2.0 */
/* Only the soft limit of core dumps is lowered: it can be raised again for a command of the user, who may want its
 * core. That this process is not dumpable is not inherited, and holds for it while the limit is raised. */
#include "cli/harden.h"

#include <malloc.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static struct rlimit at_start;
static bool known;

void sops_harden(void)
{
    known = getrlimit(RLIMIT_CORE, &at_start) == 0;
    (void)mallopt(M_PERTURB, 0x5a);
    sops_harden_resume();
}

void sops_harden_pause(void)
{
    if (known) {
        (void)setrlimit(RLIMIT_CORE, &at_start);
    }
}

void sops_harden_resume(void)
{
    const struct rlimit none = {0, known ? at_start.rlim_max : 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
