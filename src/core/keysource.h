/* SPDX-License-Identifier: Apache-2.0 */
/* keysource.h - a key is data, a key source is behaviour: what one provider of master keys is to the program
 * (docs/spec/60-keysources.md).
 */
#ifndef SOPS_CORE_KEYSOURCE_H
#define SOPS_CORE_KEYSOURCE_H

#include "core/world.h"

/* Places that put keys of several kinds in a row, each in its own order. */
enum sops_order { SOPS_BY_FLAGS, SOPS_BY_RULE, SOPS_BY_META, SOPS_BY_ROTATE, SOPS_BY_GROUPS, SOPS_ORDERS };

enum {
    SOPS_FIELD_OPTIONAL = 1, /* left out of the metadata when empty */
    SOPS_FIELD_MAP = 2,      /* key->map: the AWS encryption context */
};
struct sops_keyfield {
    const char *meta;   /* in a file's metadata:                    "vault_url" */
    const char *config; /* in an item of key_groups; NULL: the same "vaultUrl" */
    const char *rule;   /* beside the list in a creation rule:      "aws_profile" */
    const char *flag;   /* option for all keys of the command line: "aws-profile" */
    unsigned flags;
};
#define SOPS_MAX_FIELDS 4

struct sops_pair {
    struct sops_slice key, value;
    const struct sops_pair *next;
};
struct sops_key {
    const struct sops_keysource *source;
    struct sops_slice field[SOPS_MAX_FIELDS]; /* same order as source->fields */
    const struct sops_pair *map;              /* sorted by key */
    struct sops_slice enc, created_at;        /* the wrapped data key, as text; RFC 3339 */
    struct sops_key *next;
};

enum {
    SOPS_SRC_DATED = 1,          /* has created_at */
    SOPS_SRC_SKIP_EMPTY = 2,     /* "a,,b" is two keys, not an error; a blank piece is one to be parsed */
    SOPS_SRC_ALWAYS = 4,         /* its empty list is written inside key_groups */
    SOPS_SRC_RULE_LIST = 8,      /* its rule_key takes a YAML list only */
    SOPS_SRC_GROUP_TEXT = 16,    /* in key_groups its items are texts, not mappings */
    SOPS_SRC_REMOTE = 32,        /* asks a server: wraps run side by side, in threads */
    SOPS_SRC_SKIP_BLANK = 64,    /* "a, ,b" is two keys, too */
    SOPS_SRC_GROUP_COMMAS = 128, /* such a text is a comma list, an empty one no key; else it is one key as it is */
};

/* A named value in a line of --verbose. */
struct sops_log_field {
    const char *name;
    struct sops_slice value;
};
#define SOPS_LOG_FIELDS 2 /* most fields that name a key */

struct sops_lot; /* core/entry.h */

/* One data key (or share) that is to be wrapped for one key. */
struct sops_wrap {
    const struct sops_key *key;
    struct sops_slice plain;
    struct sops_buf enc;       /* the result, or */
    struct sops_buf why, hint; /* why there is none */
    bool memory;               /* memory was out: the fault is not with the key */
    bool ok;
};

/* One private key of the user's own, as far as it can be told without asking anybody. */
struct sops_own {
    struct sops_slice id;   /* its public half, as the key of a file is written; empty: it cannot be told */
    const char *kind;       /* "age", "ssh-ed25519", "plugin NAME", "protected by a passphrase", "pgp" */
    const char *plugin;     /* the program that it needs, or NULL */
    struct sops_slice name; /* that its owner gave it, or empty */
    unsigned line;          /* in its file; 0: not told */
    bool asks;              /* using it may ask a question */
    const void *handle;     /* for unwrap_with; lives as long as the world */
    struct sops_own *next;
};
enum sops_place_state {
    SOPS_PLACE_UNSET,   /* nobody has named it */
    SOPS_PLACE_MISSING, /* no such file, which is no fault */
    SOPS_PLACE_FAULTY,  /* something is wrong with it: error */
    SOPS_PLACE_EMPTY,   /* nothing of use in it: error */
    SOPS_PLACE_HOLDS,
    SOPS_PLACE_COMMAND, /* only a command would tell, which is not run */
};
/* A place where private keys may be. */
struct sops_place {
    const char *name;   /* the variable, or else the path, or "keyring" */
    const char *source; /* the variable, "file" or "keyring" */
    const char *path;   /* of the file, or NULL */
    enum sops_place_state state;
    const char *error, *next_step; /* FAULTY, EMPTY; next_step may be NULL */
    struct sops_own *own;
    struct sops_place *next;
};

struct sops_keysource {
    const char *id; /* "azure_kv": metadata, decryption order, messages */
    const char
        *title; /* "Azure Key Vault key with URL": in the key service's prompt; NULL: "Unknown key type", as for age */
    const char *flag, *short_flag;      /* "azure-kv": also --add-…, --rm-…; short_flag may be NULL */
    const char *env;                    /* "SOPS_AZURE_KEYVAULT_URLS" */
    const char *rule_key, *group_key;   /* in creation_rules, in key_groups */
    const struct sops_keyfield *fields; /* ends with {NULL}; place + 1 = number on the wire */
    unsigned wire;                      /* its number in the key service's `Key` */
    unsigned flags;
    uint8_t rank[SOPS_ORDERS]; /* smaller is earlier */
    const char *log_name;      /* who speaks when --verbose says how a key did: "AWSKMS" */
    const char *log_field;     /* what field[0] is called there: "arn" */
    const char *log_done;      /* "successful"; NULL: "succeeded" */

    /* One piece of a comma list (as it stands between the commas) to fields of `out`, whose source is set by the
     * caller. Texts are copied into `a`. May ask a server (Azure). Code 1 with a message that quotes the piece (never
     * when it may be a secret). */
    bool (*parse)(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e);
    /* Fills in what a key lacks whose fields were given one by one, or failed to be in a text (the version of an Azure
     * key). May ask a server. NULL: nothing. Called once for each key of options and configuration, after `parse`. */
    bool (*complete)(struct sops_world *w, struct sops_arena *a, struct sops_key *k, struct sops_err *e);
    /* Appends the text that shows and identifies it; NULL: field[0]. */
    bool (*show)(const struct sops_key *k, struct sops_buf *out, struct sops_err *e);
    /* The fields that name the key in a line of --verbose, at most SOPS_LOG_FIELDS, when field[0] alone does not; texts
     * may stand in `scratch`. NULL: log_field and field[0]. */
    bool (*log_fields)(const struct sops_key *k, bool wrapping, struct sops_buf *scratch, struct sops_log_field *out,
                       struct sops_err *e);
    /* Is what the metadata holds well formed? NULL: always. */
    bool (*check)(const struct sops_key *k, struct sops_err *e);
    /* Appends the text of `enc` for the data key (or share) `plain`. */
    bool (*wrap)(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e);
    /* All of them, in as few questions and requests as there can be; they are keys that do not compute, none done yet.
     * False only when it cannot go on (memory). NULL: `wrap`, one by one. */
    bool (*wrap_many)(struct sops_world *w, struct sops_wrap *const *wrap, size_t count, struct sops_err *e);
    /* Does `wrap` of this key only compute, without a program, a server or a question? Then several run side by side on
     * the processors. NULL: no. */
    bool (*computes)(const struct sops_key *k);
    /* Appends the data key (or share) that k->enc holds. */
    bool (*unwrap)(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e);
    /* Opens in each lot one entry, or refuses all: what asks for the fewest questions and requests over all lots. Those
     * that are settled stay as they are. False only when it cannot go on (memory). NULL: `unwrap`, one by one. */
    bool (*unwrap_many)(struct sops_world *w, const struct sops_lot *lot, size_t lots, struct sops_err *e);
    /* The places of private keys, in their order, and what is in them, in `a`: no command is run, nobody is asked.
     * NULL: it has none of its own. */
    bool (*places)(struct sops_world *w, struct sops_arena *a, struct sops_place **out, struct sops_err *e);
    /* Opens the entry with this one (`handle` of a sops_own) and no other; code 1. NULL: cannot be done. */
    bool (*unwrap_with)(struct sops_world *w, const void *handle, const struct sops_key *k, struct sops_buf *plain,
                        struct sops_err *e);
    /* `sops keygen`: the text of a private identity file line, and what others encrypt to. `kind` is "" or "pq". NULL:
     * none. */
    bool (*generate)(struct sops_world *w, struct sops_slice kind, struct sops_buf *identity,
                     struct sops_buf *recipient, struct sops_err *e);
    /* `sops keygen -y`: the recipients of an identity file's text, one a line. NULL: none. */
    bool (*recipients)(struct sops_world *w, struct sops_slice identities, struct sops_buf *out, struct sops_err *e);
};

#define X(name) extern const struct sops_keysource sops_keysource_##name;
#include "keysources/list.h"
#undef X

extern const struct sops_keysource *const sops_keysources[]; /* NULL-terminated, in the order of BY_META */

#endif
