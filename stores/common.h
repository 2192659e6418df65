/* SPDX-License-Identifier: Apache-2.0 */
/* common.h - what the stores share: answers as trees, pages, lists, tags, and checks of what becomes part of a host. */
#ifndef SOPS_STORES_COMMON_H
#define SOPS_STORES_COMMON_H

#include "base/json_tree.h"
#include "cloud/http.h"
#include "core/store.h"

/* The object that an answer holds; it and its texts live in `a`. Code 2. */
bool sops_store_object(struct sops_arena *a, const struct sops_http_res *res, const struct sops_json_value **out,
                       struct sops_err *e) SOPS_CHECKED;
/* Fails: the answer lacks `field`. */
bool sops_store_no_field(const char *field, struct sops_err *e);

/* Pages of one list. Start all-zero, free in any case. */
struct sops_store_pages {
    struct sops_arena arena;
    struct sops_slice *seen; /* tokens of next pages */
    size_t pages, items, room;
};
/* One page with so many items was read, and `token` (empty: none) leads to the next. Code 2 beyond the limits, and for
 * a token that was there before. */
bool sops_store_page(struct sops_store_pages *p, size_t items, struct sops_slice token,
                     struct sops_err *e) SOPS_CHECKED;
void sops_store_pages_free(struct sops_store_pages *p);

/* Adds an entry, with copies in `a`; NULL on failure. */
struct sops_store_found *sops_store_add(struct sops_store_list *l, struct sops_arena *a, struct sops_slice key,
                                        struct sops_slice ref, struct sops_err *e) SOPS_CHECKED;

/* Tags as an item's: of an object of texts (appended to those that `item` has). Values that are no texts are left out.
 */
bool sops_store_take_tags(struct sops_arena *a, const struct sops_json_value *object, bool note,
                          struct sops_store_item *item, struct sops_err *e) SOPS_CHECKED;
/* Do the tags hold all of those that are wanted? */
bool sops_store_tags_fit(const struct sops_store_item *item, const struct sops_store_find *f);
/* The value of a tag; empty when there is none. */
struct sops_slice sops_store_tag_value(const struct sops_store_item *item, struct sops_slice key);
/* Appends the members {"key":"value"} of the old tags that are not ours, and ours; those with the flag `note` only. */
bool sops_store_add_tags(struct sops_buf *out, const struct sops_store_write *what, bool note,
                         struct sops_err *e) SOPS_CHECKED;

/* A text of a mapping that must not be empty. */
bool sops_store_need(const struct sops_node *map, const char *name, struct sops_slice *out,
                     struct sops_err *e) SOPS_CHECKED;
/* Is it made of [a-z0-9-] and characters of `more`? Else code 1 with the field. */
bool sops_store_host_part(const struct sops_node *map, const char *name, struct sops_slice text, const char *more,
                          struct sops_err *e) SOPS_CHECKED;
/* The line of a failure about a field. */
bool sops_store_bad(const struct sops_node *map, const char *name, const char *why, struct sops_err *e);
/* Notes that `auth` of a SecretStore is of no use here: names its first member. */
void sops_store_note_auth(const struct sops_store_input *in, const struct sops_node *auth, const char *prefix);
/* The values of `count` references below `map` (NULL: none is there), in `value`. `*all`: every one that the mapping
 * has is in the input, and those that are `needed` are there. */
struct sops_store_want {
    const char *name;
    bool needed;
};
bool sops_store_lookup(const struct sops_store_input *in, const struct sops_node *map,
                       const struct sops_store_want *want, size_t count, struct sops_slice *value, bool *all,
                       struct sops_err *e) SOPS_CHECKED;

#endif
