/* SPDX-License-Identifier: Apache-2.0 */
/* The data key had back: every group is tried, also when the threshold is reached, so that the report names all of them
 * (spec 50 section 14, 60 section 1.2). */
#include "core/datakey.h"

#include "base/text.h"
#include "core/shamir.h"

#define CAUSE_WIDTH 60
#define END_WIDTH 75

bool sops_datakey_check_order(struct sops_slice order, struct sops_err *e)
{
    struct sops_slice rest = order, word;
    while (rest.len != 0 && sops_slice_next(&rest, ',', &word)) {
        struct sops_slice others = rest, other;
        while (sops_slice_next(&others, ',', &other)) {
            if (sops_slice_eq(word, other)) {
                return sops_fail(e, SOPS_E_ORDER, "Duplicate decryption key type: %.*s", SOPS_ARG(word));
            }
        }
    }
    return true;
}

/* Appends `text`, its words filled into lines of `width` columns, each line behind `first` or `more`. */
static bool add_wrapped(struct sops_buf *out, struct sops_slice text, size_t width, const char *first, const char *more,
                        struct sops_err *e)
{
    struct sops_slice line, word;
    const char *lead = first;
    while (sops_slice_next(&text, '\n', &line)) {
        size_t column = 0;
        bool ok = sops_buf_adds(out, lead, e);
        lead = more;
        while (ok && sops_slice_next(&line, ' ', &word)) {
            if (column != 0 && column + 1 + word.len > width) {
                ok = sops_buf_addc(out, '\n', e) && sops_buf_adds(out, more, e);
                column = 0;
            } else if (column != 0) {
                ok = sops_buf_addc(out, ' ', e);
                column++;
            }
            ok = ok && sops_buf_add(out, word, e);
            column += word.len;
        }
        if (!ok || !sops_buf_addc(out, '\n', e)) {
            return false;
        }
    }
    return true;
}

/* The keys of `g` in the order in which they are tried; listed types first, stable. */
static bool sort_keys(const struct sops_group *g, struct sops_slice order, const struct sops_key ***keys, size_t *count,
                      struct sops_err *e)
{
    size_t n = 0;
    for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
        n++;
    }
    *keys = sops_alloc((n + 1) * sizeof **keys, e);
    if (*keys == NULL) {
        return false;
    }
    *count = 0;
    struct sops_slice rest = order, word;
    while (rest.len != 0 && sops_slice_next(&rest, ',', &word)) {
        for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
            if (sops_slice_eq(word, sops_str(k->source->id))) {
                (*keys)[(*count)++] = k;
            }
        }
    }
    size_t listed = *count;
    for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
        bool there = false;
        for (size_t i = 0; i < listed && !there; i++) {
            there = (*keys)[i] == k;
        }
        if (!there) {
            (*keys)[(*count)++] = k;
        }
    }
    return true;
}

/* Tries each service for one key. Why it failed is added to `report`. */
static bool open_key(struct sops_world *w, struct sops_service *services, const struct sops_key *k,
                     struct sops_buf *part, struct sops_buf *report, struct sops_err *e)
{
    struct sops_buf causes = {0};
    bool opened = false, ok = true;
    for (struct sops_service *s = services; ok && s != NULL && !opened; s = s->next) {
        struct sops_err why = {0};
        sops_buf_cut(part, 0);
        opened = s->unwrap(s, w, k, part, &why);
        if (!opened) {
            struct sops_slice cause = why.detail.len != 0 ? sops_buf_view(&why.detail) : sops_str(why.msg);
            ok = add_wrapped(&causes, sops_slice_trim(cause), CAUSE_WIDTH, "    - | ", "      | ", e);
            ok = ok && (why.hint[0] == '\0' ||
                        add_wrapped(&causes, sops_str(why.hint), CAUSE_WIDTH, "      | ", "      | ", e));
        }
        sops_err_clear(&why);
    }
    if (ok && !opened) {
        ok = (report->len == 0 || sops_buf_addc(report, '\n', e)) && sops_buf_adds(report, "  ", e) &&
             sops_key_show(k, report, e) && sops_buf_adds(report, ": FAILED\n", e) &&
             sops_buf_add(report, sops_buf_view(&causes), e);
    }
    sops_buf_free(&causes);
    return ok && opened;
}

/* One group's part. `report` gets its lines. */
static bool open_group(struct sops_world *w, struct sops_service *services, const struct sops_group *g, size_t number,
                       struct sops_slice order, struct sops_buf *part, struct sops_buf *report, struct sops_err *e)
{
    const struct sops_key **keys = NULL;
    struct sops_buf failures = {0};
    size_t count = 0;
    bool opened = false;
    bool ok = sort_keys(g, order, &keys, &count, e);
    for (size_t i = 0; ok && i < count && !opened; i++) {
        opened = open_key(w, services, keys[i], part, &failures, e);
        ok = e->code == SOPS_OK;
    }
    ok = ok && sops_buf_addf(report, e, "Group %zu: %s\n", number, opened ? "SUCCESS" : "FAILED") &&
         (opened || sops_buf_add(report, sops_buf_view(&failures), e)) && sops_buf_addc(report, '\n', e);
    sops_free((void *)(uintptr_t)keys);
    sops_buf_free(&failures);
    return ok && opened;
}

/* The closing paragraph. */
static bool add_end(struct sops_buf *report, size_t groups, int64_t threshold, size_t parts, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok;
    if (groups <= 1) {
        ok = sops_buf_adds(&text,
                           "Recovery failed because no master key was able to decrypt the file. In order for SOPS to "
                           "recover the file, at least one key has to be successful, but none were.",
                           e);
    } else {
        ok = sops_buf_addf(&text, e,
                           "Recovery failed because the file was encrypted with a Shamir threshold of %lld, but only "
                           "%zu part(s) were successfully recovered, one for each successful key group. In order for "
                           "SOPS to recover the file, at least %lld groups have to be successful. In order for a group "
                           "to be successful, decryption has to succeed with any of the keys in that key group.",
                           (long long)threshold, parts, (long long)threshold);
    }
    ok = ok && add_wrapped(report, sops_buf_view(&text), END_WIDTH, "", "", e);
    sops_buf_free(&text);
    return ok;
}

static bool combine(const struct sops_buf *part, size_t groups, struct sops_secret *out, struct sops_err *e)
{
    struct sops_buf secret = {.locked = true};
    struct sops_slice *share = sops_alloc((groups + 1) * sizeof *share, e);
    size_t n = 0;
    for (size_t i = 0; share != NULL && i < groups; i++) {
        if (part[i].len != 0) {
            share[n++] = sops_buf_view(&part[i]);
        }
    }
    bool ok = share != NULL && sops_shamir_combine(share, n, &secret, e);
    if (!ok) {
        sops_within(e, "could not get data key from shamir parts");
        sops_recode(e, SOPS_E_NO_KEY);
    }
    ok = ok && sops_secret_copy(out, sops_buf_view(&secret), e);
    sops_free(share);
    sops_buf_free(&secret);
    return ok;
}

bool sops_datakey_unwrap(struct sops_world *w, struct sops_service *services, const struct sops_meta *m,
                         struct sops_slice order, struct sops_secret *out, struct sops_err *e)
{
    size_t groups = 0, opened = 0, number = 0;
    struct sops_buf report = {0};
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        groups++;
    }
    struct sops_buf *part = sops_alloc((groups + 1) * sizeof *part, e);
    bool ok = part != NULL;
    for (size_t i = 0; ok && i < groups; i++) {
        part[i].locked = true;
    }
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next, number++) {
        bool got = open_group(w, services, g, number, order, &part[number], &report, e);
        opened += got;
        if (!got) {
            sops_buf_free(&part[number]);
        }
        ok = e->code == SOPS_OK;
    }
    int64_t needed = groups > 1 ? m->threshold : 1;
    if (ok && (opened == 0 || (int64_t)opened < needed) && add_end(&report, groups, needed, opened, e)) {
        ok = sops_fail(e, SOPS_E_NO_KEY, "Failed to get the data key required to decrypt the SOPS file.");
        e->detail = report;
        report = (struct sops_buf){0};
    }
    if (ok && groups == 1) {
        ok = sops_secret_copy(out, sops_buf_view(&part[0]), e);
    } else {
        ok = ok && combine(part, groups, out, e);
    }
    for (size_t i = 0; part != NULL && i < groups; i++) {
        sops_buf_free(&part[i]);
    }
    sops_free(part);
    sops_buf_free(&report);
    return ok;
}
