/* SPDX-License-Identifier: Apache-2.0 */
/* pull: ExternalSecrets as External Secrets Operator would resolve them, once and without a cluster
 * (docs/spec/73-stores.md#pull). */
#include "cli/command.h"
#include "cli/pull_run.h"
#include "cli/ui.h"
#include "sync/rules.h"

/* ---- failures --------------------------------------------------------------------------------------------------- */

/* Failures of Secrets are noted once each. Without --keep-going they end the run. */
static bool check_secrets(struct sops_pull_run *r, struct sops_err *e)
{
    for (size_t i = 0; i < r->pull.secrets; i++) {
        struct sops_pull_secret *s = &r->pull.secret[i];
        if (s->failed && s->why.code != SOPS_OK) {
            sops_failures_note(&r->failures, &s->why);
        }
    }
    return r->own.keep_going ||
           sops_failures_none(&r->failures, "ExternalSecrets cannot be resolved: nothing is written", e);
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

static bool own_flags(struct sops_job *j, struct sops_err *e)
{
    struct sops_pull_run *r = j->own;
    const struct sops_pull_options *o = &r->own;
    if (o->to_sops != NULL && (j->opt->shared.output != NULL || o->output_type != NULL)) {
        return sops_options_clash("--to-sops", j->opt->shared.output != NULL ? "--output" : "--output-type", e);
    }
    if (o->to_sops == NULL && (o->plan || o->string_data)) {
        return sops_fail(e, SOPS_E_CONFLICT, "%s needs --to-sops", o->plan ? "--plan" : "--string-data");
    }
    if (o->json && !o->plan) {
        return sops_fail(e, SOPS_E_CONFLICT, "--json needs --plan");
    }
    if (o->output_type != NULL && strcmp(o->output_type, "yaml") != 0 && strcmp(o->output_type, "json") != 0) {
        return sops_fail(e, SOPS_E_CONFLICT, "'%s' is no output type: --output-type takes yaml or json",
                         o->output_type);
    }
    return o->space == NULL || sops_is_name_space(sops_str(o->space)) ||
           sops_fail(e, SOPS_E_READ, "--namespace: '%s' is no name of Kubernetes", o->space);
}

static bool own_read(struct sops_job *j, struct sops_err *e)
{
    struct sops_pull_run *r = j->own;
    r->manifests.world = j->world;
    r->manifests.space = sops_str(r->own.space);
    if (!sops_pull_inputs(r, e)) {
        return false;
    }
    r->pull.world = j->world;
    r->pull.manifests = &r->manifests;
    if (!sops_pull_read(&r->pull, r->own.only, e)) {
        return false;
    }
    if (r->pull.secrets == 0) {
        sops_world_warn(j->world, "there is no ExternalSecret in the input");
        j->done = true;
    }
    return check_secrets(r, e);
}

static bool own_plan(struct sops_job *j, struct sops_err *e)
{
    struct sops_pull_run *r = j->own;
    if (r->own.to_sops != NULL && !sops_pull_targets(r, e)) {
        return false;
    }
    sops_pull_plan(&r->pull);
    return check_secrets(r, e);
}

static bool own_resolve(struct sops_job *j, struct sops_err *e)
{
    struct sops_pull_run *r = j->own;
    sops_pull_resolve(&r->pull);
    return check_secrets(r, e);
}

static bool own_write(struct sops_job *j, struct sops_err *e)
{
    struct sops_pull_run *r = j->own;
    bool ok = r->own.to_sops != NULL ? sops_pull_write(r, e) : sops_pull_print(r, e);
    if (ok && r->failures.count != 0) {
        int code = r->own.keep_going ? SOPS_E_READ : r->failures.code;
        return sops_fail(e, code, "%zu failures; what worked is written", r->failures.count);
    }
    return ok;
}

static bool run_pull(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_flags, sops_step_config, sops_step_order, own_read,
                                       own_plan,  own_resolve,      own_write,       NULL};
    struct sops_pull_run r = {.own = *(const struct sops_pull_options *)o->own};
    r.failures = (struct sops_failures){.world = w, .at_once = r.own.keep_going};
    r.job = (struct sops_job){.world = w, .opt = o, .own = &r, .needs_rule = r.own.to_sops != NULL};
    bool ok = sops_job_steps(&r.job, steps, e);
    sops_pull_targets_free(&r);
    sops_pull_free(&r.pull);
    sops_objects_free(&r.manifests);
    sops_pull_inputs_free(&r);
    sops_err_clear(&r.failures.first);
    sops_job_free(&r.job);
    sops_arena_free(&r.arena);
    return ok;
}

#define OWN struct sops_pull_options
static const struct sops_option options[] = {
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .help = "a FILE may be a folder: its .yaml, .yml and .json files, and those in its folders"},
    {.name = "namespace", SOPS_TEXT_TO(OWN, space), .value = "NS", .help = "the namespace of objects that name none"},
    {.name = "only",
     SOPS_MANY_TO(OWN, only),
     .value = "[NS/]NAME",
     .help = "only this ExternalSecret; may be given again"},
    {.name = "keep-going",
     SOPS_FLAG_TO(OWN, keep_going),
     .help = "go on when an ExternalSecret fails: what worked is written, and the status is 2"},
    {.name = NULL},
};
static const struct sops_option result_options[] = {
    {.name = "output",
     SOPS_TEXT_TO(struct sops_shared, output),
     .value = "FILE",
     .help = "write the Secrets there, for its owner only, instead of to stdout"},
    {.name = "output-type",
     SOPS_TEXT_TO(OWN, output_type),
     .value = "TYPE",
     .help = "yaml (default), or json: one List"},
    {.name = "to-sops",
     SOPS_TEXT_TO(OWN, to_sops),
     .value = "PATTERN",
     .help = "write encrypted files instead, by the creation rule, and refresh those that are there; {name} and "
             "{namespace} are filled in"},
    {.name = "string-data",
     SOPS_FLAG_TO(OWN, string_data),
     .help = "new values that are text go to stringData of encrypted files"},
    {.name = "plan",
     SOPS_FLAG_TO(OWN, plan),
     .help = "show what encrypted files would change, change nothing; status 1 when there is something"},
    {.name = "json", SOPS_FLAG_TO(OWN, json), .help = "the plan as JSON Lines"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"INPUT", options}, result_table = {"RESULT", result_options};
static const struct sops_opt_table *const tables[] = {&table, &result_table, &sops_opts_order, &sops_opts_services,
                                                      NULL};

const struct sops_verb sops_verb_pull = {
    .name = "pull",
    .summary = "make Secrets of ExternalSecrets without a cluster",
    .args = "[FILE...]",
    .about = "Reads ExternalSecret manifests with their SecretStores, asks the stores (AWS, Google,\n"
             "Azure, Vault) as External Secrets Operator would, and prints Secrets for\n"
             "`kubectl apply`, or writes and refreshes encrypted files in git. Without FILE it\n"
             "reads stdin. What manifests say about signing in belongs to the cluster: the\n"
             "credentials are those of this machine, or of Secrets that are in the input.\n",
    .example = "sops pull store.yaml k8s/db.yaml | kubectl apply -f -",
    .tables = tables,
    .own_size = sizeof(OWN),
    .ours = true,
    .yields = true,
    .run = run_pull,
};
