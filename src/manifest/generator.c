/* SPDX-License-Identifier: Apache-2.0 */
/* What a generator names, and the Secrets that are made of it (docs/spec/74-kubernetes-and-exec.md
 * #what-a-generator-makes). A field that is misspelt would leave a secret out without a word, so SopsSecrets takes none
 * that it does not know; ksops always did. */
#include "manifest/list.h"

#include "base/ascii.h"
#include "base/encode.h"
#include "base/text.h"

bool sops_is_generator(const struct sops_node *root, bool *strict)
{
    if (root == NULL || root->kind != SOPS_MAP) {
        return false;
    }
    struct sops_object_name name = sops_object_name_of(root);
    *strict = sops_slice_eq(name.kind, SOPS_LIT("SopsSecrets"));
    return *strict
               ? sops_slice_eq(name.api, SOPS_LIT("sops/v1"))
               : sops_slice_eq(name.kind, SOPS_LIT("ksops")) && sops_slice_starts(name.api, SOPS_LIT("viaduct.ai/"));
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

#define FIELDS_HINT "fields are files and secretFrom; in its entries metadata, type, files, binaryFiles and envs"

/* `where`: "secretFrom[0]." or "". */
static bool wrong_field(const char *where, const char *field, const char *wanted, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_GENERIC, "the generator's '%s%s' is no %s", where, field, wanted) ||
           sops_hint(e, FIELDS_HINT);
}

/* A member, comments and null not counting. */
static const struct sops_node *member(const struct sops_node *map, const char *key)
{
    const struct sops_node *n = sops_node_find(map, sops_str(key));
    return n != NULL && n->kind != SOPS_NULL ? n : NULL;
}

static bool check_fields(const struct sops_node *map, const char *where, const char *const *known, struct sops_err *e)
{
    for (const struct sops_node *n = map->child; n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT && (n->key_kind != SOPS_STR || !sops_slice_is_any(n->key, known))) {
            sops_fail(e, SOPS_E_GENERIC, "the generator has an unknown field '%s%.*s'", where,
                      SOPS_ARG(sops_slice_first(n->key, 100)));
            return sops_hint(e, FIELDS_HINT);
        }
    }
    return true;
}

static size_t items_of(const struct sops_node *list)
{
    size_t count = 0;
    for (const struct sops_node *n = list->child; n != NULL; n = n->next) {
        count += n->kind != SOPS_COMMENT;
    }
    return count;
}

/* [KEY=]FILE */
static bool take_file(struct sops_arena *a, struct sops_slice text, bool keyed, struct sops_generator_file *f,
                      struct sops_err *e)
{
    struct sops_slice key = {0}, path = text, copy;
    size_t equals = sops_slice_find(text, '=');
    if (keyed && equals != text.len) {
        key = sops_slice_first(text, equals);
        path = sops_slice_skip(text, equals + 1);
        if (key.len == 0 || sops_slice_find(path, '=') != path.len) {
            sops_fail(e, SOPS_E_GENERIC, "'%.*s' is no [KEY=]FILE", SOPS_ARG(sops_slice_first(text, 200)));
            return sops_hint(e, "the name of a file with '=' in it cannot be written here: name the file otherwise");
        }
    }
    if (path.len == 0 || sops_slice_find(path, '\0') != path.len) {
        return sops_fail(e, SOPS_E_GENERIC, "the generator names a file without a name");
    }
    if (!sops_arena_copy(a, path, &copy, e)) {
        return false;
    }
    f->path = (const char *)copy.ptr;
    const char *slash = strrchr(f->path, '/');
    f->key = slash != NULL ? slash + 1 : f->path;
    if (key.len != 0) {
        bool ok = sops_arena_copy(a, key, &copy, e);
        f->key = (const char *)copy.ptr;
        return ok;
    }
    return true;
}

static bool take_files(struct sops_arena *a, const struct sops_node *map, const char *where, const char *field,
                       bool keyed, struct sops_generator_files *out, struct sops_err *e)
{
    const struct sops_node *list = member(map, field);
    if (list == NULL) {
        return true;
    }
    if (list->kind != SOPS_LIST) {
        return wrong_field(where, field, "list", e);
    }
    out->file = sops_arena_alloc(a, (items_of(list) + 1) * sizeof *out->file, e);
    bool ok = out->file != NULL;
    for (const struct sops_node *n = list->child; ok && n != NULL; n = n->next) {
        if (n->kind != SOPS_COMMENT) {
            ok = n->kind == SOPS_STR ? take_file(a, n->text, keyed, &out->file[out->count++], e)
                                     : wrong_field(where, field, "list of texts", e);
        }
    }
    return ok;
}

static bool take_secret(struct sops_generator *g, const struct sops_node *n, size_t index, struct sops_err *e)
{
    static const char *const known[] = {"metadata", "type", "files", "binaryFiles", "envs", NULL};
    struct sops_generator_secret *s = &g->secret[g->secrets++];
    const char *where = sops_arena_text(&g->arena, e, "secretFrom[%zu].", index);
    if (where == NULL) {
        return false;
    }
    if (n->kind != SOPS_MAP) {
        return wrong_field("", "secretFrom", "list of mappings", e);
    }
    const struct sops_node *type = member(n, "type");
    s->metadata = member(n, "metadata");
    if (s->metadata == NULL || s->metadata->kind != SOPS_MAP) {
        return wrong_field(where, "metadata", "mapping", e);
    }
    if (type != NULL && type->kind != SOPS_STR) {
        return wrong_field(where, "type", "text", e);
    }
    s->type = type != NULL ? type->text : (struct sops_slice){0};
    return (!g->strict || check_fields(n, where, known, e)) &&
           take_files(&g->arena, n, where, "files", true, &s->files, e) &&
           take_files(&g->arena, n, where, "binaryFiles", true, &s->binary_files, e) &&
           take_files(&g->arena, n, where, "envs", false, &s->envs, e);
}

static bool take_secrets(struct sops_generator *g, const struct sops_node *list, struct sops_err *e)
{
    if (list->kind != SOPS_LIST) {
        return wrong_field("", "secretFrom", "list", e);
    }
    g->secret = sops_arena_alloc(&g->arena, (items_of(list) + 1) * sizeof *g->secret, e);
    bool ok = g->secret != NULL;
    for (const struct sops_node *n = list->child; ok && n != NULL; n = n->next) {
        ok = n->kind == SOPS_COMMENT || take_secret(g, n, g->secrets, e);
    }
    return ok;
}

bool sops_generator_read(struct sops_generator *g, const struct sops_node *root, struct sops_err *e)
{
    static const char *const known[] = {"apiVersion", "kind", "metadata", "files", "secretFrom", NULL};
    const struct sops_node *secrets = member(root, "secretFrom");
    if (!sops_is_generator(root, &g->strict)) {
        sops_fail(e, SOPS_E_GENERIC, "it is no generator");
        return sops_hint(e, "apiVersion: sops/v1, kind: SopsSecrets; or viaduct.ai/v1, ksops");
    }
    if (member(root, "files") == NULL && secrets == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "the generator has neither 'files' nor 'secretFrom'") ||
               sops_hint(e, FIELDS_HINT);
    }
    return (!g->strict || check_fields(root, "", known, e)) &&
           take_files(&g->arena, root, "", "files", false, &g->files, e) &&
           (secrets == NULL || take_secrets(g, secrets, e));
}

void sops_generator_free(struct sops_generator *g)
{
    sops_arena_free(&g->arena);
    *g = (struct sops_generator){0};
}

/* ---- a Secret ---------------------------------------------------------------------------------------------------- */

static bool add_text(struct sops_new_secret *s, const char *key, struct sops_slice text, struct sops_err *e)
{
    return sops_node_add(&s->doc, s->root, SOPS_STR, sops_str(key), text, e) != NULL;
}

bool sops_new_secret_begin(struct sops_new_secret *s, const struct sops_generator_secret *from, struct sops_err *e)
{
    s->root = sops_node_add(&s->doc, NULL, SOPS_MAP, SOPS_LIT(""), SOPS_LIT(""), e);
    if (s->root == NULL || !add_text(s, "apiVersion", SOPS_LIT("v1"), e) ||
        !add_text(s, "kind", SOPS_LIT("Secret"), e)) {
        return false;
    }
    struct sops_node *meta = sops_node_copy(&s->doc, from->metadata, e);
    if (meta == NULL) {
        return false;
    }
    sops_node_link(s->root, s->root->last, meta);
    return from->type.len == 0 || add_text(s, "type", from->type, e);
}

/* May it stand in stringData? */
static bool is_text(struct sops_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            return false;
        }
    }
    return sops_utf8_valid(bytes);
}

static bool put_entry(struct sops_new_secret *s, struct sops_node **map, const char *name, struct sops_slice key,
                      struct sops_slice text, struct sops_err *e)
{
    if (*map == NULL) {
        *map = sops_node_add(&s->doc, s->root, SOPS_MAP, sops_str(name), SOPS_LIT(""), e);
    }
    struct sops_node *old = *map != NULL ? sops_node_find(*map, key) : NULL;
    return *map != NULL && (old != NULL ? sops_arena_copy(&s->doc.arena, text, &old->text, e)
                                        : sops_node_add(&s->doc, *map, SOPS_STR, key, text, e) != NULL);
}

bool sops_new_secret_add(struct sops_new_secret *s, struct sops_slice key, struct sops_slice bytes, bool binary,
                         struct sops_err *e)
{
    struct sops_buf text = {0};
    if (!binary && is_text(bytes)) {
        return put_entry(s, &s->strings, "stringData", key, bytes, e);
    }
    bool ok =
        sops_base64_add(&text, SOPS_B64_STD, bytes, e) && put_entry(s, &s->data, "data", key, sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

/* Within double quotes; other backslashes stay. */
static bool unescape(struct sops_slice in, struct sops_buf *out, struct sops_err *e)
{
    static const char from[] = "nrt\"\\", to[] = "\n\r\t\"\\";
    bool ok = true;
    for (size_t i = 0; ok && i < in.len; i++) {
        const char *found =
            in.ptr[i] == '\\' && i + 1 < in.len && in.ptr[i + 1] != 0 ? strchr(from, in.ptr[i + 1]) : NULL;
        ok = sops_buf_addc(out, found != NULL ? (uint8_t)to[found - from] : in.ptr[i], e);
        i += found != NULL;
    }
    return ok;
}

static bool add_line(struct sops_new_secret *s, struct sops_slice line, struct sops_err *e)
{
    struct sops_slice name = sops_slice_first(line, sops_slice_find(line, '='));
    struct sops_slice value = sops_slice_skip(line, name.len + 1);
    struct sops_buf text = {0};
    if (sops_slice_starts(name, SOPS_LIT("export "))) {
        name = sops_slice_trim(sops_slice_skip(name, 7));
    }
    uint8_t quote = value.len >= 2 ? value.ptr[0] : 0;
    bool quoted = (quote == '\'' || quote == '"') && value.ptr[value.len - 1] == quote;
    if (quoted) {
        value = sops_slice_of(value.ptr + 1, value.len - 2);
    }
    bool ok = (quoted && quote == '"' ? unescape(value, &text, e) : sops_buf_add(&text, value, e)) &&
              sops_new_secret_add(s, name, sops_buf_view(&text), false, e);
    sops_buf_free(&text);
    return ok;
}

bool sops_new_secret_env(struct sops_new_secret *s, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice line;
    bool ok = true;
    for (size_t number = 1; ok && text.len != 0 && sops_slice_next(&text, '\n', &line); number++) {
        line.len -= line.len != 0 && line.ptr[line.len - 1] == '\r';
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        ok = sops_slice_find(line, '=') != line.len
                 ? add_line(s, line, e)
                 : sops_fail(e, SOPS_E_GENERIC, "line %zu has no '='", number) ||
                       sops_hint(e, "envs takes dotenv files: NAME=value, a line each");
    }
    return ok;
}

bool sops_new_secret_end(struct sops_new_secret *s, struct sops_buf *out, struct sops_err *e)
{
    static const struct sops_style style = {.indent = 2, .indent_set = true};
    return sops_doc_emit(&s->doc, sops_manifest_format(), &style, out, e);
}

void sops_new_secret_free(struct sops_new_secret *s)
{
    sops_doc_free(&s->doc);
    *s = (struct sops_new_secret){0};
}
