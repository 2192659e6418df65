/* SPDX-License-Identifier: Apache-2.0 */
/* The region becomes part of a host name and of the signature, so it is checked before anything else. */
#include "stores/aws.h"

#include "core/conf.h"

/* ---- places ----------------------------------------------------------------------------------------------------- */

static bool take_region(struct sops_store_site *s, struct sops_arena *a, const struct sops_node *map,
                        struct sops_slice region, struct sops_err *e)
{
    struct sops_aws_site *own = s->own;
    bool ok = (region.len != 0 || sops_store_bad(map, "region", "is missing", e)) &&
              sops_store_host_part(map, "region", region, "", e) && sops_arena_copy(a, region, &own->region, e);
    s->place = own->region;
    return ok;
}

static bool add_role(struct sops_aws_site *own, struct sops_arena *a, const struct sops_node *map,
                     struct sops_slice arn, struct sops_err *e)
{
    if (arn.len == 0) {
        return true;
    }
    return (own->roles < SOPS_AWS_ROLES_MAX || sops_store_bad(map, "additionalRoles", "are too many", e)) &&
           sops_arena_copy(a, arn, &own->role[own->roles++], e);
}

bool sops_aws_site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                           const struct sops_node *map, struct sops_err *e)
{
    struct sops_aws_site *own = s->own;
    const struct sops_aws *aws;
    struct sops_slice region = {0}, role = {0}, key = {0};
    bool ok = sops_conf_text(map, "region", &region, e) && sops_conf_text(map, "role", &role, e) &&
              sops_conf_text(map, "kms_key_id", &key, e);
    if (ok && region.len == 0) {
        ok = sops_aws_setup(w, (struct sops_slice){0}, &aws, e);
        region = ok ? aws->region : region;
        if (ok && region.len == 0) {
            (void)sops_store_bad(map, "region", "is missing, and the AWS configuration names none", e);
            return sops_hint(e, "write it into the rule, or set AWS_REGION");
        }
    }
    return ok && take_region(s, a, map, region, e) && add_role(own, a, map, role, e) &&
           sops_arena_copy(a, key, &own->kms_key, e);
}

static bool take_keys(struct sops_aws_site *own, const struct sops_node *map, const struct sops_store_input *in,
                      struct sops_err *e)
{
    static const struct sops_store_want want[] = {
        {"accessKeyIDSecretRef", true}, {"secretAccessKeySecretRef", true}, {"sessionTokenSecretRef", false}};
    const struct sops_node *auth, *refs = NULL;
    struct sops_slice value[3] = {{0}};
    bool all = false;
    if (!sops_conf_map(map, "auth", &auth, e) || (auth != NULL && !sops_conf_map(auth, "secretRef", &refs, e))) {
        return false;
    }
    if (!sops_store_lookup(in, refs, want, 3, value, &all, e)) {
        return sops_within(e, "auth.secretRef");
    }
    if (all) {
        own->given = (struct sops_aws_creds){value[0], value[1], value[2], "the Secret of auth.secretRef"};
    } else {
        sops_store_note_auth(in, auth, "auth");
    }
    return true;
}

bool sops_aws_site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                               const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    struct sops_aws_site *own = s->own;
    struct sops_slice region = {0}, role = {0};
    const struct sops_node *more, *tags;
    (void)w;
    bool ok = sops_conf_text(map, "region", &region, e) && sops_conf_text(map, "role", &role, e) &&
              sops_conf_text(map, "externalID", &own->external_id, e) && sops_conf_text(map, "prefix", &s->prefix, e) &&
              sops_conf_list(map, "additionalRoles", &more, e) && sops_conf_any(map, "sessionTags", &tags, e) &&
              take_region(s, a, map, region, e);
    for (const struct sops_node *n = ok && more != NULL ? more->child : NULL; ok && n != NULL; n = n->next) {
        ok = n->kind == SOPS_COMMENT ||
             (n->kind == SOPS_STR ? add_role(own, a, map, n->text, e)
                                  : sops_store_bad(map, "additionalRoles", "must be texts", e));
    }
    if (ok && tags != NULL) {
        in->note(in->ctx, "sessionTags are not sent");
    }
    return ok && add_role(own, a, map, role, e) && take_keys(own, map, in, e);
}

/* ---- credentials ------------------------------------------------------------------------------------------------ */

static bool make_creds(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_aws_site *own = arg;
    const struct sops_aws *aws;
    const struct sops_aws_creds *found = &own->given;
    struct sops_aws_creds *creds = sops_arena_alloc(a, sizeof *creds, e);
    bool ok = creds != NULL && sops_aws_setup(w, (struct sops_slice){0}, &aws, e) &&
              (own->given.id.len != 0 || sops_aws_find(w, aws, own->region, &found, e));
    if (ok) {
        *creds = *found;
    }
    for (size_t i = 0; ok && i < own->roles; i++) {
        struct sops_aws_creds from = *creds;
        struct sops_aws_role role = {.arn = own->role[i], .session = SOPS_LIT("sops"), .seconds = 900};
        role.external_id = i + 1 == own->roles ? own->external_id : role.external_id;
        ok = sops_aws_assume(w, a, aws, own->region, &role, &from, creds, e);
    }
    *made = creds;
    return ok;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

bool sops_aws_store_call(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a, const char *op,
                         struct sops_slice body, const struct sops_json_value **answer, char code[SOPS_AWS_CODE_MAX],
                         struct sops_err *e)
{
    const struct sops_aws_site *own = s->own;
    const struct sops_aws_operation operation = {own->title, op, NULL};
    const struct sops_aws *aws;
    struct sops_buf url = {0};
    struct sops_http_res res = {0};
    char target[96];
    void *creds = NULL;
    code[0] = '\0';
    (void)snprintf(target, sizeof target, "%s.%s", own->target, op);
    const struct sops_header headers[] = {
        {"content-type", SOPS_LIT("application/x-amz-json-1.1")}, {"x-amz-target", sops_str(target)}, {NULL, {0}}};
    bool ok = sops_aws_setup(w, (struct sops_slice){0}, &aws, e) &&
              sops_world_once(w, own, SOPS_LIT("credentials"), make_creds, s->own, &creds, e) &&
              sops_aws_service_url(w, aws, own->service, own->region, &url, e);
    if (ok) {
        const struct sops_aws_request request = {
            .method = "POST",
            .url = (const char *)url.ptr,
            .service = own->service,
            .region = own->region,
            .headers = headers,
            .body = body,
            .limit = SOPS_STORE_ANSWER_MAX,
        };
        ok = sops_aws_call_coded(w, aws, creds, &request, &operation, &res, code, e) &&
             (sops_store_object(a, &res, answer, e) || sops_within(e, "%s", op));
    }
    sops_http_res_free(&res);
    sops_buf_free(&url);
    return ok;
}

/* `token` leads to the page; afterwards to the next one, or it is empty. */
static bool one_page(const struct sops_store_site *s, struct sops_world *w, const struct sops_aws_list *l,
                     struct sops_store_pages *pages, struct sops_slice *token, struct sops_err *e)
{
    char code[SOPS_AWS_CODE_MAX];
    struct sops_arena page = {0};
    struct sops_buf body = {0};
    const struct sops_json_value *answer;
    struct sops_slice next = {0};
    size_t count = 0;
    bool ok = sops_buf_addc(&body, '{', e) && l->ask(l->ctx, &body, e) &&
              (token->len == 0 || sops_json_add(&body, "NextToken", *token, e)) && sops_buf_addc(&body, '}', e) &&
              sops_aws_store_call(s, w, &page, l->op, sops_buf_view(&body), &answer, code, e) &&
              l->take(l->ctx, &page, answer, &count, e);
    if (ok) {
        next = sops_json_member_text(answer, "NextToken");
        ok = sops_store_page(pages, count, next, e);
    }
    *token = ok && next.len != 0 ? pages->seen[pages->pages - 1] : (struct sops_slice){0};
    sops_buf_free(&body);
    sops_arena_free(&page);
    return ok;
}

bool sops_aws_store_pages(const struct sops_store_site *s, struct sops_world *w, const struct sops_aws_list *l,
                          struct sops_err *e)
{
    struct sops_store_pages pages = {0};
    struct sops_slice token = {0};
    bool ok = one_page(s, w, l, &pages, &token, e);
    while (ok && token.len != 0) {
        ok = one_page(s, w, l, &pages, &token, e);
    }
    sops_store_pages_free(&pages);
    return ok;
}

enum sops_store_result sops_aws_result(const char *code)
{
    static const char *const absent[] = {"ResourceNotFoundException", "InvalidRequestException", "ParameterNotFound",
                                         "ParameterVersionNotFound", NULL};
    if (sops_slice_is_any(sops_str(code), absent)) {
        return SOPS_STORE_ABSENT;
    }
    return strcmp(code, "AccessDeniedException") == 0 ? SOPS_STORE_DENIED : SOPS_STORE_FAILED;
}
