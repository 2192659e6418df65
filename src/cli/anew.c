/* SPDX-License-Identifier: Apache-2.0 */
/* The pause is chosen at random: programs that got in each other's way would else do so again. */
#include "cli/anew.h"

#include <errno.h>
#include <sys/stat.h>

#define TRIES 20
#define SHORTEST_MS 5u
#define LONGEST_MS 50u

static void wait_a_little(struct sops_world *w)
{
    uint8_t random = 128;
    struct sops_err none = {0};
    (void)!w->random(w, &random, 1, &none);
    sops_err_clear(&none);
    w->pause(w, SHORTEST_MS + (LONGEST_MS - SHORTEST_MS) * random / 255);
}

bool sops_anew(struct sops_anew *a, const char *path, struct sops_err *e)
{
    struct stat st;
    if (e->code != SOPS_E_CHANGED || path == NULL) {
        return false;
    }
    while (a->tries < TRIES) {
        a->tries++;
        wait_a_little(a->world);
        if (stat(path, &st) == 0) {
            if (!S_ISREG(st.st_mode)) {
                break;
            }
            sops_err_clear(e);
            return true;
        }
        if (errno != ENOENT || lstat(path, &st) == 0) {
            break;
        }
    }
    sops_hint(e, "try again");
    return false;
}
