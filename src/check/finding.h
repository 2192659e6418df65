/* SPDX-License-Identifier: Apache-2.0 */
/* finding.h - what `sops check` finds: its ids, and a list of findings about one file (docs/spec/71-check.md#findings).
 * No text of a document ever stands in one: keys, lines, and names of files only. */
#ifndef SOPS_CHECK_FINDING_H
#define SOPS_CHECK_FINDING_H

#include "base/base.h"

enum sops_level { SOPS_LEVEL_ERROR, SOPS_LEVEL_WARNING, SOPS_LEVEL_NOTE };

/* All ids, in the order in which they are printed for one line. X(name, id, level, what it says in a few words). */
#define SOPS_FINDING_IDS                                                                                               \
    X(NOT_ENCRYPTED, "not-encrypted", ERROR, "A file that must be encrypted is plain")                                 \
    X(SYNTAX, "syntax", ERROR, "An encrypted or required file does not parse")                                         \
    X(UNRESOLVED_MERGE, "unresolved-merge", ERROR, "A merge is not finished")                                          \
    X(METADATA, "metadata", ERROR, "The metadata of an encrypted file are damaged")                                    \
    X(HAND_EDITED, "hand-edited", ERROR, "Values were changed without sops")                                           \
    X(PLAIN_LEAF, "plain-leaf", ERROR, "A value that must be encrypted is clear")                                      \
    X(NOTHING_ENCRYPTED, "nothing-encrypted", ERROR, "The rule of the file encrypts nothing")                          \
    X(CLEAR_BY_CONFIG, "clear-by-config", ERROR, "A clear value that the creation rule would encrypt")                 \
    X(BAD_CIPHER, "bad-cipher", ERROR, "A ciphertext that no key can open")                                            \
    X(COPIED_CIPHER, "copied-cipher", ERROR, "The same ciphertext stands at two places")                               \
    X(RECIPIENTS, "recipients", ERROR, "The keys are not those of the creation rule")                                  \
    X(CONFIG, "config", ERROR, "The configuration cannot work")                                                        \
    X(SECRET, "secret", ERROR, "A secret of a known form in clear text")                                               \
    X(PLAIN_COMMENT, "plain-comment", WARNING, "A comment that would be encrypted is clear")                           \
    X(SEALED_WHERE_CLEAR, "sealed-where-clear", WARNING, "A ciphertext where the rule leaves values clear")            \
    X(RULE, "rule", WARNING, "The file's rule is not that of the configuration")                                       \
    X(AAD_AMBIGUOUS, "aad-ambiguous", WARNING, "Two values can be exchanged unnoticed")                                \
    X(STALE, "stale", WARNING, "The file was not changed for longer than max_age")                                     \
    X(SECRET_LIKE, "secret-like", WARNING, "Clear text that looks like a secret")                                      \
    X(OTHER_FORMAT, "other-format", WARNING, "The file is of another format than its name says")                       \
    X(UNKNOWN_KEY, "unknown-key", WARNING, "A key of the configuration that nothing reads")                            \
    X(SHADOWED_RULE, "shadowed-rule", WARNING, "A creation rule that is never reached")                                \
    X(NO_RULE, "no-rule", NOTE, "No creation rule matches an encrypted file")                                          \
    X(UNUSED_RULE, "unused-rule", NOTE, "A creation rule that no file needs")                                          \
    X(CANNOT_OPEN, "cannot-open", ERROR, "The data key cannot be had")                                                 \
    X(LEAF, "leaf", ERROR, "A value does not open")                                                                    \
    X(MAC, "mac", ERROR, "The message authentication code is wrong")                                                   \
    X(KEY_ENTRY, "key-entry", ERROR, "An entry is not for the recipient that it names")                                \
    X(NESTED, "nested", WARNING, "A value is encrypted twice")

#define X(name, id, level, words) SOPS_FIND_##name,
enum sops_finding_id { SOPS_FINDING_IDS SOPS_FINDINGS_COUNT };
#undef X

struct sops_finding_kind {
    const char *id, *words;
    enum sops_level level;
};
extern const struct sops_finding_kind sops_finding_kinds[SOPS_FINDINGS_COUNT];
extern const char *const sops_level_words[]; /* "error", "warning", "note" */
/* SOPS_FINDINGS_COUNT for a word that is none. */
enum sops_finding_id sops_finding_named(struct sops_slice id);

struct sops_finding {
    enum sops_finding_id id;
    unsigned line;          /* 0: none */
    struct sops_slice path; /* ["db"]["password"], or empty */
    const char *message, *help;
    size_t place; /* in the order in which they were found */
};

/* The findings of one file; all texts live in its arena. Starts all-zero. */
struct sops_findings {
    struct sops_arena arena;
    struct sops_finding *list;
    size_t count, room;
};
/* Adds one; `path` is copied, the message is formatted. The help is set with sops_findings_help. */
bool sops_findings_add(struct sops_findings *f, enum sops_finding_id id, unsigned line, struct sops_slice path,
                       struct sops_err *e, const char *fmt, ...) SOPS_PRINTF(6, 7) SOPS_CHECKED;
/* The help of the one that was added last. */
bool sops_findings_help(struct sops_findings *f, struct sops_err *e, const char *fmt, ...)
    SOPS_PRINTF(3, 4) SOPS_CHECKED;
/* Puts them in order: by line, then by id, then as found. */
void sops_findings_sort(struct sops_findings *f);
/* Is there one of this id? */
bool sops_findings_have(const struct sops_findings *f, enum sops_finding_id id);
/* Forgets all but the first `count`. */
void sops_findings_cut(struct sops_findings *f, size_t count);
void sops_findings_free(struct sops_findings *f);

/* Appends `text` as a shell takes it for one word: in quotes when it needs them, and never as an option. */
bool sops_shell_word(struct sops_buf *out, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;

#endif
