/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of identity and recipient that are still to come answer that they are not in this build. */
#include "keysources/age_internal.h"

static bool later(struct sops_err *e)
{
    return sops_fail(e, SOPS_E_GENERIC, "this kind of age key is not in this build");
}

#define WRAP(name)                                                                                                     \
    bool name(struct sops_world *w, const struct sops_age_recipient *r, const uint8_t file_key[SOPS_AGE_FILE_KEY],     \
              struct sops_arena *a, struct sops_age_stanza **out, struct sops_err *e)                                  \
    {                                                                                                                  \
        (void)w, (void)r, (void)file_key, (void)a, (void)out;                                                          \
        return later(e);                                                                                               \
    }
WRAP(sops_age_ssh_wrap)

bool sops_age_ssh_add(struct sops_age_set *set, const char *path, struct sops_slice text, struct sops_err *e)
{
    (void)set, (void)path, (void)text;
    return later(e);
}

bool sops_age_ssh_public(struct sops_slice line, struct sops_buf *out, struct sops_err *e)
{
    (void)line, (void)out;
    return later(e);
}
