/* SPDX-License-Identifier: Apache-2.0 */
/* faults.h - calls of the system, of OpenSSL and of libcurl that fail (docs/TESTING.md). */
#ifndef SOPS_TESTS_FAULTS_H
#define SOPS_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on they are counted anew, and call number `k` fails; 0: none. */
void sops_fault_at(uint64_t k);
/* Calls so far. */
uint64_t sops_fault_count(void);
/* The function that failed, or "none". */
const char *sops_fault_name(void);

#endif
