/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redactor.h - values taken out of a text that comes in pieces
 * (docs/spec/74-kubernetes-and-exec.md#--redact): what forms of a value are looked for, and what takes their place.
 */
#ifndef SOPS_CORE_REDACTOR_H
#define SOPS_CORE_REDACTOR_H

#include "base/matcher.h"
#include "core/tree.h"

enum { SOPS_REDACT_LEAST = 4, SOPS_REDACT_USUAL = 6, SOPS_REDACT_MOST = SOPS_MATCHER_LONGEST };
#define SOPS_REDACT_VALUES_MAX ((size_t)8 << 20)

/* What is looked for. Start all-zero but for `least`, the shortest text that counts. */
struct sops_redact {
    size_t least;
    struct sops_matcher matcher;
    struct sops_arena arena;
    struct sops_buf names; /* struct sops_slice of each value */
    size_t values, bytes;  /* taken up, and how long they are together */
    size_t left_out;       /* too short */
    struct sops_buf short_names;
};
/* Adds every leaf of `d` that was encrypted. Code 1 when it is too much in all. */
bool sops_redact_add(struct sops_redact *r, const struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;
/* Behind the last document. */
bool sops_redact_build(struct sops_redact *r, struct sops_err *e) SOPS_CHECKED;
void sops_redact_free(struct sops_redact *r);

/* One stream. Start all-zero but for `what`, which may be shared by several streams and threads. */
struct sops_redactor {
    const struct sops_redact *what;
    struct sops_buf held; /* came, and is not decided */
    size_t covered;       /* so many bytes of it lie in an occurrence */
    bool in_run;          /* the last thing that was let out is a mark */
};
/* `more` came (its bytes were written behind those held, in `held`): appends what may go out to `out`. `last`: nothing
 * more comes. */
bool sops_redactor_feed(struct sops_redactor *r, bool last, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
void sops_redactor_free(struct sops_redactor *r);

#endif
