/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei Cloud KMS (docs/spec/60-keysources.md#huawei-cloud-kms). Unlike the others its key ids are looked at again
 * when a file is loaded. */
#include "base/text.h"
#include "cloud/huawei.h"
#include "core/conf.h"
#include "core/keysource.h"

enum { KEY_ID };

static const struct sops_keyfield fields[] = {
    [KEY_ID] = {.meta = "key_id"},
    {.meta = NULL},
};

/* "region:uuid", split at the first colon, both trimmed and not empty
 * (docs/spec/60-keysources.md#parsing-of-each-value). */
static bool split(struct sops_slice id, struct sops_slice *region, struct sops_slice *uuid, struct sops_err *e)
{
    size_t colon = sops_slice_find(id, ':');

    if (colon == id.len) {
        return sops_fail(e, SOPS_E_GENERIC, "invalid key ID format: expected 'region:key-uuid', got \"%.*s\"",
                         SOPS_ARG(id));
    }
    *region = sops_text_trim(sops_slice_first(id, colon));
    *uuid = sops_text_trim(sops_slice_skip(id, colon + 1));
    if (region->len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "region cannot be empty in key ID: \"%.*s\"", SOPS_ARG(id));
    }
    if (uuid->len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "key UUID cannot be empty in key ID: \"%.*s\"", SOPS_ARG(id));
    }
    return true;
}

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_slice id = sops_text_trim(piece);
    struct sops_slice region, uuid;

    return split(id, &region, &uuid, e) && sops_arena_copy(a, id, &out->field[KEY_ID], e);
}

static bool check(const struct sops_key *k, struct sops_err *e)
{
    struct sops_slice region, uuid;

    return split(k->field[KEY_ID], &region, &uuid, e);
}

/* ---- endpoints (docs/spec/60-keysources.md#huawei-endpoint-and-request) ---- */

struct asking {
    const struct sops_huawei_creds *creds;
    struct sops_slice region, uuid, project;
    struct sops_buf endpoints; /* one a line */
};

static bool add_endpoint(struct sops_buf *out, struct sops_slice url, struct sops_err *e)
{
    url = sops_slice_trim_end(sops_slice_trim(url), '/');
    return url.len == 0 || ((sops_slice_starts(url, SOPS_LIT("http")) || sops_buf_adds(out, "https://", e)) &&
                            sops_buf_add(out, url, e) && sops_buf_addc(out, '\n', e));
}

/* HUAWEICLOUD_SDK_REGION_KMS_<REGION> */
static bool from_environment(struct sops_world *w, struct asking *who, struct sops_err *e)
{
    struct sops_buf name = {0};
    bool ok = sops_buf_adds(&name, "HUAWEICLOUD_SDK_REGION_KMS_", e);

    for (size_t i = 0; ok && i < who->region.len; i++) {
        uint8_t c = who->region.ptr[i];
        ok = sops_buf_addc(&name, c == '-' ? '_' : sops_to_upper(c), e);
    }
    ok = ok && sops_buf_cstr(&name, e) != NULL;
    struct sops_slice rest = ok ? sops_str(sops_world_env_set(w, (const char *)name.ptr)) : (struct sops_slice){0}, one;
    while (ok && rest.ptr != NULL && sops_slice_next(&rest, ',', &one)) {
        ok = add_endpoint(&who->endpoints, one, e);
    }
    sops_buf_free(&name);
    return ok;
}

static bool add_entry(const struct sops_node *entry, struct asking *who, struct sops_err *e)
{
    struct sops_slice id = {0}, url = {0};
    const struct sops_node *more = NULL;

    if (!sops_conf_text(entry, "id", &id, e) || !sops_conf_text(entry, "endpoint", &url, e) ||
        !sops_conf_list(entry, "endpoints", &more, e)) {
        return false;
    }
    if (!sops_slice_eq(id, who->region)) {
        return true;
    }
    bool ok = add_endpoint(&who->endpoints, url, e);
    for (const struct sops_node *n = more != NULL ? more->child : NULL; ok && n != NULL; n = n->next) {
        ok = n->kind != SOPS_STR || add_endpoint(&who->endpoints, n->text, e);
    }
    return ok;
}

/* KMS: [{id: …, endpoint: …, endpoints: […]}]. Only a file that was named must be there. */
static bool from_file(struct sops_world *w, struct asking *who, struct sops_err *e)
{
    const char *named = sops_world_env_set(w, "HUAWEICLOUD_SDK_REGIONS_FILE");
    struct sops_buf path = {0}, text = {0};
    struct sops_doc doc = {0};
    struct sops_err why = {0};
    const struct sops_node *list = NULL;
    bool ok = (named != NULL ? sops_buf_adds(&path, named, e)
                             : sops_buf_addf(&path, e, "%s/.huaweicloud/regions.yaml", sops_home(w))) &&
              sops_buf_cstr(&path, e) != NULL;
    bool there = ok && sops_small_file((const char *)path.ptr, &text, &why);

    if (ok && !there && named != NULL) {
        ok = sops_fail(e, SOPS_E_GENERIC, "%s", why.msg);
    }
    if (ok && there) {
        ok = sops_conf_parse(&doc, sops_buf_view(&text), e) && sops_conf_list(doc.parts, "KMS", &list, e);
        for (const struct sops_node *n = ok && list != NULL ? list->child : NULL; ok && n != NULL; n = n->next) {
            ok = n->kind != SOPS_MAP || add_entry(n, who, e);
        }
        ok = ok || sops_within(e, "'%s'", (const char *)path.ptr);
    }
    sops_err_clear(&why);
    sops_doc_free(&doc);
    sops_buf_free(&text);
    sops_buf_free(&path);
    return ok;
}

static bool find_endpoints(struct sops_world *w, struct asking *who, struct sops_err *e)
{
    const char *domain;
    struct sops_buf known = {0};

    if (!from_environment(w, who, e) || (who->endpoints.len == 0 && !from_file(w, who, e))) {
        return false;
    }
    if (who->endpoints.len > 0) {
        return true;
    }
    if (sops_huawei_known(who->region, &domain)) {
        return sops_buf_addf(&who->endpoints, e, "https://kms.%.*s.%s\n", SOPS_ARG(who->region), domain);
    }
    if (sops_huawei_regions(&known, e)) {
        (void)sops_fail(e, SOPS_E_GENERIC, "invalid region \"%.*s\": it is none of %.*s", SOPS_ARG(who->region),
                        SOPS_ARG(sops_buf_view(&known)));
    }
    sops_buf_free(&known);
    return false;
}

/* ---- the calls ------------------------------------------------------------------------------------------------- */

static bool set_up(struct sops_world *w, const struct sops_key *k, struct asking *who, struct sops_err *e)
{
    if (!split(k->field[KEY_ID], &who->region, &who->uuid, e)) {
        return false;
    }
    return (sops_huawei_find(w, who->region, &who->creds, e) && find_endpoints(w, who, e) &&
            sops_huawei_project(w, who->region, who->creds, &who->project, e)) ||
           sops_within(e, "failed to create HuaweiCloud KMS client");
}

/* Each endpoint of the region in turn, until one answers. */
static bool send(struct sops_world *w, const struct asking *who, const char *action, const struct sops_buf *body,
                 json_t **answer, struct sops_err *e)
{
    struct sops_slice rest = sops_buf_view(&who->endpoints), endpoint;
    bool done = false, ok = false;

    while (!done && rest.ptr != NULL && sops_slice_next(&rest, '\n', &endpoint) && endpoint.len > 0) {
        struct sops_buf url = {0};
        sops_err_clear(e);
        ok = sops_buf_add(&url, endpoint, e) && sops_buf_adds(&url, "/v1.0/", e) &&
             sops_percent_add(&url, who->project, "", e) && sops_buf_addf(&url, e, "/kms/%s", action) &&
             sops_buf_cstr(&url, e) != NULL;
        done = !ok;
        if (ok) {
            struct sops_huawei_request r = {
                .method = "POST", .url = (const char *)url.ptr, .project = who->project, .body = sops_buf_view(body)};
            ok = sops_huawei_call(w, who->creds, &r, answer, &done, e);
        }
        sops_buf_free(&url);
    }
    return ok;
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    struct asking who = {0};
    struct sops_buf body = {0};
    json_t *answer = NULL;
    bool ok = set_up(w, k, &who, e) && sops_buf_addc(&body, '{', e) && sops_json_add(&body, "key_id", who.uuid, e) &&
              sops_json_add_base64(&body, "plain_text", SOPS_B64_STD, plain, e) &&
              sops_json_add(&body, "encryption_algorithm", SOPS_LIT("SYMMETRIC_DEFAULT"), e) &&
              sops_buf_addc(&body, '}', e);

    if (ok && !send(w, &who, "encrypt-data", &body, &answer, e)) {
        ok = sops_within(e, "failed to encrypt sops data key with HuaweiCloud KMS");
    }
    if (ok) {
        struct sops_slice cipher = sops_json_text(answer, "cipher_text");
        ok = (cipher.len > 0 || sops_fail(e, SOPS_E_GENERIC, "encryption response missing ciphertext")) &&
             sops_buf_add(enc, cipher, e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_buf_free(&who.endpoints);
    return ok;
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    struct asking who = {0};
    struct sops_buf body = {0};
    json_t *answer = NULL;
    bool ok = set_up(w, k, &who, e) && sops_buf_addc(&body, '{', e) && sops_json_add(&body, "cipher_text", k->enc, e) &&
              sops_json_add(&body, "encryption_algorithm", SOPS_LIT("SYMMETRIC_DEFAULT"), e) &&
              sops_json_add(&body, "key_id", who.uuid, e) && sops_buf_addc(&body, '}', e);

    if (ok && !send(w, &who, "decrypt-data", &body, &answer, e)) {
        ok = sops_within(e, "failed to decrypt sops data key with HuaweiCloud KMS");
    }
    if (ok) {
        struct sops_slice text = sops_json_text(answer, "plain_text");
        ok = (text.len > 0 || sops_fail(e, SOPS_E_GENERIC, "decryption response missing plaintext")) &&
             (sops_base64_text(plain, SOPS_B64_CR, text, e) ||
              sops_within(e, "failed to base64 decode decrypted data key"));
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_buf_free(&who.endpoints);
    return ok;
}

const struct sops_keysource sops_keysource_hckms = {
    .id = "hckms",
    .title = "HuaweiCloud KMS key with ID",
    .flag = "hckms",
    .env = "SOPS_HUAWEICLOUD_KMS_IDS",
    .rule_key = "hckms",
    .group_key = "hckms",
    .fields = fields,
    .wire = 7,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE | SOPS_SRC_SKIP_BLANK | SOPS_SRC_RULE_LIST,
    .rank = {[SOPS_BY_FLAGS] = 2, [SOPS_BY_RULE] = 4, [SOPS_BY_META] = 2, [SOPS_BY_ROTATE] = 3, [SOPS_BY_GROUPS] = 6},
    .log_name = "HCKMS",
    .log_field = "keyID",
    .parse = parse,
    .check = check,
    .wrap = wrap,
    .unwrap = unwrap,
};
