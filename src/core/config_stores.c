/* SPDX-License-Identifier: Apache-2.0 */
/* The part `stores` of the configuration: which format a file has by its name, and how it is laid out. */
#include "core/config_internal.h"

#include <stdio.h>

const char *sops_config_store(const struct sops_format *f) { return f->store != NULL ? f->store : f->name; }

/* What `stores` says of a format, or NULL. Types were checked when the file was read. */
static const struct sops_node *store_of(const struct sops_config *c, const struct sops_format *f)
{
    const struct sops_node *stores = NULL, *store = NULL;
    struct sops_err ignored = {0};
    bool ok = c != NULL && c->doc.parts != NULL && sops_conf_map(c->doc.parts, "stores", &stores, &ignored) &&
              stores != NULL && sops_conf_map(stores, sops_config_store(f), &store, &ignored);
    sops_err_clear(&ignored);
    return ok ? store : NULL;
}

/* The place of a value among the words that the key takes; false when it is none of them. */
static bool word_of(const struct sops_setting_key *key, const struct sops_node *n, uint8_t *value)
{
    for (*value = 0; key->words[*value] != NULL; ++*value) {
        if (n->kind == SOPS_STR && sops_slice_eq(n->text, sops_str(key->words[*value]))) {
            return true;
        }
    }
    return false;
}

/* What the store of `f` says beside its indentation. Returns whether the format is enabled. */
static bool take_settings(const struct sops_config *c, const struct sops_format *f, struct sops_style *style)
{
    const struct sops_node *store = store_of(c, f);
    bool enabled = false;
    style->keep = (uint8_t)f->keep;
    for (const struct sops_setting_key *key = f->settings; store != NULL && key != NULL && key->name != NULL; key++) {
        const struct sops_node *n = sops_node_find(store, sops_str(key->name));
        uint8_t value;
        if (n == NULL || n->kind == SOPS_NULL || !word_of(key, n, &value)) {
            continue;
        }
        switch (key->setting) {
        case SOPS_SET_KEEP:
            style->keep = value;
            break;
        case SOPS_SET_COMPACT_LISTS:
            style->compact_lists = value != 0;
            break;
        case SOPS_SET_START_MARKER:
            style->start_marker = value != 0;
            break;
        case SOPS_SET_QUOTE:
            style->quote = value != 0;
            break;
        case SOPS_SET_INLINE_COMMENTS:
            style->inline_comments = value;
            break;
        case SOPS_SET_ENABLED:
            enabled = value != 0;
            break;
        }
    }
    return enabled;
}

/* "stores.yaml.preserve_style must be false, true, strict". Returns false. */
static bool wrong_word(const struct sops_format *f, const struct sops_setting_key *key, const struct sops_node *n,
                       struct sops_err *e)
{
    char words[80] = "";
    for (size_t i = 0; key->words[i] != NULL; i++) {
        size_t used = strlen(words);
        (void)snprintf(words + used, sizeof words - used, "%s%s", i != 0 ? ", " : "", key->words[i]);
    }
    return sops_fail_at(e, n->line, 0, "'stores.%s.%s' must be one of %s", sops_config_store(f), key->name, words);
}

bool sops_config_check_settings(const struct sops_format *f, const struct sops_node *store, struct sops_err *e)
{
    for (const struct sops_setting_key *key = f->settings; key != NULL && key->name != NULL; key++) {
        const struct sops_node *n = sops_node_find(store, sops_str(key->name));
        uint8_t value;
        if (n != NULL && n->kind != SOPS_NULL && !word_of(key, n, &value)) {
            return wrong_word(f, key, n, e);
        }
    }
    return true;
}

struct sops_style sops_config_style(const struct sops_config *c, const struct sops_format *f)
{
    struct sops_style style = {0};
    struct sops_err ignored = {0};
    const struct sops_node *store = f->store != NULL ? store_of(c, f) : NULL;
    if (store != NULL && !sops_conf_int(store, "indent", &style.indent, &style.indent_set, &ignored)) {
        style = (struct sops_style){0};
    }
    sops_err_clear(&ignored);
    take_settings(c, f, &style);
    return style;
}

bool sops_config_enables(const struct sops_config *c, const struct sops_format *f)
{
    struct sops_style style = {0};
    return take_settings(c, f, &style);
}

/* `*` is any text, `?` any one byte, all else itself. A `*` that was passed need never be gone back to, so the time is
 * the product of both lengths at most. */
static bool matches(struct sops_slice pattern, struct sops_slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool names_match(const struct sops_node *store, struct sops_slice base)
{
    const struct sops_node *names = NULL;
    struct sops_err ignored = {0};
    bool found = false, ok = sops_conf_list(store, "names", &names, &ignored);
    for (const struct sops_node *n = NULL; ok && !found && names != NULL && (n = sops_config_item(names, n)) != NULL;) {
        found = matches(n->text, base);
    }
    sops_err_clear(&ignored);
    return found;
}

const struct sops_format *sops_config_format(const struct sops_config *c, struct sops_slice file_name)
{
    struct sops_slice base = file_name;
    while (sops_slice_find(base, '/') != base.len) {
        base = sops_slice_skip(base, sops_slice_find(base, '/') + 1);
    }
    for (size_t i = 0; sops_formats[i] != NULL; i++) {
        const struct sops_node *store = store_of(c, sops_formats[i]);
        if (store != NULL && names_match(store, base)) {
            return sops_formats[i];
        }
    }
    const struct sops_format *chosen = sops_format_by_choice(file_name);
    return chosen != NULL && sops_config_enables(c, chosen) ? chosen : sops_format_for(file_name);
}

const struct sops_format *sops_config_format_of(const struct sops_config *c, struct sops_slice file_name,
                                                struct sops_slice text)
{
    const struct sops_format *by_name = sops_config_format(c, file_name), *chosen = sops_format_by_choice(file_name);
    if (chosen == NULL) {
        return by_name;
    }
    return sops_slice_starts(sops_slice_trim(text), SOPS_LIT("{")) ? sops_format_for(file_name)
           : chosen->shows(text)                                   ? chosen
                                                                   : by_name;
}
