/* SPDX-License-Identifier: Apache-2.0 */
/* preserve_internal.h - what the files of preserve.h share: preserve.c keeps texts and opens them, preserve_seal.c
 * seals, preserve_change.c turns a changed tree into edits, preserve_check.c reads again what was made. */
#ifndef SOPS_CORE_PRESERVE_INTERNAL_H
#define SOPS_CORE_PRESERVE_INTERNAL_H

#include "core/preserve.h"

/* A node as it was when the text was read. */
struct sops_record {
    struct sops_node *node;
    struct sops_slice text;
    const struct sops_node *child;
    uint8_t kind;
    bool alias;
    uint32_t end;      /* the record behind those of what is in it */
    uint32_t line_end; /* where it ends in the text, comments in it included */
};

/* What a slot was opened to. */
struct sops_opened_slot {
    const struct sops_sealed *sealed;    /* the ciphertext, gone when keys are new; NULL: none */
    struct sops_slice spelling;          /* the bytes that its spelling stands for; none: ptr is NULL */
    struct sops_slice comment;           /* of a comment that no node has, when it opened; ptr is NULL when not */
    struct sops_slice enc;               /* … and its ciphertext */
    struct sops_slice outer_head, outer; /* what stands in head and span when it is open; after preserve_leave */
    bool outer_apart;                    /* it has a head then */
};

/* A text of the metadata that changes with each sealing, without its quotes. */
enum { SOPS_SETTING_MAC, SOPS_SETTING_TIME, SOPS_SETTING_VERSION, SOPS_SETTINGS_KEPT };
struct sops_kept_setting {
    struct sops_span span;
    uint8_t which;
};

/* One text. */
struct sops_kept {
    struct sops_buf text;
    struct sops_written w;
    struct sops_opened_slot *slot; /* for each of w.slot */
    uint32_t *slot_of;             /* for each ciphertext of the opening its slot, or NO_SLOT */
    size_t sealed_count;
    const struct sops_opening *opening;
    struct sops_record *record;
    size_t records;
    struct sops_arena arena;
    struct sops_kept_setting *setting; /* of each document */
    size_t settings;
    struct sops_span entry; /* the metadata of the first */
    bool entry_inline;
    struct sops_buf said; /* what undress has to say */
    bool is_sealed;
};
#define NO_SLOT UINT32_MAX

struct sops_preserve {
    const struct sops_format *format;
    struct sops_style style;
    struct sops_doc *doc;
    struct sops_meta *meta;
    struct sops_kept was, now; /* the sealed text that was read; a clear one */
    struct sops_buf undressed, said;
    bool has_was, has_now, left, new_keys;
};

/* Is the style lost? Takes the reason over. */
bool sops_loss_of(const struct sops_written *w, struct sops_loss *loss);
/* The style is lost for `why`. Returns false. */
bool sops_lose(struct sops_loss *loss, unsigned line, const char *why);
/* What went wrong with a text that was made here is a loss, unless memory is out. Returns false, with `e` set only
 * then.
 */
bool sops_lose_by(struct sops_loss *loss, struct sops_err *e);

/* The text with its slots; `w` is all zeros. Metadata are still in `d`. */
bool sops_kept_slots(struct sops_written *w, const struct sops_format *f, const struct sops_style *s,
                     struct sops_slice text, struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;
bool sops_slot_is_meta(const struct sops_written *w, const struct sops_slot *s);
/* Where the metadata's own texts stand; they are in the document still. */
bool sops_kept_settings(struct sops_kept *k, struct sops_err *e) SOPS_CHECKED;
/* Puts what a slot is laid out as among the edits. */
bool sops_laid_edit(const struct sops_written *w, const struct sops_slot *s, const struct sops_laid *l,
                    struct sops_edits *to, struct sops_err *e) SOPS_CHECKED;
/* Is it laid out just as it stands in the text `w` at `s`? `from`: the slot that it was laid out for. */
bool sops_laid_same(const struct sops_written *w, const struct sops_slot *s, const struct sops_slot *from,
                    const struct sops_laid *l);

/* ENC[…] and a spelling for it: appended, with the ~ in front. */
bool sops_spelling_seal(struct sops_crypt *c, struct sops_slice spelling, struct sops_slice enc, struct sops_buf *out,
                        struct sops_err *e) SOPS_CHECKED;
/* Opens the spelling that stands behind `enc` in `raw`, the text of a slot; `*to` stays as it is when there is none, or
 * it does not open. */
bool sops_spelling_open(struct sops_crypt *c, struct sops_slice raw, struct sops_slice enc, struct sops_arena *a,
                        struct sops_slice *to, struct sops_err *e) SOPS_CHECKED;

/* Additional data of a comment in `in`, appended. */
bool sops_comment_aad(const struct sops_node *in, struct sops_buf *aad, struct sops_err *e) SOPS_CHECKED;
/* The same documents, comments aside? `a` was sealed or opened here, `b` read again. */
bool sops_same_values(const struct sops_format *f, const struct sops_doc *a, const struct sops_doc *b);
bool sops_same_value(const struct sops_format *f, const struct sops_node *a, const struct sops_node *b);

/* The opened text of what is in `k`; see sops_preserve_open. */
bool sops_kept_open(const struct sops_kept *k, bool all, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Puts what the slot was opened to among the edits; nothing when it was no ciphertext. `l` is for its use. */
bool sops_kept_open_slot(const struct sops_kept *k, size_t i, struct sops_laid *l, struct sops_edits *to,
                         struct sops_err *e) SOPS_CHECKED;
/* What each slot was opened to; `d` was opened with `c`. */
bool sops_kept_opened(struct sops_kept *k, const struct sops_doc *d, struct sops_crypt *c,
                      struct sops_err *e) SOPS_CHECKED;
void sops_kept_free(struct sops_kept *k);

/* Reads `text`, which was made from the sealed document `made`, again: values are those of the document, each
 * ciphertext opens where it stands, and all of it, unless `clear` is empty (ptr NULL), opens to that. */
bool sops_preserve_check(struct sops_preserve *p, struct sops_crypt *c, struct sops_slice text,
                         const struct sops_doc *made, struct sops_slice clear, struct sops_loss *loss,
                         struct sops_err *e) SOPS_CHECKED;

/* Flags the nodes of the text that are in the tree `d` still, and the leaves that are others; before it is veiled. */
void sops_kept_compare(struct sops_kept *k, const struct sops_doc *d);
/* Edits for what was put in, taken out, or became a map or list, or is none any more. */
bool sops_kept_changes(struct sops_kept *k, struct sops_edits *to, struct sops_loss *loss,
                       struct sops_err *e) SOPS_CHECKED;
bool sops_kept_records(struct sops_kept *k, const struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;

#endif
