/* SPDX-License-Identifier: Apache-2.0 */
/* HashiCorp Vault's transit engine, and OpenBao's (docs/spec/60-keysources.md#hashicorp-vault-transit-and-openbao). The
 * address is the key's own; VAULT_ADDR is not looked at. */
#include "base/thread.h"
#include "cloud/vault.h"
#include "core/entry.h"
#include "core/keysource.h"
#include "keysources/hc_vault_uri.h"

enum { ADDRESS, ENGINE, NAME };

static const struct sops_keyfield fields[] = {
    [ADDRESS] = {.meta = "vault_address"},
    [ENGINE] = {.meta = "engine_path"},
    [NAME] = {.meta = "key_name"},
    {.meta = NULL},
};

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_vault_uri uri;

    if (!sops_vault_uri_parse(a, piece, &uri, e)) {
        return false;
    }
    out->field[ADDRESS] = uri.address;
    out->field[ENGINE] = uri.engine;
    out->field[NAME] = uri.name;
    return true;
}

static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addf(out, e, "%.*s/v1/%.*s/keys/%.*s", SOPS_ARG(k->field[ADDRESS]), SOPS_ARG(k->field[ENGINE]),
                         SOPS_ARG(k->field[NAME]));
}

/* ---- the calls ------------------------------------------------------------------------------------------------- */

static bool make_path(const struct sops_key *k, const char *action, struct sops_buf *path, struct sops_err *e)
{
    struct sops_buf raw = {0};
    bool ok = sops_buf_addf(&raw, e, "%.*s/%s/%.*s", SOPS_ARG(k->field[ENGINE]), action, SOPS_ARG(k->field[NAME])) &&
              sops_vault_clean(path, sops_buf_view(&raw), e) && sops_buf_cstr(path, e) != NULL;

    sops_buf_free(&raw);
    return ok;
}

/* Sends {"<in>": text} and appends the text of data.<out>. `none`, `wrong`: the words for when it is not there, and
 * when it is no text. */
static bool call(struct sops_world *w, const struct sops_key *k, const struct sops_buf *path, const char *in,
                 struct sops_slice text, const char *out, const char *none, const char *wrong, struct sops_buf *result,
                 struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_vault v;
    struct sops_buf body = {0};
    json_t *answer = NULL;
    bool ok = sops_vault_setup(w, &a, k->field[ADDRESS], SOPS_VAULT_AGENT | SOPS_VAULT_TOKEN_FILE, &v, e) &&
              sops_buf_addc(&body, '{', e) && sops_json_add(&body, in, text, e) && sops_buf_addc(&body, '}', e) &&
              sops_vault_call(w, &v, "PUT", sops_buf_view(path), sops_buf_view(&body), &answer, e);

    if (ok) {
        const json_t *found = json_object_get(answer, "data");
        const json_t *value = json_object_get(found, out);
        ok = !json_is_object(found)   ? sops_fail(e, SOPS_E_GENERIC, "transit backend is empty")
             : value == NULL          ? sops_fail(e, SOPS_E_GENERIC, "%s", none)
             : !json_is_string(value) ? sops_fail(e, SOPS_E_GENERIC, "%s", wrong)
                                      : sops_buf_add(result, sops_json_text(found, out), e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_arena_free(&a);
    return ok;
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    struct sops_buf path = {0}, text = {0};
    bool ok = sops_vault_allowed(w, k->field[ADDRESS], e) && make_path(k, "encrypt", &path, e) &&
              sops_base64_add(&text, SOPS_B64_STD, plain, e);

    if (ok && !call(w, k, &path, "plaintext", sops_buf_view(&text), "ciphertext", "no encrypted data",
                    "encrypted ciphertext cannot be cast to string", enc, e)) {
        ok = sops_within(e, "failed to encrypt sops data key to Vault transit backend '%.*s'",
                         SOPS_ARG(sops_buf_view(&path)));
    }
    sops_buf_free(&text);
    sops_buf_free(&path);
    return ok;
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    struct sops_buf path = {0}, text = {0};
    bool ok = sops_vault_allowed(w, k->field[ADDRESS], e) && make_path(k, "decrypt", &path, e);

    if (ok && !(call(w, k, &path, "ciphertext", k->enc, "plaintext", "no decrypted data",
                     "decrypted plaintext data cannot be cast to string", &text, e) &&
                (sops_base64_text(plain, SOPS_B64_CR, sops_buf_view(&text), e) ||
                 sops_within(e, "cannot decode base64 plaintext into data key bytes")))) {
        ok = sops_within(e, "failed to decrypt sops data key from Vault transit backend '%.*s'",
                         SOPS_ARG(sops_buf_view(&path)));
    }
    sops_buf_free(&text);
    sops_buf_free(&path);
    return ok;
}

/* ---- many at once ----------------------------------------------------------------------------------------------- */

#define BATCH_MAX 100
#define REQUESTS 8 /* at a time, in a whole run */

/* One text that is to be encrypted or decrypted. */
struct item {
    const struct sops_key *key;
    struct sops_slice text; /* that is sent */
    struct sops_buf result; /* locked; or */
    struct sops_err why;
    bool ok, done;
    void *user;
};
/* Items of one address, engine and key, as many as one request may hold. */
struct chunk {
    struct item **item;
    size_t count;
    bool singly; /* the server takes no batches: the others follow one by one */
};
/* Either way: what is sent and what comes back. */
struct way {
    const char *action, *in, *out, *none, *wrong, *failed;
};
static const struct way encrypting = {"encrypt",
                                      "plaintext",
                                      "ciphertext",
                                      "no encrypted data",
                                      "encrypted ciphertext cannot be cast to string",
                                      "failed to encrypt sops data key to Vault transit backend"};
static const struct way decrypting = {"decrypt",
                                      "ciphertext",
                                      "plaintext",
                                      "no decrypted data",
                                      "decrypted plaintext data cannot be cast to string",
                                      "failed to decrypt sops data key from Vault transit backend"};
struct batches {
    struct sops_world *world;
    const struct way *way;
    struct chunk *chunk;
    size_t chunks;
    struct item **single; /* the rest of chunks that the server did not take */
    size_t singles;
};

static void fail_item(struct item *x, const struct way *way, struct sops_slice path, const char *msg)
{
    (void)sops_fail(&x->why, SOPS_E_GENERIC, "%s", msg);
    (void)sops_within(&x->why, "%s '%.*s'", way->failed, SOPS_ARG(path));
    x->done = true;
}

static void call_item(const struct batches *b, struct item *x)
{
    struct sops_buf path = {0};
    const struct way *way = b->way;
    x->ok =
        sops_vault_allowed(b->world, x->key->field[ADDRESS], &x->why) && make_path(x->key, way->action, &path, &x->why);
    if (x->ok &&
        !call(b->world, x->key, &path, way->in, x->text, way->out, way->none, way->wrong, &x->result, &x->why)) {
        x->ok = sops_within(&x->why, "%s '%.*s'", way->failed, SOPS_ARG(path));
    }
    x->done = true;
    sops_buf_free(&path);
}

static bool make_body(const struct batches *b, const struct chunk *c, struct sops_buf *body, struct sops_err *e)
{
    bool ok = sops_buf_addc(body, '{', e) && sops_json_begin(body, "batch_input", '[', e);
    for (size_t i = 0; ok && i < c->count; i++) {
        ok = sops_json_begin(body, NULL, '{', e) && sops_json_add(body, b->way->in, c->item[i]->text, e) &&
             sops_buf_addc(body, '}', e);
    }
    return ok && sops_buf_adds(body, "]}", e);
}

/* As if it had been asked for alone. */
static void refuse_item(struct item *x, const struct way *way, const struct sops_vault *v,
                        const struct sops_vault_request *r, struct sops_slice path, struct sops_slice error)
{
    struct sops_http_res alone = {.status = 400};
    struct sops_err why = {0};
    if (sops_buf_addc(&alone.body, '{', &why) && sops_json_begin(&alone.body, "errors", '[', &why) &&
        sops_json_add(&alone.body, NULL, error, &why) && sops_buf_adds(&alone.body, "]}", &why)) {
        (void)sops_vault_refused(v, r, &alone, &why);
    }
    fail_item(x, way, path, why.msg);
    sops_http_res_free(&alone);
    sops_err_clear(&why);
}

/* One result for each item, with its own error where it failed; the good ones count whatever the status is. False when
 * the answer has none. */
static bool take_results(const struct batches *b, struct chunk *c, const struct sops_vault *v,
                         const struct sops_vault_request *r, struct sops_slice path, const json_t *answer)
{
    const json_t *results = json_object_get(json_object_get(answer, "data"), "batch_results");
    if (!json_is_array(results) || json_array_size(results) != c->count) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct item *x = c->item[i];
        const json_t *one = json_array_get(results, i);
        struct sops_slice error = sops_json_text(one, "error"), text = sops_json_text(one, b->way->out);
        if (error.len != 0) {
            refuse_item(x, b->way, v, r, path, error);
        } else if (text.len == 0) {
            fail_item(x, b->way, path, b->way->none);
        } else {
            x->ok = sops_buf_add(&x->result, text, &x->why);
            x->done = true;
        }
    }
    return true;
}

static void fail_chunk(const struct batches *b, struct chunk *c, struct sops_slice path, const struct sops_err *why)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!c->item[i]->done) {
            fail_item(c->item[i], b->way, path, why->msg);
            (void)sops_hint(&c->item[i]->why, "%s", why->hint);
        }
    }
}

/* The batch was refused as a whole: for what the first item alone is refused, too, or because it is one? */
static void try_first(const struct batches *b, struct chunk *c, struct sops_slice path, const struct sops_err *why)
{
    struct sops_err same = {0};
    call_item(b, c->item[0]);
    (void)sops_fail(&same, SOPS_E_GENERIC, "%s", why->msg);
    (void)sops_within(&same, "%s '%.*s'", b->way->failed, SOPS_ARG(path));
    if (!c->item[0]->ok && strcmp(c->item[0]->why.msg, same.msg) == 0) {
        fail_chunk(b, c, path, why);
    } else {
        c->singly = true;
    }
    sops_err_clear(&same);
}

static void send_chunk(void *ctx, size_t number)
{
    struct batches *b = ctx;
    struct chunk *c = &b->chunk[number];
    const struct sops_key *k = c->item[0]->key;
    struct sops_arena a = {0};
    struct sops_vault v;
    struct sops_buf raw = {0}, path = {0}, body = {.locked = true};
    struct sops_http_res res = {0};
    struct sops_err why = {0};
    if (c->count == 1) {
        call_item(b, c->item[0]);
        return;
    }
    bool ok = sops_vault_allowed(b->world, k->field[ADDRESS], &why) && make_path(k, b->way->action, &raw, &why) &&
              sops_vault_clean(&path, sops_buf_view(&raw), &why) && make_body(b, c, &body, &why) &&
              sops_vault_setup(b->world, &a, k->field[ADDRESS], SOPS_VAULT_AGENT | SOPS_VAULT_TOKEN_FILE, &v, &why);
    const struct sops_vault_request r = {
        .method = "PUT", .path = sops_buf_view(&path), .body = sops_buf_view(&body), .limit = (size_t)4 << 20};
    ok = ok && sops_vault_send(b->world, &v, &r, &res, &why);
    json_t *answer = ok ? sops_json_try(sops_buf_view(&res.body)) : NULL;
    if (!ok) {
        fail_chunk(b, c, sops_buf_view(&raw), &why);
    } else if (!take_results(b, c, &v, &r, sops_buf_view(&raw), answer)) {
        (void)sops_vault_refused(&v, &r, &res, &why);
        if (res.status >= 400 && res.status < 500) {
            try_first(b, c, sops_buf_view(&raw), &why);
        } else {
            fail_chunk(b, c, sops_buf_view(&raw), &why);
        }
    }
    json_decref(answer);
    sops_http_res_free(&res);
    sops_buf_free(&body);
    sops_buf_free(&path);
    sops_buf_free(&raw);
    sops_arena_free(&a);
    sops_err_clear(&why);
}

static void send_single(void *ctx, size_t number)
{
    const struct batches *b = ctx;
    call_item(b, b->single[number]);
}

static bool same_key(const struct item *x, const struct item *y)
{
    return sops_slice_eq(x->key->field[ADDRESS], y->key->field[ADDRESS]) &&
           sops_slice_eq(x->key->field[ENGINE], y->key->field[ENGINE]) &&
           sops_slice_eq(x->key->field[NAME], y->key->field[NAME]);
}

/* Lays the items out in chunks: `row` has room for all of them. */
static void make_chunks(struct batches *b, struct item *item, size_t count, struct item **row, bool *taken)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct chunk *c = NULL;
        for (size_t k = i; !taken[i] && k < count; k++) {
            if (taken[k] || !same_key(&item[i], &item[k])) {
                continue;
            }
            if (c == NULL || c->count == BATCH_MAX) {
                c = &b->chunk[b->chunks++];
                c->item = row + used;
            }
            c->item[c->count++] = &item[k];
            used++;
            taken[k] = k != i;
        }
    }
}

/* All items, in as few requests as there can be. False only without memory. */
static bool send_all(struct sops_world *w, const struct way *way, struct item *item, size_t count, struct sops_err *e)
{
    struct batches b = {.world = w, .way = way, .chunk = sops_alloc((count + 1) * sizeof *b.chunk, e)};
    struct item **row = b.chunk != NULL ? sops_alloc((count + 1) * sizeof(struct item *), e) : NULL;
    bool *taken = row != NULL ? sops_alloc(count + 1, e) : NULL;
    b.single = taken != NULL ? sops_alloc((count + 1) * sizeof(struct item *), e) : NULL;
    size_t threads = w->jobs > 1 ? w->jobs < REQUESTS ? w->jobs : REQUESTS : 1;
    bool ok = b.single != NULL;
    if (ok) {
        make_chunks(&b, item, count, row, taken);
        sops_together(b.chunks, threads, send_chunk, &b);
        for (size_t i = 0; i < b.chunks; i++) {
            for (size_t k = 0; b.chunk[i].singly && k < b.chunk[i].count; k++) {
                if (!b.chunk[i].item[k]->done) {
                    b.single[b.singles++] = b.chunk[i].item[k];
                }
            }
        }
        sops_together(b.singles, threads, send_single, &b);
    }
    sops_free(b.single);
    sops_free(taken);
    sops_free(row);
    sops_free(b.chunk);
    return ok;
}

static void items_free(struct item *item, size_t count)
{
    for (size_t i = 0; item != NULL && i < count; i++) {
        sops_buf_free(&item[i].result);
        sops_err_clear(&item[i].why);
    }
    sops_free(item);
}

static bool settle(struct item *x, struct sops_err *e)
{
    struct sops_buf plain = {.locked = true};
    struct sops_entry *n = x->user;
    if (x->ok && !sops_base64_text(&plain, SOPS_B64_CR, sops_buf_view(&x->result), &x->why)) {
        x->ok = sops_within(&x->why, "cannot decode base64 plaintext into data key bytes");
    }
    bool ok = x->ok ? sops_entry_open(n, sops_buf_view(&plain), e) : sops_entry_refuse(n, &x->why, e);
    sops_buf_free(&plain);
    return ok;
}

/* The next entry of each lot that is still closed; then the next ones. */
static bool unwrap_many(struct sops_world *w, const struct sops_lot *lot, size_t lots, struct sops_err *e)
{
    bool ok = true;
    for (size_t count = 1; ok && count != 0;) {
        struct item *item = sops_alloc((lots + 1) * sizeof *item, e);
        ok = item != NULL;
        count = 0;
        for (size_t i = 0; ok && i < lots; i++) {
            size_t k = 0;
            while (k < lot[i].count && lot[i].entry[k]->state == SOPS_ENTRY_REFUSED) {
                k++;
            }
            struct sops_entry *n = k < lot[i].count && sops_lot_opened(&lot[i]) == NULL ? lot[i].entry[k] : NULL;
            if (n != NULL && n->tried_by != item) { /* not one that another lot has put there */
                n->tried_by = item;
                item[count++] =
                    (struct item){.key = n->key, .text = n->key->enc, .result = {.locked = true}, .user = n};
            }
        }
        ok = ok && (count == 0 || send_all(w, &decrypting, item, count, e));
        for (size_t i = 0; ok && i < count; i++) {
            ok = settle(&item[i], e);
        }
        items_free(item, count);
    }
    return ok;
}

static bool wrap_many(struct sops_world *w, struct sops_wrap *const *wraps, size_t count, struct sops_err *e)
{
    struct item *item = sops_alloc((count + 1) * sizeof *item, e);
    struct sops_buf *text = item != NULL ? sops_alloc((count + 1) * sizeof *text, e) : NULL;
    bool ok = text != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        text[i].locked = true;
        ok = sops_base64_add(&text[i], SOPS_B64_STD, wraps[i]->plain, e);
        item[i] = (struct item){.key = wraps[i]->key, .text = sops_buf_view(&text[i])};
    }
    ok = ok && send_all(w, &encrypting, item, count, e);
    for (size_t i = 0; ok && i < count; i++) {
        wraps[i]->ok = item[i].ok;
        wraps[i]->enc = item[i].result;
        item[i].result = (struct sops_buf){0};
        ok = item[i].ok ||
             (sops_buf_adds(&wraps[i]->why, item[i].why.msg, e) && sops_buf_adds(&wraps[i]->hint, item[i].why.hint, e));
    }
    for (size_t i = 0; text != NULL && i < count; i++) {
        sops_buf_free(&text[i]);
    }
    sops_free(text);
    items_free(item, count);
    return ok;
}

static bool log_fields(const struct sops_key *k, bool wrapping, struct sops_buf *scratch, struct sops_log_field *out,
                       struct sops_err *e)
{
    bool ok = sops_buf_addf(scratch, e, "%.*s/%s/%.*s", SOPS_ARG(k->field[ENGINE]), wrapping ? "encrypt" : "decrypt",
                            SOPS_ARG(k->field[NAME]));
    out[0] = (struct sops_log_field){"Path", sops_buf_view(scratch)};
    return ok;
}

const struct sops_keysource sops_keysource_hc_vault = {
    .id = "hc_vault",
    .title = "Hashicorp Vault key with URI",
    .flag = "hc-vault-transit",
    .env = "SOPS_VAULT_URIS",
    .rule_key = "hc_vault_transit_uri",
    .group_key = "hc_vault",
    .fields = fields,
    .wire = 5,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE | SOPS_SRC_SKIP_EMPTY | SOPS_SRC_ALWAYS | SOPS_SRC_GROUP_TEXT,
    .rank = {[SOPS_BY_FLAGS] = 5, [SOPS_BY_RULE] = 6, [SOPS_BY_META] = 4, [SOPS_BY_ROTATE] = 5, [SOPS_BY_GROUPS] = 3},
    .log_name = "VAULT_TRANSIT",
    .log_done = "successful",
    .parse = parse,
    .log_fields = log_fields,
    .show = show,
    .wrap = wrap,
    .wrap_many = wrap_many,
    .unwrap = unwrap,
    .unwrap_many = unwrap_many,
};
