/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - a secret store as publish and pull see it (docs/spec/73-stores.md): items with a name, a value and tags, at
 * a place. Neither command knows a provider; neither provider knows a command, a rule's owner, or a template.
 *
 * A *site* is a place with the credentials for it, made from a rule of .sops.yaml or from a SecretStore. Making one
 * asks nobody; it signs in with its first request. All functions but those that make a site may be called from several
 * threads.
 */
#ifndef SOPS_CORE_STORE_H
#define SOPS_CORE_STORE_H

#include "core/tree.h"
#include "core/world.h"

#define SOPS_STORE_ANSWER_MAX ((size_t)4 << 20) /* bytes of one answer */
#define SOPS_STORE_ITEMS_MAX 100000             /* of one list, in all its pages */
#define SOPS_STORE_PAGES_MAX 10000
#define SOPS_STORE_TAGS 4 /* how many are ours */

struct sops_store;

struct sops_store_site {
    const struct sops_store *store;
    struct sops_slice place;  /* "eu-west-1", as the plan shows it */
    struct sops_slice prefix; /* of a SecretStore: stands before each key */
    void *own;                /* the provider's */
};

struct sops_store_tag {
    struct sops_slice key, value;
    bool note; /* Google: an annotation, not a label */
};

enum sops_item_state { SOPS_ITEM_NONE, SOPS_ITEM_LIVE, SOPS_ITEM_DELETED };

/* What is known of an item; texts live in the arena that it was described into. */
struct sops_store_item {
    struct sops_slice name;
    enum sops_item_state state; /* DELETED: in the store's waste basket */
    const struct sops_store_tag *tag;
    size_t tags;
    struct sops_slice version; /* of the current value, as the store's guard wants it; may be empty */
    struct sops_slice value;   /* where describing gives it anyway (Azure) */
    bool has_value;
};

/* How a look went. All but OK set the error. */
enum sops_store_result {
    SOPS_STORE_OK,
    SOPS_STORE_ABSENT,   /* there is no such secret or version */
    SOPS_STORE_DISABLED, /* it is there, and gives no value (Google: a version that is disabled) */
    SOPS_STORE_DENIED,   /* the right to read values is missing */
    SOPS_STORE_FAILED,
};

/* Which value: of the item of a name, or what a remoteRef says. */
struct sops_store_ref {
    struct sops_slice key, version; /* version empty: the current one */
};

struct sops_store_write {
    const struct sops_store_item *old; /* as it was described; its state says whether this creates or updates */
    struct sops_slice value;
    bool document;                    /* the value is a JSON object made of a whole file */
    const struct sops_store_tag *tag; /* SOPS_STORE_TAGS of them; other tags of the item stay */
    const char *token;                /* a UUID that is made of the version before and the value */
};

/* What `find` looks for. */
struct sops_store_find {
    struct sops_slice path;
    const struct sops_store_tag *tag; /* all of them, as whole texts */
    size_t tags;
    bool has_name, has_tags, has_path;
    /* Is this key wanted by its name? */
    bool (*wanted)(void *ctx, struct sops_slice key);
    void *ctx;
};
struct sops_store_found {
    struct sops_slice key;     /* by which it was wanted */
    struct sops_store_ref ref; /* resolved */
    struct sops_slice value;   /* where listing gives it anyway (Parameter Store) */
    bool has_value;
    struct sops_store_found *next;
};
struct sops_store_list {
    struct sops_store_found *first, *last;
};

/* What a SecretStore refers to, and what there is to tell about it. */
struct sops_store_input {
    void *ctx;
    /* The value of `ref` {name, key, namespace} of a Secret (or a ConfigMap). `*found` is false when there is no such
     * object in the input; one without the key is a failure. Lives as long as the site. */
    bool (*lookup)(void *ctx, const struct sops_node *ref, bool config_map, struct sops_slice *value, bool *found,
                   struct sops_err *e);
    void (*note)(void *ctx, const char *text);
};

/* Where a property is looked for in a value. */
enum sops_store_property {
    SOPS_PROPERTY_DOTTED_FIRST,    /* with a dot in it: as one key, then as a path */
    SOPS_PROPERTY_DOT_LATER_FIRST, /* the same, when the dot is not its first character */
    SOPS_PROPERTY_PATH_FIRST,      /* as a path, then as one key */
    SOPS_PROPERTY_KEY_FIRST,       /* one top-level key, as the server wrote it; then as a path */
    SOPS_PROPERTY_PATH,
};

struct sops_store {
    const char *rule;                       /* "aws_secretsmanager": its key in a rule; NULL: not for publish */
    const char *provider, *choose, *choice; /* "aws", "service", "SecretsManager": its part of a SecretStore */
    bool is_choice;                         /* … also when the field `choose` is not there */
    const char *const *rule_fields;         /* of the rule, beside those that all have; NULL-terminated */
    const char *pattern, *join;             /* of names, unless the rule says them */
    bool no_keys;                           /* no layout per_key */
    bool objects_only;                      /* a binary file is {"data": text} */
    bool text_only;                         /* values are UTF-8 */
    bool doubles;                           /* it makes doubles of whole numbers */
    bool notes_marks;                       /* marks beyond owner and manager are annotations (Google) */
    size_t value_min, value_max;            /* bytes */
    size_t tags_max;                        /* 0: no limit */
    enum sops_store_property property;
    bool find_without_conditions;
    bool find_ignores_path;
    bool find_converts; /* its keys are converted before they are rewritten (fake) */
    bool asks_nobody;   /* its values stand in the SecretStore: waiting for them takes no time */

    /* May an item be called so? Code 2 with the limit. */
    bool (*check_name)(struct sops_slice name, struct sops_err *e);
    /* A site from the mapping of a rule, or from the provider's mapping of a SecretStore; texts in `a`. */
    bool (*from_rule)(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                      const struct sops_node *map, struct sops_err *e);
    bool (*from_manifest)(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                          const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e);

    /* Checks what a remoteRef says and makes it what `read` takes; equal ones come out equal. Asks nobody. */
    bool (*resolve)(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e);
    enum sops_store_result (*read)(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e);
    /* Does `find` know these conditions? NULL: all. Asks nobody. */
    bool (*check_find)(const struct sops_store_site *s, const struct sops_store_find *f, struct sops_err *e);
    enum sops_store_result (*find)(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e);

    /* For publish only. `name` of an item; out->state NONE when there is none. */
    bool (*describe)(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e);
    bool (*write)(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                  struct sops_err *e);
    /* Only the tags. */
    bool (*tag)(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                struct sops_err *e);
    /* Out of the waste basket, before `write`; NULL: `write` does it. */
    bool (*restore)(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                    struct sops_err *e);
    bool (*remove)(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                   struct sops_err *e);
    /* Names that begin with `prefix` and may be the owner's: to be described before anything is done to them. */
    bool (*list)(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, struct sops_slice prefix,
                 struct sops_slice owner, struct sops_store_list *out, struct sops_err *e);
    /* Has a described item a value at all? NULL: its state says it. */
    bool (*has_value)(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *item,
                      bool *yes, struct sops_err *e);
};

#define X(name) extern const struct sops_store sops_store_##name;
#include "stores/list.h"
#undef X

extern const struct sops_store *const sops_stores[]; /* NULL-terminated */

#endif
