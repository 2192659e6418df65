/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - .sops.yaml: found, read, and its rule for a file (docs/spec/40-config.md). */
#ifndef SOPS_CORE_CONFIG_H
#define SOPS_CORE_CONFIG_H

#include "core/conf.h"
#include "core/destination.h"
#include "core/meta.h"

struct sops_config {
    struct sops_buf path; /* absolute by its text, which paths are matched against; empty: none was found */
    struct sops_buf file; /* for messages: what was read, also where the text leads elsewhere (a linked folder) */
    struct sops_doc doc;  /* what conf.c read; `parts` is a map */
    bool strict;          /* a file in which nothing is encrypted is an error */
};

/* Finds (`named`: --config or SOPS_CONFIG, or NULL to look upwards from the current directory) and reads it. No file is
 * no error. Warns about a .sops.yml, and about keys that are not read. Code 1, the file named in the message. */
bool sops_config_load(struct sops_config *c, struct sops_world *w, const char *named, struct sops_err *e) SOPS_CHECKED;
/* The same of a text that was read elsewhere (another version of the file): `path` and `file` are set by the caller.
 * Without warnings. */
bool sops_config_parse(struct sops_config *c, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* What a load finds: the relative path of the nearest file; `near` stays empty when there is none. */
bool sops_config_search(struct sops_world *w, struct sops_buf *near, struct sops_err *e) SOPS_CHECKED;
#define SOPS_CONFIG_NAME ".sops.yaml"
#define SOPS_CONFIG_MAX ((size_t)64 << 20)
void sops_config_free(struct sops_config *c);

/* Mappings of a configuration. */
enum sops_config_place {
    SOPS_AT_TOP,
    SOPS_IN_RULE,
    SOPS_IN_GROUP, /* of keys, and the items of its lists */
    SOPS_IN_DESTINATION,
    SOPS_IN_STORES,
    SOPS_IN_CHECK,
};
/* A key that nobody reads. */
struct sops_unknown_key {
    unsigned line;
    enum sops_config_place place;
    char word[64];
    const char *meant; /* the key that was probably meant, or NULL */
    const char *home;  /* where that one stands, when it is elsewhere; else NULL */
    bool kept;         /* others refer to it, so it is no mistake */
};
typedef void sops_unknown_fn(void *ctx, const struct sops_unknown_key *u);
/* Tells of each of them, but for those that begin with `x-` or `_`. */
void sops_config_unknown(const struct sops_config *c, sops_unknown_fn *tell, void *ctx);
/* The indentation for writing `f` (stores.NAME.indent); the global --indent is the caller's business. */
struct sops_style sops_config_style(const struct sops_config *c, const struct sops_format *f);
/* Is the format, which counts by choice only, enabled for files by their names? */
bool sops_config_enables(const struct sops_config *c, const struct sops_format *f);
/* The format of a file by its name: that of the first store in whose `names` a pattern fits (`*` and `?`, on the name
 * without its folder), else by its ending. `c` may be NULL. */
const struct sops_format *sops_config_format(const struct sops_config *c, struct sops_slice file_name);
/* … of one whose text is at hand: a name whose ending counts by choice only may leave it to a sealed text to show which
 * of the two it is. */
const struct sops_format *sops_config_format_of(const struct sops_config *c, struct sops_slice file_name,
                                                struct sops_slice text);

/* What a creation rule says for one file. */
struct sops_creation {
    struct sops_group *groups; /* in the arena of the caller; NULL: no key at all */
    bool flat;                 /* the keys are not those of key_groups */
    int64_t threshold;
    struct sops_slice rule[SOPS_RULES]; /* crypt rules, at most one */
    bool mac_only_encrypted;
    bool from_rule;         /* a rule was there */
    bool unmatched;         /* there are rules, and none of them matches: what the failure is then about */
    unsigned line;          /* of the rule */
    struct sops_slice text; /* what the rules were matched on */
};
/* The creation rule for `file` (path as given; made absolute here). No rules: from_rule is false, no error. Rules but
 * no match: "no matching creation rules found", code 1. Keys of the rule are parsed (may ask a server), texts copied to
 * `a`. */
bool sops_config_creation(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *file,
                          struct sops_creation *out, struct sops_err *e) SOPS_CHECKED;

/* The same without the keys, which are neither parsed nor asked for: only the crypt rule matters. */
bool sops_config_rules(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *file,
                       struct sops_creation *out, struct sops_err *e) SOPS_CHECKED;

/* The list of creation rules, or NULL. */
const struct sops_node *sops_config_creation_rules(const struct sops_config *c);
/* What creation rules are matched on for the file at `absolute` (clean): a part of it. */
struct sops_slice sops_config_matched(const struct sops_config *c, struct sops_slice absolute);
/* Reads the creation rule `rule` itself, with its keys or without them. Code 1. */
bool sops_config_read_rule(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a, bool keys,
                           struct sops_creation *out, struct sops_err *e) SOPS_CHECKED;
/* The next item of a list that is not null, after `n` (NULL: the first). */
const struct sops_node *sops_config_item(const struct sops_node *list, const struct sops_node *n);

/* The first rule of `list` (mappings, each perhaps with a path_regex) that matches `file`, in the way of creation
 * rules; NULL: none does. */
bool sops_config_rule(const struct sops_config *c, const struct sops_node *list, const char *file,
                      const struct sops_node **rule, struct sops_err *e) SOPS_CHECKED;
/* What `path_regex` of creation rules is searched in: the absolute path, less the configuration's folder. `*text`
 * points into `absolute`; it begins with a slash when the file is outside of that folder. */
bool sops_config_text(const struct sops_config *c, const char *file, struct sops_buf *absolute, struct sops_slice *text,
                      struct sops_err *e) SOPS_CHECKED;
/* A list at the top ("destination_rules"); NULL when there is none. `c` may be NULL. */
const struct sops_node *sops_config_list(const struct sops_config *c, const char *name);
/* Does the rule hold for `text`? One without a path_regex does. */
bool sops_config_fits(const struct sops_node *rule, struct sops_slice text, bool *fits,
                      struct sops_err *e) SOPS_CHECKED;
/* Puts "error loading config file 'PATH'" in front of the message. Returns false. */
bool sops_config_fail(const struct sops_config *c, struct sops_err *e);

/* What a destination rule says for one path (as typed). */
struct sops_publication {
    const struct sops_destination *destination;
    struct sops_slice value[SOPS_MAX_DESTINATION_VALUES];
    bool omit_extensions;
    bool recreate; /* a recreation_rule is there: encrypt anew by `creation` */
    struct sops_creation creation;
};
bool sops_config_destination(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *path,
                             struct sops_publication *out, struct sops_err *e) SOPS_CHECKED;

#endif
