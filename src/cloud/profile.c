/* SPDX-License-Identifier: Apache-2.0 */
/* A line that begins with a blank below a key without a value belongs to that key's block (AWS's `services`); anywhere
 * else it is an ordinary line. Either '=' or ':' ends a key, whichever comes first. */
#include "cloud/profile.h"

struct sops_ini_section {
    struct sops_slice name;
    struct sops_ini_section *next;
};

struct reading {
    struct sops_ini *ini;
    struct sops_arena *a;
    struct sops_slice section, block; /* block.len 0: in none */
    bool in_section;
};

/* A comment begins a line, or stands behind a blank. */
static struct sops_slice without_comment(struct sops_slice value)
{
    for (size_t i = 1; i < value.len; i++) {
        if ((value.ptr[i] == '#' || value.ptr[i] == ';') && (value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t')) {
            return sops_slice_trim(sops_slice_first(value, i));
        }
    }
    return sops_slice_trim(value);
}

static bool begin_section(struct reading *r, struct sops_slice line,
                          bool (*rename)(struct sops_slice name, struct sops_slice *kept), struct sops_err *e)
{
    size_t end = sops_slice_find(line, ']');
    struct sops_slice name = sops_slice_trim(sops_slice_skip(sops_slice_first(line, end), 1));
    struct sops_ini_section *s;
    r->block.len = 0;
    r->in_section = end < line.len && (rename == NULL || rename(name, &name));
    if (!r->in_section) {
        return true;
    }
    s = sops_arena_alloc(r->a, sizeof *s, e);
    if (s == NULL || !sops_arena_copy(r->a, name, &s->name, e)) {
        return false;
    }
    s->next = r->ini->sections;
    r->ini->sections = s;
    r->section = s->name;
    return true;
}

static bool add_setting(struct reading *r, struct sops_slice key, struct sops_slice value, struct sops_err *e)
{
    struct sops_setting *s = sops_arena_alloc(r->a, sizeof *s, e);
    bool nested = r->block.len > 0;
    if (s == NULL || !sops_arena_copy(r->a, value, &s->value, e) ||
        !sops_arena_printf(r->a, &s->key, e, "%.*s%s%.*s", SOPS_ARG(r->block), nested ? "." : "", SOPS_ARG(key))) {
        return false;
    }
    for (uint8_t *c = (uint8_t *)(uintptr_t)s->key.ptr; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (uint8_t)(*c | 0x20) : *c;
    }
    s->section = r->section;
    *(r->ini->last != NULL ? &r->ini->last->next : &r->ini->first) = s;
    r->ini->last = s;
    return true;
}

static bool read_line(struct reading *r, struct sops_slice line,
                      bool (*rename)(struct sops_slice name, struct sops_slice *kept), struct sops_err *e)
{
    bool indented = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
    struct sops_slice text = sops_slice_trim(line), key, value;
    size_t equals = sops_slice_find(text, '='), colon = sops_slice_find(text, ':');
    if (text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';') {
        return true;
    }
    if (text.ptr[0] == '[' && !indented) {
        return begin_section(r, text, rename, e);
    }
    equals = colon < equals ? colon : equals;
    key = sops_slice_trim(sops_slice_first(text, equals));
    if (!r->in_section || equals == text.len || key.len == 0) {
        return true;
    }
    value = without_comment(sops_slice_skip(text, equals + 1));
    if (!indented) {
        r->block.len = 0;
    }
    if (!indented && value.len == 0) {
        r->block = key;
        return true;
    }
    return add_setting(r, key, value, e);
}

bool sops_ini_read(struct sops_ini *ini, struct sops_arena *a, struct sops_slice text,
                   bool (*rename)(struct sops_slice name, struct sops_slice *kept), struct sops_err *e)
{
    struct reading r = {.ini = ini, .a = a};
    struct sops_slice rest = text, line;
    if (sops_slice_starts(rest, SOPS_LIT("\xef\xbb\xbf"))) {
        rest = sops_slice_skip(rest, 3);
    }
    while (rest.ptr != NULL && sops_slice_next(&rest, '\n', &line)) {
        if (!read_line(&r, line, rename, e)) {
            return false;
        }
    }
    return true;
}

const struct sops_setting *sops_ini_find(const struct sops_ini *ini, struct sops_slice section, struct sops_slice key)
{
    const struct sops_setting *found = NULL;
    for (const struct sops_setting *s = ini->first; s != NULL; s = s->next) {
        if (sops_slice_eq(s->key, key) && sops_slice_eq(s->section, section)) {
            found = s;
        }
    }
    return found;
}

bool sops_ini_has(const struct sops_ini *ini, struct sops_slice section)
{
    for (const struct sops_ini_section *s = ini->sections; s != NULL; s = s->next) {
        if (sops_slice_eq(s->name, section)) {
            return true;
        }
    }
    return false;
}
