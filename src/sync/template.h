/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - the part of Go's templates that is understood (docs/spec/73-stores.md#templates). */
#ifndef SOPS_SYNC_TEMPLATE_H
#define SOPS_SYNC_TEMPLATE_H

#include "sync/keys.h"

#define SOPS_TEMPLATE_MAX ((size_t)1 << 20) /* bytes that a template may give, in all and in each step */

/* Appends what `text` gives over the keys. Code 2 with the line in the template and the word; never more of its text,
 * and never a value. */
bool sops_template_run(struct sops_slice text, const struct sops_keys *keys, struct sops_buf *out,
                       struct sops_err *e) SOPS_CHECKED;

#endif
