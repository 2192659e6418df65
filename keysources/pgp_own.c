/* SPDX-License-Identifier: Apache-2.0 */
/* Which secret keys are there? gpg would start its agent to tell, and make folders. But it lists public keys with their
 * keygrips, and a secret key, or the stub of one on a card, is a file by that name. */
#include "base/ascii.h"
#include "base/proc.h"
#include "keysources/pgp_gpg.h"

#include <stdlib.h>
#include <sys/stat.h>

struct listing {
    struct sops_arena *a;
    const char *home;
    struct sops_own **end;
    struct sops_slice fingerprint, user;
    bool secret;
};

static bool has_file(struct listing *l, struct sops_slice grip, struct sops_err *e)
{
    struct stat st;
    const char *path = sops_only_alnum(grip, "") && grip.len != 0
                           ? sops_arena_text(l->a, e, "%s/private-keys-v1.d/%.*s.key", l->home, SOPS_ARG(grip))
                           : NULL;
    return path != NULL && stat(path, &st) == 0;
}

/* The key that was listed so far, when its secret half is there. */
static bool end_key(struct listing *l, struct sops_err *e)
{
    if (l->secret && l->fingerprint.len != 0) {
        struct sops_own *o = sops_arena_alloc(l->a, sizeof *o, e);
        if (o == NULL || !sops_arena_copy(l->a, l->fingerprint, &o->id, e) ||
            (l->user.len != 0 && !sops_arena_copy(l->a, l->user, &o->name, e))) {
            return false;
        }
        o->kind = "pgp";
        o->asks = true;
        *l->end = o;
        l->end = &o->next;
    }
    l->fingerprint = l->user = (struct sops_slice){0};
    l->secret = false;
    return true;
}

static struct sops_slice field(struct sops_slice line, size_t number)
{
    struct sops_slice piece = {0};
    while (number-- > 0) {
        if (!sops_slice_next(&line, ':', &piece)) {
            return (struct sops_slice){0};
        }
    }
    return piece;
}

static bool read_list(struct listing *l, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice line;
    while (text.len != 0 && sops_slice_next(&text, '\n', &line)) {
        struct sops_slice type = field(line, 1);
        if (sops_slice_eq(type, SOPS_LIT("pub")) && !end_key(l, e)) {
            return false;
        }
        if (sops_slice_eq(type, SOPS_LIT("fpr")) && l->fingerprint.len == 0) {
            l->fingerprint = field(line, 10);
        } else if (sops_slice_eq(type, SOPS_LIT("uid")) && l->user.len == 0) {
            l->user = field(line, 10);
        } else if (sops_slice_eq(type, SOPS_LIT("grp"))) {
            l->secret = l->secret || has_file(l, field(line, 10), e);
        }
    }
    return e->code == SOPS_OK && end_key(l, e);
}

bool sops_pgp_places(struct sops_world *w, struct sops_arena *a, struct sops_place **out, struct sops_err *e)
{
    static const char *const argv[] = {"gpg",           "--batch",
                                       "--no-options",  "--no-autostart",
                                       "--lock-never",  "--no-auto-check-trustdb",
                                       "--with-colons", "--with-keygrip",
                                       "--list-keys",   NULL};
    const struct sops_command c = {.argv = argv, .limit = (size_t)16 << 20};
    struct sops_outcome o = {0};
    struct sops_err why = {0};
    struct stat st;
    struct sops_place *p = sops_arena_alloc(a, sizeof *p, e);
    const char *home = sops_world_env_set(w, "GNUPGHOME"), *user = sops_world_env_set(w, "HOME");
    const char *folder = p == NULL      ? NULL
                         : home != NULL ? home
                                        : sops_arena_text(a, e, "%s/.gnupg", user != NULL ? user : "");
    if (folder == NULL) {
        return false;
    }
    *out = p;
    *p = (struct sops_place){.name = "keyring", .source = "keyring", .path = folder, .state = SOPS_PLACE_MISSING};
    struct sops_buf found = {0};
    const char *path = w->env(w, "PATH");
    bool keys = stat(folder, &st) == 0; /* where there is no folder gpg would make one */
    bool ran = keys ? w->run(w, &c, &o, &why) : sops_proc_find("gpg", path != NULL ? path : "", &found, &why);
    sops_buf_free(&found);
    if (!ran) {
        p->state = SOPS_PLACE_FAULTY;
        p->error = "gpg is not there";
        p->next_step = "install gnupg";
    } else if (keys) {
        struct listing l = {a, folder, &p->own, {0}, {0}, false};
        bool ok = read_list(&l, sops_buf_view(&o.out), e);
        p->state = p->own != NULL ? SOPS_PLACE_HOLDS : SOPS_PLACE_MISSING;
        if (!ok) {
            sops_outcome_free(&o);
            return false;
        }
    }
    bool memory = why.memory;
    sops_err_clear(&why);
    sops_outcome_free(&o);
    return !memory || sops_fail_memory(e);
}
