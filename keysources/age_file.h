/* SPDX-License-Identifier: Apache-2.0 */
/* age_file.h - the age v1 file format (docs/spec/61-age.md#age-v1-file-format): stanzas, header with its MAC, STREAM
 * payload, armor. */
#ifndef SOPS_KEYSOURCES_AGE_FILE_H
#define SOPS_KEYSOURCES_AGE_FILE_H

#include "core/world.h"

#define SOPS_AGE_FILE_KEY 16 /* bytes of a file key */
#define SOPS_AGE_WRAPPED 32  /* of a file key with its Poly1305 tag */

/* One line of arguments and a body; also the message of the plugin protocol. */
struct sops_age_stanza {
    const struct sops_slice *arg; /* arg[0] is the type */
    size_t args;                  /* at least 1 */
    struct sops_slice body;
    struct sops_age_stanza *next;
};

struct sops_age_header {
    struct sops_arena arena; /* stanzas, arguments, bodies */
    struct sops_age_stanza *stanzas;
    size_t count;
    struct sops_slice hashed;  /* what the MAC is made of, in the file */
    struct sops_slice nonce;   /* of the payload, in the file */
    struct sops_slice payload; /* the STREAM, in the file */
    uint8_t mac[32];
};

/* How many bytes the first stanza in `text` takes; 0 when it is not there whole yet. */
size_t sops_age_stanza_size(struct sops_slice text);
/* Takes one stanza from the front of `*rest`; everything of it lives in `a`. */
bool sops_age_stanza_parse(struct sops_slice *rest, struct sops_arena *a, struct sops_age_stanza *out,
                           struct sops_err *e) SOPS_CHECKED;
/* Appends its text. */
bool sops_age_stanza_emit(const struct sops_age_stanza *s, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* True when its type is `type`. */
bool sops_age_stanza_is(const struct sops_age_stanza *s, const char *type);

/* `file` must outlive `out`. Checks the grammar, not the MAC. */
bool sops_age_header_parse(struct sops_slice file, struct sops_age_header *out, struct sops_err *e) SOPS_CHECKED;
void sops_age_header_free(struct sops_age_header *h);
/* Compares the MAC in constant time. */
bool sops_age_header_check(const struct sops_age_header *h, const uint8_t key[SOPS_AGE_FILE_KEY],
                           struct sops_err *e) SOPS_CHECKED;
/* Appends the whole plaintext, or nothing. */
bool sops_age_payload_open(const struct sops_age_header *h, const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_buf *out,
                           struct sops_err *e) SOPS_CHECKED;
/* Appends a binary file with these stanzas, which wrap `key`. */
bool sops_age_file_seal(struct sops_world *w, const struct sops_age_stanza *stanzas,
                        const uint8_t key[SOPS_AGE_FILE_KEY], struct sops_slice plain, struct sops_buf *out,
                        struct sops_err *e) SOPS_CHECKED;

/* STREAM alone: appends the chunks of `plain`; appends the plaintext of `in`, or nothing. */
bool sops_age_stream_seal(const uint8_t key[32], struct sops_slice plain, struct sops_buf *out,
                          struct sops_err *e) SOPS_CHECKED;
bool sops_age_stream_open(const uint8_t key[32], struct sops_slice in, struct sops_buf *out,
                          struct sops_err *e) SOPS_CHECKED;

/* Appends `bytes` in ASCII armor, ending in LF; appends the bytes of the armored `text`. */
bool sops_age_armor(struct sops_slice bytes, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
bool sops_age_dearmor(struct sops_slice text, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
