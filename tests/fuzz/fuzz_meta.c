/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata: the first byte chooses the layout, the next two an allocation that fails, the rest is a JSON document
 * (nested) or lines NAME=VALUE (flat). What could be read is written and read again, and must then be the same.
 */
#include "core/meta.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sops_slice none;

static bool parse_lines(struct sops_doc *d, enum sops_layout l, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice line;
    struct sops_node *to = sops_node_add(d, NULL, SOPS_MAP, none, none, e);
    if (to != NULL && l == SOPS_META_SECTION) {
        to = sops_node_add(d, to, SOPS_MAP, SOPS_LIT("sops"), none, e);
    }
    while (to != NULL && sops_slice_next(&text, '\n', &line)) {
        size_t equals = sops_slice_find(line, '=');
        if (sops_node_add(d, to, SOPS_STR, sops_slice_first(line, equals), sops_slice_skip(line, equals + 1), e) ==
            NULL) {
            return false;
        }
    }
    return to != NULL;
}

/* Attached and detached, `m` is as it was. */
static void check_again(const struct sops_meta *m, enum sops_layout l)
{
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_meta again = {0};
    if (!sops_meta_attach(&d, l, m, &e)) {
        abort();
    }
    /* The flat form has nothing for an empty list of groups or an empty group. */
    bool full = m->groups != NULL;
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        full = full && g->keys != NULL;
    }
    if (sops_meta_detach(&d, l, &again, &e)) {
        if (again.threshold != m->threshold || !sops_slice_eq(again.last_modified, m->last_modified) ||
            (l != SOPS_META_SECTION && !sops_slice_eq(again.mac, m->mac))) {
            abort();
        }
    } else if (full) {
        abort();
    }
    sops_err_clear(&e);
    sops_meta_free(&again);
    sops_doc_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    enum sops_layout l = (enum sops_layout)(data[0] % 3);
    struct sops_slice text = sops_slice_of(data + 3, size - 3);
    struct sops_err e = {0};
    struct sops_doc d = {0};
    struct sops_meta m = {0};
    sops_mem_fail_at((uint64_t)data[1] << 8 | data[2]);
    bool ok = (l == SOPS_META_NESTED ? sops_format_json.parse(&d, text, &e) : parse_lines(&d, l, text, &e)) &&
              sops_meta_detach(&d, l, &m, &e);
    sops_mem_fail_at(0);
    if (ok != (e.code == SOPS_OK)) {
        abort();
    }
    if (ok) {
        check_again(&m, l);
    }
    sops_err_clear(&e);
    sops_meta_free(&m);
    sops_doc_free(&d);
    if (sops_mem_live() != 0) {
        abort();
    }
    return 0;
}
