/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles that take their credentials from another one make a chain. It is walked down to credentials that need no
 * other, then up again, assuming one role after the other; a chain has an end, so there is no recursion to be led into.
 */
#include "cloud/aws_cred.h"

#include "base/text.h"
#include "cloud/aws_find.h"

#define MAX_CHAIN 16

static const char owner;

static bool copy(struct sops_arena *a, struct sops_slice from, struct sops_slice *to, struct sops_err *e)
{
    return sops_arena_copy(a, from, to, e);
}

bool sops_aws_creds_from(struct sops_arena *a, const json_t *object, const char *const names[3],
                         struct sops_aws_creds *out, struct sops_err *e)
{
    if (!copy(a, sops_json_text(object, names[0]), &out->id, e) ||
        !copy(a, sops_json_text(object, names[1]), &out->secret, e) ||
        !copy(a, sops_json_text(object, names[2]), &out->token, e)) {
        return false;
    }
    return (out->id.len > 0 && out->secret.len > 0) ||
           sops_fail(e, SOPS_E_GENERIC, "the answer holds no %s or no %s", names[0], names[1]);
}

static bool name_source(struct sops_aws_search *s, struct sops_aws_creds *out, const char *what,
                        struct sops_slice profile, struct sops_err *e)
{
    out->from = sops_arena_text(s->a, e, "%s of the profile '%.*s'", what, SOPS_ARG(profile));
    return out->from != NULL;
}

/* ---- environment ----------------------------------------------------------------------------------------------- */

static const char *first_set(struct sops_world *w, const char *name, const char *other)
{
    const char *value = sops_world_env_set(w, name);
    return value != NULL ? value : sops_world_env_set(w, other);
}

/* Both or neither: one alone is passed over. `*found` says which. */
static bool from_environment(struct sops_aws_search *s, bool *found, struct sops_aws_creds *out, struct sops_err *e)
{
    const char *id = first_set(s->w, "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY");
    const char *secret = first_set(s->w, "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY");
    *found = id != NULL && secret != NULL;
    if (!*found) {
        return true;
    }
    out->from = "AWS_ACCESS_KEY_ID of the environment";
    return copy(s->a, sops_str(id), &out->id, e) && copy(s->a, sops_str(secret), &out->secret, e) &&
           copy(s->a, sops_str(sops_world_env_set(s->w, "AWS_SESSION_TOKEN")), &out->token, e);
}

/* A session's name when none is given: the time, as Amazon's library does it. */
static bool usual_session(struct sops_aws_search *s, const char *prefix, struct sops_slice *name, struct sops_err *e)
{
    return name->len > 0 || sops_arena_printf(s->a, name, e, "%s%lld000000000", prefix, (long long)s->w->now(s->w));
}

static bool web_identity(struct sops_aws_search *s, const char *path, struct sops_aws_role *role,
                         struct sops_aws_creds *out, struct sops_err *e)
{
    struct sops_buf token = {0};
    bool ok =
        role->arn.len > 0 ||
        sops_fail(e, SOPS_E_GENERIC, "a web identity token file is given, but no role (AWS_ROLE_ARN or role_arn)");
    ok = ok && usual_session(s, "", &role->session, e) && sops_small_file(path, &token, e) &&
         sops_aws_assume_web(s->w, s->a, s->aws, s->region, role, sops_buf_view(&token), out, e);
    sops_buf_free(&token);
    return ok;
}

/* ---- one profile ----------------------------------------------------------------------------------------------- */

static bool static_keys(struct sops_aws_search *s, struct sops_slice profile, bool *found, struct sops_aws_creds *out,
                        struct sops_err *e)
{
    out->id = sops_aws_setting(s->aws, profile, "aws_access_key_id");
    out->secret = sops_aws_setting(s->aws, profile, "aws_secret_access_key");
    out->token = sops_aws_setting(s->aws, profile, "aws_session_token");
    *found = out->id.len > 0 && out->secret.len > 0;
    return !*found || name_source(s, out, "aws_access_key_id", profile, e);
}

static bool from_process(struct sops_aws_search *s, struct sops_slice command, struct sops_aws_creds *out,
                         struct sops_err *e)
{
    static const char *const names[3] = {"AccessKeyId", "SecretAccessKey", "SessionToken"};
    const char *const argv[] = {"/bin/sh", "-c", (const char *)command.ptr, NULL};
    struct sops_command c = {.argv = argv, .show_stderr = true, .timeout_ms = 60000};
    struct sops_outcome o = {0};
    json_t *answer = NULL;
    bool ok = s->w->run(s->w, &c, &o, e);
    if (ok && o.status != 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "exit status %d", o.status);
    }
    ok = ok && sops_json_load(sops_buf_view(&o.out), &answer, e);
    if (ok && sops_json_number(answer, "Version") != 1) {
        ok = sops_fail(e, SOPS_E_GENERIC, "what it printed does not have Version 1");
    }
    ok = ok && sops_aws_creds_from(s->a, answer, names, out, e);
    json_decref(answer);
    sops_outcome_free(&o);
    return ok || sops_within(e, "credential_process");
}

static bool from_source(struct sops_aws_search *s, struct sops_slice source, struct sops_aws_creds *out,
                        struct sops_err *e)
{
    bool found;
    if (sops_slice_eq(source, SOPS_LIT("Environment"))) {
        return from_environment(s, &found, out, e) &&
               (found || sops_fail(e, SOPS_E_GENERIC, "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set"));
    }
    if (sops_slice_eq(source, SOPS_LIT("Ec2InstanceMetadata"))) {
        return sops_aws_instance(s, out, e);
    }
    if (sops_slice_eq(source, SOPS_LIT("EcsContainer"))) {
        return sops_aws_container_given(s->w)
                   ? sops_aws_container(s, out, e)
                   : sops_fail(e, SOPS_E_GENERIC, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set");
    }
    return sops_fail(e, SOPS_E_GENERIC, "invalid credential_source '%.*s'", SOPS_ARG(source));
}

/* Cases b to h of docs/spec/60-keysources.md#aws-credential-search-order. `*final`: the role of the profile is already
 * assumed. */
static bool own_credentials(struct sops_aws_search *s, struct sops_slice profile, struct sops_aws_creds *out,
                            bool *final, struct sops_err *e)
{
    struct sops_slice source = sops_aws_setting(s->aws, profile, "credential_source");
    struct sops_slice token = sops_aws_setting(s->aws, profile, "web_identity_token_file");
    struct sops_slice command = sops_aws_setting(s->aws, profile, "credential_process");
    bool found;
    *final = false;
    if (!static_keys(s, profile, &found, out, e)) {
        return false;
    }
    if (found) {
        return true;
    }
    if (source.len > 0) {
        return from_source(s, source, out, e);
    }
    if (token.len > 0) {
        struct sops_aws_role role = {.arn = sops_aws_setting(s->aws, profile, "role_arn"),
                                     .session = sops_aws_setting(s->aws, profile, "role_session_name")};
        *final = true;
        return web_identity(s, (const char *)token.ptr, &role, out, e);
    }
    if (sops_aws_sso_given(s->aws, profile)) {
        return sops_aws_sso(s, profile, out, e);
    }
    if (command.len > 0) {
        return from_process(s, command, out, e) && name_source(s, out, "credential_process", profile, e);
    }
    return sops_aws_container_given(s->w) ? sops_aws_container(s, out, e) : sops_aws_instance(s, out, e);
}

static bool check_profile(const struct sops_aws *aws, struct sops_slice profile, struct sops_err *e)
{
    static const char *const sources[] = {"source_profile", "credential_source", "web_identity_token_file",
                                          "credential_process"};
    bool role = sops_aws_setting(aws, profile, "role_arn").len > 0;
    unsigned given = 0;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (sops_aws_setting(aws, profile, sources[i]).len == 0) {
            continue;
        }
        given++;
        if (!role && i < 3) {
            return sops_fail(e, SOPS_E_GENERIC, "the profile '%.*s' has %s but no role_arn", SOPS_ARG(profile),
                             sources[i]);
        }
    }
    if (given > 1) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "the profile '%.*s' has more than one of source_profile, credential_source, "
                         "web_identity_token_file and credential_process",
                         SOPS_ARG(profile));
    }
    if (role && sops_aws_setting(aws, profile, "mfa_serial").len > 0) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "the role of the profile '%.*s' asks for a one-time password (mfa_serial), which "
                         "is not supported",
                         SOPS_ARG(profile));
    }
    return true;
}

/* ---- chains of profiles ---------------------------------------------------------------------------------------- */

static bool assume(struct sops_aws_search *s, struct sops_slice profile, struct sops_aws_creds *creds,
                   struct sops_err *e)
{
    struct sops_aws_role role = {
        .arn = sops_aws_setting(s->aws, profile, "role_arn"),
        .session = sops_aws_setting(s->aws, profile, "role_session_name"),
        .external_id = sops_aws_setting(s->aws, profile, "external_id"),
        .seconds = 900,
    };
    struct sops_aws_creds from = *creds;
    int64_t seconds;
    if (role.arn.len == 0) {
        return true;
    }
    if (sops_int_parse(sops_aws_setting(s->aws, profile, "duration_seconds"), &seconds) && seconds > 900) {
        role.seconds = seconds;
    }
    return usual_session(s, "aws-go-sdk-", &role.session, e) &&
           sops_aws_assume(s->w, s->a, s->aws, s->region, &role, &from, creds, e);
}

/* The profiles from the one asked for to the one whose own credentials begin the chain. */
static bool walk_down(const struct sops_aws *aws, struct sops_slice chain[MAX_CHAIN], size_t *count, bool *self,
                      struct sops_err *e)
{
    struct sops_slice profile = aws->profile;
    *self = false;
    for (*count = 0; *count < MAX_CHAIN;) {
        chain[(*count)++] = profile;
        if (!check_profile(aws, profile, e)) {
            return false;
        }
        struct sops_slice source = sops_aws_setting(aws, profile, "source_profile");
        if (source.len == 0) {
            return true;
        }
        if (sops_slice_eq(source, profile)) {
            *self = true;
            return true;
        }
        if (!sops_ini_has(&aws->files, source)) {
            return sops_fail(e, SOPS_E_GENERIC, "failed to get shared config profile, %.*s (source_profile of '%.*s')",
                             SOPS_ARG(source), SOPS_ARG(profile));
        }
        profile = source;
    }
    return sops_fail(e, SOPS_E_GENERIC, "the source_profile settings from '%.*s' on go round, or are more than %d",
                     SOPS_ARG(aws->profile), MAX_CHAIN);
}

static bool from_profile(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e)
{
    struct sops_slice chain[MAX_CHAIN];
    size_t count;
    bool self, found, final = false;
    if (!walk_down(s->aws, chain, &count, &self, e)) {
        return false;
    }
    struct sops_slice last = chain[count - 1];
    if (self) {
        if (!static_keys(s, last, &found, out, e)) {
            return false;
        }
        if (!found) {
            return sops_fail(e, SOPS_E_GENERIC, "the profile '%.*s' names itself as source_profile but holds no keys",
                             SOPS_ARG(last));
        }
    } else if (!own_credentials(s, last, out, &final, e)) {
        return false;
    }
    for (size_t i = count - (final ? 1 : 0); i > 0; i--) {
        if (!assume(s, chain[i - 1], out, e)) {
            return false;
        }
    }
    return true;
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

static bool search(struct sops_aws_search *s, struct sops_aws_creds *out, struct sops_err *e)
{
    const char *token = sops_world_env_set(s->w, "AWS_WEB_IDENTITY_TOKEN_FILE");
    bool found;
    if (s->aws->explicit_profile) {
        return from_profile(s, out, e);
    }
    if (!from_environment(s, &found, out, e)) {
        return false;
    }
    if (found) {
        return true;
    }
    if (token != NULL) {
        struct sops_aws_role role = {.arn = sops_str(sops_world_env_set(s->w, "AWS_ROLE_ARN")),
                                     .session = sops_str(sops_world_env_set(s->w, "AWS_ROLE_SESSION_NAME"))};
        return web_identity(s, token, &role, out, e);
    }
    return from_profile(s, out, e);
}

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    struct sops_aws_search s = *(struct sops_aws_search *)arg;
    struct sops_aws_creds *creds = sops_arena_alloc(a, sizeof *creds, e);
    s.w = w;
    s.a = a;
    *made = creds;
    return creds != NULL && search(&s, creds, e);
}

bool sops_aws_find(struct sops_world *w, const struct sops_aws *aws, struct sops_slice region,
                   const struct sops_aws_creds **out, struct sops_err *e)
{
    struct sops_aws_search s = {.aws = aws, .region = region};
    struct sops_buf name = {0};
    void *made = NULL;
    bool ok =
        sops_buf_addf(&name, e, "%d %.*s %.*s", aws->explicit_profile, SOPS_ARG(region), SOPS_ARG(aws->profile)) &&
        sops_world_once(w, &owner, sops_buf_view(&name), make, &s, &made, e);
    sops_buf_free(&name);
    *out = made;
    return ok;
}
