/* SPDX-License-Identifier: Apache-2.0 */
/* To bytes, and where they go. Nothing is written before all other work went well: a failing command leaves stdout,
 * --output and the file as they were (docs/spec/50-cli.md#rules-for-all-commands). */
#include "cli/steps.h"

#include "base/file.h"
#include "cli/clear.h"
#include "cli/ui.h"
#include "core/log.h"

#define NEW_FILE_MODE 0666 /* less the umask */

bool sops_step_emit_sealed(struct sops_job *j, struct sops_err *e)
{
    sops_buf_cut(&j->bytes, 0);
    return sops_envelope_emit(j->env, j->out, &j->style, &j->bytes, e);
}

bool sops_step_seal(struct sops_job *j, struct sops_err *e)
{
    bool kept = false;
    sops_buf_cut(&j->bytes, 0);
    if (!sops_envelope_ready(j->env, j->out, e) || !sops_job_audit(j, "encrypt", e) ||
        !sops_envelope_seal_kept(j->env, &j->bytes, &kept, e)) {
        return false;
    }
    if (kept) {
        return !j->seeks_clear || sops_clear_check(j, e);
    }
    return sops_envelope_seal(j->env, j->in_order ? SOPS_REUSE_IN_ORDER : SOPS_REUSE_LAST, e) &&
           (!j->seeks_clear || sops_clear_check(j, e)) && sops_step_emit_sealed(j, e);
}

bool sops_step_check_keys(struct sops_job *j, struct sops_err *e)
{
    return sops_envelope_keeps(j->env, j->out, sops_buf_view(&j->bytes), e);
}

bool sops_step_check_opens(struct sops_job *j, struct sops_err *e)
{
    return sops_envelope_opens_again(j->env, j->out, sops_buf_view(&j->bytes), e);
}

bool sops_step_emit(struct sops_job *j, struct sops_err *e)
{
    sops_buf_cut(&j->bytes, 0);
    return sops_envelope_emit_clear(j->env, j->out, &j->style, &j->bytes, e);
}

bool sops_step_write(struct sops_job *j, struct sops_err *e)
{
    const char *output = j->opt->shared.output;
    struct sops_slice bytes = sops_buf_view(&j->bytes);
    struct sops_replace how = {.was = j->onto_itself ? &j->was : NULL};
    if (j->in_place || j->opt->shared.in_place) {
        output = j->path;
        how.was = &j->was;
    }
    if (output == NULL) {
        return sops_ui_out(bytes, e);
    }
    if (sops_file_replace(output, bytes, NEW_FILE_MODE, &how, e)) {
        sops_log(j->world, "CMD", SOPS_LOG_INFO, NULL, "File written successfully");
        return true;
    }
    return e->code == SOPS_E_WRITE ? sops_recode(e, sops_status_rows[j->statuses].output) : false;
}

bool sops_step_lock(struct sops_job *j, struct sops_err *e) { return sops_step_seal(j, e) && sops_step_write(j, e); }
