/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h - does a clear text hold a secret? Twelve fixed forms, and names with values that look like one
 * (docs/spec/71-check.md#secrets). What is found is never shown: only which kind it is. */
#ifndef SOPS_CHECK_SECRETS_H
#define SOPS_CHECK_SECRETS_H

#include "base/base.h"

/* The forms, compiled when a text first needs them. One for a run; for one thread at a time. */
struct sops_secrets;
struct sops_secrets *sops_secrets_new(struct sops_err *e) SOPS_CHECKED;
void sops_secrets_free(struct sops_secrets *s);

enum sops_secret_sort { SOPS_SECRET_NONE, SOPS_SECRET_FORM, SOPS_SECRET_NAMED, SOPS_SECRET_RANDOM };
struct sops_secret_hit {
    enum sops_secret_sort sort;
    const char *kind; /* FORM: "GitHub token" */
};
/* What is looked for: `forms` only, or names and entropy (above `entropy` bits a byte; 0: off), too. */
struct sops_secret_wish {
    bool forms_only;
    double entropy;
};

/* One line of text or one comment. Fails only for want of memory: then it is none, and `e` tells, here and below. */
struct sops_secret_hit sops_secrets_line(struct sops_secrets *s, struct sops_slice line,
                                         const struct sops_secret_wish *wish, struct sops_err *e);
/* One value of a document, whose (last) key is `name`. */
struct sops_secret_hit sops_secrets_value(struct sops_secrets *s, struct sops_slice name, struct sops_slice value,
                                          const struct sops_secret_wish *wish, struct sops_err *e);
/* All lines of `text`; `found` is told of each that holds something, and ends the scan when false. */
typedef bool sops_secret_fn(void *ctx, unsigned line, const struct sops_secret_hit *hit, struct sops_err *e);
bool sops_secrets_scan(struct sops_secrets *s, struct sops_slice text, const struct sops_secret_wish *wish,
                       sops_secret_fn *found, void *ctx, struct sops_err *e) SOPS_CHECKED;
/* Is it itself of a fixed form? Then it must not be shown. */
bool sops_secrets_is_form(struct sops_secrets *s, struct sops_slice text, struct sops_err *e);

/* Is a file of this name one in which only fixed forms are looked for (locks of package managers)? */
bool sops_secrets_is_lock(struct sops_slice path);

#endif
