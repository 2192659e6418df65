/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line by line, without recursion: the stack of open arrays and inline tables is the tree itself. What a table is
 * allowed to become depends on how it was made, so that is kept in flags as long as the text is read; which entries
 * there are is asked of a table of names, as headers lead anywhere.
 */
#include "formats/toml.h"

#include "base/table.h"
#include "base/text.h"

/* How a mapping or list was made; a mapping with none of these is a table that only headers below it name. */
enum {
    BY_HEADER = SOPS_QUOTED,
    BY_DOTS = SOPS_FAULTY,
    CLOSED = SOPS_ANCHORED,  /* an array or inline table, complete */
    COMMA = SOPS_OPEN_ENTRY, /* of one that is open: a value stands behind the last comma */
};

struct comment {
    struct sops_slice text;
    struct sops_span span;
    uint32_t line;
};

struct reader {
    struct sops_doc *doc;
    struct sops_slice in;
    size_t at;
    unsigned line;
    struct sops_node *table;   /* of the last header */
    struct sops_table entries; /* by mapping and key */
    struct comment *pending;   /* lines of comment that were not placed yet */
    size_t pendings, cap;
    struct sops_buf scratch, name;
    struct sops_err *e;
};

static bool fail_here(struct reader *r, const char *why)
{
    sops_fail_at(r->e, r->line, 0, "%s", why);
    return sops_recode(r->e, SOPS_E_READ);
}

static uint8_t look(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->in.len ? r->in.ptr[r->at + ahead] : 0;
}

static bool at_end(const struct reader *r) { return r->at >= r->in.len; }

static size_t break_at(const struct reader *r)
{
    return look(r, 0) == '\n' ? 1 : look(r, 0) == '\r' && look(r, 1) == '\n' ? 2 : 0;
}

static void skip_blanks(struct reader *r)
{
    while (!at_end(r) && (look(r, 0) == ' ' || look(r, 0) == '\t')) {
        r->at++;
    }
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* The place of the entry `key` in `map`, made when it is new. */
static void **entry_place(struct reader *r, const struct sops_node *map, struct sops_slice key)
{
    struct sops_slice name;
    sops_buf_cut(&r->name, 0);
    if (!sops_buf_add(&r->name, sops_slice_of(&map, sizeof map), r->e) || !sops_buf_add(&r->name, key, r->e)) {
        return NULL;
    }
    void *known = sops_table_get(&r->entries, sops_buf_view(&r->name));
    if (known != NULL) {
        return sops_table_put(&r->entries, sops_buf_view(&r->name), NULL, r->e);
    }
    return sops_arena_copy(&r->doc->arena, sops_buf_view(&r->name), &name, r->e)
               ? sops_table_put(&r->entries, name, NULL, r->e)
               : NULL;
}

static struct sops_node *add_entry(struct reader *r, struct sops_node *map, enum sops_kind kind, struct sops_slice key,
                                   void **place)
{
    struct sops_node *n = sops_node_add_ref(r->doc, map, kind, key, SOPS_LIT(""), r->e);
    if (n != NULL) {
        n->line = r->line;
        *place = n;
    }
    return n;
}

/* ---- comments ---------------------------------------------------------------------------------------------------- */

/* The comment that stands here, to the end of the line. */
static bool read_comment(struct reader *r, struct comment *c)
{
    size_t from = r->at;
    while (!at_end(r) && break_at(r) == 0) {
        uint8_t b = look(r, 0);
        if ((b < ' ' && b != '\t') || b == 0x7F) {
            return fail_here(r, "a comment holds a control character");
        }
        r->at++;
    }
    c->text = sops_slice_of(r->in.ptr + from + 1, r->at - from - 1);
    c->span = (struct sops_span){(uint32_t)from, (uint32_t)r->at};
    c->line = r->line;
    return true;
}

static struct sops_node *make_comment(struct reader *r, const struct comment *c)
{
    struct sops_node *n = sops_arena_alloc(&r->doc->arena, sizeof *n, r->e);
    if (n == NULL || !sops_arena_copy(&r->doc->arena, c->text, &n->text, r->e)) {
        return NULL;
    }
    n->kind = SOPS_COMMENT;
    n->key_kind = SOPS_STR;
    n->key = SOPS_LIT("");
    n->line = c->line;
    n->span = c->span;
    return n;
}

static bool keep_comment(struct reader *r, const struct comment *c)
{
    if (r->pendings == r->cap) {
        size_t more = r->cap != 0 ? 2 * r->cap : 16;
        struct comment *grown = sops_alloc(more * sizeof *grown, r->e);
        if (grown == NULL) {
            return false;
        }
        if (r->pendings != 0) {
            memcpy(grown, r->pending, r->pendings * sizeof *grown);
        }
        sops_free(r->pending);
        r->pending = grown;
        r->cap = more;
    }
    r->pending[r->pendings++] = *c;
    return true;
}

/* The first `count` pending comments become the last entries of `to`. */
static bool place_comments(struct reader *r, struct sops_node *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sops_node *n = make_comment(r, &r->pending[i]);
        if (n == NULL) {
            return false;
        }
        sops_node_link(to, to->last, n);
    }
    r->pendings -= count;
    if (r->pendings != 0) {
        memmove(r->pending, r->pending + count, r->pendings * sizeof *r->pending);
    }
    return true;
}

/* How many of the pending comments do not stand directly above this line. */
static size_t comments_apart(const struct reader *r)
{
    size_t n = r->pendings;
    unsigned below = r->line;
    while (n > 0 && r->pending[n - 1].line + 1 == below) {
        below = r->pending[--n].line;
    }
    return n;
}

/* The comment behind a value, which was added behind `before` in its map or list, stands in front of it there. */
static bool comment_behind(struct reader *r, struct sops_node *in, struct sops_node *before)
{
    struct comment c;
    if (look(r, 0) != '#') {
        return true;
    }
    struct sops_node *n = read_comment(r, &c) ? make_comment(r, &c) : NULL;
    if (n == NULL) {
        return false;
    }
    n->flags = SOPS_INLINE;
    sops_node_link(in, before, n);
    return true;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* One part of a key; its bytes go to the arena. */
static bool read_part(struct reader *r, struct sops_slice *key, struct sops_span *span)
{
    size_t from = r->at;
    sops_buf_cut(&r->scratch, 0);
    if (look(r, 0) == '"' || look(r, 0) == '\'') {
        size_t len = 0;
        unsigned lines;
        const char *why = sops_toml_string(sops_slice_skip(r->in, r->at), true, &len, &lines, &r->scratch, r->e);
        if (why != NULL) {
            return r->e->memory ? false : fail_here(r, why);
        }
        r->at += len;
        *key = sops_buf_view(&r->scratch);
    } else {
        while (!at_end(r) && sops_toml_is_bare_key(sops_slice_of(r->in.ptr + r->at, 1))) {
            r->at++;
        }
        if (r->at == from) {
            return fail_here(r, "a key is expected here");
        }
        *key = sops_slice_of(r->in.ptr + from, r->at - from);
    }
    *span = (struct sops_span){(uint32_t)from, (uint32_t)r->at};
    return sops_arena_copy(&r->doc->arena, *key, key, r->e);
}

/* A table on the way to a key's last part; `dotted`: of a key before '=', else of a header. */
static struct sops_node *step_into(struct reader *r, struct sops_node *map, struct sops_slice key, bool dotted)
{
    void **place = entry_place(r, map, key);
    struct sops_node *n = place != NULL ? *place : NULL;
    if (place == NULL) {
        return NULL;
    }
    if (n == NULL) {
        n = add_entry(r, map, SOPS_MAP, key, place);
        if (n != NULL) {
            n->flags |= dotted ? BY_DOTS : 0;
        }
        return n;
    }
    if (n->kind == SOPS_LIST && !dotted && (n->flags & CLOSED) == 0) {
        return n->last; /* the last table of an array */
    }
    if (n->kind != SOPS_MAP || (n->flags & CLOSED) != 0 || (dotted && (n->flags & BY_DOTS) == 0)) {
        (void)fail_here(r, dotted ? "a key goes into what is no table, or one that is complete"
                                  : "a header goes into what is no table, or one that is complete");
        return NULL;
    }
    return n;
}

/* A dotted key up to its last part: `*map` becomes the table that it is put into. */
static bool read_key(struct reader *r, struct sops_node **map, bool dotted, struct sops_slice *key,
                     struct sops_span *span)
{
    for (;;) {
        if (!read_part(r, key, span)) {
            return false;
        }
        size_t behind = r->at;
        skip_blanks(r);
        if (look(r, 0) != '.') {
            r->at = behind;
            return true;
        }
        r->at++;
        skip_blanks(r);
        *map = step_into(r, *map, *key, dotted);
        if (*map == NULL) {
            return false;
        }
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Where a value without quotes ends. */
static size_t bare_end(const struct reader *r)
{
    size_t n = r->at;
    while (n < r->in.len && strchr(",]}#\n", r->in.ptr[n]) == NULL) {
        n++;
    }
    while (n > r->at && (r->in.ptr[n - 1] == ' ' || r->in.ptr[n - 1] == '\t' ||
                         (r->in.ptr[n - 1] == '\r' && n < r->in.len && r->in.ptr[n] == '\n'))) {
        n--;
    }
    return n;
}

static bool read_scalar(struct reader *r, struct sops_node *n)
{
    struct sops_toml_scalar v = {.kind = SOPS_STR};
    size_t from = r->at, len = 0;
    unsigned lines = 0;
    const char *why;
    sops_buf_cut(&r->scratch, 0);
    if (look(r, 0) == '"' || look(r, 0) == '\'') {
        why = sops_toml_string(sops_slice_skip(r->in, r->at), false, &len, &lines, &r->scratch, r->e);
    } else {
        size_t end = bare_end(r);
        len = end - r->at;
        const uint8_t *zero = len != 0 ? memchr(r->in.ptr + r->at, 0, len) : NULL;
        why = len == 0 || zero != NULL ? "a value is expected here: a string, number, bool, date, array or inline table"
                                       : sops_toml_bare(sops_slice_of(r->in.ptr + r->at, len), &v, &r->scratch, r->e);
    }
    if (why != NULL) {
        return r->e->memory ? false : fail_here(r, why);
    }
    n->kind = (uint8_t)v.kind;
    bool sealed_date = look(r, 0) == '\'' && sops_slice_starts(sops_buf_view(&r->scratch), SOPS_LIT("ENC["));
    n->flags |= v.bare || sealed_date ? SOPS_BARE : 0;
    n->line = r->line;
    r->line += lines;
    r->at += len;
    n->span = (struct sops_span){(uint32_t)from, (uint32_t)r->at};
    return sops_arena_copy(&r->doc->arena, sops_buf_view(&r->scratch), &n->text, r->e);
}

/* A value becomes that of the node `n`, which is in the tree already. An array or inline table is open then. */
static bool begin_value(struct reader *r, struct sops_node *n)
{
    if (look(r, 0) != '[' && look(r, 0) != '{') {
        return read_scalar(r, n);
    }
    n->kind = look(r, 0) == '[' ? SOPS_LIST : SOPS_MAP;
    n->line = r->line;
    n->span.begin = (uint32_t)r->at++;
    return true;
}

static bool is_open(const struct sops_node *n) { return !sops_node_is_leaf(n) && (n->flags & CLOSED) == 0; }

/* The end of an array or inline table, and of the dotted tables in it. */
static void close_value(struct reader *r, struct sops_node *n)
{
    r->at++;
    n->span.end = (uint32_t)r->at;
    n->flags = (uint16_t)((n->flags & ~COMMA) | CLOSED);
}

/* Blanks, line breaks and comments in an array; comments become entries of it. */
static bool skip_in_array(struct reader *r, struct sops_node *list)
{
    for (;;) {
        skip_blanks(r);
        size_t n = break_at(r);
        if (n != 0) {
            r->at += n;
            r->line++;
        } else if (look(r, 0) == '#') {
            struct comment c;
            struct sops_node *made = read_comment(r, &c) ? make_comment(r, &c) : NULL;
            if (made == NULL) {
                return false;
            }
            sops_node_link(list, list->last, made);
        } else {
            return true;
        }
    }
}

static bool step_array(struct reader *r, struct sops_node *list, struct sops_node **inner)
{
    if (!skip_in_array(r, list)) {
        return false;
    }
    uint8_t c = look(r, 0);
    if (c == ']') {
        close_value(r, list);
        *inner = NULL;
        return true;
    }
    if ((list->flags & COMMA) != 0) {
        if (c != ',') {
            return fail_here(r, "a comma or ] is expected here");
        }
        r->at++;
        list->flags &= (uint16_t)~COMMA;
        return true;
    }
    if (c == ',') {
        return fail_here(r, "a value is expected here");
    }
    struct sops_node *n = sops_node_add_ref(r->doc, list, SOPS_STR, SOPS_LIT(""), SOPS_LIT(""), r->e);
    list->flags |= COMMA;
    if (n == NULL || !begin_value(r, n)) {
        return false;
    }
    *inner = is_open(n) ? n : *inner;
    return true;
}

static bool step_inline(struct reader *r, struct sops_node *map, struct sops_node **inner)
{
    skip_blanks(r);
    uint8_t c = look(r, 0);
    bool any = (map->flags & COMMA) != 0;
    if (c == '}' && (any || map->child == NULL)) {
        close_value(r, map);
        *inner = NULL;
        return true;
    }
    if (any) {
        if (c != ',') {
            return fail_here(r, "a comma or } is expected here");
        }
        r->at++;
        skip_blanks(r);
    }
    struct sops_node *to = map;
    struct sops_slice key;
    struct sops_span span;
    if (!read_key(r, &to, true, &key, &span)) {
        return false;
    }
    skip_blanks(r);
    if (look(r, 0) != '=') {
        return fail_here(r, "an equals sign is expected behind the key");
    }
    r->at++;
    skip_blanks(r);
    void **place = entry_place(r, to, key);
    if (place == NULL || *place != NULL) {
        return place == NULL ? false : fail_here(r, "a key that stands twice in its table");
    }
    struct sops_node *n = add_entry(r, to, SOPS_STR, key, place);
    map->flags |= COMMA;
    if (n == NULL) {
        return false;
    }
    n->key_span = span;
    if (!begin_value(r, n)) {
        return false;
    }
    *inner = is_open(n) ? n : *inner;
    return true;
}

/* The array or inline table around `n`: dotted tables between do not count. */
static struct sops_node *around(struct sops_node *n)
{
    do {
        n = n->up;
    } while (n->kind == SOPS_MAP && (n->flags & BY_DOTS) != 0);
    return n;
}

/* Reads the value of `n` to its end. */
static bool read_value(struct reader *r, struct sops_node *n)
{
    if (!begin_value(r, n)) {
        return false;
    }
    struct sops_node *here = is_open(n) ? n : NULL;
    while (here != NULL) {
        struct sops_node *inner = here;
        if (!(here->kind == SOPS_LIST ? step_array(r, here, &inner) : step_inline(r, here, &inner))) {
            return false;
        }
        if (inner == NULL) { /* it is complete */
            inner = here == n ? NULL : around(here);
        }
        here = inner;
    }
    return true;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static bool end_line(struct reader *r)
{
    skip_blanks(r);
    size_t n = break_at(r);
    if (n == 0 && !at_end(r)) {
        return fail_here(r, "something stands behind the end of a value or header");
    }
    r->at += n;
    r->line += n != 0;
    return true;
}

static bool read_pair(struct reader *r)
{
    struct sops_node *map = r->table, *before;
    struct sops_slice key;
    struct sops_span span;
    if (!place_comments(r, r->table, r->pendings) || !read_key(r, &map, true, &key, &span)) {
        return false;
    }
    skip_blanks(r);
    if (look(r, 0) != '=') {
        return fail_here(r, "an equals sign is expected behind the key");
    }
    r->at++;
    skip_blanks(r);
    void **place = entry_place(r, map, key);
    if (place == NULL || *place != NULL) {
        return place == NULL ? false : fail_here(r, "a key that stands twice in its table");
    }
    before = map->last;
    struct sops_node *n = add_entry(r, map, SOPS_STR, key, place);
    if (n == NULL) {
        return false;
    }
    n->key_span = span;
    if (!read_value(r, n)) {
        return false;
    }
    skip_blanks(r);
    return comment_behind(r, map, before) && end_line(r);
}

/* The table that a header names last. */
static struct sops_node *open_table(struct reader *r, struct sops_node *map, struct sops_slice key, bool array)
{
    void **place = entry_place(r, map, key);
    struct sops_node *n = place != NULL ? *place : NULL;
    if (place == NULL) {
        return NULL;
    }
    if (array) {
        if (n != NULL && (n->kind != SOPS_LIST || (n->flags & CLOSED) != 0)) {
            (void)fail_here(r, "a header of an array of tables names something else");
            return NULL;
        }
        n = n != NULL ? n : add_entry(r, map, SOPS_LIST, key, place);
        struct sops_node *item =
            n != NULL ? sops_node_add_ref(r->doc, n, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), r->e) : NULL;
        if (item != NULL) {
            item->line = r->line;
            item->flags |= BY_HEADER;
        }
        return item;
    }
    if (n == NULL) {
        n = add_entry(r, map, SOPS_MAP, key, place);
    } else if (n->kind != SOPS_MAP || (n->flags & (BY_HEADER | BY_DOTS | CLOSED)) != 0) {
        (void)fail_here(r, "a table that stands twice, or is something else already");
        return NULL;
    }
    if (n != NULL) {
        n->flags |= BY_HEADER;
    }
    return n;
}

static bool read_header(struct reader *r)
{
    uint32_t begin = (uint32_t)r->at;
    bool array = look(r, 1) == '[';
    struct sops_node *map = r->doc->parts;
    struct sops_slice key;
    struct sops_span span;
    if (!place_comments(r, r->table, comments_apart(r))) {
        return false;
    }
    r->at += array ? 2 : 1;
    skip_blanks(r);
    if (!read_key(r, &map, false, &key, &span)) {
        return false;
    }
    skip_blanks(r);
    if (look(r, 0) != ']' || (array && look(r, 1) != ']')) {
        return fail_here(r, "the header of a table is not closed");
    }
    r->at += array ? 2 : 1;
    if (!place_comments(r, map, r->pendings)) {
        return false;
    }
    struct sops_node *table = open_table(r, map, key, array);
    if (table == NULL) {
        return false;
    }
    r->table = table;
    const struct sops_mark mark = {
        .kind = SOPS_MARK_TABLE, .line = r->line, .span = {begin, (uint32_t)r->at}, .node = table};
    skip_blanks(r);
    struct comment c;
    if (look(r, 0) == '#') {
        struct sops_node *n = read_comment(r, &c) ? make_comment(r, &c) : NULL;
        if (n == NULL) {
            return false;
        }
        n->flags = SOPS_INLINE;
        sops_node_link(table, table->last, n);
    }
    return sops_doc_mark(r->doc, mark, r->e) && end_line(r);
}

static bool read_line(struct reader *r)
{
    struct comment c;
    skip_blanks(r);
    if (at_end(r)) {
        return true;
    }
    if (break_at(r) != 0) {
        return end_line(r);
    }
    if (look(r, 0) == '#') {
        return read_comment(r, &c) && keep_comment(r, &c) && end_line(r);
    }
    return look(r, 0) == '[' ? read_header(r) : read_pair(r);
}

/* A text is UTF-8, or else the line is told. */
static bool check_encoding(struct reader *r)
{
    if (sops_utf8_valid(sops_slice_skip(r->in, r->at))) {
        return true;
    }
    for (struct sops_slice rest = sops_slice_skip(r->in, r->at); rest.len != 0;) {
        uint32_t cp;
        size_t n = sops_utf8_next(rest, &cp);
        if (n == 0) {
            return fail_here(r, "TOML is UTF-8, and this is not");
        }
        r->line += cp == '\n';
        rest = sops_slice_skip(rest, n);
    }
    return true;
}

/* Flags that only the reader knows. */
static void drop_flags(struct sops_doc *d)
{
    const uint16_t ours = BY_HEADER | BY_DOTS | CLOSED | COMMA;
    for (struct sops_node *n = d->parts; n != NULL; n = sops_node_after(d->parts, n)) {
        n->flags &= (uint16_t)~ours;
    }
}

bool sops_toml_parse(struct sops_doc *out, struct sops_slice in, struct sops_err *e)
{
    struct sops_slice text = in.ptr != NULL ? in : SOPS_LIT("");
    struct reader r = {.doc = out, .in = text, .line = 1, .e = e};
    struct sops_node *root = sops_node_add_ref(out, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    if (root == NULL) {
        return false;
    }
    root->line = 1;
    root->span = (struct sops_span){0, (uint32_t)text.len};
    r.table = root;
    r.at = text.len - sops_text_without_mark(text).len;
    bool ok = check_encoding(&r);
    while (ok && !at_end(&r)) {
        ok = read_line(&r);
    }
    ok = ok && place_comments(&r, r.table, r.pendings);
    drop_flags(out);
    sops_table_free(&r.entries);
    sops_free(r.pending);
    sops_buf_free(&r.scratch);
    sops_buf_free(&r.name);
    return ok;
}
