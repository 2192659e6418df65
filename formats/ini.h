/* SPDX-License-Identifier: Apache-2.0 */
/* ini.h - the two halves of the INI format (docs/spec/20-formats.md#ini). */
#ifndef SOPS_FORMATS_INI_H
#define SOPS_FORMATS_INI_H

#include "core/format.h"

/* The section of what stands before the first header. */
#define SOPS_INI_DEFAULT SOPS_LIT("DEFAULT")

bool sops_ini_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e);
/* Appends a key, a value, in the quotes that it needs. */
bool sops_ini_add_key(struct sops_slice key, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
bool sops_ini_add_value(struct sops_slice value, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
bool sops_ini_emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e);

#endif
