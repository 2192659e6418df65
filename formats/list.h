/* SPDX-License-Identifier: Apache-2.0 */
/* The formats, in the order of help texts; X(NAME) needs `const struct sops_format sops_format_NAME`. No include guard. */
X(yaml)
X(json)
X(dotenv)
X(ini)
X(toml)
X(binary)
