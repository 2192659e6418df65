/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - a map from slices to pointers, hashed with keyed SipHash so that hostile keys cannot make it slow. */
#ifndef SOPS_BASE_TABLE_H
#define SOPS_BASE_TABLE_H

#include "base/base.h"

struct sops_table {
    struct sops_table_slot *slots;
    size_t count, size;
    uint8_t key[16];
};

/* The place of `key`'s pointer, made (as NULL) when it is new; NULL with `e` set when memory is out. The bytes of `key`
 * must outlive the table. `*is_new` (may be NULL) tells whether it was made. */
void **sops_table_put(struct sops_table *t, struct sops_slice key, bool *is_new, struct sops_err *e) SOPS_CHECKED;
/* The pointer under `key`, or NULL. */
void *sops_table_get(const struct sops_table *t, struct sops_slice key);
/* The next pointer of a walk over all, in no order; `*at` begins with 0. False at the end. */
bool sops_table_each(const struct sops_table *t, size_t *at, void **value);
void sops_table_free(struct sops_table *t);

#endif
