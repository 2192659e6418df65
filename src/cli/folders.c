/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/folders.h"

#include "base/file.h"

void sops_folders_open(struct sops_folders *f) { (void)pthread_mutex_init(&f->lock, NULL); }

void sops_folders_later(void *ctx, const char *folder)
{
    struct sops_folders *f = ctx;
    struct sops_slice copy;
    struct sops_err none = {0};
    (void)pthread_mutex_lock(&f->lock);
    if (sops_table_get(&f->known, sops_str(folder)) == NULL) {
        void **place = sops_arena_copy(&f->arena, sops_str(folder), &copy, &none)
                           ? sops_table_put(&f->known, copy, NULL, &none)
                           : NULL;
        if (place != NULL) {
            *place = (void *)(uintptr_t)copy.ptr;
        } else {
            sops_folder_sync(folder);
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
    sops_err_clear(&none);
}

void sops_folders_close(struct sops_folders *f)
{
    void *folder;
    for (size_t at = 0; sops_table_each(&f->known, &at, &folder);) {
        sops_folder_sync(folder);
    }
    sops_table_free(&f->known);
    sops_arena_free(&f->arena);
    (void)pthread_mutex_destroy(&f->lock);
}
