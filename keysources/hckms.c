/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei Cloud KMS (spec 60 section 8). Unlike the others its key ids are looked at again when a file is loaded. */
#include "base/text.h"
#include "core/keysource.h"

enum { KEY_ID };

static const struct sops_keyfield fields[] = {
    [KEY_ID] = {.meta = "key_id"},
    {.meta = NULL},
};

/* "region:uuid", split at the first colon, both trimmed and not empty (spec 60 section 2.2). */
static bool split(struct sops_slice id, struct sops_slice *region, struct sops_slice *uuid, struct sops_err *e)
{
    size_t colon = sops_slice_find(id, ':');

    if (colon == id.len) {
        return sops_fail(e, SOPS_E_GENERIC, "invalid key ID format: expected 'region:key-uuid', got \"%.*s\"",
                         SOPS_ARG(id));
    }
    *region = sops_text_trim(sops_slice_first(id, colon));
    *uuid = sops_text_trim(sops_slice_skip(id, colon + 1));
    if (region->len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "region cannot be empty in key ID: \"%.*s\"", SOPS_ARG(id));
    }
    if (uuid->len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "key UUID cannot be empty in key ID: \"%.*s\"", SOPS_ARG(id));
    }
    return true;
}

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_slice id = sops_text_trim(piece);
    struct sops_slice region, uuid;

    return split(id, &region, &uuid, e) && sops_arena_copy(a, id, &out->field[KEY_ID], e);
}

static bool check(const struct sops_key *k, struct sops_err *e)
{
    struct sops_slice region, uuid;

    return split(k->field[KEY_ID], &region, &uuid, e);
}

const struct sops_keysource sops_keysource_hckms = {
    .id = "hckms",
    .title = "HuaweiCloud KMS key with ID",
    .flag = "hckms",
    .env = "SOPS_HUAWEICLOUD_KMS_IDS",
    .rule_key = "hckms",
    .group_key = "hckms",
    .fields = fields,
    .wire = 7,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE | SOPS_SRC_SKIP_BLANK | SOPS_SRC_RULE_LIST,
    .rank = {[SOPS_BY_FLAGS] = 2, [SOPS_BY_RULE] = 4, [SOPS_BY_META] = 2, [SOPS_BY_ROTATE] = 3, [SOPS_BY_GROUPS] = 6},
    .parse = parse,
    .check = check,
};
