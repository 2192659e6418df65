/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_written.h - YAML kept as it is written (docs/spec/76-text-as-written.md#4-yaml): yaml_written.c finds slots,
 * yaml_written_scalar.c lays values out in them, yaml_written_new.c lays new maps and lists out, yaml_written_edit.c
 * puts entries in and takes them out, yaml_written_meta.c does so with the metadata.
 */
#ifndef SOPS_FORMATS_YAML_WRITTEN_H
#define SOPS_FORMATS_YAML_WRITTEN_H

#include "core/written.h"
#include "formats/yaml_scalar.h"

enum sops_yaml_slot {
    SOPS_YAML_SLOT_PLAIN,
    SOPS_YAML_SLOT_SINGLE,
    SOPS_YAML_SLOT_DOUBLE,
    SOPS_YAML_SLOT_BLOCK,
    SOPS_YAML_SLOT_LINES,   /* a block of nothing but line breaks */
    SOPS_YAML_SLOT_NOTHING, /* nobody wrote it */
};

/* The numbers of a struct sops_written that are YAML's. */
enum { SOPS_YAML_STEP, SOPS_YAML_LIST_STEP };

/* What stands in front of a value: tag and anchor, in either order, with blanks and comments between. */
struct sops_yaml_front {
    struct sops_slice tag; /* as written; empty: none */
    uint32_t tag_begin;
    uint32_t behind; /* where the value itself begins */
    bool comments;   /* there are some in between */
};
struct sops_yaml_front sops_yaml_front(struct sops_slice text, struct sops_span span);
/* Does the map or list stand in brackets, or within some? */
bool sops_yaml_is_flow(const struct sops_written *w, const struct sops_node *n);
/* The column of the entries of a block map, or of the dashes of a block list. */
size_t sops_yaml_column(const struct sops_written *w, const struct sops_node *n);
size_t sops_yaml_column_at(struct sops_slice text, size_t at);
/* Is the node in the metadata? */
bool sops_yaml_is_meta(const struct sops_node *n);

bool sops_yaml_slots(struct sops_written *w, struct sops_err *e);
bool sops_yaml_seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                         const struct sops_node *clear, struct sops_laid *to, struct sops_err *e);
bool sops_yaml_open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                         struct sops_laid *to, struct sops_err *e);
/* Appends a scalar in plain style or, where it cannot be, as the writer does; lines of its own at `column`, which is
 * `digit` more than that of what is around. */
bool sops_yaml_lay_scalar(const struct sops_written *w, const struct sops_node *n, bool in_flow, size_t column,
                          size_t digit, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* Where a value is put. */
struct sops_yaml_place {
    size_t column; /* of the key or dash */
    bool item;     /* behind a dash */
    bool in_flow;
    bool tagged; /* a tag stands between, so that a block begins on a line of its own */
    size_t mark; /* of the document, from where on to look for what the nodes were copied from */
};
/* Appends `n` and what is in it, as it stands behind its colon or dash, from the blank in front on. Its nodes look as
 * they do where they were copied from. */
bool sops_yaml_lay(const struct sops_written *w, const struct sops_node *n, struct sops_yaml_place p,
                   struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends a key, without colon. */
bool sops_yaml_lay_key(const struct sops_written *w, const struct sops_node *n, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;

bool sops_yaml_replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                       struct sops_edits *to, struct sops_err *e);
bool sops_yaml_insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                      struct sops_err *e);
bool sops_yaml_remove(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                      const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                      struct sops_edits *to, struct sops_err *e);
bool sops_yaml_add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                        struct sops_err *e);
bool sops_yaml_swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                         struct sops_err *e);
bool sops_yaml_drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e);
struct sops_span sops_yaml_entry(const struct sops_written *w, bool *is_inline);

#endif
