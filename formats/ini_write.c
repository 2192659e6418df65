/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes are sorted into sections and entries first, since a repeated key and a comment both change what was seen
 * before, and the longest key of a section decides how all its lines look.
 */
#include "formats/ini.h"

#include "base/table.h"
#include "base/text.h"

struct entry {
    struct sops_slice key, value, comment;
    const struct section *section;
    struct entry *next;
};

struct section {
    struct sops_slice name, comment;
    struct entry *first, *last;
    size_t width; /* of the longest key, as it is written */
    struct section *next;
};

struct writer {
    struct section *first, *last;
    struct sops_arena arena;  /* sections, entries, and texts that are not the node's */
    struct sops_table by_key; /* the last entry with that key, perhaps of another section */
    struct sops_buf scratch;
    struct sops_buf *out;
    struct sops_err *e;
};

static bool refuse(struct writer *w, const struct sops_node *n, const char *why)
{
    struct sops_buf path = {0};
    if (sops_node_path(n, &path, w->e)) {
        sops_fail(w->e, SOPS_E_DUMP, "INI cannot hold %.*s: %s", SOPS_ARG(sops_buf_view(&path)), why);
    }
    sops_buf_free(&path);
    return sops_hint(w->e, "--output-type selects another type");
}

/* ---- collecting -------------------------------------------------------------------------------------------------- */

enum key_quote { KEY_BARE, KEY_BACKTICK, KEY_TRIPLE };

static enum key_quote quote_of(struct sops_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '"' || key.ptr[i] == '=' || key.ptr[i] == ':') {
            return KEY_BACKTICK;
        }
    }
    return sops_slice_find(key, '`') != key.len ? KEY_TRIPLE : KEY_BARE;
}

static size_t width_of(struct sops_slice key)
{
    static const size_t quotes[] = {[KEY_BARE] = 0, [KEY_BACKTICK] = 2, [KEY_TRIPLE] = 6};
    return key.len + quotes[quote_of(key)];
}

static struct section *add_section(struct writer *w, struct sops_slice name)
{
    struct section *s = sops_arena_alloc(&w->arena, sizeof *s, w->e);
    if (s == NULL) {
        return NULL;
    }
    s->name = name;
    if (w->last != NULL) {
        w->last->next = s;
    } else {
        w->first = s;
    }
    w->last = s;
    return s;
}

static struct entry *add_entry(struct writer *w, struct section *s, struct sops_slice key)
{
    void **place = sops_table_put(&w->by_key, key, NULL, w->e);
    if (place == NULL) {
        return NULL;
    }
    struct entry *known = *place;
    if (known != NULL && known->section == s) {
        return known;
    }
    struct entry *n = sops_arena_alloc(&w->arena, sizeof *n, w->e);
    if (n == NULL) {
        return NULL;
    }
    *place = n;
    n->key = key;
    n->section = s;
    if (s->last != NULL) {
        s->last->next = n;
    } else {
        s->first = n;
    }
    s->last = n;
    size_t width = width_of(key);
    s->width = width > s->width ? width : s->width;
    return n;
}

/* The plain text of a scalar, which is the node's own for most kinds. */
static bool take_value(struct writer *w, const struct sops_node *n, struct sops_slice *value)
{
    if (n->kind == SOPS_STR || n->kind == SOPS_INT) {
        *value = n->text;
        return true;
    }
    sops_buf_cut(&w->scratch, 0);
    return sops_node_plain(n, &w->scratch, w->e) && sops_arena_copy(&w->arena, sops_buf_view(&w->scratch), value, w->e);
}

static bool collect_section(struct writer *w, const struct sops_node *map)
{
    if (map->kind != SOPS_MAP) {
        return refuse(w, map, "it stands outside of a section");
    }
    if (map->key.len == 0) {
        return refuse(w, map, "the name of a section is empty");
    }
    struct section *s = add_section(w, map->key);
    if (s == NULL) {
        return false;
    }
    struct entry *at = NULL;
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind == SOPS_COMMENT) {
            if (n == map->child) {
                s->comment = n->text;
            } else if (at != NULL) {
                at->comment = n->text;
            }
            continue;
        }
        if (!sops_node_is_leaf(n)) {
            return refuse(w, n, "its value is a mapping or list");
        }
        if (n->key.len == 0) {
            return refuse(w, n, "its key is empty");
        }
        at = add_entry(w, s, n->key);
        if (at == NULL || !take_value(w, n, &at->value)) {
            return false;
        }
    }
    return true;
}

static bool collect(struct writer *w, const struct sops_doc *d)
{
    for (const struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (const struct sops_node *n = part->child; n != NULL; n = n->next) {
            if (n->kind != SOPS_COMMENT && !collect_section(w, n)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool add_padding(struct writer *w, size_t n) { return sops_buf_addn(w->out, ' ', n, w->e); }

/* Line by line. A section's lines are written as they are, a key's are trimmed. */
static bool write_comment(struct writer *w, struct sops_slice comment, bool trim)
{
    struct sops_slice line;
    if (comment.len == 0) {
        return true;
    }
    while (sops_slice_next(&comment, '\n', &line)) {
        uint8_t sign = ';';
        if (line.len != 0 && (line.ptr[0] == '#' || line.ptr[0] == ';')) {
            sign = line.ptr[0];
            line = sops_text_trim(sops_slice_skip(line, 1));
        } else if (trim) {
            line = sops_text_trim(line);
        }
        if (!sops_buf_addc(w->out, sign, w->e) || !sops_buf_addc(w->out, ' ', w->e) ||
            !sops_buf_add(w->out, line, w->e) || !sops_buf_addc(w->out, '\n', w->e)) {
            return false;
        }
    }
    return true;
}

static bool add_between(struct sops_buf *out, const char *quote, struct sops_slice s, struct sops_err *e)
{
    return sops_buf_adds(out, quote, e) && sops_buf_add(out, s, e) && sops_buf_adds(out, quote, e);
}

bool sops_ini_add_key(struct sops_slice key, struct sops_buf *out, struct sops_err *e)
{
    static const char *const quotes[] = {[KEY_BARE] = "", [KEY_BACKTICK] = "`", [KEY_TRIPLE] = "\"\"\""};
    return add_between(out, quotes[quote_of(key)], key, e);
}

bool sops_ini_add_value(struct sops_slice value, struct sops_buf *out, struct sops_err *e)
{
    const char *quote = "";
    if (sops_slice_find(value, '\n') != value.len || sops_slice_find(value, '`') != value.len) {
        quote = "\"\"\"";
    } else if (sops_slice_find(value, '#') != value.len || sops_slice_find(value, ';') != value.len) {
        quote = "`";
    } else if (sops_text_trim(value).len != value.len) {
        quote = "\"";
    }
    return add_between(out, quote, value, e);
}

static bool write_section(struct writer *w, const struct section *s)
{
    bool nameless = s == w->first && sops_same_word(s->name, SOPS_INI_DEFAULT);
    if (!write_comment(w, s->comment, false)) {
        return false;
    }
    if (nameless && s->first == NULL) {
        return true;
    }
    if (!nameless && (!sops_buf_addc(w->out, '[', w->e) || !sops_buf_add(w->out, s->name, w->e) ||
                      !sops_buf_adds(w->out, "]\n", w->e))) {
        return false;
    }
    for (const struct entry *n = s->first; n != NULL; n = n->next) {
        if (!write_comment(w, n->comment, true) || !sops_ini_add_key(n->key, w->out, w->e) ||
            !add_padding(w, s->width - width_of(n->key)) || !sops_buf_adds(w->out, " = ", w->e) ||
            !sops_ini_add_value(n->value, w->out, w->e) || !sops_buf_addc(w->out, '\n', w->e)) {
            return false;
        }
    }
    return s->next == NULL || sops_buf_addc(w->out, '\n', w->e);
}

/* Room for all of it at once, but for comments of many short lines. */
static bool make_room(struct writer *w)
{
    size_t size = 0;
    for (const struct section *s = w->first; s != NULL; s = s->next) {
        size_t line = s->width + sizeof " = \"\"\"\"\"\"\n";
        size_t lines = 0;
        for (const struct entry *n = s->first; n != NULL; n = n->next) {
            size += n->value.len + n->comment.len + sizeof "; \n";
            lines++;
        }
        if (__builtin_mul_overflow(lines, line, &line) || __builtin_add_overflow(size, line, &size)) {
            return sops_fail_memory(w->e);
        }
        size += s->name.len + s->comment.len + sizeof "; \n[]\n\n";
    }
    return sops_buf_reserve(w->out, size, w->e);
}

bool sops_ini_emit(const struct sops_doc *d, const struct sops_style *s, struct sops_buf *out, struct sops_err *e)
{
    (void)s;
    struct writer w = {.out = out, .e = e};
    bool good = collect(&w, d) && make_room(&w);
    for (const struct section *n = w.first; good && n != NULL; n = n->next) {
        good = write_section(&w, n);
    }
    sops_table_free(&w.by_key);
    sops_arena_free(&w.arena);
    sops_buf_free(&w.scratch);
    return good;
}
