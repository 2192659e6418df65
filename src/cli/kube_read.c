/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a file is, kubectl reads one YAML stream; a plain document is its bytes. */
#include "cli/kube.h"

#include "base/text.h"
#include "manifest/change.h"

static const char *shown(const char *path) { return path != NULL ? path : "stdin"; }

/* ---- what becomes of opened objects ------------------------------------------------------------------------------ */

/* kubectl shows in a diff what it does not hide, and writes it into files. */
static bool check_diff(const struct kube_read *r, const char *path, const struct sops_node *root, struct sops_err *e)
{
    const struct sops_node *other;
    if (r->words->verb != KUBE_DIFF || r->words->show || sops_object_is_hidden(root, &other)) {
        return true;
    }
    struct sops_arena a = {0};
    struct sops_object_name name = sops_object_name_of(other);
    const char *label = "";
    if (sops_object_label(&a, path, &name, 1, &label, e)) {
        sops_fail(e, SOPS_E_READ,
                  "'%s' was encrypted, and kubectl would show its values: it hides those of Secrets only", label);
        sops_hint(e, "--show does it all the same");
    }
    sops_arena_free(&a);
    return false;
}

static bool change_object(void *arg, struct sops_doc *d, struct sops_node *root, const struct sops_manifest *m,
                          struct sops_err *e)
{
    const struct kube_read *r = arg;
    (void)m;
    if (!check_diff(r, NULL, root, e)) {
        return false;
    }
    if (r->words->verb == KUBE_DELETE) {
        sops_object_strip(root);
        return true;
    }
    return sops_object_data(d, root, e);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

/* Directives belong to the marker that follows; behind one of ours they would be no YAML. */
static bool is_directives(struct sops_slice text)
{
    struct sops_slice line;
    bool any = false;
    while (text.len != 0 && sops_slice_next(&text, '\n', &line)) {
        bool directive = line.len != 0 && line.ptr[0] == '%';
        any = any || directive;
        line = sops_slice_trim(line);
        if (!directive && line.len != 0 && line.ptr[0] != '#') {
            return false;
        }
    }
    return any;
}

static bool add_document(struct sops_buf *out, struct sops_slice marker, struct sops_slice text, struct sops_err *e)
{
    if (is_directives(text)) {
        return true;
    }
    return (marker.len != 0 ? sops_buf_add(out, marker, e) : sops_buf_adds(out, "---\n", e)) &&
           sops_buf_add(out, text, e) && (out->ptr[out->len - 1] == '\n' || sops_buf_addc(out, '\n', e));
}

static bool add_stream(struct kube_read *r, const char *path, struct sops_slice text, struct sops_err *e)
{
    struct sops_manifests m = {0};
    struct sops_manifest_how how = {.common = r->common, .path = path, .change = change_object, .arg = r};
    bool ok = sops_manifests_split(&m, path, text, e) && sops_manifests_open(&m, &how, e) &&
              sops_buf_reserve(&r->stream, text.len + 8, e);
    for (size_t i = 0; ok && i < m.count; i++) {
        const struct sops_manifest *one = &m.all[i];
        struct sops_slice none = {0};
        r->opened = r->opened || one->sealed != NULL;
        ok = one->sealed != NULL ? add_document(&r->stream, none, sops_buf_view(&one->sealed->clear), e)
                                 : add_document(&r->stream, sops_manifest_marker(one), sops_manifest_text(one), e);
    }
    sops_manifests_free(&m);
    return ok;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static const struct sops_format *json(void) { return sops_format_named(SOPS_LIT("json")); }

/* A file of one value, and metadata around it. */
static bool is_binary(const struct sops_node *root)
{
    size_t others = 0;
    const struct sops_node *data = sops_node_find(root, SOPS_LIT("data"));
    for (const struct sops_node *n = root->child; n != NULL; n = n->next) {
        others += !sops_slice_eq(n->key, SOPS_LIT("data")) && !sops_slice_eq(n->key, SOPS_LIT("sops"));
    }
    return others == 0 && data != NULL && data->kind == SOPS_STR;
}

static bool is_sealed(const struct sops_doc *d)
{
    const struct sops_node *root = d->parts;
    const struct sops_node *sops = root != NULL && root->next == NULL ? sops_node_find(root, SOPS_LIT("sops")) : NULL;
    return sops != NULL && sops->kind == SOPS_MAP && sops_node_find(sops, SOPS_LIT("mac")) != NULL;
}

/* What was sealed as a whole is a stream of plain documents; but nobody has seen it in clear, so a diff is as careful.
 */
static bool add_binary(struct kube_read *r, struct sops_job *j, struct sops_err *e)
{
    struct sops_manifests m = {0};
    bool ok = sops_step_emit(j, e);
    struct sops_slice text = sops_text_without_mark(sops_buf_view(&j->bytes));
    ok = ok && sops_manifests_split(&m, j->path, text, e);
    for (size_t i = 0; ok && i < m.count; i++) {
        struct sops_doc d = {0};
        if (r->words->verb == KUBE_DIFF && !r->words->show && !sops_manifest_is_empty(sops_manifest_text(&m.all[i]))) {
            ok = (sops_doc_parse(&d, sops_manifest_format(), sops_manifest_text(&m.all[i]), e) ||
                  sops_recode(e, SOPS_E_READ)) &&
                 check_diff(r, j->path, d.parts, e);
        }
        sops_doc_free(&d);
        ok = ok && add_document(&r->stream, sops_manifest_marker(&m.all[i]), sops_manifest_text(&m.all[i]), e);
    }
    sops_manifests_free(&m);
    return ok;
}

static bool add_object(struct kube_read *r, struct sops_job *j, struct sops_err *e)
{
    struct sops_doc *d = sops_envelope_clear(j->env, e);
    j->out = sops_manifest_format();
    sops_job_style(j);
    bool ok = d != NULL && (d->parts == NULL || change_object(r, d, d->parts, NULL, e)) && sops_step_emit(j, e);
    return ok && add_document(&r->stream, (struct sops_slice){0}, sops_buf_view(&j->bytes), e);
}

static bool add_sealed_json(struct kube_read *r, const char *path, const struct sops_doc *d, struct sops_slice text,
                            struct sops_err *e)
{
    bool binary = is_binary(d->parts);
    struct sops_job j = sops_job_beside(r->common, path);
    j.in = j.out = binary ? sops_format_named(SOPS_LIT("binary")) : json();
    j.env = sops_envelope_new(j.world, shown(path), e);
    r->opened = true;
    bool ok = j.env != NULL && sops_envelope_parse(j.env, j.in, text, e) && sops_step_version(&j, e) &&
              sops_input_unlock(&j, r->common, e) && (binary ? add_binary(r, &j, e) : add_object(r, &j, e));
    sops_job_free(&j);
    return ok;
}

/* The reader of kubectl takes no tabs in YAML, and numbers are to keep their texts: so only tabs are changed. */
static bool add_plain_json(struct kube_read *r, struct sops_slice text, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool in_string = false, ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (in_string && c == '\\' && i + 1 < text.len) {
            ok = sops_buf_addc(&out, c, e) && sops_buf_addc(&out, text.ptr[++i], e);
            continue;
        }
        in_string = in_string != (c == '"');
        ok = c != '\t' ? sops_buf_addc(&out, c, e) : sops_buf_adds(&out, in_string ? "\\t" : "    ", e);
    }
    ok = ok && add_document(&r->stream, (struct sops_slice){0}, sops_buf_view(&out), e);
    sops_buf_free(&out);
    return ok;
}

static bool add_json(struct kube_read *r, const char *path, const struct sops_doc *d, struct sops_slice text,
                     struct sops_err *e)
{
    bool ok = true;
    if (is_sealed(d)) {
        return add_sealed_json(r, path, d, text, e);
    }
    for (const struct sops_node *part = d->parts; ok && part != NULL; part = part->next) {
        ok = add_plain_json(r, sops_slice_of(text.ptr + part->span.begin, part->span.end - part->span.begin), e);
    }
    return ok;
}

/* ---- a file ------------------------------------------------------------------------------------------------------ */

static bool add_text(struct kube_read *r, const char *path, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice trimmed = sops_slice_trim(text);
    bool named = path != NULL && sops_slice_ends(sops_str(path), SOPS_LIT(".json"));
    if (!named && (trimmed.len == 0 || trimmed.ptr[0] != '{')) {
        return add_stream(r, path, text, e);
    }
    struct sops_doc d = {0};
    struct sops_err why = {0};
    bool is_json = sops_doc_parse_row(&d, json(), text, &why), ok;
    if (is_json) {
        ok = add_json(r, path, &d, text, e);
    } else if (!named && !why.memory) {
        ok = add_stream(r, path, text, e);
    } else {
        ok = sops_fail(e, why.memory ? SOPS_E_GENERIC : SOPS_E_READ, "cannot parse '%s' as json: %s", shown(path),
                       why.msg);
        sops_hint(e, "a file of YAML ends in .yaml or .yml");
        e->line = why.line;
    }
    sops_err_clear(&why);
    sops_doc_free(&d);
    return ok;
}

bool sops_kube_read(struct kube_read *r, const char *path, struct sops_buf *text, struct sops_err *e)
{
    struct sops_buf own = {0};
    struct sops_slice name = sops_str(path);
    if (sops_slice_ends(name, SOPS_LIT(".env")) || sops_slice_ends(name, SOPS_LIT(".ini"))) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' is no manifest", path) ||
               sops_hint(e, "a Secret is made of it by a generator of sops krm, under envs or files");
    }
    text = text != NULL ? text : &own;
    bool ok = (text != &own || sops_input_read(path, SOPS_MANIFEST_MAX, text, e)) &&
              add_text(r, path, sops_text_without_mark(sops_buf_view(text)), e);
    sops_buf_free(text);
    return ok || sops_name_file(e, shown(path));
}
