/* SPDX-License-Identifier: Apache-2.0 */
/* A line for each SealedSecret: for people what changed, for programs all. */
#include "cli/seal_run.h"

#include "base/json.h"

static const char *const state_names[SEAL_STATES] = {"new", "changed", "unchanged"};

/* Keys behind a word: "sealed a, b". Nothing for none. */
static bool add_words(struct sops_buf *out, const char *word, bool *first, const struct seal_object *o, bool kept,
                      struct sops_err *e)
{
    bool any = false, ok = true;
    for (size_t i = 0; ok && i < o->items; i++) {
        if (o->item[i].kept == kept) {
            ok = (any ? sops_buf_adds(out, ", ", e) : sops_buf_addf(out, e, "%s%s ", *first ? "" : "; ", word)) &&
                 sops_buf_add(out, o->item[i].key, e);
            any = true;
            *first = false;
        }
    }
    return ok;
}

static bool add_line(struct sops_buf *out, const struct seal_object *o, struct sops_err *e)
{
    bool first = true;
    size_t kept = 0;
    for (size_t i = 0; i < o->items; i++) {
        kept += o->item[i].kept;
    }
    if (!sops_buf_addf(out, e, "%s: ", o->target->shown) || !sops_object_name(out, o->space, o->name, e) ||
        !sops_buf_adds(out, ": ", e)) {
        return false;
    }
    if (o->state == SEAL_NEW) {
        return sops_buf_addf(out, e, "new, %zu item%s\n", o->items, o->items == 1 ? "" : "s");
    }
    bool ok = add_words(out, "sealed", &first, o, false, e);
    for (size_t i = 0; ok && i < o->removals; i++) {
        ok = sops_buf_adds(out,
                           i != 0  ? ", "
                           : first ? "removed "
                                   : "; removed ",
                           e) &&
             sops_buf_add(out, o->removed[i], e);
        first = false;
    }
    return ok && sops_buf_addf(out, e, "%skept %zu\n", first ? "" : "; ", kept);
}

static bool add_keys(struct sops_buf *out, const char *name, const struct seal_object *o, bool kept, struct sops_err *e)
{
    bool ok = sops_json_begin(out, name, '[', e);
    for (size_t i = 0; ok && i < o->items; i++) {
        ok = o->item[i].kept != kept || sops_json_add(out, NULL, o->item[i].key, e);
    }
    return ok && sops_buf_addc(out, ']', e);
}

static bool add_json(struct sops_buf *out, const struct seal_file *f, const struct seal_object *o, struct sops_err *e)
{
    bool ok = sops_buf_addc(out, '{', e) && sops_json_add_int(out, "schema", 1, e) &&
              sops_json_add(out, "source", sops_str(f->shown), e) &&
              sops_json_add(out, "cluster", sops_str(o->cluster->name), e) &&
              sops_json_add(out, "file", sops_str(o->target->shown), e) &&
              sops_json_add(out, "namespace", o->space, e) && sops_json_add(out, "name", o->name, e) &&
              sops_json_add(out, "scope", sops_str(sops_scope_names[o->scope]), e) &&
              sops_json_add(out, "certificate", sops_str(o->cert->name), e) &&
              sops_json_add(out, "state", sops_str(state_names[o->state]), e) && add_keys(out, "sealed", o, false, e) &&
              add_keys(out, "kept", o, true, e) && sops_json_begin(out, "removed", '[', e);
    for (size_t i = 0; ok && i < o->removals; i++) {
        ok = sops_json_add(out, NULL, o->removed[i], e);
    }
    return ok && sops_buf_adds(out, "]}\n", e);
}

bool sops_seal_report(struct seal_run *r, const struct seal_file *f, struct sops_err *e)
{
    bool ok = true;
    if (f->run.outcome == SOPS_RUN_FAILED) {
        return !r->own->json ||
               (sops_buf_addc(&r->out, '{', e) && sops_json_add_int(&r->out, "schema", 1, e) &&
                sops_json_add(&r->out, "source", sops_str(f->shown), e) &&
                sops_json_add(&r->out, "state", SOPS_LIT("failed"), e) &&
                sops_json_add(&r->out, "error", sops_str(f->run.why != NULL ? f->run.why->msg : ""), e) &&
                sops_buf_adds(&r->out, "}\n", e));
    }
    for (const struct seal_object *o = f->object; ok && o != NULL; o = o->next) {
        r->count[o->state]++;
        if (o->target->path == NULL) {
            continue;
        }
        ok = r->own->json ? add_json(&r->out, f, o, e) : o->state != SEAL_UNCHANGED ? add_line(&r->out, o, e) : true;
    }
    return ok;
}
