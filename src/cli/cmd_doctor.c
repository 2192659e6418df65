/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    (void)w; (void)o;
    return sops_fail(e, SOPS_E_GENERIC, "not there");
}
const struct sops_verb sops_verb_doctor = {.name = "doctor", .summary = "say why a file cannot be decrypted", .args = "[FILE]", .ours = true, .yields = true, .run = run};
