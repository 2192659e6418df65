/* SPDX-License-Identifier: Apache-2.0 */
/* What is opened in one run shares configuration, key services and the world, so that an identity is read, and a
 * passphrase asked for, once. */
#include "cli/inputs.h"

#include "base/file.h"
#include "check/look.h"
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

bool sops_is_encrypted_file(struct sops_job *j, const char *path)
{
    struct sops_buf text = {0};
    struct sops_look look = {0};
    struct sops_err none = {0};
    const struct sops_format *f = sops_format_named(sops_str(j->opt->shared.input_type));
    bool ours = sops_file_read(path, SOPS_FILE_MAX, &text, &none);
    f = f != NULL ? f : sops_config_format_of(j->config, sops_str(path), sops_buf_view(&text));
    ours = ours && sops_look(&look, sops_buf_view(&text), f, true, &none) && look.kind != SOPS_LOOK_PLAIN;
    sops_err_clear(&none);
    sops_look_free(&look);
    sops_buf_free(&text);
    return ours;
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

/* ---- asked together ---------------------------------------------------------------------------------------------- */

/* Asks for all that stand in a->file: servers answer side by side, and who is asked, is asked once. */
static bool ask_together(struct sops_ahead *a, struct sops_job *common, struct sops_err *e)
{
    unsigned jobs = common->world->jobs;
    if (a->count < 2) {
        return true;
    }
    if (!sops_job_services(common, e)) {
        return false;
    }
    common->world->jobs = SOPS_REQUESTS;
    bool ok = sops_datakey_unwrap_all(common->world, common->services, a->file, a->count, common->order, e);
    common->world->jobs = jobs;
    return ok;
}

static bool ask_inputs(struct sops_ahead *a, struct sops_inputs *o, struct sops_job *common, struct sops_err *e)
{
    a->file = sops_alloc((o->count + 1) * sizeof *a->file, e);
    for (size_t i = 0; a->file != NULL && i < o->count; i++) {
        a->file[a->count++].meta = sops_envelope_meta(o->file[i].env);
    }
    return a->file != NULL && ask_together(a, common, e);
}

/* The metadata of one file; false when it has none that can be read. */
static bool read_meta(struct sops_job *common, const char *path, struct sops_meta *out)
{
    static sops_step *const steps[] = {sops_job_formats, sops_step_read, sops_step_parse_sealed, NULL};
    struct sops_job j = sops_job_beside(common, path);
    struct sops_err why = {0};
    bool ok = sops_job_steps(&j, steps, &why);
    if (ok) {
        *out = *sops_envelope_meta(j.env);
        *sops_envelope_meta(j.env) = (struct sops_meta){.groups = NULL};
    }
    sops_err_clear(&why);
    sops_job_free(&j);
    return ok;
}

bool sops_ahead_ask(struct sops_ahead *a, struct sops_job *common, const char *const *paths, size_t count,
                    struct sops_err *e)
{
    void (*say)(struct sops_world *, enum sops_say, const char *) = common->world->say;
    a->file = sops_alloc((count + 1) * sizeof *a->file, e);
    a->meta = a->file != NULL ? sops_alloc((count + 1) * sizeof *a->meta, e) : NULL;
    common->world->say = sops_ui_say_nothing; /* what is to say is said when the file is opened */
    for (size_t i = 0; a->meta != NULL && count > 1 && i < count; i++) {
        if (read_meta(common, paths[i], &a->meta[a->count])) {
            a->file[a->count].meta = &a->meta[a->count];
            a->count++;
        }
    }
    common->world->say = say;
    return a->meta != NULL && ask_together(a, common, e);
}

void sops_ahead_free(struct sops_ahead *a)
{
    for (size_t i = 0; i < a->count; i++) {
        sops_unlocking_done(&a->file[i]);
        if (a->meta != NULL) {
            sops_meta_free(&a->meta[i]);
        }
    }
    sops_free(a->file);
    sops_free(a->meta);
    *a = (struct sops_ahead){.count = 0};
}

/* ---- opened together --------------------------------------------------------------------------------------------- */

bool sops_inputs_load(struct sops_inputs *o, struct sops_job *common, const char *const *paths, size_t count,
                      enum sops_statuses statuses, struct sops_err *e)
{
    if (count > SOPS_INPUTS_MAX) {
        return sops_fail(e, SOPS_E_GENERIC, "%zu files are more than the %d that one run may open", count,
                         SOPS_INPUTS_MAX);
    }
    struct sops_ahead asked = {.count = 0};
    o->file = sops_alloc(count * sizeof *o->file, e);
    bool ok = o->file != NULL && load_all(o, common, paths, count, statuses, e) && ask_inputs(&asked, o, common, e);
    for (size_t i = 0; ok && i < count; i++) {
        ok = sops_input_unlock(&o->file[i], common, e) || sops_name_file(e, paths[i]);
        o->blamed = i;
    }
    sops_ahead_free(&asked);
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
