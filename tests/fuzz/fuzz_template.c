/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is a template or is refused with its place; every pass over it sees the same pieces, and what a pass that
 * knows the places of the braces sees is what one that looks for them sees. The same text is redacted in two pieces as
 * in one. */
#include "core/redactor.h"
#include "core/template.h"

#include <stdlib.h>

static void expect(bool what)
{
    if (!what) {
        abort();
    }
}

/* Appends literals and paths of a pass; how it ended is its code. */
static int go_through(struct sops_template_places *places, struct sops_slice text, const struct sops_node *root,
                      struct sops_buf *out)
{
    static const struct sops_style style = {.indent = 2, .indent_set = true};
    struct sops_template t = {.places = places, .name = "t", .text = text};
    struct sops_err e = {0}, ignored = {0};
    while (sops_template_next(&t, &e)) {
        const struct sops_node *n = NULL;
        expect(sops_buf_add(out, t.literal, &ignored));
        if (!t.bare && sops_template_find(&t, root, &n, &ignored)) {
            (void)sops_template_value(&t, n, &style, out, &ignored);
        }
        sops_err_clear(&ignored);
        ignored = (struct sops_err){0};
    }
    int code = e.code;
    expect(code == SOPS_OK || code == SOPS_E_READ);
    sops_err_clear(&e);
    sops_template_free(&t);
    return code;
}

static void take_template(struct sops_slice text)
{
    struct sops_doc d = {0};
    struct sops_err e = {0};
    struct sops_template_places places = {0};
    struct sops_buf one = {0}, two = {0};
    expect(sops_doc_parse(&d, sops_format_named(SOPS_LIT("yaml")), SOPS_LIT("a: {b: [1, x]}\nb: \"t'\\n\"\n"), &e));
    if (go_through(&places, text, d.parts, &one) == SOPS_OK) {
        expect(places.complete);
        expect(go_through(&places, text, d.parts, &two) == SOPS_OK);
        expect(sops_slice_eq(sops_buf_view(&one), sops_buf_view(&two)));
    }
    sops_buf_free(&one);
    sops_buf_free(&two);
    sops_buf_free(&places.at);
    sops_doc_free(&d);
}

static void redact_in(const struct sops_redact *what, struct sops_slice text, size_t cut, struct sops_buf *out)
{
    struct sops_redactor r = {.what = what};
    struct sops_err e = {0};
    expect(sops_buf_add(&r.held, sops_slice_first(text, cut), &e) && sops_redactor_feed(&r, false, out, &e) &&
           sops_buf_add(&r.held, sops_slice_skip(text, cut), &e) && sops_redactor_feed(&r, true, out, &e));
    sops_redactor_free(&r);
}

static void take_output(struct sops_slice text)
{
    static const struct sops_slice names[] = {{(const uint8_t *)"x", 1}, {(const uint8_t *)"y", 1}};
    struct sops_redact what = {0};
    struct sops_err e = {0};
    struct sops_buf one = {0}, two = {0};
    for (uint32_t i = 0; i < 2; i++) {
        struct sops_slice value = sops_slice_first(sops_slice_skip(text, i * 3U), 5);
        expect(sops_buf_add(&what.names, sops_slice_of(&names[i], sizeof names[i]), &e));
        expect(value.len < SOPS_MATCHER_SHORTEST || sops_matcher_add(&what.matcher, value, i, &e));
    }
    expect(sops_redact_build(&what, &e));
    redact_in(&what, text, 0, &one);
    redact_in(&what, text, text.len / 2, &two);
    expect(sops_slice_eq(sops_buf_view(&one), sops_buf_view(&two)));
    sops_buf_free(&one);
    sops_buf_free(&two);
    sops_redact_free(&what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sops_slice text = sops_slice_of(data, size);
    take_template(text);
    take_output(text);
    expect(sops_mem_live() == 0);
    return 0;
}
