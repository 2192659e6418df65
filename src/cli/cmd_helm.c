/* SPDX-License-Identifier: Apache-2.0 */
/* helm: what Helm 3 and 4 call to read encrypted files, and the folders that tell them so
 * (docs/spec/74-kubernetes-and-exec.md#helm). */
#include "base/file.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/seal.h"
#include "cli/ui.h"
#include "core/meta.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCHEME "sops://"
#define HEAD(name) "name: " name "\nversion: \"" SOPS_VERSION "\"\n"
#define DOWNLOAD "command: \"sops helm download\"\n"

/* The plugins, in the order in which they are told. */
static const struct {
    const char *folder, *text;
} plugins[] = {
    {"helm3/sops", HEAD("sops") "usage: \"values and files that sops encrypted\"\n"
                                "description: \"-f sops://FILE, --set-file NAME=sops://FILE\"\n"
                                "downloaders:\n"
                                "  - " DOWNLOAD "    protocols: [sops]\n"},
    {"helm4/sops-getter", HEAD("sops-getter") "apiVersion: v1\n"
                                              "type: getter/v1\n"
                                              "runtime: subprocess\n"
                                              "config:\n"
                                              "  protocols: [sops]\n"
                                              "runtimeConfig:\n"
                                              "  protocolCommands:\n"
                                              "    - protocols: [sops]\n"
                                              "      platformCommand:\n"
                                              "        - " DOWNLOAD},
    {"helm4/sops-post-render", HEAD("sops-post-render") "apiVersion: v1\n"
                                                        "type: postrenderer/v1\n"
                                                        "runtime: subprocess\n"
                                                        "runtimeConfig:\n"
                                                        "  platformCommand:\n"
                                                        "    - command: \"${HELM_PLUGIN_DIR}/sops\"\n"
                                                        "      args: [\"krm\", \"--stream\"]\n"},
};

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

static bool find_self(char self[PATH_MAX], struct sops_err *e)
{
    return realpath("/proc/self/exe", self) != NULL ||
           sops_fail(e, SOPS_E_GENERIC, "cannot tell where this program is: %s", sops_os_error(errno));
}

/* FOLDER/sops; a new link takes the place of an old one at once. */
static bool put_link(const char *folder, const char *to, struct sops_err *e)
{
    struct sops_buf name = {0};
    struct sops_arena a = {0};
    const char *path = sops_arena_text(&a, e, "%s/sops", folder);
    bool ok =
        path != NULL && sops_temp_name(folder, "sops.new-", &name, e) && sops_temp_remember((const char *)name.ptr, e);
    if (ok) {
        const char *made = (const char *)name.ptr;
        if (symlink(to, made) == 0 && rename(made, path) == 0) {
            sops_temp_forget(made);
        } else {
            ok = sops_fail(e, SOPS_E_GENERIC, "cannot make the link '%s': %s", path, sops_os_error(errno));
            sops_temp_remove(made);
        }
    }
    sops_buf_free(&name);
    sops_arena_free(&a);
    return ok;
}

static bool write_plugin(const char *folder, const char *text, const char *self, struct sops_err *e)
{
    struct sops_arena a = {0};
    const char *yaml = sops_arena_text(&a, e, "%s/plugin.yaml", folder);
    bool ok = yaml != NULL && (sops_make_folders(yaml, e) || sops_recode(e, SOPS_E_GENERIC)) &&
              (sops_file_replace(yaml, sops_str(text), 0666, NULL, e) || sops_recode(e, SOPS_E_GENERIC)) &&
              put_link(folder, self, e);
    sops_arena_free(&a);
    return ok;
}

static bool run_plugins(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    char self[PATH_MAX];
    (void)w;
    struct sops_buf paths = {0};
    struct sops_arena a = {0};
    if (o->argc != 1 || o->args[0][0] == '\0') {
        return sops_fail(e, SOPS_E_GENERIC, "one folder is wanted: sops helm plugins DIR");
    }
    bool ok = find_self(self, e);
    for (size_t i = 0; ok && i < sizeof plugins / sizeof *plugins; i++) {
        const char *folder = sops_arena_text(&a, e, "%s/%s", o->args[0], plugins[i].folder);
        ok = folder != NULL && write_plugin(folder, plugins[i].text, self, e) && sops_buf_adds(&paths, folder, e) &&
             sops_buf_addc(&paths, '\n', e);
    }
    ok = ok && sops_ui_out(sops_buf_view(&paths), e);
    sops_buf_free(&paths);
    sops_arena_free(&a);
    return ok;
}

/* ---- download ---------------------------------------------------------------------------------------------------- */

static bool own_url(struct sops_job *j, struct sops_err *e)
{
    const char *url = j->opt->argc == 4 ? j->opt->args[3] : NULL;
    if (url == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "four words are wanted: sops helm download CERT KEY CA URL") ||
               sops_hint(e, "Helm calls it; for people there is sops decrypt");
    }
    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0 || url[strlen(SCHEME)] == '\0') {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' is no URL of the form sops://PATH", url) ||
               sops_hint(e, "sops://values.yaml, or sops:///folder/values.yaml from the root");
    }
    j->own = (void *)(uintptr_t)(url + strlen(SCHEME));
    return true;
}

static bool own_download(struct sops_job *j, struct sops_err *e)
{
    const char *path = j->own;
    struct sops_inputs in = {0};
    bool ok = sops_inputs_load(&in, j, &path, 1, SOPS_STATUSES_NEED_FILE, e) && sops_step_emit(&in.file[0], e) &&
              sops_ui_out(sops_buf_view(&in.file[0].bytes), e);
    sops_inputs_free(&in);
    return ok;
}

static bool run_download(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_url, sops_step_config, sops_step_order, own_download, NULL};
    struct sops_job j = {.world = w, .opt = o};
    return sops_job_run(&j, steps, e);
}

static const struct sops_opt_table *const download_tables[] = {
    &sops_opts_order,
    &sops_opts_mac,
    &sops_opts_services,
    NULL,
};
static const struct sops_verb verb_plugins = {
    .name = "plugins",
    .summary = "write plugin folders for Helm 3 and Helm 4",
    .args = "DIR",
    .about = "Writes DIR/helm3/sops, DIR/helm4/sops-getter and DIR/helm4/sops-post-render, and prints\n"
             "their paths; each is for `helm plugin install`.\n",
    .example = "helm plugin install \"$(sops helm plugins plugins | head -n 1)\"",
    .ours = true,
    .run = run_plugins,
};
static const struct sops_verb verb_download = {
    .name = "download",
    .summary = "decrypt what a URL names (Helm calls it)",
    .args = "CERT KEY CA URL",
    .about = "URL is sops://PATH; the decrypted file goes to stdout.\n",
    .example = "helm upgrade web ./chart -f sops://secrets.yaml",
    .tables = download_tables,
    .ours = true,
    .run = run_download,
};
static const struct sops_verb *const below[] = {&verb_plugins, &verb_download, NULL};

const struct sops_verb sops_verb_helm = {
    .name = "helm",
    .summary = "encrypted values and manifests for Helm",
    .args = "",
    .example = "helm upgrade web ./chart -f sops://secrets.yaml",
    .verbs = below,
    .ours = true,
    .yields = true,
};
