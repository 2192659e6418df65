/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - texts with places for values: `{{ NAME:path | filter }}` (docs/spec/74-kubernetes-and-exec.md#render).
 *
 * A template is gone through piece by piece, and as often as there is something to check. Of the first time only the
 * places of the braces are kept, so a million expressions cost little memory.
 */
#ifndef SOPS_CORE_TEMPLATE_H
#define SOPS_CORE_TEMPLATE_H

#include "core/format.h"

#define SOPS_TEMPLATE_MAX ((size_t)256 << 20)

struct sops_template_step {
    struct sops_slice text;                                       /* without quotes and brackets */
    enum { SOPS_STEP_WORD, SOPS_STEP_INDEX, SOPS_STEP_KEY } kind; /* word · [digits] · ["key"] */
};
enum sops_template_filter { SOPS_AS_JSON, SOPS_AS_YAML, SOPS_AS_SHELL, SOPS_AS_URL, SOPS_AS_BASE64, SOPS_INDENTED };

/* Where "{{" stands in a text, as the first pass over it finds out. Start all-zero. */
struct sops_template_places {
    struct sops_buf at; /* uint32_t each */
    bool complete;
};

/* Start all-zero but for `places`, which all passes over a text share, `name`, as in messages, and `text`. */
struct sops_template {
    struct sops_template_places *places;
    size_t next_place;
    const char *name;
    struct sops_slice text, rest;
    bool begun;
    /* the piece at hand: a text to copy, then an expression (unless `bare`) */
    struct sops_slice literal;
    bool bare;                    /* no expression stands behind it */
    struct sops_slice expression; /* of it: from its braces on */
    struct sops_slice source;     /* NAME, or empty */
    struct sops_slice path;       /* as written, for messages */
    struct sops_buf steps;        /* struct sops_template_step */
    struct sops_buf filters;      /* struct sops_template_use */
};
struct sops_template_use {
    enum sops_template_filter filter;
    unsigned blanks; /* of SOPS_INDENTED */
};
/* Moves to the next piece. False behind the last, or with `e`: code 2, its message begins as below. */
bool sops_template_next(struct sops_template *t, struct sops_err *e) SOPS_CHECKED;
void sops_template_free(struct sops_template *t);
/* Puts "NAME:LINE:COLUMN: ", the place of the expression, in front of the message. Returns false. */
bool sops_template_blame(const struct sops_template *t, struct sops_err *e);

/* The node that the expression's path leads to from `root`; code 1. */
bool sops_template_find(const struct sops_template *t, const struct sops_node *root, const struct sops_node **found,
                        struct sops_err *e) SOPS_CHECKED;
/* Appends what the expression makes of the node. `style`: of YAML. Code 4. */
bool sops_template_value(const struct sops_template *t, const struct sops_node *n, const struct sops_style *style,
                         struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
