/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar over the tokens, without recursion: a stack of open collections, each with the state it is in. Which
 * token is looked at when decides where comments go (docs/spec/21-yaml.md#handing-out), so every look here is
 * deliberate.
 */
#include "base/table.h"
#include "formats/yaml_comments.h"
#include "formats/yaml_scalar.h"

enum state {
    BLOCK_KEY,
    BLOCK_VALUE,
    BLOCK_ITEM, /* of a list that opens a level */
    SAME_ITEM,  /* of a list in the column of its parent key */
    FLOW_ITEM,
    FLOW_KEY,
    FLOW_VALUE,
    FLOW_MISSING, /* {a, b}: the value of a key without a ':' */
    PAIR_KEY,     /* [a: 1]: a map of one pair, without brackets */
    PAIR_VALUE,
    PAIR_END,
};

struct frame {
    enum state state;
    bool started; /* a flow collection that has a member */
    struct sops_yaml_raw *node, *last;
    struct sops_yaml_raw *key, *key_before, *value; /* of the pair at hand, once known */
};

struct reader {
    struct sops_yaml_source source;
    struct sops_doc *doc;
    struct frame *frames;
    size_t depth, cap;
    struct sops_arena nodes; /* the raw nodes, in the order of the text */
    struct sops_table anchors;
    struct sops_table handles; /* of %TAG: struct sops_slice * */
    struct sops_yaml_raw *root;
    struct sops_yaml_lines stem; /* HEAD for the block collection that begins after this dash */
};

/* What stands before a node. */
struct properties {
    struct sops_slice anchor;
    struct sops_span anchor_span;
    uint32_t tag_begin;
    uint8_t tag;
    bool anchored, tagged;
};

typedef const struct sops_yaml_token token;

static bool has_foot(const struct sops_yaml_raw *n)
{
    return n->comments != NULL && n->comments->kind[SOPS_YAML_FOOT].count != 0;
}

static bool set_comment(struct reader *r, struct sops_yaml_raw *n, enum sops_yaml_comment kind,
                        struct sops_yaml_lines text, struct sops_err *e)
{
    if (n->comments == NULL) {
        if (text.count == 0) {
            return true;
        }
        n->comments = sops_arena_alloc(&r->source.scratch, sizeof *n->comments, e);
        if (n->comments == NULL) {
            return false;
        }
    }
    n->comments->kind[kind] = text;
    return true;
}

/* Moves the FOOT of `from`, which has one, to `to`. */
static bool move_foot(struct reader *r, struct sops_yaml_raw *from, struct sops_yaml_raw *to, struct sops_err *e)
{
    struct sops_yaml_lines *foot = &from->comments->kind[SOPS_YAML_FOOT];
    bool fine = set_comment(r, to, SOPS_YAML_FOOT, *foot, e);
    *foot = (struct sops_yaml_lines){0};
    return fine;
}

/* A node that begins with `t`, linked as the next member of the open collection; in a map key and value take turns. */
static struct sops_yaml_raw *add(struct reader *r, enum sops_yaml_raw_kind kind, token *t, struct sops_err *e)
{
    struct sops_yaml_raw *n = sops_arena_alloc(&r->nodes, sizeof *n, e);
    if (n == NULL) {
        return NULL;
    }
    n->kind = (uint8_t)kind;
    n->line = t->line + 1;
    n->span = t->span;
    if (r->depth == 0) {
        r->root = n;
        return n;
    }
    struct frame *f = &r->frames[r->depth - 1];
    *(f->last != NULL ? &f->last->next : &f->node->child) = n;
    f->last = n;
    if (f->key != NULL && f->value == NULL) {
        f->value = n;
    } else if (f->node->kind == SOPS_YAML_MAP) {
        f->key_before = f->key;
        f->key = n;
        f->value = NULL;
    }
    return n;
}

static struct sops_yaml_raw *open_frame(struct reader *r, enum sops_yaml_raw_kind kind, enum state state, token *t,
                                        struct sops_err *e)
{
    struct sops_yaml_raw *n = add(r, kind, t, e);
    if (n == NULL) {
        return NULL;
    }
    struct frame *frames = sops_yaml_grow(r->frames, r->depth, &r->cap, sizeof *frames, e);
    if (frames == NULL) {
        return NULL;
    }
    r->frames = frames;
    frames[r->depth++] = (struct frame){.state = state, .node = n};
    n->open = true;
    return n;
}

/* The last token of the collection at hand has been passed over. */
static void close_frame(struct reader *r)
{
    struct sops_yaml_raw *n = r->frames[--r->depth].node;
    n->open = false;
    n->span.end = r->source.passed_end;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

static bool resolve_tag(struct reader *r, token *t, uint8_t *tag, struct sops_err *e)
{
    struct sops_slice prefix = t->handle;
    const struct sops_slice *declared = sops_table_get(&r->handles, t->handle);
    if (declared != NULL) {
        prefix = *declared;
    } else if (sops_slice_eq(t->handle, SOPS_LIT("!!"))) {
        prefix = SOPS_LIT("tag:yaml.org,2002:");
    } else if (t->handle.len > 1) {
        return sops_yaml_fail(e, t->line, "a tag handle that no %TAG line defines");
    }
    *tag = (uint8_t)sops_yaml_tag_class(prefix, t->text);
    return true;
}

/* An anchor and a tag, each at most once, in either order. Returns the token behind them. */
static token *properties(struct reader *r, struct properties *p, struct sops_err *e)
{
    token *t = sops_yaml_look(&r->source, e);
    while (t != NULL && ((t->type == YAML_ANCHOR_TOKEN && !p->anchored) || (t->type == YAML_TAG_TOKEN && !p->tagged))) {
        if (t->type == YAML_ANCHOR_TOKEN) {
            p->anchored = true;
            p->anchor = t->text;
            p->anchor_span = t->span;
        } else {
            p->tagged = true;
            p->tag_begin = t->span.begin;
            if (!resolve_tag(r, t, &p->tag, e)) {
                return NULL;
            }
        }
        sops_yaml_pass(&r->source);
        t = sops_yaml_look(&r->source, e);
    }
    return t;
}

static bool alias(struct reader *r, token *t, struct sops_err *e)
{
    struct sops_yaml_raw *target = sops_table_get(&r->anchors, t->text);
    if (target == NULL) {
        sops_yaml_fail(e, t->line, "an alias to an anchor that is not known");
        return sops_hint(e, "a value that begins with * is an alias; put it in quotes if it is a text");
    }
    if (target->open) {
        return sops_yaml_fail(e, t->line, "a value that contains itself, through an alias");
    }
    struct sops_yaml_raw *n = add(r, SOPS_YAML_ALIAS, t, e);
    if (n == NULL) {
        return false;
    }
    n->text = t->text;
    n->child = target;
    sops_yaml_pass(&r->source);
    return sops_yaml_take(&r->source, &n->comments, e);
}

/* What is missing is a plain scalar without text, behind the last token; it takes no comments. */
static struct sops_yaml_raw *missing(struct reader *r, struct sops_err *e)
{
    uint32_t end = r->source.passed_end;
    const struct sops_yaml_token nothing = {.span = {end, end}, .line = r->source.passed_line};
    struct sops_yaml_raw *n = add(r, SOPS_YAML_SCALAR, &nothing, e);
    if (n != NULL) {
        n->plain = true;
    }
    return n;
}

/* The node that begins with `t`, opened when it is a collection. Passes over the tokens that begin it. */
static struct sops_yaml_raw *content(struct reader *r, token *t, bool block, bool same, bool any, struct sops_err *e)
{
    struct sops_yaml_raw *n = NULL;
    bool map = t->type == YAML_BLOCK_MAPPING_START_TOKEN;
    if (same && t->type == YAML_BLOCK_ENTRY_TOKEN) {
        return open_frame(r, SOPS_YAML_LIST, SAME_ITEM, t, e);
    }
    if (t->type == YAML_SCALAR_TOKEN) {
        n = add(r, SOPS_YAML_SCALAR, t, e);
        if (n != NULL) {
            n->text = t->text;
            n->plain = t->plain;
        }
    } else if (t->type == YAML_FLOW_SEQUENCE_START_TOKEN) {
        n = open_frame(r, SOPS_YAML_LIST, FLOW_ITEM, t, e);
    } else if (t->type == YAML_FLOW_MAPPING_START_TOKEN) {
        n = open_frame(r, SOPS_YAML_MAP, FLOW_KEY, t, e);
    } else if (block && (map || t->type == YAML_BLOCK_SEQUENCE_START_TOKEN)) {
        n = open_frame(r, map ? SOPS_YAML_MAP : SOPS_YAML_LIST, map ? BLOCK_KEY : BLOCK_ITEM, t, e);
        sops_yaml_pass(&r->source);
        return n != NULL && set_comment(r, n, SOPS_YAML_HEAD, r->stem, e) ? n : NULL;
    } else if (any) {
        return missing(r, e);
    } else {
        sops_yaml_fail(e, t->line, "a value was expected here");
        return NULL;
    }
    sops_yaml_pass(&r->source);
    return n != NULL && sops_yaml_take(&r->source, &n->comments, e) ? n : NULL;
}

/* Reads a node, of a collection its beginning; `block`: a block collection may stand here, `same`: a list, too. */
static bool node(struct reader *r, bool block, bool same, struct sops_err *e)
{
    struct properties p = {0};
    token *t = sops_yaml_look(&r->source, e);
    if (t != NULL && t->type == YAML_ALIAS_TOKEN) {
        return alias(r, t, e);
    }
    t = properties(r, &p, e);
    struct sops_yaml_raw *n = t != NULL ? content(r, t, block, same, p.anchored || p.tagged, e) : NULL;
    r->stem = (struct sops_yaml_lines){0};
    if (n == NULL) {
        return false;
    }
    n->tag = p.tag;
    n->anchor = p.anchor_span;
    n->span.begin = p.tagged ? p.tag_begin : n->span.begin;
    void **slot = p.anchored ? sops_table_put(&r->anchors, p.anchor, NULL, e) : NULL;
    if (slot != NULL) {
        *slot = n;
    }
    return slot != NULL || !p.anchored;
}

/* Tokens that show that a node is missing, by bits. */
#define BIT(type) (UINT32_C(1) << YAML_##type##_TOKEN)
#define NO_PAIR_PART (BIT(KEY) | BIT(VALUE) | BIT(BLOCK_END))
#define NO_ITEM (BIT(BLOCK_ENTRY) | BIT(BLOCK_END))
#define NO_FLOW_KEY (BIT(VALUE) | BIT(FLOW_ENTRY) | BIT(FLOW_MAPPING_END))
#define NO_FLOW_VALUE (BIT(FLOW_ENTRY) | BIT(FLOW_MAPPING_END))
#define NO_PAIR_VALUE (BIT(FLOW_ENTRY) | BIT(FLOW_SEQUENCE_END))
#define NO_ROOT                                                                                                        \
    (BIT(VERSION_DIRECTIVE) | BIT(TAG_DIRECTIVE) | BIT(DOCUMENT_START) | BIT(DOCUMENT_END) | BIT(STREAM_END))

static bool is_one(token *t, uint32_t bits) { return (bits >> t->type & 1) != 0; }

static bool node_unless(struct reader *r, uint32_t none, bool block, bool same, struct sops_err *e)
{
    token *t = sops_yaml_look(&r->source, e);
    if (t == NULL) {
        return false;
    }
    return is_one(t, none) ? missing(r, e) != NULL : node(r, block, same, e);
}

/* ---- the states of collections ---------------------------------------------------------------------------------- */

static struct frame *top(struct reader *r) { return &r->frames[r->depth - 1]; }

/* When a pair is complete, the FOOT of its value goes to its key. */
static bool settle(struct reader *r, const struct frame *f, struct sops_err *e)
{
    return f->value == NULL || has_foot(f->key) || !has_foot(f->value) || move_foot(r, f->value, f->key, e);
}

static bool block_key(struct reader *r, token *t, struct sops_err *e)
{
    struct frame *f = top(r);
    if (!settle(r, f, e)) {
        return false;
    }
    if (t->type == YAML_KEY_TOKEN) {
        f->state = BLOCK_VALUE;
        sops_yaml_pass(&r->source);
        return node_unless(r, NO_PAIR_PART, true, true, e);
    }
    if (t->type != YAML_BLOCK_END_TOKEN) {
        return sops_yaml_fail(e, t->line, "a key was expected here");
    }
    sops_yaml_pass(&r->source);
    close_frame(r);
    struct sops_yaml_texts end = {0}, *to = &end;
    return sops_yaml_take(&r->source, &to, e) && set_comment(r, f->node, SOPS_YAML_LINE, end.kind[SOPS_YAML_LINE], e) &&
           (end.kind[SOPS_YAML_FOOT].count == 0 || f->key == NULL ||
            set_comment(r, f->key, SOPS_YAML_FOOT, end.kind[SOPS_YAML_FOOT], e));
}

static bool block_value(struct reader *r, token *t, struct sops_err *e)
{
    struct frame *f = top(r);
    if (has_foot(f->key) && f->key_before != NULL && !move_foot(r, f->key, f->key_before, e)) {
        return false;
    }
    f->state = BLOCK_KEY;
    if (t->type != YAML_VALUE_TOKEN) {
        return missing(r, e) != NULL;
    }
    sops_yaml_pass(&r->source);
    return node_unless(r, NO_PAIR_PART, true, true, e);
}

static bool block_item(struct reader *r, token *t, struct sops_err *e)
{
    bool same = top(r)->state == SAME_ITEM;
    if (t->type == YAML_BLOCK_ENTRY_TOKEN) {
        size_t before = r->source.pending[SOPS_YAML_HEAD].count;
        sops_yaml_pass(&r->source);
        token *next = sops_yaml_look(&r->source, e);
        if (next == NULL) {
            return false;
        }
        if (before != 0 &&
            (next->type == YAML_BLOCK_MAPPING_START_TOKEN || next->type == YAML_BLOCK_SEQUENCE_START_TOKEN) &&
            !sops_yaml_split_head(&r->source, before, 0, &r->stem, e)) {
            return false;
        }
        return node_unless(r, same ? NO_PAIR_PART | NO_ITEM : NO_ITEM, true, false, e);
    }
    if (!same) {
        if (t->type != YAML_BLOCK_END_TOKEN) {
            return sops_yaml_fail(e, t->line, "a list item (-) was expected here");
        }
        sops_yaml_pass(&r->source);
    }
    close_frame(r);
    return true;
}

/* The `,` between the members of a flow collection. Returns the token behind it. */
static token *comma(struct reader *r, struct frame *f, token *t, yaml_token_type_t end, struct sops_err *e)
{
    if (t->type != end && f->started) {
        if (t->type != YAML_FLOW_ENTRY_TOKEN) {
            sops_yaml_fail(e, t->line, "a , or the closing bracket was expected here");
            return NULL;
        }
        sops_yaml_pass(&r->source);
        t = sops_yaml_look(&r->source, e);
    }
    f->started = true;
    return t;
}

/* The closing bracket: its LINE and FOOT replace those of the opening one, its HEAD is lost. */
static bool flow_end(struct reader *r, struct sops_err *e)
{
    struct sops_yaml_raw *n = top(r)->node;
    struct sops_yaml_texts end = {0}, *to = &end;
    sops_yaml_pass(&r->source);
    close_frame(r);
    return sops_yaml_take(&r->source, &to, e) && set_comment(r, n, SOPS_YAML_LINE, end.kind[SOPS_YAML_LINE], e) &&
           set_comment(r, n, SOPS_YAML_FOOT, end.kind[SOPS_YAML_FOOT], e);
}

static bool flow_item(struct reader *r, token *t, struct sops_err *e)
{
    t = comma(r, top(r), t, YAML_FLOW_SEQUENCE_END_TOKEN, e);
    if (t == NULL) {
        return false;
    }
    if (t->type == YAML_FLOW_SEQUENCE_END_TOKEN) {
        return flow_end(r, e);
    }
    if (t->type == YAML_KEY_TOKEN) {
        bool made = open_frame(r, SOPS_YAML_MAP, PAIR_KEY, t, e) != NULL;
        sops_yaml_pass(&r->source);
        return made;
    }
    return node(r, false, false, e);
}

static bool flow_key(struct reader *r, token *t, struct sops_err *e)
{
    struct frame *f = top(r);
    t = settle(r, f, e) ? comma(r, f, t, YAML_FLOW_MAPPING_END_TOKEN, e) : NULL;
    if (t == NULL) {
        return false;
    }
    if (t->type == YAML_FLOW_MAPPING_END_TOKEN) {
        return flow_end(r, e);
    }
    if (t->type == YAML_KEY_TOKEN) {
        f->state = FLOW_VALUE;
        sops_yaml_pass(&r->source);
        return node_unless(r, NO_FLOW_KEY, false, false, e);
    }
    f->state = FLOW_MISSING;
    return node(r, false, false, e);
}

/* The value of a pair within brackets or braces. */
static bool flow_value(struct reader *r, token *t, enum state next, uint32_t none, struct sops_err *e)
{
    top(r)->state = next;
    if (t->type != YAML_VALUE_TOKEN) {
        return missing(r, e) != NULL;
    }
    sops_yaml_pass(&r->source);
    return node_unless(r, none, false, false, e);
}

/* One step of the innermost open collection. */
static bool step(struct reader *r, struct sops_err *e)
{
    token *t = sops_yaml_look(&r->source, e);
    if (t == NULL) {
        return false;
    }
    struct frame *f = top(r);
    switch (f->state) {
    case BLOCK_KEY:
        return block_key(r, t, e);
    case BLOCK_VALUE:
        return block_value(r, t, e);
    case FLOW_ITEM:
        return flow_item(r, t, e);
    case FLOW_KEY:
        return flow_key(r, t, e);
    case FLOW_VALUE:
        return flow_value(r, t, FLOW_KEY, NO_FLOW_VALUE, e);
    case FLOW_MISSING:
        f->state = FLOW_KEY;
        return missing(r, e) != NULL;
    case PAIR_KEY:
        f->state = PAIR_VALUE;
        if (is_one(t, BIT(VALUE) | NO_PAIR_VALUE)) {
            /* The reference passes over the `:` here, and so refuses what follows it. */
            sops_yaml_pass(&r->source);
            return missing(r, e) != NULL;
        }
        return node(r, false, false, e);
    case PAIR_VALUE:
        return flow_value(r, t, PAIR_END, NO_PAIR_VALUE, e);
    case PAIR_END: {
        bool fine = settle(r, f, e);
        close_frame(r);
        return fine;
    }
    case BLOCK_ITEM:
    case SAME_ITEM:
    default:
        return block_item(r, t, e);
    }
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

static bool directive(struct reader *r, token *t, bool *version, struct sops_err *e)
{
    if (t->type == YAML_VERSION_DIRECTIVE_TOKEN) {
        if (*version || t->major != 1 || t->minor != 1) {
            return sops_yaml_fail(e, t->line, *version ? "a second %YAML line" : "a %YAML version other than 1.1");
        }
        *version = true;
    } else {
        bool fresh;
        struct sops_slice *prefix = sops_arena_alloc(&r->source.scratch, sizeof *prefix, e);
        void **slot = prefix != NULL ? sops_table_put(&r->handles, t->handle, &fresh, e) : NULL;
        if (slot == NULL) {
            return false;
        }
        if (!fresh) {
            return sops_yaml_fail(e, t->line, "a second %TAG line for the same handle");
        }
        *prefix = t->text;
        *slot = prefix;
    }
    sops_yaml_pass(&r->source);
    return true;
}

/* The first document without `---`: what stands above an empty line belongs to the document. */
static bool document_head(struct reader *r, struct sops_yaml_document *d, struct sops_err *e)
{
    const struct sops_yaml_run *head = &r->source.pending[SOPS_YAML_HEAD];
    size_t i = head->count;
    while (i > 0 && head->at[i - 1].text.len != 0) {
        i--;
    }
    return i == 0 || sops_yaml_split_head(&r->source, i - 1, 1, &d->texts.kind[SOPS_YAML_HEAD], e);
}

/* Directives and `---`. */
static bool document_start(struct reader *r, token *t, struct sops_err *e)
{
    bool version = false;
    while (t != NULL && is_one(t, BIT(VERSION_DIRECTIVE) | BIT(TAG_DIRECTIVE))) {
        if (!directive(r, t, &version, e)) {
            return false;
        }
        t = sops_yaml_look(&r->source, e);
    }
    if (t == NULL) {
        return false;
    }
    if (t->type != YAML_DOCUMENT_START_TOKEN) {
        return sops_yaml_fail(e, t->line, "the start of a document (---) was expected here");
    }
    sops_yaml_pass(&r->source);
    return true;
}

/* The next token is looked at before the comments are taken; a `...` is passed over. */
static bool document_end(struct reader *r, struct sops_yaml_document *d, struct sops_err *e)
{
    token *t = sops_yaml_look(&r->source, e);
    struct sops_yaml_texts end = {0}, *to = &end;
    if (t == NULL) {
        return false;
    }
    if (t->type == YAML_DOCUMENT_END_TOKEN) {
        sops_yaml_pass(&r->source);
    }
    if (!sops_yaml_take(&r->source, &to, e)) {
        return false;
    }
    d->texts.kind[SOPS_YAML_FOOT] = end.kind[end.kind[SOPS_YAML_FOOT].count != 0 ? SOPS_YAML_FOOT : SOPS_YAML_HEAD];
    sops_table_free(&r->handles);
    return true;
}

/* One document that begins with the token `t`. */
static bool document(struct reader *r, token *t, bool first, struct sops_err *e)
{
    struct sops_yaml_document d = {.first = first};
    bool implicit = first && !is_one(t, BIT(VERSION_DIRECTIVE) | BIT(TAG_DIRECTIVE) | BIT(DOCUMENT_START));
    if (implicit ? !document_head(r, &d, e) || !node(r, true, false, e)
                 : !document_start(r, t, e) || !node_unless(r, NO_ROOT, true, false, e)) {
        return false;
    }
    while (r->depth != 0) {
        if (!step(r, e)) {
            return false;
        }
    }
    d.root = r->root;
    d.nodes = r->anchors.count == 0 ? &r->nodes : NULL; /* also a later document may have an alias */
    return document_end(r, &d, e) && sops_yaml_entries(r->doc, &d, e);
}

static bool read_all(struct reader *r, struct sops_err *e)
{
    token *t = sops_yaml_look(&r->source, e);
    if (t == NULL) {
        return false;
    }
    sops_yaml_pass(&r->source);
    for (bool first = true;; first = false) {
        t = sops_yaml_look(&r->source, e);
        while (t != NULL && !first && t->type == YAML_DOCUMENT_END_TOKEN) {
            sops_yaml_pass(&r->source);
            t = sops_yaml_look(&r->source, e);
        }
        if (t == NULL) {
            return false;
        }
        if (t->type == YAML_STREAM_END_TOKEN) {
            r->doc->no_document = first;
            return !first || sops_yaml_fail(e, t->line, "there is no document in the file");
        }
        if (!document(r, t, first, e)) {
            return false;
        }
    }
}

bool sops_yaml_read(struct sops_doc *d, struct sops_slice in, uint32_t origin, struct sops_err *e)
{
    struct reader r = {.doc = d};
    bool fine = sops_yaml_open(&r.source, in, origin, d, e) && read_all(&r, e);
    sops_yaml_close(&r.source);
    sops_arena_free(&r.nodes);
    sops_free(r.frames);
    sops_table_free(&r.anchors);
    sops_table_free(&r.handles);
    return fine;
}
