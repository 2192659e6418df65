/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - what a file format is to the rest of the program: bytes to doc and back (docs/spec/20-formats.md, 21). */
#ifndef SOPS_CORE_FORMAT_H
#define SOPS_CORE_FORMAT_H

#include "core/tree.h"

enum sops_layout {
    SOPS_META_NESTED,  /* one map under the key "sops":      yaml, json, binary */
    SOPS_META_TABLES,  /* the same, in each map texts before maps and lists: toml */
    SOPS_META_SECTION, /* one flat section "sops":           ini */
    SOPS_META_PREFIX,  /* flat keys that begin with "sops_": dotenv */
};

enum {
    SOPS_FMT_LOSSY = 1,    /* dotenv, ini: read back before it is written */
    SOPS_FMT_COMMENTS = 2, /* yaml: read back when a comment rule is in force */
    SOPS_FMT_PARTS = 4,    /* yaml: several documents */
    SOPS_FMT_WHOLE = 8,    /* binary: one value; crypt rules do not apply */
    SOPS_FMT_BEHIND = 16,  /* ini: a comment belongs to the key before it */
    SOPS_FMT_TABLES = 32,  /* toml: what a map holds may stand in any order; a date is a text */
};

/* Where a comment begins in a value of clear INI. */
enum sops_inline_comments {
    SOPS_COMMENTS_ANY,    /* at any # or ; */
    SOPS_COMMENTS_SPACED, /* at one with a blank in front, or that begins the value */
    SOPS_COMMENTS_NONE,
};

/* Is the text kept as it is written? (docs/spec/76-text-as-written.md#2-the-switch) */
enum sops_keep { SOPS_KEEP_OFF, SOPS_KEEP_ON, SOPS_KEEP_STRICT };

struct sops_style {
    int64_t indent;
    bool indent_set;
    bool flush_lists;        /* yaml: lists stand at the column of their key */
    bool compact_lists;      /* yaml: lists that are a key's value stand two columns further to the left */
    bool start_marker;       /* yaml: a text begins with --- */
    bool quote;              /* dotenv: clear values stand in quotes, as others read them */
    uint8_t inline_comments; /* ini: enum sops_inline_comments */
    uint8_t keep;            /* enum sops_keep */
};

struct sops_textual;

/* A key of `stores:` in the configuration, and the words that it takes (docs/spec/76-text-as-written.md#2-the-switch).
 */
enum sops_setting {
    SOPS_SET_KEEP,
    SOPS_SET_COMPACT_LISTS,
    SOPS_SET_START_MARKER,
    SOPS_SET_QUOTE,
    SOPS_SET_INLINE_COMMENTS,
    SOPS_SET_ENABLED,
};
struct sops_setting_key {
    const char *name;
    enum sops_setting setting;
    const char *const *words; /* by the value that each stands for; NULL-terminated */
};
extern const char *const sops_words_bool[], *const sops_words_keep[];
#define SOPS_SETTING_KEEP                                                                                              \
    {                                                                                                                  \
        "preserve_style", SOPS_SET_KEEP, sops_words_keep                                                               \
    }
#define SOPS_SETTING_END                                                                                               \
    {                                                                                                                  \
        NULL, SOPS_SET_KEEP, NULL                                                                                      \
    }

struct sops_format {
    const char *name;            /* as in --input-type */
    const char *const *suffixes; /* file name endings, NULL-terminated; binary has none and is the last resort */
    const char *store;           /* its key under `stores:` in .sops.yaml, or NULL */
    const struct sops_setting_key *settings; /* more keys of its store; ends with one without name; or NULL */
    enum sops_keep keep;                     /* when nobody says */
    /* Of a format by choice: does a sealed text show that it is of this format? */
    bool (*shows)(struct sops_slice sealed);
    bool by_choice;      /* its endings count only where the configuration says so, or the text shows it */
    unsigned turn;       /* of a sealed text in an unknown format, the lowest is tried first; 0: it is not tried */
    const char *example; /* what `sops edit NEW` starts from */
    enum sops_layout meta;
    unsigned flags;
    const struct sops_format *sealed; /* what its encrypted form is written in (binary: json); NULL: itself */
    /* Before a sealed document, whose leaves are marked, is opened: what other programs write for null. */
    void (*before_open)(struct sops_doc *d);
    /* Clear values of a sealed text, marked and verified, become what they mean; and, with `names`, keys too, for those
     * who use them elsewhere. NULL: they are that. */
    bool (*take_meaning)(struct sops_doc *d, bool names, struct sops_err *e);
    /* The inverse, before a document is sealed: its clear values as the reader of a sealed text will see them. */
    bool (*as_lines)(struct sops_doc *d, struct sops_err *e);
    const struct sops_textual *textual; /* how its texts are kept as they are written; NULL: they cannot be */

    /* Reads clear or encrypted text, with lines and spans. Code 2 with line for what cannot be parsed; messages never
     * hold text of the input. `in` may be freed afterwards. `out` is empty before. Call sops_doc_parse instead. */
    bool (*parse)(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
    /* The same where several documents may stand in a row without anything between them (json): each is a part. NULL:
     * `parse` does it. Call sops_doc_parse_row instead. */
    bool (*parse_row)(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
    /* Appends the whole document; code 4 for what the format cannot hold. Call sops_doc_emit instead. */
    bool (*emit)(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e);
    /* --extract of a node, in YAML not a map: appends its text; code 4 when it cannot be written. Call
     * sops_doc_emit_value instead. */
    bool (*emit_value)(const struct sops_doc *d, const struct sops_node *n, const struct sops_style *s,
                       struct sops_buf *out, struct sops_err *e);
};

#define X(name) extern const struct sops_format sops_format_##name;
#include "formats/list.h"
#undef X

extern const struct sops_format *const sops_formats[]; /* NULL-terminated; binary is the last */
/* The format whose turn comes behind that of `last` (NULL: the first); NULL at the end. */
const struct sops_format *sops_format_to_try(const struct sops_format *last);
/* What the encrypted form of a file of format `f` is written in: `f` itself but for binary. */
static inline const struct sops_format *sops_format_sealed(const struct sops_format *f)
{
    return f->sealed != NULL ? f->sealed : f;
}
/* By the word of --input-type; NULL for any other word. */
const struct sops_format *sops_format_named(struct sops_slice word);
/* By the end of a file's name; binary when nothing fits. */
const struct sops_format *sops_format_for(struct sops_slice file_name);
/* The one that has the ending, and counts by choice only; or NULL. */
const struct sops_format *sops_format_by_choice(struct sops_slice file_name);
/* Appends the plain text of a scalar, as dotenv, INI and exec-env have it (docs/spec/20-formats.md#scalars-as-text). */
bool sops_node_plain(const struct sops_node *n, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* The one way to read a document into the empty `d`, which must be freed in any case: the format's `parse`, and code 2
 * also for a text that is too long for spans (4 GiB). */
bool sops_doc_parse(struct sops_doc *d, const struct sops_format *f, struct sops_slice in,
                    struct sops_err *e) SOPS_CHECKED;
/* The same for texts of other programs, which may hold several documents in formats where ours hold one. */
bool sops_doc_parse_row(struct sops_doc *d, const struct sops_format *f, struct sops_slice in,
                        struct sops_err *e) SOPS_CHECKED;
/* The one way to write a document: refuses one whose MAC was not verified. */
bool sops_doc_emit(const struct sops_doc *d, const struct sops_format *f, const struct sops_style *s,
                   struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* The same for one value: --extract of a node that is not a map. */
bool sops_doc_emit_value(const struct sops_doc *d, const struct sops_node *n, const struct sops_format *f,
                         const struct sops_style *s, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* What to do about metadata that are there twice. */
#define SOPS_TWO_FILES_HINT "were two encrypted files put into one? Each belongs in a file of its own"

/* What a reader notes of a number or date whose text in the file is not the one that will be written. */
#define SOPS_NOT_AS_WRITTEN "a number or date that is not kept as it is written; write it in quotes to keep it"

/* How many blanks of indentation a text may have in all: with the depth they grow without bound, from a small document.
 */
#define SOPS_BLANKS_MAX ((size_t)256 << 20)
/* Code 4 for a document that would need more. Returns false. */
bool sops_blanks_fail(struct sops_err *e);

#endif
