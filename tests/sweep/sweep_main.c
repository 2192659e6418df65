/* SPDX-License-Identifier: Apache-2.0 */
/* The program with its k-th allocation failing: sops-sweep K ARG… is sops ARG…, and at the end the number of
 * allocations, of blocks that were not freed, and what failed, go to descriptor 3. K is 0 for a clean run. As
 * sops-faults (SOPS_FAULTS) it is the k-th call of faults.c that fails. */
int sops_main(int argc, char **argv);
#define main sops_main
#include "cli/main.c" /* the program itself, so that all of it is under test */
#undef main

#include <stdlib.h>
#include <unistd.h>

#ifdef SOPS_FAULTS
#include "faults.h"
static void fail_at(uint64_t k) { sops_fault_at(k); }
static uint64_t counted(void) { return sops_fault_count(); }
static const char *what(void) { return sops_fault_name(); }
#else
static void fail_at(uint64_t k) { sops_mem_fail_at(k); }
static uint64_t counted(void) { return sops_mem_count(); }
static const char *what(void) { return "allocation"; }
#endif

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    uint64_t k = strtoull(argv[1], NULL, 10);
    argv[1] = argv[0];
    fail_at(k);
    int status = sops_main(argc - 1, argv + 1);
    uint64_t count = counted();
    fail_at(0);
    char report[96];
    int n = snprintf(report, sizeof report, "%llu %zu %s\n", (unsigned long long)count, sops_mem_live(), what());
    if (n > 0 && write(3, report, (size_t)n) != n) {
        return 2;
    }
    return status;
}
