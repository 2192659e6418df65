/* SPDX-License-Identifier: Apache-2.0 */
/* A help text lists the options of its command and names no other, so that scripts may look an option up in it. */
#include "cli/usage.h"

#include "cli/table_words.h"
#include "cli/ui.h"

#define WIDTH 90
#define COLUMN 32 /* where the explanations of options begin */

/* How many columns UTF-8 takes: a letter each. */
static size_t columns_of(struct sops_slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += (text.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

/* Appends the words of `text` from column `at` on, broken at WIDTH and indented to COLUMN. */
static bool add_filled(struct sops_buf *out, size_t at, const char *text, struct sops_err *e)
{
    struct sops_slice rest = sops_str(text), word;
    bool first = true;
    while (sops_slice_next(&rest, ' ', &word)) {
        bool ok = true;
        size_t wide = columns_of(word);
        if (!first && at + 1 + wide > WIDTH) {
            ok = sops_buf_addc(out, '\n', e) && sops_buf_addn(out, ' ', COLUMN, e);
            at = COLUMN;
        } else if (!first) {
            ok = sops_buf_addc(out, ' ', e);
            at++;
        }
        if (!ok || !sops_buf_add(out, word, e)) {
            return false;
        }
        at += wide;
        first = false;
    }
    return sops_buf_addc(out, '\n', e);
}

/* `dashes` is "--", or "" for an option of ours. */
static bool add_option(const struct sops_option *def, const char *dashes, struct sops_buf *out, struct sops_err *e)
{
    size_t start = out->len;
    if (!sops_buf_addf(out, e, "   %s%s", dashes, def->name)) {
        return false;
    }
    if (def->short_name != NULL &&
        !sops_buf_addf(out, e, ", %s%s", def->short_name[1] == '\0' ? dashes + (dashes[0] != '\0') : dashes,
                       def->short_name)) {
        return false;
    }
    if (def->value != NULL && !sops_buf_addf(out, e, " %s", def->value)) {
        return false;
    }
    size_t at = columns_of(sops_slice_skip(sops_buf_view(out), start));
    if (at + 2 > COLUMN) {
        if (!sops_buf_addc(out, '\n', e) || !sops_buf_addn(out, ' ', COLUMN, e)) {
            return false;
        }
    } else if (!sops_buf_addn(out, ' ', COLUMN - at, e)) {
        return false;
    }
    struct sops_buf text = {0};
    const char *whole = NULL;
    bool ok = sops_table_words(def->help, ", ", &text, e) &&
              (def->env == NULL || sops_buf_addf(&text, e, " [$%s]", def->env)) &&
              (whole = sops_buf_cstr(&text, e)) != NULL && add_filled(out, COLUMN, whole, e);
    sops_buf_free(&text);
    return ok;
}

static bool is_listed(const struct sops_opt_slot *s) { return s->title != NULL && (s->def.flags & SOPS_OPT_OURS) == 0; }

/* The options under their headings, in the order in which the headings come first. */
static bool add_options(const struct sops_options *o, struct sops_buf *out, struct sops_err *e)
{
    for (size_t i = 0; i < o->slots; i++) {
        const char *title = o->slot[i].title;
        bool seen = !is_listed(&o->slot[i]);
        for (size_t k = 0; k < i && !seen; k++) {
            seen = is_listed(&o->slot[k]) && strcmp(o->slot[k].title, title) == 0;
        }
        if (seen) {
            continue;
        }
        if (!sops_buf_addf(out, e, "\n%s:\n", title)) {
            return false;
        }
        for (size_t k = i; k < o->slots; k++) {
            if (is_listed(&o->slot[k]) && strcmp(o->slot[k].title, title) == 0 &&
                !add_option(&o->slot[k].def, "--", out, e)) {
                return false;
            }
        }
    }
    return true;
}

/* Those that the reference does not have, without dashes: scripts that look a flag up do not find them. */
static bool add_ours(const struct sops_options *o, struct sops_buf *out, struct sops_err *e)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < o->slots; i++) {
        const struct sops_option *def = &o->slot[i].def;
        if ((def->flags & SOPS_OPT_OURS) != 0) {
            ok = (!first || sops_buf_adds(out, "\nOF THIS PROGRAM ONLY (WITH TWO DASHES BEFORE THE NAME):\n", e)) &&
                 add_option(def, "", out, e);
            first = false;
        }
    }
    return ok;
}

static bool add_verbs(const struct sops_verb *const *verbs, struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, "\nCOMMANDS:\n", e);
    for (; ok && *verbs != NULL; verbs++) {
        bool help = *verbs == &sops_verb_help;
        ok = sops_buf_addf(out, e, "   %-12s %s\n", help ? "help, h" : (*verbs)->name, (*verbs)->summary);
    }
    return ok;
}

bool sops_usage_text(const struct sops_options *o, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_verb *v = o->verb;
    const char *space = o->command[0] != '\0' ? " " : "";
    bool ok = sops_buf_addf(out, e, "sops%s%s - %s\n\nUSAGE:\n", space, o->command, v->summary);
    if (v == &sops_verb_root) {
        ok = ok && sops_buf_adds(out, "   sops [global options] COMMAND [options] ARGUMENTS\n", e);
    }
    ok = ok && sops_buf_addf(out, e, "   sops%s%s%s%s%s\n", space, o->command,
                             v->verbs != NULL && v != &sops_verb_root ? " COMMAND" : " [options]",
                             v->args[0] != '\0' ? " " : "", v->args);
    ok = ok && (v->about == NULL || (sops_buf_addc(out, '\n', e) && sops_buf_adds(out, v->about, e)));
    ok = ok && (v->verbs == NULL || add_verbs(v->verbs, out, e));
    ok = ok && (v->example == NULL || sops_buf_addf(out, e, "\nEXAMPLE:\n   %s\n", v->example));
    return ok && add_options(o, out, e) && add_ours(o, out, e);
}

bool sops_usage_of(const struct sops_verb *verb, const char *command, struct sops_buf *out, struct sops_err *e)
{
    struct sops_options o = {0};
    bool ok = sops_options_open(&o, verb, e);
    o.command = command;
    ok = ok && sops_usage_text(&o, out, e);
    sops_options_free(&o);
    return ok;
}

bool sops_usage_show(const struct sops_options *o, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_usage_text(o, &text, e) && sops_ui_out(sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}
