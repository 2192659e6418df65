/* SPDX-License-Identifier: Apache-2.0 */
/* Where the slots of a YAML text are (docs/spec/76-text-as-written.md#4-yaml). What the reader knows of a node is its
 * span; how it is written is read off the text. */
#include "formats/yaml_written.h"

#include "base/table.h"

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* ---- what stands where ------------------------------------------------------------------------------------------- */

/* Over blanks, breaks and comments. */
static size_t skip_gap(struct sops_slice text, size_t at, size_t end, bool *comments)
{
    while (at < end && (is_space(text.ptr[at]) || text.ptr[at] == '#')) {
        if (text.ptr[at] == '#') {
            *comments = true;
            while (at < end && sops_yaml_break_at(text, at) == 0) {
                at++;
            }
        } else {
            at++;
        }
    }
    return at;
}

/* Over an anchor or tag: to the next blank, or to what ends it in brackets. */
static size_t skip_word(struct sops_slice text, size_t at, size_t end)
{
    if (at + 1 < end && text.ptr[at] == '!' && text.ptr[at + 1] == '<') {
        while (at < end && text.ptr[at] != '>') {
            at++;
        }
        return at < end ? at + 1 : at;
    }
    while (at < end && !is_space(text.ptr[at]) && text.ptr[at] != ',' && text.ptr[at] != ']' && text.ptr[at] != '}' &&
           text.ptr[at] != '[' && text.ptr[at] != '{') {
        at++;
    }
    return at;
}

struct sops_yaml_front sops_yaml_front(struct sops_slice text, struct sops_span span)
{
    struct sops_yaml_front f = {.behind = span.begin};
    size_t at = span.begin;
    if (at >= span.end || text.ptr[at] != '!') {
        return f; /* spans begin with the tag, when there is one */
    }
    while (at < span.end && (text.ptr[at] == '!' || text.ptr[at] == '&')) {
        size_t word = skip_word(text, at, span.end);
        if (text.ptr[at] == '!') {
            f.tag = sops_slice_of(text.ptr + at, word - at);
            f.tag_begin = (uint32_t)at;
        }
        at = skip_gap(text, word, span.end, &f.comments);
        f.behind = (uint32_t)(at < span.end ? at : word);
    }
    return f;
}

/* Does the text of a map or list begin with a bracket? */
static bool in_brackets(const struct sops_written *w, const struct sops_node *n)
{
    uint32_t at = sops_yaml_front(w->text, n->span).behind;
    return at < n->span.end && (w->text.ptr[at] == '[' || w->text.ptr[at] == '{');
}

bool sops_yaml_is_flow(const struct sops_written *w, const struct sops_node *n)
{
    /* What is in brackets is so to the bottom, so the answer is that of the nearest map or list that has one; a pair
     * without braces, `[a: 1]`, is in a list that does. */
    while (n != NULL && sops_span_none(n->span)) {
        n = n->up;
    }
    return n != NULL && (in_brackets(w, n) || (n->up != NULL && in_brackets(w, n->up)));
}

size_t sops_yaml_column_at(struct sops_slice text, size_t at)
{
    size_t column = 0, begin = sops_line_begin(text, at);
    struct sops_slice bom = SOPS_LIT("\xEF\xBB\xBF");
    begin += begin == 0 && at >= bom.len && sops_slice_starts(text, bom) ? bom.len : 0;
    for (size_t i = begin; i < at; i++) {
        column += (text.ptr[i] & 0xC0) != 0x80;
    }
    return column;
}

size_t sops_yaml_column(const struct sops_written *w, const struct sops_node *n)
{
    return sops_yaml_column_at(w->text, sops_yaml_front(w->text, n->span).behind);
}

bool sops_yaml_is_meta(const struct sops_node *n)
{
    while (n->up != NULL && n->up->up != NULL) {
        n = n->up;
    }
    return n->up != NULL && n->kind != SOPS_COMMENT && sops_slice_eq(n->key, SOPS_LIT("sops"));
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* The column of a block's text: that of its first line that is not empty, or what the digit says. */
static bool find_column(const struct sops_written *w, struct sops_slot *s, const struct sops_node *n)
{
    struct sops_slice text = w->text;
    for (size_t i = s->head.begin; i < s->head.end; i++) {
        if (text.ptr[i] >= '1' && text.ptr[i] <= '9') {
            s->column = (uint32_t)sops_yaml_column(w, n->up) + text.ptr[i] - '0';
            return true;
        }
    }
    for (size_t at = s->span.begin; at < s->span.end;) {
        size_t first = at;
        while (first < s->span.end && text.ptr[first] == ' ') {
            first++;
        }
        if (first < s->span.end && sops_yaml_break_at(text, first) == 0) {
            s->column = (uint32_t)(first - at);
            return true;
        }
        at = first + sops_yaml_break_at(text, first);
        if (first >= s->span.end) {
            break;
        }
    }
    return false;
}

/* `|` or `>` at `at`: header and text are apart. */
static void take_block(const struct sops_written *w, struct sops_slot *s, const struct sops_node *n, size_t at)
{
    size_t end = at + 1;
    while (end < w->text.len && w->text.ptr[end] != 0 && strchr("+-123456789", w->text.ptr[end]) != NULL) {
        end++;
    }
    s->head = (struct sops_span){(uint32_t)at, (uint32_t)end};
    while (end < w->text.len && sops_yaml_break_at(w->text, end) == 0) {
        end++;
    }
    s->head_line_end = (uint32_t)end;
    size_t below = end + sops_yaml_break_at(w->text, end);
    s->span = (struct sops_span){(uint32_t)below, n->span.end > below ? n->span.end : (uint32_t)below};
    s->style = SOPS_YAML_SLOT_BLOCK;
    bool has_text = false;
    for (size_t i = s->span.begin; i < s->span.end; i++) {
        has_text = has_text || (w->text.ptr[i] != ' ' && w->text.ptr[i] != '\n' && w->text.ptr[i] != '\r');
    }
    if (!has_text || !find_column(w, s, n)) {
        s->style = SOPS_YAML_SLOT_LINES;
        s->span = (struct sops_span){s->head.begin, n->span.end};
        s->head = (struct sops_span){s->span.begin, s->span.begin};
    }
}

/* Does the tag say which kind a value has, so that it cannot stay in front of a ciphertext? */
static bool is_core_tag(struct sops_slice tag)
{
    struct sops_slice prefix = SOPS_LIT("tag:yaml.org,2002:"), name = tag;
    if (sops_slice_starts(tag, SOPS_LIT("!<"))) {
        prefix = SOPS_LIT("");
        name = sops_slice_first(sops_slice_skip(tag, 2), tag.len - 3);
    } else if (sops_slice_starts(tag, SOPS_LIT("!!"))) {
        name = sops_slice_skip(tag, 2);
    } else {
        return false;
    }
    enum sops_yaml_tag class = sops_yaml_tag_class(prefix, name);
    return class != SOPS_YAML_OTHER_TAG && class != SOPS_YAML_STR && class != SOPS_YAML_BANG &&
           class != SOPS_YAML_MERGE;
}

static bool take_value(struct sops_written *w, struct sops_node *n, struct sops_err *e)
{
    struct sops_slot *s = sops_written_add(w, e);
    if (s == NULL) {
        return false;
    }
    struct sops_yaml_front front = sops_yaml_front(w->text, n->span);
    s->node = n;
    s->line = n->line;
    s->role = SOPS_SLOT_VALUE;
    s->in_flow = sops_yaml_is_flow(w, n->up);
    s->span = (struct sops_span){front.behind, n->span.end};
    s->tagged = front.tag.len > 1 && !is_core_tag(front.tag);
    if (front.tag.len != 0 && is_core_tag(front.tag)) {
        s->span.begin = n->span.begin;
    } else if (s->span.begin == s->span.end) {
        s->style = SOPS_YAML_SLOT_NOTHING;
    } else {
        uint8_t c = w->text.ptr[s->span.begin];
        s->style = c == '\'' ? SOPS_YAML_SLOT_SINGLE : c == '"' ? SOPS_YAML_SLOT_DOUBLE : SOPS_YAML_SLOT_PLAIN;
        if (!s->in_flow && (c == '|' || c == '>')) {
            take_block(w, s, n, s->span.begin);
            return true;
        }
    }
    s->head = (struct sops_span){s->span.begin, s->span.begin};
    return true;
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

/* `!*x` in front of a node: the slot around it. */
static bool take_copy(struct sops_written *w, struct sops_node *n, struct sops_slice tag, struct sops_err *e)
{
    struct sops_slot *s = sops_written_add(w, e);
    if (s == NULL) {
        return false;
    }
    uint32_t begin = n->span.begin, end = begin + (uint32_t)tag.len;
    s->node = n;
    s->line = n->line;
    s->role = SOPS_SLOT_COPY;
    s->span = n->span;
    s->head = (struct sops_span){begin, begin};
    s->name = (struct sops_span){begin + 1, end}; /* with the star: what an alias looks like */
    s->drop = (struct sops_span){begin, end};
    if (end < w->text.len && w->text.ptr[end] == ' ') {
        s->drop.end++;
    } else if (begin > 0 && w->text.ptr[begin - 1] == ' ') {
        s->drop.begin--;
    }
    return true;
}

/* The copies that were made for the alias are the marks behind its own. */
static bool take_alias(struct sops_written *w, const struct sops_mark *m, struct sops_err *e)
{
    struct sops_slot *s = sops_written_add(w, e);
    if (s == NULL) {
        return false;
    }
    *s = (struct sops_slot){.span = m->span,
                            .head = {m->span.begin, m->span.begin},
                            .node = m->node,
                            .line = m->line,
                            .role = SOPS_SLOT_ALIAS,
                            .column = (uint32_t)(m - w->doc->mark),
                            .in_flow = m->node->up != NULL && sops_yaml_is_flow(w, m->node->up)};
    return true;
}

static bool take_comment(struct sops_written *w, const struct sops_mark *m, struct sops_err *e)
{
    struct sops_slot *s = sops_written_add(w, e);
    if (s == NULL) {
        return false;
    }
    s->role = SOPS_SLOT_COMMENT;
    s->span = (struct sops_span){m->span.begin + 1, m->span.end};
    s->head = (struct sops_span){s->span.begin, s->span.begin};
    return true;
}

/* The anchors that copies name: the last one of the name that was complete before the copy begins. Both are gone
 * through in the order of the text. */
static bool find_originals(struct sops_written *w, struct sops_err *e)
{
    struct sops_table known = {0};
    size_t at = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < w->count; i++) {
        struct sops_slot *s = &w->slot[i];
        if (s->role != SOPS_SLOT_COPY) {
            continue;
        }
        for (; ok && at < w->doc->marks &&
               (w->doc->mark[at].kind != SOPS_MARK_ANCHOR || w->doc->mark[at].span.begin < s->span.begin);
             at++) {
            const struct sops_mark *m = &w->doc->mark[at];
            if (m->kind == SOPS_MARK_ANCHOR) {
                void **slot = sops_table_put(&known, sops_slice_skip(sops_slice_at(w->text, m->span), 1), NULL, e);
                ok = slot != NULL;
                if (ok) {
                    *slot = m->node;
                }
            }
        }
        struct sops_node *of = sops_table_get(&known, sops_slice_skip(sops_slice_at(w->text, s->name), 1));
        s->of = of != NULL && of->span.end <= s->span.begin ? of : NULL;
    }
    sops_table_free(&known);
    return ok;
}

/* ---- the text ---------------------------------------------------------------------------------------------------- */

/* How far the first block map, and the first block list, that is the value of a key is indented. */
static void measure_steps(struct sops_written *w)
{
    bool map = false, list = false;
    int64_t step = w->style->indent_set ? w->style->indent : 4;
    step = step <= 0 ? 4 : step == 1 || step > 9 ? 2 : step;
    w->own[SOPS_YAML_STEP] = (size_t)step;
    for (struct sops_node *p = w->doc->parts; p != NULL && !(map && list); p = p->next) {
        for (struct sops_node *n = p; n != NULL && !(map && list); n = sops_node_after(p, n)) {
            bool wanted = n->kind == SOPS_MAP ? !map : n->kind == SOPS_LIST && !list;
            if (!wanted || n->up == NULL || n->up->kind != SOPS_MAP || n->child == NULL || sops_span_none(n->span) ||
                sops_yaml_is_meta(n) || w->text.ptr[n->span.begin] == '*' || sops_yaml_is_flow(w, n)) {
                continue;
            }
            size_t own = sops_yaml_column(w, n), outer = sops_yaml_column(w, n->up);
            size_t by = own > outer ? own - outer : 0;
            if (n->kind == SOPS_MAP) {
                map = true;
                w->own[SOPS_YAML_STEP] = by;
            } else {
                list = true;
                w->own[SOPS_YAML_LIST_STEP] = by;
            }
        }
    }
    if (!list) {
        size_t compact = w->style->compact_lists ? 2 : 0;
        w->own[SOPS_YAML_LIST_STEP] = w->own[SOPS_YAML_STEP] > compact ? w->own[SOPS_YAML_STEP] - compact : 0;
    }
}

/* What no slot can be made of. */
static void look_for_losses(struct sops_written *w)
{
    for (struct sops_node *p = w->doc->parts; p != NULL; p = p->next) {
        struct sops_yaml_front front = sops_yaml_front(w->text, p->span);
        bool written = front.behind < p->span.end || front.tag.len != 0;
        if (written && w->text.ptr[front.behind] == '*') {
            (void)sops_written_lose(w, p->line, "a document that is an alias");
        } else if (written && p->kind == SOPS_MAP && w->text.ptr[front.behind] != '{') {
            const struct sops_node *n = p->child;
            while (n != NULL && n->kind == SOPS_COMMENT) {
                n = n->next;
            }
            if (n == NULL) {
                (void)sops_written_lose(w, p->line, "a document that is null");
            }
        }
    }
}

bool sops_yaml_slots(struct sops_written *w, struct sops_err *e)
{
    bool ok = true;
    measure_steps(w);
    look_for_losses(w);
    for (struct sops_node *p = w->doc->parts; ok && p != NULL; p = p->next) {
        for (struct sops_node *n = p; ok && n != NULL; n = sops_node_after(p, n)) {
            if (n == p || n->kind == SOPS_COMMENT || sops_span_none(n->span)) {
                continue;
            }
            bool alias = n->span.begin < n->span.end && w->text.ptr[n->span.begin] == '*';
            struct sops_slice tag = sops_yaml_front(w->text, n->span).tag;
            if (sops_slice_starts(tag, SOPS_LIT("!*")) && tag.len > 2) {
                ok = take_copy(w, n, tag, e);
            }
            ok = ok && (alias || !sops_node_is_leaf(n) || take_value(w, n, e));
        }
    }
    for (size_t i = 0; ok && i < w->doc->marks; i++) {
        const struct sops_mark *m = &w->doc->mark[i];
        ok = m->kind == SOPS_MARK_ALIAS ? take_alias(w, m, e) : m->kind != SOPS_MARK_COMMENT || take_comment(w, m, e);
    }
    return ok && sops_written_finish(w, e) && find_originals(w, e);
}
