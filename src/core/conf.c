/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libyaml's events to a tree, without recursion. Aliases are copied at once, with a limit for all copies together,
 * so that nobody who reads the tree meets one; what is wrong below a key that nobody looks up does no harm
 * (SOPS_FAULTY).
 */
#include "core/conf.h"

#include "base/encode.h"
#include "base/table.h"

#include <yaml.h>

#define MAX_COPIES 200000 /* nodes that aliases may make: more is a bomb */

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};

struct reader {
    struct sops_doc *doc;
    yaml_parser_t parser;
    struct sops_table anchors;
    struct sops_node *at; /* the open map or list */
    struct sops_slice key;
    unsigned key_line;
    bool have_key, key_merges;
    size_t copies;
};

static bool tag_is(const yaml_char_t *tag, const char *name)
{
    return tag != NULL && strncmp((const char *)tag, "tag:yaml.org,2002:", 18) == 0 &&
           strcmp((const char *)tag + 18, name) == 0;
}

static unsigned line_of(const yaml_event_t *event) { return (unsigned)event->start_mark.line + 1; }

/* A new node at the place that the reader has come to. */
static struct sops_node *add(struct reader *r, enum sops_kind kind, struct sops_slice text, unsigned line,
                             struct sops_err *e)
{
    struct sops_node *n = sops_node_add(r->doc, r->at, kind, r->key, text, e);
    if (n != NULL) {
        n->line = r->have_key ? r->key_line : line;
        n->key_kind = r->key_merges ? SOPS_NULL : SOPS_STR;
    }
    r->have_key = r->key_merges = false;
    r->key = SOPS_LIT("");
    return n;
}

static bool set_anchor(struct reader *r, const yaml_char_t *name, struct sops_node *n, struct sops_err *e)
{
    struct sops_slice copy;
    if (name == NULL) {
        return true;
    }
    if (!sops_arena_copy(&r->doc->arena, sops_str((const char *)name), &copy, e)) {
        return false;
    }
    void **place = sops_table_put(&r->anchors, copy, NULL, e);
    if (place != NULL) {
        n->flags |= SOPS_ANCHORED;
        *place = n;
    }
    return place != NULL;
}

/* The text of a scalar as the tree holds it: `!!binary` is decoded. */
static bool scalar_text(struct reader *r, const yaml_event_t *event, struct sops_slice *out, struct sops_err *e)
{
    struct sops_slice text = sops_slice_of(event->data.scalar.value, event->data.scalar.length);
    if (!tag_is(event->data.scalar.tag, "binary")) {
        return sops_arena_copy(&r->doc->arena, text, out, e);
    }
    struct sops_buf bytes = {0};
    bool ok = sops_base64_take(&bytes, SOPS_B64_STD, text, e) &&
              sops_arena_copy(&r->doc->arena, sops_buf_view(&bytes), out, e);
    sops_buf_free(&bytes);
    return ok;
}

static bool on_scalar(struct reader *r, const yaml_event_t *event, struct sops_err *e)
{
    const yaml_char_t *tag = event->data.scalar.tag;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct sops_slice text;
    if (!scalar_text(r, event, &text, e)) {
        return false;
    }
    if (r->at != NULL && r->at->kind == SOPS_MAP && !r->have_key) {
        r->key = text;
        r->have_key = true;
        r->key_line = line_of(event);
        r->key_merges = sops_slice_eq(text, SOPS_LIT("<<")) && ((plain && tag == NULL) || tag_is(tag, "merge"));
        struct sops_node *n = sops_arena_alloc(&r->doc->arena, sizeof *n, e); /* what an alias may mean as a key */
        if (n == NULL) {
            return false;
        }
        *n = (struct sops_node){.kind = SOPS_STR, .key_kind = SOPS_STR, .text = text, .line = line_of(event)};
        return set_anchor(r, event->data.scalar.anchor, n, e);
    }
    bool null = (plain && tag == NULL && sops_slice_is_any(text, nulls)) || tag_is(tag, "null");
    struct sops_node *n = add(r, null ? SOPS_NULL : SOPS_STR, text, line_of(event), e);
    if (n == NULL) {
        return false;
    }
    bool typed = tag_is(tag, "int") || tag_is(tag, "bool") || tag_is(tag, "float");
    n->flags |= !typed && (!plain || tag != NULL) ? SOPS_QUOTED : 0;
    return set_anchor(r, event->data.scalar.anchor, n, e);
}

static bool on_start(struct reader *r, enum sops_kind kind, const yaml_char_t *anchor, const yaml_event_t *event,
                     struct sops_err *e)
{
    if (r->at != NULL && r->at->kind == SOPS_MAP && !r->have_key) {
        return sops_fail_at(e, line_of(event), 0, "a key must be a text");
    }
    if (r->at == NULL && kind != SOPS_MAP) {
        return sops_fail_at(e, line_of(event), 0, "the top level must be a mapping");
    }
    r->at = add(r, kind, SOPS_LIT(""), line_of(event), e);
    return r->at != NULL && set_anchor(r, anchor, r->at, e);
}

static bool on_alias(struct reader *r, const yaml_event_t *event, struct sops_err *e)
{
    struct sops_slice name = sops_str((const char *)event->data.alias.anchor);
    struct sops_node *target = sops_table_get(&r->anchors, name);
    unsigned line = line_of(event);
    if (target == NULL) {
        sops_fail_at(e, line, 0, "an alias to an anchor that is not known");
        return sops_hint(e, "a value that begins with * is an alias; put it in quotes if it is a text");
    }
    if (r->at != NULL && r->at->kind == SOPS_MAP && !r->have_key) {
        r->key = target->text;
        r->have_key = true;
        r->key_line = line;
        return sops_node_is_leaf(target) || sops_fail_at(e, line, 0, "a key must be a text");
    }
    for (const struct sops_node *open = r->at; open != NULL; open = open->up) {
        if (open == target) {
            return add(r, SOPS_ODD, SOPS_LIT("an alias of what it stands in"), line, e) != NULL;
        }
    }
    for (struct sops_node *n = target; n != NULL; n = sops_node_after(target, n)) {
        if (++r->copies > MAX_COPIES) {
            return sops_fail_at(e, line, 0, "too many aliases");
        }
    }
    struct sops_node *copy = sops_node_copy(r->doc, target, e);
    if (copy == NULL) {
        return false;
    }
    copy->key = r->key;
    copy->line = r->have_key ? r->key_line : copy->line;
    copy->flags &= (uint16_t)~SOPS_ANCHORED;
    copy->key_kind = r->key_merges ? SOPS_NULL : SOPS_STR;
    r->have_key = r->key_merges = false;
    r->key = SOPS_LIT("");
    sops_node_link(r->at, r->at->last, copy);
    return true;
}

/* `what` is a literal. */
static void set_fault(struct sops_node *map, unsigned line, const char *what)
{
    if ((map->flags & SOPS_FAULTY) == 0) {
        map->flags |= SOPS_FAULTY;
        map->line = line;
        map->text = sops_str(what);
    }
}

/* Moves the entries of `from` whose keys `map` does not have yet to `map`. */
static bool merge_map(struct sops_table *keys, struct sops_node *map, struct sops_node *from, struct sops_err *e)
{
    if (from->kind != SOPS_MAP || (from->flags & SOPS_FAULTY) != 0) {
        set_fault(map, from->line, "'<<' wants a mapping, or a list of mappings");
        return true;
    }
    struct sops_node *n = from->child;
    from->child = from->last = NULL;
    while (n != NULL) {
        struct sops_node *next = n->next;
        bool is_new;
        if (sops_table_put(keys, n->key, &is_new, e) == NULL) {
            return false;
        }
        if (is_new) {
            sops_node_link(map, map->last, n);
        }
        n = next;
    }
    return true;
}

/* Looks for keys that stand twice, and does what `<<` asks for. */
static bool finish_map(struct reader *r, struct sops_node *map, struct sops_err *e)
{
    struct sops_table keys = {0};
    struct sops_node *merge = NULL;
    bool ok = true;
    for (struct sops_node *n = map->child, *next; ok && n != NULL; n = next) {
        bool is_new;
        next = n->next;
        void **first = sops_table_put(&keys, n->key, &is_new, e);
        ok = first != NULL;
        if (ok && !is_new) {
            set_fault(map, n->line, "a key stands twice in its mapping");
        }
        merge = n->key_kind == SOPS_NULL ? n : merge;
    }
    if (ok && merge != NULL) {
        sops_node_unlink(r->doc, merge);
        struct sops_node *n = merge->kind == SOPS_LIST ? merge->child : merge;
        while (ok && n != NULL) {
            struct sops_node *next = n != merge ? n->next : NULL;
            ok = merge_map(&keys, map, n, e);
            n = next;
        }
    }
    sops_table_free(&keys);
    return ok;
}

static bool on_document(const yaml_event_t *event, struct sops_err *e)
{
    const yaml_version_directive_t *v = event->data.document_start.version_directive;
    return v == NULL || (v->major == 1 && v->minor == 1) || sops_fail_at(e, line_of(event), 0, "only YAML 1.1 is read");
}

/* `*done`: the first document is complete. */
static bool on_event(struct reader *r, const yaml_event_t *event, bool *done, struct sops_err *e)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(event, e);
    case YAML_SCALAR_EVENT:
        if (r->at == NULL) {
            struct sops_slice text = sops_slice_of(event->data.scalar.value, event->data.scalar.length);
            bool null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && sops_slice_is_any(text, nulls);
            return null || sops_fail_at(e, line_of(event), 0, "the top level must be a mapping");
        }
        return on_scalar(r, event, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(r, SOPS_LIST, event->data.sequence_start.anchor, event, e);
    case YAML_MAPPING_START_EVENT:
        return on_start(r, SOPS_MAP, event->data.mapping_start.anchor, event, e);
    case YAML_ALIAS_EVENT:
        return on_alias(r, event, e);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: {
        struct sops_node *closed = r->at;
        r->at = closed->up;
        return closed->kind != SOPS_MAP || finish_map(r, closed, e);
    }
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        *done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
        break;
    }
    return true;
}

static bool parse_fault(const yaml_parser_t *p, struct sops_err *e)
{
    unsigned line = (unsigned)(p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line) + 1;
    if (p->error == YAML_MEMORY_ERROR) {
        return sops_fail_memory(e);
    }
    return sops_fail_at(e, line, 0, "%s", p->problem != NULL ? p->problem : "malformed YAML");
}

bool sops_conf_parse(struct sops_doc *d, struct sops_slice in, struct sops_err *e)
{
    struct reader r = {.doc = d, .key = SOPS_LIT("")};
    if (yaml_parser_initialize(&r.parser) == 0) {
        return sops_fail_memory(e);
    }
    yaml_parser_set_input_string(&r.parser, in.len != 0 ? in.ptr : (const uint8_t *)"", in.len);
    bool ok = true, done = false;
    while (ok && !done) {
        yaml_event_t event;
        if (yaml_parser_parse(&r.parser, &event) == 0) {
            ok = parse_fault(&r.parser, e);
        } else {
            ok = on_event(&r, &event, &done, e);
            yaml_event_delete(&event);
        }
    }
    yaml_parser_delete(&r.parser);
    sops_table_free(&r.anchors);
    return ok && (d->parts != NULL || sops_node_add(d, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e) != NULL);
}
