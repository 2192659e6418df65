/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - a file in memory: one kind of node, comments included, and the walk over its leaves.
 *
 * A doc is a list of parts (YAML documents; other formats have one), each a map. Nodes and their texts live in the
 * doc's arena. See docs/ARCHITECTURE.md, "a value's way", and docs/spec/10-document-and-cipher.md.
 */
#ifndef SOPS_CORE_TREE_H
#define SOPS_CORE_TREE_H

#include "base/base.h"

enum sops_kind {
    SOPS_NULL,
    SOPS_BOOL,    /* text "True" or "False" */
    SOPS_INT,     /* text is decimal, in the signed 64-bit range */
    SOPS_FLOAT,   /* text is the shortest decimal that reads back the same, without exponent */
    SOPS_STR,     /* any bytes */
    SOPS_TIME,    /* text is RFC 3339, nanoseconds as needed */
    SOPS_COMMENT, /* text is what follows the '#' */
    SOPS_MAP,
    SOPS_LIST,
    SOPS_ODD, /* was read, and fails when walked: text is its type, "uint64" */
};

enum {
    SOPS_INLINE = 1,       /* comment at the end of a value's line */
    SOPS_MARKED = 2,       /* the rules say: this leaf is encrypted */
    SOPS_QUOTED = 4,       /* conf.c only: "true" is not true */
    SOPS_FAULTY = 16,      /* conf.c only: a map that cannot be used; text says why */
    SOPS_ANCHORED = 32,    /* conf.c only: an alias may mean it */
    SOPS_WANTED = 64,      /* cli/clear.c only: another rule would mark it */
    SOPS_COVERED = 8,      /* rules.c only: the rule hits the map or list, and so all that is in it */
    SOPS_OPEN_ENTRY = 128, /* merge.c only: stands for an entry that is in conflict */
    SOPS_BY_LINES = 256,   /* merge.c only: a new text, merged from the lines of two */
    SOPS_VEILED = 512,     /* written.h only: the text is what is to stand in the place of the value */
    SOPS_READ = 1024,      /* preserve.c only: the node is one of the text that is kept */
    SOPS_LINKED = 2048,    /* preserve.c only: … and is in the tree still */
    SOPS_ALIAS = 4096,     /* preserve.c only: what an alias stands for */
    SOPS_ALTERED = 8192,   /* preserve.c only: a leaf that is another than it was */
    SOPS_BARE = 16384,     /* toml: a date or time, which has no quotes */
};

/* Bytes of the text that was read: from `begin` on, up to `end`. Both are 0 for what has no place of its own in it. */
struct sops_span {
    uint32_t begin, end;
};

/* The span of what begins at `from` and ends before `to`, in a text that begins at `text`. */
static inline struct sops_span sops_span_of(const uint8_t *text, const uint8_t *from, const uint8_t *to)
{
    return (struct sops_span){(uint32_t)(from - text), (uint32_t)(to - text)};
}

/* `text` is always the canonical form: what the MAC hashes and AES encrypts. */
struct sops_node {
    uint8_t kind; /* enum sops_kind */
    uint8_t
        key_kind; /* SOPS_STR, or another one that fails when walked (docs/spec/21-yaml.md#collections-aliases-keys) */
    uint16_t flags;
    uint32_t line;                    /* 1-based, for messages; 0: none */
    struct sops_span span, key_span;  /* set by readers, see below */
    struct sops_slice key;            /* inside a map; empty for list items and comments */
    struct sops_slice text;           /* scalars and comments */
    const struct sops_sealed *sealed; /* the ciphertext that it was opened from, or NULL (reuse.h) */
    struct sops_node *up, *next, *child, *last;
};

/*
 * Spans, in the bytes of the whole text (a byte order mark counts):
 * - of a scalar with its quotes and, in YAML, the tag in front of it; of a block scalar from its header (or tag) to the
 *   last byte that is not the break of its last line. A value that nobody wrote (`key:`) is empty, and stands behind
 *   what comes before it.
 * - of a comment with its sign. It may stand within a scalar: behind its tag, or the header of its block.
 * - of a map or list from its first to its last byte, without the comments at either end; of a section of INI with its
 *   header.
 * - of a key with its quotes or tag.
 * None has what was not read (made, or copied from another node), what an alias stands for (the alias itself has), a
 * comment that was put together from two places (INI), and a text in UTF-16.
 */

/* What a text holds beside its nodes, for whoever writes it again as it is (written.h). */
enum sops_mark_kind {
    SOPS_MARK_COMMENT, /* one that stands in the text, whether a node has it or not; with its sign */
    SOPS_MARK_ANCHOR,  /* of `node`; with its sign */
    SOPS_MARK_ALIAS,   /* that `node` was copied for */
    SOPS_MARK_COPY,    /* `node` was copied from what stands there */
    SOPS_MARK_START,   /* of a document */
    SOPS_MARK_END,     /* of a document */
    SOPS_MARK_DIRECTIVE,
    SOPS_MARK_TABLE, /* the header of the table `node` */
    SOPS_MARK_LOST,  /* what cannot be kept as it is written, by a construct's name in `why` */
};
struct sops_mark {
    uint8_t kind; /* enum sops_mark_kind */
    uint32_t line;
    struct sops_span span;
    struct sops_node *node;
    const char *why;
};

/* How a text is to be read. A reader ignores what is not for its format. */
struct sops_reading {
    bool marks;              /* fill in the document's marks */
    bool sealed;             /* it is an encrypted text */
    bool quotes;             /* dotenv: values may stand in quotes */
    uint8_t inline_comments; /* ini: enum sops_inline_comments of format.h */
    struct sops_slice lent;  /* a text that lives as long as the document: pieces of it are not copied */
};

enum sops_doc_state {
    SOPS_DOC_PLAIN,      /* what a reader made, or verified */
    SOPS_DOC_SEALED,     /* values are ENC[...] */
    SOPS_DOC_UNVERIFIED, /* decrypted, MAC not yet compared: must not be emitted */
};

struct sops_doc {
    struct sops_arena arena; /* owns every byte that a node points to */
    struct sops_node *parts; /* one map for each YAML document; linked by next; may be none */
    struct sops_node *tail;
    bool odd_top;          /* a reader refused it only because a part is no map */
    bool no_document;      /* … or only because there is nothing but comments in it */
    struct sops_buf notes; /* lines (each with its LF) to warn the user with; never values */
    unsigned noted;        /* how many sops_doc_note was asked for */
    enum sops_doc_state state;
    const struct sops_opening *opening; /* all ciphertexts that were opened, or NULL (reuse.h) */
    struct sops_arena opened;           /* owns the opening, but for its texts */
    struct sops_reading reading;        /* set before it is read */
    struct sops_mark *mark;             /* in the order of the text for each kind */
    size_t marks, marks_cap;
};

void sops_doc_free(struct sops_doc *d);
/* The parts of `from` become the last ones of `to`, with all that they own; `from` is empty afterwards. Both are as a
 * reader made them. */
void sops_doc_join(struct sops_doc *to, struct sops_doc *from);
/* Adds a line to the notes: what is to be told of `n` (NULL: of the whole text) at `line` of the input (0: none). After
 * SOPS_NOTES_MAX of them one more line says that there are others, and that is all. */
enum { SOPS_NOTES_MAX = 20 };
bool sops_doc_note(struct sops_doc *d, const struct sops_node *n, unsigned line, const char *what,
                   struct sops_err *e) SOPS_CHECKED;

/* Adds a mark, when marks are wanted. */
bool sops_doc_mark(struct sops_doc *d, struct sops_mark m, struct sops_err *e) SOPS_CHECKED;

/* What a node is to hold of a text that is read: `from` itself where that is a piece of reading.lent, else a copy. */
bool sops_doc_take(struct sops_doc *d, struct sops_slice from, struct sops_slice *to, struct sops_err *e) SOPS_CHECKED;

/* Adds a node at the end of `to` (a map or list; NULL: a new part, which must be a map). `key` is used for members of
 * maps. Takes key and text as sops_doc_take does. NULL with `e` set on failure. */
struct sops_node *sops_node_add(struct sops_doc *d, struct sops_node *to, enum sops_kind kind, struct sops_slice key,
                                struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* The same without copying: key and text must live as long as the document (in its arena, or as literals). */
struct sops_node *sops_node_add_ref(struct sops_doc *d, struct sops_node *to, enum sops_kind kind,
                                    struct sops_slice key, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* Links a node that has no parent behind `after` in `to` (after NULL: as the first). */
void sops_node_link(struct sops_node *to, struct sops_node *after, struct sops_node *n);
/* Takes a node out of its parent (or out of the parts of `d`, when it is one); its memory stays with the arena. */
void sops_node_unlink(struct sops_doc *d, struct sops_node *n);
/* The first entry of `map` with this key (not a comment), or NULL. */
struct sops_node *sops_node_find(const struct sops_node *map, struct sops_slice key);
/* A deep copy of `n` into `d`'s arena, unlinked, without spans. Without recursion. */
struct sops_node *sops_node_copy(struct sops_doc *d, const struct sops_node *n, struct sops_err *e) SOPS_CHECKED;
/* The same, but keys and texts are those of `n`, whose doc must outlive `d`. */
struct sops_node *sops_node_refer(struct sops_doc *d, const struct sops_node *n, struct sops_err *e) SOPS_CHECKED;
/* The node after `n` in document order within `root` (children before siblings), or NULL. */
struct sops_node *sops_node_after(const struct sops_node *root, struct sops_node *n);
/* Do the two hold the same kinds, keys and texts, in order? Comments count. Without recursion. */
bool sops_node_same(const struct sops_node *a, const struct sops_node *b);
/* Appends the path of `n` for messages: `["db"]["list"][0]`; control characters are replaced. */
bool sops_node_path(const struct sops_node *n, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

static inline bool sops_node_is_leaf(const struct sops_node *n) { return n->kind != SOPS_MAP && n->kind != SOPS_LIST; }

/* Leaf by leaf, comments included, in document order over all parts, without recursion. Start all-zero but for doc. */
struct sops_walk {
    const struct sops_doc *doc;
    struct sops_node *at, *part;
    struct sops_buf aad; /* the path of `at`: "db:password:"; of a comment that of its map or list, at the top ":" */
};
/* Moves to the next leaf. False at the end or when `e` is set: a key that is no text, an ODD value (code 23). */
bool sops_walk_next(struct sops_walk *w, struct sops_err *e);
/* The additional data and the text of the leaf `w->at` as one slice in `a`: what a table knows a value by. */
bool sops_walk_print(const struct sops_walk *w, struct sops_arena *a, struct sops_slice *out,
                     struct sops_err *e) SOPS_CHECKED;
void sops_walk_free(struct sops_walk *w);

#endif
