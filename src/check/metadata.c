/* SPDX-License-Identifier: Apache-2.0 */
/* Each entry of the metadata has one name and one line, whatever the layout: the flat name of dotenv and INI. */
#include "check/file_parts.h"

#include "core/cipher.h"

#include <stdio.h>

/* ---- places
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_place(struct sops_checked *c, struct sops_slice name, unsigned line, struct sops_err *e)
{
    struct sops_slice copy;
    if (!sops_arena_copy(&c->arena, name, &copy, e)) {
        return false;
    }
    void **place = sops_table_put(&c->places, copy, NULL, e);
    if (place != NULL && *place == NULL) {
        *place = (void *)(uintptr_t)line;
    }
    return place != NULL;
}

/* The entries of the nested layout down to the fields of the items of lists, by their flat names. */
static bool add_nested(struct sops_checked *c, const struct sops_node *map, struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = true;
    for (const struct sops_node *n = map->child; ok && n != NULL; n = n->next) {
        size_t index = 0;
        ok = n->kind == SOPS_COMMENT || add_place(c, n->key, sops_liner_of(&c->liner, n), e);
        for (const struct sops_node *i = n->kind == SOPS_LIST ? n->child : NULL; ok && i != NULL; i = i->next) {
            for (const struct sops_node *f = i->kind == SOPS_MAP ? i->child : NULL; ok && f != NULL; f = f->next) {
                sops_buf_cut(&name, 0);
                ok = sops_buf_add(&name, n->key, e) && sops_buf_addf(&name, e, "__list_%zu__map_", index) &&
                     sops_buf_add(&name, f->key, e) &&
                     add_place(c, sops_buf_view(&name), sops_liner_of(&c->liner, f), e);
            }
            index += i->kind != SOPS_COMMENT;
        }
    }
    sops_buf_free(&name);
    return ok;
}

static bool find_places(struct sops_checked *c, struct sops_err *e)
{
    enum sops_layout l = c->look.format->meta;
    const struct sops_node *part = c->look.doc.parts;
    const struct sops_node *map = l == SOPS_META_PREFIX ? part : sops_node_find(part, SOPS_LIT("sops"));
    c->sops_line = map != NULL && l != SOPS_META_PREFIX ? sops_liner_of(&c->liner, map) : 0;
    if (map == NULL || map->kind != SOPS_MAP) {
        return true;
    }
    if (l == SOPS_META_NESTED) {
        return add_nested(c, map, e);
    }
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        bool ours = l != SOPS_META_PREFIX || sops_slice_starts(n->key, SOPS_LIT("sops_"));
        if (n->kind == SOPS_COMMENT || !ours) {
            continue;
        }
        c->sops_line = c->sops_line == 0 ? n->line : c->sops_line;
        struct sops_slice name = sops_slice_skip(n->key, l == SOPS_META_PREFIX ? 5 : 0);
        const uint8_t *mark = name.len != 0 ? memmem(name.ptr, name.len, "__", 2) : NULL;
        if (!add_place(c, name, n->line, e) ||
            (mark != NULL && !add_place(c, sops_slice_first(name, (size_t)(mark - name.ptr)), n->line, e))) {
            return false;
        }
    }
    return true;
}

unsigned sops_checked_line(const struct sops_checked *c, const char *name)
{
    unsigned line = (unsigned)(uintptr_t)sops_table_get(&c->places, sops_str(name));
    return line != 0 ? line : c->sops_line;
}

/* ---- findings
 * -------------------------------------------------------------------------------------------------------- */

static bool add_bad(const struct sops_subject *s, struct sops_checked *c, const char *entry, unsigned line,
                    const char *message, struct sops_err *e)
{
    char path[128];
    const char *word = sops_part_word(&c->arena, s->name, e);
    (void)snprintf(path, sizeof path, entry != NULL ? "[\"sops\"][\"%s\"]" : "[\"sops\"]", entry);
    return word != NULL && sops_findings_add(&c->found, SOPS_FIND_METADATA, line, sops_str(path), e, "%s", message) &&
           sops_findings_help(&c->found, e, "git checkout HEAD -- %s, or another version that is whole", word);
}

static bool check_mac(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    enum sops_kind kind = SOPS_STR;
    const char *why = NULL, *form = c->meta.mac.len != 0 ? sops_cipher_look(c->meta.mac, &kind) : NULL;
    if (form == sops_no_memory) {
        return sops_fail_memory(e);
    }
    if (c->meta.mac.len == 0) {
        why = "'mac' is missing or empty: nothing tells whether the values are whole";
    } else if (form != NULL || kind != SOPS_STR) {
        why = "'mac' is no ciphertext of the type str";
    }
    return why == NULL || add_bad(s, c, "mac", sops_checked_line(c, "mac"), why, e);
}

static bool check_version(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_err why = {0};
    bool good = sops_meta_check_version(&c->meta, &why);
    bool ok = good || add_bad(s, c, "version", sops_checked_line(c, "version"), why.msg, e);
    sops_err_clear(&why);
    return ok;
}

static bool check_rule(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_err why = {0};
    c->marked = sops_rules_compile(&c->meta.rules, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && !c->marked) {
        const char *name = sops_rule_names[sops_rules_which(&c->meta.rules)];
        ok = add_bad(s, c, name, sops_checked_line(c, name), why.msg, e);
    }
    sops_err_clear(&why);
    return ok;
}

/* The lines between which these sources have what they wrap. */
static bool is_armored(const struct sops_key *k)
{
    struct sops_slice enc = sops_slice_trim(k->enc);
    const char *what = strcmp(k->source->id, "age") == 0   ? "AGE ENCRYPTED FILE"
                       : strcmp(k->source->id, "pgp") == 0 ? "PGP MESSAGE"
                                                           : NULL;
    char first[64], last[64];
    if (what == NULL) {
        return true;
    }
    (void)snprintf(first, sizeof first, "-----BEGIN %s-----", what);
    (void)snprintf(last, sizeof last, "-----END %s-----", what);
    return sops_slice_starts(enc, sops_str(first)) && sops_slice_ends(enc, sops_str(last));
}

static bool check_key(const struct sops_subject *s, struct sops_checked *c, const struct sops_key *k, size_t index,
                      bool nested, struct sops_err *e)
{
    char name[96], message[160];
    const char *why = sops_slice_trim(k->enc).len == 0 ? "is empty"
                      : is_armored(k)                  ? NULL
                                                       : "lacks its first or last line";
    if (why == NULL) {
        return true;
    }
    (void)snprintf(name, sizeof name, "%s__list_%zu__map_enc", k->source->id, index);
    (void)snprintf(message, sizeof message, "'enc' of an entry of '%s' %s", k->source->id, why);
    return add_bad(s, c, k->source->id, sops_checked_line(c, nested ? "key_groups" : name), message, e);
}

static bool check_groups(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    int64_t threshold = c->meta.threshold;
    size_t groups = 0;
    bool nested = c->meta.groups != NULL && c->meta.groups->next != NULL;
    for (const struct sops_group *g = c->meta.groups; g != NULL; g = g->next, groups++) {
        size_t index = 0;
        const struct sops_keysource *source = NULL;
        if (g->keys == NULL && !add_bad(s, c, "key_groups", sops_checked_line(c, "key_groups"),
                                        "a group of 'key_groups' has no key, so its share is lost", e)) {
            return false;
        }
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            index = k->source == source ? index + 1 : 0;
            source = k->source;
            if (!check_key(s, c, k, index, nested, e)) {
                return false;
            }
        }
    }
    if (threshold >= 0 && (groups <= 1 || threshold == 0 || (threshold != 1 && (uint64_t)threshold <= groups))) {
        return true;
    }
    char message[96];
    (void)snprintf(message, sizeof message, "'shamir_threshold' is %lld, and there are %zu groups",
                   (long long)threshold, groups);
    return add_bad(s, c, "shamir_threshold", sops_checked_line(c, "shamir_threshold"), message, e);
}

/* A conflict that was taken down in the metadata, and not resolved yet. */
static bool check_unresolved(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    unsigned line = (unsigned)(uintptr_t)sops_table_get(&c->places, SOPS_LIT("unresolved"));
    if (line == 0) {
        return true;
    }
    const char *word = sops_part_word(&c->arena, s->name, e);
    return word != NULL &&
           sops_findings_add(&c->found, SOPS_FIND_UNRESOLVED_MERGE, line, SOPS_LIT("[\"sops\"][\"unresolved\"]"), e,
                             "a merge of its values is not finished") &&
           sops_findings_help(&c->found, e, "sops edit %s", word);
}

/* The line of the entry that the reader's message is about: it quotes its name, or the reader told the line. */
static unsigned line_of_refusal(const struct sops_checked *c, const struct sops_err *why)
{
    const char *at = why->msg;
    if (why->line != 0) {
        return why->line;
    }
    while ((at = strchr(at, '\'')) != NULL) {
        char name[64];
        const char *end = strchr(++at, '\'');
        size_t n = end != NULL ? (size_t)(end - at) : sizeof name;
        if (end != NULL && n < sizeof name) {
            memcpy(name, at, n);
            name[n] = '\0';
            unsigned line = (unsigned)(uintptr_t)sops_table_get(&c->places, sops_str(name));
            if (line != 0) {
                return line;
            }
        }
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    return c->sops_line;
}

/* The first document has none, and a later one has: its line, or 0. */
static unsigned later_line(struct sops_checked *c)
{
    if (c->look.format->meta != SOPS_META_NESTED || sops_look_has_meta(&c->look.doc, SOPS_META_NESTED)) {
        return 0;
    }
    for (const struct sops_node *part = c->look.doc.parts; part != NULL; part = part->next) {
        const struct sops_node *n = sops_node_find(part, SOPS_LIT("sops"));
        if (n != NULL && part != c->look.doc.parts) {
            return sops_liner_of(&c->liner, n);
        }
    }
    return 0;
}

bool sops_part_metadata(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_err why = {0};
    unsigned later = later_line(c);
    if (!find_places(c, e)) {
        return false;
    }
    if (later != 0) {
        return add_bad(s, c, NULL, later, "the metadata stand in a later document, and the first has none", e);
    }
    c->readable = sops_meta_detach(&c->look.doc, c->look.format->meta, &c->meta, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && !c->readable) {
        ok = add_bad(s, c, NULL, line_of_refusal(c, &why), why.msg, e);
    }
    sops_err_clear(&why);
    if (!ok || !c->readable) {
        return ok;
    }
    return check_mac(s, c, e) && check_version(s, c, e) && check_rule(s, c, e) && check_groups(s, c, e) &&
           check_unresolved(s, c, e);
}
