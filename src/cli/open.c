/* SPDX-License-Identifier: Apache-2.0 */
/* Key and clear text. The rules mark the tree before anything is decrypted, as comment rules see comments as they stand
 * in the file (spec 10). A file's regular expression that does not compile matches nothing when it is read, with a
 * warning: it must stay possible to get at what is in it. */
#include "cli/steps.h"

#include "base/file.h"
#include "cli/repair.h"
#include "cli/ui.h"
#include "services/client.h"

static const char *shown(const struct sops_job *j) { return j->path != NULL ? j->path : "stdin"; }

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
    if (sops_job_services(j, e) &&
        (sops_datakey_unwrap(j->world, j->services, &j->meta, j->order, &j->key, e) || sops_job_repair(j, e))) {
        return true;
    }
    if (j->no_key != 0) {
        sops_recode(e, j->no_key);
    }
    return false;
}

bool sops_step_wrap(struct sops_job *j, struct sops_err *e)
{
    if (sops_job_services(j, e) && sops_datakey_wrap(j->world, j->services, &j->meta, &j->key, e)) {
        return true;
    }
    sops_within(e, "Could not generate data key");
    (void)sops_job_blame_rule(j, j->meta.groups, e);
    if (j->no_wrap != 0) {
        sops_recode(e, j->no_wrap);
    }
    return false;
}

bool sops_step_new_key(struct sops_job *j, struct sops_err *e)
{
    sops_crypt_free(&j->crypt); /* it holds the old key */
    sops_doc_forget(&j->doc);
    sops_secret_free(&j->key);
    return sops_datakey_new(j->world, &j->key, e) && sops_step_wrap(j, e);
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

bool sops_step_version(struct sops_job *j, struct sops_err *e)
{
    return sops_meta_check_version(&j->meta, e) || sops_within(e, "'%s'", shown(j));
}

static bool mark(struct sops_job *j, struct sops_err *e)
{
    struct sops_err why = {0};
    if (!sops_rules_compile(&j->meta.rules, &why)) {
        sops_world_warn(j->world, "'%s': the file's regular expression is taken as matching nothing: %s", shown(j),
                        why.msg);
    }
    sops_err_clear(&why);
    return sops_rules_mark(&j->meta.rules, &j->doc, e);
}

static bool open_values(struct sops_job *j, struct sops_err *e)
{
    j->crypt.world = j->world;
    j->crypt.rules = &j->meta.rules;
    j->crypt.data_key = sops_secret_view(&j->key);
    bool ok =
        sops_doc_open(&j->doc, &j->crypt, NULL, NULL, &j->mac, e) || sops_within(e, "cannot decrypt '%s'", shown(j));
    if (!ok && e->code == SOPS_E_DECRYPT) {
        sops_hint(e,
                  "put back what stood there; entries are renamed and values written with `sops edit` or `sops set`");
    }
    sops_ui_notes(shown(j), sops_buf_view(&j->doc.notes));
    sops_buf_free(&j->doc.notes);
    return ok;
}

static bool verify(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->shared.ignore_mac) {
        sops_doc_trust(&j->doc);
        return true;
    }
    if (sops_doc_verify(&j->doc, &j->crypt, sops_buf_view(&j->mac), j->meta.mac, j->meta.last_modified, e)) {
        return true;
    }
    sops_within(e, "'%s'", shown(j));
    return sops_hint(e, "the file was changed without sops, or its metadata belong to another one");
}

static bool audit_decrypt(struct sops_job *j, struct sops_err *e) { return sops_job_audit(j, "decrypt", e); }

bool sops_step_load(struct sops_job *j, struct sops_err *e)
{
    return sops_step_read(j, e) && sops_step_parse_sealed(j, e) && sops_step_version(j, e);
}

bool sops_step_open(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_unwrap, audit_decrypt, mark, open_values, verify, NULL};
    return sops_job_steps(j, steps, e);
}

bool sops_step_unlock(struct sops_job *j, struct sops_err *e) { return sops_step_load(j, e) && sops_step_open(j, e); }
