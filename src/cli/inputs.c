/* SPDX-License-Identifier: Apache-2.0 */
/* What is opened in one run shares configuration, key services and the world, so that an identity is read, and a
 * passphrase asked for, once. */
#include "cli/inputs.h"

#include "base/file.h"
#include "cli/ui.h"
#include "core/lots.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool sops_name_file(struct sops_err *e, const char *name)
{
    return strstr(e->msg, name) == NULL && sops_within(e, "'%s'", name);
}

bool sops_input_read(const char *path, size_t limit, struct sops_buf *out, struct sops_err *e)
{
    struct stat st;
    if (path != NULL ? sops_file_read(path, limit, out, e) : sops_fd_read(STDIN_FILENO, "stdin", limit, out, e)) {
        return true;
    }
    bool known = path != NULL ? stat(path, &st) == 0 : fstat(STDIN_FILENO, &st) == 0;
    if (!known && errno == ENOENT) {
        sops_err_clear(e);
        return sops_fail(e, SOPS_E_NO_FILE, "there is no file '%s'", path);
    }
    bool too_long = out->len > limit || (known && S_ISREG(st.st_mode) && (uintmax_t)st.st_size > limit);
    return too_long ? sops_recode(e, SOPS_E_GENERIC) : false;
}

bool sops_input_unlock(struct sops_job *j, struct sops_job *common, struct sops_err *e)
{
    if (!sops_job_services(common, e)) {
        return false;
    }
    j->services = common->services;
    if (!sops_step_open(j, e)) {
        return false;
    }
    if (j->opt->shared.ignore_mac) {
        sops_ui_warn("the MAC of '%s' was not checked", j->name != NULL ? j->name : sops_job_input(j));
    }
    return true;
}

/* Reads all files, so that what is missing is told before anybody is asked for a key. */
static bool load_all(struct sops_inputs *o, struct sops_job *common, const char *const *paths, size_t count,
                     enum sops_statuses statuses, struct sops_err *e)
{
    static sops_step *const load[] = {sops_step_exists, sops_job_formats, sops_step_load, NULL};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct sops_job *j = &o->file[o->count++];
        *j = sops_job_beside(common, paths[i]);
        j->statuses = statuses;
        j->no_text = common->no_text;
        ok = sops_job_steps(j, load, e) || sops_name_file(e, paths[i]);
        o->blamed = i;
    }
    return ok;
}

/* Asks for the data keys of several files at once: servers answer side by side, and who is asked, is asked once. */
static bool ask_together(struct sops_inputs *o, struct sops_job *common, struct sops_unlocking **asked,
                         struct sops_err *e)
{
    unsigned jobs = common->world->jobs;
    if (o->count < 2) {
        return true;
    }
    *asked = sops_alloc(o->count * sizeof **asked, e);
    if (*asked == NULL || !sops_job_services(common, e)) {
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        (*asked)[i].meta = sops_envelope_meta(o->file[i].env);
    }
    common->world->jobs = SOPS_REQUESTS;
    bool ok = sops_datakey_unwrap_all(common->world, common->services, *asked, o->count, common->order, e);
    common->world->jobs = jobs;
    return ok;
}

bool sops_inputs_load(struct sops_inputs *o, struct sops_job *common, const char *const *paths, size_t count,
                      enum sops_statuses statuses, struct sops_err *e)
{
    if (count > SOPS_INPUTS_MAX) {
        return sops_fail(e, SOPS_E_GENERIC, "%zu files are more than the %d that one run may open", count,
                         SOPS_INPUTS_MAX);
    }
    struct sops_unlocking *asked = NULL;
    o->file = sops_alloc(count * sizeof *o->file, e);
    bool ok = o->file != NULL && load_all(o, common, paths, count, statuses, e) && ask_together(o, common, &asked, e);
    for (size_t i = 0; ok && i < count; i++) {
        ok = sops_input_unlock(&o->file[i], common, e) || sops_name_file(e, paths[i]);
        o->blamed = i;
    }
    for (size_t i = 0; asked != NULL && i < o->count; i++) {
        sops_unlocking_done(&asked[i]);
    }
    sops_free(asked);
    return ok;
}

void sops_inputs_free(struct sops_inputs *o)
{
    for (size_t i = 0; i < o->count; i++) {
        sops_job_free(&o->file[i]);
    }
    sops_free(o->file);
    *o = (struct sops_inputs){0};
}
