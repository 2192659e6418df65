/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_internal.h - what the files of the YAML format share: the raw tree between tokens and document.
 *
 * text -> yaml_comments.c (tokens, comments between them) -> yaml_read.c (grammar: raw nodes that hold their comments)
 * -> yaml_entries.c (aliases expanded, comments as entries, types) -> doc -> yaml_write.c, yaml_style.c -> text.
 */
#ifndef SOPS_FORMATS_YAML_INTERNAL_H
#define SOPS_FORMATS_YAML_INTERNAL_H

#include "core/format.h"

/* Block, flow, and what aliases put inside each other: at most so many collections of each sort. */
#define SOPS_YAML_DEPTH 10000

/* The tags that choose a type: docs/spec/21-yaml.md#scalars */
enum sops_yaml_tag {
    SOPS_YAML_NO_TAG,
    SOPS_YAML_BANG,
    SOPS_YAML_STR,
    SOPS_YAML_INT,
    SOPS_YAML_FLOAT,
    SOPS_YAML_BOOL,
    SOPS_YAML_NULL,
    SOPS_YAML_TIME,
    SOPS_YAML_BINARY,
    SOPS_YAML_MERGE,
    SOPS_YAML_OTHER_TAG,
};

enum sops_yaml_comment { SOPS_YAML_HEAD, SOPS_YAML_LINE, SOPS_YAML_FOOT };

/* Comments: their lines, each with its '#', or nothing for empty lines between them. */
struct sops_yaml_line {
    struct sops_slice text; /* a piece of the input */
    struct sops_span span;
    uint32_t line; /* 1-based */
};
struct sops_yaml_lines {
    const struct sops_yaml_line *at;
    size_t count;
};

/* The comments of a raw node. */
struct sops_yaml_texts {
    struct sops_yaml_lines kind[3]; /* by enum sops_yaml_comment */
};

enum sops_yaml_raw_kind { SOPS_YAML_SCALAR, SOPS_YAML_ALIAS, SOPS_YAML_MAP, SOPS_YAML_LIST };

/* A node as it was written. The members of a map are key, value, key, value. */
struct sops_yaml_raw {
    uint8_t kind; /* enum sops_yaml_raw_kind */
    uint8_t tag;  /* enum sops_yaml_tag */
    bool plain;   /* a scalar in plain style */
    bool open;    /* a collection whose end was not read yet: an alias to it would contain itself */
    uint32_t line;
    struct sops_span span, anchor;
    struct sops_slice text; /* of a scalar; of an alias the name of its anchor */
    struct sops_yaml_raw *next;
    struct sops_yaml_raw *child; /* first member; of an alias what it stands for */
    struct sops_yaml_texts *comments;
};

struct sops_yaml_document {
    struct sops_yaml_raw *root;
    struct sops_yaml_texts texts; /* HEAD and FOOT of the document itself */
    struct sops_arena *nodes;     /* may be freed as they are worked off; NULL: an alias may mean one of them */
    bool first;
};

/* Code 2 at a place of the input (0-based line). Returns false. */
bool sops_yaml_fail(struct sops_err *e, size_t line, const char *what);

/* Number of bytes of the line break (LF, CR, CR LF, NEL, LS, PS) that begins at, or ends before, the byte `at`; 0 for
 * none. */
size_t sops_yaml_break_before(struct sops_slice in, size_t at);
size_t sops_yaml_break_at(struct sops_slice in, size_t at);
/* Room for one more item of `size` bytes in the array, which holds `used` and has room for `*cap`: the array, moved if
 * it was full. NULL with `e` set, and the array as it was, on failure. */
void *sops_yaml_grow(void *array, size_t used, size_t *cap, size_t size, struct sops_err *e) SOPS_CHECKED;

/* Adds the document as a part of `d`; docs/spec/21-yaml.md#collections-aliases-keys, #checks-and-limits,
 * #comments-become-entries. */
bool sops_yaml_entries(struct sops_doc *d, const struct sops_yaml_document *from, struct sops_err *e) SOPS_CHECKED;
/* UTF-8 without byte order mark to parts. Texts go to the doc's arena. `in` begins at the byte `origin` of the file. */
bool sops_yaml_read(struct sops_doc *d, struct sops_slice in, uint32_t origin, struct sops_err *e) SOPS_CHECKED;

/* Appends the whole document; code 4 for what YAML cannot hold. */
/* `indent` is that of `s`, in the range that YAML has. */
bool sops_yaml_write(const struct sops_doc *d, unsigned indent, const struct sops_style *s, struct sops_buf *out,
                     struct sops_err *e) SOPS_CHECKED;
/* Appends one list or scalar as a document of its own. */
bool sops_yaml_write_value(const struct sops_node *n, unsigned indent, struct sops_buf *out,
                           struct sops_err *e) SOPS_CHECKED;

/* Appends one scalar as a value in a document: text with lines of its own stands at `column`, which is `digit` more
 * than that of the collection around, and ends with its line break. */
bool sops_yaml_write_scalar(const struct sops_node *n, size_t column, size_t digit, struct sops_buf *out,
                            struct sops_err *e) SOPS_CHECKED;

#endif
