/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a stream: put together again it is the same, and none of it becomes another document's. Any text is a
 * resource list or is refused; written, it is read again with the same items. Generators in it are read or refused, and
 * what opened objects would become. */
#include "base/text.h"
#include "manifest/change.h"
#include "manifest/list.h"

#include <stdlib.h>

static void expect(bool what)
{
    if (!what) {
        abort();
    }
}

static void take_stream(struct sops_slice text)
{
    struct sops_manifests m = {0};
    struct sops_buf whole = {0};
    struct sops_err e = {0};
    if (sops_text_is_utf16(text)) {
        expect(!sops_manifests_split(&m, "fuzz", text, &e) && m.count == 0);
        sops_err_clear(&e);
        return;
    }
    expect(sops_manifests_split(&m, "fuzz", text, &e) && sops_manifests_group(&m, &e));
    for (size_t i = 0; i < m.count; i++) {
        expect(sops_buf_add(&whole, sops_manifest_marker(&m.all[i]), &e) &&
               sops_buf_add(&whole, sops_manifest_text(&m.all[i]), &e));
        const struct sops_sealed_manifest *one = m.all[i].sealed;
        expect(one == NULL || one->next == 0 || one->next > i);
        (void)sops_manifest_is_empty(sops_manifest_text(&m.all[i]));
    }
    expect(sops_slice_eq(sops_buf_view(&whole), text));
    sops_buf_free(&whole);
    sops_manifests_free(&m);
}

static void take_generator(const struct sops_node *root)
{
    struct sops_generator g = {0};
    struct sops_err e = {0};
    bool ok = sops_generator_read(&g, root, &e);
    expect(ok == (e.code == SOPS_OK));
    for (size_t i = 0; ok && i < g.secrets; i++) {
        struct sops_new_secret s = {0};
        struct sops_buf out = {0};
        struct sops_err why = {0};
        (void)(sops_new_secret_begin(&s, &g.secret[i], &why) &&
               sops_new_secret_env(&s, SOPS_LIT("A=1\nB=\"x\\n\"\n"), &why) && sops_new_secret_end(&s, &out, &why));
        sops_err_clear(&why);
        sops_buf_free(&out);
        sops_new_secret_free(&s);
    }
    sops_err_clear(&e);
    sops_generator_free(&g);
}

/* How many items it has; SIZE_MAX when it is no list. */
static size_t take_list(struct sops_slice text, struct sops_buf *out)
{
    struct sops_resource_list l = {0};
    struct sops_err e = {0};
    bool ok = sops_list_read(&l, text, &e), strict;
    expect(ok == (e.code == SOPS_OK));
    size_t count = ok ? l.items.count : SIZE_MAX;
    for (size_t i = 0; ok && i < count; i++) {
        if (sops_is_generator(l.nodes[i], &strict)) {
            take_generator(l.nodes[i]);
        }
    }
    (void)(ok && sops_list_config_is_apart(&l));
    if (ok && out != NULL) {
        ok = sops_list_begin(out, l.api, count == 0, &e);
        for (size_t i = 0; ok && i < count; i++) {
            ok = sops_list_item(out, sops_manifest_text(&l.items.all[i]), &e);
        }
        expect(ok);
    }
    sops_err_clear(&e);
    sops_list_free(&l);
    return count;
}

static void take_object(struct sops_slice text)
{
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_notes n = {0};
    struct sops_arena a = {0};
    const struct sops_node *other;
    if (sops_doc_parse(&d, sops_manifest_format(), text, &e) && d.parts != NULL) {
        expect(sops_notes_take(&n, &a, d.parts, &e));
        sops_notes_put(&n);
        (void)sops_object_is_hidden(d.parts, &other);
        (void)sops_object_data(&d, d.parts, &e);
        sops_object_strip(d.parts);
    }
    sops_err_clear(&e);
    sops_arena_free(&a);
    sops_doc_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_slice text = sops_slice_of(data, size);
    struct sops_buf written = {0};
    struct sops_err e = {0};
    take_stream(text);
    size_t count = take_list(text, &written);
    if (count != SIZE_MAX && sops_list_check(sops_buf_view(&written), text, count, &e)) {
        expect(take_list(sops_buf_view(&written), NULL) == count);
    }
    sops_err_clear(&e);
    sops_buf_free(&written);
    take_object(text);
    expect(sops_mem_live() == 0);
    return 0;
}
