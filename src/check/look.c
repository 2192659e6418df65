/* SPDX-License-Identifier: Apache-2.0 */
/* Most files of a tree are decided by two searches for a word; only what may be encrypted is parsed. */
#include "check/look.h"

#include "base/ascii.h"
#include "core/cipher.h"
#include "core/key.h"

static bool holds(struct sops_slice text, const char *word)
{
    return text.len != 0 && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static bool is_filled(const struct sops_node *n) { return !sops_node_is_leaf(n) && n->child != NULL; }

static bool tells_nested(const struct sops_node *n)
{
    if (n->kind == SOPS_NULL || n->kind == SOPS_COMMENT || n->key_kind != SOPS_STR) {
        return false;
    }
    if (sops_same_word(n->key, SOPS_LIT("mac")) || sops_same_word(n->key, SOPS_LIT("lastmodified"))) {
        return true;
    }
    return (sops_slice_eq(n->key, SOPS_LIT("key_groups")) || sops_keysource_named(n->key) != NULL) && is_filled(n);
}

/* The same for a flat name without its prefix: "age__list_0__map_enc". */
static bool tells_flat(struct sops_slice name)
{
    if (sops_same_word(name, SOPS_LIT("mac")) || sops_same_word(name, SOPS_LIT("lastmodified"))) {
        return true;
    }
    const uint8_t *list = name.len != 0 ? memmem(name.ptr, name.len, "__list_", 7) : NULL;
    struct sops_slice head = sops_slice_first(name, list != NULL ? (size_t)(list - name.ptr) : 0);
    return list != NULL && (sops_slice_eq(head, SOPS_LIT("key_groups")) || sops_keysource_named(head) != NULL);
}

bool sops_look_has_meta(const struct sops_doc *d, enum sops_layout l)
{
    const struct sops_node *part = d->parts;
    if (part == NULL) {
        return false;
    }
    const struct sops_node *from = l == SOPS_META_PREFIX ? part : sops_node_find(part, SOPS_LIT("sops"));
    if (from == NULL || from->kind != SOPS_MAP) {
        return false;
    }
    for (const struct sops_node *n = from->child; n != NULL; n = n->next) {
        bool prefixed = sops_slice_starts(n->key, SOPS_LIT("sops_"));
        if (n->kind == SOPS_COMMENT) {
            continue;
        }
        if (l == SOPS_META_NESTED || l == SOPS_META_TABLES ? tells_nested(n)
            : l == SOPS_META_SECTION                       ? tells_flat(n->key)
                                                           : prefixed && tells_flat(sops_slice_skip(n->key, 5))) {
            return true;
        }
    }
    return false;
}

/* In a later document only: somebody put one in front. */
static bool has_meta_later(const struct sops_doc *d, enum sops_layout l)
{
    for (const struct sops_node *part = d->parts; l == SOPS_META_NESTED && part != NULL; part = part->next) {
        struct sops_doc one = {.parts = (struct sops_node *)(uintptr_t)part};
        if (sops_look_has_meta(&one, l)) {
            return true;
        }
    }
    return false;
}

/* ---- formats ------------------------------------------------------------------------------------------------------
 */

/* Does the encrypted form of a binary file look so: one value, and the metadata? */
static bool is_binary_form(const struct sops_doc *d)
{
    size_t others = 0;
    for (const struct sops_node *n = d->parts->child; n != NULL; n = n->next) {
        bool meta = sops_slice_eq(n->key, SOPS_LIT("sops"));
        others += !meta && !(sops_slice_eq(n->key, SOPS_LIT("data")) && n->kind == SOPS_STR);
    }
    return others == 0;
}

enum attempt { NOT_PARSED, NO_METADATA, FOUND };

/* `why` says why it does not parse. */
static enum attempt try_format(struct sops_look *l, struct sops_slice text, const struct sops_format *f,
                               struct sops_err *why)
{
    sops_doc_free(&l->doc);
    if (!sops_doc_parse(&l->doc, sops_format_sealed(f), text, why)) {
        return NOT_PARSED;
    }
    bool there = sops_look_has_meta(&l->doc, f->meta) || has_meta_later(&l->doc, f->meta);
    if (there && (f->flags & SOPS_FMT_WHOLE) != 0 && !is_binary_form(&l->doc)) {
        return NO_METADATA; /* a file of another format, whose name says nothing */
    }
    return there ? FOUND : NO_METADATA;
}

static bool try_others(struct sops_look *l, struct sops_slice text, const struct sops_format *named, struct sops_err *e)
{
    for (const struct sops_format *f = sops_format_to_try(NULL); f != NULL; f = sops_format_to_try(f)) {
        struct sops_err why = {0};
        if (f == named) {
            continue;
        }
        enum attempt got = try_format(l, text, f, &why);
        bool memory = why.memory;
        sops_err_clear(&why);
        if (memory) {
            return sops_fail_memory(e);
        }
        if (got == FOUND) {
            l->format = f;
            l->other = true;
            l->kind = SOPS_LOOK_ENCRYPTED;
            return true;
        }
    }
    return true;
}

/* ---- damage -------------------------------------------------------------------------------------------------------
 */

/* Does the word `sops` at `at` look like the beginning of metadata: behind white space, a quote, `{` or `[` or at the
 * start of a line, and with `:`, `]` or `_` behind it, quotes and blanks between? */
static bool begins_metadata(struct sops_slice text, size_t at)
{
    uint8_t before = at == 0 ? '\n' : text.ptr[at - 1];
    if (!sops_is_white(before) && strchr("\"'{[", before) == NULL) {
        return false;
    }
    size_t i = at + 4;
    if (i < text.len && text.ptr[i] == '_') {
        return true;
    }
    while (i < text.len && (text.ptr[i] == '"' || text.ptr[i] == '\'' || text.ptr[i] == ' ' || text.ptr[i] == '\t')) {
        i++;
    }
    return i < text.len && (text.ptr[i] == ':' || text.ptr[i] == ']');
}

static bool holds_metadata(struct sops_slice text)
{
    size_t from = 0;
    while (from < text.len) {
        const uint8_t *at = memmem(text.ptr + from, text.len - from, "sops", 4);
        if (at == NULL) {
            return false;
        }
        size_t place = (size_t)(at - text.ptr);
        if (begins_metadata(text, place)) {
            return true;
        }
        from = place + 4;
    }
    return false;
}

static bool is_marker(struct sops_slice line, char sign)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == (uint8_t)sign) {
        n++;
    }
    bool cr = line.len == 8 && line.ptr[7] == '\r';
    return n == 7 && (line.len == 7 || line.ptr[7] == ' ' || cr);
}

unsigned sops_look_conflict(struct sops_slice text)
{
    static const char signs[] = "<=>";
    unsigned line = 0, first = 0;
    size_t next = 0;
    if (!holds(text, "<<<<<<<") || !holds(text, ">>>>>>>")) {
        return 0;
    }
    struct sops_slice rest = text, piece;
    while (next < 3 && sops_slice_next(&rest, '\n', &piece)) {
        line++;
        if (is_marker(piece, signs[next])) {
            first = next == 0 ? line : first;
            next++;
        }
    }
    return next == 3 ? first : 0;
}

/* ---- the whole -----------------------------------------------------------------------------------------------------
 */

static bool is_whole(const struct sops_format *f) { return (f->flags & SOPS_FMT_WHOLE) != 0; }

bool sops_look(struct sops_look *l, struct sops_slice text, const struct sops_format *named, bool only,
               struct sops_err *e)
{
    struct sops_slice head = sops_slice_first(text, SOPS_BINARY_HEAD);
    *l = (struct sops_look){.format = named};
    l->binary = sops_slice_find(head, 0) < head.len;
    if (l->binary) {
        return true;
    }
    l->conflict = sops_look_conflict(text);
    if (!holds(text, "sops")) {
        return true;
    }
    struct sops_err why = {0};
    bool cipher = sops_holds_ciphertext(text);
    enum attempt got = try_format(l, text, named, &why);
    bool ok = !why.memory || sops_fail_memory(e);
    if (ok && got == FOUND) {
        l->kind = SOPS_LOOK_ENCRYPTED;
    } else if (ok && cipher && !only) {
        ok = try_others(l, text, named, e);
    }
    if (ok && l->kind == SOPS_LOOK_PLAIN && got == NOT_PARSED && cipher && holds_metadata(text) &&
        (!is_whole(named) || sops_slice_starts(sops_slice_trim(text), SOPS_LIT("{")))) {
        l->kind = SOPS_LOOK_DAMAGED;
        l->why = why;
        why = (struct sops_err){0};
    }
    sops_err_clear(&why);
    if (l->kind != SOPS_LOOK_ENCRYPTED) {
        sops_doc_free(&l->doc);
    }
    return ok;
}

void sops_look_free(struct sops_look *l)
{
    sops_doc_free(&l->doc);
    sops_err_clear(&l->why);
    *l = (struct sops_look){0};
}
