/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts. They ask this program for commands and flags, so that they fit whatever version is called; only
 * the words that a value can have, types of keys and of files, are written into them, from the tables. The program's
 * name may stand only where a script is bound to it: others count on that (docs/spec/50-cli.md#the-other-commands). */
#include "cli/command.h"
#include "cli/table_words.h"
#include "cli/ui.h"

/* KEY_TYPES, FILE_TYPES and OWN_COMMANDS are replaced by the names in the tables. */
static const char bash_script[] =
    "_encrypted_file_words() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local words=(\"${COMP_WORDS[@]:0:COMP_CWORD}\") found\n"
    "    case $last in\n"
    "    --decryption-order)\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"${cur%\"${cur##*,}\"}\" -W 'KEY_TYPES' -- "
    "\"${cur##*,}\")\n"
    "        return ;;\n"
    "    --input-type | --output-type)\n"
    "        mapfile -t COMPREPLY < <(compgen -W 'FILE_TYPES' -- \"$cur\")\n"
    "        return ;;\n"
    "    esac\n"
    "    [[ $cur == -* ]] && words+=(\"$cur\")\n"
    "    found=$(\"${words[@]}\" --generate-bash-completion 2>/dev/null)\n"
    "    (( COMP_CWORD == 1 )) && [[ $cur != -* ]] && found+=$'\\nOWN_COMMANDS'\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$found\" -- \"$cur\")\n"
    "}\n"
    "complete -o bashdefault -o default -F _encrypted_file_words sops\n";

static const char zsh_script[] = "#compdef sops\n"
                                 "_encrypted_file_words() {\n"
                                 "    local cur=${words[CURRENT]}\n"
                                 "    local -a asked found\n"
                                 "    case ${words[CURRENT-1]} in\n"
                                 "    --decryption-order) _values -s , 'type of key' KEY_TYPES; return ;;\n"
                                 "    --input-type | --output-type) compadd FILE_TYPES; return ;;\n"
                                 "    esac\n"
                                 "    asked=(\"${(@)words[1,CURRENT-1]}\")\n"
                                 "    [[ $cur == -* ]] && asked+=(\"$cur\")\n"
                                 "    found=(${(f)\"$(\"${asked[@]}\" --generate-bash-completion 2>/dev/null)\"})\n"
                                 "    (( CURRENT == 2 )) && [[ $cur != -* ]] && found+=(OWN_COMMANDS)\n"
                                 "    compadd -a found\n"
                                 "    [[ $cur == -* ]] || _files\n"
                                 "}\n"
                                 "compdef _encrypted_file_words sops\n";

static const char fish_script[] = "function __encrypted_file_words\n"
                                  "    set -l asked (commandline -opc)\n"
                                  "    set -l current (commandline -ct)\n"
                                  "    switch $asked[-1]\n"
                                  "        case --decryption-order\n"
                                  "            set -l before (string replace -r '[^,]*$' '' -- $current)\n"
                                  "            printf '%s\\n' $before{KEY_TYPES}\n"
                                  "            return\n"
                                  "        case --input-type --output-type\n"
                                  "            printf '%s\\n' {FILE_TYPES}\n"
                                  "            return\n"
                                  "    end\n"
                                  "    test (count $asked) -eq 1; and string split , OWN_COMMANDS\n"
                                  "    string match -q -- '-*' $current; and set -a asked $current\n"
                                  "    command $asked --generate-bash-completion 2>/dev/null\n"
                                  "end\n"
                                  "complete -c sops -a '(__encrypted_file_words)'\n";

/* `between` stands between two names: a brace expansion of fish wants commas. */
static bool print_script(const char *script, const char *between, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = sops_table_words(script, between, &out, e) && sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

static bool run_bash(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    (void)o;
    return print_script(bash_script, " ", e);
}

static bool run_zsh(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    (void)o;
    return print_script(zsh_script, " ", e);
}

static bool run_fish(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w;
    (void)o;
    return print_script(fish_script, ",", e);
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
static const struct sops_verb verb_fish = {
    .name = "fish",
    .summary = "print a completion script for fish",
    .args = "",
    .example = "sops completion fish | source",
    .ours = true,
    .run = run_fish,
};
static const struct sops_verb *const completion_verbs[] = {&verb_bash, &verb_zsh, &verb_fish, NULL};

const struct sops_verb sops_verb_completion = {
    .name = "completion",
    .summary = "print a script that completes commands, options, types and files in your shell",
    .args = "",
    .example = "source <(sops completion bash)",
    .verbs = completion_verbs,
};
