/* SPDX-License-Identifier: Apache-2.0 */
/* The secret stores of `publish` and `pull`; X(NAME) needs `const struct sops_store sops_store_NAME`. No include guard.
 */
X(aws_secretsmanager)
X(aws_parameterstore)
X(gcp_secretmanager)
X(azure_keyvault)
X(vault_kv2)
X(vault_kv1)
X(fake)
