/* SPDX-License-Identifier: Apache-2.0 */
/* kubeseal.h - the program by the name kubeseal (docs/spec/72-sealed-secrets.md#the-name-kubeseal). */
#ifndef SOPS_CLI_KUBESEAL_H
#define SOPS_CLI_KUBESEAL_H

#include "core/world.h"

/* Runs it with the words behind the program's name; prints its own errors. Returns the exit status: 0, 1, 2. */
int sops_kubeseal_main(struct sops_world *w, const char *const *words);

#define KUBESEAL_MANY 32 /* most values of a flag that may be repeated */
struct kubeseal_flags {
    const char *cert, *file, *output, *format, *scope, *name, *space, *merge_into, *controller_name, *controller_space;
    const char *kubeconfig, *context;
    const char *from_file[KUBESEAL_MANY + 1], *recovery_key[KUBESEAL_MANY + 1];
    bool raw, allow_empty, recovery, fetch_cert, validate, re_encrypt, version, help;
    const char *kubectl[2 * KUBESEAL_MANY + 1]; /* flags that are handed on, NULL-terminated */
    size_t handed;
};
/* kubeseal_flags.c: reads words and variables. False with `e`: code 2 for wrong words, 1 for a wrong variable. */
bool sops_kubeseal_flags(struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a, const char *const *words,
                         struct sops_err *e) SOPS_CHECKED;
/* Appends the list of flags. */
bool sops_kubeseal_usage(struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* kubeseal_context.c: the namespace of the current context, as kubectl finds it; "default" when it has none. Code 1. */
bool sops_kubeseal_space(const struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a,
                         struct sops_slice *space, struct sops_err *e) SOPS_CHECKED;

#endif
