/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preserve.h - a file that keeps its text as it is written (docs/spec/76-text-as-written.md): opening and sealing in
 * place, with the check of what is about to be written. Knows nothing of any format; envelope.h is how commands get
 * at it.
 *
 * A new text is made in two steps. First each value that is to be encrypted gets a token in its place, and that text is
 * read: so each comment is sealed for the map or list that it is read in, and the MAC counts what a reader sees. Then
 * ciphertexts take the places of the tokens, and the result is read and opened again before anybody gets it.
 */
#ifndef SOPS_CORE_PRESERVE_H
#define SOPS_CORE_PRESERVE_H

#include "core/crypt.h"
#include "core/meta.h"
#include "core/written.h"

struct sops_preserve;

/* What it works on is the envelope's, and must outlive it. NULL with `e` set on failure. */
struct sops_preserve *sops_preserve_new(const struct sops_format *f, const struct sops_style *s, struct sops_doc *doc,
                                        struct sops_meta *meta, struct sops_err *e) SOPS_CHECKED;
void sops_preserve_free(struct sops_preserve *p);

/* What of `text` is kept, where that is not all of it as it is (UTF-16): `*to`, with memory of the preserver's. */
bool sops_preserve_undress(struct sops_preserve *p, struct sops_slice text, bool sealed, struct sops_slice *to,
                           struct sops_err *e) SOPS_CHECKED;
/* `text` was read into the document, metadata still in it. */
bool sops_preserve_take(struct sops_preserve *p, struct sops_slice text, bool sealed, struct sops_err *e) SOPS_CHECKED;
/* Takes the clear text of another one, whose document is `p`'s now. False: it has none. */
bool sops_preserve_take_over(struct sops_preserve *p, struct sops_preserve *from);
/* The values of the document were opened. */
bool sops_preserve_opened(struct sops_preserve *p, struct sops_crypt *c, struct sops_err *e) SOPS_CHECKED;
/* The document will be read anew, from a text that somebody edited: takes down what the old one's slots were. */
bool sops_preserve_leave(struct sops_preserve *p, struct sops_err *e) SOPS_CHECKED;
/* The keys were wrapped anew: the metadata are written anew, and not only their time and MAC. */
void sops_preserve_new_keys(struct sops_preserve *p);

/* Why the style cannot be kept. */
struct sops_loss {
    unsigned line;
    char why[200]; /* "": it is kept */
};

/* Each appends the new text; when the style is lost, nothing, and the reason is in `loss`. False only for what has
 * nothing to do with the text (memory). */

/* Does the text that `sealed` was read from open to that of `clear`, byte for byte? Where one of them has none, its
 * layout says nothing: yes. */
bool sops_preserve_same_text(const struct sops_preserve *sealed, const struct sops_preserve *clear, bool *same,
                             struct sops_err *e) SOPS_CHECKED;
/* The opened text; `all`: with the metadata in their place. */
bool sops_preserve_open(struct sops_preserve *p, struct sops_crypt *c, bool all, struct sops_buf *out,
                        struct sops_loss *loss, struct sops_err *e) SOPS_CHECKED;
/* The sealed text, with a new time and MAC: `time` is what they are sealed with. The document stays clear. */
bool sops_preserve_seal(struct sops_preserve *p, struct sops_crypt *c, const struct sops_doc *const *old,
                        struct sops_buf *out, struct sops_loss *loss, struct sops_err *e) SOPS_CHECKED;
/* The text as it was read, with the metadata written anew. */
bool sops_preserve_swap(struct sops_preserve *p, struct sops_buf *out, struct sops_loss *loss,
                        struct sops_err *e) SOPS_CHECKED;

#endif
