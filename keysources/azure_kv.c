/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault (docs/spec/60-keysources.md#azure-key-vault). The version of a key that is given without one is
 * looked up as soon as the key is made, so that every file holds a version. */
#include "base/text.h"
#include "cloud/azure.h"
#include "core/keysource.h"

enum { VAULT_URL, NAME, VERSION };

static const struct sops_keyfield fields[] = {
    [VAULT_URL] = {.meta = "vault_url", .config = "vaultUrl"},
    [NAME] = {.meta = "name", .config = "key"},
    [VERSION] = {.meta = "version"},
    {.meta = NULL},
};

/* https://HOST/keys/NAME[/[VERSION]], none of the three holding a slash. */
static bool split(struct sops_slice url, struct sops_slice part[3])
{
    const struct sops_slice keys = SOPS_LIT("/keys/");
    struct sops_url u;
    if (!sops_url_parse(url, &u) || !u.tls || !sops_slice_starts(u.rest, keys)) {
        return false;
    }
    part[VAULT_URL] = sops_slice_first(url, url.len - u.rest.len);
    struct sops_slice rest = sops_slice_skip(u.rest, keys.len);
    part[NAME] = sops_slice_first(rest, sops_slice_find(rest, '/'));
    part[VERSION] = sops_slice_skip(rest, part[NAME].len + 1);
    return part[NAME].len > 0 && sops_slice_find(part[VERSION], '/') == part[VERSION].len;
}

#define API "?api-version=2025-07-01"

static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addf(out, e, "%.*s/keys/%.*s/%.*s", SOPS_ARG(k->field[VAULT_URL]), SOPS_ARG(k->field[NAME]),
                         SOPS_ARG(k->field[VERSION]));
}

/* <vault>/keys/<name>/<version>[/<action>]?api-version=…; a slash at the end of the vault's URL is not doubled. */
static bool add_url(const struct sops_key *k, const char *action, struct sops_buf *url, struct sops_err *e)
{
    return sops_buf_add(url, sops_slice_trim_end(k->field[VAULT_URL], '/'), e) && sops_buf_adds(url, "/keys/", e) &&
           sops_percent_add(url, k->field[NAME], "", e) && sops_buf_addc(url, '/', e) &&
           sops_percent_add(url, k->field[VERSION], "", e) && sops_buf_adds(url, action, e) &&
           sops_buf_adds(url, API, e) && sops_buf_cstr(url, e) != NULL;
}

/* The newest version is the last part of the `kid` of the key that is had without a version. */
static bool complete(struct sops_world *w, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    struct sops_buf url = {0};
    json_t *answer = NULL;

    if (k->field[VERSION].len > 0) {
        return true;
    }
    bool ok = add_url(k, "", &url, e) && sops_azure_call(w, (const char *)url.ptr, (struct sops_slice){0}, &answer, e);
    if (ok) {
        struct sops_slice kid = sops_json_text(json_object_get(answer, "key"), "kid");
        size_t start = kid.len;
        while (start > 0 && kid.ptr[start - 1] != '/') {
            start--;
        }
        ok = start > 0 && start < kid.len ? sops_arena_copy(a, sops_slice_skip(kid, start), &k->field[VERSION], e)
                                          : sops_fail(e, SOPS_E_GENERIC, "the answer holds no kid with a version");
    }
    json_decref(answer);
    sops_buf_free(&url);
    return ok || sops_within(e, "failed to fetch Azure Key to retrieve key version");
}

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_slice url = sops_text_trim(piece), part[3];

    if (!split(url, part)) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "could not parse \"%.*s\" into a valid Azure Key Vault MasterKey <vault URL>/keys/<name>"
                         "[/<version>]",
                         SOPS_ARG(url));
    }
    for (int i = 0; i < 3; i++) {
        if (!sops_arena_copy(a, part[i], &out->field[i], e)) {
            return false;
        }
    }
    return true;
}

/* ---- the calls ------------------------------------------------------------------------------------------------- */

/* Sends the bytes and appends those of the answer. */
static bool call(struct sops_world *w, const struct sops_key *k, const char *action, struct sops_slice bytes,
                 struct sops_buf *result, struct sops_err *e)
{
    struct sops_buf url = {0}, body = {0};
    json_t *answer = NULL;
    bool ok = add_url(k, action, &url, e) && sops_buf_adds(&body, "{\"alg\":\"RSA-OAEP-256\"", e) &&
              sops_json_add_base64(&body, "value", SOPS_B64_URL, bytes, e) && sops_buf_addc(&body, '}', e) &&
              sops_azure_call(w, (const char *)url.ptr, sops_buf_view(&body), &answer, e);

    if (ok) {
        struct sops_slice value = sops_json_text(answer, "value");
        ok = (value.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the answer holds no value")) &&
             sops_base64_text(result, SOPS_B64_URL, value, e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_buf_free(&url);
    return ok;
}

static bool fail_key(const struct sops_key *k, const char *what, struct sops_err *e)
{
    return sops_within(e, "failed to %s sops data key with Azure Key Vault key '%.*s/keys/%.*s/%.*s'", what,
                       SOPS_ARG(k->field[VAULT_URL]), SOPS_ARG(k->field[NAME]), SOPS_ARG(k->field[VERSION]));
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    struct sops_buf bytes = {0};
    bool ok = call(w, k, "/encrypt", plain, &bytes, e) || fail_key(k, "encrypt", e);

    ok = ok && sops_base64_add(enc, SOPS_B64_URL, sops_buf_view(&bytes), e);
    sops_buf_free(&bytes);
    return ok;
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    struct sops_buf bytes = {0};
    bool ok = sops_base64_take(&bytes, SOPS_B64_URL, k->enc, e) ||
              sops_within(e, "failed to base64 decode Azure Key Vault encrypted key");

    ok = ok && (call(w, k, "/decrypt", sops_buf_view(&bytes), plain, e) || fail_key(k, "decrypt", e));
    sops_buf_free(&bytes);
    return ok;
}

static bool log_fields(const struct sops_key *k, bool wrapping, struct sops_buf *scratch, struct sops_log_field *out,
                       struct sops_err *e)
{
    (void)wrapping;
    (void)scratch;
    (void)e;
    out[0] = (struct sops_log_field){"key", k->field[NAME]};
    out[1] = (struct sops_log_field){"version", k->field[VERSION]};
    return true;
}

const struct sops_keysource sops_keysource_azure_kv = {
    .id = "azure_kv",
    .title = "Azure Key Vault key with URL",
    .flag = "azure-kv",
    .env = "SOPS_AZURE_KEYVAULT_URLS",
    .rule_key = "azure_keyvault",
    .group_key = "azure_keyvault",
    .fields = fields,
    .wire = 4,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 3, [SOPS_BY_RULE] = 5, [SOPS_BY_META] = 3, [SOPS_BY_ROTATE] = 4, [SOPS_BY_GROUPS] = 4},
    .log_name = "AZKV",
    .parse = parse,
    .complete = complete,
    .log_fields = log_fields,
    .show = show,
    .wrap = wrap,
    .unwrap = unwrap,
};
