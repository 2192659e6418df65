/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/statuses.h"

#include "base/base.h"

#define USUAL .input = SOPS_E_READ, .output = SOPS_E_WRITE, .key = SOPS_E_NO_KEY, .wrap = SOPS_E_GENERIC

const struct sops_status_row sops_status_rows[SOPS_STATUSES_ROWS] = {
    [SOPS_STATUSES_USUAL] = {USUAL},
    /* encrypt, decrypt, the old form, and what reads encrypted files by name */
    [SOPS_STATUSES_NEED_FILE] = {USUAL, .missing = SOPS_E_NO_FILE},
    /* rotate and the old form, with --add-… or --rm-… */
    [SOPS_STATUSES_NEED_FILE_FOR_KEYS] = {USUAL, .missing = SOPS_E_NO_FILE_KEYS},
    /* edit, for a file that is not there yet */
    [SOPS_STATUSES_NEW_FILE] = {.input = SOPS_E_READ,
                                .output = SOPS_E_WRITE,
                                .key = SOPS_E_NO_KEY,
                                .wrap = SOPS_E_NO_KEY},
    /* groups add, groups delete */
    [SOPS_STATUSES_GROUPS] = {.input = SOPS_E_READ,
                              .output = SOPS_E_GENERIC,
                              .key = SOPS_E_GENERIC,
                              .wrap = SOPS_E_GENERIC},
    /* updatekeys, publish, filestatus */
    [SOPS_STATUSES_CONFIGURED] = {.missing = SOPS_E_GENERIC,
                                  .input = SOPS_E_GENERIC,
                                  .output = SOPS_E_GENERIC,
                                  .key = SOPS_E_NO_KEY,
                                  .wrap = SOPS_E_GENERIC},
};
