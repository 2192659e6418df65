/* SPDX-License-Identifier: Apache-2.0 */
/* seal --fetch-certs: the certificates of the clusters, from their controllers. */
#include "cli/kubectl.h"
#include "cli/seal_run.h"
#include "cli/ui.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

struct fetched {
    const struct sops_seal_cluster *cluster;
    const char *file;
    struct sops_seal_cert cert;
    char was[SOPS_FINGERPRINT_TEXT];
    bool same;
};

/* What the file holds now, silently: it may be missing, expired or no certificate at all. */
static void read_present(struct fetched *f)
{
    struct sops_seal_cert cert = {0};
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    (void)(sops_file_read(f->cluster->cert, SOPS_CERT_MAX, &text, &ignored) &&
           sops_cert_present(&cert, sops_buf_view(&text), &ignored));
    memcpy(f->was, cert.name, sizeof f->was);
    f->same = cert.pem.len != 0 && sops_slice_eq(sops_buf_view(&cert.pem), sops_buf_view(&f->cert.pem));
    sops_err_clear(&ignored);
    sops_cert_free(&cert);
    sops_buf_free(&text);
}

static bool fetch_one(struct seal_run *r, struct fetched *f, struct sops_err *e)
{
    const struct sops_seal_cluster *c = f->cluster;
    const char *const flags[] = {"--context", c->context, NULL};
    struct sops_controller controller = {.world = r->job.world,
                                         .flags = c->context != NULL ? flags : NULL,
                                         .space = c->controller_space,
                                         .name = c->controller_name};
    struct sops_buf text = {0};
    bool ok = sops_kubectl_cert(&controller, &text, e) &&
              sops_cert_read(&f->cert, r->job.world, "the controller's answer", sops_buf_view(&text), e) &&
              sops_cert_pinned(&f->cert, "the controller's answer", c->pin, c->pins, e);
    sops_buf_free(&text);
    if (ok) {
        read_present(f);
    }
    if (ok && !f->same) {
        ok = sops_make_folders(c->cert, e) && sops_file_replace(c->cert, sops_buf_view(&f->cert.pem), 0666, NULL, e);
    }
    return ok || sops_within(e, "cluster '%s'", c->name);
}

static bool report_cert(struct seal_run *r, const struct fetched *f, const struct sops_err *why, struct sops_err *e)
{
    struct sops_buf *out = &r->out, until = {0};
    bool ok = why->code != 0 || sops_time_utc(&until, f->cert.not_after, e);
    if (!r->own->json && why->code == 0) {
        ok = ok && (f->same ? sops_buf_addf(out, e, "%s: unchanged\n", f->cluster->name)
                            : sops_buf_addf(out, e, "%s: %s until %.10s, was %s\n", f->cluster->name, f->cert.name,
                                            sops_buf_cstr(&until, e), f->was[0] != '\0' ? f->was : "none"));
    } else if (r->own->json) {
        ok = ok && sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
             sops_json_add(out, "cluster", sops_str(f->cluster->name), e) &&
             sops_json_add(out, "file", sops_str(f->file), e) &&
             sops_json_add(out, "state",
                           why->code != 0 ? SOPS_LIT("failed")
                           : f->same      ? SOPS_LIT("unchanged")
                                          : SOPS_LIT("renewed"),
                           e) &&
             (why->code != 0 ? sops_json_add(out, "error", sops_str(why->msg), e)
                             : sops_json_add(out, "certificate", sops_str(f->cert.name), e) &&
                                   sops_json_add(out, "was", sops_str(f->was), e) &&
                                   sops_json_add(out, "not_after", sops_buf_view(&until), e)) &&
             sops_buf_adds(out, "}\n", e);
    }
    sops_buf_free(&until);
    return ok;
}

static bool is_asked_for(const struct seal_run *r, const struct sops_seal_cluster *c)
{
    for (const char *const *word = r->own->cluster; word != NULL && *word != NULL; word++) {
        if (strcmp(*word, c->name) == 0) {
            return true;
        }
    }
    return r->own->cluster == NULL;
}

bool sops_seal_fetch(struct seal_run *r, struct sops_err *e)
{
    size_t failed = 0, renewed = 0;
    bool ok = true;
    if (r->sealing.clusters == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "there are no clusters under `sealing` in .sops.yaml");
    }
    for (size_t i = 0; ok && i < r->sealing.clusters; i++) {
        struct fetched f = {.cluster = &r->sealing.cluster[i]};
        struct sops_err why = {0};
        if (!is_asked_for(r, f.cluster) || strstr(f.cluster->cert, "://") != NULL) {
            continue;
        }
        ok = sops_path_shown(&r->arena, f.cluster->cert, &f.file, e);
        bool fetched = ok && fetch_one(r, &f, &why);
        ok = ok && report_cert(r, &f, &why, e);
        if (!fetched) {
            failed++;
            sops_ui_error(r->job.world, &why);
        }
        renewed += fetched && !f.same;
        sops_err_clear(&why);
        sops_cert_free(&f.cert);
    }
    ok = ok && sops_ui_out(sops_buf_view(&r->out), e);
    if (ok && renewed != 0) {
        sops_ui_note("`sops seal -r .` seals anew what these certificates are for");
    }
    return ok && (failed == 0 || sops_fail(e, SOPS_E_GENERIC, "%zu of the certificates could not be fetched", failed));
}
