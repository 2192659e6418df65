/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of one file: the first byte chooses its name, what stands before the first NUL is a configuration, the rest
 * the file. Findings must be well formed and must not hold what was marked as clear text.
 */
#include "check/file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t fuzz_now(struct sops_world *w)
{
    (void)w;
    return 1775037600;
}

static const char *no_env(struct sops_world *w, const char *name)
{
    (void)w;
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/w/s/a.yaml", "/w/s/a.json", "/w/s/a.env",
                                        "/w/s/a.ini",  "/w/s/a.bin",  "/w/a.txt"};
    static struct sops_secrets *secrets;
    struct sops_world w = {.now = fuzz_now, .env = no_env};
    struct sops_err e = {0};
    struct sops_judge j = {0};
    struct sops_names n = {0};
    struct sops_checked c = {0};
    if (size == 0) {
        return 0;
    }
    const char *name = names[data[0] % 6];
    struct sops_slice in = sops_slice_of(data + 1, size - 1), config = sops_slice_first(in, sops_slice_find(in, 0));
    secrets = secrets != NULL ? secrets : sops_secrets_new(&e);
    if (secrets == NULL || !sops_judge_make(&j, &w, "/w/.sops.yaml", ".sops.yaml", config, &e) ||
        !sops_names_read(&n, &w, j.config.doc.parts, config, &e)) {
        abort();
    }
    struct sops_subject s = {.name = name + 3,
                             .absolute = sops_str(name),
                             .text = sops_slice_skip(in, config.len + 1),
                             .judge = &j,
                             .names = &n,
                             .secrets = secrets,
                             .command = "sops",
                             .now = fuzz_now(&w),
                             .scan = true,
                             .drift = true};
    if (!sops_check_file(&s, &c, &e)) {
        abort();
    }
    for (size_t i = 0; i < c.found.count; i++) {
        if (c.found.list[i].message == NULL || c.found.list[i].help == NULL) {
            abort();
        }
    }
    sops_checked_free(&c);
    sops_names_free(&n);
    sops_judge_free(&j);
    sops_err_clear(&e);
    return 0;
}
