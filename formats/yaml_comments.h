/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_comments.h - libyaml's tokens, and the comments between them, handed out as the grammar looks at tokens.
 *
 * libyaml drops comments; docs/spec/21-yaml.md#reading-comments recovers them from the marks of its tokens and the text
 * between.
 */
#ifndef SOPS_FORMATS_YAML_COMMENTS_H
#define SOPS_FORMATS_YAML_COMMENTS_H

#include "formats/yaml_disguise.h"
#include "formats/yaml_internal.h"

#include <yaml.h>

/* A token, without libyaml's memory. `index` counts characters; of a BLOCK-END it is its place
 * (docs/spec/21-yaml.md#places-of-block-end). */
struct sops_yaml_token {
    yaml_token_type_t type;
    bool plain;       /* a scalar in plain style */
    int major, minor; /* %YAML */
    size_t index;
    uint32_t line, column;
    struct sops_span span;    /* in bytes; of a block scalar without what libyaml reads below its text */
    struct sops_slice text;   /* scalar, anchor, alias; the suffix of a tag; the prefix of a %TAG */
    struct sops_slice handle; /* of a tag or %TAG */
};

/* A point of the text, in each way that the rules count. */
struct sops_yaml_place {
    size_t index, byte, line, column;
};

/* Lines that are being collected. */
struct sops_yaml_run {
    struct sops_yaml_line *at;
    size_t count, cap;
};

struct sops_yaml_record;

struct sops_yaml_source {
    struct sops_slice in;
    uint32_t origin;           /* where `in` begins in the file */
    uint32_t passed_end;       /* the end of the last token that was passed over and is more than the end of a block */
    uint32_t passed_line;      /* and its line */
    struct sops_doc *doc;      /* owns the texts of scalars; gets the marks */
    size_t marked;             /* up to here comments of the text were looked for */
    struct sops_arena scratch; /* for all else that lives until the text is read */
    yaml_parser_t parser;
    bool opened, ascii, ended;
    struct sops_yaml_disguise disguise; /* what libyaml gets where it is not `in` */
    size_t at_index, at_byte;           /* the cursor: it only moves forward */
    struct sops_yaml_place rest;        /* where the scanner rests behind the last token */
    struct sops_yaml_token *queue;
    size_t queue_at, queue_len, queue_cap;
    yaml_token_type_t last_type; /* the last token that is no BLOCK-END */
    size_t last_index;
    yaml_token_type_t before_type; /* and the token before that one (a BLOCK-END, too) */
    size_t before_index;
    uint32_t *columns; /* of the open block collections */
    size_t depth, depth_cap, flow;
    size_t flow_cost; /* the sum of `flow` over all tokens */
    struct sops_yaml_record *records;
    size_t record_count, record_cap, handed;
    struct sops_yaml_run run;
    struct sops_yaml_run pending[3]; /* by enum sops_yaml_comment */
};

/* Begins with a UTF-8 text without byte order mark, which begins at the byte `origin` of the file. Close it in any
 * case. */
bool sops_yaml_open(struct sops_yaml_source *s, struct sops_slice in, uint32_t origin, struct sops_doc *doc,
                    struct sops_err *e) SOPS_CHECKED;
void sops_yaml_close(struct sops_yaml_source *s);
/* Looks at the next token: adds its comments to the pending ones. NULL with `e` set on failure. The pointer is good
 * until the next call. */
const struct sops_yaml_token *sops_yaml_look(struct sops_yaml_source *s, struct sops_err *e) SOPS_CHECKED;
/* Passes over the token that was looked at. */
void sops_yaml_pass(struct sops_yaml_source *s);
/* The pending comments become those of `*to` (made when there are any), and nothing is pending. */
bool sops_yaml_take(struct sops_yaml_source *s, struct sops_yaml_texts **to, struct sops_err *e) SOPS_CHECKED;
/* Splits pending HEAD: the first `count` lines, copied to `*front`, and what stays behind `drop` lines more. */
bool sops_yaml_split_head(struct sops_yaml_source *s, size_t count, size_t drop, struct sops_yaml_lines *front,
                          struct sops_err *e) SOPS_CHECKED;

/* ---- between yaml_tokens.c and yaml_comments.c ---------------------------------------------------------------- */

/* Section 5.3: the comments between s->rest and the token that begins at the byte `end`. */
bool sops_yaml_gap(struct sops_yaml_source *s, size_t end, struct sops_err *e) SOPS_CHECKED;
/* Section 5.5: the places of the `count` BLOCK-ENDs before `next`; their blocks are closed. */
void sops_yaml_place_ends(struct sops_yaml_source *s, struct sops_yaml_token *ends, size_t count,
                          const struct sops_yaml_token *next);
/* Sections 5.1 and 5.2: moves s->rest from the end of `t` to its rest point, over an end-of-line comment. The span of a
 * block scalar then ends where its text does. */
bool sops_yaml_rest(struct sops_yaml_source *s, struct sops_yaml_token *t, size_t start, bool block,
                    struct sops_err *e) SOPS_CHECKED;
/* Section 5.6: adds what belongs to `t` to the pending comments. */
bool sops_yaml_hand_out(struct sops_yaml_source *s, const struct sops_yaml_token *t, struct sops_err *e) SOPS_CHECKED;

#endif
