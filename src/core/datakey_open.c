/* SPDX-License-Identifier: Apache-2.0 */
/* The data key had back: every group is tried, also when the threshold is reached, so that the report names all of them
 * (docs/spec/50-cli.md#messages, docs/spec/60-keysources.md#the-data-key). */
#include "core/datakey.h"

#include "base/text.h"
#include "core/entry.h"
#include "core/log.h"
#include "core/lots.h"
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

size_t sops_datakey_place(const struct sops_keysource *source, struct sops_slice order)
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
        place =
            *count != 0 && turns[*count - 1].key->source == k->source ? place : sops_datakey_place(k->source, order);
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

/* A group of a file on its way: its lots are asked one after the other, until one is open. */
struct unit {
    struct sops_entry **entry; /* of all keys, in turn */
    size_t count;
    struct sops_lot *lot;
    size_t lots, at;
    struct sops_entry *opened;
};

static void units_free(struct unit *unit, size_t n)
{
    for (size_t i = 0; unit != NULL && i < n; i++) {
        sops_free(unit[i].entry);
        sops_free(unit[i].lot);
    }
    sops_free(unit);
}

/* The entries of the group in turn, cut where the source changes. */
static bool make_unit(struct sops_answers *a, const struct sops_service *services, const struct sops_group *g,
                      struct sops_slice order, struct unit *u, struct sops_err *e)
{
    struct turn *turns = take_turns(g, order, &u->count, e);
    size_t lots = 0;
    for (size_t i = 0; turns != NULL && i < u->count; i++) {
        lots += i == 0 || turns[i].key->source != turns[i - 1].key->source;
    }
    u->entry = turns != NULL ? sops_alloc((u->count + 1) * sizeof *u->entry, e) : NULL;
    u->lot = u->entry != NULL ? sops_alloc((lots + 1) * sizeof *u->lot, e) : NULL;
    bool ok = u->lot != NULL;
    for (size_t i = 0; ok && i < u->count; i++) {
        u->entry[i] = sops_answers_entry(a, services, turns[i].key, i, e);
        ok = u->entry[i] != NULL;
        if (ok && (i == 0 || turns[i].key->source != turns[i - 1].key->source)) {
            u->lot[u->lots++].entry = &u->entry[i];
        }
        u->lot[u->lots - ok].count += ok;
    }
    sops_free(turns);
    return ok;
}

/* Is it neither open nor at its end? What was answered before counts. */
static bool is_waiting(struct unit *u)
{
    while (u->opened == NULL && u->at < u->lots && sops_lot_settled(&u->lot[u->at])) {
        u->opened = sops_lot_opened(&u->lot[u->at]);
        u->at += u->opened == NULL;
    }
    return u->opened == NULL && u->at < u->lots;
}

static const struct sops_keysource *source_of(const struct unit *u) { return u->lot[u->at].entry[0]->key->source; }

/* All groups are worked on at the same time: those whose next lot is of one source are asked together. */
static bool open_units(struct sops_world *w, struct sops_service *services, struct unit *unit, size_t n,
                       struct sops_err *e)
{
    struct sops_lot *lot = sops_alloc((n + 1) * sizeof *lot, e);
    bool ok = lot != NULL, any = true;
    while (ok && any) {
        const struct sops_keysource *source = NULL;
        size_t lots = 0;
        for (size_t i = 0; i < n; i++) {
            if (is_waiting(&unit[i]) && (source == NULL || source_of(&unit[i]) == source)) {
                source = source_of(&unit[i]);
                lot[lots++] = unit[i].lot[unit[i].at];
            }
        }
        any = lots != 0;
        ok = !any || sops_lots_ask(w, services, source, lot, lots, e);
    }
    sops_free(lot);
    return ok;
}

/* The group's lines in the report. */
static bool report_group(const struct unit *u, size_t number, struct sops_buf *report, struct sops_err *e)
{
    struct failures failures = {0};
    bool ok = true;
    for (size_t i = 0; ok && u->opened == NULL && i < u->count; i++) {
        sops_buf_cut(&failures.cause, 0);
        ok = sops_buf_add(&failures.cause, u->entry[i]->cause, e) && add_failure(&failures, u->entry[i]->key, e);
    }
    ok = ok && sops_buf_addf(report, e, "Group %zu: %s\n", number, u->opened != NULL ? "SUCCESS" : "FAILED") &&
         (u->opened != NULL || add_report(report, &failures, e)) && sops_buf_addc(report, '\n', e);
    failures_free(&failures);
    return ok;
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

static bool combine(const struct unit *unit, size_t groups, struct sops_secret *out, struct sops_err *e)
{
    struct sops_buf secret = {.locked = true};
    struct sops_slice *share = sops_alloc((groups + 1) * sizeof *share, e);
    size_t n = 0;
    for (size_t i = 0; share != NULL && i < groups; i++) {
        if (unit[i].opened != NULL && unit[i].opened->plain.len != 0) {
            share[n++] = unit[i].opened->plain;
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

/* Why there are too few parts. Always false. */
static bool fail_with_report(const struct unit *unit, size_t groups, int64_t needed, size_t opened, struct sops_err *e)
{
    struct sops_buf report = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < groups && i < GROUPS_SHOWN; i++) {
        ok = report_group(&unit[i], i, &report, e);
    }
    if (ok && add_end(&report, groups, needed, opened, e)) {
        sops_fail(e, SOPS_E_NO_KEY, "Failed to get the data key required to decrypt the SOPS file.");
        e->detail = report;
        report = (struct sops_buf){0};
    }
    sops_buf_free(&report);
    return false;
}

static size_t count_groups(const struct sops_meta *m)
{
    size_t groups = 0;
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        groups++;
    }
    return groups;
}

/* The units of one file's groups, from `unit` on. */
static bool make_units(struct sops_answers *a, const struct sops_service *services, const struct sops_meta *m,
                       struct sops_slice order, struct unit *unit, struct sops_err *e)
{
    bool ok = true;
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next) {
        ok = make_unit(a, services, g, order, unit++, e);
    }
    return ok;
}

static bool take_result(const struct sops_meta *m, const struct unit *unit, size_t groups, struct sops_secret *out,
                        struct sops_err *e)
{
    size_t opened = 0;
    int64_t needed = groups > 1 ? m->threshold : 1;
    for (size_t i = 0; i < groups; i++) {
        opened += unit[i].opened != NULL;
    }
    if (opened == 0 || (int64_t)opened < needed) {
        return fail_with_report(unit, groups, needed, opened, e);
    }
    return groups == 1 ? sops_secret_copy(out, unit[0].opened->plain, e) : combine(unit, groups, out, e);
}

bool sops_datakey_unwrap(struct sops_world *w, struct sops_service *services, const struct sops_meta *m,
                         struct sops_slice order, struct sops_secret *out, struct sops_err *e)
{
    size_t groups = count_groups(m);
    struct sops_answers *a = sops_answers_of(w, e);
    struct unit *unit = a != NULL ? sops_alloc((groups + 1) * sizeof *unit, e) : NULL;
    if (unit == NULL) {
        return false;
    }
    sops_answers_lock(a);
    bool ok = make_units(a, services, m, order, unit, e) && open_units(w, services, unit, groups, e) &&
              take_result(m, unit, groups, out, e);
    sops_answers_unlock(a);
    if (ok) {
        sops_log(w, "SOPS", SOPS_LOG_INFO, NULL, "Data key recovered successfully");
    }
    units_free(unit, groups);
    return ok;
}

bool sops_datakey_unwrap_all(struct sops_world *w, struct sops_service *services, struct sops_unlocking *file, size_t n,
                             struct sops_slice order, struct sops_err *e)
{
    size_t groups = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        groups += count_groups(file[i].meta);
    }
    struct sops_answers *a = sops_answers_of(w, e);
    struct unit *unit = a != NULL ? sops_alloc((groups + 1) * sizeof *unit, e) : NULL;
    if (unit == NULL) {
        return false;
    }
    sops_answers_lock(a);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = make_units(a, services, file[i].meta, order, unit + at, e);
        at += count_groups(file[i].meta);
    }
    ok = ok && open_units(w, services, unit, groups, e);
    at = 0;
    for (size_t i = 0; ok && i < n; i++) {
        file[i].count = count_groups(file[i].meta);
        file[i].entry = sops_alloc((file[i].count + 1) * sizeof *file[i].entry, e);
        ok = file[i].entry != NULL;
        for (size_t g = 0; ok && g < file[i].count; g++, at++) {
            file[i].entry[g] = unit[at].opened;
            if (unit[at].opened != NULL) {
                unit[at].opened->users++;
            }
        }
    }
    sops_answers_unlock(a);
    units_free(unit, groups);
    return ok;
}

void sops_unlocking_done(struct sops_unlocking *file)
{
    for (size_t i = 0; file->entry != NULL && i < file->count; i++) {
        if (file->entry[i] != NULL) {
            sops_entry_done(file->entry[i]);
        }
    }
    sops_free(file->entry);
    *file = (struct sops_unlocking){0};
}
