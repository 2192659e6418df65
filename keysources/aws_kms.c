/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS (docs/spec/60-keysources.md#aws-kms). The region always comes from the ARN, for STS too, whatever the
 * environment says. */
#include "cloud/aws_cred.h"
#include "core/keysource.h"

#include <unistd.h>

enum { ARN, ROLE, CONTEXT, PROFILE };

static const struct sops_keyfield fields[] = {
    [ARN] = {.meta = "arn"},
    [ROLE] = {.meta = "role", .flags = SOPS_FIELD_OPTIONAL},
    [CONTEXT] = {.meta = "context", .flag = "encryption-context", .flags = SOPS_FIELD_OPTIONAL | SOPS_FIELD_MAP},
    [PROFILE] = {.meta = "aws_profile", .rule = "aws_profile", .flag = "aws-profile"},
    {.meta = NULL},
};

/* Blanks go, wherever they stand; "+arn:" begins the role (docs/spec/60-keysources.md#parsing-of-each-value). */
static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    const struct sops_slice mark = SOPS_LIT("+arn:");
    struct sops_slice text;

    if (!sops_arena_copy_without(a, piece, ' ', &text, e)) {
        return false;
    }
    out->field[ARN] = text;
    out->field[ROLE] = sops_slice_skip(text, text.len);
    for (size_t i = 1; i < text.len; i++) {
        if (sops_slice_starts(sops_slice_skip(text, i), mark)) {
            out->field[ARN] = sops_slice_first(text, i);
            out->field[ROLE] = sops_slice_skip(text, i + 1);
            break;
        }
    }
    return true;
}

static bool show_context(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    for (const struct sops_pair *p = k->map; p != NULL; p = p->next) {
        if (!(p == k->map || sops_buf_addc(out, ',', e)) || !sops_buf_add(out, p->key, e) ||
            !sops_buf_addc(out, ':', e) || !sops_buf_add(out, p->value, e)) {
            return false;
        }
    }
    return true;
}

/* ARN[+ROLE][|CONTEXT[|PROFILE]] (docs/spec/60-keysources.md#types-and-identifiers). */
static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    if (!sops_buf_add(out, k->field[ARN], e)) {
        return false;
    }
    if (k->field[ROLE].len > 0 && (!sops_buf_addc(out, '+', e) || !sops_buf_add(out, k->field[ROLE], e))) {
        return false;
    }
    if (k->field[PROFILE].len > 0) {
        return sops_buf_addc(out, '|', e) && show_context(k, out, e) && sops_buf_addc(out, '|', e) &&
               sops_buf_add(out, k->field[PROFILE], e);
    }
    return k->map == NULL || (sops_buf_addc(out, '|', e) && show_context(k, out, e));
}

/* ---- the ARN --------------------------------------------------------------------------------------------------- */

static bool is_word(uint8_t c) { return sops_is_alnum(c) || c == '_' || c == '-'; }

/* Does ":<account>:key/…" or ":<account>:alias/…" begin at `s`? */
static bool is_resource(struct sops_slice s)
{
    size_t i = 1 + sops_digits(sops_slice_skip(s, 1));
    struct sops_slice rest = sops_slice_skip(s, i);
    return i > 1 && ((sops_slice_starts(rest, SOPS_LIT(":key/")) && rest.len > 5) ||
                     (sops_slice_starts(rest, SOPS_LIT(":alias/")) && rest.len > 7));
}

/* ^arn:aws[\w-]*:kms:(.+):[0-9]+:(key|alias)/.+$ gives the region. */
static bool region_of(struct sops_slice arn, struct sops_slice *region, struct sops_err *e)
{
    const struct sops_slice start = SOPS_LIT("arn:aws"), kms = SOPS_LIT(":kms:");
    size_t from = start.len;
    bool ok = sops_slice_starts(arn, start);

    while (ok && from < arn.len && is_word(arn.ptr[from])) {
        from++;
    }
    ok = ok && sops_slice_starts(sops_slice_skip(arn, from), kms) && !sops_has_unseen(arn);
    from += kms.len;
    for (size_t i = arn.len; ok && i > from + 1; i--) {
        if (arn.ptr[i - 1] == ':' && is_resource(sops_slice_skip(arn, i - 1))) {
            *region = sops_slice_of(arn.ptr + from, i - 1 - from);
            return true;
        }
    }
    return sops_fail(e, SOPS_E_GENERIC, "no valid ARN found in '%.*s'", SOPS_ARG(arn));
}

/* ---- who asks -------------------------------------------------------------------------------------------------- */

/* "sops@" and the host name less what STS does not take in a session's name; at most 64 bytes. */
static bool session_name(char out[65], struct sops_err *e)
{
    char host[256] = "";
    size_t n = 5;

    if (gethostname(host, sizeof host - 1) != 0) {
        return sops_fail(e, SOPS_E_GENERIC, "failed to construct STS session name: the host has no name");
    }
    memcpy(out, "sops@", n);
    for (size_t i = 0; host[i] != '\0' && n < 64; i++) {
        uint8_t c = (uint8_t)host[i];
        if (sops_is_digit(c) || sops_is_lower(c) || (c >= 0x40 && c <= 0x5f) || c == '=' || c == ',' || c == '.') {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return true;
}

struct asking {
    const struct sops_aws *aws;
    const struct sops_aws_creds *creds;
    struct sops_slice region, role;
};

static bool make_role(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct asking *who = arg;
    struct sops_aws_creds *creds = sops_arena_alloc(a, sizeof *creds, e);
    char session[65];

    if (creds == NULL || !session_name(session, e)) {
        return false;
    }
    struct sops_aws_role role = {.arn = who->role, .session = sops_str(session)};
    *made = creds;
    return sops_aws_assume(w, a, who->aws, who->region, &role, who->creds, creds, e);
}

/* One role is assumed once a run, however many keys name it. */
static bool assume(struct sops_world *w, struct asking *who, struct sops_err *e)
{
    static const char owner;
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok = sops_buf_addf(&name, e, "%.*s %.*s %.*s", SOPS_ARG(who->region), SOPS_ARG(who->aws->profile),
                            SOPS_ARG(who->role)) &&
              sops_world_once(w, &owner, sops_buf_view(&name), make_role, who, &made, e);

    sops_buf_free(&name);
    who->creds = made;
    return ok;
}

static bool set_up(struct sops_world *w, const struct sops_key *k, struct asking *who, struct sops_err *e)
{
    *who = (struct asking){.role = k->field[ROLE]};
    if (!region_of(k->field[ARN], &who->region, e)) {
        return false;
    }
    if (!sops_aws_setup(w, k->field[PROFILE], &who->aws, e)) {
        return sops_within(e, "could not load AWS config");
    }
    return sops_aws_find(w, who->aws, who->region, &who->creds, e) && (who->role.len == 0 || assume(w, who, e));
}

/* ---- the calls ------------------------------------------------------------------------------------------------- */

static bool own_code(struct sops_slice code)
{
    static const char *const codes[] = {
        "DependencyTimeoutException", "DisabledException",          "DryRunOperationException", "IncorrectKeyException",
        "InvalidCiphertextException", "InvalidGrantTokenException", "InvalidKeyUsageException", "KMSInternalException",
        "KMSInvalidStateException",   "KeyUnavailableException",    "NotFoundException",
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (sops_slice_eq(code, sops_str(codes[i]))) {
            return true;
        }
    }
    return false;
}

/* The context is always sent, empty or not. Names in the order in which the reference sends them. */
static bool add_context(struct sops_buf *body, const struct sops_key *k, struct sops_err *e)
{
    bool ok = sops_json_begin(body, "EncryptionContext", '{', e);

    for (const struct sops_pair *p = k->map; ok && p != NULL; p = p->next) {
        ok = (p == k->map || sops_buf_addc(body, ',', e)) && sops_json_quote(body, p->key, e) &&
             sops_buf_addc(body, ':', e) && sops_json_quote(body, p->value, e);
    }
    return ok && sops_buf_addc(body, '}', e);
}

static bool send(struct sops_world *w, const struct asking *who, const char *action, const struct sops_buf *body,
                 json_t **answer, struct sops_err *e)
{
    const struct sops_aws_operation op = {.service = "KMS", .name = action, .own = own_code};
    struct sops_buf url = {0}, target = {0};
    struct sops_http_res res = {0};
    bool ok = sops_aws_service_url(w, who->aws, "kms", who->region, &url, e) &&
              sops_buf_addf(&target, e, "TrentService.%s", action);

    if (ok) {
        const struct sops_header headers[] = {{"content-type", SOPS_LIT("application/x-amz-json-1.1")},
                                              {"x-amz-target", sops_buf_view(&target)},
                                              {NULL, {NULL, 0}}};
        struct sops_aws_request r = {.method = "POST",
                                     .url = (const char *)url.ptr,
                                     .service = "kms",
                                     .region = who->region,
                                     .headers = headers,
                                     .body = sops_buf_view(body)};
        ok = sops_aws_call(w, who->aws, who->creds, &r, &op, &res, e);
    }
    if (ok && !sops_json_load(sops_buf_view(&res.body), answer, e)) {
        ok = sops_within(e, "operation error KMS: %s, deserialization failed, failed to decode response body", action);
    }
    sops_http_res_free(&res);
    sops_buf_free(&target);
    sops_buf_free(&url);
    return ok;
}

static bool encrypt(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                    struct sops_err *e)
{
    struct asking who;
    struct sops_buf text = {0}, body = {0};
    json_t *answer = NULL;
    bool ok = set_up(w, k, &who, e) && sops_buf_addc(&body, '{', e) && add_context(&body, k, e) &&
              sops_json_add(&body, "KeyId", k->field[ARN], e) &&
              sops_json_add_base64(&body, "Plaintext", SOPS_B64_STD, plain, e) && sops_buf_addc(&body, '}', e) &&
              send(w, &who, "Encrypt", &body, &answer, e);

    if (ok) {
        struct sops_slice blob = sops_json_text(answer, "CiphertextBlob");
        ok = (blob.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the answer of KMS holds no CiphertextBlob")) &&
             sops_base64_text(&text, SOPS_B64_CR, blob, e) &&
             sops_base64_add(enc, SOPS_B64_STD, sops_buf_view(&text), e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    sops_buf_free(&text);
    return ok;
}

static bool decrypt(struct sops_world *w, const struct sops_key *k, struct sops_slice blob, struct sops_buf *plain,
                    struct sops_err *e)
{
    struct asking who;
    struct sops_buf body = {0};
    json_t *answer = NULL;
    bool ok = set_up(w, k, &who, e) && sops_buf_addc(&body, '{', e) &&
              sops_json_add_base64(&body, "CiphertextBlob", SOPS_B64_STD, blob, e) && add_context(&body, k, e) &&
              sops_json_add(&body, "KeyId", k->field[ARN], e) && sops_buf_addc(&body, '}', e) &&
              send(w, &who, "Decrypt", &body, &answer, e);

    if (ok) {
        struct sops_slice out = sops_json_text(answer, "Plaintext");
        ok = (out.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the answer of KMS holds no Plaintext")) &&
             sops_base64_text(plain, SOPS_B64_CR, out, e);
    }
    json_decref(answer);
    sops_buf_free(&body);
    return ok;
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    return encrypt(w, k, plain, enc, e) || sops_within(e, "failed to encrypt sops data key with AWS KMS");
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    struct sops_buf blob = {0};
    bool ok = sops_base64_text(&blob, SOPS_B64_CR, k->enc, e);

    if (!ok) {
        (void)sops_within(e, "error base64-decoding encrypted data key");
    } else if (!decrypt(w, k, sops_buf_view(&blob), plain, e)) {
        ok = sops_within(e, "failed to decrypt sops data key with AWS KMS");
    }
    sops_buf_free(&blob);
    return ok;
}

const struct sops_keysource sops_keysource_kms = {
    .id = "kms",
    .title = "AWS KMS key with ARN",
    .flag = "kms",
    .short_flag = "k",
    .env = "SOPS_KMS_ARN",
    .rule_key = "kms",
    .group_key = "kms",
    .fields = fields,
    .wire = 1,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 0, [SOPS_BY_RULE] = 2, [SOPS_BY_META] = 0, [SOPS_BY_ROTATE] = 0, [SOPS_BY_GROUPS] = 1},
    .log_name = "AWSKMS",
    .log_field = "arn",
    .parse = parse,
    .show = show,
    .wrap = wrap,
    .unwrap = unwrap,
};
