/* SPDX-License-Identifier: Apache-2.0 */
/* The program with its k-th allocation failing: sops-sweep K ARG… is sops ARG…, and at the end the number of
 * allocations and of blocks that were not freed goes to descriptor 3. K is 0 for a clean run. */
int sops_main(int argc, char **argv);
#define main sops_main
#include "cli/main.c" /* the program itself, so that all of it is under test */
#undef main

#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    uint64_t k = strtoull(argv[1], NULL, 10);
    argv[1] = argv[0];
    sops_mem_fail_at(k);
    int status = sops_main(argc - 1, argv + 1);
    sops_mem_fail_at(0);
    char report[64];
    int n = snprintf(report, sizeof report, "%llu %zu\n", (unsigned long long)sops_mem_count(), sops_mem_live());
    if (n > 0 && write(3, report, (size_t)n) != n) {
        return 2;
    }
    return status;
}
