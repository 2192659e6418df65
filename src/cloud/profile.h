/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - the INI files of AWS and Huawei: sections of "key = value", nested blocks of AWS's `services`. */
#ifndef SOPS_CLOUD_PROFILE_H
#define SOPS_CLOUD_PROFILE_H

#include "base/base.h"

/* One setting. A nested one, `endpoint_url = U` below `kms =`, has the key "kms.endpoint_url". Keys are in lower case.
 */
struct sops_setting {
    struct sops_slice section, key, value;
    struct sops_setting *next;
};
struct sops_ini {
    struct sops_setting *first, *last;
    struct sops_ini_section *sections; /* their names, also of empty ones */
};

/* Appends what `text` holds; everything lives in `a`. `rename` (may be NULL) makes the name under which a section is
 * kept ("profile prod" is "prod"); false leaves the section out. Lines that are nothing are passed over. */
bool sops_ini_read(struct sops_ini *ini, struct sops_arena *a, struct sops_slice text,
                   bool (*rename)(struct sops_slice name, struct sops_slice *kept), struct sops_err *e) SOPS_CHECKED;
/* The last value given for the key; NULL when there is none. */
const struct sops_setting *sops_ini_find(const struct sops_ini *ini, struct sops_slice section, struct sops_slice key);
bool sops_ini_has(const struct sops_ini *ini, struct sops_slice section);

#endif
