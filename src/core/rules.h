/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - which leaves are encrypted (docs/spec/10-document-and-cipher.md#which-leaves-are-encrypted). */
#ifndef SOPS_CORE_RULES_H
#define SOPS_CORE_RULES_H

#include "core/regex.h"
#include "core/tree.h"

enum sops_rule {
    SOPS_UNENCRYPTED_SUFFIX,
    SOPS_ENCRYPTED_SUFFIX,
    SOPS_UNENCRYPTED_REGEX,
    SOPS_ENCRYPTED_REGEX,
    SOPS_UNENCRYPTED_COMMENT_REGEX,
    SOPS_ENCRYPTED_COMMENT_REGEX,
    SOPS_RULES
};
#define SOPS_DEFAULT_SUFFIX "_unencrypted"

struct sops_rules {
    struct sops_slice text[SOPS_RULES]; /* at most one is not empty */
    bool mac_only_encrypted;
    bool whole;               /* binary being encrypted: everything is encrypted, nothing is recorded */
    struct sops_regex *regex; /* compiled once; NULL with a regex rule: it matches nothing */
};

/* "unencrypted_suffix" and so on, as in the metadata; with dashes it is the option. Indexed by enum sops_rule. */
extern const char *const sops_rule_names[SOPS_RULES];
/* The rule in force, or SOPS_RULES for none. */
enum sops_rule sops_rules_which(const struct sops_rules *r);
/* Compiles the regex of a regex rule; code 1, naming the rule and quoting the regex, when it does not compile (regex
 * stays NULL). */
bool sops_rules_compile(struct sops_rules *r, struct sops_err *e) SOPS_CHECKED;
/* Sets SOPS_MARKED on every leaf that is encrypted, clears it on all others (null is never marked; empty texts may be).
 */
bool sops_rules_mark(const struct sops_rules *r, struct sops_doc *d, struct sops_err *e) SOPS_CHECKED;
/* Do comments say what is encrypted? */
bool sops_rules_by_comment(const struct sops_rules *r);
/* The same for a comment that is no node, in the map or list `in`, which was marked. */
bool sops_rules_mark_comment(const struct sops_rules *r, const struct sops_node *in, struct sops_slice text);
/* Frees the regex only; texts are the metadata's. */
void sops_rules_free(struct sops_rules *r);

#endif
