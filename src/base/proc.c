/* SPDX-License-Identifier: Apache-2.0 */
/* Words are cut as a shell would cut them, but nothing is ever expanded and no shell is run. All words of one text
 * share one block: each is shorter than the part of the text it came from, so the text's length is room enough. */
#include "base/proc.h"

#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool is_separator(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Where reading stands, and where the next byte of a word goes. */
struct cutter {
    struct sops_slice rest;
    uint8_t *to;
};

static uint8_t take(struct cutter *c)
{
    uint8_t byte = c->rest.ptr[0];
    c->rest = sops_slice_skip(c->rest, 1);
    return byte;
}

/* The inside of a quotation, with its closing quote. */
static bool quoted(struct cutter *c, uint8_t quote, struct sops_err *e)
{
    while (c->rest.len != 0) {
        uint8_t byte = take(c);
        if (byte == quote) {
            return true;
        }
        if (byte == '\\' && quote == '"') {
            if (c->rest.len == 0) {
                break;
            }
            byte = take(c);
        }
        *c->to++ = byte;
    }
    return sops_fail(e, SOPS_E_GENERIC, "a quotation is not closed");
}

static bool word(struct cutter *c, struct sops_err *e)
{
    while (c->rest.len != 0 && !is_separator(c->rest.ptr[0])) {
        uint8_t byte = take(c);
        if (byte == '\'' || byte == '"') {
            if (!quoted(c, byte, e)) {
                return false;
            }
            continue;
        }
        if (byte == '\\') {
            if (c->rest.len == 0) {
                return sops_fail(e, SOPS_E_GENERIC, "a backslash stands at the end");
            }
            byte = take(c);
        }
        *c->to++ = byte;
    }
    *c->to++ = '\0';
    return true;
}

/* Moves to the first byte of the next word, over blanks and comments. */
static void skip(struct cutter *c)
{
    while (c->rest.len != 0) {
        if (c->rest.ptr[0] == '#') {
            c->rest = sops_slice_skip(c->rest, sops_slice_find(c->rest, '\n'));
        } else if (is_separator(c->rest.ptr[0])) {
            c->rest = sops_slice_skip(c->rest, 1);
        } else {
            return;
        }
    }
}

bool sops_words_split(struct sops_words *w, struct sops_slice text, struct sops_err *e)
{
    *w = (struct sops_words){0};
    if (sops_slice_find(text, '\0') != text.len) {
        return sops_fail(e, SOPS_E_GENERIC, "a NUL byte stands in it");
    }
    /* Every word but the last takes a separator along, and one more place is for the NULL. */
    w->word = sops_arena_alloc(&w->arena, (text.len / 2 + 2) * sizeof *w->word, e);
    struct cutter c = {.rest = text, .to = w->word != NULL ? sops_arena_bytes(&w->arena, text.len + 1, e) : NULL};
    if (c.to == NULL) {
        sops_words_free(w);
        return false;
    }
    for (skip(&c); c.rest.len != 0; skip(&c)) {
        w->word[w->count++] = (char *)c.to;
        if (!word(&c, e)) {
            sops_words_free(w);
            return false;
        }
    }
    return true;
}

void sops_words_free(struct sops_words *w)
{
    sops_arena_free(&w->arena);
    *w = (struct sops_words){0};
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode) && access(path, X_OK) == 0;
}

/* `folder`/`name` in `out`; an empty entry of PATH is the current folder. */
static bool join(struct sops_buf *out, struct sops_slice folder, const char *name, struct sops_err *e)
{
    sops_buf_cut(out, 0);
    return sops_buf_add(out, folder.len != 0 ? folder : SOPS_LIT("."), e) && sops_buf_addc(out, '/', e) &&
           sops_buf_adds(out, name, e) && sops_buf_cstr(out, e) != NULL;
}

static bool search(const char *name, struct sops_slice path, struct sops_buf *found, struct sops_err *e)
{
    struct sops_slice folder;
    while (sops_slice_next(&path, ':', &folder)) {
        if (!join(found, folder, name, e)) {
            return false;
        }
        if (!is_program((const char *)found->ptr)) {
            continue;
        }
        if (found->ptr[0] != '/') {
            return sops_fail(e, SOPS_E_GENERIC, "the program '%s' stands only in a relative folder of PATH", name) ||
                   sops_hint(e, "give its path, as in ./%s", name);
        }
        return true;
    }
    return sops_fail(e, SOPS_E_GENERIC, "the program '%s' was not found in PATH", name);
}

bool sops_proc_find(const char *name, const char *path, struct sops_buf *out, struct sops_err *e)
{
    if (name[0] == '\0') {
        return sops_fail(e, SOPS_E_GENERIC, "the name of the program is empty");
    }
    if (strchr(name, '/') != NULL) {
        return is_program(name) ? sops_buf_adds(out, name, e)
                                : sops_fail(e, SOPS_E_GENERIC, "'%s' is no program that can be run", name);
    }
    struct sops_buf found = {0};
    bool ok = search(name, sops_str(path), &found, e) && sops_buf_add(out, sops_buf_view(&found), e);
    sops_buf_free(&found);
    return ok;
}

/* The first program on `path`, or what is there and is none. */
static bool locate_on(const char *name, struct sops_slice path, struct sops_buf *found, bool *there, struct sops_err *e)
{
    struct sops_slice folder;
    struct stat st;
    while (sops_slice_next(&path, ':', &folder)) {
        if (folder.len == 0 || folder.ptr[0] != '/') {
            continue;
        }
        if (!join(found, folder, name, e)) {
            return false;
        }
        if (is_program((const char *)found->ptr)) {
            return true;
        }
        *there = *there || (stat((const char *)found->ptr, &st) == 0 && !S_ISDIR(st.st_mode));
    }
    return false;
}

bool sops_proc_locate(const char *name, const char *path, struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf found = {0};
    struct stat st;
    bool here = strchr(name, '/') != NULL, there = here && stat(name, &st) == 0;
    bool ok = here ? is_program(name) : name[0] != '\0' && locate_on(name, sops_str(path), &found, &there, e);
    if (ok) {
        ok = here ? sops_buf_adds(out, name, e) : sops_buf_add(out, sops_buf_view(&found), e);
    } else if (there) {
        ok = sops_fail(e, SOPS_E_NOT_RUNNABLE, "'%s' is there, but it is no program that can be run", name);
    } else if (here) {
        ok = sops_fail(e, SOPS_E_NOT_THERE, "there is no program '%s'", name);
    } else {
        ok = sops_fail(e, SOPS_E_NOT_THERE, "the program '%s' was not found in PATH", name);
    }
    sops_buf_free(&found);
    return ok && sops_buf_cstr(out, e) != NULL;
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && list[n] != NULL) {
        n++;
    }
    return n;
}

bool sops_proc_environment(struct sops_arena *a, const char *const *base, const char *const *more, char ***out,
                           struct sops_err *e)
{
    struct sops_table names = {0};
    size_t n = 0, first = count(base), all = first + count(more);
    const char **list = sops_arena_alloc(a, (all + 1) * sizeof *list, e);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < all; i++) {
        const char *entry = i < first ? base[i] : more[i - first];
        struct sops_slice name = sops_str(entry);
        bool is_new;
        void **place = sops_table_put(&names, sops_slice_first(name, sops_slice_find(name, '=')), &is_new, e);
        ok = place != NULL;
        if (ok && is_new) {
            *place = &list[n++];
        }
        if (ok) {
            *(const char **)*place = entry;
        }
    }
    sops_table_free(&names);
    *out = (char **)(uintptr_t)list; /* execve takes no const, and changes nothing */
    return ok;
}

static void set_attributes(const struct sops_start *s, posix_spawnattr_t *to)
{
    int flags = 0;
    if (s->usual != NULL) {
        (void)posix_spawnattr_setsigdefault(to, s->usual);
        flags |= POSIX_SPAWN_SETSIGDEF;
    }
    if (s->mask != NULL) {
        (void)posix_spawnattr_setsigmask(to, s->mask);
        flags |= POSIX_SPAWN_SETSIGMASK;
    }
    if (s->group) {
        (void)posix_spawnattr_setpgroup(to, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    (void)posix_spawnattr_setflags(to, (short)flags);
}

bool sops_proc_start(const struct sops_start *s, pid_t *pid, struct sops_err *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return sops_fail_memory(e);
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return sops_fail_memory(e);
    }
    int cause = 0;
    for (int i = 0; cause == 0 && i < 3; i++) {
        cause = s->fd[i] >= 0 ? posix_spawn_file_actions_adddup2(&actions, s->fd[i], i) : 0;
    }
    if (cause == 0 && s->folder != NULL) {
        cause = posix_spawn_file_actions_addchdir_np(&actions, s->folder);
    }
    if (cause == 0) {
        set_attributes(s, &attributes);
        cause = posix_spawn(pid, s->path, &actions, &attributes, s->argv, s->env);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return cause == 0 ||
           sops_fail(e, SOPS_E_GENERIC, "cannot run '%s'%s%s: %s", s->path, s->folder != NULL ? " in the folder " : "",
                     s->folder != NULL ? s->folder : "", sops_os_error(cause));
}

int sops_proc_status(int how) { return WIFSIGNALED(how) ? SOPS_PROC_SIGNAL + WTERMSIG(how) : WEXITSTATUS(how); }

bool sops_proc_wait(pid_t pid, int *status, struct sops_err *e)
{
    int how = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &how, 0)) < 0 && errno == EINTR) {
    }
    if (ended != pid) {
        return sops_fail(e, SOPS_E_GENERIC, "the end of a program was not told: %s", sops_os_error(errno));
    }
    *status = sops_proc_status(how);
    return true;
}

bool sops_proc_pipe(int ends[2], struct sops_err *e)
{
    return pipe2(ends, O_CLOEXEC) == 0 || sops_fail(e, SOPS_E_GENERIC, "cannot make a pipe: %s", sops_os_error(errno));
}

int64_t sops_clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
