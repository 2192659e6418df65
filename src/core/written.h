/* SPDX-License-Identifier: Apache-2.0 */
/*
 * written.h - a text that keeps its layout while its values change (docs/spec/76-text-as-written.md): what a format has
 * to know of it, and the small tools that formats share. preserve.h is the part that knows of ciphers.
 *
 * A text is cut into slots and layout. A node whose value is to be encrypted is *veiled*: SOPS_VEILED is set, and its
 * text is what has to stand in the place of the value. A format knows no more about ciphers than that.
 */
#ifndef SOPS_CORE_WRITTEN_H
#define SOPS_CORE_WRITTEN_H

#include "core/format.h"
#include "core/splice.h"

enum sops_slot_role {
    SOPS_SLOT_VALUE,
    SOPS_SLOT_COMMENT, /* without its sign */
    SOPS_SLOT_ALIAS,   /* stands for a copy of another node */
    SOPS_SLOT_COPY,    /* was written out in the place of an alias */
};

struct sops_slot {
    struct sops_span span;  /* what a spelling stands for */
    struct sops_span head;  /* what belongs to the value and stands in front, with a comment between; or empty, at
                               span.begin */
    uint32_t head_line_end; /* where the line of the head ends */
    struct sops_node *node; /* NULL: a comment that the reader has lost */
    struct sops_node *in;   /* then the innermost map or list around it */
    uint32_t line;
    uint8_t role;  /* enum sops_slot_role */
    uint8_t style; /* the format's own */
    bool in_flow;
    bool no_node;                /* a comment that is never asked for among the nodes: `in` is known */
    struct sops_slice comment;   /* the text of such a comment, where that is not what stands in the slot */
    bool tagged;                 /* the kind of the value is fixed by what stands in front of it */
    uint32_t column;             /* of text with lines of its own; ALIAS: its mark, with those of copies behind */
    struct sops_node *of;        /* COPY: what it was copied from; NULL: not known */
    struct sops_span name, drop; /* COPY: what names that, and what goes when the copy stays */
};

/* An entry of the metadata, and the document that it stood in. */
struct sops_meta_entry {
    const struct sops_node *part, *node;
};

/* A text with what was read from it. */
struct sops_written {
    const struct sops_format *format;
    const struct sops_style *style;
    struct sops_slice text;
    struct sops_doc *doc;         /* of it; slots are found while the metadata are in it */
    struct sops_meta_entry *meta; /* the entries of the metadata, also when they are out of the document */
    size_t metas;
    struct sops_slot *slot; /* sorted by where they begin */
    size_t count, cap;
    unsigned lost_line; /* why the text cannot be kept, … */
    const char *lost;   /* … NULL: it can */
    size_t own[3];      /* the format's */
};

/* How a value is laid out in a slot. */
struct sops_laid {
    struct sops_buf head, text;
    struct sops_buf below; /* lines with the break in front of each, which stand below the line that the value is on */
    bool joined;   /* `head` takes the place of head and text; what stands between them on the line of the head stays */
    uint32_t from; /* the layout in front that goes along, from here on; 0: none */
};

/* Edits of one text, in any order; bytes are copied. What lies within a larger one is dropped. */
struct sops_edits {
    struct sops_splice *at;
    size_t count, cap;
    struct sops_arena bytes;
};
bool sops_edits_add(struct sops_edits *to, struct sops_span span, struct sops_slice bytes,
                    struct sops_err *e) SOPS_CHECKED;
/* Appends `text` with the edits made. */
bool sops_edits_apply(struct sops_edits *edits, struct sops_slice text, struct sops_buf *out,
                      struct sops_err *e) SOPS_CHECKED;
void sops_edits_free(struct sops_edits *edits);

/* Metadata for a text. */
struct sops_meta_text {
    const struct sops_doc *doc; /* holds nothing else */
    struct sops_slice as_was;   /* the bytes that stood in another text of the format (entry); or empty */
    bool was_inline;            /* in the form that a text on one line has */
};

struct sops_textual {
    /* Finds the slots of w->text, those of metadata included, or why they cannot be kept (w->lost). */
    bool (*slots)(struct sops_written *w, struct sops_err *e);
    /* The sealed form of a slot, `text` being the ciphertext, and `clear` kind, text and flags of what it stands for
     * (NULL for none). An ALIAS is written out, with its veiled nodes. */
    bool (*seal)(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                 const struct sops_node *clear, struct sops_laid *to, struct sops_err *e);
    /* The form of `value` in the style that the slot has, else as the format's writer lays it out. */
    bool (*open)(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                 struct sops_laid *to, struct sops_err *e);
    /* Puts metadata where there are none, in the place of those that are there, takes them out. */
    bool (*add_meta)(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                     struct sops_err *e);
    bool (*swap_meta)(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                      struct sops_err *e);
    bool (*drop_meta)(const struct sops_written *w, struct sops_edits *to, struct sops_err *e);
    /* Where the metadata of the first document stand, as as_was wants them. Empty: not to be had in one piece. */
    struct sops_span (*entry)(const struct sops_written *w, bool *is_inline);
    /* `n`, which stands in the text at `was` (comments in it included), has become another thing, a map or list either
     * before or now; `from`: it was a map or list. */
    bool (*replace)(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                    struct sops_edits *to, struct sops_err *e);
    /* `n` is new, at the end of a map or list. */
    bool (*insert)(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to, struct sops_err *e);
    /* `n` is gone; `in`: what it was in, where `next` and `before` (NULL: none) are its old neighbours that stay;
     * `only`: nothing is left in there. */
    bool (*remove)(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                   const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                   struct sops_edits *to, struct sops_err *e);
    /* What the text that drop_meta leaves still needs (dotenv: a byte order mark, CR LF), and what sealing must take
     * away before (NULL: nothing). */
    bool (*dress)(const struct sops_written *sealed, struct sops_buf *text, struct sops_err *e);
    bool (*undress)(const struct sops_style *s, struct sops_slice text, bool sealed, struct sops_buf *out,
                    struct sops_buf *said, struct sops_err *e);
    /* Is what the clear text was opened again to, all that can be had (NULL: it must be the same bytes)? */
    bool (*same)(struct sops_slice opened, struct sops_slice clear);
    /* Does what a line of the sealed text holds mean the clear text (NULL: only when they are the same)? */
    bool (*same_text)(struct sops_slice clear, struct sops_slice line);
    bool spelled_comments; /* a comment may need a spelling */
    bool blanks_empty;     /* nothing stays in the slot of an empty value that would be encrypted */
    const char *style_key; /* the entry of the metadata that says what undress has to say */
};

struct sops_slot *sops_written_add(struct sops_written *w, struct sops_err *e) SOPS_CHECKED;
/* Sorts the slots; finds the node of each comment among the document's, or what it stands in. */
bool sops_written_finish(struct sops_written *w, struct sops_err *e) SOPS_CHECKED;
void sops_written_free(struct sops_written *w);
/* Is the entry of the metadata a nearer neighbour of `n` in `in` than those? Then it takes their place. */
void sops_written_neighbours(const struct sops_written *w, const struct sops_node *n, const struct sops_node *in,
                             const struct sops_node **before, const struct sops_node **next);
/* Notes that the style is lost, unless that is known. Returns true. */
bool sops_written_lose(struct sops_written *w, unsigned line, const char *why);
/* Empty again, with its memory kept for the next slot. */
void sops_laid_clear(struct sops_laid *l);
void sops_laid_free(struct sops_laid *l);

/* The line break that the text has first; LF when none. */
struct sops_slice sops_written_break(const struct sops_written *w);
/* Where the line that holds the byte `at` begins, and ends (before its break). */
uint32_t sops_line_begin(struct sops_slice text, size_t at);
uint32_t sops_line_end(struct sops_slice text, size_t at);
/* … and where the next one begins. */
uint32_t sops_line_next(struct sops_slice text, size_t at);
static inline struct sops_slice sops_slice_at(struct sops_slice text, struct sops_span s)
{
    return sops_slice_of(text.ptr + s.begin, s.end - s.begin);
}
static inline bool sops_slot_has_head(const struct sops_slot *s) { return s->head.end > s->head.begin; }
static inline bool sops_span_none(struct sops_span s) { return s.begin == 0 && s.end == 0; }

#endif
