/* SPDX-License-Identifier: Apache-2.0 */
/* HashiCorp Vault's transit engine, and OpenBao's (docs/spec/60-keysources.md#hashicorp-vault-transit-and-openbao). The
 * address is the key's own; VAULT_ADDR is not looked at. */
#include "cloud/vault.h"
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
    .unwrap = unwrap,
};
