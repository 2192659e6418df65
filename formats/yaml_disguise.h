/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_disguise.h - a text as libyaml must get it to read it as the original does
 * (docs/spec/21-yaml.md#text-to-documents), and to be done with it soon.
 *
 * Two things it takes otherwise: a byte order mark at the start of a later line, which is a character like any other,
 * and \' in double quotes, which stands for '. Each is replaced, before scanning, by a character that does not occur in
 * the text, and put right in the tokens. The number of characters stays, so marks hold for the text as it was.
 *
 * Where there is neither, one character stands for each ciphertext: libyaml takes some fifty instructions for a
 * character, and nearly all of an encrypted file is base64. Marks and texts of tokens are put right.
 */
#ifndef SOPS_FORMATS_YAML_DISGUISE_H
#define SOPS_FORMATS_YAML_DISGUISE_H

#include "base/base.h"

/* A ciphertext for which one character stands. */
struct sops_yaml_cut {
    uint32_t index;    /* of that character, among those that libyaml gets */
    uint32_t byte;     /* where the ciphertext begins in the text */
    uint32_t len;      /* how long it is */
    uint32_t left_out; /* how many characters fewer libyaml gets up to its end */
};

struct sops_yaml_disguise {
    struct sops_buf text;       /* empty where nothing had to be replaced */
    char mark[4], backslash[4]; /* what stands for U+FEFF, and for the backslash of \'; "" where nothing does */
    struct sops_yaml_cut *cut;
    size_t cuts, room;
    size_t near; /* cuts before the place that was asked for last */
};

/* `d` is all zeros. Free it in any case; `in` must live as long. A text in which each of the 6,400 characters for
 * private use occurs stays as it is. `ascii`: it has no other characters. Fails without memory. */
bool sops_yaml_disguise(struct sops_yaml_disguise *d, struct sops_slice in, bool ascii,
                        struct sops_err *e) SOPS_CHECKED;
/* The place of a character in the text, and its column, from those that libyaml tells. Returns the number of
 * ciphertexts that were cut out before it. Quick for places near the one before. */
size_t sops_yaml_place_of(struct sops_yaml_disguise *d, size_t *index, size_t *column);
/* A text of a token as it was meant, copied to the arena. `quoted`: a scalar in double quotes. The ciphertexts number
 * `from` to `to` (without that one) of the text `in` were cut out of it. */
bool sops_yaml_reveal(const struct sops_yaml_disguise *d, struct sops_slice in, struct sops_slice text, bool quoted,
                      size_t from, size_t to, struct sops_arena *a, struct sops_slice *out,
                      struct sops_err *e) SOPS_CHECKED;
void sops_yaml_disguise_free(struct sops_yaml_disguise *d);

#endif
