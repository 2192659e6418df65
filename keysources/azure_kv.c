/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault (spec 60 section 6). A key without a version is looked up while it is parsed, so that every file
 * holds a version. */
#include "base/text.h"
#include "core/keysource.h"

enum { VAULT_URL, NAME, VERSION };

static const struct sops_keyfield fields[] = {
    [VAULT_URL] = {.meta = "vault_url", .config = "vaultUrl"},
    [NAME] = {.meta = "name", .config = "key"},
    [VERSION] = {.meta = "version"},
    {.meta = NULL},
};

/* https://HOST/keys/NAME[/[VERSION]], none of the three holding a slash. */
static bool split(struct sops_slice url, struct sops_slice part[3])
{
    const struct sops_slice scheme = SOPS_LIT("https://"), keys = SOPS_LIT("/keys/");
    struct sops_slice rest = sops_slice_skip(url, scheme.len);
    size_t host = sops_slice_find(rest, '/');

    if (!sops_slice_starts(url, scheme) || host == 0 || !sops_slice_starts(sops_slice_skip(rest, host), keys)) {
        return false;
    }
    part[VAULT_URL] = sops_slice_first(url, scheme.len + host);
    rest = sops_slice_skip(rest, host + keys.len);
    part[NAME] = sops_slice_first(rest, sops_slice_find(rest, '/'));
    part[VERSION] = sops_slice_skip(rest, part[NAME].len + 1);
    return part[NAME].len > 0 && sops_slice_find(part[VERSION], '/') == part[VERSION].len;
}

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    struct sops_slice url = sops_text_trim(piece), part[3];

    if (!split(url, part)) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "could not parse \"%.*s\" into a valid Azure Key Vault MasterKey <vault URL>/keys/<name>"
                         "[/<version>]",
                         SOPS_ARG(url));
    }
    for (int i = 0; i < 3; i++) {
        if (!sops_arena_copy(a, part[i], &out->field[i], e)) {
            return false;
        }
    }
    return true;
}

static bool show(const struct sops_key *k, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_addf(out, e, "%.*s/keys/%.*s/%.*s", SOPS_ARG(k->field[VAULT_URL]), SOPS_ARG(k->field[NAME]),
                         SOPS_ARG(k->field[VERSION]));
}

const struct sops_keysource sops_keysource_azure_kv = {
    .id = "azure_kv",
    .title = "Azure Key Vault key with URL",
    .flag = "azure-kv",
    .env = "SOPS_AZURE_KEYVAULT_URLS",
    .rule_key = "azure_keyvault",
    .group_key = "azure_keyvault",
    .fields = fields,
    .wire = 4,
    .flags = SOPS_SRC_DATED | SOPS_SRC_REMOTE,
    .rank = {[SOPS_BY_FLAGS] = 3, [SOPS_BY_RULE] = 5, [SOPS_BY_META] = 3, [SOPS_BY_ROTATE] = 4, [SOPS_BY_GROUPS] = 4},
    .parse = parse,
    .show = show,
};
