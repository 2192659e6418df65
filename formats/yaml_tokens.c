/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are read ahead until every comment that belongs to the next one is known: two tokens more, and never a
 * BLOCK-END as the last, because the place of a BLOCK-END depends on the gap before the token that caused it.
 *
 * libyaml counts characters and we need bytes: one cursor goes along with the marks, which never go back.
 */
#include "formats/yaml_comments.h"

#define AHEAD 3
#define FLOW_COST ((size_t)200 << 20) /* and 64 for each byte of the text; some half second, and 0.2 s for each MB */
#define HIGH_BITS UINT64_C(0x8080808080808080)

static struct sops_slice scanned_text(const struct sops_yaml_source *s)
{
    return s->disguise.text.len != 0 ? sops_buf_view(&s->disguise.text) : s->in;
}

static bool is_ascii(struct sops_slice in)
{
    uint64_t all = 0, eight;
    for (; in.len >= sizeof eight; in = sops_slice_skip(in, sizeof eight)) {
        memcpy(&eight, in.ptr, sizeof eight);
        all |= eight;
    }
    for (size_t i = 0; i < in.len; i++) {
        all |= in.ptr[i];
    }
    return (all & HIGH_BITS) == 0;
}

bool sops_yaml_open(struct sops_yaml_source *s, struct sops_slice in, uint32_t origin, struct sops_doc *doc,
                    struct sops_err *e)
{
    s->in = in;
    s->origin = s->passed_end = origin;
    s->doc = doc;
    if (!yaml_parser_initialize(&s->parser)) {
        return sops_fail_memory(e);
    }
    s->opened = true;
    s->ascii = is_ascii(in);
    if (!sops_yaml_disguise(&s->disguise, in, s->ascii, e)) {
        return false;
    }
    struct sops_slice scanned = scanned_text(s);
    yaml_parser_set_encoding(&s->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&s->parser, scanned.ptr != NULL ? scanned.ptr : (const uint8_t *)"", scanned.len);
    return true;
}

void sops_yaml_close(struct sops_yaml_source *s)
{
    if (s->opened) {
        yaml_parser_delete(&s->parser);
    }
    for (size_t i = 0; i < 3; i++) {
        sops_free(s->pending[i].at);
    }
    sops_free(s->run.at);
    sops_yaml_disguise_free(&s->disguise);
    sops_free(s->queue);
    sops_free(s->columns);
    sops_free(s->records);
    sops_arena_free(&s->scratch);
    *s = (struct sops_yaml_source){0};
}

/* Byte of the character `index`, which is not before the cursor; moves the cursor there. */
static size_t seek(struct sops_yaml_source *s, size_t index)
{
    if (s->ascii) {
        s->at_byte = index < s->in.len ? index : s->in.len;
    } else {
        size_t at = s->at_byte;
        for (size_t left = index - s->at_index; left != 0 && at < s->in.len; left--) {
            uint64_t eight;
            while (left > 8 && s->in.len - at > 8 && memcpy(&eight, s->in.ptr + at, 8) && (eight & HIGH_BITS) == 0) {
                at += 8;
                left -= 8;
            }
            at++;
            while (at < s->in.len && (s->in.ptr[at] & 0xC0) == 0x80) {
                at++;
            }
        }
        s->at_byte = at;
    }
    s->at_index = index;
    return s->at_byte;
}

static bool scanner_failed(struct sops_yaml_source *s, struct sops_err *e)
{
    if (s->parser.error == YAML_MEMORY_ERROR) {
        return sops_fail_memory(e);
    }
    size_t line = s->parser.problem_mark.line;
    if (s->parser.error == YAML_READER_ERROR) {
        line = 0;
        struct sops_slice text = scanned_text(s);
        for (size_t i = 0; i < s->parser.problem_offset && i < text.len; i++) {
            line += text.ptr[i] == '\n';
        }
    }
    return sops_yaml_fail(e, line, s->parser.problem != NULL ? s->parser.problem : "not YAML");
}

static bool keep(struct sops_yaml_source *s, const yaml_char_t *text, struct sops_slice *to, struct sops_err *e)
{
    return sops_yaml_reveal(&s->disguise, s->in, sops_str((const char *)text), false, 0, 0, &s->scratch, to, e);
}

/* libyaml's token to ours; its texts are copied, so that it can be freed at once. Its marks are put right. */
static bool convert(struct sops_yaml_source *s, yaml_token_t *t, struct sops_yaml_token *to, struct sops_err *e)
{
    size_t cuts = sops_yaml_place_of(&s->disguise, &t->start_mark.index, &t->start_mark.column);
    size_t cuts_end = sops_yaml_place_of(&s->disguise, &t->end_mark.index, &t->end_mark.column);
    *to = (struct sops_yaml_token){.type = t->type,
                                   .index = t->start_mark.index,
                                   .line = (uint32_t)t->start_mark.line,
                                   .column = (uint32_t)t->start_mark.column};
    if (t->type == YAML_SCALAR_TOKEN) {
        struct sops_slice text = {t->data.scalar.value, t->data.scalar.length};
        to->plain = t->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        bool quoted = t->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        return sops_yaml_reveal(&s->disguise, s->in, text, quoted, cuts, cuts_end, &s->doc->arena, &to->text, e);
    }
    if (t->type == YAML_ANCHOR_TOKEN) {
        return keep(s, t->data.anchor.value, &to->text, e);
    }
    if (t->type == YAML_ALIAS_TOKEN) {
        return keep(s, t->data.alias.value, &to->text, e);
    }
    if (t->type == YAML_TAG_TOKEN) {
        return keep(s, t->data.tag.handle, &to->handle, e) && keep(s, t->data.tag.suffix, &to->text, e);
    }
    if (t->type == YAML_TAG_DIRECTIVE_TOKEN) {
        return keep(s, t->data.tag_directive.handle, &to->handle, e) &&
               keep(s, t->data.tag_directive.prefix, &to->text, e);
    }
    if (t->type == YAML_VERSION_DIRECTIVE_TOKEN) {
        to->major = t->data.version_directive.major;
        to->minor = t->data.version_directive.minor;
    }
    return true;
}

static bool push(struct sops_yaml_source *s, const struct sops_yaml_token *t, struct sops_err *e)
{
    if (s->queue_at == s->queue_len) {
        s->queue_at = s->queue_len = 0;
    } else if (s->queue_len == s->queue_cap && s->queue_at > s->queue_len / 2) {
        s->queue_len -= s->queue_at;
        memmove(s->queue, s->queue + s->queue_at, s->queue_len * sizeof *s->queue);
        s->queue_at = 0;
    }
    struct sops_yaml_token *queue = sops_yaml_grow(s->queue, s->queue_len, &s->queue_cap, sizeof *queue, e);
    if (queue == NULL) {
        return false;
    }
    s->queue = queue;
    queue[s->queue_len++] = *t;
    return true;
}

/* The stack of block columns and the flow level behind the token `t`. */
static bool nest(struct sops_yaml_source *s, const struct sops_yaml_token *t, struct sops_err *e)
{
    if (t->type == YAML_FLOW_SEQUENCE_START_TOKEN || t->type == YAML_FLOW_MAPPING_START_TOKEN) {
        if (s->flow == SOPS_YAML_DEPTH) {
            return sops_yaml_fail(e, t->line, "[ and { are nested to a depth of more than 10000");
        }
        s->flow++;
    } else if (t->type == YAML_FLOW_SEQUENCE_END_TOKEN || t->type == YAML_FLOW_MAPPING_END_TOKEN) {
        s->flow -= s->flow != 0;
    } else if (t->type == YAML_BLOCK_MAPPING_START_TOKEN || t->type == YAML_BLOCK_SEQUENCE_START_TOKEN) {
        if (s->depth == SOPS_YAML_DEPTH) {
            return sops_yaml_fail(e, t->line, "indented to a depth of more than 10000 levels");
        }
        uint32_t *columns = sops_yaml_grow(s->columns, s->depth, &s->depth_cap, sizeof *columns, e);
        if (columns == NULL) {
            return false;
        }
        s->columns = columns;
        s->columns[s->depth++] = t->column;
    }
    /* With each token libyaml looks at every [ and { that is open. */
    s->flow_cost += s->flow;
    return s->flow_cost < FLOW_COST || s->flow_cost / 64 < FLOW_COST / 64 + s->in.len ||
           sops_yaml_fail(e, t->line, "more stands inside [ and { of this depth than can be read in reasonable time");
}

/* The end of the text stands where it stands: libyaml moves it to a line of its own. */
static void end_column(const struct sops_yaml_source *s, struct sops_yaml_token *t)
{
    size_t at = s->in.len;
    t->column = 0;
    while (at > 0 && sops_yaml_break_before(s->in, at) == 0) {
        at--;
        t->column += (s->in.ptr[at] & 0xC0) != 0x80;
    }
}

/* The comments of the text that stand between the token before and the byte `end`: a sign that begins a line, or has a
 * blank in front, or follows a token that needs none. */
static bool mark_comments(struct sops_yaml_source *s, size_t end, struct sops_err *e)
{
    for (size_t at = s->marked; at < end;) {
        const uint8_t *sign = memchr(s->in.ptr + at, '#', end - at);
        if (sign == NULL) {
            break;
        }
        size_t from = (size_t)(sign - s->in.ptr), to = from;
        while (to < s->in.len && sops_yaml_break_at(s->in, to) == 0) {
            to++;
        }
        struct sops_mark m = {.kind = SOPS_MARK_COMMENT,
                              .span = {s->origin + (uint32_t)from, s->origin + (uint32_t)to}};
        if (!sops_doc_mark(s->doc, m, e)) {
            return false;
        }
        at = to;
    }
    return true;
}

/* What the token `t` means for whoever keeps the text; `end`: where it ends. */
static bool mark_token(struct sops_yaml_source *s, const struct sops_yaml_token *t, struct sops_err *e)
{
    uint8_t kind;
    if (!s->doc->reading.marks) {
        return true;
    }
    if (!mark_comments(s, t->span.begin - s->origin, e)) {
        return false;
    }
    s->marked = t->span.end - s->origin;
    if (t->type == YAML_SCALAR_TOKEN &&
        (s->in.ptr[t->span.begin - s->origin] == '|' || s->in.ptr[t->span.begin - s->origin] == '>')) {
        struct sops_slice rest = sops_slice_skip(s->in, t->span.begin - s->origin);
        size_t line = 0;
        while (line < rest.len && sops_yaml_break_at(rest, line) == 0) {
            line++;
        }
        s->marked -= t->span.end - t->span.begin;
        if (!mark_comments(s, s->marked + line, e)) {
            return false;
        }
        s->marked = t->span.end - s->origin;
    }
    if (t->type == YAML_DOCUMENT_START_TOKEN) {
        kind = SOPS_MARK_START;
    } else if (t->type == YAML_DOCUMENT_END_TOKEN) {
        kind = SOPS_MARK_END;
    } else if (t->type == YAML_VERSION_DIRECTIVE_TOKEN || t->type == YAML_TAG_DIRECTIVE_TOKEN) {
        kind = SOPS_MARK_DIRECTIVE;
    } else {
        return true;
    }
    return sops_doc_mark(s->doc, (struct sops_mark){.kind = kind, .line = t->line + 1, .span = t->span}, e);
}

/* Scans one token that is no BLOCK-END and the BLOCK-ENDs before it, with the comments around. */
static bool scan(struct sops_yaml_source *s, struct sops_err *e)
{
    size_t ends = 0;
    for (;;) {
        yaml_token_t t;
        if (!yaml_parser_scan(&s->parser, &t)) {
            return scanner_failed(s, e);
        }
        struct sops_yaml_token ours;
        bool fine = convert(s, &t, &ours, e);
        yaml_mark_t end = t.end_mark;
        bool literal = t.type == YAML_SCALAR_TOKEN && (t.data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                                                       t.data.scalar.style == YAML_FOLDED_SCALAR_STYLE);
        yaml_token_delete(&t);
        if (!fine) {
            return false;
        }
        if (ours.type == YAML_BLOCK_END_TOKEN) {
            if (!push(s, &ours, e)) {
                return false;
            }
            ends++;
            continue;
        }
        if (ours.type == YAML_STREAM_END_TOKEN) {
            s->ended = true;
            end_column(s, &ours);
        }
        size_t start_byte = seek(s, ours.index);
        size_t end_byte = seek(s, end.index);
        ours.span = (struct sops_span){s->origin + (uint32_t)start_byte, s->origin + (uint32_t)end_byte};
        if (!sops_yaml_gap(s, start_byte, e)) {
            return false;
        }
        if (ends != 0) {
            sops_yaml_place_ends(s, s->queue + s->queue_len - ends, ends, &ours);
        }
        size_t before = ends != 0 ? s->queue[s->queue_len - 1].index : s->last_index;
        s->before_type = ends != 0 ? YAML_BLOCK_END_TOKEN : s->last_type;
        s->before_index = before;
        s->last_type = ours.type;
        s->last_index = ours.index;
        if (!push(s, &ours, e) || !nest(s, &ours, e)) {
            return false;
        }
        s->rest = (struct sops_yaml_place){end.index, end_byte, end.line, end.column};
        return (s->ended || sops_yaml_rest(s, &s->queue[s->queue_len - 1], start_byte, literal, e)) &&
               mark_token(s, &s->queue[s->queue_len - 1], e);
    }
}

const struct sops_yaml_token *sops_yaml_look(struct sops_yaml_source *s, struct sops_err *e)
{
    while (!s->ended && s->queue_len - s->queue_at < AHEAD) {
        if (!scan(s, e)) {
            return NULL;
        }
    }
    const struct sops_yaml_token *t = &s->queue[s->queue_at];
    return sops_yaml_hand_out(s, t, e) ? t : NULL;
}

void sops_yaml_pass(struct sops_yaml_source *s)
{
    const struct sops_yaml_token *t = &s->queue[s->queue_at];
    if (t->type == YAML_STREAM_END_TOKEN) {
        return; /* it is looked at again and again */
    }
    if (t->type != YAML_BLOCK_END_TOKEN) {
        s->passed_end = t->span.end;
        s->passed_line = t->line;
    }
    s->queue_at++;
}
