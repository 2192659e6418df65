/* SPDX-License-Identifier: Apache-2.0 */
/* statuses.h - where commands differ in the exit status of one and the same failure, in one table. What each status
 * means says SOPS_STATUSES (base/base.h; docs/spec/50-cli.md#exit-statuses). */
#ifndef SOPS_CLI_STATUSES_H
#define SOPS_CLI_STATUSES_H

/* A row of the table: which commands it is for, says statuses.c. */
enum sops_statuses {
    SOPS_STATUSES_USUAL,
    SOPS_STATUSES_NEED_FILE,
    SOPS_STATUSES_NEED_FILE_FOR_KEYS,
    SOPS_STATUSES_NEW_FILE,
    SOPS_STATUSES_GROUPS,
    SOPS_STATUSES_CONFIGURED,
    SOPS_STATUSES_ROWS,
};

struct sops_status_row {
    int missing; /* there is no such file, as sops_step_exists finds; 0: that is found by reading, behind other checks
                  */
    int input;   /* the file cannot be read */
    int output;  /* the result cannot be opened for writing */
    int key;     /* nothing opens the file */
    int wrap;    /* a key of the file cannot be used */
};
extern const struct sops_status_row sops_status_rows[SOPS_STATUSES_ROWS];

#endif
