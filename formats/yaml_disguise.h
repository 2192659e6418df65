/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_disguise.h - a text as libyaml must get it to read it as the original does
 * (docs/spec/21-yaml.md#text-to-documents).
 *
 * Two things it takes otherwise: a byte order mark at the start of a later line, which is a character like any other,
 * and \' in double quotes, which stands for '. Each is replaced, before scanning, by a character that does not occur in
 * the text, and put right in the tokens. The number of characters stays, so marks hold for the text as it was.
 */
#ifndef SOPS_FORMATS_YAML_DISGUISE_H
#define SOPS_FORMATS_YAML_DISGUISE_H

#include "base/base.h"

struct sops_yaml_disguise {
    struct sops_buf text;       /* empty where nothing had to be replaced */
    char mark[4], backslash[4]; /* what stands for U+FEFF, and for the backslash of \' */
};

/* `d` is all zeros. Free it in any case. A text in which each of the 6,400 characters for private use occurs stays as
 * it is. Fails without memory. */
bool sops_yaml_disguise(struct sops_yaml_disguise *d, struct sops_slice in, struct sops_err *e) SOPS_CHECKED;
/* A text of a token as it was meant, copied to the arena. `quoted`: a scalar in double quotes. */
bool sops_yaml_reveal(const struct sops_yaml_disguise *d, struct sops_slice text, bool quoted, struct sops_arena *a,
                      struct sops_slice *to, struct sops_err *e) SOPS_CHECKED;
void sops_yaml_disguise_free(struct sops_yaml_disguise *d);

#endif
