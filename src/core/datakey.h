/* SPDX-License-Identifier: Apache-2.0 */
/* datakey.h - the data key of a file: made, wrapped for every master key, and had back
 * (docs/spec/10-document-and-cipher.md#shamir-groups, docs/spec/60-keysources.md#shamir-secret-sharing). */
#ifndef SOPS_CORE_DATAKEY_H
#define SOPS_CORE_DATAKEY_H

#include "base/secret.h"
#include "core/meta.h"
#include "core/service.h"

bool sops_datakey_new(struct sops_world *w, struct sops_secret *out, struct sops_err *e) SOPS_CHECKED;
struct sops_wrapped;
/* Fills in `enc` of every key of every group (texts live in m->arena); all failures are collected in the message, then
 * it fails with code 1 and no key is changed. Sets the threshold when there is more than one group and it was 0.
 * `before` (or NULL) is what was wrapped for the same data key already; it counts where the keys are the same, and is
 * used up. */
bool sops_datakey_wrap(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                       const struct sops_secret *key, struct sops_wrapped *before, struct sops_err *e) SOPS_CHECKED;
/* The same, but a key of the only group that has an `enc` keeps it, and so do all of several groups when each has one:
 * the shares of another division would not fit. */
bool sops_datakey_wrap_missing(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                               const struct sops_secret *key, struct sops_err *e) SOPS_CHECKED;

/* Does wrapping for these keys ask somebody (a plugin, a server, a key service)? */
bool sops_datakey_asks(const struct sops_service *services, const struct sops_meta *m);
/* One of several files whose data keys are to be wrapped. */
struct sops_wrapping {
    struct sops_meta *meta;        /* with the keys that it is to have */
    const struct sops_secret *key; /* its data key */
    struct sops_wrapped *made;     /* filled in, for sops_datakey_wrap (sops_wrapped_free); NULL: nothing */
};
/* Wraps all that asks somebody (plugins, servers) for all files, in as few questions and requests as their sources
 * allow. What only computes is left to sops_datakey_wrap of each file, and so are all failures. */
bool sops_datakey_wrap_all(struct sops_world *w, struct sops_service *services, struct sops_wrapping *file, size_t n,
                           struct sops_err *e) SOPS_CHECKED;
void sops_wrapped_free(struct sops_wrapped *made);

/* Tries all groups; in each the keys in `order` (comma separated source ids; "" for as held). Code 128; e->detail is
 * then the whole report as lines, wrapped and ready to print ("Group 0: FAILED" ... the closing paragraph); a key whose
 * cause is longer than a message has it in its own e->detail. docs/spec/50-cli.md#messages. Code 112 for a bad order
 * comes from sops_datakey_check_order. */
bool sops_datakey_unwrap(struct sops_world *w, struct sops_service *services, const struct sops_meta *m,
                         struct sops_slice order, struct sops_secret *out, struct sops_err *e) SOPS_CHECKED;

/* One of several files that are to be opened. */
struct sops_unlocking {
    const struct sops_meta *meta;
    struct sops_entry **entry; /* what opened each group; NULL: nothing */
    size_t count;
};
/* Asks for the data keys of all files in as few questions and requests as their sources allow, so that
 * sops_datakey_unwrap has each answer at hand afterwards, failures as well. sops_unlocking_done when a file's data key
 * is not needed any more: it is wiped then, and it frees what this has filled in. */
bool sops_datakey_unwrap_all(struct sops_world *w, struct sops_service *services, struct sops_unlocking *file, size_t n,
                             struct sops_slice order, struct sops_err *e) SOPS_CHECKED;
void sops_unlocking_done(struct sops_unlocking *file);
/* `e` says why sops_datakey_unwrap failed. When the file was written by a sops before 3.3.0, whose KMS encryption
 * contexts may not fit what was wrapped, and opens with a context bent as then: true, the key is in `out`, `e` is
 * cleared, and `m` is such that writing it gives a file that opens. Else false, `e` as it was. `name` is the file's. */
bool sops_datakey_repair(struct sops_world *w, struct sops_service *services, struct sops_meta *m,
                         struct sops_slice order, const char *name, struct sops_secret *out,
                         struct sops_err *e) SOPS_CHECKED;
/* Might it be such a file? */
bool sops_datakey_is_repairable(const struct sops_meta *m);
#define SOPS_DEFAULT_ORDER "age,pgp"
/* Which word of the order names the source; behind all of them when none does. Of a group, the keys with the lowest are
 * tried first. */
size_t sops_datakey_place(const struct sops_keysource *source, struct sops_slice order);
/* Code 112 when a word stands there twice. */
bool sops_datakey_check_order(struct sops_slice order, struct sops_err *e) SOPS_CHECKED;

#endif
