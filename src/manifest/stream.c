/* SPDX-License-Identifier: Apache-2.0 */
/* YAML allows `---` nowhere at the left margin but between documents, so a stream is taken apart without being read.
 * Only what may be sealed is: its text holds the words that must be in it. */
#include "manifest/manifest.h"

#include "base/table.h"
#include "base/text.h"

#define CONTROLLER_KIND "SopsSecret"
#define CONTROLLER_GROUP "isindir.github.com/"

const struct sops_format *sops_manifest_format(void) { return sops_format_named(SOPS_LIT("yaml")); }

/* ---- one document ------------------------------------------------------------------------------------------------ */

static struct sops_slice text_of(const struct sops_node *map, const char *key)
{
    const struct sops_node *n = map != NULL && map->kind == SOPS_MAP ? sops_node_find(map, sops_str(key)) : NULL;
    return n != NULL && n->kind == SOPS_STR ? n->text : (struct sops_slice){0};
}

struct sops_object_name sops_object_name_of(const struct sops_node *root)
{
    const struct sops_node *meta = sops_node_find(root, SOPS_LIT("metadata"));
    return (struct sops_object_name){text_of(root, "apiVersion"), text_of(root, "kind"), text_of(meta, "name"),
                                     text_of(meta, "namespace")};
}

static bool is_clear(struct sops_slice s) { return s.len != 0 && !sops_slice_starts(s, SOPS_LIT("ENC[")); }

static bool add_part(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    size_t from = out->len;
    bool ok = sops_buf_add(out, sops_slice_first(text, 100), e);
    sops_text_tame(out, from);
    return ok;
}

bool sops_object_label(struct sops_arena *a, const char *file, const struct sops_object_name *name, size_t number,
                       const char **out, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice copy = {0};
    bool ok = file == NULL || (sops_buf_adds(&text, file, e) && sops_buf_adds(&text, ": ", e));
    if (is_clear(name->kind) && is_clear(name->name)) {
        ok = ok && add_part(&text, name->kind, e) && sops_buf_addc(&text, ' ', e) &&
             (!is_clear(name->space) || (add_part(&text, name->space, e) && sops_buf_addc(&text, '/', e))) &&
             add_part(&text, name->name, e);
    } else {
        ok = ok && sops_buf_addf(&text, e, "document %zu", number);
    }
    ok = ok && sops_arena_copy(a, sops_buf_view(&text), &copy, e);
    *out = (const char *)copy.ptr;
    sops_buf_free(&text);
    return ok;
}

bool sops_manifest_is_empty(struct sops_slice text)
{
    struct sops_slice line;
    while (text.len != 0 && sops_slice_next(&text, '\n', &line)) {
        line = sops_slice_trim(line);
        if (line.len != 0 && line.ptr[0] != '#' && line.ptr[0] != '%') {
            return false;
        }
    }
    return true;
}

static bool holds(struct sops_slice text, struct sops_slice word)
{
    return text.len != 0 && memmem(text.ptr, text.len, word.ptr, word.len) != NULL;
}

static bool copy_name(struct sops_arena *a, struct sops_object_name *name, struct sops_err *e)
{
    return sops_arena_copy(a, name->api, &name->api, e) && sops_arena_copy(a, name->kind, &name->kind, e) &&
           sops_arena_copy(a, name->name, &name->name, e) && sops_arena_copy(a, name->space, &name->space, e);
}

/* `root` is the document, read. */
static bool look_into(struct sops_manifests *m, const char *file, const struct sops_node *root,
                      struct sops_manifest *to, struct sops_err *e)
{
    const struct sops_node *sops, *mac;
    if (root->kind != SOPS_MAP || (sops = sops_node_find(root, SOPS_LIT("sops"))) == NULL || sops->kind != SOPS_MAP ||
        (mac = sops_node_find(sops, SOPS_LIT("mac"))) == NULL) {
        return true;
    }
    struct sops_object_name of = sops_object_name_of(root);
    if (sops_slice_eq(of.kind, SOPS_LIT(CONTROLLER_KIND)) && sops_slice_starts(of.api, SOPS_LIT(CONTROLLER_GROUP))) {
        return true;
    }
    struct sops_sealed_manifest *made = sops_arena_alloc(&m->arena, sizeof *made, e);
    if (made == NULL) {
        return false;
    }
    made->of = of;
    to->sealed = made;
    return sops_arena_copy(&m->arena, mac->text, &made->mac, e) && copy_name(&m->arena, &made->of, e) &&
           sops_object_label(&m->arena, file, &made->of, m->count, &made->label, e);
}

static bool look_at(struct sops_manifests *m, const char *file, struct sops_manifest *to, struct sops_err *e)
{
    struct sops_doc d = {0};
    struct sops_err why = {0};
    if (!holds(to->text, SOPS_LIT("sops")) || !holds(to->text, SOPS_LIT("mac"))) {
        return true;
    }
    bool ok = true;
    if (sops_doc_parse(&d, sops_manifest_format(), to->text, &why)) {
        ok = d.parts == NULL || d.parts->next != NULL || look_into(m, file, d.parts, to, e);
    } else if (why.memory) {
        ok = sops_fail_memory(e);
    }
    sops_err_clear(&why);
    sops_doc_free(&d);
    return ok;
}

static struct sops_manifest *add_one(struct sops_manifests *m, struct sops_slice marker, struct sops_slice text,
                                     struct sops_err *e)
{
    struct sops_manifest *grown = sops_grow(m->all, m->count, &m->room, sizeof *grown, e);
    if (grown == NULL) {
        return NULL;
    }
    m->all = grown;
    m->all[m->count] = (struct sops_manifest){.marker = marker, .text = text};
    return &m->all[m->count++];
}

bool sops_manifests_add(struct sops_manifests *m, struct sops_slice text, const struct sops_node *root,
                        struct sops_err *e)
{
    struct sops_manifest *one = add_one(m, (struct sops_slice){0}, text, e);
    return one != NULL && look_into(m, NULL, root, one, e);
}

static bool add_document(struct sops_manifests *m, const char *file, struct sops_slice marker, struct sops_slice text,
                         struct sops_err *e)
{
    struct sops_manifest *one = add_one(m, marker, text, e);
    return one != NULL && look_at(m, file, one, e);
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

/* Does a new document begin with this line, which has no line end? */
static bool is_marker(struct sops_slice line)
{
    return sops_slice_starts(line, SOPS_LIT("---")) &&
           (line.len == 3 || line.ptr[3] == ' ' || line.ptr[3] == '\t' || line.ptr[3] == '\r');
}

/* How much of the marker line belongs to the marker: all of it, unless a text stands there. */
static size_t marker_size(struct sops_slice line, size_t with_end)
{
    struct sops_slice rest = sops_slice_trim(sops_slice_skip(line, 3));
    return rest.len == 0 || rest.ptr[0] == '#' ? with_end : 3;
}

bool sops_manifests_split(struct sops_manifests *m, const char *file, struct sops_slice stream, struct sops_err *e)
{
    struct sops_slice marker = {0}, rest = sops_text_without_mark(stream);
    const uint8_t *const start = rest.ptr;
    const uint8_t *begin = stream.ptr; /* of the text of the document at hand */
    if (sops_text_is_utf16(stream)) {  /* what is sealed in it would not be seen */
        return sops_fail(e, SOPS_E_READ, "a manifest stream is UTF-8, and this is UTF-16") ||
               sops_hint(e, SOPS_UTF16_HINT);
    }
    while (rest.len != 0) {
        struct sops_slice line = sops_slice_first(rest, sops_slice_find(rest, '\n'));
        size_t with_end = line.len + (line.len != rest.len);
        if (is_marker(line)) {
            bool first = rest.ptr == start; /* then a byte order mark stays in front of it */
            if (!first && !add_document(m, file, marker, sops_slice_of(begin, (size_t)(rest.ptr - begin)), e)) {
                return false;
            }
            const uint8_t *from = first ? stream.ptr : rest.ptr;
            begin = rest.ptr + marker_size(line, with_end);
            marker = sops_slice_of(from, (size_t)(begin - from));
        }
        rest = sops_slice_skip(rest, with_end);
    }
    return stream.len == 0 ||
           add_document(m, file, marker, sops_slice_of(begin, (size_t)(stream.ptr + stream.len - begin)), e);
}

bool sops_manifests_group(struct sops_manifests *m, struct sops_err *e)
{
    struct sops_table last = {0}; /* by mac */
    bool ok = true;
    for (size_t i = 0; ok && i < m->count; i++) {
        struct sops_sealed_manifest *one = m->all[i].sealed;
        bool is_new = false;
        void **place = one != NULL ? sops_table_put(&last, one->mac, &is_new, e) : NULL;
        ok = one == NULL || place != NULL;
        if (place != NULL && !is_new) {
            ((struct sops_sealed_manifest *)*place)->next = i;
            one->follows = true;
        }
        if (place != NULL) {
            *place = one;
        }
    }
    sops_table_free(&last);
    return ok;
}

void sops_manifests_free(struct sops_manifests *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->all[i].sealed != NULL) {
            sops_buf_free(&m->all[i].sealed->clear);
        }
    }
    sops_free(m->all);
    sops_arena_free(&m->arena);
    *m = (struct sops_manifests){0};
}
