/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS (spec 60 section 4). The region always comes from the ARN, for STS too, whatever the environment says. */
#include "core/keysource.h"

enum { ARN, ROLE, CONTEXT, PROFILE };

static const struct sops_keyfield fields[] = {
    [ARN] = {.meta = "arn"},
    [ROLE] = {.meta = "role", .flags = SOPS_FIELD_OPTIONAL},
    [CONTEXT] = {.meta = "context", .flag = "encryption-context", .flags = SOPS_FIELD_OPTIONAL | SOPS_FIELD_MAP},
    [PROFILE] = {.meta = "aws_profile", .rule = "aws_profile", .flag = "aws-profile"},
    {.meta = NULL},
};

/* Blanks go, wherever they stand; "+arn:" begins the role (spec 60 section 2.2). */
static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    const struct sops_slice mark = SOPS_LIT("+arn:");
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
    out->field[ARN] = sops_slice_of(text, n);
    out->field[ROLE] = sops_slice_of(text + n, 0);
    for (size_t i = 1; i < n; i++) {
        if (sops_slice_starts(sops_slice_of(text + i, n - i), mark)) {
            out->field[ARN].len = i;
            out->field[ROLE] = sops_slice_of(text + i + 1, n - i - 1);
            break;
        }
    }
    return true;
}

static bool show_context(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    for (const struct sops_pair *p = k->map; p != NULL; p = p->next) {
        if (!(p == k->map || sops_buf_addc(out, ',', e)) || !sops_buf_add(out, p->key, e) ||
            !sops_buf_addc(out, ':', e) || !sops_buf_add(out, p->value, e)) {
            return false;
        }
    }
    return true;
}

/* ARN[+ROLE][|CONTEXT[|PROFILE]] (spec 60 section 1.1). */
static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    if (!sops_buf_add(out, k->field[ARN], e)) {
        return false;
    }
    if (k->field[ROLE].len > 0 && (!sops_buf_addc(out, '+', e) || !sops_buf_add(out, k->field[ROLE], e))) {
        return false;
    }
    if (k->field[PROFILE].len > 0) {
        return sops_buf_addc(out, '|', e) && show_context(k, out, e) && sops_buf_addc(out, '|', e) &&
               sops_buf_add(out, k->field[PROFILE], e);
    }
    return k->map == NULL || (sops_buf_addc(out, '|', e) && show_context(k, out, e));
}

const struct sops_keysource sops_keysource_kms = {
    .id = "kms",
    .title = "AWS KMS key with ARN",
    .flag = "kms",
    .short_flag = "k",
    .env = "SOPS_KMS_ARN",
    .rule_key = "kms",
    .group_key = "kms",
    .fields = fields,
    .wire = 1,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 0, [SOPS_BY_RULE] = 2, [SOPS_BY_META] = 0, [SOPS_BY_ROTATE] = 0, [SOPS_BY_GROUPS] = 1},
    .parse = parse,
    .show = show,
};
