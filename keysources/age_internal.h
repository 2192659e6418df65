/* SPDX-License-Identifier: Apache-2.0 */
/* age_internal.h - what the files of the age key source share: recipients, identities and their places
 * (docs/spec/61-age.md). */
#ifndef SOPS_KEYSOURCES_AGE_INTERNAL_H
#define SOPS_KEYSOURCES_AGE_INTERNAL_H

#include "base/secret.h"
#include "core/entry.h"
#include "keysources/age_file.h"

/* ---- recipients ---------------------------------------------------------------------------------------------- */

enum sops_age_recipient_kind { SOPS_AGE_TO_X25519, SOPS_AGE_TO_HYBRID, SOPS_AGE_TO_PLUGIN, SOPS_AGE_TO_SSH };

struct sops_age_recipient {
    enum sops_age_recipient_kind kind;
    struct sops_slice text; /* as given */
    struct sops_slice name; /* of a plugin */
    struct sops_buf key;    /* the payload, or the SSH public key as it goes over the wire */
};

/* `text` must outlive `out`. Messages quote it, unless it may be a private identity. */
bool sops_age_recipient_parse(struct sops_slice text, struct sops_age_recipient *out, struct sops_err *e) SOPS_CHECKED;
void sops_age_recipient_free(struct sops_age_recipient *r);

/* Wraps the file key in a stanza, which lives in `a`. */
typedef bool sops_age_wrap_fn(struct sops_world *w, const struct sops_age_recipient *r,
                              const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_arena *a,
                              struct sops_age_stanza **out, struct sops_err *e);
sops_age_wrap_fn sops_age_x25519_wrap, sops_age_hybrid_wrap, sops_age_ssh_wrap, sops_age_plugin_wrap;

/* A stanza of type `type` with up to two more arguments (empty: none); lives in `a`. NULL without memory, `e` is set.
 */
struct sops_age_stanza *sops_age_stanza_new(struct sops_arena *a, const char *type, struct sops_slice first,
                                            struct sops_slice second, struct sops_slice body,
                                            struct sops_err *e) SOPS_CHECKED;

/* What several kinds of stanza need: ChaCha20-Poly1305 of the file key; an argument in raw base64 that has `size`
 * bytes; a text in raw base64, in `a`. */
void sops_age_key_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t file_key[SOPS_AGE_FILE_KEY],
                       uint8_t body[SOPS_AGE_WRAPPED]);
bool sops_age_key_open(const uint8_t key[32], const uint8_t nonce[12], struct sops_slice body,
                       uint8_t file_key[SOPS_AGE_FILE_KEY]);
bool sops_age_bytes_take(struct sops_slice text, uint8_t *out, size_t size);
bool sops_age_bytes_text(struct sops_arena *a, const uint8_t *bytes, size_t size, struct sops_slice *out,
                         struct sops_err *e) SOPS_CHECKED;
extern const uint8_t sops_age_zero_nonce[12];

/* ---- identities ---------------------------------------------------------------------------------------------- */

enum sops_age_match {
    SOPS_AGE_NOT_MINE, /* `e` is not set: the next identity may fit */
    SOPS_AGE_MINE,
    SOPS_AGE_BROKEN, /* `e` is set: final for this entry */
};

struct sops_age_identity;
typedef enum sops_age_match sops_age_unwrap_fn(struct sops_world *w, struct sops_age_identity *id,
                                               const struct sops_age_header *h, uint8_t file_key[SOPS_AGE_FILE_KEY],
                                               struct sops_err *e);
sops_age_unwrap_fn sops_age_x25519_unwrap, sops_age_hybrid_unwrap, sops_age_ssh_unwrap, sops_age_plugin_unwrap,
    sops_age_protected_unwrap;
/* Sets `e` to "bad TYPE stanza: WHY". */
enum sops_age_match sops_age_broken(struct sops_err *e, const char *type, const char *why);

/* Identities are tried in this order: what asks nothing comes first. */
enum sops_age_rank {
    SOPS_AGE_NATIVE,   /* X25519 and hybrid */
    SOPS_AGE_COMPUTES, /* SSH keys without a passphrase */
    SOPS_AGE_ASKS,     /* SSH keys with one, protected identities, plugins */
};

struct sops_age_identity {
    sops_age_unwrap_fn *unwrap;
    enum sops_age_rank rank;
    struct sops_slice source; /* the variable or the path that it came from */
    unsigned line;            /* in its text; 0: it is not of lines */
    struct sops_slice secret; /* scalar, seed, plugin identity, protected or SSH key file: in locked pages of the set */
    void *more;               /* what the kind needs besides */
    bool asked_once;          /* many files: when the user cannot unlock it, nobody is asked for the next file */
    struct sops_slice locked; /* why it could not be unlocked then; or empty */
    struct sops_age_set *set; /* that it belongs to */
    struct sops_age_identity *next;
};

/* The identities of one source, in its order. */
struct sops_age_set {
    struct sops_arena arena;
    struct sops_age_identity *first, *last;
    struct sops_age_pages *pages; /* the secrets */
    struct sops_slice source;     /* what the user sees */
    struct sops_slice error;      /* what is wrong with this source, or empty */
    struct sops_buf decoded;      /* an identity while it is parsed; locked */
    struct sops_age_set *inner;   /* what its protected identity held, once that is open */
    bool unused;                  /* not set, or without an identity */
    bool readable;                /* there was something to read */
};

/* Was it found before that the user cannot unlock it? Then `e` says so again. */
bool sops_age_given_up(const struct sops_age_identity *id, struct sops_err *e);
/* The user cannot unlock it, `e` says why. Always false. */
bool sops_age_give_up(struct sops_age_identity *id, const struct sops_err *e);
/* Puts one more identity at the end; `secret` is copied into locked pages. NULL with `e` set on failure. */
struct sops_age_identity *sops_age_set_add(struct sops_age_set *set, sops_age_unwrap_fn *unwrap,
                                           struct sops_slice secret, struct sops_err *e) SOPS_CHECKED;
/* `size` bytes of locked memory that lives as long as the set. */
uint8_t *sops_age_set_lock(struct sops_age_set *set, size_t size, struct sops_err *e) SOPS_CHECKED;
void sops_age_set_free(struct sops_age_set *set);
/* What identities work out when they are first used is put into their sets by one thread at a time. */
void sops_age_set_hold(void);
void sops_age_set_release(void);

enum sops_age_text {
    SOPS_AGE_TEXT_LINES,  /* one identity a line */
    SOPS_AGE_TEXT_WORDS,  /* several on a line */
    SOPS_AGE_TEXT_NATIVE, /* lines of X25519 and hybrid identities only: what was protected by a passphrase */
};
/* Appends the identities of `text`. When one is bad the set must not be used. */
bool sops_age_set_parse(struct sops_age_set *set, struct sops_slice text, enum sops_age_text how,
                        struct sops_err *e) SOPS_CHECKED;

/* What the eight sources gave (docs/spec/61-age.md#identity-sources). */
#define SOPS_AGE_SOURCES 8
struct sops_age_identities {
    struct sops_age_set *set[SOPS_AGE_SOURCES];
    struct sops_age_set own[SOPS_AGE_SOURCES]; /* of commands; the others are kept for all */
    size_t count;                              /* of identities */
    bool asks;                                 /* there are some that may ask the user */
    struct sops_buf sources;                   /* what is wrong with which, and which gave none: the end of a message */
};
/* Reads the sources, once for the whole run; `recipient` is what the commands see: they run once for each. False only
 * without memory: what is wrong with a source stands in its set. */
bool sops_age_identities_load(struct sops_world *w, struct sops_slice recipient, const struct sops_age_identities **out,
                              struct sops_err *e) SOPS_CHECKED;

/* What is in the eight places, without running a command or asking (struct sops_keysource). */
bool sops_age_places(struct sops_world *w, struct sops_arena *a, struct sops_place **out, struct sops_err *e);
/* Opens an entry with one identity alone. */
bool sops_age_unwrap_with(struct sops_world *w, const void *handle, const struct sops_key *k, struct sops_buf *plain,
                          struct sops_err *e);
/* Type and public key of an SSH identity, appended as a recipient is written. */
bool sops_age_ssh_recipient(const struct sops_age_identity *id, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* The recipient of a native identity, appended as text. */
bool sops_age_native_recipient(const struct sops_age_identity *id, struct sops_buf *out,
                               struct sops_err *e) SOPS_CHECKED;

/* The same for the seed of a hybrid one. */
bool sops_age_hybrid_recipient(struct sops_slice seed, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* ---- passphrases --------------------------------------------------------------------------------------------- */

/* Is this an age file (binary or armored) in place of identities? */
bool sops_age_is_protected(struct sops_slice text);
/* Appends one lazy identity for it. */
bool sops_age_protected_add(struct sops_age_set *set, struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
/* The file key of a file whose only stanza is `scrypt`. */
enum sops_age_match sops_age_scrypt_unwrap(struct sops_slice passphrase, const struct sops_age_header *h,
                                           uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *e);

/* The passphrase that gpg-agent has under `cache_id`, or asks the user for with `prompt`
 * (docs/spec/61-age.md#passphrase-protected-identities). */
enum sops_age_agent {
    SOPS_AGE_AGENT_NONE, /* cannot be reached; `e` is not set */
    SOPS_AGE_AGENT_GAVE,
    SOPS_AGE_AGENT_FAILED, /* `e` is set */
};
enum sops_age_agent sops_age_agent_ask(struct sops_world *w, const char *cache_id, const char *prompt,
                                       struct sops_buf *passphrase, struct sops_err *e);
/* Has it forget a wrong one; a failure is only warned of. */
void sops_age_agent_forget(struct sops_world *w, const char *cache_id);

/* ---- SSH ----------------------------------------------------------------------------------------------------- */

/* Appends the identity of a private key file's text; `path` is NULL for a command's output, which must not be
 * encrypted. */
bool sops_age_ssh_add(struct sops_age_set *set, const char *path, struct sops_slice text,
                      struct sops_err *e) SOPS_CHECKED;
/* The public key of a recipient, one or more lines of authorized_keys, as it goes over the wire, appended. */
bool sops_age_ssh_public(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

/* ---- opening (age_open.c) ------------------------------------------------------------------------------------- */

/* sops_keysource.unwrap and .unwrap_many. */
bool sops_age_unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain,
                     struct sops_err *e) SOPS_CHECKED;
bool sops_age_unwrap_many(struct sops_world *w, const struct sops_lot *lot, size_t lots,
                          struct sops_err *e) SOPS_CHECKED;
/* The age file in an armored text, and its header, which lives as long as `file`. */
bool sops_age_entry_parse(struct sops_slice enc, struct sops_buf *file, struct sops_age_header *h,
                          struct sops_err *e) SOPS_CHECKED;

/* ---- plugins ------------------------------------------------------------------------------------------------- */

/* The plugin's name in a Bech32 prefix ("age1NAME", "AGE-PLUGIN-NAME-"); empty when it is none that may be run. */
struct sops_slice sops_age_plugin_name(struct sops_slice hrp, bool identity);

/* One file key that a plugin wraps. */
struct sops_age_plugin_key {
    const uint8_t *file_key; /* SOPS_AGE_FILE_KEY bytes */
    struct sops_age_stanza *stanzas;
};
/* Has the plugin of `r` wrap all file keys in one process; the stanzas live in `a`. */
bool sops_age_plugin_wrap_run(struct sops_world *w, const struct sops_age_recipient *r, struct sops_age_plugin_key *key,
                              size_t keys, struct sops_arena *a, struct sops_err *e) SOPS_CHECKED;
/* The plugin's name of an identity; empty when it has none that may be run. */
struct sops_slice sops_age_plugin_of(const struct sops_age_identity *id);

/* One of the files of a run of identity-v1. */
struct sops_age_plugin_file {
    struct sops_slice enc;           /* the armored text; or */
    const struct sops_age_header *h; /* its header, when that is at hand */
    enum sops_age_match match;       /* BROKEN: an error of this file's own, in `why` */
    uint8_t file_key[SOPS_AGE_FILE_KEY];
    struct sops_buf why;
};
/* Asks the plugin of `id` for the file keys of all files in one process. False when the run failed: `e` is then the
 * error of all that are still NOT_MINE; what came before counts. */
bool sops_age_plugin_run(struct sops_world *w, const struct sops_age_identity *id, struct sops_age_plugin_file *file,
                         size_t files, struct sops_err *e) SOPS_CHECKED;

#endif
