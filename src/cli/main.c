/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the command and prints what went wrong. Before that the process is made one that leaves no secrets behind. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/openssl.h"
#include "cli/command.h"
#include "cli/harden.h"
#include "cli/kubeseal.h"
#include "cli/ui.h"
#include "cli/usage.h"
#include "cli/world_real.h"
#include "core/meta.h"
#include "services/audit.h"

#define COMPLETE "--generate-bash-completion"

/* What only commands that work need. */
static void prepare(struct sops_world *w) { sops_openssl_start(sops_world_env_set(w, "OPENSSL_CONF") != NULL); }

/* Where an audit is wanted and cannot be had, nothing at all is done, not even a version shown
 * (docs/spec/60-keysources.md#audit). */
static bool load_audit(struct sops_world *w, struct sops_err *e)
{
    struct stat st;
    if (stat(SOPS_AUDIT_FILE, &st) != 0) {
        return true;
    }
    prepare(w);
    return sops_audit_load(w, e);
}

/* Wrong usage is told on both: scripts look for it on stdout, people for the message at the end. */
static bool fail_usage(const struct sops_options *o, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_err ignored = {0};
    bool ok = sops_buf_addf(&text, &ignored, "Incorrect Usage: %s\n\n", e->msg) &&
              sops_usage_text(o, &text, &ignored) && sops_ui_out(sops_buf_view(&text), &ignored);
    sops_buf_free(&text);
    sops_err_clear(&ignored);
    return ok && false;
}

static bool print_version(const struct sops_options *o, struct sops_err *e)
{
    if (o->shared.check_for_updates && !o->shared.disable_version_check) {
        sops_ui_note("newer versions are not looked up: ask where you got this one from");
    }
    return sops_ui_outf(e, "sops %s\n", SOPS_VERSION);
}

static bool run_verb(struct sops_world *w, const struct sops_verb *verb, const char *command,
                     const struct sops_options *global, const char *const *words, struct sops_err *e);

/* `groups add …`, `groups help add`, `groups`: the table below a command. */
static bool run_below(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const char *const *words = o->args;
    bool help = words[0] != NULL && (strcmp(words[0], "help") == 0 || strcmp(words[0], "h") == 0);
    words += help;
    if (words[0] == NULL || words[0][0] == '\0') {
        return sops_usage_show(o, e);
    }
    const struct sops_verb *below = sops_verb_find(o->verb->verbs, words[0]);
    if (below == NULL) {
        return sops_fail(e, SOPS_E_WRITE, "No help topic for '%s'", words[0]);
    }
    static const char *const ask[] = {"--help", NULL};
    char whole[64];
    (void)snprintf(whole, sizeof whole, "%s %s", o->command, below->name);
    return run_verb(w, below, whole, o->global, help ? ask : words + 1, e);
}

/* What stands behind `sops git textconv` are words, but for a lone question for help. */
static bool take_words(struct sops_options *o, const char *const *words)
{
    bool help =
        words[0] != NULL && words[1] == NULL && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0);
    if (!o->verb->words || help) {
        return false;
    }
    o->args = words;
    while (words[o->argc] != NULL) {
        o->argc++;
    }
    return true;
}

/* A command with its options. `command` is its whole name, "groups add". */
static bool run_verb(struct sops_world *w, const struct sops_verb *verb, const char *command,
                     const struct sops_options *global, const char *const *words, struct sops_err *e)
{
    struct sops_options o = {0};
    bool usage = false, below = false;
    bool ok = sops_options_open(&o, verb, e);
    o.global = global;
    o.command = command;
    ok = ok && (take_words(&o, words) || sops_options_parse(&o, words, verb->verbs == NULL, &usage, e));
    if (usage) {
        ok = fail_usage(&o, e);
    } else if (ok && o.shared.help) {
        ok = sops_usage_show(&o, e);
    } else if (ok && verb->verbs != NULL) {
        below = true;
        ok = run_below(w, &o, e);
    } else if (ok) {
        prepare(w);
        ok = sops_options_env(&o, w, e);
        w->verbose = o.shared.verbose;
        ok = ok && sops_options_check(&o, w, e) && verb->run(w, &o, e);
    }
    if (verb->verbs == NULL) {
        sops_options_fit_hint(&o, e);
    }
    sops_options_free(&o);
    if (verb->finds && !below && (e->code == SOPS_E_GENERIC || e->code == SOPS_FOUND)) {
        e->code = e->code == SOPS_FOUND ? SOPS_E_GENERIC : SOPS_E_READ;
    }
    return ok;
}

/* A script of before the word was a command means its file. */
static bool is_file(const struct sops_verb *verb, const struct sops_options *global)
{
    struct stat st;
    if (!verb->yields || global->argc != 1 || stat(verb->name, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    sops_ui_warn("'%s' is a command, too: taken as the file of that name", verb->name);
    return true;
}

static bool run_by_words(struct sops_world *w, int argc, const char *const *argv, struct sops_err *e)
{
    struct sops_options global = {0};
    bool usage = false;
    if (argc > 1 && strcmp(argv[argc - 1], COMPLETE) == 0) {
        return sops_complete(argv + 1, (size_t)argc - 2, e);
    }
    bool ok = sops_options_check_env(w, e) && load_audit(w, e) && sops_options_open(&global, &sops_verb_root, e) &&
              sops_options_parse(&global, argv + (argc > 0), false, &usage, e);
    const struct sops_verb *verb = ok && global.argc != 0 ? sops_verb_find(sops_verbs, global.args[0]) : NULL;
    verb = verb != NULL && is_file(verb, &global) ? NULL : verb;
    if (usage) {
        ok = fail_usage(&global, e);
    } else if (ok && global.shared.help) {
        ok = sops_usage_show(&global, e);
    } else if (ok && global.shared.version) {
        ok = print_version(&global, e);
    } else if (ok && (ok = sops_options_env(&global, w, e))) {
        prepare(w);
        w->verbose = global.shared.verbose;
        ok = verb != NULL ? run_verb(w, verb, verb->name, &global, global.args + 1, e)
                          : sops_options_check(&global, w, e) && sops_verb_root.run(w, &global, e);
        if (verb == NULL) {
            sops_options_fit_hint(&global, e);
        }
    }
    sops_options_free(&global);
    return ok;
}

/* A command that the program's own name names: there are no words before it. */
static bool run_by_name(struct sops_world *w, const struct sops_verb *verb, const char *const *words,
                        struct sops_err *e)
{
    static const char *const none[] = {NULL};
    struct sops_options global = {0};
    bool usage = false;
    bool ok = sops_options_check_env(w, e) && load_audit(w, e) && sops_options_open(&global, &sops_verb_root, e) &&
              sops_options_parse(&global, none, false, &usage, e) && sops_options_env(&global, w, e) &&
              run_verb(w, verb, verb->name, &global, words, e);
    sops_options_free(&global);
    return ok;
}

/* Other names of the program: what stands in for another one prints its own errors, the others are commands. */
static const struct {
    const char *name;
    int (*main)(struct sops_world *w, const char *const *words);
    const struct sops_verb *verb;
} names[] = {
    {"kubeseal", sops_kubeseal_main, NULL},
    {"kubectl-sops", NULL, &sops_verb_kubectl},
    {"ksops", NULL, &sops_verb_ksops},
};

/* The entry for the name that it was called by; `count` for one of its own. */
static size_t find_name(const char *called)
{
    const char *slash = called != NULL ? strrchr(called, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : called;
    size_t i = 0, count = sizeof names / sizeof names[0];
    while (i < count && (name == NULL || strcmp(name, names[i].name) != 0)) {
        i++;
    }
    return i;
}

int main(int argc, char **argv)
{
    sops_harden();
    struct sops_world world = {0};
    struct sops_err e = {0};
    sops_world_real(&world);
    const char *const *words = (const char *const *)(uintptr_t)argv;
    size_t name = find_name(words[0]);
    int status = 0;
    if (name < sizeof names / sizeof names[0] && names[name].main != NULL) {
        status = names[name].main(&world, words + 1);
    } else {
        bool ok = name < sizeof names / sizeof names[0] ? run_by_name(&world, names[name].verb, words + 1, &e)
                                                        : run_by_words(&world, argc, words, &e);
        if (!ok) {
            sops_ui_error(&world, &e);
        }
        status = e.code;
    }
    sops_err_clear(&e);
    sops_world_forget(&world);
    return status;
}
