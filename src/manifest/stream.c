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
    struct sops_slice text = sops_manifest_text(to);
    if (!holds(text, SOPS_LIT("sops")) || !holds(text, SOPS_LIT("mac"))) {
        return true;
    }
    bool ok = true;
    if (sops_doc_parse(&d, sops_manifest_format(), text, &why)) {
        ok = d.parts == NULL || d.parts->next != NULL || look_into(m, file, d.parts, to, e);
    } else if (why.memory) {
        ok = sops_fail_memory(e);
    }
    sops_err_clear(&why);
    sops_doc_free(&d);
    return ok;
}

/* `text` is what stands behind a marker of `marker_len` bytes. */
static struct sops_manifest *add_one(struct sops_manifests *m, size_t marker_len, struct sops_slice text,
                                     struct sops_err *e)
{
    struct sops_manifest *grown = sops_grow(m->all, m->count, &m->room, sizeof *grown, e);
    if (grown == NULL) {
        return NULL;
    }
    m->all = grown;
    m->all[m->count] = (struct sops_manifest){
        .at = text.ptr - marker_len, .marker_len = (uint32_t)marker_len, .text_len = (uint32_t)text.len};
    return &m->all[m->count++];
}

bool sops_manifests_add(struct sops_manifests *m, struct sops_slice text, const struct sops_node *root,
                        struct sops_err *e)
{
    struct sops_manifest *one = add_one(m, 0, text, e);
    return one != NULL && look_into(m, NULL, root, one, e);
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

/* Takes a line off the front, its end with it. */
static struct sops_slice take_line(struct sops_slice *rest)
{
    struct sops_slice line = sops_slice_first(*rest, sops_slice_find(*rest, '\n'));
    *rest = sops_slice_skip(*rest, line.len + (line.len != rest->len));
    return line;
}

/* Room for as many documents as there are: lists that double would be larger than a stream of small ones. */
static bool make_room(struct sops_manifests *m, struct sops_slice stream, struct sops_err *e)
{
    size_t room = m->count + 1;
    while (stream.len != 0) {
        room += is_marker(take_line(&stream));
    }
    struct sops_manifest *all = sops_alloc(room * sizeof *all, e);
    if (all == NULL) {
        return false;
    }
    if (m->count != 0) {
        memcpy(all, m->all, m->count * sizeof *all);
    }
    sops_free(m->all);
    m->all = all;
    m->room = room;
    return true;
}

/* The document at hand, which ends before `end`. */
static bool add_document(struct sops_manifests *m, const char *file, const uint8_t *begin, size_t marker_len,
                         const uint8_t *end, struct sops_err *e)
{
    const uint8_t *text = begin + marker_len;
    struct sops_manifest *one = add_one(m, marker_len, sops_slice_of(text, (size_t)(end - text)), e);
    return one != NULL && look_at(m, file, one, e);
}

bool sops_manifests_split(struct sops_manifests *m, const char *file, struct sops_slice stream, struct sops_err *e)
{
    struct sops_slice rest = sops_text_without_mark(stream);
    const uint8_t *const start = rest.ptr;
    const uint8_t *begin = stream.ptr; /* of the document at hand */
    size_t marker_len = 0;             /* of it */
    if (sops_text_is_utf16(stream)) {  /* what is sealed in it would not be seen */
        return sops_fail(e, SOPS_E_READ, "a manifest stream is UTF-8, and this is UTF-16") ||
               sops_hint(e, SOPS_UTF16_HINT);
    }
    if (stream.len == 0) {
        return true;
    }
    if (!make_room(m, rest, e)) {
        return false;
    }
    while (rest.len != 0) {
        struct sops_slice line = take_line(&rest);
        if (!is_marker(line)) {
            continue;
        }
        if (line.ptr != start) { /* else nothing but a byte order mark can stand in front of it, and stays there */
            if (!add_document(m, file, begin, marker_len, line.ptr, e)) {
                return false;
            }
            begin = line.ptr;
        }
        marker_len = (size_t)(line.ptr - begin) + marker_size(line, (size_t)(rest.ptr - line.ptr));
    }
    return add_document(m, file, begin, marker_len, stream.ptr + stream.len, e);
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
