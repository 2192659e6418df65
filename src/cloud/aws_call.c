/* SPDX-License-Identifier: Apache-2.0 */
/* The words of errors are those of Amazon's Go library, as users search for them; the code is what matters. Each try is
 * signed with the time of the first: the pauses together are shorter than what AWS allows a signature to be old. */
#include "cloud/aws_cred.h"

#include <strings.h>

/* ---- XML ------------------------------------------------------------------------------------------------------- */

static size_t take_entity(struct sops_slice s, uint8_t *c)
{
    static const struct {
        const char *name;
        uint8_t c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sops_slice_starts(s, sops_str(known[i].name))) {
            *c = known[i].c;
            return strlen(known[i].name);
        }
    }
    *c = s.ptr[0];
    return 1;
}

static bool between(struct sops_slice xml, const char *name, struct sops_slice *inner)
{
    char open[64], close[64];
    int n = snprintf(open, sizeof open, "<%s>", name);
    (void)snprintf(close, sizeof close, "</%s>", name);
    const uint8_t *start = xml.len > 0 ? memmem(xml.ptr, xml.len, open, (size_t)n) : NULL;
    if (start == NULL) {
        return false;
    }
    struct sops_slice rest = sops_slice_skip(xml, (size_t)(start - xml.ptr) + (size_t)n);
    const uint8_t *end = rest.len > 0 ? memmem(rest.ptr, rest.len, close, (size_t)n + 1) : NULL;
    if (end == NULL) {
        return false;
    }
    *inner = sops_slice_first(rest, (size_t)(end - rest.ptr));
    return true;
}

bool sops_xml_text(struct sops_arena *a, struct sops_slice xml, const char *name, struct sops_slice *text,
                   struct sops_err *e)
{
    struct sops_slice inner;
    size_t n = 0;
    *text = (struct sops_slice){0};
    if (!between(xml, name, &inner)) {
        return true;
    }
    uint8_t *to = sops_arena_bytes(a, inner.len + 1, e);
    if (to == NULL) {
        return false;
    }
    for (size_t i = 0; i < inner.len;) {
        i += take_entity(sops_slice_skip(inner, i), &to[n++]);
    }
    to[n] = '\0';
    *text = sops_slice_of(to, n);
    return true;
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* What an answer says went wrong: texts point into `res`, `json` or `arena`. */
struct fault {
    struct sops_slice code, message;
    json_t *json;
    struct sops_arena arena;
    bool readable;
};

static struct sops_slice field_without_case(const json_t *object, const char *name)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (strcasecmp(key, name) == 0 && json_is_string(value)) {
            return sops_slice_of(json_string_value(value), json_string_length(value));
        }
    }
    return (struct sops_slice){0};
}

/* "aws.kms#NotFoundException:http://…" is "NotFoundException". */
static struct sops_slice bare_code(struct sops_slice code)
{
    code = sops_slice_first(code, sops_slice_find(code, ':'));
    size_t hash = sops_slice_find(code, '#');
    return hash < code.len ? sops_slice_skip(code, hash + 1) : code;
}

static void read_fault(const struct sops_http_res *res, struct fault *f)
{
    struct sops_slice body = sops_slice_trim(sops_buf_view(&res->body));
    struct sops_err ignored = {0};
    *f = (struct fault){.code = sops_http_header(res, "x-amzn-errortype")};
    if (body.len > 0 && body.ptr[0] == '<') {
        f->readable = sops_xml_text(&f->arena, body, "Code", &f->code, &ignored) &&
                      sops_xml_text(&f->arena, body, "Message", &f->message, &ignored);
    } else {
        f->json = sops_json_try(body);
        f->readable = json_is_object(f->json);
        f->message = field_without_case(f->json, "message");
        struct sops_slice code = field_without_case(f->json, "code");
        code = code.len > 0 ? code : field_without_case(f->json, "__type");
        f->code = code.len > 0 ? code : f->code;
    }
    f->code = bare_code(f->code);
    f->readable = f->readable || body.len == 0;
    if (f->code.len == 0) {
        f->code = SOPS_LIT("UnknownError");
    }
    sops_err_clear(&ignored);
}

static void free_fault(struct fault *f)
{
    json_decref(f->json);
    sops_arena_free(&f->arena);
}

static bool again(const struct sops_http_res *res)
{
    static const char *const passing[] = {
        "RequestTimeout",
        "RequestTimeoutException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "InvalidIdentityToken",
        NULL,
    };
    struct fault f;
    if (res->status == 429 || res->status == 500 || (res->status >= 502 && res->status <= 504)) {
        return true;
    }
    if (res->status < 400) {
        return false;
    }
    read_fault(res, &f);
    bool yes = sops_slice_is_any(f.code, passing);
    free_fault(&f);
    return yes;
}

/* Who was refused is said only when it is the credentials that were refused. */
static bool about_credentials(struct sops_slice code, int status)
{
    static const char *const codes[] = {
        "AccessDenied",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "IncompleteSignature",
        NULL,
    };
    return status == 401 || status == 403 || sops_slice_is_any(code, codes);
}

struct attempt {
    const struct sops_aws_operation *op;
    const struct sops_aws_creds *creds;
    unsigned tried, allowed;
};

static void write_start(const struct attempt *t, bool exhausted, char out[160])
{
    char spent[64] = "";
    if (exhausted) {
        (void)snprintf(spent, sizeof spent, "exceeded maximum number of attempts, %u, ", t->allowed);
    }
    (void)snprintf(out, 160, "operation error %s: %s, %shttps response error", t->op->service, t->op->name, spent);
}

static bool refused(const struct attempt *t, const struct sops_http_res *res, char code[SOPS_AWS_CODE_MAX],
                    struct sops_err *e)
{
    struct fault f;
    char start[160], who[256] = "";
    struct sops_slice id = sops_http_header(res, "x-amzn-requestid");
    read_fault(res, &f);
    write_start(t, t->tried >= t->allowed && again(res), start);
    id = id.len > 0 ? id : sops_http_header(res, "x-amz-request-id");
    if (t->creds != NULL && about_credentials(f.code, res->status)) {
        (void)snprintf(who, sizeof who, " (credentials used: %s)", t->creds->from);
    }
    if (!f.readable) {
        (void)sops_fail(e, SOPS_E_GENERIC,
                        "%s StatusCode: %d, RequestID: %.*s, deserialization failed, failed to decode "
                        "response body, it is not JSON%s",
                        start, res->status, SOPS_ARG(id), who);
    } else {
        const char *kind = t->op->own != NULL && t->op->own(f.code) ? "" : "api error ";
        (void)sops_fail(e, SOPS_E_GENERIC, "%s StatusCode: %d, RequestID: %.*s, %s%.*s: %.*s%s", start, res->status,
                        SOPS_ARG(id), kind, SOPS_ARG(f.code), SOPS_ARG(sops_slice_first(f.message, 400)), who);
        (void)snprintf(code, SOPS_AWS_CODE_MAX, "%.*s", SOPS_ARG(sops_slice_first(f.code, SOPS_AWS_CODE_MAX - 1)));
    }
    free_fault(&f);
    return false;
}

static bool unsigned_lines(struct sops_arena *a, const struct sops_aws_request *r, const char *const **lines,
                           struct sops_err *e)
{
    const char **line = sops_arena_alloc(a, (SOPS_SIGN_HEADERS + 1) * sizeof *line, e);
    bool ok = line != NULL;
    for (size_t n = 0; ok && r->headers != NULL && r->headers[n].name != NULL && n < SOPS_SIGN_HEADERS; n++) {
        line[n] = sops_arena_text(a, e, "%s: %.*s", r->headers[n].name, SOPS_ARG(r->headers[n].value));
        ok = line[n] != NULL;
    }
    *lines = line;
    return ok;
}

bool sops_aws_call_coded(struct sops_world *w, const struct sops_aws *aws, const struct sops_aws_creds *creds,
                         const struct sops_aws_request *r, const struct sops_aws_operation *op,
                         struct sops_http_res *res, char code[SOPS_AWS_CODE_MAX], struct sops_err *e)
{
    struct sops_arena a = {0};
    struct attempt t = {.op = op, .creds = creds, .allowed = aws->tries};
    struct sops_retry retry = {
        .tries = aws->tries, .base_ms = 1000, .cap_ms = 20000, .spread = 100, .again = again, .tried = &t.tried};
    struct sops_http_req req = {
        .method = r->method, .url = r->url, .body = r->body, .ca_file = aws->ca_file, .limit = r->limit};
    struct sops_err failure = {0};
    code[0] = '\0';
    bool ok = creds != NULL ? sops_aws_sign(&a, r, creds, w->now(w), &req.headers, e)
                            : unsigned_lines(&a, r, &req.headers, e);
    if (ok) {
        ok = sops_call(w, &req, &retry, res, &failure);
        if (!ok) {
            char start[160];
            write_start(&t, t.tried >= t.allowed, start);
            (void)sops_fail(e, SOPS_E_GENERIC, "%s StatusCode: 0, RequestID: , request send failed, %s", start,
                            failure.msg);
            if (failure.hint[0] != '\0') {
                (void)sops_hint(e, "%s", failure.hint);
            }
        } else if (res->status < 200 || res->status > 299) {
            ok = refused(&t, res, code, e);
        }
    }
    sops_err_clear(&failure);
    sops_arena_free(&a);
    if (!ok) {
        sops_http_res_free(res);
    }
    return ok;
}

bool sops_aws_call(struct sops_world *w, const struct sops_aws *aws, const struct sops_aws_creds *creds,
                   const struct sops_aws_request *r, const struct sops_aws_operation *op, struct sops_http_res *res,
                   struct sops_err *e)
{
    char code[SOPS_AWS_CODE_MAX];
    return sops_aws_call_coded(w, aws, creds, r, op, res, code, e);
}
