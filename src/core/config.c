/* SPDX-License-Identifier: Apache-2.0 */
/* Where the file itself stands does not matter: the configuration is looked for from the current directory upwards, and
 * paths are compared as texts, so links are not followed (docs/spec/40-config.md#where-it-is-found, #which-rule). */
#include "core/config.h"

#include "base/file.h"
#include "core/config_internal.h"
#include "core/log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OTHER_NAME ".sops.yml"
#define MAX_DIRECTORIES 100

static bool exists(struct sops_buf *folder, const char *name, bool *is, struct sops_err *e)
{
    size_t len = folder->len;
    struct stat st;
    const char *path = sops_buf_adds(folder, name, e) ? sops_buf_cstr(folder, e) : NULL;
    if (path != NULL) {
        *is = stat(path, &st) == 0;
    }
    sops_buf_cut(folder, len);
    return path != NULL;
}

/* Is `folder` its own parent? Nothing is above it then. */
static bool is_root(struct sops_buf *folder, bool *is, struct sops_err *e)
{
    size_t len = folder->len;
    struct stat here, above;
    const char *path = sops_buf_adds(folder, ".", e) ? sops_buf_cstr(folder, e) : NULL;
    bool ok = path != NULL && stat(path, &here) == 0;
    path = ok && sops_buf_adds(folder, "./", e) ? sops_buf_cstr(folder, e) : NULL;
    *is = path == NULL || stat(path, &above) != 0 || (here.st_dev == above.st_dev && here.st_ino == above.st_ino);
    sops_buf_cut(folder, len);
    return e->code == SOPS_OK;
}

bool sops_config_search(struct sops_world *w, struct sops_buf *found, struct sops_err *e)
{
    struct sops_buf folder = {0};
    bool is = false, warned = false, ok = true, top = false;
    for (int i = 0; ok && !is && !top && i < MAX_DIRECTORIES; i++) {
        ok = (i == 0 || sops_buf_adds(&folder, "../", e)) && exists(&folder, SOPS_CONFIG_NAME, &is, e);
        bool other = false;
        if (ok && !is && !warned) {
            ok = exists(&folder, OTHER_NAME, &other, e);
        }
        if (ok && other) {
            warned = true;
            sops_world_warn(w, "ignoring '%.*s" OTHER_NAME "': a configuration file must be called " SOPS_CONFIG_NAME,
                            SOPS_ARG(sops_buf_view(&folder)));
        }
        ok = ok && is_root(&folder, &top, e);
    }
    ok = ok && (!is || (sops_buf_add(found, sops_buf_view(&folder), e) && sops_buf_adds(found, SOPS_CONFIG_NAME, e)));
    sops_buf_free(&folder);
    return ok;
}

static bool is_same(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

/* Both names of the configuration at `near`. "../.sops.yaml" in a linked folder is above where the link leads, and by
 * its text, with $PWD, above the link. */
static bool set_names(struct sops_config *c, const char *near, struct sops_err *e)
{
    char room[PATH_MAX];
    const char *by_text = sops_path_absolute(near, &c->path, e) ? sops_buf_cstr(&c->path, e) : NULL;
    if (by_text == NULL) {
        return false;
    }
    const char *real = is_same(near, by_text) ? NULL : realpath(near, room);
    return sops_buf_adds(&c->file, real != NULL ? real : by_text, e);
}

bool sops_config_fail(const struct sops_config *c, struct sops_err *e)
{
    return sops_within(e, "error loading config file '%.*s'", SOPS_ARG(sops_buf_view(&c->file)));
}

bool sops_config_parse(struct sops_config *c, struct sops_slice text, struct sops_err *e)
{
    return sops_conf_parse(&c->doc, text, e) && sops_config_check(c->doc.parts, e) &&
           sops_conf_bool(c->doc.parts, "strict", &c->strict, e);
}

bool sops_config_load(struct sops_config *c, struct sops_world *w, const char *named, struct sops_err *e)
{
    struct sops_buf near = {0}, bytes = {0};
    bool ok = named != NULL && *named != '\0' ? sops_buf_adds(&near, named, e) : sops_config_search(w, &near, e);
    if (ok && near.len != 0) {
        const char *path = sops_buf_cstr(&near, e);
        ok = path != NULL && set_names(c, path, e) && sops_file_read(path, SOPS_CONFIG_MAX, &bytes, e) &&
             sops_config_parse(c, sops_buf_view(&bytes), e);
        if (ok) {
            sops_config_warn_unknown(c, w);
        } else {
            sops_recode(e, SOPS_E_GENERIC);
            (void)sops_config_fail(c, e);
        }
    }
    if (ok) {
        const struct sops_log_field field[] = {{"file", sops_buf_view(&c->file)}, {NULL, {0}}};
        sops_log(w, "CONFIG", SOPS_LOG_DEBUG, field,
                 c->file.len != 0 ? "Configuration read" : "No configuration found");
    }
    sops_buf_free(&near);
    sops_buf_free(&bytes);
    return ok;
}

void sops_config_free(struct sops_config *c)
{
    sops_buf_free(&c->path);
    sops_buf_free(&c->file);
    sops_doc_free(&c->doc);
    *c = (struct sops_config){0};
}

const struct sops_node *sops_config_list(const struct sops_config *c, const char *name)
{
    const struct sops_node *list = NULL;
    struct sops_err ignored = {0};
    if (c == NULL || c->doc.parts == NULL || !sops_conf_list(c->doc.parts, name, &list, &ignored)) {
        list = NULL;
    }
    sops_err_clear(&ignored);
    return list;
}

const struct sops_node *sops_config_creation_rules(const struct sops_config *c)
{
    return sops_config_list(c, "creation_rules");
}

struct sops_slice sops_config_matched(const struct sops_config *c, struct sops_slice absolute)
{
    struct sops_slice folder = sops_buf_view(&c->path);
    while (folder.len != 0 && folder.ptr[folder.len - 1] != '/') {
        folder.len--;
    }
    /* In the root the prefix would be "//", which no path begins with. */
    bool below = folder.len > 1 && sops_slice_starts(absolute, folder);
    return below ? sops_slice_skip(absolute, folder.len) : absolute;
}

bool sops_config_text(const struct sops_config *c, const char *file, struct sops_buf *absolute, struct sops_slice *text,
                      struct sops_err *e)
{
    if (!sops_path_absolute(file, absolute, e)) {
        return false;
    }
    *text = sops_config_matched(c, sops_buf_view(absolute));
    return true;
}

bool sops_config_fits(const struct sops_node *rule, struct sops_slice text, bool *matches, struct sops_err *e)
{
    struct sops_slice pattern = {0};
    *matches = false;
    if (!sops_conf_text(rule, "path_regex", &pattern, e)) {
        return false;
    }
    struct sops_regex *regex = pattern.len != 0 ? sops_regex_new(pattern, e) : NULL;
    if (pattern.len != 0 && regex == NULL) {
        return sops_within(e, "'path_regex' of the rule in line %u", (unsigned)rule->line);
    }
    *matches = regex == NULL || sops_regex_match(regex, text);
    sops_regex_free(regex);
    return true;
}

static void log_rule(struct sops_world *w, const struct sops_node *rule, struct sops_slice text, const char *what)
{
    char line[16];
    struct sops_slice pattern = {0};
    struct sops_err ignored = {0};
    (void)snprintf(line, sizeof line, "%u", (unsigned)rule->line);
    (void)!sops_conf_text(rule, "path_regex", &pattern, &ignored);
    const struct sops_log_field fields[] = {
        {"line", sops_str(line)}, {"path_regex", pattern}, {"path", text}, {NULL, {0}}};
    sops_log(w, "CONFIG", SOPS_LOG_DEBUG, fields, "%s", what);
    sops_err_clear(&ignored);
}

/* The first rule that matches is taken; whoever wrote another one that does should know. */
static void log_ignored(struct sops_world *w, const struct sops_node *list, const struct sops_node *taken,
                        struct sops_slice text)
{
    for (const struct sops_node *n = taken; w->verbose && (n = sops_config_item(list, n)) != NULL;) {
        struct sops_err why = {0};
        bool matches;
        if (!sops_config_fits(n, text, &matches, &why)) {
            log_rule(w, n, text, "Creation rule not looked at: its path_regex does not compile");
        } else {
            log_rule(w, n, text,
                     matches ? "Creation rule matches as well and is ignored: an earlier one was taken"
                             : "Creation rule does not match");
        }
        sops_err_clear(&why);
    }
}

static bool read_rules(const struct sops_node *rule, struct sops_arena *a, struct sops_creation *out,
                       struct sops_err *e)
{
    int first = -1;
    out->from_rule = true;
    out->line = rule->line;
    for (int i = 0; i < SOPS_RULES; i++) {
        if (!sops_conf_text(rule, sops_rule_names[i], &out->rule[i], e) ||
            (out->rule[i].len != 0 && !sops_arena_copy(a, out->rule[i], &out->rule[i], e))) {
            return false;
        }
        if (out->rule[i].len != 0 && first >= 0) {
            return sops_fail_at(e, rule->line, 0, "cannot use more than one of '%s' and '%s' in one rule",
                                sops_rule_names[first], sops_rule_names[i]);
        }
        first = out->rule[i].len != 0 ? i : first;
    }
    return true;
}

static bool read_creation(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a,
                          struct sops_creation *out, struct sops_err *e)
{
    return read_rules(rule, a, out, e) && sops_conf_int(rule, "shamir_threshold", &out->threshold, NULL, e) &&
           sops_conf_bool(rule, "mac_only_encrypted", &out->mac_only_encrypted, e) &&
           sops_config_groups(rule, w, a, &out->groups, &out->flat, e);
}

bool sops_config_read_rule(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a, bool keys,
                           struct sops_creation *out, struct sops_err *e)
{
    *out = (struct sops_creation){0};
    return keys ? read_creation(rule, w, a, out, e) : read_rules(rule, a, out, e);
}

/* The first rule that matches, or NULL; `out` gets what it was matched on. */
static const struct sops_node *find_rule(const struct sops_config *c, struct sops_world *w, struct sops_arena *a,
                                         const char *file, struct sops_creation *out, struct sops_err *e)
{
    const struct sops_node *list = sops_config_list(c, "creation_rules"), *n = NULL;
    struct sops_buf absolute = {0};
    bool matches = false;
    *out = (struct sops_creation){0};
    if (list == NULL) {
        return NULL;
    }
    bool ok = sops_config_text(c, file, &absolute, &out->text, e) && sops_arena_copy(a, out->text, &out->text, e);
    while (ok && !matches && (n = sops_config_item(list, n)) != NULL) {
        ok = sops_config_fits(n, out->text, &matches, e);
        log_rule(w, n, out->text, matches ? "Creation rule taken" : "Creation rule does not match");
    }
    sops_buf_free(&absolute);
    if (ok && !matches) {
        out->unmatched = true;
        (void)sops_fail(e, SOPS_E_GENERIC, "no matching creation rules found for '%s': they were matched on '%.*s'",
                        file, SOPS_ARG(out->text));
    }
    if (ok && matches) {
        log_ignored(w, list, n, out->text);
        return n;
    }
    return NULL;
}

bool sops_config_creation(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *file,
                          struct sops_creation *out, struct sops_err *e)
{
    const struct sops_node *rule = find_rule(c, w, a, file, out, e);
    bool ok = rule != NULL ? read_creation(rule, w, a, out, e) : e->code == SOPS_OK;
    return ok || sops_config_fail(c, e);
}

bool sops_config_rules(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *file,
                       struct sops_creation *out, struct sops_err *e)
{
    const struct sops_node *rule = find_rule(c, w, a, file, out, e);
    bool ok = rule != NULL ? read_rules(rule, a, out, e) : e->code == SOPS_OK;
    return ok || sops_config_fail(c, e);
}

bool sops_config_rule(const struct sops_config *c, const struct sops_node *list, const char *file,
                      const struct sops_node **rule, struct sops_err *e)
{
    struct sops_buf absolute = {0};
    struct sops_slice text;
    bool matches = false, ok = sops_config_text(c, file, &absolute, &text, e);
    *rule = NULL;
    for (const struct sops_node *n = NULL; ok && !matches && (n = sops_config_item(list, n)) != NULL;) {
        ok = sops_config_fits(n, text, &matches, e);
        *rule = matches ? n : NULL;
    }
    sops_buf_free(&absolute);
    return ok || sops_config_fail(c, e);
}

/* ---- destinations of publish ------------------------------------------------------------------------------------ */

/* The first destination rule for the path as typed. A regex that does not compile matches nothing here. */
static bool find_destination(const struct sops_config *c, struct sops_world *w, struct sops_slice path,
                             const struct sops_node **found, struct sops_err *e)
{
    const struct sops_node *list = sops_config_list(c, "destination_rules");
    *found = NULL;
    for (const struct sops_node *n = NULL; list != NULL && (n = sops_config_item(list, n)) != NULL;) {
        struct sops_err bad = {0};
        bool matches;
        bool ok = sops_config_fits(n, path, &matches, &bad);
        log_rule(w, n, path, ok && matches ? "Destination rule taken" : "Destination rule does not match");
        sops_err_clear(&bad);
        if (ok && matches) {
            *found = n;
            return true;
        }
    }
    return sops_fail(e, SOPS_E_GENERIC, "error loading config: no matching destination found in config for '%.*s'",
                     SOPS_ARG(path));
}

static bool read_destination(const struct sops_node *rule, const struct sops_destination *d, struct sops_arena *a,
                             struct sops_publication *out, struct sops_err *e)
{
    struct sops_slice value = {0};
    if (!sops_conf_text(rule, d->rule_key, &value, e)) {
        return false;
    }
    if (value.len == 0) {
        return true;
    }
    if (out->destination != NULL) {
        return sops_fail(
            e, SOPS_E_GENERIC,
            "error loading config: more than one destinations were found in a single destination rule, you "
            "can only use one per rule");
    }
    out->destination = d;
    for (size_t i = 0; i == 0 || (d->other_keys != NULL && d->other_keys[i - 1] != NULL); i++) {
        const char *name = i == 0 ? d->rule_key : d->other_keys[i - 1];
        int64_t number = 0;
        bool given = false;
        if (sops_config_is_number(d, name)) {
            if (!sops_conf_int(rule, name, &number, &given, e) ||
                (given && !sops_arena_printf(a, &out->value[i], e, "%lld", (long long)number))) {
                return false;
            }
            continue;
        }
        if (!sops_conf_text(rule, name, &out->value[i], e) || !sops_arena_copy(a, out->value[i], &out->value[i], e)) {
            return false;
        }
    }
    return true;
}

/* Of a recreation rule only the keys, the suffixes and the threshold are taken
 * (docs/spec/60-keysources.md#publish-the-command). */
static bool read_recreation(const struct sops_node *rule, struct sops_world *w, struct sops_arena *a,
                            struct sops_publication *out, struct sops_err *e)
{
    if (!read_creation(rule, w, a, &out->creation, e)) {
        return false;
    }
    for (int i = SOPS_UNENCRYPTED_REGEX; i < SOPS_RULES; i++) {
        out->creation.rule[i] = (struct sops_slice){0};
    }
    out->creation.mac_only_encrypted = false;
    out->recreate = out->creation.groups != NULL && out->creation.groups->keys != NULL;
    return true;
}

bool sops_config_destination(const struct sops_config *c, struct sops_world *w, struct sops_arena *a, const char *path,
                             struct sops_publication *out, struct sops_err *e)
{
    const struct sops_node *rule, *recreation;
    *out = (struct sops_publication){0};
    if (!find_destination(c, w, sops_str(path), &rule, e)) {
        return false;
    }
    for (size_t i = 0; sops_destinations[i] != NULL; i++) {
        if (!read_destination(rule, sops_destinations[i], a, out, e)) {
            return false;
        }
    }
    if (!sops_conf_bool(rule, "omit_extensions", &out->omit_extensions, e) ||
        !sops_conf_map(rule, "recreation_rule", &recreation, e) ||
        (recreation != NULL && !read_recreation(recreation, w, a, out, e))) {
        return sops_config_fail(c, e);
    }
    return out->destination != NULL ||
           sops_fail(e, SOPS_E_GENERIC, "no destination configured for this file ('%s')", path);
}
