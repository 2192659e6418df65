/* SPDX-License-Identifier: Apache-2.0 */
/* git install (docs/spec/70-git.md#git-install). All is looked at before anything is written. */
#include "cli/git_install.h"

#include "base/proc.h"
#include "cli/git_verbs.h"
#include "cli/ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum part { MERGE, DIFF, FILTER, PARTS };

/* One setting. `command` stands behind the name of the program; or the setting is `value`. */
static const struct {
    enum part part;
    const char *key, *command, *value;
} settings[] = {
    {MERGE, "merge.sops.name", NULL, "encrypted files, value by value"},
    {MERGE, "merge.sops.driver", " git merge-driver %O %A %B %L %P %S %X %Y", NULL},
    {MERGE, "merge.sops.recursive", NULL, "binary"},
    {MERGE, "mergetool.sops.cmd", " edit \"$MERGED\"", NULL},
    {MERGE, "mergetool.sops.trustExitCode", NULL, "true"},
    {DIFF, "diff.sops.textconv", " git textconv", NULL},
    {DIFF, "diff.sops.cachetextconv", NULL, "false"},
    {FILTER, "filter.sops.process", " git filter-process", NULL},
    {FILTER, "filter.sops.required", NULL, "true"},
};
#define SETTINGS (sizeof settings / sizeof settings[0])
static const char *const sections[] = {"merge.sops", "mergetool.sops", "diff.sops", "filter.sops"};
/* What an attribute needs to have an effect, and what writes it. */
static const struct {
    const char *attribute, *key, *effect, *command;
} needs[PARTS] = {
    {"merge", "merge.sops.driver", "git merges as text", "sops git install"},
    {"diff", "diff.sops.textconv", "git shows ciphertexts", "sops git install"},
    {"filter", "filter.sops.process", "git neither decrypts nor encrypts", "sops git install --filter"},
};

struct install {
    const struct sops_install_options *o;
    struct sops_git git;
    struct sops_attributes attributes;
    struct sops_index index;
    struct sops_buf program, patterns;
    bool part[PARTS];
};

static const char *scope(const struct install *x) { return x->o->global ? "--global" : "--local"; }

/* ---- the program's name ----------------------------------------------------------------------------------------- */

/* For a shell: in single quotes unless it is harmless. */
static bool add_quoted(struct sops_buf *out, const char *text, struct sops_err *e)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+";
    if (strspn(text, harmless) == strlen(text)) {
        return sops_buf_adds(out, text, e);
    }
    bool ok = sops_buf_addc(out, '\'', e);
    for (; ok && *text != '\0'; text++) {
        ok = *text == '\'' ? sops_buf_adds(out, "'\\''", e) : sops_buf_addc(out, (uint8_t)*text, e);
    }
    return ok && sops_buf_addc(out, '\'', e);
}

static bool name_program(struct install *x, struct sops_err *e)
{
    struct sops_buf found = {0};
    struct sops_err none = {0};
    struct stat mine, there;
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0 || n == sizeof path - 1) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot find out where this program is");
    }
    path[n] = '\0';
    bool same = sops_proc_find("sops", x->git.world->env(x->git.world, "PATH"), &found, &none) &&
                sops_buf_cstr(&found, &none) != NULL && stat((const char *)found.ptr, &there) == 0 &&
                stat("/proc/self/exe", &mine) == 0 && there.st_dev == mine.st_dev && there.st_ino == mine.st_ino;
    sops_err_clear(&none);
    sops_buf_free(&found);
    return (same ? sops_buf_adds(&x->program, "sops", e) : add_quoted(&x->program, path, e)) &&
           sops_buf_cstr(&x->program, e) != NULL;
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/* The value of a setting; `*there` is false when it has none. `where` NULL: in any scope. */
static bool get_setting(struct install *x, const char *where, const char *key, struct sops_buf *value, bool *there,
                        struct sops_err *e)
{
    const char *const scoped[] = {"config", where, "-z", "--get", key, NULL};
    const char *const any[] = {"config", "-z", "--get", key, NULL};
    int status = 0;
    sops_buf_free(value);
    if (!sops_git_run(&x->git, where != NULL ? scoped : any, (struct sops_slice){0}, value, &status, e)) {
        return false;
    }
    *there = status == 0;
    sops_buf_cut(value, value->len - (value->len != 0));
    return true;
}

static bool put_setting(struct install *x, size_t i, struct sops_err *e)
{
    struct sops_buf value = {0}, old = {0};
    bool there = false;
    const char *text = NULL;
    bool ok = (settings[i].command == NULL || sops_buf_add(&value, sops_buf_view(&x->program), e)) &&
              sops_buf_adds(&value, settings[i].command != NULL ? settings[i].command : settings[i].value, e) &&
              (text = sops_buf_cstr(&value, e)) != NULL && get_setting(x, scope(x), settings[i].key, &old, &there, e);
    bool same = ok && there && sops_slice_eq(sops_buf_view(&old), sops_buf_view(&value));
    if (ok && there && !same) {
        sops_ui_note("%s was '%.*s', and is replaced", settings[i].key, SOPS_ARG(old));
    }
    if (ok && !same) {
        const char *const words[] = {"config", scope(x), "--replace-all", settings[i].key, text, NULL};
        ok = sops_git_run(&x->git, words, (struct sops_slice){0}, NULL, NULL, e);
    }
    sops_buf_free(&value);
    sops_buf_free(&old);
    return ok;
}

static bool put_settings(struct install *x, struct sops_err *e)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (x->part[settings[i].part] && !put_setting(x, i, e)) {
            return false;
        }
    }
    if (x->part[FILTER]) {
        sops_ui_warn("with the filter, work trees hold clear text, and so does what git archive writes; "
                     "a file that is there is decrypted by `rm FILE && git checkout -- FILE`");
    }
    return true;
}

/* ---- attributes ------------------------------------------------------------------------------------------------- */

static bool check_glob(const char *glob, struct sops_err *e)
{
    bool bad = glob[0] == '\0' || glob[0] == '#' || glob[0] == '!';
    for (const char *c = glob; *c != '\0' && !bad; c++) {
        bad = (unsigned char)*c <= ' ' || *c == 0x7f;
    }
    return !bad || sops_fail(e, SOPS_E_READ, "'%s' cannot be a pattern of .gitattributes", glob);
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The patterns of the options, sorted, each once. */
static bool take_globs(struct install *x, struct sops_err *e)
{
    size_t count = sops_words(x->o->attributes);
    const char **list = sops_alloc((count + 1) * sizeof *list, e);
    if (list == NULL) {
        return false;
    }
    memcpy(list, x->o->attributes, count * sizeof *list);
    qsort(list, count, sizeof *list, by_text);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = check_glob(list[i], e) &&
             ((i != 0 && strcmp(list[i], list[i - 1]) == 0) || sops_buf_addf(&x->patterns, e, "%s\n", list[i]));
    }
    sops_free(list);
    return ok;
}

static bool choose_patterns(struct install *x, struct sops_err *e)
{
    if (x->o->attributes != NULL) {
        return take_globs(x, e);
    }
    if (!sops_index_read(&x->index, &x->git, e) || !sops_index_patterns(&x->index, &x->patterns, e)) {
        return false;
    }
    if (x->patterns.len == 0) {
        sops_ui_note("no encrypted file is known to git here, so .gitattributes is left as it is; --attributes GLOB "
                     "names those to come");
        if (x->part[FILTER]) {
            sops_ui_warn(
                "until .gitattributes has a line with filter=sops for them, git add takes files in clear text: "
                "sops git install --filter --attributes GLOB");
        }
    }
    return true;
}

static bool put_attributes(struct install *x, struct sops_err *e)
{
    char text[64] = "";
    for (enum part p = MERGE; p < PARTS; p++) {
        if (x->part[p]) {
            size_t n = strlen(text);
            (void)snprintf(text + n, sizeof text - n, " %s=sops", needs[p].attribute);
        }
    }
    return x->patterns.len == 0 || sops_attributes_write(&x->attributes, sops_buf_view(&x->patterns), text, e);
}

/* ---- check ------------------------------------------------------------------------------------------------------ */

/* Goes through "PATH attribute value" of all files. */
static bool look_at_attributes(struct install *x, struct sops_slice answer, bool used[PARTS], bool *found,
                               struct sops_err *e)
{
    struct sops_slice path = {0}, name = {0}, value = {0};
    size_t at = 0;
    while (answer.len != 0 && sops_slice_next(&answer, '\0', &path) && sops_slice_next(&answer, '\0', &name) &&
           sops_slice_next(&answer, '\0', &value)) {
        bool sops = sops_slice_eq(value, SOPS_LIT("sops"));
        for (enum part p = MERGE; p < PARTS; p++) {
            used[p] = used[p] || (sops && sops_slice_eq(name, sops_str(needs[p].attribute)));
        }
        while (at < x->index.count && !sops_slice_eq(x->index.file[at].path, path)) {
            at++;
        }
        if (at < x->index.count && x->index.file[at].sealed && !sops && sops_slice_eq(name, SOPS_LIT("merge"))) {
            *found = true;
            if (!sops_ui_outf(e, "%.*s: encrypted, and without merge=sops in .gitattributes: sops git install\n",
                              SOPS_ARG(sops_slice_first(path, 1500)))) {
                return false;
            }
        }
    }
    return true;
}

static bool names_filter(struct sops_slice attributes)
{
    struct sops_slice line, word;
    while (attributes.len != 0 && sops_slice_next(&attributes, '\n', &line)) {
        bool comment = sops_slice_starts(line, SOPS_LIT("#"));
        while (!comment && line.len != 0 && sops_slice_next(&line, ' ', &word)) {
            if (sops_slice_eq(word, SOPS_LIT("filter=sops"))) {
                return true;
            }
        }
    }
    return false;
}

/* The filter is set up here, and no file is meant for it: then git add takes clear text. Where .gitattributes already
 * names files to come, all is well. */
static bool check_filter(struct install *x, bool *found, struct sops_err *e)
{
    struct sops_buf value = {0};
    bool there = false;
    bool ok = get_setting(x, "--local", needs[FILTER].key, &value, &there, e) &&
              (!there || sops_attributes_read(&x->attributes, &x->git, e));
    sops_buf_free(&value);
    if (!ok || !there || names_filter(sops_buf_view(&x->attributes.text))) {
        return ok;
    }
    *found = true;
    return sops_ui_outf(e,
                        "%s is set in this clone, and .gitattributes has no line with filter=sops, so git add takes "
                        "files in clear text: sops git install --filter --attributes GLOB\n",
                        needs[FILTER].key);
}

static bool check_clone(struct install *x, struct sops_err *e)
{
    static const char *const words[] = {"check-attr", "-z", "--stdin", "merge", "diff", "filter", NULL};
    struct sops_buf paths = {0}, answer = {0}, value = {0};
    bool used[PARTS] = {false}, found = false;
    bool ok = sops_index_read(&x->index, &x->git, e);
    for (size_t i = 0; ok && i < x->index.count; i++) {
        ok = sops_buf_add(&paths, x->index.file[i].path, e) && sops_buf_addc(&paths, '\0', e);
    }
    ok = ok && sops_git_run(&x->git, words, sops_buf_view(&paths), &answer, NULL, e) &&
         look_at_attributes(x, sops_buf_view(&answer), used, &found, e);
    for (enum part p = MERGE; ok && p < PARTS; p++) {
        bool there = true;
        ok = !used[p] || get_setting(x, NULL, needs[p].key, &value, &there, e);
        if (ok && !there) {
            found = true;
            ok = sops_ui_outf(e, "%s is not set in this clone, so %s: %s\n", needs[p].key, needs[p].effect,
                              needs[p].command);
        }
    }
    ok = ok && (used[FILTER] || check_filter(x, &found, e));
    sops_buf_free(&paths);
    sops_buf_free(&answer);
    sops_buf_free(&value);
    if (ok && found) {
        e->code = SOPS_FOUND;
    }
    return ok && !found;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static bool find_place(struct install *x, struct sops_err *e)
{
    enum sops_git_place place = sops_git_look(&x->git, e);
    if (x->o->global && !x->o->check) {
        sops_err_clear(e);
        return true;
    }
    if (place == SOPS_GIT_TREE) {
        x->git.folder = (const char *)x->git.top.ptr;
        return true;
    }
    return place == SOPS_GIT_FAILED || sops_fail(e, SOPS_E_READ, "this is no work tree of a git repository");
}

static bool uninstall(struct install *x, struct sops_err *e)
{
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const char *const words[] = {"config", scope(x), "--remove-section", sections[i], NULL};
        int status;
        if (!sops_git_run(&x->git, words, (struct sops_slice){0}, NULL, &status, e)) {
            return false;
        }
    }
    return x->o->global || x->attributes.end == 0 ||
           sops_attributes_write(&x->attributes, (struct sops_slice){0}, "", e);
}

static bool install(struct install *x, struct sops_err *e)
{
    const struct sops_install_options *o = x->o;
    bool some = o->merge || o->diff || o->filter;
    x->part[MERGE] = o->merge || !some;
    x->part[DIFF] = o->diff || !some;
    x->part[FILTER] = o->filter;
    if (o->check && o->uninstall) {
        return sops_fail(e, SOPS_E_CONFLICT, "cannot operate on both --check and --uninstall");
    }
    if (!find_place(x, e)) {
        return false;
    }
    if (o->check) {
        return check_clone(x, e);
    }
    if (!o->global && !sops_attributes_read(&x->attributes, &x->git, e)) {
        return false;
    }
    if (o->uninstall) {
        return uninstall(x, e);
    }
    return (o->global || choose_patterns(x, e)) && name_program(x, e) && put_settings(x, e) &&
           (o->global || put_attributes(x, e));
}

static bool run_install(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    struct install x = {.o = o->own, .git = {.world = w}};
    bool ok = install(&x, e);
    sops_attributes_free(&x.attributes);
    sops_index_free(&x.index);
    sops_buf_free(&x.program);
    sops_buf_free(&x.patterns);
    sops_git_close(&x.git);
    return ok;
}

static const struct sops_option options[] = {
    {.name = "merge",
     SOPS_FLAG_TO(struct sops_install_options, merge),
     .flags = SOPS_OPT_OURS,
     .help = "let git merge encrypted files value by value"},
    {.name = "diff",
     SOPS_FLAG_TO(struct sops_install_options, diff),
     .flags = SOPS_OPT_OURS,
     .help = "let git show encrypted files in clear text"},
    {.name = "filter",
     SOPS_FLAG_TO(struct sops_install_options, filter),
     .flags = SOPS_OPT_OURS,
     .help = "clear text in the work tree, ciphertext in git"},
    {.name = "attributes",
     SOPS_MANY_TO(struct sops_install_options, attributes),
     .value = "GLOB",
     .flags = SOPS_OPT_OURS,
     .help = "the files, as .gitattributes names them (default: those that are encrypted)"},
    {.name = "global",
     SOPS_FLAG_TO(struct sops_install_options, global),
     .flags = SOPS_OPT_OURS,
     .help = "write the user's configuration, and no .gitattributes"},
    {.name = "check",
     SOPS_FLAG_TO(struct sops_install_options, check),
     .flags = SOPS_OPT_OURS,
     .help = "say what this clone lacks: exit status 1 when it lacks anything"},
    {.name = "uninstall",
     SOPS_FLAG_TO(struct sops_install_options, uninstall),
     .flags = SOPS_OPT_OURS,
     .help = "take all of it out again"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"INSTALL", options};
static const struct sops_opt_table *const tables[] = {&table, NULL};

const struct sops_verb sops_verb_git_install = {
    .name = "install",
    .summary = "tell git how to merge and show encrypted files, once per clone",
    .args = "",
    .about = "Writes the configuration of this clone and a block of .gitattributes. Without --merge,\n"
             "--diff or --filter: the first two. Running it again changes nothing.\n",
    .example = "sops git install",
    .tables = tables,
    .own_size = sizeof(struct sops_install_options),
    .ours = true,
    .finds = true,
    .run = run_install,
};
