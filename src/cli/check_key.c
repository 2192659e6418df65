/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check.h"

bool check_key(struct check_run *r, const struct check_item *i, const struct sops_subject *s, struct sops_checked *c,
               struct sops_err *e)
{
    (void)r;
    (void)i;
    (void)s;
    (void)c;
    (void)e;
    return true;
}
void check_keys_free(struct check_run *r) { (void)r; }
