/* SPDX-License-Identifier: Apache-2.0 */
/* Applications: a secret, a certificate, a password or a federated token of the environment, sent to the tenant's token
 * service. */
#include "cloud/azure_token.h"

#include "base/digest.h"
#include "cloud/jwt.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* ---- the token service ----------------------------------------------------------------------------------------- */

/* The challenge's tenant counts when it is the configured one or is allowed besides. */
static bool check_tenant(struct sops_azure_search *s, const char *configured, struct sops_err *e)
{
    struct sops_slice rest = sops_str(sops_world_env_set(s->w, "AZURE_ADDITIONALLY_ALLOWED_TENANTS")), one;
    if (sops_slice_eq(s->tenant, sops_str(configured))) {
        return true;
    }
    while (rest.ptr != NULL && sops_slice_next(&rest, ';', &one)) {
        one = sops_slice_trim(one);
        if (sops_slice_eq(one, SOPS_LIT("*")) || (one.len > 0 && sops_slice_eq(one, s->tenant))) {
            return true;
        }
    }
    (void)sops_fail(e, SOPS_E_GENERIC, "not configured to acquire tokens for the vault's tenant '%.*s'",
                    SOPS_ARG(s->tenant));
    return sops_hint(e, "AZURE_ADDITIONALLY_ALLOWED_TENANTS may name more tenants than AZURE_TENANT_ID");
}

static bool token_url(struct sops_azure_search *s, struct sops_buf *url, struct sops_err *e)
{
    struct sops_slice host = sops_str(sops_world_env_set(s->w, "AZURE_AUTHORITY_HOST"));
    struct sops_url u;
    if (host.len == 0) {
        host = sops_str(s->app != NULL && s->app->authority != NULL ? s->app->authority
                                                                    : "https://login.microsoftonline.com");
    }
    if (!sops_url_parse(host, &u) || !u.tls) {
        return sops_fail(e, SOPS_E_GENERIC, "AZURE_AUTHORITY_HOST does not begin with https:// and a host");
    }
    return sops_buf_add(url, sops_slice_trim_end(host, '/'), e) &&
           sops_buf_addf(url, e, "/%.*s/oauth2/v2.0/token", SOPS_ARG(s->tenant)) && sops_buf_cstr(url, e) != NULL;
}

/* `form` holds who we are; grant and scope are added here. */
static enum sops_azure_try ask(struct sops_azure_search *s, struct sops_buf *url, struct sops_buf *form,
                               const char *grant, struct sops_err *e)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    if (!sops_form_add(form, "grant_type", sops_str(grant), e) || !sops_form_add(form, "scope", s->scope, e)) {
        return SOPS_AZURE_REFUSED;
    }
    struct sops_http_req req = {
        .method = "POST", .url = (const char *)url->ptr, .headers = headers, .body = sops_buf_view(form)};
    return sops_azure_ask(s, &req, e);
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

struct identity {
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) * others; /* of the file, in its order */
};

static void free_identity(struct identity *i)
{
    EVP_PKEY_free(i->key);
    X509_free(i->cert);
    sk_X509_pop_free(i->others, X509_free);
}

/* The certificate is the one that belongs to the key, wherever it stands among those of its authorities. */
static bool read_pem(struct sops_slice text, struct identity *out, struct sops_err *e)
{
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    X509 *cert;
    bool ok = true;
    out->others = sk_X509_new_null();
    out->key = sops_pem_key(text, e);
    while (ok && out->key != NULL && (cert = PEM_read_bio_X509(bio, NULL, sops_pem_no_passphrase, NULL)) != NULL) {
        if (out->cert == NULL && X509_check_private_key(cert, out->key) == 1) {
            out->cert = cert;
        } else if (sk_X509_push(out->others, cert) <= 0) {
            X509_free(cert);
            ok = sops_fail_memory(e);
        }
    }
    BIO_free(bio);
    return ok && out->key != NULL &&
           (out->cert != NULL || sops_fail(e, SOPS_E_GENERIC, "it holds no certificate of its key"));
}

static bool read_pkcs12(struct sops_slice bytes, const char *password, struct identity *out, struct sops_err *e)
{
    const unsigned char *at = bytes.ptr;
    PKCS12 *p = d2i_PKCS12(NULL, &at, (long)bytes.len);
    bool ok = p != NULL &&
              PKCS12_parse(p, password != NULL ? password : "", &out->key, &out->cert, &out->others) == 1 &&
              out->key != NULL && out->cert != NULL && EVP_PKEY_base_id(out->key) == EVP_PKEY_RSA;
    PKCS12_free(p);
    return ok || sops_fail(e, SOPS_E_GENERIC, "it is neither PEM nor PKCS #12, or its password is wrong");
}

static bool read_identity(struct sops_world *w, const char *path, struct identity *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_small_file(path, &text, e);
    if (ok) {
        struct sops_slice s = sops_buf_view(&text);
        ok = s.len > 0 && memmem(s.ptr, s.len, "-----BEGIN ", 11) != NULL
                 ? read_pem(s, out, e)
                 : read_pkcs12(s, sops_world_env_set(w, "AZURE_CLIENT_CERTIFICATE_PASSWORD"), out, e);
        ok = ok || sops_within(e, "the file of AZURE_CLIENT_CERTIFICATE_PATH");
    }
    ERR_clear_error();
    sops_buf_free(&text);
    return ok;
}

static bool add_certificate(struct sops_buf *out, X509 *cert, struct sops_err *e)
{
    unsigned char *der = NULL;
    int size = i2d_X509(cert, &der);
    bool ok = (size > 0 || sops_fail(e, SOPS_E_GENERIC, "a certificate cannot be used")) &&
              sops_json_add_base64(out, NULL, SOPS_B64_STD, sops_slice_of(der, (size_t)size), e);
    OPENSSL_free(der);
    return ok;
}

/* {"alg":"RS256","typ":"JWT","x5t":"<SHA-1 of the certificate>"[,"x5c":["<it>","<its authority>",…]]} */
static bool add_header(struct sops_world *w, const struct identity *i, struct sops_buf *header, struct sops_err *e)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool ok = X509_digest(i->cert, EVP_sha1(), hash, &len) == 1;
    ok = (ok || sops_fail(e, SOPS_E_GENERIC, "the certificate cannot be used")) && sops_buf_addc(header, '{', e) &&
         sops_json_add(header, "alg", SOPS_LIT("RS256"), e) && sops_json_add(header, "typ", SOPS_LIT("JWT"), e) &&
         sops_json_add_base64(header, "x5t", SOPS_B64_URL, sops_slice_of(hash, len), e);
    if (ok && sops_env_true(w, "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")) {
        ok = sops_json_begin(header, "x5c", '[', e) && add_certificate(header, i->cert, e);
        for (int n = 0; ok && n < sk_X509_num(i->others); n++) {
            ok = add_certificate(header, sk_X509_value(i->others, n), e);
        }
        ok = ok && sops_buf_addc(header, ']', e);
    }
    return ok && sops_buf_addc(header, '}', e);
}

static bool add_claims(struct sops_world *w, const char *client, struct sops_slice audience, struct sops_buf *claims,
                       struct sops_err *e)
{
    uint8_t id[16];
    struct sops_buf text = {0};
    int64_t now = w->now(w);
    bool ok = w->random(w, id, sizeof id, e) && sops_hex_add(&text, sops_slice_of(id, sizeof id), false, e) &&
              sops_buf_addc(claims, '{', e) && sops_json_add(claims, "aud", audience, e) &&
              sops_json_add(claims, "iss", sops_str(client), e) && sops_json_add(claims, "sub", sops_str(client), e) &&
              sops_json_add(claims, "jti", sops_buf_view(&text), e) && sops_json_add_int(claims, "nbf", now, e) &&
              sops_json_add_int(claims, "exp", now + 600, e) && sops_buf_addc(claims, '}', e);
    sops_buf_free(&text);
    return ok;
}

static bool assertion(struct sops_world *w, const char *path, const char *client, struct sops_slice audience,
                      struct sops_buf *out, struct sops_err *e)
{
    struct identity i = {0};
    struct sops_buf header = {0}, claims = {0};
    bool ok = read_identity(w, path, &i, e) && add_header(w, &i, &header, e) &&
              add_claims(w, client, audience, &claims, e) &&
              sops_jwt_add(out, sops_buf_view(&header), sops_buf_view(&claims), i.key, e);
    sops_buf_free(&claims);
    sops_buf_free(&header);
    free_identity(&i);
    return ok;
}

/* ---- the two credentials --------------------------------------------------------------------------------------- */

struct app {
    const char *tenant, *client, *secret, *certificate, *user, *password;
};

/* Who we are, as form fields in the order of their names. `*grant`: by what right. */
static bool add_app(struct sops_azure_search *s, const struct app *app, struct sops_slice url, struct sops_buf *form,
                    const char **grant, struct sops_err *e)
{
    struct sops_buf statement = {0};
    bool ok;
    *grant = "client_credentials";
    if (app->secret != NULL) {
        s->from = "AZURE_CLIENT_SECRET";
        return sops_form_add(form, "client_id", sops_str(app->client), e) &&
               sops_form_add(form, "client_secret", sops_str(app->secret), e);
    }
    if (app->certificate != NULL) {
        s->from = "AZURE_CLIENT_CERTIFICATE_PATH";
        ok = assertion(s->w, app->certificate, app->client, url, &statement, e) &&
             sops_form_add(form, "client_assertion", sops_buf_view(&statement), e) &&
             sops_form_add(form, "client_assertion_type", SOPS_LIT(ASSERTION), e) &&
             sops_form_add(form, "client_id", sops_str(app->client), e);
        sops_buf_free(&statement);
        return ok;
    }
    s->from = "AZURE_USERNAME";
    *grant = "password";
    return sops_form_add(form, "client_id", sops_str(app->client), e) &&
           sops_form_add(form, "password", sops_str(app->password), e) &&
           sops_form_add(form, "username", sops_str(app->user), e);
}

enum sops_azure_try sops_azure_application(struct sops_azure_search *s, struct sops_err *e)
{
    struct sops_buf url = {0}, form = {0};
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    s->from = s->app->from;
    s->tenant = s->app->tenant.len != 0 ? s->app->tenant : s->tenant;
    if (token_url(s, &url, e) && sops_form_add(&form, "client_id", s->app->id, e) &&
        sops_form_add(&form, "client_secret", s->app->secret, e)) {
        result = ask(s, &url, &form, "client_credentials", e);
    }
    sops_buf_free(&form);
    sops_buf_free(&url);
    return result;
}

enum sops_azure_try sops_azure_environment(struct sops_azure_search *s, struct sops_err *e)
{
    struct sops_world *w = s->w;
    struct app app = {
        .tenant = sops_world_env_set(w, "AZURE_TENANT_ID"),
        .client = sops_world_env_set(w, "AZURE_CLIENT_ID"),
        .secret = sops_world_env_set(w, "AZURE_CLIENT_SECRET"),
        .certificate = sops_world_env_set(w, "AZURE_CLIENT_CERTIFICATE_PATH"),
        .user = sops_world_env_set(w, "AZURE_USERNAME"),
        .password = sops_world_env_set(w, "AZURE_PASSWORD"),
    };
    struct sops_buf url = {0}, form = {0};
    const char *grant;
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    if (app.tenant == NULL || app.client == NULL ||
        (app.secret == NULL && app.certificate == NULL && (app.user == NULL || app.password == NULL))) {
        return sops_azure_unavailable("AZURE_TENANT_ID, AZURE_CLIENT_ID or AZURE_CLIENT_SECRET is not set", e);
    }
    if (check_tenant(s, app.tenant, e) && token_url(s, &url, e) &&
        add_app(s, &app, sops_buf_view(&url), &form, &grant, e)) {
        result = ask(s, &url, &form, grant, e);
    }
    sops_buf_free(&form);
    sops_buf_free(&url);
    return result;
}

enum sops_azure_try sops_azure_workload(struct sops_azure_search *s, struct sops_err *e)
{
    const char *tenant = sops_world_env_set(s->w, "AZURE_TENANT_ID");
    const char *client = sops_world_env_set(s->w, "AZURE_CLIENT_ID");
    const char *path = sops_world_env_set(s->w, "AZURE_FEDERATED_TOKEN_FILE");
    struct sops_buf url = {0}, form = {0}, token = {0};
    enum sops_azure_try result = SOPS_AZURE_REFUSED;
    if (tenant == NULL || client == NULL || path == NULL) {
        return sops_azure_unavailable("AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID or AZURE_TENANT_ID is not set", e);
    }
    s->from = "AZURE_FEDERATED_TOKEN_FILE";
    if (check_tenant(s, tenant, e) && token_url(s, &url, e) && sops_small_file(path, &token, e) &&
        sops_form_add(&form, "client_assertion", sops_slice_trim(sops_buf_view(&token)), e) &&
        sops_form_add(&form, "client_assertion_type", SOPS_LIT(ASSERTION), e) &&
        sops_form_add(&form, "client_id", sops_str(client), e)) {
        result = ask(s, &url, &form, "client_credentials", e);
    }
    sops_buf_free(&token);
    sops_buf_free(&form);
    sops_buf_free(&url);
    return result;
}
