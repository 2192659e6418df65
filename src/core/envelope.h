/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h - one sealed file: from its text to its values, changed, and back to text. Free of the command line; every
 * command stands on it.
 *
 *     read a file       parse · unwrap (or take_key) · open · verify
 *     change it         change the tree of sops_envelope_clear, or parse_clear with a new text
 *     write it          (new_key · wrap) · ready · seal · emit
 *     only its keys     parse · unwrap · change the metadata · wrap · emit · keeps
 *
 * The state of an envelope says what may be had from it: nobody outside of envelope.c sees its tree but through the
 * functions below, and those that give clear text refuse it until the MAC was found right.
 *
 *     CLOSED       parse: values are ciphertexts, the metadata are taken out
 *     UNVERIFIED   open: clear, and not to be let out
 *     CLEAR        verify, trust, parse_clear; and an empty one, in which a tree may be built
 *     SEALED       seal: ciphertexts again, MAC and time are new
 *
 * There may be many at a time, with the same or different keys; each is for one thread at a time. What a reader or the
 * opening has to remark is said through the world, as warnings that begin with the envelope's name.
 */
#ifndef SOPS_CORE_ENVELOPE_H
#define SOPS_CORE_ENVELOPE_H

#include "base/secret.h"
#include "core/crypt.h"
#include "core/meta.h"
#include "core/service.h"

struct sops_envelope;
struct sops_wrapped; /* datakey.h */

/* An empty one. `name` is what messages call it (the file, "stdin"); it is the caller's, and must outlive the envelope.
 * NULL with `e` set on failure. */
struct sops_envelope *sops_envelope_new(struct sops_world *w, const char *name, struct sops_err *e) SOPS_CHECKED;
/* Wipes and frees it; NULL is fine. */
void sops_envelope_free(struct sops_envelope *v);

/* Its text is kept as it is written, where `s` says so and the format can: to be said before it is read
 * (docs/spec/76-text-as-written.md). Where that is not possible the writer of the format lays it out, with a warning;
 * with SOPS_KEEP_STRICT it is code 4. `s` says as well how a text is to be read. */
bool sops_envelope_style(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                         struct sops_err *e) SOPS_CHECKED;
/* What else is read and written: `to` is the format of what is written. `elsewhere`: values and names are used, or
 * written in another format. */
void sops_envelope_turn_into(struct sops_envelope *v, const struct sops_format *to, const struct sops_style *s,
                             bool elsewhere);
/* … but not any more: what will be written is not the whole document. */
void sops_envelope_lay_out(struct sops_envelope *v);

/* ---- from text ------------------------------------------------------------------------------------------------ */

/* Reads sealed text of a file of format `f` into an empty envelope: CLOSED. `text` may be freed afterwards. Code 1 with
 * line for what cannot be parsed, and for metadata that are not there or not good. */
bool sops_envelope_parse(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                         struct sops_err *e) SOPS_CHECKED;
/* The two halves of it, for what may not be sealed at all: ask sops_envelope_has_meta between them. */
bool sops_envelope_parse_tree(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                              struct sops_err *e) SOPS_CHECKED;
/* Instead of the first half: a tree that was read from sealed text, and put together. `d` is empty afterwards. */
void sops_envelope_take_tree(struct sops_envelope *v, struct sops_doc *d);
bool sops_envelope_detach(struct sops_envelope *v, const struct sops_format *f, struct sops_err *e) SOPS_CHECKED;
/* Reads clear text as the new content: CLEAR. Into an empty envelope it is a new file; in one that was opened it takes
 * the place of the tree, whose ciphertexts stay at hand for values that did not change. Code 2. */
bool sops_envelope_parse_clear(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                               struct sops_err *e) SOPS_CHECKED;
/* The same with the tree of `from`, which is CLEAR and is left empty: NULL never, code 51 when it is not CLEAR. */
bool sops_envelope_take_clear(struct sops_envelope *v, struct sops_envelope *from, struct sops_err *e) SOPS_CHECKED;
/* The same with text that sops_envelope_emit_all wrote, and somebody changed: its metadata become the envelope's. They
 * must be good and hold a key. `*same_shares`: every key stands, with the same wrapped data key, where it stood in the
 * file, as many groups and the same threshold; else wrap before sealing, or nobody can open the result. */
bool sops_envelope_parse_all(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                             bool *same_shares, struct sops_err *e) SOPS_CHECKED;

/* ---- metadata and data key ------------------------------------------------------------------------------------ */

/* Its metadata, to be read and changed; they live as long as the envelope. */
struct sops_meta *sops_envelope_meta(struct sops_envelope *v);
/* Is the version in the metadata one that sops can have written? Code 1. */
bool sops_envelope_check_version(const struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* Has the data key by the services, keys in `order` (sops_datakey_unwrap), files of a sops before 3.3.0 included. Code
 * 128. */
bool sops_envelope_unwrap(struct sops_envelope *v, struct sops_service *services, struct sops_slice order,
                          struct sops_err *e) SOPS_CHECKED;
/* Takes a copy of a data key that is at hand instead. */
bool sops_envelope_take_key(struct sops_envelope *v, struct sops_slice key, struct sops_err *e) SOPS_CHECKED;
/* Takes the data key of `other` when it is wrapped in both for the same key by the same text, and `*taken` says so:
 * nobody has to be asked twice. */
bool sops_envelope_share_key(struct sops_envelope *v, const struct sops_envelope *other, bool *taken,
                             struct sops_err *e) SOPS_CHECKED;
/* The data key, in locked memory of the envelope's; empty before unwrap, take_key or new_key. */
struct sops_slice sops_envelope_key(const struct sops_envelope *v);
/* A new data key, which is not wrapped yet: every ciphertext will be new. `made` is one that was made before for this
 * file and no other, or empty. */
bool sops_envelope_new_key(struct sops_envelope *v, struct sops_slice made, struct sops_err *e) SOPS_CHECKED;
/* The data key that is there, wrapped for all keys of the metadata: fills in their `enc`. `before`: sops_datakey_wrap.
 * Code 1. */
bool sops_envelope_wrap(struct sops_envelope *v, struct sops_service *services, struct sops_wrapped *before,
                        struct sops_err *e) SOPS_CHECKED;
/* Keys or settings in the metadata are others than those that were read: of a text that is kept, all of its metadata
 * are written anew, and not only time and MAC. Wrapping says so itself. */
void sops_envelope_renew(struct sops_envelope *v);
/* The same as wrap for those that lack it (sops_datakey_wrap_missing). */
bool sops_envelope_wrap_missing(struct sops_envelope *v, struct sops_service *services,
                                struct sops_err *e) SOPS_CHECKED;

/* ---- to clear values ------------------------------------------------------------------------------------------ */

/* Opens all values: CLOSED to UNVERIFIED. Code 25. The rules mark the tree first, as comment rules see comments as they
 * stand in the file; a regex of the file's that does not compile matches nothing, with a warning: it must stay possible
 * to get at what is in it. */
bool sops_envelope_open(struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* Marks the leaves of a CLOSED one by its rules, so that ciphertexts can be told from what is clear. */
bool sops_envelope_mark(struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* Does the ciphertext `enc` open at the place `aad`, with the data key, to this kind and text? */
bool sops_envelope_opens_to(struct sops_envelope *v, struct sops_slice enc, struct sops_slice aad, enum sops_kind kind,
                            struct sops_slice text, bool *yes, struct sops_err *e) SOPS_CHECKED;
/* The same as opening, going on after failures: `fault` is told of each value that does not open, and why. After one
 * there is no way to CLEAR. False only for what is not about a value (memory; a tree that cannot be walked). */
bool sops_envelope_open_each(struct sops_envelope *v, sops_fault_fn *fault, void *ctx, struct sops_err *e) SOPS_CHECKED;
/* Compares the MACs: UNVERIFIED to CLEAR. Code 51. */
bool sops_envelope_verify(struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* CLEAR without: for --ignore-mac, and nothing else. */
void sops_envelope_trust(struct sops_envelope *v);

/* The clear document, to be given out or changed. NULL with code 51 unless CLEAR. */
struct sops_doc *sops_envelope_clear(struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* The document in whatever state, to look at: for checks, and for comparing with other versions. Nothing of it may be
 * let out as the file's content. */
const struct sops_doc *sops_envelope_look(const struct sops_envelope *v);
/* Is there a document in it? Else code 92: there is nothing to encrypt. */
bool sops_envelope_not_empty(const struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* Are there metadata (or something in their place) in the document by the layout of `f`? */
bool sops_envelope_has_meta(const struct sops_envelope *v, const struct sops_format *f);

/* ---- to text -------------------------------------------------------------------------------------------------- */

/* Ciphertexts of `other`, which must outlive the next seal, may be written again, too, as far as the data keys are the
 * same. At most SOPS_ENVELOPE_LENDERS; the first that is named comes first. */
#define SOPS_ENVELOPE_LENDERS 4
void sops_envelope_reuse(struct sops_envelope *v, const struct sops_envelope *other);
/* Could it be sealed and written in the format `f`? Code 4 for several documents where there is one, 1 for a regex that
 * does not compile. Changes nothing. */
bool sops_envelope_ready(struct sops_envelope *v, const struct sops_format *f, struct sops_err *e) SOPS_CHECKED;
/* Seals all values with the data key, and MAC and time into the metadata: CLEAR to SEALED. Values that did not change
 * keep their ciphertexts (reuse.h). Code 23. */
bool sops_envelope_seal(struct sops_envelope *v, enum sops_reuse_which which, struct sops_err *e) SOPS_CHECKED;
/* Puts every value that was opened from a ciphertext back to that, whatever it says, and leaves all others: CLEAR to
 * SEALED. For texts that belong to no file yet, as both sides of a conflict do; nothing is encrypted. */
bool sops_envelope_close(struct sops_envelope *v, struct sops_err *e) SOPS_CHECKED;
/* Both in one, for a text that is kept: SOPS_OK and the text, when it could be; `*done` is false when there is none to
 * keep, and then the document is to be sealed and written as ever. The document stays clear. */
bool sops_envelope_seal_kept(struct sops_envelope *v, struct sops_buf *out, bool *done,
                             struct sops_err *e) SOPS_CHECKED;
/* Appends the sealed text (CLOSED or SEALED) in the encrypted form of `f`. What was sealed just now is read back where
 * a format cannot hold everything. Code 4, 23. The tree stays as it was. */
bool sops_envelope_emit(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                        struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Appends the clear text (CLEAR, else code 51). Code 4. */
bool sops_envelope_emit_clear(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                              struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* Is the text that `v` is kept as it is written, when it is open, that of `clear`? Yes where one of them is not kept.
 */
bool sops_envelope_same_text(const struct sops_envelope *v, const struct sops_envelope *clear, bool *same,
                             struct sops_err *e) SOPS_CHECKED;
/* Appends clear values with the metadata, in the encrypted form of `f`: for sops_envelope_parse_all. */
bool sops_envelope_emit_all(struct sops_envelope *v, const struct sops_format *f, const struct sops_style *s,
                            struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* ---- is what is about to be written good? --------------------------------------------------------------------- */

/*
 * Whoever wraps a data key anew could leave a file that nobody can open, so the text is read again before it takes the
 * place of the old one. Keys are not asked again: that would ask for PINs and servers twice. Code 1, 25, 51.
 */

/* `text`, of format `f`, has the keys and the values, still sealed, of `v`. For a data key that stays. */
bool sops_envelope_keeps(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                         struct sops_err *e) SOPS_CHECKED;
/* `text` has the keys of `v`, and opens with its data key, its MAC included. For a data key that is new. Frees the tree
 * of `v`: two at a time would double what a large file needs. */
bool sops_envelope_opens_again(struct sops_envelope *v, const struct sops_format *f, struct sops_slice text,
                               struct sops_err *e) SOPS_CHECKED;

#endif
