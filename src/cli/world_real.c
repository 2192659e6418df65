/* SPDX-License-Identifier: Apache-2.0 */
/* The small functions of the real world; programs, peers and the terminal have files of their own. */
#include "cli/world_real.h"

#include "cli/signals.h"
#include "cli/ui.h"
#include "cli/world_http.h"
#include "cli/world_term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char *real_env(struct sops_world *w, const char *name)
{
    (void)w;
    return getenv(name);
}

static void real_say(struct sops_world *w, enum sops_say level, const char *text)
{
    (void)w;
    sops_ui_say(level, text);
}

static bool real_random(struct sops_world *w, void *out, size_t n, struct sops_err *e)
{
    (void)w;
    for (uint8_t *to = out; n != 0;) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno != EINTR) {
            return sops_fail(e, SOPS_E_GENERIC, "no random bytes from the system: %s", sops_os_error(errno));
        }
        if (got > 0) {
            to += got;
            n -= (size_t)got;
        }
    }
    return true;
}

static int64_t real_now(struct sops_world *w)
{
    (void)w;
    return (int64_t)time(NULL);
}

static void real_pause(struct sops_world *w, unsigned ms)
{
    (void)w;
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* A closed stdin, stdout or stderr must not become the number of a file that we open. What stands there instead cannot
 * be used in its direction, so that reading or writing fails as it would have. */
static void occupy_standard_descriptors(void)
{
    static const int direction[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", direction[fd]) != fd) {
            _exit(SOPS_E_GENERIC);
        }
    }
}

void sops_world_real(struct sops_world *w)
{
    occupy_standard_descriptors();
    sops_signals_catch();
    *w = (struct sops_world){
        .env = real_env,
        .run = sops_world_run,
        .http = sops_world_http,
        .open = sops_world_open,
        .ask = sops_world_ask,
        .say = real_say,
        .random = real_random,
        .now = real_now,
        .pause = real_pause,
    };
}
