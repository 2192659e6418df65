/* SPDX-License-Identifier: Apache-2.0 */
/* "Encrypted" means no more than that there are metadata with a version and a MAC; no key is needed to say so. */
#include "cli/command.h"
#include "cli/steps.h"
#include "cli/ui.h"

/* Further arguments are ignored in silence here. */
static bool own_file(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->argc == 0) {
        sops_fail(e, SOPS_E_NO_FILE, "no file specified");
        return sops_hint(e, "sops help filestatus");
    }
    j->path = j->name = j->opt->args[0][0] != '\0' ? j->opt->args[0] : ".";
    return true;
}

/* Did the reader stop at the end of a text that is not blank? A JSON file that was cut off is no more than not
 * encrypted: nobody wrote metadata to it (spec 50 section 11; what is no JSON at all is an error). */
static bool is_cut_off(struct sops_slice raw, const struct sops_err *e)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < raw.len; i++) {
        column = raw.ptr[i] == '\n' ? 1 : column + 1;
        line += raw.ptr[i] == '\n';
    }
    return sops_slice_trim(raw).len != 0 && e->line == line && e->column == column;
}

/* An empty mapping counts as none in JSON (spec 30, "reading", 1); what else is there must be good metadata. */
static bool has_metadata(const struct sops_job *j)
{
    size_t entries = 0;
    bool empty = j->in->meta == SOPS_META_NESTED && (j->in->flags & SOPS_FMT_PARTS) == 0;
    for (const struct sops_node *n = empty && j->doc.parts != NULL ? j->doc.parts->child : NULL; n != NULL;
         n = n->next) {
        bool is = sops_slice_eq(n->key, SOPS_LIT("sops"));
        empty = empty && (!is || (n->kind == SOPS_MAP && n->child == NULL));
        entries += is;
    }
    return sops_meta_present(&j->doc, j->in->meta) && !(empty && entries == 1);
}

static bool own_status(struct sops_job *j, struct sops_err *e)
{
    const struct sops_format *f = j->in->sealed != NULL ? j->in->sealed : j->in;
    if (!f->parse(&j->doc, sops_buf_view(&j->raw), e)) {
        if (is_cut_off(sops_buf_view(&j->raw), e)) {
            sops_err_clear(e);
            return sops_ui_outf(e, "{\"encrypted\":false}\n");
        }
        sops_within(e, "cannot parse '%s' as %s", j->path, f->name);
        return sops_recode(e, SOPS_E_GENERIC);
    }
    bool encrypted = has_metadata(j);
    if (encrypted && !sops_meta_detach(&j->doc, j->in->meta, &j->meta, e)) {
        return sops_within(e, "'%s'", j->path);
    }
    encrypted = encrypted && j->meta.mac.len != 0 && j->meta.version.len != 0;
    return sops_ui_outf(e, "{\"encrypted\":%s}\n", encrypted ? "true" : "false");
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {own_file, sops_step_config, sops_step_read, own_status, NULL};
    struct sops_job j = {.world = w, .opt = o, .bad_input = SOPS_E_GENERIC};
    return sops_job_run(&j, steps, e);
}

static const struct sops_opt_table *const tables[] = {&sops_opts_input_type, NULL};

const struct sops_verb sops_verb_filestatus = {
    .name = "filestatus",
    .summary = "say whether a file is encrypted",
    .args = "FILE",
    .about = "Prints {\"encrypted\":true} or {\"encrypted\":false}. No key is needed.\n",
    .example = "sops filestatus secrets.yaml",
    .tables = tables,
    .run = run,
};
