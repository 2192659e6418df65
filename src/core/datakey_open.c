/* SPDX-License-Identifier: Apache-2.0 */
/* The data key had back: every group is tried, also when the threshold is reached, so that the report names all of them
 * (docs/spec/50-cli.md#messages, docs/spec/60-keysources.md#the-data-key). */
#include "core/datakey.h"

#include "base/text.h"
#include "core/log.h"
#include "core/shamir.h"

#include <stdlib.h>

#define CAUSE_WIDTH 60
#define END_WIDTH 75
/* How much a report names; what goes beyond is counted. */
#define GROUPS_SHOWN 20
#define CAUSES_SHOWN 20
#define NAMES_SHOWN 20

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

/* A key of a group and its turn: listed types first, each in its place, otherwise as held. */
struct turn {
    const struct sops_key *key;
    size_t place, number;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->number > y->number) - (x->number < y->number);
}

/* Which word of `order` names the source; behind all of them when none does. */
static size_t place_of(const struct sops_keysource *source, struct sops_slice order)
{
    size_t place = 0;
    struct sops_slice word;
    while (order.len != 0 && sops_slice_next(&order, ',', &word) && !sops_slice_eq(word, sops_str(source->id))) {
        place++;
    }
    return place;
}

/* The keys of `g` in the order in which they are tried; owned by the caller (sops_free). NULL without memory. */
static struct turn *take_turns(const struct sops_group *g, struct sops_slice order, size_t *count, struct sops_err *e)
{
    size_t n = 0, place = 0;
    for (const struct sops_key *k = g->keys; k != NULL; k = k->next) {
        n++;
    }
    struct turn *turns = sops_alloc((n + 1) * sizeof *turns, e);
    bool sorted = true;
    *count = 0;
    for (const struct sops_key *k = g->keys; turns != NULL && k != NULL; k = k->next) {
        place = *count != 0 && turns[*count - 1].key->source == k->source ? place : place_of(k->source, order);
        turns[*count] = (struct turn){k, place, *count};
        sorted = sorted && (*count == 0 || turns[*count - 1].place <= place);
        (*count)++;
    }
    if (turns != NULL && !sorted) {
        qsort(turns, n, sizeof *turns, by_turn);
    }
    return turns;
}

/* ---- why keys failed ----------------------------------------------------------------------------------------- */

/* A file may list a million keys, so failures with one cause are told once: some of the keys by name, then how many
 * there are more. */
struct failure {
    struct sops_buf cause; /* of each service its message and its hint, a NUL behind each */
    struct sops_buf names; /* a line for each key */
    size_t keys;
};
struct failures {
    struct failure of[CAUSES_SHOWN];
    size_t count, last;    /* the one that came last, as the next is often equal */
    size_t others;         /* keys with a cause that found no room */
    struct sops_buf cause; /* of the key at hand */
};

static void failures_free(struct failures *f)
{
    for (size_t i = 0; i < f->count; i++) {
        sops_buf_free(&f->of[i].cause);
        sops_buf_free(&f->of[i].names);
    }
    sops_buf_free(&f->cause);
}

/* The failure with the cause at hand, made when it is new; NULL when there is no room (or no memory: `e` is set). */
static struct failure *find_failure(struct failures *f, struct sops_err *e)
{
    struct sops_slice cause = sops_buf_view(&f->cause);
    for (size_t i = 0; i < f->count; i++) {
        size_t at = (f->last + i) % f->count;
        if (sops_slice_eq(sops_buf_view(&f->of[at].cause), cause)) {
            f->last = at;
            return &f->of[at];
        }
    }
    if (f->count == CAUSES_SHOWN) {
        return NULL;
    }
    struct failure *made = &f->of[f->count];
    if (!sops_buf_add(&made->cause, cause, e)) {
        return NULL;
    }
    f->last = f->count++;
    return made;
}

static bool add_failure(struct failures *f, const struct sops_key *k, struct sops_err *e)
{
    struct failure *found = find_failure(f, e);
    if (found == NULL) {
        f->others++;
        return e->code == SOPS_OK;
    }
    return found->keys++ >= NAMES_SHOWN ||
           (sops_buf_adds(&found->names, "  ", e) && sops_key_show(k, &found->names, e) &&
            sops_buf_adds(&found->names, ": FAILED\n", e));
}

static bool add_report(struct sops_buf *out, const struct failures *f, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < f->count; i++) {
        const struct failure *one = &f->of[i];
        struct sops_slice rest = sops_buf_view(&one->cause), message, hint;
        ok = (i == 0 || sops_buf_addc(out, '\n', e)) && sops_buf_add(out, sops_buf_view(&one->names), e) &&
             (one->keys <= NAMES_SHOWN || sops_buf_addf(out, e, "  %zu more: FAILED\n", one->keys - NAMES_SHOWN));
        while (ok && rest.len != 0 && sops_slice_next(&rest, '\0', &message) && sops_slice_next(&rest, '\0', &hint)) {
            ok = add_wrapped(out, message, CAUSE_WIDTH, "    - | ", "      | ", e) &&
                 (hint.len == 0 || add_wrapped(out, hint, CAUSE_WIDTH, "      | ", "      | ", e));
        }
    }
    return ok &&
           (f->others == 0 || sops_buf_addf(out, e, "\n  %zu more, each for another reason: FAILED\n", f->others));
}

/* ---- groups -------------------------------------------------------------------------------------------------- */

/* Tries each service for one key. Why none could open it is added to `failures`. */
static bool open_key(struct sops_world *w, struct sops_service *services, const struct sops_key *k,
                     struct sops_buf *part, struct failures *failures, struct sops_err *e)
{
    bool opened = false, ok = true;
    sops_buf_cut(&failures->cause, 0);
    for (struct sops_service *s = services; ok && s != NULL && !opened; s = s->next) {
        struct sops_err why = {0};
        sops_buf_cut(part, 0);
        opened = s->unwrap(s, w, k, part, &why);
        struct sops_slice cause = why.detail.len != 0 ? sops_buf_view(&why.detail) : sops_str(why.msg);
        sops_log_key(w, k, false, sops_service_shown(s), opened ? (struct sops_slice){0} : cause);
        if (!opened) {
            ok = sops_buf_add(&failures->cause, sops_slice_trim(cause), e) && sops_buf_addc(&failures->cause, 0, e) &&
                 sops_buf_adds(&failures->cause, why.hint, e) && sops_buf_addc(&failures->cause, 0, e);
        }
        sops_err_clear(&why);
    }
    if (ok && !opened) {
        (void)add_failure(failures, k, e);
    }
    return ok && opened;
}

/* One group's part. `report` gets its lines. */
static bool open_group(struct sops_world *w, struct sops_service *services, const struct sops_group *g, size_t number,
                       struct sops_slice order, struct sops_buf *part, struct sops_buf *report, struct sops_err *e)
{
    struct failures failures = {0};
    size_t count = 0;
    bool opened = false;
    struct turn *turns = take_turns(g, order, &count, e);
    bool ok = turns != NULL;
    for (size_t i = 0; ok && i < count && !opened; i++) {
        opened = open_key(w, services, turns[i].key, part, &failures, e);
        ok = e->code == SOPS_OK;
    }
    if (number < GROUPS_SHOWN) {
        ok = ok && sops_buf_addf(report, e, "Group %zu: %s\n", number, opened ? "SUCCESS" : "FAILED") &&
             (opened || add_report(report, &failures, e)) && sops_buf_addc(report, '\n', e);
    }
    sops_free(turns);
    failures_free(&failures);
    return ok && opened;
}

/* The closing paragraph. */
static bool add_end(struct sops_buf *report, size_t groups, int64_t threshold, size_t parts, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok;
    if (groups > GROUPS_SHOWN && !sops_buf_addf(report, e, "%zu more groups\n\n", groups - GROUPS_SHOWN)) {
        return false;
    }
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
    if (ok) {
        sops_log(w, "SOPS", SOPS_LOG_INFO, NULL, "Data key recovered successfully");
    }
    for (size_t i = 0; part != NULL && i < groups; i++) {
        sops_buf_free(&part[i]);
    }
    sops_free(part);
    sops_buf_free(&report);
    return ok;
}
