/* SPDX-License-Identifier: Apache-2.0 */
/* dl.h - a shared library on first use, so that commands that do not need it do not pay for loading it. */
#ifndef SOPS_BASE_DL_H
#define SOPS_BASE_DL_H

#include "base/base.h"

/* One function to look up: its name, and where its address goes. */
struct sops_dl_symbol {
    const char *name;
    void *place; /* address of a function pointer */
};

/* Opens `soname` and fills in all symbols (the last has name NULL). On failure false, code 1, with a hint that names
 * the Debian package `package`. The library stays open until the process ends. */
bool sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *symbols,
                  struct sops_err *e) SOPS_CHECKED;

#endif
