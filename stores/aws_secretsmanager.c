/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Secrets Manager. Its filters match beginnings, so names and tags are compared again here; and it ignores a put
 * whose token it has seen, which is why the token holds the version before (docs/spec/73-stores.md). */
#include "base/text.h"
#include "core/conf.h"
#include "stores/aws.h"

static struct sops_aws_site *new_site(struct sops_store_site *s, struct sops_arena *a, struct sops_err *e)
{
    struct sops_aws_site *own = sops_arena_alloc(a, sizeof *own, e);
    if (own != NULL) {
        own->service = own->target = "secretsmanager";
        own->title = "Secrets Manager";
    }
    s->own = own;
    return own;
}

static bool site_of_rule(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                         const struct sops_node *map, struct sops_err *e)
{
    return new_site(s, a, e) != NULL && sops_aws_site_of_rule(s, w, a, map, e);
}

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    return new_site(s, a, e) != NULL && sops_aws_site_of_manifest(s, w, a, map, in, e);
}

static bool check_name(struct sops_slice name, struct sops_err *e)
{
    return (name.len >= 1 && name.len <= 512 && sops_only_alnum(name, "/_+=.@-")) ||
           sops_fail(e, SOPS_E_READ, "a name has 1 to 512 of A-Z a-z 0-9 / _ + = . @ -");
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    out->version = ref->version;
    return sops_arena_printf(a, &out->key, e, "%.*s%.*s", SOPS_ARG(s->prefix), SOPS_ARG(ref->key));
}

static bool add_value(struct sops_buf *body, struct sops_slice value, struct sops_err *e)
{
    return sops_utf8_valid(value) ? sops_json_add(body, "SecretString", value, e)
                                  : sops_json_add_base64(body, "SecretBinary", SOPS_B64_STD, value, e);
}

static bool take_value(struct sops_arena *a, const struct sops_json_value *answer, struct sops_slice *value,
                       struct sops_err *e)
{
    const struct sops_json_value *text = sops_json_member(answer, SOPS_LIT("SecretString"));
    struct sops_slice binary = sops_json_member_text(answer, "SecretBinary");
    struct sops_buf bytes = {0};
    if (text != NULL && text->kind == SOPS_JSON_STRING) {
        *value = text->text;
        return true;
    }
    if (binary.ptr == NULL) {
        return sops_store_no_field("SecretString", e);
    }
    bool ok = (sops_base64_take(&bytes, SOPS_B64_STD, binary, e) || sops_within(e, "'SecretBinary'")) &&
              sops_arena_copy(a, sops_buf_view(&bytes), value, e);
    sops_buf_free(&bytes);
    return ok;
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    static const struct sops_slice by_id = {(const uint8_t *)"uuid/", 5};
    char code[SOPS_AWS_CODE_MAX] = "";
    const struct sops_json_value *answer;
    struct sops_buf body = {0};
    bool is_id = sops_slice_starts(ref->version, by_id);
    struct sops_slice version = is_id              ? sops_slice_skip(ref->version, by_id.len)
                                : ref->version.len ? ref->version
                                                   : SOPS_LIT("AWSCURRENT");
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, "SecretId", ref->key, e) &&
              sops_json_add(&body, is_id ? "VersionId" : "VersionStage", version, e) && sops_buf_addc(&body, '}', e) &&
              sops_aws_store_call(s, w, a, "GetSecretValue", sops_buf_view(&body), &answer, code, e) &&
              take_value(a, answer, value, e);
    sops_buf_free(&body);
    if (!ok && strcmp(code, "AccessDeniedException") == 0) {
        (void)sops_hint(e, "the right secretsmanager:GetSecretValue is missing");
    }
    return ok ? SOPS_STORE_OK : sops_aws_result(code);
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

/* {"Key":K,"Value":V} of a list, as an item's tags. */
static bool take_tags(struct sops_arena *a, const struct sops_json_value *list, struct sops_store_item *item,
                      struct sops_err *e)
{
    size_t n = 0;
    const struct sops_json_value *v = list != NULL && list->kind == SOPS_JSON_LIST ? list->child : NULL, *first = v;
    for (; v != NULL; v = v->next) {
        n++;
    }
    struct sops_store_tag *tag = sops_arena_alloc(a, (n + 1) * sizeof *tag, e);
    for (v = first; tag != NULL && v != NULL; v = v->next) {
        struct sops_slice key = sops_json_member_text(v, "Key"), value = sops_json_member_text(v, "Value");
        if (key.len != 0) {
            tag[item->tags++] = (struct sops_store_tag){.key = key, .value = value};
        }
    }
    item->tag = tag;
    return tag != NULL;
}

/* The version that is current, by its stage. */
static struct sops_slice current_version(const struct sops_json_value *answer)
{
    const struct sops_json_value *all = sops_json_member(answer, SOPS_LIT("VersionIdsToStages"));
    for (const struct sops_json_value *v = all != NULL && all->kind == SOPS_JSON_OBJECT ? all->child : NULL; v != NULL;
         v = v->next) {
        for (const struct sops_json_value *stage = v->child; stage != NULL; stage = stage->next) {
            if (sops_slice_eq(stage->text, SOPS_LIT("AWSCURRENT"))) {
                return v->key;
            }
        }
    }
    return (struct sops_slice){0};
}

static bool describe(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e)
{
    char code[SOPS_AWS_CODE_MAX] = "";
    const struct sops_json_value *answer;
    struct sops_buf body = {0};
    struct sops_err why = {0};
    *out = (struct sops_store_item){.name = name};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, "SecretId", name, e) && sops_buf_addc(&body, '}', e);
    bool there = ok && sops_aws_store_call(s, w, a, "DescribeSecret", sops_buf_view(&body), &answer, code, &why);
    sops_buf_free(&body);
    if (there) {
        const struct sops_json_value *deleted = sops_json_member(answer, SOPS_LIT("DeletedDate"));
        out->state = deleted != NULL && deleted->kind != SOPS_JSON_NULL ? SOPS_ITEM_DELETED : SOPS_ITEM_LIVE;
        out->version = current_version(answer);
        ok = take_tags(a, sops_json_member(answer, SOPS_LIT("Tags")), out, e);
    } else if (ok && strcmp(code, "ResourceNotFoundException") != 0) {
        *e = why;
        if (strcmp(code, "AccessDeniedException") == 0) {
            (void)sops_hint(e, "the right secretsmanager:DescribeSecret is missing");
        }
        return false;
    }
    sops_err_clear(&why);
    return ok;
}

static bool call(const struct sops_store_site *s, struct sops_world *w, const char *op, struct sops_buf *body,
                 struct sops_err *e)
{
    char code[SOPS_AWS_CODE_MAX];
    struct sops_arena a = {0};
    const struct sops_json_value *answer;
    bool ok = sops_buf_addc(body, '}', e) && sops_aws_store_call(s, w, &a, op, sops_buf_view(body), &answer, code, e);
    sops_arena_free(&a);
    return ok;
}

static bool add_tags(struct sops_buf *body, const struct sops_store_write *what, struct sops_err *e)
{
    bool ok = sops_json_begin(body, "Tags", '[', e);
    for (size_t i = 0; ok && i < SOPS_STORE_TAGS; i++) {
        ok = sops_json_begin(body, NULL, '{', e) && sops_json_add(body, "Key", what->tag[i].key, e) &&
             sops_json_add(body, "Value", what->tag[i].value, e) && sops_buf_addc(body, '}', e);
    }
    return ok && sops_buf_addc(body, ']', e);
}

static bool write_tags(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    struct sops_buf body = {0};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, "SecretId", what->old->name, e) &&
              add_tags(&body, what, e) && call(s, w, "TagResource", &body, e);
    sops_buf_free(&body);
    return ok;
}

static bool write_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    const struct sops_aws_site *own = s->own;
    struct sops_buf body = {0};
    bool create = what->old->state == SOPS_ITEM_NONE;
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, create ? "Name" : "SecretId", what->old->name, e) &&
              sops_json_add(&body, "ClientRequestToken", sops_str(what->token), e) && add_value(&body, what->value, e);
    if (ok && create) {
        ok = (own->kms_key.len == 0 || sops_json_add(&body, "KmsKeyId", own->kms_key, e)) && add_tags(&body, what, e);
    }
    ok =
        ok && call(s, w, create ? "CreateSecret" : "PutSecretValue", &body, e) && (create || write_tags(s, w, what, e));
    sops_buf_free(&body);
    return ok;
}

static bool restore_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                         struct sops_err *e)
{
    struct sops_buf body = {0};
    bool ok = old->state != SOPS_ITEM_DELETED ||
              (sops_buf_addc(&body, '{', e) && sops_json_add(&body, "SecretId", old->name, e) &&
               call(s, w, "RestoreSecret", &body, e));
    sops_buf_free(&body);
    return ok;
}

static bool remove_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                        struct sops_err *e)
{
    struct sops_buf body = {0};
    bool ok = sops_buf_addc(&body, '{', e) && sops_json_add(&body, "SecretId", old->name, e) &&
              sops_json_add_int(&body, "RecoveryWindowInDays", 30, e) && call(s, w, "DeleteSecret", &body, e);
    sops_buf_free(&body);
    return ok;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static bool add_filter(struct sops_buf *body, const char *key, struct sops_slice value, struct sops_err *e)
{
    return sops_json_begin(body, NULL, '{', e) && sops_json_add(body, "Key", sops_str(key), e) &&
           sops_json_begin(body, "Values", '[', e) && sops_json_add(body, NULL, value, e) &&
           sops_buf_adds(body, "]}", e);
}

/* What both lists ask for: names that begin so, and tags of which each key and value begins so. */
struct listing {
    struct sops_slice prefix;
    const struct sops_store_find *find;
    struct sops_arena *a;
    struct sops_store_list *out;
};

static bool ask_page(const void *ctx, struct sops_buf *body, struct sops_err *e)
{
    const struct listing *l = ctx;
    bool ok =
        sops_json_begin(body, "Filters", '[', e) && (l->prefix.len == 0 || add_filter(body, "name", l->prefix, e));
    for (size_t i = 0; ok && i < l->find->tags; i++) {
        ok = add_filter(body, "tag-key", l->find->tag[i].key, e) &&
             (l->find->tag[i].value.len == 0 || add_filter(body, "tag-value", l->find->tag[i].value, e));
    }
    return ok && sops_buf_addc(body, ']', e);
}

static bool take_page(const void *ctx, struct sops_arena *page, const struct sops_json_value *answer, size_t *count,
                      struct sops_err *e)
{
    const struct listing *l = ctx;
    const struct sops_json_value *list = sops_json_member(answer, SOPS_LIT("SecretList"));
    for (const struct sops_json_value *v = list != NULL && list->kind == SOPS_JSON_LIST ? list->child : NULL; v != NULL;
         v = v->next) {
        struct sops_slice name = sops_json_member_text(v, "Name");
        struct sops_store_item item = {.name = name};
        (*count)++;
        if (name.len == 0 || !sops_slice_starts(name, l->prefix) ||
            (l->find->wanted != NULL && !l->find->wanted(l->find->ctx, name))) {
            continue;
        }
        if (!take_tags(page, sops_json_member(v, SOPS_LIT("Tags")), &item, e)) {
            return false;
        }
        if (sops_store_tags_fit(&item, l->find) && sops_store_add(l->out, l->a, name, name, e) == NULL) {
            return false;
        }
    }
    return true;
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *f, struct sops_store_list *out, struct sops_err *e)
{
    const struct listing l = {f->path, f, a, out};
    const struct sops_aws_list list = {"ListSecrets", ask_page, take_page, &l};
    return sops_aws_store_pages(s, w, &list, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

static bool list_items(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       struct sops_slice prefix, struct sops_slice owner, struct sops_store_list *out,
                       struct sops_err *e)
{
    const struct sops_store_tag tag = {.key = SOPS_LIT("sops-owner"), .value = owner};
    const struct sops_store_find f = {.tag = &tag, .tags = 1};
    const struct listing l = {prefix, &f, a, out};
    const struct sops_aws_list list = {"ListSecrets", ask_page, take_page, &l};
    return sops_aws_store_pages(s, w, &list, e);
}

static const char *const fields[] = {"region", "role", "kms_key_id", NULL};

const struct sops_store sops_store_aws_secretsmanager = {
    .rule = "aws_secretsmanager",
    .provider = "aws",
    .choose = "service",
    .choice = "SecretsManager",
    .rule_fields = fields,
    .pattern = "{path}",
    .join = "/",
    .value_min = 1,
    .value_max = 65536,
    .property = SOPS_PROPERTY_DOTTED_FIRST,
    .check_name = check_name,
    .from_rule = site_of_rule,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .find = find,
    .describe = describe,
    .write = write_item,
    .tag = write_tags,
    .restore = restore_item,
    .remove = remove_item,
    .list = list_items,
};
