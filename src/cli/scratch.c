/* SPDX-License-Identifier: Apache-2.0 */
/* TMPDIR is the user's word and is not second-guessed; without it memory is better than a disk, which may keep what was
 * deleted. */
#include "cli/scratch.h"

#include "base/file.h"

#define PREFIX ".sops"

static bool make_in(const char *folder, struct sops_buf *path, struct sops_err *e)
{
    struct sops_buf parent = {0};
    bool ok = sops_path_absolute(folder, &parent, e) && sops_temp_make((const char *)parent.ptr, PREFIX, path, e);
    sops_buf_free(&parent);
    return ok;
}

bool sops_scratch_make(struct sops_world *w, struct sops_buf *path, struct sops_err *e)
{
    const char *named = sops_world_env_set(w, "TMPDIR");
    if (named != NULL) {
        return make_in(named, path, e) || sops_hint(e, "TMPDIR names this folder");
    }
    const char *const folders[] = {sops_world_env_set(w, "XDG_RUNTIME_DIR"), "/dev/shm"};
    for (size_t i = 0; i < 2; i++) {
        struct sops_err none = {0};
        if (folders[i] != NULL && make_in(folders[i], path, &none)) {
            return true;
        }
        sops_err_clear(&none);
    }
    return make_in("/tmp", path, e);
}
