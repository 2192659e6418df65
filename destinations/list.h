/* SPDX-License-Identifier: Apache-2.0 */
/* The destinations of `publish`; X(NAME) needs `const struct sops_destination sops_destination_NAME`. No include guard.
 */
X(s3)
X(gcs)
X(vault_kv)
