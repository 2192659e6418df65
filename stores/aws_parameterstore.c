/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Systems Manager Parameter Store, to read only. Its list by path gives the values as well. */
#include "stores/aws.h"

static bool site_of_manifest(struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                             const struct sops_node *map, const struct sops_store_input *in, struct sops_err *e)
{
    struct sops_aws_site *own = sops_arena_alloc(a, sizeof *own, e);
    if (own == NULL) {
        return false;
    }
    own->service = "ssm";
    own->target = "AmazonSSM";
    own->title = "SSM";
    s->own = own;
    return sops_aws_site_of_manifest(s, w, a, map, in, e);
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    out->version = ref->version;
    return sops_arena_printf(a, &out->key, e, "%.*s%.*s", SOPS_ARG(s->prefix), SOPS_ARG(ref->key));
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    static const char *const way[] = {"Parameter", "Value", NULL};
    char code[SOPS_AWS_CODE_MAX] = "";
    const struct sops_json_value *answer;
    struct sops_slice name;
    struct sops_buf body = {0};
    bool ok = sops_arena_printf(a, &name, e, "%.*s%s%.*s", SOPS_ARG(ref->key), ref->version.len != 0 ? ":" : "",
                                SOPS_ARG(ref->version)) &&
              sops_buf_addc(&body, '{', e) && sops_json_add(&body, "Name", name, e) &&
              sops_json_add_value(&body, "WithDecryption", SOPS_LIT("true"), e) && sops_buf_addc(&body, '}', e) &&
              sops_aws_store_call(s, w, a, "GetParameter", sops_buf_view(&body), &answer, code, e);
    if (ok) {
        const struct sops_json_value *found = sops_json_path(answer, way);
        ok = (found != NULL && found->kind == SOPS_JSON_STRING) || sops_store_no_field("Value", e);
        *value = ok ? found->text : *value;
    }
    sops_buf_free(&body);
    return ok ? SOPS_STORE_OK : sops_aws_result(code);
}

/* ---- find ------------------------------------------------------------------------------------------------------- */

struct finding {
    const struct sops_store_find *find;
    struct sops_slice path; /* a hierarchy */
    struct sops_arena *a;
    struct sops_store_list *out;
};

/* With tags only names can be listed; without, the values come along. */
static bool ask_page(const void *ctx, struct sops_buf *body, struct sops_err *e)
{
    const struct finding *f = ctx;
    bool ok;
    if (f->find->tags == 0) {
        ok = sops_json_add(body, "Path", f->path, e) && sops_json_add_value(body, "Recursive", SOPS_LIT("true"), e) &&
             sops_json_add_value(body, "WithDecryption", SOPS_LIT("true"), e);
    } else {
        ok = sops_json_begin(body, "ParameterFilters", '[', e);
        for (size_t i = 0; ok && i < f->find->tags; i++) {
            char key[300];
            (void)snprintf(key, sizeof key, "tag:%.*s", SOPS_ARG(sops_slice_first(f->find->tag[i].key, 256)));
            ok = sops_json_begin(body, NULL, '{', e) && sops_json_add(body, "Key", sops_str(key), e) &&
                 sops_json_begin(body, "Values", '[', e) && sops_json_add(body, NULL, f->find->tag[i].value, e) &&
                 sops_buf_adds(body, "]}", e);
        }
        if (f->path.len > 1) {
            ok = ok && sops_json_begin(body, NULL, '{', e) && sops_json_add(body, "Key", SOPS_LIT("Path"), e) &&
                 sops_json_add(body, "Option", SOPS_LIT("Recursive"), e) && sops_json_begin(body, "Values", '[', e) &&
                 sops_json_add(body, NULL, f->path, e) && sops_buf_adds(body, "]}", e);
        }
        ok = ok && sops_buf_addc(body, ']', e);
    }
    return ok;
}

static bool take_page(const void *ctx, struct sops_arena *page, const struct sops_json_value *answer, size_t *count,
                      struct sops_err *e)
{
    const struct finding *f = ctx;
    const struct sops_json_value *list = sops_json_member(answer, SOPS_LIT("Parameters"));
    (void)page;
    for (const struct sops_json_value *v = list != NULL && list->kind == SOPS_JSON_LIST ? list->child : NULL; v != NULL;
         v = v->next) {
        struct sops_slice name = sops_json_member_text(v, "Name");
        const struct sops_json_value *value = sops_json_member(v, SOPS_LIT("Value"));
        (*count)++;
        if (name.len == 0 || (f->find->wanted != NULL && !f->find->wanted(f->find->ctx, name))) {
            continue;
        }
        struct sops_store_found *found = sops_store_add(f->out, f->a, name, name, e);
        if (found == NULL) {
            return false;
        }
        found->has_value = f->find->tags == 0 && value != NULL && value->kind == SOPS_JSON_STRING;
        if (found->has_value && !sops_arena_copy(f->a, value->text, &found->value, e)) {
            return false;
        }
    }
    return true;
}

static enum sops_store_result find(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                   const struct sops_store_find *what, struct sops_store_list *out, struct sops_err *e)
{
    const struct finding f = {what, what->path.len != 0 ? what->path : SOPS_LIT("/"), a, out};
    const char *op = what->tags != 0 ? "DescribeParameters" : "GetParametersByPath";
    const struct sops_aws_list list = {op, ask_page, take_page, &f};
    return sops_aws_store_pages(s, w, &list, e) ? SOPS_STORE_OK : SOPS_STORE_FAILED;
}

const struct sops_store sops_store_aws_parameterstore = {
    .provider = "aws",
    .choose = "service",
    .choice = "ParameterStore",
    .property = SOPS_PROPERTY_DOTTED_FIRST,
    .from_manifest = site_of_manifest,
    .resolve = resolve,
    .read = read_value,
    .find = find,
};
