/* SPDX-License-Identifier: Apache-2.0 */
/* A library that was opened is never closed: libcurl and others leave threads' keys and exit handlers behind that would
 * then point into nothing. */
#include "base/dl.h"

#include <dlfcn.h>

#ifdef SOPS_STATIC /* a static program would need exactly the C library that it was built with */
bool sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *symbols, struct sops_err *e)
{
    (void)package;
    (void)symbols;
    sops_fail(e, SOPS_E_GENERIC, "%s is needed for this, and is not in this build, which is static", soname);
    return sops_hint(e, "use a build of the preset release or release-portable");
}
#else
bool sops_dl_load(const char *soname, const char *package, const struct sops_dl_symbol *symbols, struct sops_err *e)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        sops_fail(e, SOPS_E_GENERIC, "cannot load the library %s: %s", soname, why != NULL ? why : "unknown cause");
        return sops_hint(e, "install the package %s", package);
    }
    for (const struct sops_dl_symbol *s = symbols; s->name != NULL; s++) {
        void *address = dlsym(library, s->name);
        if (address == NULL) {
            sops_fail(e, SOPS_E_GENERIC, "the library %s has no function %s", soname, s->name);
            return sops_hint(e, "install a newer package %s", package);
        }
        memcpy(s->place, &address, sizeof address);
    }
    return true;
}
#endif
