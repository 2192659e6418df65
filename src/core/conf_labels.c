/* SPDX-License-Identifier: Apache-2.0 */
/* A reading of its own, beside that of conf.c: only who shows names of keys needs it. libyaml counts characters, not
 * bytes, so the comment is looked for from the line on. */
#include "core/conf.h"

#include "base/text.h"

#include <yaml.h>

/* What goes forward over the lines of the text, as the events do. */
struct lines {
    struct sops_slice rest; /* from the line `number` on */
    size_t number;
};

static struct sops_slice line_at(struct lines *l, size_t number)
{
    while (l->number < number && l->rest.len != 0) {
        l->rest = sops_slice_skip(l->rest, sops_slice_find(l->rest, '\n') + 1);
        l->number++;
    }
    return sops_slice_first(l->rest, sops_slice_find(l->rest, '\n'));
}

/* The comment behind the column (in characters) of a line, without blanks around it. */
static struct sops_slice comment_behind(struct sops_slice line, size_t column)
{
    for (; column > 0 && line.len != 0; column--) {
        uint32_t cp;
        size_t n = sops_utf8_next(line, &cp);
        line = sops_slice_skip(line, n != 0 ? n : 1);
    }
    size_t i = 0;
    while (i < line.len && memchr(" \t,]}", line.ptr[i], 5) != NULL) {
        i++;
    }
    bool is = i > 0 && i < line.len && line.ptr[i] == '#' && (line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t');
    return is ? sops_slice_trim(sops_slice_skip(line, i + 1)) : (struct sops_slice){0};
}

bool sops_conf_labels(struct sops_slice in, sops_conf_label_fn *tell, void *ctx, struct sops_err *e)
{
    yaml_parser_t parser;
    struct lines lines = {in, 0};
    bool ok = true, done = false;
    if (yaml_parser_initialize(&parser) == 0) {
        return sops_fail_memory(e);
    }
    yaml_parser_set_input_string(&parser, in.len != 0 ? in.ptr : (const uint8_t *)"", in.len);
    while (ok && !done) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT || event.type == YAML_DOCUMENT_END_EVENT;
        if (event.type == YAML_SCALAR_EVENT) {
            struct sops_slice anchor = sops_str((const char *)event.data.scalar.anchor), comment = {0};
            bool block = event.data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                         event.data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
            if (!block) {
                comment = comment_behind(line_at(&lines, event.end_mark.line), event.end_mark.column);
            }
            if (anchor.len != 0 || comment.len != 0) {
                ok = tell(ctx, sops_slice_of(event.data.scalar.value, event.data.scalar.length), anchor, comment, e);
            }
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}
