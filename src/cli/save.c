/* SPDX-License-Identifier: Apache-2.0 */
/* To bytes, and where they go. Nothing is written before all other work went well: a failing command leaves stdout,
 * --output and the file as they were (spec 50 section 2). */
#include "cli/steps.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/ui.h"
#include "core/readback.h"

#define NEW_FILE_MODE 0666 /* less the umask */

static const char *shown(const struct sops_job *j) { return j->path != NULL ? j->path : "stdin"; }

static const struct sops_format *sealed_form(const struct sops_job *j)
{
    return j->out->sealed != NULL ? j->out->sealed : j->out;
}

static bool emit(struct sops_job *j, const struct sops_format *f, struct sops_err *e)
{
    sops_buf_cut(&j->bytes, 0);
    if (sops_doc_emit(&j->doc, f, &j->style, &j->bytes, e)) {
        return true;
    }
    return sops_within(e, "cannot write '%s' as %s", shown(j), f->name);
}

bool sops_step_attach(struct sops_job *j, struct sops_err *e)
{
    return sops_meta_attach(&j->doc, j->out->meta, &j->meta, e) && emit(j, sealed_form(j), e);
}

/* A file of several documents that is written in a format of one (spec 20, "INI", "several documents"). */
static bool has_more_parts(const struct sops_job *j)
{
    return j->doc.parts != NULL && j->doc.parts->next != NULL && (j->out->flags & SOPS_FMT_PARTS) == 0;
}

/* The text of "now", and the MAC sealed with it. */
static bool seal_mac(struct sops_job *j, struct sops_slice mac, struct sops_err *e)
{
    struct sops_buf time = {0}, enc = {0};
    bool ok = sops_time_utc(&time, j->world->now(j->world), e) &&
              sops_arena_copy(&j->meta.arena, sops_buf_view(&time), &j->meta.last_modified, e) &&
              sops_text_seal(&j->crypt, SOPS_STR, mac, j->meta.last_modified, &enc, e) &&
              sops_arena_copy(&j->meta.arena, sops_buf_view(&enc), &j->meta.mac, e);
    sops_buf_free(&time);
    sops_buf_free(&enc);
    return ok;
}

bool sops_step_seal(struct sops_job *j, struct sops_err *e)
{
    struct sops_buf mac = {0};
    const struct sops_doc *const old[] = {&j->doc, &j->was, NULL};
    if (has_more_parts(j)) {
        return sops_fail(e, SOPS_E_DUMP, "'%s' has several documents, and %s files hold one", shown(j), j->out->name);
    }
    /* A file's own regex that did not compile was only warned of when it was read (spec 10, "regular expressions"). */
    if (!sops_rules_compile(&j->meta.rules, e)) {
        return sops_within(e, "'%s' cannot be written", shown(j));
    }
    j->crypt.world = j->world;
    j->crypt.rules = &j->meta.rules;
    j->crypt.data_key = sops_secret_view(&j->key);
    bool ok = sops_rules_mark(&j->meta.rules, &j->doc, e) && sops_job_audit(j, "encrypt", e);
    if (ok && !sops_doc_seal(&j->doc, &j->crypt, old, SOPS_REUSE_LAST, &mac, e)) {
        ok = sops_within(e, "cannot encrypt '%s'", shown(j));
    }
    ok = ok && seal_mac(j, sops_buf_view(&mac), e) && sops_step_attach(j, e);
    if (ok && !sops_readback(&j->doc, sealed_form(j), &j->meta.rules, sops_buf_view(&j->bytes), e)) {
        ok = sops_within(e, "cannot write '%s' as %s", shown(j), j->out->name);
    }
    sops_buf_free(&mac);
    return ok;
}

bool sops_step_emit(struct sops_job *j, struct sops_err *e) { return emit(j, j->out, e); }

bool sops_step_write(struct sops_job *j, struct sops_err *e)
{
    const char *output = j->opt->shared.output;
    struct sops_slice bytes = sops_buf_view(&j->bytes);
    if (j->in_place || j->opt->shared.in_place) {
        output = j->path;
    }
    if (output == NULL) {
        return sops_ui_out(bytes, e);
    }
    if (sops_file_replace(output, bytes, NEW_FILE_MODE, e)) {
        return true;
    }
    if (e->code == SOPS_E_WRITE && j->bad_output != 0) {
        sops_recode(e, j->bad_output);
    }
    return false;
}

bool sops_step_lock(struct sops_job *j, struct sops_err *e) { return sops_step_seal(j, e) && sops_step_write(j, e); }
