/* SPDX-License-Identifier: Apache-2.0 */
/* Of kubectl's flags only those are known that name files: all others go through as they are, in their order, and what
 * they take is not known either. */
#include "base/ascii.h"
#include "cli/kube.h"

const char *const sops_kube_verbs[] = {"apply", "create", "replace", "diff", "delete", NULL};

/* Lists that grow while words are read; each has room for all of them. */
struct reading {
    struct kube_words *to;
    struct sops_options *o;
    const char **files, **rest;
    size_t folders;
};

static bool starts(const char *word, const char *with) { return strncmp(word, with, strlen(with)) == 0; }

bool sops_kube_is_url(const char *name) { return starts(name, "http://") || starts(name, "https://"); }

/* Is `word` the flag, alone or with "=…"? */
static bool is_flag(const char *word, const char *flag)
{
    size_t n = strlen(flag);
    return strncmp(word, flag, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

/* Is the flag's value, if any, anything but false? */
static bool is_on(const char *word)
{
    const char *value = strchr(word, '=');
    bool on = true;
    return value == NULL || !sops_bool_word(sops_str(value + 1), &on) || on;
}

/* X of -f may be a list. */
static bool add_files(struct reading *r, const char *list, struct sops_err *e)
{
    struct sops_slice rest = sops_str(list), piece, copy;
    while (sops_slice_next(&rest, ',', &piece)) {
        if (!sops_arena_copy(&r->o->arena, piece, &copy, e)) {
            return false;
        }
        r->files[r->to->file_count++] = (const char *)copy.ptr;
    }
    return true;
}

static bool add_value(struct reading *r, char which, const char *value, struct sops_err *e)
{
    if (which == 'f') {
        return add_files(r, value, e);
    }
    r->to->folder = value;
    return r->folders++ == 0 || sops_fail(e, SOPS_E_CONFLICT, "-k is given twice");
}

/* The value of a flag that names files: behind '=' or the flag itself, or the next word. */
static bool take_value(struct reading *r, char which, const char *here, const char *next, size_t *used,
                       struct sops_err *e)
{
    *used = here != NULL ? 1 : 2;
    const char *value = here != NULL ? here : next;
    return value != NULL ? add_value(r, which, value, e)
                         : sops_fail(e, SOPS_E_GENERIC, "flag needs an argument: -%c", which);
}

/* -f, -k and -R, also joined. `*used` 0: none of them. */
static bool take_short(struct reading *r, const char *word, const char *next, size_t *used, struct sops_err *e)
{
    const char *at = word + 1;
    while (*at == 'R') {
        at++;
    }
    bool any = at != word + 1;
    if (*at == '\0' || (any && *at == '=')) {
        r->to->recursive = any && is_on(word);
        *used = any;
        return true;
    }
    if (*at != 'f' && *at != 'k') {
        return true;
    }
    r->to->recursive = r->to->recursive || any;
    const char *value = at[1] == '=' ? at + 2 : at[1] != '\0' ? at + 1 : NULL;
    return take_value(r, *at, value, next, used, e);
}

static bool take_long(struct reading *r, const char *const *words, size_t *used, struct sops_err *e)
{
    const char *value = strchr(words[0], '=');
    value = value != NULL ? value + 1 : NULL;
    if (is_flag(words[0], "--filename") || is_flag(words[0], "--kustomize")) {
        return take_value(r, words[0][2] == 'f' ? 'f' : 'k', value, words[1], used, e);
    }
    if (is_flag(words[0], "--recursive")) {
        r->to->recursive = is_on(words[0]);
        *used = 1;
        return true;
    }
    return sops_options_take(r->o, words, used, e);
}

/* One word, or two; all of them behind "--". */
static bool take_word(struct reading *r, const char *const *words, size_t *used, struct sops_err *e)
{
    *used = 0;
    if (strcmp(words[0], "--") == 0) {
        while (words[*used] != NULL) {
            r->rest[r->to->rest_count++] = words[(*used)++];
        }
        return true;
    }
    bool ok = starts(words[0], "--")                      ? take_long(r, words, used, e)
              : words[0][0] == '-' && words[0][1] != '\0' ? take_short(r, words[0], words[1], used, e)
                                                          : true;
    if (ok && *used == 0) {
        r->rest[r->to->rest_count++] = words[0];
        *used = 1;
    }
    return ok;
}

/* What kubectl gets besides, by what it gets already. */
static void look_at_rest(struct kube_words *w)
{
    bool side = false, client = false, manager = false, off = false, save = false;
    for (size_t i = 0; i < w->rest_count && strcmp(w->rest[i], "--") != 0; i++) {
        const char *word = w->rest[i];
        if (is_flag(word, "--server-side")) {
            side = true;
            off = !is_on(word);
        }
        client = client || strcmp(word, "--dry-run=client") == 0 || strcmp(word, "--dry-run") == 0;
        manager = manager || is_flag(word, "--field-manager");
        save = save || (is_flag(word, "--save-config") && is_on(word));
    }
    w->add_server_side = (w->verb == KUBE_APPLY || w->verb == KUBE_DIFF) && !side && !client;
    w->add_manager = w->add_server_side && !manager;
    w->keeps_values = (w->verb == KUBE_APPLY && off) || ((w->verb == KUBE_CREATE || w->verb == KUBE_REPLACE) && save);
}

static bool take_verb(struct kube_words *w, const char *word, struct sops_err *e)
{
    size_t i = 0;
    while (sops_kube_verbs[i] != NULL && strcmp(word, sops_kube_verbs[i]) != 0) {
        i++;
    }
    w->verb = (enum kube_verb)i;
    return sops_kube_verbs[i] != NULL ||
           sops_fail(e, SOPS_E_GENERIC,
                     "'%s' is no verb of sops kubectl: the first word is apply, create, replace, diff or delete",
                     word) ||
           sops_hint(e, "everything else is for kubectl itself");
}

/* How many files there can be at most. */
static size_t most_files(const char *const *words, size_t *count)
{
    size_t most = 0;
    for (*count = 0; words[*count] != NULL; ++*count) {
        most++;
        for (const char *c = words[*count]; *c != '\0'; c++) {
            most += *c == ',';
        }
    }
    return most;
}

bool sops_kube_words(struct kube_words *w, struct sops_options *o, const char *const *words, struct sops_err *e)
{
    size_t count, most = most_files(words, &count), used;
    struct reading r = {.to = w, .o = o};
    if (!take_verb(w, words[0], e)) {
        return false;
    }
    r.files = sops_arena_alloc(&o->arena, (most + 1) * sizeof *r.files, e);
    r.rest = sops_arena_alloc(&o->arena, (count + 1) * sizeof *r.rest, e);
    bool ok = r.files != NULL && r.rest != NULL;
    for (size_t i = 1; ok && i < count; i += used) {
        ok = take_word(&r, words + i, &used, e);
    }
    w->files = (const char *const *)r.files;
    w->rest = (const char *const *)r.rest;
    if (!ok) {
        return false;
    }
    look_at_rest(w);
    if (w->folder != NULL && w->file_count != 0) {
        return sops_fail(e, SOPS_E_CONFLICT, "-k cannot be used with -f");
    }
    return w->folder != NULL || w->file_count != 0 ||
           sops_fail(e, SOPS_E_GENERIC, "no file: -f FILE or -k FOLDER is wanted") ||
           sops_hint(e, "what needs no file is for kubectl itself");
}
