/* SPDX-License-Identifier: Apache-2.0 */
/* help and completion. The scripts ask this program what may follow, so that they fit whatever version is called. */
#include "cli/ui.h"
#include "cli/usage.h"

static bool print_text(struct sops_buf *text, bool made, struct sops_err *e)
{
    bool ok = made && sops_ui_out(sops_buf_view(text), e);
    sops_buf_free(text);
    return ok;
}

/* help, help COMMAND, help COMMAND SUBCOMMAND */
static bool run_help(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    const struct sops_verb *verb = &sops_verb_root;
    struct sops_buf command = {0}, text = {0};
    if (sops_opt_on(o, "man")) {
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

static const struct sops_option help_list[] = {{.name = "man", .help = "print the manual page instead"},
                                               {.name = NULL}};
static const struct sops_opt_table help_table = {"OUTPUT", help_list};
static const struct sops_opt_table *const help_tables[] = {&help_table, NULL};

const struct sops_verb sops_verb_help = {
    .name = "help",
    .summary = "show what there is, or how a command is used",
    .args = "[COMMAND]",
    .example = "sops help decrypt",
    .tables = help_tables,
    .run = run_help,
};

/* ---- completion ------------------------------------------------------------------------------------------------- */

/* Scripts count on the program's name standing only where a script is bound to it. */
static const char bash_script[] = "_encrypted_file_words() {\n"
                                  "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
                                  "    local words=(\"${COMP_WORDS[@]:0:COMP_CWORD}\")\n"
                                  "    [[ $cur == -* ]] && words+=(\"$cur\")\n"
                                  "    local found\n"
                                  "    found=$(\"${words[@]}\" --generate-bash-completion 2>/dev/null)\n"
                                  "    (( COMP_CWORD == 1 )) && [[ $cur != -* ]] && found+=$'\\nkeygen'\n"
                                  "    mapfile -t COMPREPLY < <(compgen -W \"$found\" -- \"$cur\")\n"
                                  "}\n"
                                  "complete -o bashdefault -o default -F _encrypted_file_words sops\n";

static const char zsh_script[] = "#compdef sops\n"
                                 "_encrypted_file_words() {\n"
                                 "    local cur=${words[CURRENT]}\n"
                                 "    local -a asked found\n"
                                 "    asked=(\"${(@)words[1,CURRENT-1]}\")\n"
                                 "    [[ $cur == -* ]] && asked+=(\"$cur\")\n"
                                 "    found=(${(f)\"$(\"${asked[@]}\" --generate-bash-completion 2>/dev/null)\"})\n"
                                 "    (( CURRENT == 2 )) && [[ $cur != -* ]] && found+=(keygen)\n"
                                 "    compadd -a found\n"
                                 "    [[ $cur == -* ]] || _files\n"
                                 "}\n"
                                 "compdef _encrypted_file_words sops\n";

static bool run_bash(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    (void)o;
    return sops_ui_out(sops_str(bash_script), e);
}

static bool run_zsh(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    (void)o;
    return sops_ui_out(sops_str(zsh_script), e);
}

static const struct sops_verb verb_bash = {
    .name = "bash",
    .summary = "print a completion script for bash",
    .args = "",
    .example = "source <(sops completion bash)",
    .run = run_bash,
};
static const struct sops_verb verb_zsh = {
    .name = "zsh",
    .summary = "print a completion script for zsh",
    .args = "",
    .example = "source <(sops completion zsh)",
    .run = run_zsh,
};
static const struct sops_verb *const completion_verbs[] = {&verb_bash, &verb_zsh, NULL};

const struct sops_verb sops_verb_completion = {
    .name = "completion",
    .summary = "print a script that completes commands and options in your shell",
    .args = "",
    .example = "source <(sops completion bash)",
    .verbs = completion_verbs,
};
