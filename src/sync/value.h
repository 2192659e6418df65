/* SPDX-License-Identifier: Apache-2.0 */
/* value.h - values of items: when two are equal, where they differ, and the keyed digest that tells it without the
 * right to read them (docs/spec/73-stores.md#what-is-read-compared-and-written). */
#ifndef SOPS_SYNC_VALUE_H
#define SOPS_SYNC_VALUE_H

#include "base/json_tree.h"

enum sops_change_kind { SOPS_CHANGED, SOPS_ADDED, SOPS_REMOVED };

/* A step of a path: a key, or an index. */
struct sops_change_step {
    const struct sops_change_step *up; /* NULL: the first */
    struct sops_slice key;
    size_t index;
    bool is_index;
};
struct sops_change {
    enum sops_change_kind kind;
    const struct sops_change_step *path; /* the last step; NULL: the value as a whole */
    struct sops_change *next;
};
struct sops_changes {
    struct sops_change *first, *last;
    size_t count;
};

/* Compares what is to be there (`ours`) with what is (`theirs`). No change: they are equal. Lives in `a`. */
bool sops_value_compare(struct sops_arena *a, struct sops_slice ours, struct sops_slice theirs,
                        struct sops_changes *out, struct sops_err *e) SOPS_CHECKED;
/* Is `value` a JSON object? Then `*canon` is its one form (in `a`), else the bytes. */
bool sops_value_canon(struct sops_arena *a, struct sops_slice value, struct sops_slice *canon,
                      struct sops_err *e) SOPS_CHECKED;
/* Appends the path for people: `db.hosts[0]["a.b"]`. */
bool sops_change_path(const struct sops_change_step *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends it as a JSON list. */
bool sops_change_json(const struct sops_change_step *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends the changes as the member "changes" of the object that was begun. */
bool sops_changes_json(const struct sops_changes *c, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#define SOPS_DIGEST_TEXT 23 /* with its NUL */
/* The text of the digest of a value, by the key that sops_digest_key made of the file's data key. */
void sops_digest_key(struct sops_slice data_key, uint8_t key[32]);
bool sops_digest_text(const uint8_t key[32], const char *store, struct sops_slice place, struct sops_slice name,
                      struct sops_slice value, char out[SOPS_DIGEST_TEXT], struct sops_err *e) SOPS_CHECKED;
/* The idempotency token: a UUID made of the version that is replaced and the digest of the value. */
void sops_token_text(struct sops_slice version, const char *digest, char out[37]);

/* The first whole number of a JSON text that a double does not hold: its path in `out`, else empty. */
bool sops_value_rounded(struct sops_slice json, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
