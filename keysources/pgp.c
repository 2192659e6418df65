/* SPDX-License-Identifier: Apache-2.0 */
/* gpg chooses the key from the message when it decrypts, so the fingerprint in a file matters for encrypting only. It
 * is kept as given, less its spaces: lower case and "0x" stay, as they identify the key in `--rm-pgp`
 * (docs/spec/60-keysources.md#pgp). */
#include "keysources/pgp_gpg.h"

#include "core/keysource.h"

static bool parse(struct sops_world *w, struct sops_arena *a, struct sops_slice piece, struct sops_key *out,
                  struct sops_err *e)
{
    (void)w;
    return sops_arena_copy_without(a, piece, ' ', &out->field[0], e);
}

static bool wrap(struct sops_world *w, const struct sops_key *k, struct sops_slice plain, struct sops_buf *enc,
                 struct sops_err *e)
{
    return sops_gpg_encrypt(w, k->field[0], plain, enc, e) ||
           sops_within(
               e,
               "could not encrypt data key with PGP key: GnuPG binary error: failed to encrypt sops data key with pgp");
}

static bool unwrap(struct sops_world *w, const struct sops_key *k, struct sops_buf *plain, struct sops_err *e)
{
    return sops_gpg_decrypt(w, k->enc, plain, e) ||
           sops_within(
               e,
               "could not decrypt data key with PGP key: GnuPG binary error: failed to decrypt sops data key with pgp");
}

static const struct sops_keyfield fields[] = {{.meta = "fp"}, {.meta = NULL}};

const struct sops_keysource sops_keysource_pgp = {
    .id = "pgp",
    .title = "PGP key with fingerprint",
    .flag = "pgp",
    .short_flag = "p",
    .env = "SOPS_PGP_FP",
    .rule_key = "pgp",
    .group_key = "pgp",
    .fields = fields,
    .wire = 2,
    .flags = SOPS_SRC_DATED | SOPS_SRC_GROUP_TEXT,
    .rank = {[SOPS_BY_FLAGS] = 4, [SOPS_BY_RULE] = 1, [SOPS_BY_META] = 5, [SOPS_BY_ROTATE] = 1, [SOPS_BY_GROUPS] = 0},
    .log_name = "PGP",
    .log_field = "fingerprint",
    .parse = parse,
    .wrap = wrap,
    .unwrap = unwrap,
    .places = sops_pgp_places,
};
