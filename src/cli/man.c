/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page: the same tables as the help, as roff. A text must not begin a line with '.' or an apostrophe. */
#include "cli/table_words.h"
#include "cli/usage.h"

#include "base/text.h"
#include "core/meta.h"

#include <stdio.h>

/* Text of roff: backslashes and dashes escaped, a leading '.' or '\'' made harmless, what is not ASCII by its number.
 */
static bool add_text(struct sops_buf *out, const char *text, struct sops_err *e)
{
    struct sops_slice rest = sops_str(text);
    bool at_start = true, ok = true;
    while (ok && rest.len != 0) {
        uint32_t c = 0;
        size_t n = sops_utf8_next(rest, &c);
        if (at_start && (c == '.' || c == '\'')) {
            ok = sops_buf_adds(out, "\\&", e);
        }
        if (c == '\\' || c == '-') {
            ok = ok && sops_buf_adds(out, c == '-' ? "\\-" : "\\e", e);
        } else if (n > 1) {
            ok = ok && sops_buf_addf(out, e, "\\[u%04X]", c);
        } else {
            ok = ok && sops_buf_addc(out, rest.ptr[0], e);
        }
        at_start = c == '\n';
        rest = sops_slice_skip(rest, n > 1 ? n : 1);
    }
    return ok;
}

static bool add_lines(struct sops_buf *out, const char *before, const char *text, const char *after, struct sops_err *e)
{
    return sops_buf_adds(out, before, e) && add_text(out, text, e) && sops_buf_adds(out, after, e);
}

static bool add_option(struct sops_buf *out, const struct sops_option *def, struct sops_err *e)
{
    bool ok = add_lines(out, ".TP\n.B \\-\\-", def->name, "", e);
    if (ok && def->short_name != NULL) {
        ok = add_lines(out, def->short_name[1] == '\0' ? ", \\-" : ", \\-\\-", def->short_name, "", e);
    }
    if (ok && def->value != NULL) {
        ok = add_lines(out, " \\fI", def->value, "\\fP", e);
    }
    struct sops_buf help = {0};
    const char *text = NULL;
    ok = ok && sops_table_words(def->help, ", ", &help, e) && (text = sops_buf_cstr(&help, e)) != NULL &&
         add_lines(out, "\n", text, "", e);
    sops_buf_free(&help);
    if (ok && def->env != NULL) {
        ok = add_lines(out, " (variable: ", def->env, ")", e);
    }
    return ok && sops_buf_addc(out, '\n', e);
}

static bool add_options(struct sops_buf *out, const struct sops_verb *verb, struct sops_err *e)
{
    struct sops_options o = {0};
    bool ok = sops_options_open(&o, verb, e);
    for (size_t i = 0; ok && i < o.slots; i++) {
        ok = o.slot[i].title == NULL || add_option(out, &o.slot[i].def, e);
    }
    sops_options_free(&o);
    return ok;
}

static bool add_command(struct sops_buf *out, const struct sops_verb *v, const char *above, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, ".SS sops ", e) && add_text(out, above, e) && add_lines(out, "", v->name, " ", e) &&
              add_lines(out, v->verbs != NULL ? "COMMAND" : "[options] ", v->args, "\n", e) &&
              add_lines(out, "", v->summary, ".\n", e);
    ok = ok && (v->about == NULL || add_lines(out, ".PP\n", v->about, "", e));
    ok = ok && (v->example == NULL || add_lines(out, ".PP\nExample:\n.RS 4\n.nf\n", v->example, "\n.fi\n.RE\n", e));
    return ok && add_options(out, v, e);
}

static bool add_commands(struct sops_buf *out, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && sops_verbs[i] != NULL; i++) {
        const struct sops_verb *v = sops_verbs[i];
        ok = add_command(out, v, "", e);
        for (size_t k = 0; ok && v->verbs != NULL && v->verbs[k] != NULL; k++) {
            char above[40];
            (void)snprintf(above, sizeof above, "%s ", v->name);
            ok = add_command(out, v->verbs[k], above, e);
        }
    }
    return ok;
}

static const char head[] =
    ".\\\" Made by `sops help --man`; do not edit.\n"
    ".TH SOPS 1 \"\" \"sops\" \"User Commands\"\n"
    ".SH NAME\n"
    "sops \\- encrypted files that stay readable and can be edited\n"
    ".SH SYNOPSIS\n"
    ".B sops\n[\\fIglobal options\\fP] \\fICOMMAND\\fP [\\fIoptions\\fP] \\fIarguments\\fP\n.br\n"
    ".B sops\n[\\fIoptions\\fP] \\fIFILE\\fP\n"
    ".SH DESCRIPTION\n";

static const char environment[] =
    ".SH ENVIRONMENT\n"
    "Variables that stand for an option are told with it. Identities of age are taken from all of these places, and "
    "from "
    "the files below; what is wrong with one matters only when none fits:\n"
    ".TP\n.B SOPS_AGE_KEY\nIdentities, separated by blanks or line ends.\n"
    ".TP\n.B SOPS_AGE_KEY_FILE\nA file of identities, which may be locked with a passphrase.\n"
    ".TP\n.B SOPS_AGE_KEY_CMD\nA command that prints identities; it finds the recipient in SOPS_AGE_RECIPIENT.\n"
    ".TP\n.B SOPS_AGE_SSH_PRIVATE_KEY_FILE\nAn SSH private key, which may be locked with a passphrase.\n"
    ".TP\n.B SOPS_AGE_SSH_PRIVATE_KEY_CMD\nA command that prints one that is not.\n"
    ".PP\nFurther:\n"
    ".TP\n.B AGEDEBUG\nThe word plugin: what is said to plugins of age and by them, file keys included, goes to "
    "stderr, "
    "too.\n"
    ".TP\n.B SOPS_GPG_EXEC\nThe program for PGP, in place of gpg. GNUPGHOME names its folder, GPG_TTY the terminal for "
    "a passphrase (where it is not set, the one that sops runs on).\n"
    ".TP\n.B SOPS_KUBECTL\nThe program for sops kubectl, in place of kubectl.\n";

static const char tail[] =
    ".SH FILES\n"
    ".TP\n.I .sops.yaml\nCreation rules, destinations and indentation; the nearest one upwards from the current "
    "folder.\n"
    ".TP\n.I ~/.config/sops/age/keys.txt\nAge identities ($XDG_CONFIG_HOME/sops/age/keys.txt when that is set).\n"
    ".TP\n.I ~/.ssh/id_ed25519, ~/.ssh/id_rsa\nSSH keys that age recipients of that kind are opened with.\n"
    ".SH EXIT STATUS\n";

static bool add_statuses(struct sops_buf *out, struct sops_err *e)
{
#define X(name, status, meaning) {status, meaning},
    static const struct {
        int status;
        const char *meaning;
    } list[] = {SOPS_STATUSES};
#undef X
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof list / sizeof list[0]; i++) {
        ok = sops_buf_addf(out, e, ".TP\n.B %d\n%s.\n", list[i].status, list[i].meaning);
    }
    return ok;
}

bool sops_usage_man(struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_adds(out, head, e) && add_text(out, sops_verb_root.about, e) &&
           sops_buf_adds(out, ".SH COMMANDS\n", e) && add_commands(out, e) &&
           sops_buf_adds(out, ".SH OPTIONS\nThose before a command, and those of the old form.\n", e) &&
           add_options(out, &sops_verb_root, e) && sops_buf_adds(out, environment, e) && sops_buf_adds(out, tail, e) &&
           add_statuses(out, e);
}
