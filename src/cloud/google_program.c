/* SPDX-License-Identifier: Apache-2.0 */
/* A subject token that a program prints (docs/spec/60-keysources.md#google-application-default-credentials,
 * credential_source.executable). A credentials file can so name any program, therefore the environment must allow it;
 * and no shell sees the command. */
#include "cloud/google_token.h"

#include <unistd.h>

#define MAX_WORDS 64
#define USUAL_LIMIT_MS 30000

/* The answer of a program, or of the file that it left: {"version":1,"success":true,"token_type":"…","id_token":"…",
 * "expiration_time":N}. `*fresh`: it has not expired. */
static bool take(struct sops_world *w, struct sops_slice text, struct sops_buf *token, bool *fresh, struct sops_err *e)
{
    json_t *answer = NULL;
    bool ok = sops_json_load(text, &answer, e);
    struct sops_slice type = sops_json_text(answer, "token_type"), found;
    int64_t until = sops_json_number(answer, "expiration_time");
    if (ok && sops_json_number(answer, "version") != 1) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the program's answer has no version, or not version 1");
    }
    if (ok && !json_is_true(json_object_get(answer, "success"))) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the program reports a failure, %.*s: %.*s",
                       SOPS_ARG(sops_slice_first(sops_json_text(answer, "code"), 100)),
                       SOPS_ARG(sops_slice_first(sops_json_text(answer, "message"), 300)));
    }
    *fresh = until == 0 || until > w->now(w);
    found = sops_json_text(
        answer, sops_slice_eq(type, SOPS_LIT("urn:ietf:params:oauth:token-type:saml2")) ? "saml_response" : "id_token");
    ok = ok && (found.len > 0 || sops_fail(e, SOPS_E_GENERIC, "the program's answer holds no token")) &&
         sops_buf_add(token, found, e);
    json_decref(answer);
    return ok;
}

/* What an earlier run left, unless it has expired or is no answer. */
static bool take_file(struct sops_world *w, const char *path, struct sops_buf *token)
{
    struct sops_err ignored = {0};
    struct sops_buf text = {0};
    bool fresh = false;
    bool ok = path != NULL && access(path, R_OK) == 0 && sops_small_file(path, &text, &ignored) &&
              take(w, sops_buf_view(&text), token, &fresh, &ignored) && fresh;
    if (!ok) {
        sops_buf_cut(token, 0);
    }
    sops_buf_free(&text);
    sops_err_clear(&ignored);
    return ok;
}

static bool split(struct sops_arena *a, struct sops_slice command, const char *words[MAX_WORDS + 1], struct sops_err *e)
{
    struct sops_slice word, copy;
    size_t n = 0;
    while (command.ptr != NULL && sops_slice_next(&command, ' ', &word)) {
        if (word.len == 0) {
            continue;
        }
        if (n == MAX_WORDS) {
            return sops_fail(e, SOPS_E_GENERIC, "the command has more than %d words", MAX_WORDS);
        }
        if (!sops_arena_copy(a, word, &copy, e)) {
            return false;
        }
        words[n++] = (const char *)copy.ptr;
    }
    words[n] = NULL;
    return n > 0 || sops_fail(e, SOPS_E_GENERIC, "'command' of the executable is empty");
}

static bool set(struct sops_arena *a, const char **env, size_t *n, const char *name, struct sops_slice value,
                struct sops_err *e)
{
    if (value.len == 0) {
        return true;
    }
    env[*n] = sops_arena_text(a, e, "GOOGLE_EXTERNAL_ACCOUNT_%s=%.*s", name, SOPS_ARG(value));
    return env[(*n)++] != NULL;
}

/* "…/serviceAccounts/NAME@…:generateAccessToken": the account. */
static struct sops_slice account_of(struct sops_slice url)
{
    struct sops_slice rest = url, part = {0};
    while (rest.ptr != NULL && sops_slice_next(&rest, '/', &part)) {
    }
    return sops_slice_first(part, sops_slice_find(part, ':'));
}

static bool run(struct sops_world *w, const json_t *file, const json_t *program, struct sops_buf *token,
                struct sops_err *e)
{
    struct sops_arena a = {0};
    const char *words[MAX_WORDS + 1], *env[6] = {NULL};
    int64_t limit = sops_json_number(program, "timeout_millis");
    struct sops_command c = {.argv = words, .env = env, .show_stderr = true};
    struct sops_outcome o = {0};
    size_t n = 0;
    bool fresh = false;
    bool ok = split(&a, sops_json_text(program, "command"), words, e) &&
              set(&a, env, &n, "AUDIENCE", sops_json_text(file, "audience"), e) &&
              set(&a, env, &n, "TOKEN_TYPE", sops_json_text(file, "subject_token_type"), e) &&
              set(&a, env, &n, "INTERACTIVE", SOPS_LIT("0"), e) &&
              set(&a, env, &n, "IMPERSONATED_EMAIL",
                  account_of(sops_json_text(file, "service_account_impersonation_url")), e) &&
              set(&a, env, &n, "OUTPUT_FILE", sops_json_text(program, "output_file"), e);
    c.timeout_ms = limit > 0 && limit <= 600000 ? (unsigned)limit : USUAL_LIMIT_MS;
    ok = ok && w->run(w, &c, &o, e);
    if (ok && o.status != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the program '%s' ended with status %d", words[0], o.status);
    }
    ok = ok && take(w, sops_buf_view(&o.out), token, &fresh, e) &&
         (fresh || sops_fail(e, SOPS_E_GENERIC, "the token of the program '%s' has expired", words[0]));
    sops_outcome_free(&o);
    sops_arena_free(&a);
    return ok;
}

bool sops_google_program(struct sops_world *w, const json_t *file, struct sops_buf *token, struct sops_err *e)
{
    const json_t *program = json_object_get(json_object_get(file, "credential_source"), "executable");
    const char *allowed = sops_world_env_set(w, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    if (allowed == NULL || strcmp(allowed, "1") != 0) {
        (void)sops_fail(e, SOPS_E_GENERIC,
                        "the credentials name a program to run, which the environment does not allow");
        return sops_hint(e, "if you trust the file, set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1");
    }
    return take_file(w, json_string_value(json_object_get(program, "output_file")), token) ||
           run(w, file, program, token, e);
}
