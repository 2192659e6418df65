/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw nodes to entries of the document: aliases are expanded, comments become entries, scalars get their types, and
 * what must not be is refused (docs/spec/21-yaml.md#collections-aliases-keys, #checks-and-limits,
 * #comments-become-entries). An alias bomb is noticed by the ratio of copied nodes while it is expanded, so it never
 * gets large.
 */
#include "base/table.h"
#include "base/text.h"
#include "formats/yaml_scalar.h"

typedef const struct sops_yaml_raw raw;

/* A collection that is being copied. */
struct frame {
    raw *from, *next;
    struct sops_node *to;
    raw *foot[2]; /* whose FOOT follows it in the collection around */
    struct sops_span key_span;
    bool inside; /* its own comments go into it */
    bool alias;
};

struct copier {
    struct sops_doc *doc;
    struct frame *frames;
    size_t depth, cap;
    size_t visited, copied, aliases; /* aliases: how many of the frames are */
    struct sops_buf scratch;
    struct sops_arena *nodes; /* see struct sops_yaml_document */
    struct sops_slice piece;  /* of its memory, with the node at hand */
    bool first;
};

static raw *meant(raw *n) { return n->kind == SOPS_YAML_ALIAS ? n->child : n; }

static bool is_collection(raw *n) { return n->kind == SOPS_YAML_MAP || n->kind == SOPS_YAML_LIST; }

/* One entry for each line of comment, without its '#'. What an alias stands for is not in the text once more. */
static bool comment(struct copier *c, struct sops_node *to, raw *n, enum sops_yaml_comment kind, bool at_end,
                    struct sops_err *e)
{
    size_t count = n != NULL && n->comments != NULL ? n->comments->kind[kind].count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct sops_yaml_line *line = &n->comments->kind[kind].at[i];
        if (line->text.len == 0) {
            continue;
        }
        struct sops_node *made =
            sops_node_add(c->doc, to, SOPS_COMMENT, (struct sops_slice){0}, sops_slice_skip(line->text, 1), e);
        if (made == NULL) {
            return false;
        }
        made->flags |= at_end ? SOPS_INLINE : 0;
        made->line = line->line;
        made->span = c->aliases == 0 ? line->span : made->span;
    }
    return true;
}

/* Section 4: counts a node; fails when too much of the whole is copies. */
static bool visit(struct copier *c, raw *n, struct sops_err *e)
{
    c->visited++;
    c->copied += c->aliases != 0;
    if (c->copied <= 100 || c->visited <= 1000) {
        return true;
    }
    double allowed = 0.99;
    if (c->visited >= 4000000) {
        allowed = 0.10;
    } else if (c->visited > 400000) {
        allowed = 0.99 - 0.89 * ((double)(c->visited - 400000) / 3600000.0);
    }
    return (double)c->copied <= allowed * (double)c->visited ||
           sops_yaml_fail(e, n->line - 1, "aliases that stand for too much");
}

static bool push(struct copier *c, struct frame f, struct sops_err *e)
{
    if (c->depth == 2 * (size_t)SOPS_YAML_DEPTH) {
        return sops_yaml_fail(e, f.from->line - 1, "with its aliases nested to a depth of more than 20000");
    }
    struct frame *frames = sops_yaml_grow(c->frames, c->depth, &c->cap, sizeof *frames, e);
    if (frames == NULL) {
        return false;
    }
    c->frames = frames;
    f.next = f.from->child;
    c->aliases += f.alias;
    c->frames[c->depth++] = f;
    return true;
}

/* ---- checks of a map -------------------------------------------------------------------------------------------- */

static bool is_merge_value(raw *v)
{
    v = meant(v);
    return v->kind == SOPS_YAML_MAP;
}

/* Does the key merge? Then its value must be a map, or a list of maps. */
static bool check_merge(raw *key, raw *value, struct sops_err *e)
{
    bool merges = key->kind == SOPS_YAML_SCALAR && sops_slice_eq(key->text, SOPS_LIT("<<")) &&
                  (key->tag == SOPS_YAML_MERGE || (key->plain && key->tag <= SOPS_YAML_BANG));
    if (!merges || is_merge_value(value)) {
        return true;
    }
    bool fine = value->kind == SOPS_YAML_LIST;
    for (raw *n = value->child; fine && n != NULL; n = n->next) {
        fine = is_merge_value(n);
    }
    return fine || sops_yaml_fail(e, key->line - 1, "the value of << is no mapping, nor a list of mappings");
}

/* `key` stands twice in `map`. When two encrypted files were put into one, others do too, and the metadata tell more.
 */
static bool repeated(raw *map, raw *key, struct sops_err *e)
{
    unsigned blocks = 0;
    for (raw *k = map->child; k != NULL; k = k->next->next) {
        bool metadata = sops_slice_eq(k->text, SOPS_LIT("sops")) && k->next->kind == SOPS_YAML_MAP;
        if (metadata && ++blocks == 2) {
            sops_yaml_fail(e, k->line - 1, "duplicate metadata: a second block of metadata begins here");
            return sops_hint(e, SOPS_TWO_FILES_HINT);
        }
    }
    bool merge = sops_slice_eq(key->text, SOPS_LIT("<<"));
    return sops_yaml_fail(e, key->line - 1,
                          merge ? "<< stands twice in its mapping" : "a key that stands twice in its mapping");
}

/* Repeats among a few keys are found pairwise, among many by a table: texts of scalars and names of aliases apart. */
static bool check_keys(raw *map, struct sops_err *e)
{
    raw *few[8];
    size_t count = 0;
    struct sops_table seen[2] = {0};
    bool fine = true;
    for (raw *k = map->child; fine && k != NULL; k = k->next->next) {
        fine = check_merge(k, k->next, e);
        for (size_t i = 0; fine && i < count && i < 8; i++) {
            fine = few[i]->kind != k->kind || !sops_slice_eq(few[i]->text, k->text) || repeated(map, k, e);
        }
        if (fine && count >= 8) {
            bool fresh;
            fine = sops_table_put(&seen[k->kind == SOPS_YAML_ALIAS], k->text, &fresh, e) != NULL &&
                   (fresh || repeated(map, k, e));
        } else if (fine) {
            few[count] = k;
        }
        count++;
    }
    sops_table_free(&seen[0]);
    sops_table_free(&seen[1]);
    return fine;
}

static bool check_map(struct copier *c, raw *map, struct sops_err *e)
{
    if (c->first) {
        return check_keys(map, e);
    }
    for (raw *k = map->child; k != NULL; k = k->next->next) {
        if (!check_merge(k, k->next, e)) {
            return false;
        }
    }
    return true;
}

/* ---- copying ---------------------------------------------------------------------------------------------------- */

/* The key of a pair: its kind (not STR: fails when walked) and text. */
static bool key_of(struct copier *c, raw *key, enum sops_kind *kind, struct sops_slice *text, struct sops_err *e)
{
    raw *k = meant(key);
    if (!visit(c, key, e)) {
        return false;
    }
    if (is_collection(k)) {
        *kind = k->kind == SOPS_YAML_MAP ? SOPS_MAP : SOPS_LIST;
        *text = (struct sops_slice){0};
        return !c->first || sops_yaml_fail(e, key->line - 1, "a key that is a mapping or a list");
    }
    if (!sops_yaml_scalar(k, &c->doc->arena, &c->scratch, kind, text, e)) {
        return false;
    }
    *text = *kind != SOPS_STR ? k->text : *text; /* as written: `true`, `~`, `0x10` */
    return true;
}

/* Notes a number or date that will be written with another text than it has here. */
static bool note_number(struct copier *c, const struct sops_node *made, raw *n, struct sops_err *e)
{
    struct sops_slice written = made->text;
    if ((made->kind != SOPS_INT && made->kind != SOPS_FLOAT && made->kind != SOPS_TIME) ||
        c->doc->noted > SOPS_NOTES_MAX || c->doc->reading.marks) { /* marks: it is kept as it is written */
        return true;
    }
    if (made->kind == SOPS_FLOAT) {
        sops_buf_cut(&c->scratch, 0);
        if (!sops_float_yaml(&c->scratch, made->text, e)) {
            return false;
        }
        written = sops_buf_view(&c->scratch);
    }
    bool is_word = sops_slice_ends(written, SOPS_LIT("inf")) || sops_slice_ends(written, SOPS_LIT("nan"));
    return is_word || sops_slice_eq(written, n->text) ||
           sops_doc_note(c->doc, made, made->line, SOPS_NOT_AS_WRITTEN, e);
}

/* What is to be known of a node by whoever keeps the text: its anchor, that an alias stands there, or where it was
 * copied from. */
static bool mark_node(struct copier *c, struct sops_node *made, raw *n, struct sops_err *e)
{
    if (!c->doc->reading.marks) {
        return true;
    }
    struct sops_mark m = {.line = n->line, .node = made, .span = meant(n)->span};
    bool ok = true;
    if (c->aliases == 0 && n->kind == SOPS_YAML_ALIAS) {
        m.kind = SOPS_MARK_ALIAS;
        m.span = n->span;
        ok = sops_doc_mark(c->doc, m, e);
    } else if (c->aliases == 0 && n->anchor.end != 0) {
        m.kind = SOPS_MARK_ANCHOR;
        m.span = n->anchor;
        ok = sops_doc_mark(c->doc, m, e);
    }
    if (ok && (c->aliases != 0 || n->kind == SOPS_YAML_ALIAS)) {
        m.kind = SOPS_MARK_COPY;
        m.span = meant(n)->span;
        ok = sops_doc_mark(c->doc, m, e);
    }
    return ok;
}

/* Adds the node that `n` stands for to `to`; a collection is pushed, to be filled. */
static bool value(struct copier *c, struct sops_node *to, raw *n, enum sops_kind key_kind, struct sops_slice key,
                  struct frame f, struct sops_err *e)
{
    enum sops_kind kind;
    struct sops_slice text = {0};
    f.from = meant(n);
    f.alias = n->kind == SOPS_YAML_ALIAS;
    f.inside = f.inside || f.alias;
    if (!visit(c, n, e)) {
        return false;
    }
    if (is_collection(f.from)) {
        kind = f.from->kind == SOPS_YAML_MAP ? SOPS_MAP : SOPS_LIST;
    } else if (!sops_yaml_scalar(f.from, &c->doc->arena, &c->scratch, &kind, &text, e)) {
        return false;
    }
    struct sops_node *made = sops_node_add_ref(c->doc, to, kind, key, text, e);
    if (made == NULL) {
        return false;
    }
    made->key_kind = (uint8_t)key_kind;
    made->line = n->line;
    if (!mark_node(c, made, n, e)) {
        return false;
    }
    if (c->aliases == 0) {
        made->span = n->span;
        made->key_span = f.key_span;
    }
    if (!is_collection(f.from)) {
        return note_number(c, made, f.from, e) && comment(c, to, f.foot[0], SOPS_YAML_FOOT, false, e) &&
               comment(c, to, f.foot[1], SOPS_YAML_FOOT, false, e);
    }
    f.to = made;
    return (f.from->kind != SOPS_YAML_MAP || check_map(c, f.from, e)) && push(c, f, e) &&
           (!f.inside ||
            (comment(c, made, f.from, SOPS_YAML_HEAD, false, e) && comment(c, made, f.from, SOPS_YAML_LINE, false, e)));
}

static bool pair(struct copier *c, struct sops_node *to, raw *key, struct sops_err *e)
{
    raw *v = key->next;
    bool apart = !is_collection(v); /* its comments stand beside it, not in it */
    enum sops_kind kind;
    struct sops_slice text;
    if (!comment(c, to, key, SOPS_YAML_HEAD, false, e) || !comment(c, to, key, SOPS_YAML_LINE, false, e) ||
        (apart && (!comment(c, to, v, SOPS_YAML_HEAD, false, e) || !comment(c, to, v, SOPS_YAML_LINE, true, e)))) {
        return false;
    }
    struct frame f = {.foot = {apart ? v : NULL, key}, .key_span = key->span, .inside = true};
    return key_of(c, key, &kind, &text, e) && value(c, to, v, kind, text, f, e);
}

static bool item(struct copier *c, struct sops_node *to, raw *n, struct sops_err *e)
{
    return comment(c, to, n, SOPS_YAML_HEAD, false, e) && comment(c, to, n, SOPS_YAML_LINE, true, e) &&
           value(c, to, n, SOPS_STR, (struct sops_slice){0}, (struct frame){.foot = {n}}, e);
}

static bool holds(struct sops_slice piece, raw *n)
{
    return piece.len != 0 && (const uint8_t *)n >= piece.ptr && (const uint8_t *)n < piece.ptr + piece.len;
}

/* Does a frame still refer to a node in this piece of memory? */
static bool is_needed(void *arg, struct sops_slice piece)
{
    const struct copier *c = arg;
    for (size_t i = 0; i < c->depth; i++) {
        const struct frame *f = &c->frames[i];
        if (holds(piece, f->from) || holds(piece, f->next) || holds(piece, f->foot[0]) || holds(piece, f->foot[1])) {
            return true;
        }
    }
    return false;
}

/* Frees the raw nodes before `n` as soon as a piece of memory is done with, so that a large text is not held three
 * times over. */
static void drop_before(struct copier *c, raw *n)
{
    if (c->nodes != NULL && !holds(c->piece, n)) {
        c->piece = sops_arena_drop(c->nodes, n, is_needed, c);
    }
}

/* The next member of the collection at hand, or its end. */
static bool step(struct copier *c, struct sops_err *e)
{
    struct frame *f = &c->frames[c->depth - 1];
    raw *n = f->next;
    if (n != NULL) {
        bool map = f->from->kind == SOPS_YAML_MAP;
        drop_before(c, n);
        f->next = map ? n->next->next : n->next;
        return map ? pair(c, f->to, n, e) : item(c, f->to, n, e);
    }
    struct frame done = *f;
    c->depth--;
    struct sops_node *around = done.to->up;
    bool fine = !done.inside || comment(c, done.to, done.from, SOPS_YAML_FOOT, false, e);
    c->aliases -= done.alias;
    return fine && comment(c, around, done.foot[0], SOPS_YAML_FOOT, false, e) &&
           comment(c, around, done.foot[1], SOPS_YAML_FOOT, false, e);
}

/* A document without a mapping: its comments stay. */
static bool null_document(struct copier *c, raw *root, struct sops_node *to, struct sops_err *e)
{
    enum sops_kind kind;
    struct sops_slice text;
    kind = SOPS_LIST;
    if (!is_collection(root) && !sops_yaml_scalar(root, &c->doc->arena, &c->scratch, &kind, &text, e)) {
        return false;
    }
    if (kind != SOPS_NULL) {
        c->doc->odd_top = true;
        return sops_yaml_fail(e, root->line - 1, "a document that is no mapping");
    }
    return comment(c, to, root, SOPS_YAML_HEAD, false, e) && comment(c, to, root, SOPS_YAML_LINE, false, e);
}

static bool fill(struct copier *c, const struct sops_yaml_document *from, struct sops_node *to, struct sops_err *e)
{
    struct sops_yaml_texts texts = from->texts;
    struct sops_yaml_raw whole = {.line = 1, .comments = &texts};
    raw *root = meant(from->root), *alias = root != from->root ? from->root : NULL;
    if (!comment(c, to, &whole, SOPS_YAML_HEAD, false, e) || !comment(c, to, alias, SOPS_YAML_HEAD, false, e) ||
        !comment(c, to, alias, SOPS_YAML_LINE, false, e)) {
        return false;
    }
    if (root->kind != SOPS_YAML_MAP) {
        if (!null_document(c, root, to, e)) {
            return false;
        }
    } else if (!visit(c, root, e) || !check_map(c, root, e) ||
               !push(c, (struct frame){.from = root, .to = to, .inside = true, .alias = alias != NULL}, e) ||
               !comment(c, to, root, SOPS_YAML_HEAD, false, e) || !comment(c, to, root, SOPS_YAML_LINE, false, e)) {
        return false;
    }
    while (c->depth != 0) {
        if (!step(c, e)) {
            return false;
        }
    }
    return comment(c, to, alias, SOPS_YAML_FOOT, false, e) && comment(c, to, &whole, SOPS_YAML_FOOT, false, e);
}

bool sops_yaml_entries(struct sops_doc *d, const struct sops_yaml_document *from, struct sops_err *e)
{
    struct sops_slice none = {0};
    struct sops_node *part = sops_node_add_ref(d, NULL, SOPS_MAP, none, none, e);
    if (part == NULL) {
        return false;
    }
    part->line = from->root->line;
    part->span = from->root->span;
    const struct sops_mark anchor = {
        .kind = SOPS_MARK_ANCHOR, .line = part->line, .span = from->root->anchor, .node = part};
    if (anchor.span.end != 0 && !sops_doc_mark(d, anchor, e)) {
        return false;
    }
    struct copier c = {.doc = d, .nodes = from->nodes, .first = from->first};
    bool fine = fill(&c, from, part, e);
    sops_free(c.frames);
    sops_buf_free(&c.scratch);
    return fine;
}
