/* SPDX-License-Identifier: Apache-2.0 */
/* harden.h - this process leaves no secrets behind; programs that it runs for the user find what they would without it.
 */
#ifndef SOPS_CLI_HARDEN_H
#define SOPS_CLI_HARDEN_H

/* No core dumps, no debugger of the same user, freed memory overwritten also where libraries free it. Before all else.
 */
void sops_harden(void);
/* The limit of core dumps as this process was started with it, for a program that is about to be started. */
void sops_harden_pause(void);
/* No core dumps again. Also after another user was become: the kernel forgets then that this process is not dumpable.
 */
void sops_harden_resume(void);

#endif
