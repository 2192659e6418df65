/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of certificate authorities. OpenSSL finds a certificate in one only by a name made of a hash; the reference
 * reads all files that there are. So a folder without such names is read here, and goes to libcurl as one text. */
#include "cli/world_http.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <unistd.h>

#define FILE_LIMIT ((size_t)1 << 20)
#define WHOLE_LIMIT ((size_t)16 << 20)

/* "4dbe52c1.0" */
static bool is_hash_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] != '\0' &&
           name[9 + strspn(name + 9, "0123456789")] == '\0';
}

/* Appends the file if it holds certificates; what cannot be read, or holds something else, is passed over. */
static bool add_file(const char *path, struct sops_buf *pem, struct sops_err *e)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    struct sops_err ignored = {0};
    struct sops_buf text = {0};
    bool ok = true;

    if (sops_file_read(path, FILE_LIMIT, &text, &ignored) && text.len > 0 &&
        memmem(text.ptr, text.len, mark, sizeof mark - 1) != NULL && text.len < WHOLE_LIMIT - pem->len) {
        ok = sops_buf_add(pem, sops_buf_view(&text), e) && sops_buf_addc(pem, '\n', e);
    }
    sops_buf_free(&text);
    sops_err_clear(&ignored);
    return ok;
}

static bool add_folder(const char *folder, struct sops_buf *pem, struct sops_err *e)
{
    struct sops_buf path = {0};
    size_t before = pem->len;
    const struct dirent *entry;
    bool ok = true;
    DIR *d = opendir(folder);

    while (ok && d != NULL && (entry = readdir(d)) != NULL) {
        if (is_hash_name(entry->d_name)) {
            sops_buf_cut(pem, before);
            break;
        }
        sops_buf_cut(&path, 0);
        ok = sops_buf_addf(&path, e, "%s/%s", folder, entry->d_name) && sops_buf_cstr(&path, e) != NULL &&
             (entry->d_type == DT_DIR || add_file((const char *)path.ptr, pem, e));
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    sops_buf_free(&path);
    return ok;
}

struct asked {
    const char *folders, *file;
};

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct asked *asked = arg;
    struct sops_slice rest = sops_str(asked->folders), folder, copy, *out = sops_arena_alloc(a, sizeof *out, e);
    struct sops_buf pem = {0};
    bool ok = out != NULL;

    (void)w;
    while (ok && rest.ptr != NULL && sops_slice_next(&rest, ':', &folder)) {
        ok = folder.len == 0 || (sops_arena_copy(a, folder, &copy, e) && add_folder((const char *)copy.ptr, &pem, e));
    }
    if (ok && pem.len > 0 && asked->file != NULL) {
        ok = add_file(asked->file, &pem, e);
    }
    ok = ok && sops_arena_copy(a, sops_buf_view(&pem), out, e);
    sops_buf_free(&pem);
    *made = out;
    return ok;
}

bool sops_trust_folders(struct sops_world *w, const char *folders, const char *file, struct sops_slice *pem,
                        struct sops_err *e)
{
    static const char owner;
    struct asked asked = {.folders = folders, .file = file};
    void *made;

    if (!sops_world_once(w, &owner, sops_str(folders), make, &asked, &made, e)) {
        return false;
    }
    *pem = *(struct sops_slice *)made;
    return true;
}
