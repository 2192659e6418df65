/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML kept as it is written (docs/spec/76-text-as-written.md#83-slots, #84-metadata, #85-new-text). The text falls
 * into sections, one for each header and one in front of the first; where something goes is asked of them.
 */
#include "formats/toml.h"

#include "base/text.h"

/* From a header's line to the next header's, without the comments right above that. */
struct section {
    uint32_t begin, end;
    const struct sops_node *table;
    struct sops_span header;
};

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* ---- sections ---------------------------------------------------------------------------------------------------- */

/* Over the comment lines right above the line that begins at `at`. */
static uint32_t above_comments(const struct sops_written *w, uint32_t at)
{
    while (at > 0) {
        uint32_t line = sops_line_begin(w->text, at - (at > 1 && w->text.ptr[at - 2] == '\r' ? 2U : 1U)), i = line;
        while (i < at && is_blank(w->text.ptr[i])) {
            i++;
        }
        if (w->text.ptr[i] != '#') {
            return at;
        }
        at = line;
    }
    return at;
}

/* The `i`-th section; 0 is the one in front of all headers. False behind the last. */
static bool section_at(const struct sops_written *w, size_t i, struct section *s)
{
    const struct sops_doc *d = w->doc;
    size_t seen = 0, mark = 0;
    *s = (struct section){.end = (uint32_t)w->text.len, .table = d->parts};
    for (; mark < d->marks && seen < i; mark++) {
        if (d->mark[mark].kind == SOPS_MARK_TABLE && ++seen == i) {
            s->begin = sops_line_begin(w->text, d->mark[mark].span.begin);
            s->table = d->mark[mark].node;
            s->header = d->mark[mark].span;
        }
    }
    if (seen < i) {
        return false;
    }
    for (; mark < d->marks; mark++) {
        if (d->mark[mark].kind == SOPS_MARK_TABLE) {
            s->end = above_comments(w, sops_line_begin(w->text, d->mark[mark].span.begin));
            break;
        }
    }
    return true;
}

/* Moves to the next section; start with `*mark` 0 and all-zero. */
static bool next_section(const struct sops_written *w, size_t *mark, struct section *s)
{
    const struct sops_doc *d = w->doc;
    bool first = s->table == NULL;
    if (first) {
        *mark = 0;
        return section_at(w, 0, s);
    }
    while (*mark < d->marks && d->mark[*mark].kind != SOPS_MARK_TABLE) {
        ++*mark;
    }
    if (*mark == d->marks) {
        return false;
    }
    const struct sops_mark *m = &d->mark[(*mark)++];
    size_t next = *mark;
    while (next < d->marks && d->mark[next].kind != SOPS_MARK_TABLE) {
        next++;
    }
    *s = (struct section){.begin = sops_line_begin(w->text, m->span.begin),
                          .end = next < d->marks ? above_comments(w, sops_line_begin(w->text, d->mark[next].span.begin))
                                                 : (uint32_t)w->text.len,
                          .table = m->node,
                          .header = m->span};
    return true;
}

static bool find_section(const struct sops_written *w, const struct sops_node *table, struct section *s)
{
    size_t mark = 0;
    *s = (struct section){0};
    while (next_section(w, &mark, s)) {
        if (s->table == table) {
            return true;
        }
    }
    return false;
}

static bool is_below(const struct sops_node *n, const struct sops_node *top)
{
    while (n != NULL && n != top) {
        n = n->up;
    }
    return n == top;
}

/* Is the first part of the header's key `sops`? */
static bool is_meta_section(const struct sops_written *w, const struct section *s)
{
    struct sops_slice text = sops_slice_at(w->text, s->header);
    while (text.len != 0 && (text.ptr[0] == '[' || is_blank(text.ptr[0]))) {
        text = sops_slice_skip(text, 1);
    }
    bool quoted = text.len != 0 && (text.ptr[0] == '"' || text.ptr[0] == '\'');
    text = sops_slice_skip(text, quoted);
    struct sops_slice rest = sops_slice_skip(text, 4);
    return sops_slice_starts(text, SOPS_LIT("sops")) &&
           (rest.len == 0 || rest.ptr[0] == '.' || rest.ptr[0] == ']' || is_blank(rest.ptr[0]) ||
            (quoted && (rest.ptr[0] == '"' || rest.ptr[0] == '\'')));
}

/* ---- slots ------------------------------------------------------------------------------------------------------- */

static bool slots(struct sops_written *w, struct sops_err *e)
{
    for (struct sops_node *n = w->doc->parts; n != NULL; n = sops_node_after(w->doc->parts, n)) {
        if (!sops_node_is_leaf(n) || sops_span_none(n->span)) {
            continue;
        }
        struct sops_slot *s = sops_written_add(w, e);
        if (s == NULL) {
            return false;
        }
        bool comment = n->kind == SOPS_COMMENT;
        s->node = n;
        s->line = n->line;
        s->role = comment ? SOPS_SLOT_COMMENT : SOPS_SLOT_VALUE;
        s->span = (struct sops_span){n->span.begin + comment, n->span.end};
        s->head = (struct sops_span){s->span.begin, s->span.begin};
        s->style = comment ? 0 : (uint8_t)sops_toml_quote_of(sops_slice_at(w->text, s->span));
    }
    return sops_written_finish(w, e);
}

static bool seal_slot(const struct sops_written *w, const struct sops_slot *s, struct sops_slice text,
                      const struct sops_node *clear, struct sops_laid *to, struct sops_err *e)
{
    static const char *const quotes[] = {[SOPS_TOML_BASIC] = "\"",
                                         [SOPS_TOML_LITERAL] = "'",
                                         [SOPS_TOML_LONG] = "\"\"\"",
                                         [SOPS_TOML_LONG_LITERAL] = "'''",
                                         [SOPS_TOML_BARE] = "\""};
    (void)w;
    if (s->role == SOPS_SLOT_COMMENT) {
        return sops_buf_add(&to->text, text, e);
    }
    const char *quote = quotes[s->style];
    bool date = clear != NULL && clear->kind == SOPS_STR && sops_toml_is_date(clear->text);
    if (date && (clear->flags & SOPS_BARE) != 0) {
        quote = "'"; /* what says that it has no quotes of its own */
    } else if (date && s->style == SOPS_TOML_LITERAL) {
        quote = "\"";
    }
    return sops_buf_adds(&to->text, quote, e) && sops_buf_add(&to->text, text, e) && sops_buf_adds(&to->text, quote, e);
}

static bool open_slot(const struct sops_written *w, const struct sops_slot *s, const struct sops_node *value,
                      struct sops_laid *to, struct sops_err *e)
{
    if (s->role == SOPS_SLOT_COMMENT) {
        return sops_buf_add(&to->text, value->text, e);
    }
    /* A sealed date stands in single quotes, and no other text that is one. */
    bool sealed = sops_slice_starts(sops_slice_skip(sops_slice_at(w->text, s->span), 1), SOPS_LIT("ENC["));
    if (sealed && value->kind == SOPS_STR && s->style == SOPS_TOML_LITERAL && sops_toml_is_date(value->text)) {
        return sops_buf_add(&to->text, value->text, e);
    }
    if (value->kind == SOPS_STR) {
        enum sops_toml_quote quote = s->style == SOPS_TOML_BARE ? SOPS_TOML_BASIC : (enum sops_toml_quote)s->style;
        return sops_toml_add_string(value->text, quote, &to->text, e);
    }
    return sops_toml_add_scalar(value, SOPS_TOML_BASIC, &to->text, e);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static bool entry_text(const struct sops_written *w, const struct sops_meta_text *m, struct sops_buf *out,
                       struct sops_err *e)
{
    return m->as_was.len != 0
               ? sops_buf_add(out, sops_slice_trim_end(m->as_was, '\n'), e) && sops_buf_addc(out, '\n', e)
               : sops_toml_emit(m->doc, w->style, out, e);
}

static bool add_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                     struct sops_err *e)
{
    struct sops_buf text = {0}, bytes = {0};
    uint32_t at = (uint32_t)w->text.len;
    bool open = at > 0 && w->text.ptr[at - 1] != '\n';
    bool bom = at == 3 && sops_slice_starts(w->text, SOPS_LIT("\xEF\xBB\xBF"));
    bool ok = entry_text(w, m, &text, e) && (!open || bom || sops_buf_addc(&bytes, '\n', e)) &&
              (at == 0 || bom || sops_buf_addc(&bytes, '\n', e)) && sops_buf_add(&bytes, sops_buf_view(&text), e);
    if (ok && open && !bom) {
        sops_buf_cut(&bytes, bytes.len - 1);
    }
    ok = ok && sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&text);
    sops_buf_free(&bytes);
    return ok;
}

/* Entries of the metadata that stand under no header of theirs: `sops.mac = …`, `sops = { … }`. */
static bool drop_pairs(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool ok = true;
    struct section first = {0};
    (void)section_at(w, 0, &first);
    for (size_t i = 0; ok && i < w->metas; i++) {
        struct sops_node *top = (struct sops_node *)(uintptr_t)w->meta[i].node;
        for (struct sops_node *n = top; ok && n != NULL; n = sops_node_after(top, n)) {
            if (n->key_span.end != 0 && n->key_span.begin < first.end && n->span.end <= first.end) {
                struct sops_span line = {sops_line_begin(w->text, n->key_span.begin),
                                         sops_line_next(w->text, n->span.end)};
                ok = sops_edits_add(to, line, SOPS_LIT(""), e);
            }
        }
    }
    return ok;
}

/* All sections of the metadata; `text` takes the place of the first. */
static bool change_sections(const struct sops_written *w, struct sops_slice text, bool drop, struct sops_edits *to,
                            struct sops_err *e)
{
    struct section s = {0};
    size_t mark = 0;
    uint32_t last_end = 0;
    bool ok = true, first = true;
    while (ok && next_section(w, &mark, &s)) {
        if (s.header.end == 0 || !is_meta_section(w, &s)) {
            continue;
        }
        struct sops_span gone = {s.begin, s.end};
        bool follows = !first && last_end == s.begin;
        last_end = s.end;
        if (drop && !follows && gone.begin > 0 && w->text.ptr[gone.begin - 1] == '\n') {
            uint32_t above = gone.begin - 1;
            bool empty = above == 0 || w->text.ptr[above - 1] == '\n';
            gone.begin = empty ? above : gone.begin;
        }
        ok = sops_edits_add(to, gone, first ? text : SOPS_LIT(""), e);
        first = false;
    }
    return ok && (!first || drop_pairs(w, to, e));
}

static bool swap_meta(const struct sops_written *w, const struct sops_meta_text *m, struct sops_edits *to,
                      struct sops_err *e)
{
    struct sops_buf text = {0};
    bool open = w->text.len != 0 && w->text.ptr[w->text.len - 1] != '\n';
    bool ok = entry_text(w, m, &text, e);
    struct section s = {0}, last = {0};
    size_t mark = 0;
    while (next_section(w, &mark, &s)) {
        last = s;
    }
    bool behind = last.header.end == 0 || !is_meta_section(w, &last);
    if (ok && open && !behind) {
        sops_buf_cut(&text, text.len - 1);
    } else if (ok && behind) {
        ok = sops_buf_addc(&text, '\n', e); /* an empty line in front of what follows */
    }
    ok = ok && change_sections(w, sops_buf_view(&text), false, to, e);
    sops_buf_free(&text);
    return ok;
}

static bool drop_meta(const struct sops_written *w, struct sops_edits *to, struct sops_err *e)
{
    bool open = w->text.len != 0 && w->text.ptr[w->text.len - 1] != '\n';
    bool ok = change_sections(w, SOPS_LIT(""), true, to, e) && drop_pairs(w, to, e);
    /* The text ended without a line break, so the metadata do: the break in front of them goes, too. */
    uint32_t begin = (uint32_t)w->text.len;
    for (size_t i = to->count; ok && open && i-- > 0;) {
        begin = to->at[i].span.end == begin ? to->at[i].span.begin : begin;
    }
    if (ok && open && begin < w->text.len && begin > 0 && w->text.ptr[begin - 1] == '\n') {
        uint32_t above = begin > 1 && w->text.ptr[begin - 2] == '\r' ? begin - 2 : begin - 1;
        ok = sops_edits_add(to, (struct sops_span){above, (uint32_t)w->text.len}, SOPS_LIT(""), e);
    }
    return ok;
}

static struct sops_span entry_at(const struct sops_written *w, bool *is_inline)
{
    struct section s = {0};
    size_t mark = 0;
    struct sops_span all = {0};
    *is_inline = false;
    while (next_section(w, &mark, &s)) {
        if (s.header.end == 0 || !is_meta_section(w, &s)) {
            continue;
        }
        if (all.end != 0 && all.end != s.begin) {
            return (struct sops_span){0};
        }
        all = (struct sops_span){all.end != 0 ? all.begin : s.begin, s.end};
    }
    return all;
}

/* ---- new text ---------------------------------------------------------------------------------------------------- */

/* The end of the line of the last pair in a section; of its header, or where the section begins, when there is none. */
static uint32_t last_pair_end(const struct sops_written *w, const struct section *s, const struct sops_node *top)
{
    uint32_t end = s->header.end != 0 ? sops_line_next(w->text, s->header.end) : s->begin;
    struct sops_slice bom = SOPS_LIT("\xEF\xBB\xBF");
    end = end == 0 && sops_slice_starts(w->text, bom) ? (uint32_t)bom.len : end;
    struct sops_node *from = (struct sops_node *)(uintptr_t)top;
    for (struct sops_node *n = from; n != NULL; n = sops_node_after(from, n)) {
        if (n->key_span.end != 0 && n->key_span.begin >= s->begin && n->span.end <= s->end) {
            uint32_t line = sops_line_next(w->text, n->span.end);
            end = line > end ? line : end;
        }
    }
    return end;
}

static bool add_line(const struct sops_written *w, uint32_t at, struct sops_slice line, struct sops_edits *to,
                     struct sops_err *e)
{
    struct sops_buf bytes = {0};
    struct sops_slice nl = sops_written_break(w);
    bool open = at > 0 && at == w->text.len && w->text.ptr[at - 1] != '\n';
    bool ok = (!open || sops_buf_add(&bytes, nl, e)) && sops_buf_add(&bytes, line, e) &&
              (open || sops_buf_add(&bytes, nl, e)) &&
              sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

static bool add_path(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf path = {0}, part = {0};
    bool ok = true;
    for (; ok && n->up != NULL; n = n->up) {
        if (n->up->kind != SOPS_MAP) {
            continue;
        }
        sops_buf_cut(&part, 0);
        ok = sops_toml_add_key(n->key, &part, e) && (path.len == 0 || sops_buf_addc(&part, '.', e)) &&
             sops_buf_add(&part, sops_buf_view(&path), e);
        sops_buf_cut(&path, 0);
        ok = ok && sops_buf_add(&path, sops_buf_view(&part), e);
    }
    ok = ok && sops_buf_add(out, sops_buf_view(&path), e);
    sops_buf_free(&path);
    sops_buf_free(&part);
    return ok;
}

/* A new value: veiled texts stand in double quotes, as all strings do. */
static bool pair_text(const struct sops_node *n, struct sops_buf *out, struct sops_err *e)
{
    return sops_toml_add_key(n->key, out, e) && sops_buf_adds(out, " = ", e) && sops_toml_add_inline(n, out, e);
}

static const struct sops_node *last_placed(const struct sops_node *in)
{
    const struct sops_node *last = NULL;
    for (const struct sops_node *n = in->child; n != NULL; n = n->next) {
        last = n->kind != SOPS_COMMENT && !sops_span_none(n->span) ? n : last;
    }
    return last;
}

static bool insert_inline(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                          struct sops_err *e)
{
    const struct sops_node *in = n->up, *last = last_placed(in);
    struct sops_buf bytes = {0};
    bool map = in->kind == SOPS_MAP, ok;
    uint32_t at = last != NULL ? last->span.end : in->span.begin + 1;
    ok = sops_buf_adds(&bytes,
                       last != NULL ? ", "
                       : map        ? " "
                                    : "",
                       e) &&
         (map ? pair_text(n, &bytes, e) : sops_toml_add_inline(n, &bytes, e)) &&
         (last != NULL || !map || sops_buf_addc(&bytes, ' ', e)) &&
         sops_edits_add(to, (struct sops_span){at, at}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    (void)w;
    return ok;
}

/* A new item of an array of tables: a header of its own behind the item before it. */
static bool insert_item(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                        struct sops_err *e)
{
    struct section s = {0}, last = {0};
    size_t mark = 0;
    struct sops_buf bytes = {0};
    while (next_section(w, &mark, &s)) {
        last = is_below(s.table, n->up) ? s : last;
    }
    if (n->kind != SOPS_MAP || last.header.end == 0) {
        return sops_fail(e, SOPS_E_DUMP, "an item that is no table, in an array of tables");
    }
    struct sops_slice nl = sops_written_break(w);
    bool ok = sops_buf_add(&bytes, nl, e) && sops_buf_adds(&bytes, "[[", e) && add_path(n->up, &bytes, e) &&
              sops_buf_adds(&bytes, "]]", e);
    for (const struct sops_node *c = n->child; ok && c != NULL; c = c->next) {
        ok = sops_buf_add(&bytes, nl, e) && pair_text(c, &bytes, e);
    }
    ok = ok && add_line(w, last_pair_end(w, &last, last.table), sops_buf_view(&bytes), to, e);
    sops_buf_free(&bytes);
    return ok;
}

/* A pair in a table that has no header: with dots behind those that made it so, or below a header of its own. */
static bool insert_below_dots(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                              struct sops_err *e)
{
    const struct sops_node *table = n->up, *last = last_placed(table);
    struct sops_buf bytes = {0};
    bool ok;
    if (last != NULL) {
        struct sops_span before = {sops_line_begin(w->text, last->key_span.begin), last->key_span.begin};
        ok = sops_buf_add(&bytes, sops_slice_at(w->text, before), e) && pair_text(n, &bytes, e) &&
             add_line(w, sops_line_next(w->text, last->span.end), sops_buf_view(&bytes), to, e);
        sops_buf_free(&bytes);
        return ok;
    }
    struct section s = {0};
    size_t mark = 0;
    while (next_section(w, &mark, &s)) {
        if (s.header.end != 0 && is_below(s.table, table)) {
            break;
        }
    }
    struct sops_slice nl = sops_written_break(w);
    uint32_t at = s.table != NULL ? above_comments(w, s.begin) : (uint32_t)w->text.len;
    ok = sops_buf_addc(&bytes, '[', e) && add_path(table, &bytes, e) && sops_buf_addc(&bytes, ']', e) &&
         sops_buf_add(&bytes, nl, e) && pair_text(n, &bytes, e) && sops_buf_add(&bytes, nl, e) &&
         add_line(w, at, sops_buf_view(&bytes), to, e);
    sops_buf_free(&bytes);
    return ok;
}

static bool insert(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to, struct sops_err *e)
{
    const struct sops_node *in = n->up;
    struct section s;
    struct sops_buf line = {0};
    if (in->up != NULL && !sops_span_none(in->span)) {
        return insert_inline(w, n, to, e);
    }
    if (in->kind == SOPS_LIST) {
        return insert_item(w, n, to, e);
    }
    if (in->up == NULL ? !section_at(w, 0, &s) : !find_section(w, in, &s)) {
        return insert_below_dots(w, n, to, e);
    }
    bool ok = pair_text(n, &line, e) && add_line(w, last_pair_end(w, &s, in), sops_buf_view(&line), to, e);
    sops_buf_free(&line);
    return ok;
}

/* A table becomes another thing: its sections go, and a pair comes; or other pairs below its header. */
static bool replace_table(const struct sops_written *w, const struct sops_node *n, struct sops_edits *to,
                          struct sops_err *e)
{
    struct section s = {0};
    size_t mark = 0;
    bool ok = true, found = false, keeps_header = n->kind == SOPS_MAP && find_section(w, n, &s);
    if (n->up->kind == SOPS_LIST && !keeps_header) {
        return sops_fail(e, SOPS_E_DUMP, "an item that is no table, in an array of tables");
    }
    for (s = (struct section){0}; ok && next_section(w, &mark, &s);) {
        if (s.header.end != 0 && is_below(s.table, n)) {
            uint32_t begin = keeps_header && s.table == n ? sops_line_next(w->text, s.header.end) : s.begin;
            ok = sops_edits_add(to, (struct sops_span){begin, s.end}, SOPS_LIT(""), e);
            found = true;
        }
    }
    if (ok && !found) {
        return sops_fail(e, SOPS_E_DUMP, "a table that becomes another thing");
    }
    for (const struct sops_node *c = n->child; ok && keeps_header && c != NULL; c = c->next) {
        ok = insert(w, c, to, e);
    }
    return ok && (keeps_header || insert(w, n, to, e));
}

static bool replace(const struct sops_written *w, const struct sops_node *n, struct sops_span was, bool from,
                    struct sops_edits *to, struct sops_err *e)
{
    (void)from;
    if (sops_span_none(n->span)) {
        return n->up != NULL ? replace_table(w, n, to, e)
                             : sops_fail(e, SOPS_E_DUMP, "a document that is replaced as a whole");
    }
    struct sops_buf bytes = {0};
    bool ok = sops_toml_add_inline(n, &bytes, e) &&
              sops_edits_add(to, (struct sops_span){n->span.begin, was.end}, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

/* Is nothing left that makes a table of `in`? */
static bool is_all_of_table(const struct sops_written *w, const struct sops_node *in, bool last)
{
    struct section own;
    return last && in->kind == SOPS_MAP && in->up != NULL && sops_span_none(in->span) && !find_section(w, in, &own);
}

/* All sections of a table, and the lines of pairs that name it with dots. */
static bool remove_table(const struct sops_written *w, const struct sops_node *n, const struct sops_node *in, bool last,
                         struct sops_edits *to, struct sops_err *e)
{
    struct section s = {0};
    struct sops_buf header = {0}; /* of a table that only those below it make one */
    size_t mark = 0;
    bool ok = !is_all_of_table(w, in, last) ||
              (sops_buf_addc(&header, '[', e) && add_path(in, &header, e) && sops_buf_addc(&header, ']', e) &&
               sops_buf_add(&header, sops_written_break(w), e));
    while (ok && next_section(w, &mark, &s)) {
        if (s.header.end != 0 && is_below(s.table, n)) {
            ok = sops_edits_add(to, (struct sops_span){s.begin, s.end}, sops_buf_view(&header), e);
            sops_buf_cut(&header, 0);
        }
    }
    sops_buf_free(&header);
    struct sops_node *top = (struct sops_node *)(uintptr_t)n;
    for (struct sops_node *x = top; ok && x != NULL; x = sops_node_after(top, x)) {
        if (x->key_span.end != 0) {
            struct sops_span line = {sops_line_begin(w->text, x->key_span.begin), sops_line_next(w->text, x->span.end)};
            ok = sops_edits_add(to, line, SOPS_LIT(""), e);
        }
    }
    if (!ok || in->kind != SOPS_LIST || !last) {
        return ok;
    }
    struct section above;
    struct sops_buf line = {0};
    if (in->up->up == NULL ? !section_at(w, 0, &above) : !find_section(w, in->up, &above)) {
        return sops_fail(e, SOPS_E_DUMP, "an array of tables that becomes empty, in a table without a header");
    }
    ok = sops_toml_add_key(in->key, &line, e) && sops_buf_adds(&line, " = []", e) &&
         add_line(w, last_pair_end(w, &above, in->up), sops_buf_view(&line), to, e);
    sops_buf_free(&line);
    return ok;
}

static bool take_out(const struct sops_written *w, const struct sops_node *n, struct sops_span was,
                     const struct sops_node *in, const struct sops_node *before, const struct sops_node *next,
                     struct sops_edits *to, struct sops_err *e)
{
    if (sops_span_none(n->span)) {
        return remove_table(w, n, in, before == NULL && next == NULL, to, e);
    }
    uint32_t begin = n->key_span.end != 0 ? n->key_span.begin : n->span.begin;
    struct sops_span gone = {begin, was.end};
    if (is_all_of_table(w, in, before == NULL && next == NULL)) { /* of `a.b = 1` there stays `a = {}` */
        while (gone.begin > 0 && (is_blank(w->text.ptr[gone.begin - 1]) || w->text.ptr[gone.begin - 1] == '.')) {
            gone.begin--;
        }
        return sops_edits_add(to, gone, SOPS_LIT(" = {}"), e);
    }
    if (in->up == NULL || sops_span_none(in->span)) {
        gone = (struct sops_span){sops_line_begin(w->text, begin), sops_line_next(w->text, was.end)};
    } else if (next != NULL) {
        gone.end = next->key_span.end != 0 ? next->key_span.begin : next->span.begin;
    } else if (before != NULL) {
        gone.begin = before->span.end;
    } else {
        gone = (struct sops_span){in->span.begin + 1, in->span.end - 1};
    }
    return sops_edits_add(to, gone, SOPS_LIT(""), e);
}

/* What rops writes for a null, and for an empty text. */
static bool same_text(struct sops_slice clear, struct sops_slice line)
{
    return clear.len == 0 && (sops_slice_eq(line, SOPS_LIT("null")) || sops_slice_starts(line, SOPS_TOML_EMPTY));
}

const struct sops_textual sops_toml_textual = {
    .slots = slots,
    .seal = seal_slot,
    .open = open_slot,
    .add_meta = add_meta,
    .swap_meta = swap_meta,
    .drop_meta = drop_meta,
    .entry = entry_at,
    .replace = replace,
    .insert = insert,
    .remove = take_out,
    .same_text = same_text,
};
