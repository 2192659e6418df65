/* SPDX-License-Identifier: Apache-2.0 */
/* Who descends from whom is read from /proc/PID/stat, as the system has no call that would tell. */
#include "base/proc_group.h"

#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STAT_MAX 4096
#define COLUMN_STATE 3
#define COLUMN_PARENT 4
#define COLUMN_GROUP 5
#define COLUMN_IGNORED 33

struct process {
    pid_t pid, parent, group;
    uint64_t ignored; /* bit N-1: signal N */
    bool ours;        /* descends from this process */
};

/* Those that may belong to a command: a process group has few. */
struct processes {
    struct sops_buf list; /* of struct process */
    size_t count;
};

static struct process *process_at(const struct processes *all, size_t i)
{
    return (struct process *)(void *)all->list.ptr + i;
}

/* The columns behind the name, which stands in brackets and may hold anything. False for one that has ended. */
static bool read_columns(const char *text, struct process *p)
{
    const char *at = strrchr(text, ')');
    for (int column = COLUMN_STATE; at != NULL && column <= COLUMN_IGNORED; column++) {
        at = strchr(at, ' ');
        if (at == NULL) {
            return false;
        }
        at++;
        if (column == COLUMN_STATE && (*at == 'Z' || *at == 'X')) {
            return false;
        }
        if (column == COLUMN_PARENT) {
            p->parent = (pid_t)strtol(at, NULL, 10);
        } else if (column == COLUMN_GROUP) {
            p->group = (pid_t)strtol(at, NULL, 10);
        } else if (column == COLUMN_IGNORED) {
            p->ignored = strtoull(at, NULL, 10);
        }
    }
    return at != NULL;
}

/* False for one that has ended in the meantime, too. */
static bool read_process(const char *name, struct process *p)
{
    char path[64], text[STAT_MAX];
    p->pid = (pid_t)strtol(name, NULL, 10);
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return read_columns(text, p);
}

/* In a container that shows another one's /proc, its numbers name other processes. */
static bool is_our_proc(void)
{
    char pid[32] = "";
    return readlink("/proc/self", pid, sizeof pid - 1) > 0 && strtol(pid, NULL, 10) == getpid();
}

/* What runs in the command's group, and its leader wherever that went. False when it cannot be known. */
static bool list_group(const struct sops_group *g, struct processes *all)
{
    pid_t group = g->own ? g->leader : getpgrp();
    struct sops_err none = {0};
    DIR *proc = is_our_proc() ? opendir("/proc") : NULL;
    const struct dirent *entry;
    bool ok = proc != NULL;
    while (ok && (entry = readdir(proc)) != NULL) {
        struct process p = {0};
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_process(entry->d_name, &p) &&
            (p.group == group || p.pid == g->leader)) {
            p.ours = p.parent == getpid();
            ok = sops_buf_add(&all->list, sops_slice_of(&p, sizeof p), &none);
            all->count++;
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    sops_err_clear(&none);
    return ok;
}

/* Children of what is ours are ours, until there is nothing new. */
static void mark_descendants(const struct processes *all)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < all->count * all->count; i++) {
            const struct process *parent = process_at(all, i / all->count);
            struct process *child = process_at(all, i % all->count);
            if (parent->ours && !child->ours && child->parent == parent->pid) {
                more = child->ours = true;
            }
        }
    }
}

void sops_group_signal(const struct sops_group *g, int number)
{
    struct processes all = {0};
    if (g->own) {
        (void)kill(-g->leader, number);
    } else if (list_group(g, &all)) {
        mark_descendants(&all);
        for (size_t i = 0; i < all.count; i++) {
            if (process_at(&all, i)->ours) {
                (void)kill(process_at(&all, i)->pid, number);
            }
        }
    } else {
        (void)kill(g->leader, number);
    }
    sops_buf_free(&all.list);
}

bool sops_group_remains(const struct sops_group *g, int number)
{
    struct processes all = {0};
    bool remains = false;
    if (list_group(g, &all)) {
        mark_descendants(&all);
        for (size_t i = 0; i < all.count && !remains; i++) {
            const struct process *p = process_at(&all, i);
            remains = (g->own || p->ours) && (p->ignored >> (number - 1) & 1) == 0;
        }
    }
    sops_buf_free(&all.list);
    return remains;
}
