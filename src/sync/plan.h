/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what `publish` would do to the items of secret stores, and one step of doing it
 * (docs/spec/73-stores.md#the-plan). Whose an item is, is decided here and nowhere else.
 */
#ifndef SOPS_SYNC_PLAN_H
#define SOPS_SYNC_PLAN_H

#include "sync/rules.h"
#include "sync/value.h"

#define SOPS_STORE_TOGETHER 8 /* requests at a time */

enum sops_action {
    SOPS_CREATE,
    SOPS_UPDATE,
    SOPS_TAG,
    SOPS_RESTORE,
    SOPS_ADOPT,
    SOPS_DELETE,
    SOPS_SAME,
    SOPS_FOREIGN,
    SOPS_ACTIONS,
};
/* "create" …, and the sign in front of a line of the plan. */
extern const char *const sops_action_names[SOPS_ACTIONS];
extern const char sops_action_signs[SOPS_ACTIONS];

enum sops_publish_result { SOPS_PUBLISH_UNTRIED, SOPS_PUBLISH_DONE, SOPS_PUBLISH_FAILED, SOPS_PUBLISH_SKIPPED };

struct sops_plan_item {
    /* what is to be there; set by whoever adds it, texts outlive the plan */
    const struct sops_store_rule *rule;
    const struct sops_store_site *site;
    const char *file; /* as messages name it */
    struct sops_slice source, name, value;
    struct sops_slice key; /* layout per_key; ptr is NULL otherwise */
    bool document;
    uint8_t digest_key[32];
    /* what is there, and what follows */
    struct sops_arena arena;
    char digest[SOPS_DIGEST_TEXT];
    struct sops_store_tag tag[SOPS_STORE_TAGS];
    struct sops_store_item old;
    enum sops_action action;
    struct sops_changes changes;
    bool by_digest; /* the value could not be read */
    struct sops_slice reason;
    bool left_over; /* a candidate of --prune */
    bool wanted;    /* … which is to be deleted */
    bool failed;
    struct sops_err why;
    enum sops_publish_result result;
};

/* Where sources of items that may be deleted lie. */
struct sops_plan_scope {
    const char *const *path; /* absolute, without slashes at the end; NULL-terminated */
};

struct sops_plan {
    struct sops_world *world;
    const struct sops_store_rules *rules;
    bool adopt;
    const struct sops_plan_scope *prune; /* NULL: nothing is deleted */
    struct sops_arena arena;
    struct sops_plan_item **item;
    size_t count, room;
};

/* A new item of the plan, to be filled in; NULL with `e` set on failure. */
struct sops_plan_item *sops_plan_add(struct sops_plan *p, struct sops_err *e) SOPS_CHECKED;
/* Can the store hold it: name, value, source? Makes digest and tags. Code 2. */
bool sops_plan_check(struct sops_plan_item *i, struct sops_err *e) SOPS_CHECKED;
/* Are no two items one? Code 2 with both sources. */
bool sops_plan_check_twice(const struct sops_plan *p, struct sops_err *e) SOPS_CHECKED;
/* Looks at all items, up to eight at a time, decides, adds what --prune deletes, and sorts. A failure stands in the
 * item; false when there was one, without `e` set, or when the list of a place failed, with it set. */
bool sops_plan_make(struct sops_plan *p, struct sops_err *e) SOPS_CHECKED;
/* Does what the plan says of one item. */
bool sops_plan_apply(const struct sops_plan *p, struct sops_plan_item *i, struct sops_err *e) SOPS_CHECKED;
/* Is there something to do for it? */
bool sops_plan_pending(const struct sops_plan_item *i);
void sops_plan_free(struct sops_plan *p);

#endif
