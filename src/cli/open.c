/* SPDX-License-Identifier: Apache-2.0 */
/* Key services, and the data key and clear values by them. */
#include "cli/steps.h"

#include "base/file.h"
#include "core/log.h"
#include "services/client.h"

static bool add_service(struct sops_job *j, const char *url, struct sops_service ***end, struct sops_err *e)
{
    struct sops_service *s = sops_alloc(sizeof *s, e);
    if (s == NULL) {
        return false;
    }
    if (url == NULL) {
        *s = sops_service_local;
    } else if (!sops_service_remote_open(s, j->world, url, e)) {
        sops_free(s);
        return false;
    }
    **end = s;
    *end = &s->next;
    return true;
}

bool sops_job_services(struct sops_job *j, struct sops_err *e)
{
    struct sops_service **end = &j->services;
    if (j->services != NULL || j->services_lent) {
        return true;
    }
    if (j->opt->shared.local_keyservice && !add_service(j, NULL, &end, e)) {
        return false;
    }
    for (const char *const *url = j->opt->shared.keyservice; url != NULL && *url != NULL; url++) {
        if ((*url)[0] != '\0' && !add_service(j, *url, &end, e)) {
            return false;
        }
    }
    return true;
}

bool sops_job_audit(struct sops_job *j, const char *action, struct sops_err *e)
{
    struct sops_buf path = {0};
    if (j->world->audit == NULL) {
        return true;
    }
    const char *text = NULL;
    bool ok = sops_path_absolute(j->path != NULL ? j->path : ".", &path, e) &&
              (text = sops_buf_cstr(&path, e)) != NULL && j->world->audit(j->world, action, text, e);
    sops_buf_free(&path);
    return ok;
}

/* ---- the data key ----------------------------------------------------------------------------------------------- */

bool sops_step_unwrap(struct sops_job *j, struct sops_err *e)
{
    if (sops_job_services(j, e) && sops_envelope_unwrap(j->env, j->services, j->order, e)) {
        return true;
    }
    return e->code == SOPS_E_NO_KEY ? sops_recode(e, sops_status_rows[j->statuses].key) : false;
}

bool sops_step_wrap(struct sops_job *j, struct sops_err *e)
{
    if (sops_job_services(j, e) && sops_envelope_wrap(j->env, j->services, j->made, e)) {
        return true;
    }
    (void)sops_job_blame_rule(j, sops_envelope_meta(j->env)->groups, e);
    return e->code == SOPS_E_GENERIC ? sops_recode(e, sops_status_rows[j->statuses].wrap) : false;
}

bool sops_step_new_key(struct sops_job *j, struct sops_err *e)
{
    return sops_envelope_new_key(j->env, j->new_key, e) && sops_step_wrap(j, e);
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

bool sops_step_version(struct sops_job *j, struct sops_err *e) { return sops_envelope_check_version(j->env, e); }

static bool verify(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->shared.ignore_mac) {
        sops_envelope_trust(j->env);
        return true;
    }
    return sops_envelope_verify(j->env, e);
}

bool sops_step_load(struct sops_job *j, struct sops_err *e)
{
    return sops_step_read(j, e) && sops_step_parse_sealed(j, e) && sops_step_version(j, e);
}

bool sops_step_open(struct sops_job *j, struct sops_err *e)
{
    if (!sops_step_unwrap(j, e) || !sops_job_audit(j, "decrypt", e)) {
        return false;
    }
    sops_log(j->world, "SOPS", SOPS_LOG_DEBUG, NULL, "Decrypting tree");
    return sops_envelope_open(j->env, e) && verify(j, e);
}

bool sops_step_unlock(struct sops_job *j, struct sops_err *e) { return sops_step_load(j, e) && sops_step_open(j, e); }
