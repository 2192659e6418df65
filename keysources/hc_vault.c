/* SPDX-License-Identifier: Apache-2.0 */
/* HashiCorp Vault's transit engine, and OpenBao's (spec 60 section 7). The address is the key's own; VAULT_ADDR is not
 * looked at. */
#include "core/keysource.h"
#include "keysources/hc_vault_uri.h"

enum { ADDRESS, ENGINE, NAME };

static const struct sops_keyfield fields[] = {
    [ADDRESS] = {.meta = "vault_address"},
    [ENGINE] = {.meta = "engine_path"},
    [NAME] = {.meta = "key_name"},
    {.meta = NULL},
};

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_vault_uri uri;

    if (!sops_vault_uri_parse(a, piece, &uri, e)) {
        return false;
    }
    out->field[ADDRESS] = uri.address;
    out->field[ENGINE] = uri.engine;
    out->field[NAME] = uri.name;
    return true;
}

static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addf(out, e, "%.*s/v1/%.*s/keys/%.*s", SOPS_ARG(k->field[ADDRESS]), SOPS_ARG(k->field[ENGINE]),
                         SOPS_ARG(k->field[NAME]));
}

const struct sops_keysource sops_keysource_hc_vault = {
    .id = "hc_vault",
    .title = "Hashicorp Vault key with URI",
    .flag = "hc-vault-transit",
    .env = "SOPS_VAULT_URIS",
    .rule_key = "hc_vault_transit_uri",
    .group_key = "hc_vault",
    .fields = fields,
    .wire = 5,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE | SOPS_SRC_SKIP_EMPTY | SOPS_SRC_ALWAYS | SOPS_SRC_GROUP_TEXT,
    .rank = {[SOPS_BY_FLAGS] = 5, [SOPS_BY_RULE] = 6, [SOPS_BY_META] = 4, [SOPS_BY_ROTATE] = 5, [SOPS_BY_GROUPS] = 3},
    .parse = parse,
    .show = show,
};
