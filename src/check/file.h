/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - everything that can be found in one file without a key (docs/spec/71-check.md#findings). What needs other
 * versions of the file, or a key, goes on with what is left here: the tree, and its metadata.
 */
#ifndef SOPS_CHECK_FILE_H
#define SOPS_CHECK_FILE_H

#include "base/table.h"
#include "check/judge.h"
#include "check/look.h"
#include "check/names.h"
#include "check/secrets.h"

/* The file that is checked. */
struct sops_subject {
    const char *name;                 /* as printed, and in commands of helps */
    struct sops_slice absolute, text; /* clean path; content, of a binary file perhaps only its beginning */
    const struct sops_judge *judge;   /* its configuration; never NULL */
    struct sops_names *names;         /* of the configuration */
    struct sops_secrets *secrets;     /* the forms */
    const char *command;              /* how sops is called so that it takes this configuration: "sops" */
    int64_t now;
    bool scan;  /* look for secrets in plain text, too */
    bool drift; /* compare with the configuration in force */
};

/* Finds lines by offsets, which mostly go forward. */
struct sops_liner {
    struct sops_slice text;
    size_t at;
    unsigned line; /* of `at`; 0: not begun */
};
/* The line of a value: that of its key, of an item its own. */
unsigned sops_liner_of(struct sops_liner *l, const struct sops_node *n);

struct sops_checked {
    bool encrypted; /* it counts as an encrypted file */
    bool readable;  /* … and its metadata could be read: it may be opened */
    bool marked;    /* … and its rule is known, so that the leaves are marked by it */
    struct sops_verdict verdict;
    struct sops_look look; /* its tree, without the metadata when they could be read */
    struct sops_meta meta;
    struct sops_findings found; /* not yet in order */
    struct sops_arena arena;
    struct sops_liner liner;  /* of the text */
    struct sops_table places; /* flat name of an entry of the metadata, to its line */
    unsigned sops_line;
};
/* `c` starts all-zero; sops_checked_free in any case. False only when memory is out. */
bool sops_check_file(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e) SOPS_CHECKED;
void sops_checked_free(struct sops_checked *c);

/* The line of an entry of the metadata ("mac", "age__list_0__map_enc"), else of the metadata. */
unsigned sops_checked_line(const struct sops_checked *c, const char *name);

/* Appends the path of a value as --extract takes it; items are counted with comments. A key that is itself a secret of
 * a fixed form is `…`. `p` (all-zero at first) remembers how far a list was counted. */
struct sops_pather {
    struct sops_secrets *secrets;
    const struct sops_node *list, *item;
    size_t index;
};
bool sops_pather_add(struct sops_pather *p, const struct sops_node *n, struct sops_buf *out,
                     struct sops_err *e) SOPS_CHECKED;

#endif
