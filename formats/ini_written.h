/* SPDX-License-Identifier: Apache-2.0 */
/* ini_written.h - INI kept as it is written. */
#ifndef SOPS_FORMATS_INI_WRITTEN_H
#define SOPS_FORMATS_INI_WRITTEN_H

#include "core/written.h"

extern const struct sops_textual sops_ini_textual;

#endif
