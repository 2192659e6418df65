/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries opened with the identities at hand (docs/spec/61-age.md#decrypting, docs/spec/75-many-files.md#unlocking):
 * what only computes is tried on all entries, side by side; then each identity that may ask is tried on all that are
 * still closed, so that a passphrase or a PIN is asked for once, and only where no other key opens the file.
 */
#include "keysources/age_internal.h"

#include "base/ascii.h"
#include "base/thread.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#define NO_READER "failed to create reader for decrypting sops data key with age"

static bool start(struct sops_err *e)
{
    return sodium_init() >= 0 ? true : sops_fail(e, SOPS_E_GENERIC, "libsodium cannot be initialised");
}

bool sops_age_entry_parse(struct sops_slice enc, struct sops_buf *file, struct sops_age_header *h, struct sops_err *e)
{
    return (sops_age_dearmor(enc, file, e) && sops_age_header_parse(sops_buf_view(file), h, e)) ||
           sops_within(e, NO_READER);
}

/* Sets `e` to what happened and where identities were looked for; the whole text, which may be longer than a message,
 * goes into the detail (docs/spec/61-age.md#error-text). `why` may be empty. */
static bool explain(const struct sops_age_identities *ids, const char *what, const char *why, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_err memory = {0};
    bool ok = sops_buf_adds(&text, what, &memory) && (why[0] == '\0' || sops_buf_addf(&text, &memory, ": %s", why)) &&
              sops_buf_add(&text, sops_buf_view(&ids->sources), &memory);
    const char *whole = ok ? sops_buf_cstr(&text, &memory) : NULL;
    if (whole == NULL) {
        sops_buf_free(&text);
        return sops_fail_memory(e);
    }
    sops_fail(e, SOPS_E_GENERIC, "%s", whole);
    if (text.len >= sizeof e->msg) {
        e->detail = text;
    } else {
        sops_buf_free(&text);
    }
    return false;
}

static bool explain_no_match(const struct sops_age_identities *ids, struct sops_err *e)
{
    return explain(ids, NO_READER,
                   ids->count == 1 ? "identity did not match any of the recipients: incorrect identity for recipient "
                                     "block"
                                   : "no identity matched any of the recipients",
                   e);
}

/* ---- one entry ----------------------------------------------------------------------------------------------------
 */

/* What an identity said: the data key, or why that is final. */
static enum sops_age_match finish(const struct sops_age_identities *ids, const struct sops_age_header *h,
                                  enum sops_age_match match, const uint8_t file_key[SOPS_AGE_FILE_KEY],
                                  struct sops_err *why, struct sops_buf *plain, struct sops_err *e)
{
    if (match == SOPS_AGE_BROKEN || (match == SOPS_AGE_MINE && !sops_age_header_check(h, file_key, why))) {
        if (why->memory) {
            sops_fail_memory(e);
            return SOPS_AGE_BROKEN;
        }
        explain(ids, NO_READER, why->msg, e);
        sops_hint(e, "%s", why->hint);
        return SOPS_AGE_BROKEN;
    }
    if (match == SOPS_AGE_MINE && !sops_age_payload_open(h, file_key, plain, e)) {
        return SOPS_AGE_BROKEN;
    }
    return match;
}

/* Identities of one rank on a parsed entry. */
static enum sops_age_match try_rank(struct sops_world *w, const struct sops_age_identities *ids,
                                    enum sops_age_rank rank, const struct sops_age_header *h, struct sops_buf *plain,
                                    struct sops_err *e)
{
    uint8_t file_key[SOPS_AGE_FILE_KEY] = {0};
    struct sops_err why = {0};
    enum sops_age_match match = SOPS_AGE_NOT_MINE;
    for (size_t i = 0; i < SOPS_AGE_SOURCES && match == SOPS_AGE_NOT_MINE; i++) {
        for (struct sops_age_identity *id = ids->set[i]->first; id != NULL && match == SOPS_AGE_NOT_MINE;
             id = id->next) {
            match = id->rank == rank ? id->unwrap(w, id, h, file_key, &why) : SOPS_AGE_NOT_MINE;
        }
    }
    match = finish(ids, h, match, file_key, &why, plain, e);
    sops_wipe(file_key, sizeof file_key);
    sops_err_clear(&why);
    return match;
}

/* What is no age file costs next to nothing: no identity is asked for. */
bool sops_age_unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    const struct sops_age_identities *ids = NULL;
    struct sops_age_header h = {0};
    struct sops_buf file = {0};
    enum sops_age_match match = SOPS_AGE_NOT_MINE;
    bool ok = start(e) && sops_age_entry_parse(k->enc, &file, &h, e) &&
              sops_age_identities_load(w, k->field[0], &ids, e) &&
              (ids->count != 0 || explain(ids, "failed to load age identities", "", e));
    for (enum sops_age_rank rank = SOPS_AGE_NATIVE; ok && rank <= SOPS_AGE_ASKS && match == SOPS_AGE_NOT_MINE; rank++) {
        match = try_rank(w, ids, rank, &h, plain, e);
    }
    ok = ok && (match == SOPS_AGE_MINE || (match == SOPS_AGE_NOT_MINE && explain_no_match(ids, e)));
    sops_age_header_free(&h);
    sops_buf_free(&file);
    return ok;
}

bool sops_age_unwrap_with(struct sops_world *w, const void *handle, const struct sops_key *k, struct sops_buf *plain,
                          struct sops_err *e)
{
    struct sops_age_identity *id = (struct sops_age_identity *)(uintptr_t)handle;
    uint8_t file_key[SOPS_AGE_FILE_KEY] = {0};
    struct sops_age_header h = {0};
    struct sops_buf file = {0};
    bool ok = start(e) && sops_age_entry_parse(k->enc, &file, &h, e);
    enum sops_age_match match = ok ? id->unwrap(w, id, &h, file_key, e) : SOPS_AGE_BROKEN;
    if (ok && match == SOPS_AGE_NOT_MINE) {
        ok = sops_fail(e, SOPS_E_GENERIC, "it is encrypted for somebody else");
    }
    ok = ok && match == SOPS_AGE_MINE && sops_age_header_check(&h, file_key, e) &&
         sops_age_payload_open(&h, file_key, plain, e);
    sops_wipe(file_key, sizeof file_key);
    sops_age_header_free(&h);
    sops_buf_free(&file);
    return ok;
}

/* ---- many entries: what only computes -----------------------------------------------------------------------------
 */

struct many {
    struct sops_world *world;
    const struct sops_lot *lot;
    size_t lots;
    bool own_only;
    atomic_bool failed;
};

/* An entry whose failure or success is known. */
static bool settle(struct sops_entry *n, enum sops_age_match match, const struct sops_buf *plain, struct sops_err *why,
                   struct sops_err *e)
{
    return match == SOPS_AGE_MINE     ? sops_entry_open(n, sops_buf_view(plain), e)
           : match == SOPS_AGE_BROKEN ? sops_entry_refuse(n, why, e)
                                      : true;
}

/* One entry with the identities that compute. It stays unasked when those that ask may open it. */
static bool compute_entry(struct sops_world *w, struct sops_entry *n, struct sops_err *e)
{
    const struct sops_age_identities *ids = NULL;
    struct sops_age_header h = {0};
    struct sops_buf file = {0}, plain = {.locked = true};
    struct sops_err why = {0};
    enum sops_age_match match = SOPS_AGE_BROKEN;
    if (sops_age_entry_parse(n->key->enc, &file, &h, &why) &&
        sops_age_identities_load(w, n->key->field[0], &ids, &why) &&
        (ids->count != 0 || explain(ids, "failed to load age identities", "", &why))) {
        match = try_rank(w, ids, SOPS_AGE_NATIVE, &h, &plain, &why);
        match = match == SOPS_AGE_NOT_MINE ? try_rank(w, ids, SOPS_AGE_COMPUTES, &h, &plain, &why) : match;
        if (match == SOPS_AGE_NOT_MINE && !ids->asks) {
            explain_no_match(ids, &why);
            match = SOPS_AGE_BROKEN;
        }
    }
    bool ok = settle(n, match, &plain, &why, e);
    sops_err_clear(&why);
    sops_buf_free(&plain);
    sops_age_header_free(&h);
    sops_buf_free(&file);
    return ok;
}

static void compute_lot(void *arg, size_t number)
{
    struct many *m = arg;
    const struct sops_lot *l = &m->lot[number];
    struct sops_err e = {0};
    bool ok = true, opened = false;
    for (size_t i = 0; ok && !opened && i < l->count && !atomic_load(&m->failed); i++) {
        struct sops_entry *n = l->entry[i];
        if (m->own_only && n->lot != number + 1) {
            continue;
        }
        ok = n->state != SOPS_ENTRY_UNASKED || compute_entry(m->world, n, &e);
        opened = ok && n->state == SOPS_ENTRY_OPENED;
    }
    if (!ok) {
        atomic_store(&m->failed, true);
    }
    sops_err_clear(&e);
}

/* The commands that give identities run here, one after the other, before threads want what they gave. */
static bool load_identities(struct many *m, struct sops_err *e)
{
    const struct sops_age_identities *ids;
    for (size_t i = 0; i < m->lots; i++) {
        for (size_t k = 0; k < m->lot[i].count; k++) {
            if (m->lot[i].entry[k]->state == SOPS_ENTRY_UNASKED &&
                !sops_age_identities_load(m->world, m->lot[i].entry[k]->key->field[0], &ids, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool compute(struct many *m, struct sops_err *e)
{
    if (m->lots > 1 && m->world->jobs > 1) {
        if (!load_identities(m, e)) {
            return false;
        }
        m->own_only = true;
        sops_together(m->lots, m->world->jobs, compute_lot, m);
        m->own_only = false;
    }
    for (size_t i = 0; i < m->lots; i++) {
        compute_lot(m, i);
    }
    return !atomic_load(&m->failed) || sops_fail_memory(e);
}

/* ---- many entries: what may ask -----------------------------------------------------------------------------------
 */

/* A lot's next entry for a plugin after `tried` others, or NULL: the one whose recipient names the plugin goes first.
 */
static struct sops_entry *next_entry(const struct sops_lot *l, struct sops_slice plugin, size_t tried)
{
    size_t first = l->count;
    for (size_t i = 0; i < l->count && first == l->count; i++) {
        struct sops_slice text = l->entry[i]->key->field[0];
        size_t end = text.len;
        while (end > 1 && text.ptr[end - 1] != '1') {
            end--;
        }
        struct sops_slice name = sops_age_plugin_name(sops_slice_first(text, end > 1 ? end - 1 : 0), false);
        first = name.len != 0 && sops_same_word(name, plugin) ? i : first;
    }
    size_t i = first == l->count ? tried : tried == 0 ? first : tried - 1 < first ? tried - 1 : tried;
    return i < l->count ? l->entry[i] : NULL;
}

/* The identities for this entry into `*ids`, when `id` is one of them and may be tried on it, else NULL. False only
 * when memory is out. */
static bool find_fitting(struct many *m, const struct sops_entry *n, const struct sops_age_identity *id,
                         const struct sops_age_identities **ids, struct sops_err *e)
{
    const struct sops_age_identities *all = NULL;
    struct sops_err why = {0};
    *ids = NULL;
    if (n->state != SOPS_ENTRY_UNASKED || n->tried_by == id) {
        return true;
    }
    if (!sops_age_identities_load(m->world, n->key->field[0], &all, &why)) {
        return sops_may_fail(&why, e);
    }
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        *ids = all->set[i] == id->set ? all : *ids;
    }
    return true;
}

/* What a run, or an identity, said of an entry: a file key, or a failure. */
static bool settle_key(const struct sops_age_identities *ids, struct sops_entry *n, enum sops_age_match match,
                       const uint8_t file_key[SOPS_AGE_FILE_KEY], struct sops_err *said, struct sops_err *e)
{
    struct sops_age_header h = {0};
    struct sops_buf file = {0}, plain = {.locked = true};
    struct sops_err why = {0};
    if (match != SOPS_AGE_NOT_MINE) {
        match = sops_age_entry_parse(n->key->enc, &file, &h, &why)
                    ? finish(ids, &h, match, file_key, said, &plain, &why)
                    : SOPS_AGE_BROKEN;
    }
    bool ok = settle(n, match, &plain, &why, e);
    sops_err_clear(&why);
    sops_buf_free(&plain);
    sops_age_header_free(&h);
    sops_buf_free(&file);
    return ok;
}

/* An SSH key or a protected identity on all that is still closed. */
static bool ask_on_each(struct many *m, struct sops_age_identity *id, struct sops_err *e)
{
    bool ok = true;
    id->asked_once = m->lots > 1;
    for (size_t i = 0; ok && i < m->lots; i++) {
        bool open = sops_lot_opened(&m->lot[i]) != NULL;
        for (size_t k = 0; ok && k < m->lot[i].count && !open; k++) {
            struct sops_entry *n = m->lot[i].entry[k];
            const struct sops_age_identities *ids;
            struct sops_age_header h = {0};
            struct sops_buf file = {0};
            struct sops_err said = {0};
            uint8_t file_key[SOPS_AGE_FILE_KEY] = {0};
            ok = find_fitting(m, n, id, &ids, e);
            if (ok && ids != NULL && sops_age_entry_parse(n->key->enc, &file, &h, &said)) {
                enum sops_age_match match = id->unwrap(m->world, id, &h, file_key, &said);
                n->tried_by = id;
                ok = settle_key(ids, n, match, file_key, &said, e);
                open = n->state == SOPS_ENTRY_OPENED;
            }
            ok = ok && (!said.memory || sops_fail_memory(e));
            sops_wipe(file_key, sizeof file_key);
            sops_err_clear(&said);
            sops_age_header_free(&h);
            sops_buf_free(&file);
        }
    }
    return ok;
}

/* ---- plugins ------------------------------------------------------------------------------------------------------
 */

/* The entries of one run. */
struct round {
    struct many *all;
    const struct sops_age_identity *id;
    struct sops_entry **entry;
    struct sops_age_plugin_file *file; /* in locked memory */
    size_t count;
};

static bool settle_file(struct round *r, size_t i, struct sops_err *e)
{
    struct sops_entry *n = r->entry[i];
    struct sops_age_plugin_file *f = &r->file[i];
    struct sops_err said = {0};
    const struct sops_age_identities *ids = NULL;
    if (f->why.len != 0) {
        (void)sops_fail(&said, SOPS_E_GENERIC, "%.*s", SOPS_ARG(f->why));
    }
    bool ok = sops_age_identities_load(r->all->world, n->key->field[0], &ids, e) &&
              (n->state != SOPS_ENTRY_UNASKED || settle_key(ids, n, f->match, f->file_key, &said, e));
    sops_wipe(f->file_key, sizeof f->file_key);
    sops_err_clear(&said);
    return ok;
}

/* A failure of the run for one entry. */
static bool refuse_file(struct round *r, size_t i, struct sops_err *why, struct sops_err *e)
{
    const struct sops_age_identities *ids = NULL;
    static const uint8_t none[SOPS_AGE_FILE_KEY];
    return sops_age_identities_load(r->all->world, r->entry[i]->key->field[0], &ids, e) &&
           settle_key(ids, r->entry[i], SOPS_AGE_BROKEN, none, why, e);
}

/* One file by itself. `*failed`: neither a key nor an honest "not mine" came. */
static bool run_alone(struct round *r, size_t i, bool *failed, struct sops_err *why, struct sops_err *e)
{
    struct sops_age_plugin_file *f = &r->file[i];
    bool ran = sops_age_plugin_run(r->all->world, r->id, f, 1, why);
    bool came = f->match == SOPS_AGE_MINE; /* what came before the run failed counts */
    bool ok = ran || came ? settle_file(r, i, e) : refuse_file(r, i, why, e);
    *failed = !came && (!ran || f->match == SOPS_AGE_BROKEN);
    if (ran && *failed) {
        (void)sops_fail(why, SOPS_E_GENERIC, "%.*s", SOPS_ARG(f->why));
    }
    return ok;
}

static void note_one_by_one(const struct round *r)
{
    char text[160], name[64] = "";
    struct sops_slice plugin = sops_slice_first(sops_age_plugin_of(r->id), sizeof name - 1);
    for (size_t i = 0; i < plugin.len; i++) {
        name[i] = (char)sops_to_lower(plugin.ptr[i]);
    }
    (void)snprintf(text, sizeof text, "the plugin %s takes one file at a time: the others follow one by one", name);
    r->all->world->say(r->all->world, SOPS_SAY_NOTE, text);
}

/* A run of several files failed: does the plugin take one only, or would it fail for each? Then nobody is asked for a
 * PIN three hundred times. */
static bool run_singly(struct round *r, bool *given_up, struct sops_err *e)
{
    bool first = true, ok = true;
    struct sops_err why = {0};
    for (size_t i = 0; ok && i < r->count; i++) {
        if (r->file[i].match != SOPS_AGE_NOT_MINE) {
            continue;
        }
        if (*given_up) {
            ok = refuse_file(r, i, &why, e);
            continue;
        }
        bool failed = false;
        sops_err_clear(&why);
        ok = run_alone(r, i, &failed, &why, e);
        *given_up = first && failed;
        if (first && r->file[i].match == SOPS_AGE_MINE) {
            note_one_by_one(r);
        }
        first = false;
    }
    sops_err_clear(&why);
    return ok;
}

static bool run_round(struct round *r, bool *given_up, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ok = true;
    r->file = sops_alloc_locked(r->count * sizeof *r->file, e);
    if (r->file == NULL) {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        r->file[i] = (struct sops_age_plugin_file){.enc = r->entry[i]->key->enc};
    }
    bool ran = sops_age_plugin_run(r->all->world, r->id, r->file, r->count, &why);
    for (size_t i = 0; ok && i < r->count; i++) {
        ok = r->file[i].match == SOPS_AGE_NOT_MINE || settle_file(r, i, e);
    }
    if (ok && !ran) {
        ok = r->count > 1                            ? run_singly(r, given_up, e)
             : r->file[0].match == SOPS_AGE_NOT_MINE ? refuse_file(r, 0, &why, e)
                                                     : true;
    }
    for (size_t i = 0; i < r->count; i++) {
        sops_buf_free(&r->file[i].why);
    }
    sops_free_locked(r->file);
    sops_err_clear(&why);
    return ok;
}

/* The next entry of each lot that is still closed, in one process; then the next ones. */
static bool ask_plugin(struct many *m, const struct sops_age_identity *id, struct sops_err *e)
{
    struct round r = {.all = m, .id = id, .entry = sops_alloc((m->lots + 1) * sizeof *r.entry, e)};
    size_t *tried = r.entry != NULL ? sops_alloc((m->lots + 1) * sizeof *tried, e) : NULL;
    struct sops_slice plugin = sops_age_plugin_of(id);
    bool ok = tried != NULL, given_up = false;
    do {
        r.count = 0;
        for (size_t i = 0; ok && i < m->lots; i++) {
            const struct sops_age_identities *ids;
            struct sops_entry *n = NULL;
            while (ok && sops_lot_opened(&m->lot[i]) == NULL &&
                   (n = next_entry(&m->lot[i], plugin, tried[i])) != NULL) {
                tried[i]++;
                ok = find_fitting(m, n, id, &ids, e);
                if (ok && ids != NULL) {
                    n->tried_by = id;
                    r.entry[r.count++] = n;
                    break;
                }
            }
        }
        ok = ok && (r.count == 0 || run_round(&r, &given_up, e));
    } while (ok && r.count != 0 && !given_up);
    sops_free(tried);
    sops_free(r.entry);
    return ok;
}

/* ---- all together -------------------------------------------------------------------------------------------------
 */

static bool is_done(const struct sops_age_identity *id, const struct sops_buf *done)
{
    for (size_t at = 0; at < done->len; at += sizeof(void *)) {
        if (memcmp(done->ptr + at, &id, sizeof id) == 0) {
            return true;
        }
    }
    return false;
}

/* The first of these identities that may ask and is not `done`, or NULL. */
static struct sops_age_identity *asking_of(const struct sops_age_identities *ids, const struct sops_buf *done)
{
    for (size_t s = 0; s < SOPS_AGE_SOURCES; s++) {
        for (struct sops_age_identity *id = ids->set[s]->first; id != NULL; id = id->next) {
            if (id->rank == SOPS_AGE_ASKS && !is_done(id, done)) {
                return id;
            }
        }
    }
    return NULL;
}

/* The next identity that may ask into `*next`, of those for entries that are still closed; NULL: none is left. False
 * only when memory is out. */
static bool find_asking(struct many *m, const struct sops_buf *done, struct sops_age_identity **next,
                        struct sops_err *e)
{
    const struct sops_age_identities *ids = NULL;
    *next = NULL;
    for (size_t i = 0; i < m->lots; i++) {
        bool open = sops_lot_opened(&m->lot[i]) != NULL;
        for (size_t k = 0; k < m->lot[i].count && !open; k++) {
            struct sops_err why = {0};
            if (m->lot[i].entry[k]->state != SOPS_ENTRY_UNASKED) {
                continue;
            }
            if (!sops_age_identities_load(m->world, m->lot[i].entry[k]->key->field[0], &ids, &why)) {
                if (!sops_may_fail(&why, e)) {
                    return false;
                }
                continue;
            }
            *next = asking_of(ids, done);
            if (*next != NULL) {
                return true;
            }
        }
    }
    return true;
}

static bool ask_all(struct many *m, struct sops_err *e)
{
    struct sops_buf done = {0}; /* pointers */
    struct sops_age_identity *id = NULL;
    bool ok = find_asking(m, &done, &id, e);
    while (ok && id != NULL) {
        ok = (sops_age_plugin_of(id).len != 0 ? ask_plugin(m, id, e) : ask_on_each(m, id, e)) &&
             sops_buf_add(&done, sops_slice_of(&id, sizeof id), e) && find_asking(m, &done, &id, e);
    }
    sops_buf_free(&done);
    return ok;
}

/* What nobody opened is refused; in a lot that is open the others need not be known. */
static bool refuse_rest(struct many *m, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < m->lots; i++) {
        bool open = sops_lot_opened(&m->lot[i]) != NULL;
        for (size_t k = 0; ok && k < m->lot[i].count && !open; k++) {
            const struct sops_age_identities *ids = NULL;
            struct sops_entry *n = m->lot[i].entry[k];
            struct sops_err why = {0};
            if (n->state == SOPS_ENTRY_UNASKED) {
                ok = sops_age_identities_load(m->world, n->key->field[0], &ids, e);
                (void)(ok && explain_no_match(ids, &why));
                ok = ok && sops_entry_refuse(n, &why, e);
            }
            sops_err_clear(&why);
        }
    }
    return ok;
}

bool sops_age_unwrap_many(struct sops_world *w, const struct sops_lot *lot, size_t lots, struct sops_err *e)
{
    struct many m = {.world = w, .lot = lot, .lots = lots};
    return start(e) && compute(&m, e) && ask_all(&m, e) && refuse_rest(&m, e);
}
