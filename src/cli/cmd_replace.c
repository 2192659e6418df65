/* SPDX-License-Identifier: Apache-2.0 */
/* replace (docs/spec/70-git.md#replace-encrypt---reuse): the second half of edit, for programs. */
#include "base/file.h"
#include "cli/clear.h"
#include "cli/command.h"
#include "cli/reuse_old.h"
#include "cli/ui.h"

#include <unistd.h>

/* The old document is open; the new text becomes the document, unless the two are the same. */
static bool own_text(struct sops_job *j, struct sops_err *e)
{
    struct sops_clear clear = {0};
    struct sops_envelope *fresh = sops_envelope_new(j->world, "stdin", e);
    bool ok = fresh != NULL && sops_envelope_style(fresh, j->in, &j->style, e) &&
              sops_fd_read(STDIN_FILENO, "stdin", SOPS_FILE_MAX, &j->raw, e) &&
              sops_envelope_parse_clear(fresh, j->in, sops_buf_view(&j->raw), e) && sops_envelope_not_empty(fresh, e);
    sops_buf_free(&j->raw);
    if (ok && (j->in->flags & SOPS_FMT_WHOLE) == 0 && sops_envelope_has_meta(fresh, j->in)) {
        ok = sops_fail(e, SOPS_E_ALREADY, "the text has metadata of its own: it is encrypted already");
        sops_hint(e, "clear text is wanted on stdin");
    }
    bool same = false;
    ok = ok && sops_same_file(j->env, fresh, &same, e);
    if (ok && same) {
        sops_ui_note("%s: unchanged", j->path);
        j->done = true;
    } else if (ok) {
        ok = sops_clear_before(j, &clear, e) && sops_envelope_take_clear(j->env, fresh, e) &&
             sops_clear_after(j, &clear, e);
    }
    sops_clear_free(&clear);
    sops_envelope_free(fresh);
    return ok;
}

static bool run_replace(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {
        sops_step_file,
        sops_step_exists,
        sops_step_config,
        sops_step_own_format,
        sops_step_order,
        sops_step_unlock,
        own_text,
        sops_step_lock,
        NULL,
    };
    struct sops_job j = {.world = w,
                         .opt = o,
                         .statuses = SOPS_STATUSES_NEED_FILE,
                         .in_place = true,
                         .once = true,
                         .in_order = true,
                         .seeks_clear = true};
    const char *path = o->argc != 0 ? o->args[0] : "";
    bool ok = sops_job_run(&j, steps, e);
    if (!ok && e->code == SOPS_E_CHANGED) { /* the text is of an older content than what is there now */
        sops_hint(e, "make the text anew from what `sops decrypt %s` gives now, then replace again", path);
    }
    return ok;
}

static const struct sops_opt_table *const tables[] = {
    &sops_opts_style, &sops_opts_our_input_type, &sops_opts_order, &sops_opts_strict, &sops_opts_services, NULL,
};

const struct sops_verb sops_verb_replace = {
    .name = "replace",
    .summary = "put clear text from stdin into an encrypted file",
    .args = "FILE",
    .about = "Keys, rules and data key stay those of FILE; values that did not change keep their\n"
             "ciphertext. Where nothing changed, FILE is not written at all.\n",
    .example = "generate-secrets | sops replace secrets.yaml",
    .tables = tables,
    .ours = true,
    .yields = true,
    .run = run_replace,
};
