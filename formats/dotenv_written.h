/* SPDX-License-Identifier: Apache-2.0 */
/* dotenv_written.h - dotenv kept as it is written. */
#ifndef SOPS_FORMATS_DOTENV_WRITTEN_H
#define SOPS_FORMATS_DOTENV_WRITTEN_H

#include "core/written.h"

extern const struct sops_textual sops_dotenv_textual;

#endif
