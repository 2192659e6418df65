/* SPDX-License-Identifier: Apache-2.0 */
/* Google Cloud KMS (spec 60 section 5). The reference speaks gRPC unless told otherwise; both ways make the same `enc`,
 * so REST serves for both. */
#include "core/keysource.h"

enum { RESOURCE_ID };

static const struct sops_keyfield fields[] = {
    [RESOURCE_ID] = {.meta = "resource_id"},
    {.meta = NULL},
};

/* Blanks go; anything is taken until it is used (spec 60 section 2.2). */
static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    uint8_t *text = sops_arena_bytes(a, piece.len + 1, e);
    size_t n = 0;

    if (text == NULL) {
        return false;
    }
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.ptr[i] != ' ') {
            text[n++] = piece.ptr[i];
        }
    }
    text[n] = '\0';
    out->field[RESOURCE_ID] = sops_slice_of(text, n);
    return true;
}

const struct sops_keysource sops_keysource_gcp_kms = {
    .id = "gcp_kms",
    .title = "GCP KMS key with resource ID",
    .flag = "gcp-kms",
    .env = "SOPS_GCP_KMS_IDS",
    .rule_key = "gcp_kms",
    .group_key = "gcp_kms",
    .fields = fields,
    .wire = 3,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 1, [SOPS_BY_RULE] = 3, [SOPS_BY_META] = 1, [SOPS_BY_ROTATE] = 2, [SOPS_BY_GROUPS] = 2},
    .parse = parse,
};
