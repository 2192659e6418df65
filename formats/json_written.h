/* SPDX-License-Identifier: Apache-2.0 */
/* json_written.h - JSON kept as it is written. */
#ifndef SOPS_FORMATS_JSON_WRITTEN_H
#define SOPS_FORMATS_JSON_WRITTEN_H

#include "core/written.h"

extern const struct sops_textual sops_json_textual;

#endif
