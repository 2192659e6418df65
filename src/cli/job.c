/* SPDX-License-Identifier: Apache-2.0 */
/* What a job frees: what it was lent (a configuration, key services) belongs to whoever lent it. */
#include "cli/anew.h"
#include "cli/steps.h"

struct sops_job sops_job_beside(const struct sops_job *common, const char *path)
{
    return (struct sops_job){.world = common->world,
                             .opt = common->opt,
                             .services = common->services,
                             .services_lent = true,
                             .config = common->config,
                             .order = common->order,
                             .path = path,
                             .name = path};
}

bool sops_job_steps(struct sops_job *j, sops_step *const steps[], struct sops_err *e)
{
    for (size_t i = 0; steps[i] != NULL && !j->done; i++) {
        if (!steps[i](j, e)) {
            return false;
        }
    }
    return true;
}

bool sops_job_run(struct sops_job *j, sops_step *const steps[], struct sops_err *e)
{
    const struct sops_job at_start = *j;
    struct sops_anew anew = {.world = j->world};
    bool ok = sops_job_steps(j, steps, e);
    while (!ok && !j->once && sops_anew(&anew, j->path, e)) {
        sops_job_free(j);
        *j = at_start;
        ok = sops_job_steps(j, steps, e);
    }
    sops_job_free(j);
    return ok;
}

void sops_services_free(struct sops_service *chain)
{
    while (chain != NULL) {
        struct sops_service *next = chain->next;
        if (chain->close != NULL) {
            chain->close(chain);
        }
        sops_free(chain);
        chain = next;
    }
}

void sops_job_free(struct sops_job *j)
{
    sops_envelope_free(j->env);
    sops_buf_free(&j->raw);
    sops_buf_free(&j->bytes);
    sops_buf_free(&j->clean_path);
    sops_config_free(&j->own_config);
    if (!j->services_lent) {
        sops_services_free(j->services);
    }
    *j = (struct sops_job){0};
}
