/* SPDX-License-Identifier: Apache-2.0 */
/* A new age identity, put where decrypt looks for one, so that two commands lead from nothing to an encrypted file. An
 * identity that is there is never replaced: whatever was encrypted for it would be lost. */
#include "cli/command.h"
#include "cli/ui.h"

#include "base/file.h"
#include "base/text.h"
#include "core/keysource.h"

#include <errno.h>
#include <sys/stat.h>

#define FILE_MODE 0600
#define FOLDER_MODE 0700
#define IDENTITY_FILE_MAX ((size_t)16 << 20)

static const struct sops_keysource *generator(void)
{
    const struct sops_keysource *const *s = sops_keysources;
    while (*s != NULL && (*s)->generate == NULL) {
        s++;
    }
    return *s;
}

/* The file that decrypt looks into (docs/spec/61-age.md#the-key-source). */
static bool default_file(struct sops_world *w, struct sops_buf *out, struct sops_err *e)
{
    const char *config = sops_world_env_set(w, "XDG_CONFIG_HOME");
    const char *home = sops_world_env_set(w, "HOME");
    if (config != NULL) {
        return sops_buf_addf(out, e, "%s/sops/age/keys.txt", config);
    }
    if (home != NULL) {
        return sops_buf_addf(out, e, "%s/.config/sops/age/keys.txt", home);
    }
    sops_fail(e, SOPS_E_GENERIC, "neither XDG_CONFIG_HOME nor HOME is set");
    return sops_hint(e, "name a file with --output");
}

static bool chosen_file(struct sops_world *w, const char *given, struct sops_buf *out, struct sops_err *e)
{
    return (given != NULL ? sops_buf_adds(out, given, e) : default_file(w, out, e)) && sops_buf_cstr(out, e) != NULL;
}

/* Makes the folders that lead to `path`; it ends with a NUL and is as before afterwards. */
static bool make_folders(char *path, struct sops_err *e)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') {
            continue;
        }
        *at = '\0';
        bool ok = mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ||
                  sops_fail(e, SOPS_E_WRITE, "cannot make the folder '%s': %s", path, sops_os_error(errno));
        *at = '/';
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool write_identity(struct sops_world *w, struct sops_buf *path, struct sops_slice identity,
                           struct sops_slice recipient, struct sops_err *e)
{
    struct stat st;
    const char *name = (const char *)path->ptr;
    struct sops_buf text = {.locked = true}, time = {0};
    if (stat(name, &st) == 0) {
        sops_fail(e, SOPS_E_GENERIC, "'%s' is there already, and an identity is never replaced", name);
        return sops_hint(e, "sops keygen -y shows its recipient; --output names another file");
    }
    bool ok = make_folders((char *)path->ptr, e) && sops_time_utc(&time, w->now(w), e) &&
              sops_buf_addf(&text, e, "# created: %.*s\n# public key: %.*s\n", SOPS_ARG(sops_buf_view(&time)),
                            SOPS_ARG(recipient)) &&
              sops_buf_add(&text, identity, e) && sops_buf_addc(&text, '\n', e) &&
              sops_file_create(name, sops_buf_view(&text), FILE_MODE, e);
    if (ok) {
        sops_ui_note("the identity is in '%s'; keep a copy of it in a safe place", name);
    }
    sops_buf_free(&text);
    sops_buf_free(&time);
    return ok;
}

struct keygen_options {
    bool pq, recipients;
};

static bool generate(struct sops_world *w, const struct sops_options *o, struct sops_buf *path, struct sops_err *e)
{
    struct sops_buf identity = {.locked = true}, recipient = {0};
    struct sops_slice kind = ((const struct keygen_options *)o->own)->pq ? SOPS_LIT("pq") : SOPS_LIT("");
    bool ok = generator()->generate(w, kind, &identity, &recipient, e) &&
              write_identity(w, path, sops_buf_view(&identity), sops_buf_view(&recipient), e) &&
              sops_buf_addc(&recipient, '\n', e) && sops_ui_out(sops_buf_view(&recipient), e);
    sops_buf_free(&identity);
    sops_buf_free(&recipient);
    return ok;
}

static bool show_recipients(struct sops_world *w, const struct sops_buf *path, struct sops_err *e)
{
    struct sops_buf text = {.locked = true}, recipients = {0};
    const char *name = (const char *)path->ptr;
    bool ok = sops_file_read(name, IDENTITY_FILE_MAX, &text, e);
    if (ok && !generator()->recipients(w, sops_buf_view(&text), &recipients, e)) {
        ok = sops_within(e, "'%s'", name);
    }
    ok = ok && sops_ui_out(sops_buf_view(&recipients), e);
    sops_buf_free(&text);
    sops_buf_free(&recipients);
    return ok;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct sops_buf path = {0};
    const struct keygen_options *own = o->own;
    bool show = own->recipients;
    if (o->argc > (show ? 1 : 0)) {
        sops_fail(e, SOPS_E_GENERIC, "'%s' is an argument too many", o->args[show]);
        return sops_hint(e, "sops help keygen");
    }
    if (show && (o->shared.output != NULL || own->pq)) {
        sops_fail(e, SOPS_E_CONFLICT, "-y makes nothing, and goes with neither --output nor --pq");
        return sops_hint(e, "sops keygen -y FILE > OTHER");
    }
    bool ok = chosen_file(w, show ? sops_arg(o, 0) : o->shared.output, &path, e) &&
              (show ? show_recipients(w, &path, e) : generate(w, o, &path, e));
    sops_buf_free(&path);
    return ok;
}

static const struct sops_option own_list[] = {
    {.name = "output",
     .short_name = "o",
     SOPS_TEXT_TO(struct sops_shared, output),
     .value = "FILE",
     .help = "where the identity goes (default: where decrypt looks for it)"},
    {.name = "pq",
     SOPS_FLAG_TO(struct keygen_options, pq),
     .help = "a hybrid one that quantum computers do not break; its recipient is long"},
    {.name = "recipients",
     SOPS_FLAG_TO(struct keygen_options, recipients),
     .short_name = "y",
     .help = "make nothing, show the recipients of the identities in FILE"},
    {.name = NULL}};
static const struct sops_opt_table own_table = {"IDENTITY", own_list};
static const struct sops_opt_table *const tables[] = {&own_table, NULL};

const struct sops_verb sops_verb_keygen = {
    .name = "keygen",
    .summary = "make an age identity for yourself and print its recipient",
    .args = "[FILE]",
    .about = "The identity is written where decrypt looks for one, $XDG_CONFIG_HOME/sops/age/keys.txt or\n"
             "~/.config/sops/age/keys.txt, and never replaces one that is there. Its recipient, on stdout,\n"
             "is what others encrypt to.\n",
    .example = "sops keygen",
    .tables = tables,
    .ours = true,
    .own_size = sizeof(struct keygen_options),
    .run = run,
};
