/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripts of `sops completion` ask for with --generate-bash-completion as the last word. The lists that the
 * original has, too, are fixed for scripts that others wrote for them (docs/spec/50-cli.md#the-other-commands): a
 * command of ours is not among them, but below one of ours its own commands and options are, and nothing else. */
#include "cli/usage.h"

#include "cli/ui.h"

static bool add_verbs(const struct sops_verb *of, struct sops_buf *out, struct sops_err *e)
{
    bool help = false, ok = true;
    for (const struct sops_verb *const *verbs = of->verbs; ok && *verbs != NULL; verbs++) {
        help = help || *verbs == &sops_verb_help;
        ok = ((*verbs)->ours && !of->ours) || sops_buf_addf(out, e, "%s\n", (*verbs)->name);
    }
    return ok && (help || sops_buf_adds(out, "help\n", e)) && sops_buf_adds(out, "h\n", e);
}

static bool is_given(const char *name, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i] + strspn(words[i], "-");
        size_t n = strlen(name);
        if (words[i][0] == '-' && strncmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == '=')) {
            return true;
        }
    }
    return false;
}

/* --name or -n when it begins as `typed`, and was not given before. */
static bool add_name(const char *name, const char *typed, const char *const *words, size_t count, struct sops_buf *out,
                     struct sops_err *e)
{
    const char *begin = typed + strspn(typed, "-");
    bool is_short = name != NULL && name[1] == '\0';
    if (name == NULL || strncmp(name, begin, strlen(begin)) != 0 || (is_short && strncmp(typed, "--", 2) == 0) ||
        is_given(name, words, count)) {
        return true;
    }
    return sops_buf_addf(out, e, "%s%s\n", is_short ? "-" : "--", name);
}

/* `words`: those before `typed`. */
static bool add_options(const struct sops_verb *verb, const char *typed, const char *const *words, size_t count,
                        struct sops_buf *out, struct sops_err *e)
{
    struct sops_options o = {0};
    bool ok = sops_options_open(&o, verb, e);
    for (size_t i = 0; ok && i < o.slots; i++) {
        const struct sops_option *def = &o.slot[i].def;
        ok = ((def->flags & SOPS_OPT_OURS) != 0 && !verb->ours) ||
             (add_name(def->name, typed, words, count, out, e) &&
              add_name(def->short_name, typed, words, count, out, e));
    }
    sops_options_free(&o);
    return ok;
}

bool sops_complete(const char *const *words, size_t count, struct sops_err *e)
{
    const struct sops_verb *verb = &sops_verb_root;
    struct sops_buf out = {0};
    for (size_t i = 0; i < count && verb->verbs != NULL; i++) {
        const struct sops_verb *next = sops_verb_find(verb->verbs, words[i]);
        verb = next != NULL ? next : verb;
    }
    const char *typed = count != 0 && words[count - 1][0] == '-' ? words[count - 1] : NULL;
    bool ok;
    if (typed != NULL) {
        ok = (verb->ours || add_options(&sops_verb_root, typed, words, count - 1, &out, e)) &&
             (verb == &sops_verb_root || add_options(verb, typed, words, count - 1, &out, e));
    } else {
        ok = verb->verbs == NULL || add_verbs(verb, &out, e);
    }
    ok = ok && sops_ui_out(sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}
