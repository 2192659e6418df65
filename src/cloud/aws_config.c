/* SPDX-License-Identifier: Apache-2.0 */
/* The config file is read twice: [default] first, so that what [profile default] says comes later and wins. The
 * credentials file comes last, as it wins key by key. */
#include "cloud/aws_cred.h"

#include "base/text.h"

#include <strings.h>

static const char owner;

/* ---- files ----------------------------------------------------------------------------------------------------- */

static bool only_default(struct sops_slice name, struct sops_slice *kept)
{
    *kept = name;
    return sops_slice_eq(name, SOPS_LIT("default"));
}

/* "profile NAME" */
static bool is_profile(struct sops_slice name)
{
    return sops_slice_starts(name, SOPS_LIT("profile ")) || sops_slice_starts(name, SOPS_LIT("profile\t"));
}

static bool all_but_default(struct sops_slice name, struct sops_slice *kept)
{
    *kept = name;
    if (is_profile(name)) {
        *kept = sops_slice_trim(sops_slice_skip(name, strlen("profile")));
        return true;
    }
    return sops_slice_starts(name, SOPS_LIT("sso-session ")) || sops_slice_starts(name, SOPS_LIT("services "));
}

static bool credentials_only(struct sops_slice name, struct sops_slice *kept)
{
    *kept = name;
    return !is_profile(name);
}

/* A file that cannot be read counts as empty. */
static bool read_file(struct sops_world *w, const char *variable, const char *usual, struct sops_buf *text,
                      struct sops_err *e)
{
    const char *path = sops_world_env_set(w, variable);
    struct sops_buf made = {0};
    struct sops_err ignored = {0};
    if (path == NULL) {
        if (!sops_buf_addf(&made, e, "%s/.aws/%s", sops_home(w), usual) || sops_buf_cstr(&made, e) == NULL) {
            sops_buf_free(&made);
            return false;
        }
        path = (const char *)made.ptr;
    }
    if (!sops_small_file(path, text, &ignored)) {
        sops_buf_cut(text, 0);
    }
    sops_err_clear(&ignored);
    sops_buf_free(&made);
    return true;
}

static bool read_files(struct sops_world *w, struct sops_arena *a, struct sops_ini *ini, struct sops_err *e)
{
    struct sops_buf config = {0}, credentials = {0};
    bool ok = read_file(w, "AWS_CONFIG_FILE", "config", &config, e) &&
              read_file(w, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &credentials, e) &&
              sops_ini_read(ini, a, sops_buf_view(&config), only_default, e) &&
              sops_ini_read(ini, a, sops_buf_view(&config), all_but_default, e) &&
              sops_ini_read(ini, a, sops_buf_view(&credentials), credentials_only, e);
    sops_buf_free(&config);
    sops_buf_free(&credentials);
    return ok;
}

/* ---- settings -------------------------------------------------------------------------------------------------- */

struct sops_slice sops_aws_setting(const struct sops_aws *aws, struct sops_slice profile, const char *name)
{
    const struct sops_setting *s = sops_ini_find(&aws->files, profile, sops_str(name));
    return s != NULL ? s->value : (struct sops_slice){0};
}

/* The variable, else the profile's setting; NULL when both are empty. Settings end in a NUL (arena). */
static const char *either(struct sops_world *w, const struct sops_aws *aws, const char *variable, const char *name)
{
    const char *value = sops_world_env_set(w, variable);
    struct sops_slice setting = sops_aws_setting(aws, aws->profile, name);
    return value != NULL ? value : setting.len > 0 ? (const char *)setting.ptr : NULL;
}

static bool is_true(const char *value) { return value != NULL && strcasecmp(value, "true") == 0; }

/* Asked for a FIPS endpoint in other words, the usual one must not be taken in silence. */
static bool check_words(struct sops_world *w, const struct sops_aws *aws, struct sops_err *e)
{
    static const struct {
        const char *variable, *setting, *words[2];
        bool any_case;
    } known[] = {
        {"AWS_USE_FIPS_ENDPOINT", NULL, {"true", "false"}, true},
        {"AWS_USE_DUALSTACK_ENDPOINT", NULL, {"true", "false"}, true},
        {"AWS_RETRY_MODE", "retry_mode", {"standard", "adaptive"}, false},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const char *value = known[i].setting != NULL ? either(w, aws, known[i].variable, known[i].setting)
                                                     : sops_world_env_set(w, known[i].variable);
        int (*compare)(const char *a, const char *b) = known[i].any_case ? strcasecmp : strcmp;
        if (value != NULL && compare(value, known[i].words[0]) != 0 && compare(value, known[i].words[1]) != 0) {
            return sops_fail(e, SOPS_E_GENERIC, "invalid value of %s, it may be %s or %s", known[i].variable,
                             known[i].words[0], known[i].words[1]);
        }
    }
    return true;
}

static bool take_settings(struct sops_world *w, struct sops_aws *aws, struct sops_err *e)
{
    const char *region = sops_world_env_set(w, "AWS_REGION");
    const char *tries = either(w, aws, "AWS_MAX_ATTEMPTS", "max_attempts");
    int64_t n;
    aws->region = sops_str(region != NULL ? region : either(w, aws, "AWS_DEFAULT_REGION", "region"));
    aws->ca_file = either(w, aws, "AWS_CA_BUNDLE", "ca_bundle");
    aws->tries = 3;
    if (tries != NULL) {
        if (!sops_int_parse(sops_str(tries), &n) || n < 0) {
            return sops_fail(e, SOPS_E_GENERIC, "AWS_MAX_ATTEMPTS (max_attempts) is not a number of tries");
        }
        aws->tries = n > 10 ? 10 : n > 0 ? (unsigned)n : 3;
    }
    return check_words(w, aws, e);
}

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_slice *asked = arg;
    struct sops_aws *aws = sops_arena_alloc(a, sizeof *aws, e);
    const char *name = sops_world_env_set(w, "AWS_PROFILE");
    if (aws == NULL || !read_files(w, a, &aws->files, e)) {
        return false;
    }
    name = name != NULL ? name : sops_world_env_set(w, "AWS_DEFAULT_PROFILE");
    aws->explicit_profile = asked->len > 0;
    aws->profile = asked->len > 0 ? *asked : name != NULL ? sops_str(name) : SOPS_LIT("default");
    if (!sops_arena_copy(a, aws->profile, &aws->profile, e)) {
        return false;
    }
    if ((asked->len > 0 || name != NULL) && !sops_ini_has(&aws->files, aws->profile)) {
        return sops_fail(e, SOPS_E_GENERIC, "failed to get shared config profile, %.*s", SOPS_ARG(aws->profile));
    }
    *made = aws;
    return take_settings(w, aws, e);
}

bool sops_aws_setup(struct sops_world *w, struct sops_slice profile, const struct sops_aws **out, struct sops_err *e)
{
    void *made;
    if (!sops_world_once(w, &owner, profile, make, &profile, &made, e)) {
        return false;
    }
    *out = made;
    return true;
}

/* ---- endpoints (docs/spec/60-keysources.md#aws-endpoints) ---- */

/* What variables and settings call a service, which is not always what its hosts are called. */
static const char *setting_name(const char *service)
{
    return strcmp(service, "secretsmanager") == 0 ? "secrets_manager" : service;
}

/* The setting `kms.endpoint_url` of the section that the profile's `services` names. */
static struct sops_slice service_setting(const struct sops_aws *aws, const char *service)
{
    struct sops_slice services = sops_aws_setting(aws, aws->profile, "services");
    char section[256], key[64];
    if (services.len == 0 || services.len > 200) {
        return (struct sops_slice){0};
    }
    (void)snprintf(section, sizeof section, "services %.*s", SOPS_ARG(services));
    (void)snprintf(key, sizeof key, "%s.endpoint_url", service);
    return sops_aws_setting(aws, sops_str(section), key);
}

static struct sops_slice configured(struct sops_world *w, const struct sops_aws *aws, const char *service)
{
    char variable[64] = "AWS_ENDPOINT_URL_";
    size_t n = strlen(variable);
    service = setting_name(service);
    if (is_true(either(w, aws, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))) {
        return (struct sops_slice){0};
    }
    for (size_t i = 0; service[i] != '\0' && n < sizeof variable - 1; i++) {
        variable[n++] = (char)sops_to_upper((uint8_t)service[i]);
    }
    struct sops_slice found = sops_str(sops_world_env_set(w, variable));
    if (found.len == 0) {
        found = sops_str(sops_world_env_set(w, "AWS_ENDPOINT_URL"));
    }
    if (found.len == 0) {
        found = service_setting(aws, service);
    }
    return found.len > 0 ? found : sops_aws_setting(aws, aws->profile, "endpoint_url");
}

static const char *suffix_of(struct sops_slice region, bool dualstack)
{
    static const struct {
        const char *prefix, *suffix;
    } known[] = {
        {"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},      {"us-isob-", "sc2s.sgov.gov"},
        {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"}, {"eu-isof-", "csp.hci.ic.gov"},
        {"eusc-", "amazonaws.eu"},
    };

    if (dualstack) {
        return sops_slice_starts(region, SOPS_LIT("cn-")) ? "api.amazonwebservices.com.cn" : "api.aws";
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sops_slice_starts(region, sops_str(known[i].prefix))) {
            return known[i].suffix;
        }
    }
    return "amazonaws.com";
}

bool sops_aws_endpoint(struct sops_world *w, const struct sops_aws *aws, const char *service, struct sops_slice region,
                       struct sops_buf *url, bool *custom, struct sops_err *e)
{
    struct sops_slice own = configured(w, aws, service);
    bool fips = is_true(either(w, aws, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"));
    bool dualstack = is_true(either(w, aws, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"));
    if (custom != NULL) {
        *custom = own.len > 0;
    }
    if (own.len > 0) {
        return sops_buf_add(url, sops_slice_trim_end(own, '/'), e);
    }
    /* A region becomes part of a host name: nothing else may come in with it. */
    if (!sops_only_alnum(region, "-")) {
        return sops_fail(e, SOPS_E_GENERIC, "invalid region '%.*s'", SOPS_ARG(region));
    }
    return sops_buf_addf(url, e, "https://%s%s.%.*s.%s", service, fips ? "-fips" : "", SOPS_ARG(region),
                         suffix_of(region, dualstack));
}

bool sops_aws_service_url(struct sops_world *w, const struct sops_aws *aws, const char *service,
                          struct sops_slice region, struct sops_buf *url, struct sops_err *e)
{
    if (!sops_aws_endpoint(w, aws, service, region, url, NULL, e)) {
        return false;
    }
    struct sops_url u;
    return ((sops_url_parse(sops_buf_view(url), &u) && u.path.len != 0) || sops_buf_addc(url, '/', e)) &&
           sops_buf_cstr(url, e) != NULL;
}
