/* SPDX-License-Identifier: Apache-2.0 */
/* The key sources, in the order in which a loaded file holds them (docs/spec/60-keysources.md#common-model);
 * X(NAME) needs `const struct sops_keysource sops_keysource_NAME`. No include guard. */
X(kms)
X(gcp_kms)
X(hckms)
X(azure_kv)
X(hc_vault)
X(pgp)
X(age)
