/* SPDX-License-Identifier: Apache-2.0 */
/* What only a key shows: values that do not open, a wrong MAC, entries that are not for whom they name
 * (docs/spec/71-check.md#findings, the rows that need k). */
#include "cli/check.h"

#include "cli/own_keys.h"
#include "cli/ui.h"
#include "base/thread.h"
#include "core/cipher.h"

struct check_keys {
    struct sops_world quiet; /* what an envelope remarks is no finding */
    struct own_keys own;
    struct sops_unlocking *asked;    /* the files whose keys were asked for together */
    struct sops_unlocking **of_item; /* … of each item, or NULL */
    size_t count;
};

void check_keys_free(struct check_run *r)
{
    if (r->keys != NULL) {
        for (size_t i = 0; i < r->keys->count; i++) {
            sops_unlocking_done(&r->keys->asked[i]);
        }
        sops_free(r->keys->asked);
        sops_free(r->keys->of_item);
        own_keys_free(&r->keys->own);
        sops_free(r->keys);
    }
}

/* What is kept for the run is on one list, whichever world made it. */
static void enter_quiet(struct check_run *r)
{
    r->keys->quiet = *r->job->world;
    r->keys->quiet.say = sops_ui_say_no_warning;
}

static void leave_quiet(struct check_run *r) { r->job->world->slots = r->keys->quiet.slots; }

/* ---- all data keys ---------------------------------------------------------------------------------------------- */

struct reading {
    struct check_run *r;
    struct sops_meta *meta; /* one an item */
    bool *there;
    atomic_bool no_memory;
};

static void read_meta(void *ctx, size_t number)
{
    struct reading *k = ctx;
    struct sops_err e = {0};
    if (!check_one_meta(k->r, &k->r->item[number], &k->meta[number], &k->there[number], &e)) {
        atomic_store(&k->no_memory, true);
    }
    sops_err_clear(&e);
}

static bool ask_together(struct check_run *r, const struct reading *k, struct sops_err *e)
{
    struct check_keys *keys = r->keys;
    for (size_t i = 0; i < r->items; i++) {
        if (k->there[i]) {
            keys->of_item[i] = &keys->asked[keys->count];
            keys->asked[keys->count++].meta = &k->meta[i];
        }
    }
    enter_quiet(r);
    bool ok = sops_datakey_unwrap_all(&keys->quiet, r->job->services, keys->asked, keys->count, r->job->order, e);
    leave_quiet(r);
    return ok;
}

bool check_keys_open(struct check_run *r, struct sops_err *e)
{
    struct reading k = {.r = r};
    size_t room = r->items + 1;
    r->keys = sops_alloc(sizeof *r->keys, e);
    if (r->keys == NULL || !sops_job_services(r->job, e)) {
        return false;
    }
    r->keys->own.world = &r->keys->quiet;
    r->keys->asked = sops_alloc(room * sizeof *r->keys->asked, e);
    r->keys->of_item = sops_alloc(room * sizeof *r->keys->of_item, e);
    k.meta = sops_alloc(room * sizeof *k.meta, e);
    k.there = sops_alloc(room * sizeof *k.there, e);
    bool ok = r->keys->asked != NULL && r->keys->of_item != NULL && k.meta != NULL && k.there != NULL;
    if (ok) {
        sops_together(r->items, r->threads, read_meta, &k);
        ok = (!atomic_load(&k.no_memory) || sops_fail_memory(e)) && ask_together(r, &k, e);
    }
    for (size_t i = 0; k.meta != NULL && i < r->items; i++) {
        sops_meta_free(&k.meta[i]);
    }
    sops_free(k.meta);
    sops_free(k.there);
    return ok;
}

/* The file at hand. */
struct opening {
    struct check_run *r;
    const struct sops_subject *s;
    struct sops_checked *c;
    struct sops_envelope *env;
    struct sops_pather pather;
    struct sops_err *e;
    bool faulty;
    size_t before; /* findings of the keyless check */
};

/* Is a failure that was collected as text one of memory, and none of the file's? */
static bool is_memory(const struct sops_err *why)
{
    static const char words[] = "memory"; /* in the report "out of memory" may stand on two lines */
    return why->memory || strstr(why->msg, words) != NULL ||
           (why->detail.len != 0 && memmem(why->detail.ptr, why->detail.len, words, sizeof words - 1) != NULL);
}

/* ---- data key
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_key_names(const struct opening *o, struct sops_buf *out, struct sops_err *e)
{
    enum { MOST = 20 };
    size_t n = 0;
    bool ok = true;
    for (const struct sops_group *g = o->c->meta.groups; ok && g != NULL; g = g->next) {
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            if (n++ >= MOST) {
                continue;
            }
            const char *name = o->s->names != NULL ? sops_names_get(o->s->names, k, &o->c->arena, e) : NULL;
            ok = e->code == SOPS_OK && sops_buf_adds(out, n > 1 ? ", " : "", e) && sops_key_show(k, out, e) &&
                 (name == NULL || sops_buf_addf(out, e, " (%s)", name));
        }
    }
    return ok && (n <= MOST || sops_buf_addf(out, e, " and %zu more", n - MOST));
}

static bool add_cannot_open(const struct opening *o, struct sops_err *e)
{
    struct sops_buf names = {0}, word = {0};
    bool ok = add_key_names(o, &names, e) && sops_shell_word(&word, sops_str(o->s->name), e) &&
              sops_findings_add(&o->c->found, SOPS_FIND_CANNOT_OPEN, o->c->sops_line, (struct sops_slice){0}, e,
                                "the data key cannot be had; tried in vain: %.*s", SOPS_ARG(sops_buf_view(&names))) &&
              sops_findings_help(&o->c->found, e, "sops doctor %.*s", SOPS_ARG(sops_buf_view(&word)));
    sops_buf_free(&names);
    sops_buf_free(&word);
    return ok;
}

/* ---- values
 * ------------------------------------------------------------------------------------------------------------ */

/* Was the value named before, as one that cannot open? */
static bool is_known(const struct opening *o, struct sops_slice path, unsigned line)
{
    for (size_t i = 0; i < o->before; i++) {
        const struct sops_finding *f = &o->c->found.list[i];
        bool about = f->id == SOPS_FIND_PLAIN_LEAF || f->id == SOPS_FIND_BAD_CIPHER || f->id == SOPS_FIND_COPIED_CIPHER;
        if (about && f->line == line && sops_slice_eq(f->path, path)) {
            return true;
        }
    }
    return false;
}

static void on_fault(void *ctx, const struct sops_node *leaf, const char *why)
{
    struct opening *o = ctx;
    struct sops_buf path = {0};
    unsigned line = sops_liner_of(&o->c->liner, leaf);
    if (why == sops_no_memory) { /* the fault is not the file's */
        (void)sops_fail_memory(o->e);
        return;
    }
    o->faulty = true;
    bool ok = o->e->code == SOPS_OK && sops_pather_add(&o->pather, leaf, &path, o->e);
    if (ok && !is_known(o, sops_buf_view(&path), line)) {
        ok = sops_findings_add(&o->c->found, SOPS_FIND_LEAF, line, sops_buf_view(&path), o->e, "it does not open: %s",
                               why) &&
             sops_findings_help(&o->c->found, o->e, "put back what stood there, or write the value with sops set");
    }
    (void)ok;
    sops_buf_free(&path);
}

static bool add_nested(struct opening *o, struct sops_err *e)
{
    const struct sops_doc *d = sops_envelope_look(o->env);
    struct sops_buf path = {0};
    bool ok = true;
    for (struct sops_node *part = d->parts; ok && part != NULL; part = part->next) {
        for (struct sops_node *n = part; ok && n != NULL; n = sops_node_after(part, n)) {
            enum sops_kind kind;
            if (!sops_node_is_leaf(n) || n->sealed == NULL || n->kind != SOPS_STR ||
                !sops_slice_starts(n->text, SOPS_LIT("ENC[AES256_GCM,")) || sops_cipher_look(n->text, &kind) != NULL) {
                continue;
            }
            sops_buf_cut(&path, 0);
            ok = sops_pather_add(&o->pather, n, &path, e) &&
                 sops_findings_add(&o->c->found, SOPS_FIND_NESTED, sops_liner_of(&o->c->liner, n), sops_buf_view(&path),
                                   e, "a value that is a ciphertext: it was encrypted twice") &&
                 sops_findings_help(&o->c->found, e,
                                    "decrypt the file that it came from, and write the clear value "
                                    "with sops set");
        }
    }
    sops_buf_free(&path);
    return ok;
}

static bool mac_is_named(const struct sops_checked *c)
{
    for (size_t i = 0; i < c->found.count; i++) {
        if (c->found.list[i].id == SOPS_FIND_METADATA &&
            sops_slice_eq(c->found.list[i].path, SOPS_LIT("[\"sops\"][\"mac\"]"))) {
            return true;
        }
    }
    return false;
}

static bool check_mac(struct opening *o, struct sops_err *e)
{
    struct sops_err why = {0};
    if (o->faulty || mac_is_named(o->c) || sops_envelope_verify(o->env, &why)) {
        return true;
    }
    struct sops_buf word = {0};
    bool ok = why.memory ? sops_fail_memory(e) : sops_shell_word(&word, sops_str(o->s->name), e);
    ok = ok &&
         sops_findings_add(&o->c->found, SOPS_FIND_MAC, sops_checked_line(o->c, "mac"), SOPS_LIT("[\"sops\"][\"mac\"]"),
                           e, "it is not that of these values: something was added, removed or changed without sops") &&
         sops_findings_help(&o->c->found, e, "sops doctor %.*s", SOPS_ARG(sops_buf_view(&word)));
    sops_buf_free(&word);
    sops_err_clear(&why);
    return ok;
}

/* ---- entries
 * ----------------------------------------------------------------------------------------------------------- */

static bool add_entry(const struct opening *o, const struct sops_key *k, size_t index, const char *why,
                      struct sops_err *e)
{
    struct sops_buf shown = {0}, name = {0}, word = {0};
    bool ok = sops_key_show(k, &shown, e) && sops_buf_addf(&name, e, "%s__list_%zu__map_enc", k->source->id, index) &&
              sops_buf_cstr(&name, e) != NULL && sops_shell_word(&word, sops_str(o->s->name), e);
    ok = ok &&
         sops_findings_add(&o->c->found, SOPS_FIND_KEY_ENTRY, sops_checked_line(o->c, (const char *)name.ptr),
                           SOPS_LIT("[\"sops\"]"), e, "the entry of %.*s %s: the name does not say whose key it is",
                           SOPS_ARG(sops_buf_view(&shown)), why) &&
         sops_findings_help(&o->c->found, e, "sops rotate -i %.*s, once the recipients are right",
                            SOPS_ARG(sops_buf_view(&word)));
    sops_buf_free(&shown);
    sops_buf_free(&name);
    sops_buf_free(&word);
    return ok;
}

/* An entry of a recipient that is the user's own, opened with that identity alone. `first` is what the group gave. */
static bool try_entry(const struct opening *o, const struct sops_key *k, size_t index, struct sops_buf *first,
                      struct sops_err *e)
{
    enum own_answer mine;
    const struct sops_own *own = NULL;
    struct sops_buf plain = {.locked = true};
    struct sops_err why = {0};
    if (k->source->unwrap_with == NULL || !own_keys_ask(&o->r->keys->own, k, &mine, NULL, &own, e)) {
        return e->code == SOPS_OK;
    }
    if (mine != OWN_YES || own->asks) {
        return true;
    }
    bool opened = k->source->unwrap_with(&o->r->keys->quiet, own->handle, k, &plain, &why), ok = true;
    if (!opened) {
        ok = is_memory(&why) ? sops_fail_memory(e) : add_entry(o, k, index, "does not open with that identity", e);
    } else if (first->len == 0) {
        ok = sops_buf_add(first, sops_buf_view(&plain), e);
    } else if (!sops_slice_eq(sops_buf_view(first), sops_buf_view(&plain))) {
        ok = add_entry(o, k, index, "gives another key than the others", e);
    }
    sops_err_clear(&why);
    sops_buf_free(&plain);
    return ok;
}

static bool check_entries(const struct opening *o, struct sops_err *e)
{
    bool ok = true, one = o->c->meta.groups != NULL && o->c->meta.groups->next == NULL;
    for (const struct sops_group *g = o->c->meta.groups; ok && g != NULL; g = g->next) {
        struct sops_buf first = {.locked = true};
        const struct sops_keysource *source = NULL;
        size_t index = 0;
        ok = !one || sops_envelope_key(o->env).len == 0 || sops_buf_add(&first, sops_envelope_key(o->env), e);
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            index = k->source == source ? index + 1 : 0;
            source = k->source;
            ok = try_entry(o, k, index, &first, e);
        }
        sops_buf_free(&first);
    }
    return ok;
}

/* ---- the whole
 * --------------------------------------------------------------------------------------------------------- */

static bool open_values(struct opening *o, const struct check_item *i, struct sops_err *e)
{
    struct sops_err why = {0};
    struct sops_world *w = o->r->job->world;
    if (w->audit != NULL && !w->audit(w, "decrypt", i->path != NULL ? i->path : i->name, e)) {
        return false;
    }
    bool opened = sops_envelope_open_each(o->env, on_fault, o, &why);
    bool ok = e->code == SOPS_OK && (!why.memory || sops_fail_memory(e));
    o->faulty = o->faulty || !opened;
    sops_err_clear(&why);
    return ok && check_mac(o, e) && add_nested(o, e);
}

static bool check_opened(struct opening *o, const struct check_item *i, struct sops_err *e)
{
    struct check_run *r = o->r;
    struct sops_err why = {0};
    o->env = sops_envelope_new(&r->keys->quiet, i->name, e);
    bool ok = o->env != NULL;
    if (ok && !sops_envelope_parse(o->env, o->c->look.format, o->s->text, &why)) {
        ok = !why.memory || sops_fail_memory(e); /* told already: what is read twice is the same */
    } else if (ok && sops_envelope_unwrap(o->env, r->job->services, r->job->order, &why)) {
        ok = open_values(o, i, e) && check_entries(o, e);
    } else if (ok) {
        ok = is_memory(&why) ? sops_fail_memory(e) : add_cannot_open(o, e) && check_entries(o, e);
    }
    sops_err_clear(&why);
    sops_envelope_free(o->env);
    return ok;
}

bool check_key(struct check_run *r, const struct check_item *i, const struct sops_subject *s, struct sops_checked *c,
               struct sops_err *e)
{
    struct opening o = {.r = r, .s = s, .c = c, .pather = {.secrets = r->secrets}, .e = e, .before = c->found.count};
    if (sops_findings_have(&c->found, SOPS_FIND_SYNTAX) || sops_findings_have(&c->found, SOPS_FIND_UNRESOLVED_MERGE)) {
        return true;
    }
    (void)pthread_mutex_lock(&r->lock);
    enter_quiet(r);
    bool ok = check_opened(&o, i, e);
    leave_quiet(r);
    struct sops_unlocking *asked = r->keys->of_item[i - r->item];
    if (asked != NULL) {
        sops_unlocking_done(asked);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return ok;
}
