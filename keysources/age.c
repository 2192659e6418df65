/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The age key source. Each entry of a file is an age file of its own with one recipient; opening it needs only the
 * identities, so the recipient in the metadata is never parsed then (docs/spec/61-age.md#the-key-source).
 */
#include "keysources/age_internal.h"

#include "base/encode.h"
#include "base/text.h"
#include "core/keysource.h"
#include "keysources/hpke.h"

#include <sodium.h>
#include <strings.h>

/* ---- recipients ---------------------------------------------------------------------------------------------- */

/* Does a private key stand anywhere in the text, in any case? Then no message may show it. */
static bool is_private(struct sops_slice text)
{
    static const char *const marks[] = {"AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-"};
    if (sops_slice_find(text, '-') == text.len) { /* as in most recipients, which may be long */
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        for (size_t k = 0; k < sizeof marks / sizeof marks[0]; k++) {
            size_t n = strlen(marks[k]);
            if (text.len - i >= n && strncasecmp((const char *)text.ptr + i, marks[k], n) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum sops_age_recipient_kind kind_of(struct sops_slice text)
{
    if (sops_slice_starts(text, SOPS_LIT("ssh-"))) {
        return SOPS_AGE_TO_SSH;
    }
    if (sops_slice_starts(text, SOPS_LIT("age1pq1"))) {
        return SOPS_AGE_TO_HYBRID;
    }
    struct sops_slice behind = sops_slice_skip(text, 4);
    return sops_slice_find(behind, '1') != behind.len ? SOPS_AGE_TO_PLUGIN : SOPS_AGE_TO_X25519;
}

static bool parse_bech32(struct sops_age_recipient *r, struct sops_err *e)
{
    struct sops_slice hrp;
    if (!sops_bech32_take(r->text, &hrp, &r->key, e)) {
        return false;
    }
    if (r->kind == SOPS_AGE_TO_PLUGIN) {
        r->name = sops_age_plugin_name(hrp, false);
        return r->name.len != 0 ? true : sops_fail(e, SOPS_E_GENERIC, "the plugin's name is not allowed");
    }
    bool hybrid = r->kind == SOPS_AGE_TO_HYBRID;
    if (!sops_slice_eq(hrp, hybrid ? SOPS_LIT("age1pq") : SOPS_LIT("age")) ||
        r->key.len != (hybrid ? (size_t)SOPS_HPKE_PUBLIC : (size_t)32)) {
        return sops_fail(e, SOPS_E_GENERIC, "it has the wrong length");
    }
    if (hybrid && !sops_mlkem768_check(r->key.ptr)) {
        return sops_fail(e, SOPS_E_GENERIC, "its ML-KEM part is not reduced");
    }
    return true;
}

bool sops_age_recipient_parse(struct sops_slice text, struct sops_age_recipient *out, struct sops_err *e)
{
    out->text = text;
    if (is_private(text)) {
        return sops_fail(e, SOPS_E_GENERIC, "an age recipient was expected, but this is a private identity");
    }
    if (!sops_slice_starts(text, SOPS_LIT("age1")) && !sops_slice_starts(text, SOPS_LIT("ssh-"))) {
        sops_fail(e, SOPS_E_GENERIC, "unknown recipient type: '%.*s'", SOPS_ARG(text));
        return sops_hint(e, "a recipient begins with age1 or ssh-; `sops keygen -y` prints yours");
    }
    out->kind = kind_of(text);
    bool ok = out->kind == SOPS_AGE_TO_SSH ? sops_age_ssh_public(text, &out->key, e) : parse_bech32(out, e);
    if (!ok) {
        sops_buf_free(&out->key);
        return sops_within(e, "bad age recipient '%.*s'", (int)(text.len < 200 ? text.len : 200),
                           (const char *)text.ptr);
    }
    return true;
}

void sops_age_recipient_free(struct sops_age_recipient *r)
{
    sops_buf_free(&r->key);
    *r = (struct sops_age_recipient){0};
}

static bool age_parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                      struct sops_err *e)
{
    (void)w;
    struct sops_age_recipient r = {0};
    struct sops_slice text = sops_text_trim(piece);
    bool ok = sops_age_recipient_parse(text, &r, e) && sops_arena_copy(a, text, &out->field[0], e);
    sops_age_recipient_free(&r);
    return ok;
}

/* ---- wrap ---------------------------------------------------------------------------------------------------- */

static bool start(struct sops_err *e)
{
    return sodium_init() >= 0 ? true : sops_fail(e, SOPS_E_GENERIC, "libsodium cannot be initialised");
}

static bool age_wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                     struct sops_err *e)
{
    static sops_age_wrap_fn *const wrap[] = {
        [SOPS_AGE_TO_X25519] = sops_age_x25519_wrap,
        [SOPS_AGE_TO_HYBRID] = sops_age_hybrid_wrap,
        [SOPS_AGE_TO_PLUGIN] = sops_age_plugin_wrap,
        [SOPS_AGE_TO_SSH] = sops_age_ssh_wrap,
    };
    struct sops_age_recipient r = {0};
    struct sops_arena a = {0};
    struct sops_age_stanza *stanzas = NULL;
    struct sops_buf file = {0};
    uint8_t file_key[SOPS_AGE_FILE_KEY] = {0};
    bool ok = start(e) && sops_age_recipient_parse(k->field[0], &r, e) && w->random(w, file_key, sizeof file_key, e) &&
              wrap[r.kind](w, &r, file_key, &a, &stanzas, e) &&
              sops_age_file_seal(w, stanzas, file_key, plain, &file, e) && sops_age_armor(sops_buf_view(&file), enc, e);
    sops_wipe(file_key, sizeof file_key);
    sops_buf_free(&file);
    sops_arena_free(&a);
    sops_age_recipient_free(&r);
    return ok;
}

/* ---- wrap for many files ------------------------------------------------------------------------------------- */

/* What one plugin recipient wraps, in one process. */
struct batch {
    struct sops_world *world;
    struct sops_age_recipient recipient;
    struct sops_wrap **wrap;
    size_t count;
};

/* The keys from `from` on, `count` of them, in one process. False: the process failed, or memory did (e->memory). */
static bool wrap_run(const struct batch *b, size_t from, size_t count, struct sops_err *e)
{
    struct sops_arena a = {0};
    uint8_t *secret = sops_alloc_locked(count * SOPS_AGE_FILE_KEY, e);
    struct sops_age_plugin_key *key = secret != NULL ? sops_alloc(count * sizeof *key, e) : NULL;
    bool ok = key != NULL && b->world->random(b->world, secret, count * SOPS_AGE_FILE_KEY, e);
    for (size_t i = 0; ok && i < count; i++) {
        key[i].file_key = secret + i * SOPS_AGE_FILE_KEY;
    }
    ok = ok && sops_age_plugin_wrap_run(b->world, &b->recipient, key, count, &a, e);
    for (size_t i = 0; ok && i < count; i++) {
        struct sops_wrap *x = b->wrap[from + i];
        struct sops_buf file = {0};
        ok = sops_age_file_seal(b->world, key[i].stanzas, key[i].file_key, x->plain, &file, e) &&
             sops_age_armor(sops_buf_view(&file), &x->enc, e);
        x->ok = ok;
        sops_buf_free(&file);
    }
    sops_free(key);
    sops_free_locked(secret);
    sops_arena_free(&a);
    return ok;
}

static bool refuse_wrap(struct sops_wrap *x, const struct sops_err *why, struct sops_err *e)
{
    sops_buf_cut(&x->why, 0);
    x->memory = why->memory;
    return sops_buf_adds(&x->why, why->msg, e) && (x->hint.len != 0 || sops_buf_adds(&x->hint, why->hint, e));
}

/* All at once; when that fails, the first alone: it may be a plugin for one file key only. */
static bool wrap_batch(struct batch *b, struct sops_err *e)
{
    struct sops_err why = {0};
    bool ok = true, failed = !wrap_run(b, 0, b->count, &why), give_up = b->count == 1;
    for (size_t i = 0; ok && failed && i < b->count; i++) {
        if (!give_up) {
            sops_err_clear(&why);
            give_up = !wrap_run(b, i, 1, &why) && i == 0;
        }
        ok = b->wrap[i]->ok || refuse_wrap(b->wrap[i], &why, e);
    }
    sops_err_clear(&why);
    return ok;
}

static bool age_wrap_many(struct sops_world *w, struct sops_wrap *const *wrap, size_t count, struct sops_err *e)
{
    struct batch b = {.world = w, .wrap = sops_alloc((count + 1) * sizeof *b.wrap, e)};
    bool *taken = b.wrap != NULL ? sops_alloc(count + 1, e) : NULL;
    bool ok = taken != NULL && start(e);
    for (size_t i = 0; ok && i < count; i++) {
        struct sops_err why = {0};
        b.count = 0;
        for (size_t k = i; !taken[i] && k < count; k++) {
            if (!taken[k] && sops_slice_eq(wrap[k]->key->field[0], wrap[i]->key->field[0])) {
                taken[k] = k != i;
                b.wrap[b.count++] = wrap[k];
            }
        }
        if (b.count != 0 && sops_age_recipient_parse(wrap[i]->key->field[0], &b.recipient, &why)) {
            ok = wrap_batch(&b, e);
        } else {
            for (size_t k = 0; ok && k < b.count; k++) {
                ok = refuse_wrap(b.wrap[k], &why, e);
            }
        }
        sops_err_clear(&why);
        sops_age_recipient_free(&b.recipient);
    }
    sops_free(taken);
    sops_free(b.wrap);
    return ok;
}

/* A plugin is a program, and may ask. */
static bool age_computes(const struct sops_key *k) { return kind_of(k->field[0]) != SOPS_AGE_TO_PLUGIN; }

/* ---- new identities ------------------------------------------------------------------------------------------ */

static bool age_generate(struct sops_world *w, struct sops_slice kind, struct sops_buf *identity,
                         struct sops_buf *recipient, struct sops_err *e)
{
    struct sops_age_set set = {0};
    uint8_t key[32] = {0};
    bool hybrid = sops_slice_eq(kind, SOPS_LIT("pq"));
    if (!hybrid && kind.len != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "there is no kind of age identity named '%.*s'", SOPS_ARG(kind));
    }
    struct sops_slice hrp = hybrid ? SOPS_LIT("AGE-SECRET-KEY-PQ-") : SOPS_LIT("AGE-SECRET-KEY-");
    bool ok = start(e) && w->random(w, key, sizeof key, e);
    const struct sops_age_identity *id =
        ok ? sops_age_set_add(&set, hybrid ? sops_age_hybrid_unwrap : sops_age_x25519_unwrap,
                              sops_slice_of(key, sizeof key), e)
           : NULL;
    ok = id != NULL && sops_bech32_add(identity, hrp, id->secret, e) && sops_age_native_recipient(id, recipient, e);
    sops_wipe(key, sizeof key);
    sops_age_set_free(&set);
    return ok;
}

static bool age_recipients(struct sops_world *w, struct sops_slice identities, struct sops_buf *out, struct sops_err *e)
{
    (void)w;
    struct sops_age_set set = {0};
    bool ok = start(e) && sops_age_set_parse(&set, identities, SOPS_AGE_TEXT_NATIVE, e);
    if (ok && set.first == NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "no identity found");
    }
    for (const struct sops_age_identity *id = set.first; ok && id != NULL; id = id->next) {
        ok = sops_age_native_recipient(id, out, e) && sops_buf_addc(out, '\n', e);
    }
    sops_age_set_free(&set);
    return ok;
}

static const struct sops_keyfield fields[] = {{.meta = "recipient"}, {.meta = NULL}};

const struct sops_keysource sops_keysource_age = {
    .id = "age",
    .title = NULL, /* the key service's prompt has no words for it (docs/spec/60-keysources.md#key-service-server) */
    .flag = "age",
    .short_flag = "a",
    .env = "SOPS_AGE_RECIPIENTS",
    .rule_key = "age",
    .group_key = "age",
    .fields = fields,
    .wire = 6,
    .flags = SOPS_SRC_ALWAYS | SOPS_SRC_GROUP_TEXT | SOPS_SRC_GROUP_COMMAS,
    .rank = {[SOPS_BY_FLAGS] = 6, [SOPS_BY_RULE] = 0, [SOPS_BY_META] = 6, [SOPS_BY_ROTATE] = 6, [SOPS_BY_GROUPS] = 5},
    .log_name = "AGE",
    .log_field = "recipient",
    .parse = age_parse,
    .wrap = age_wrap,
    .wrap_many = age_wrap_many,
    .computes = age_computes,
    .unwrap = sops_age_unwrap,
    .unwrap_many = sops_age_unwrap_many,
    .places = sops_age_places,
    .unwrap_with = sops_age_unwrap_with,
    .generate = age_generate,
    .recipients = age_recipients,
};
