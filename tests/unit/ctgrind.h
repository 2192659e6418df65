/* SPDX-License-Identifier: Apache-2.0 */
/* ctgrind.h - a program runs itself under valgrind with its secrets marked as undefined memory: a branch or an address
 * that depends on one is then reported as the use of an uninitialised value. */
#ifndef SOPS_TESTS_CTGRIND_H
#define SOPS_TESTS_CTGRIND_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_include) && !defined(__SANITIZE_ADDRESS__)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define HAVE_VALGRIND 1
#endif
#endif

#define CTGRIND_NONE 98 /* valgrind could not be run */

static const char
    *ctgrind_self; /* argv[0]; with the word "marked" it runs with secrets, with another it does nothing */

#ifdef HAVE_VALGRIND
static inline int ctgrind_word(const char *word, const char *exemptions)
{
    int status = 0;
    char option[128];
    (void)snprintf(option, sizeof option, "--suppressions=%s", exemptions);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("valgrind", "valgrind", "-q", "--error-exitcode=99", option, ctgrind_self, word, (char *)NULL);
        _exit(CTGRIND_NONE);
    }
    if (waitpid(pid, &status, 0) != pid) {
        return CTGRIND_NONE;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : CTGRIND_NONE;
}

/* The exit status with "marked"; 99: a secret decided something. Old valgrinds cannot read the debugging information of
 * new compilers: CTGRIND_NONE. */
static inline int ctgrind_run(const char *exemptions)
{
    return ctgrind_word("nothing", exemptions) != 0 ? CTGRIND_NONE : ctgrind_word("marked", exemptions);
}

/* Lets `function` branch on what valgrind takes for secret, and is not. */
static inline void ctgrind_exempt(FILE *f, const char *function)
{
    static const char *const kinds[] = {"Cond", "Value8"};
    for (int i = 0; i < 2; i++) {
        (void)fprintf(f, "{\n  %s_%d\n  Memcheck:%s\n  fun:%s\n}\n", function, i, kinds[i], function);
    }
}
#endif

#endif
