/* SPDX-License-Identifier: Apache-2.0 */
/* help: the same texts as --help, for a command below another one, too. */
#include "cli/ui.h"
#include "cli/usage.h"

static bool print_text(struct sops_buf *text, bool made, struct sops_err *e)
{
    bool ok = made && sops_ui_out(sops_buf_view(text), e);
    sops_buf_free(text);
    return ok;
}

/* help, help COMMAND, help COMMAND SUBCOMMAND */
struct help_options {
    bool man;
};

static bool run_help(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    const struct sops_verb *verb = &sops_verb_root;
    struct sops_buf command = {0}, text = {0};
    if (((const struct help_options *)o->own)->man) {
        return print_text(&text, sops_usage_man(&text, e), e);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < o->argc && o->args[i][0] != '\0' && verb->verbs != NULL; i++) {
        const struct sops_verb *below = sops_verb_find(verb->verbs, o->args[i]);
        if (below == NULL) {
            ok = sops_fail(e, SOPS_E_WRITE, "No help topic for '%s'", o->args[i]);
            sops_hint(e, "`sops help` lists the commands");
        } else {
            verb = below;
            ok = sops_buf_addf(&command, e, "%s%s", i != 0 ? " " : "", verb->name);
        }
    }
    const char *name = ok ? sops_buf_cstr(&command, e) : NULL;
    ok = print_text(&text, name != NULL && sops_usage_of(verb, name, &text, e), e);
    sops_buf_free(&command);
    return ok;
}

static const struct sops_option help_list[] = {
    {.name = "man", SOPS_FLAG_TO(struct help_options, man), .help = "print the manual page instead"}, {.name = NULL}};
static const struct sops_opt_table help_table = {"OUTPUT", help_list};
static const struct sops_opt_table *const help_tables[] = {&help_table, NULL};

const struct sops_verb sops_verb_help = {
    .name = "help",
    .summary = "show what there is, or how a command is used",
    .args = "[COMMAND]",
    .example = "sops help decrypt",
    .tables = help_tables,
    .own_size = sizeof(struct help_options),
    .run = run_help,
};
