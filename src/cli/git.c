/* SPDX-License-Identifier: Apache-2.0 */
/* One process gives all objects; every other question is a process of its own. */
#include "cli/git.h"

#include "base/text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_OUTPUT ((size_t)1 << 30) /* of one answer: a list of files */
#define MAX_WORDS 64
#define MAX_HEADER 512
#define PIECE ((size_t)65536)
#define MAX_FOLDERS 200 /* that are looked into upwards */

/* What no repository can change about a call. LC_ALL: one message is looked at. Older programs, which do not know
 * GIT_NO_LAZY_FETCH, are kept from fetching by having no transport. */
static const char *const added_env[] = {"GIT_OPTIONAL_LOCKS=0",
                                        "GIT_NO_LAZY_FETCH=1",
                                        "GIT_TERMINAL_PROMPT=0",
                                        "GIT_ALLOW_PROTOCOL=none",
                                        "LC_ALL=C",
                                        NULL};
static const char *const always[] = {"git", "--literal-pathspecs", "--no-replace-objects", "-c",
                                     "core.fsmonitor=false"};

/* The whole command; false when there are too many words for it. */
static bool make_argv(const struct sops_git *g, const char *const *words, const char *argv[MAX_WORDS],
                      struct sops_err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        argv[n++] = always[i];
    }
    if (g->folder != NULL) {
        argv[n++] = "-C";
        argv[n++] = g->folder;
    }
    for (; *words != NULL && n < MAX_WORDS - 1; words++) {
        argv[n++] = *words;
    }
    argv[n] = NULL;
    return *words == NULL || sops_fail(e, SOPS_E_GENERIC, "too many words for git");
}

/* git's last line says why; those before it are hints and warnings. */
static bool fail_with_words(const char *command, const struct sops_outcome *o, struct sops_err *e)
{
    struct sops_slice rest = sops_slice_trim(sops_buf_view(&o->err)), line = {0}, why = {0};
    while (sops_slice_next(&rest, '\n', &line)) {
        bool cause = sops_slice_starts(line, SOPS_LIT("fatal: ")) || sops_slice_starts(line, SOPS_LIT("error: "));
        why = cause ? sops_slice_skip(line, 7) : why.len == 0 ? line : why;
    }
    if (why.len == 0) {
        return sops_fail(e, SOPS_E_READ, "git %s failed with status %d", command, o->status);
    }
    return sops_fail(e, SOPS_E_READ, "git %s: %.*s", command, SOPS_ARG(sops_slice_first(why, 600)));
}

static void lock(const struct sops_git *g)
{
    if (g->lock != NULL) {
        (void)pthread_mutex_lock(g->lock);
    }
}

static void unlock(const struct sops_git *g)
{
    if (g->lock != NULL) {
        (void)pthread_mutex_unlock(g->lock);
    }
}

bool sops_git_run(struct sops_git *g, const char *const *words, struct sops_slice input, struct sops_buf *out,
                  int *status, struct sops_err *e)
{
    const char *argv[MAX_WORDS];
    struct sops_outcome o = {0};
    if (!make_argv(g, words, argv, e)) {
        return false;
    }
    const struct sops_command c = {.argv = argv, .env = added_env, .input = input, .limit = MAX_OUTPUT};
    if (!g->world->run(g->world, &c, &o, e)) {
        return sops_recode(e, SOPS_E_READ);
    }
    bool ok = o.status == 0 || status != NULL || fail_with_words(words[0], &o, e);
    if (status != NULL) {
        *status = o.status;
    }
    if (ok && o.status == 0 && o.err.len != 0) {
        lock(g);
        ok = sops_buf_add(&g->complaints, sops_buf_view(&o.err), e);
        unlock(g);
    }
    if (ok && out != NULL && out->len == 0 && !out->locked) { /* lists are long: no second copy */
        sops_buf_free(out);
        *out = o.out;
        o.out = (struct sops_buf){0};
    } else if (ok && out != NULL) {
        ok = sops_buf_add(out, sops_buf_view(&o.out), e);
    }
    sops_outcome_free(&o);
    return ok;
}

/* ---- where are we? ---------------------------------------------------------------------------------------------- */

/* Does something in or above the folder look like a repository? A cheap look saves the start of a program. */
static bool may_be_repository(const struct sops_git *g)
{
    static const char *const marks[] = {".git", "HEAD"};
    struct sops_buf path = {0};
    struct sops_err none = {0};
    struct stat st, above;
    bool found = sops_world_env_set(g->world, "GIT_DIR") != NULL, top = false;
    bool ok = sops_buf_adds(&path, g->folder != NULL ? g->folder : ".", &none) && sops_buf_addc(&path, '/', &none);
    for (int i = 0; ok && !found && !top && i < MAX_FOLDERS; i++) {
        size_t len = path.len;
        for (size_t k = 0; ok && !found && k < 2; k++) {
            ok = sops_buf_adds(&path, marks[k], &none) && sops_buf_cstr(&path, &none) != NULL;
            found = ok && lstat((const char *)path.ptr, &st) == 0;
            sops_buf_cut(&path, len);
        }
        ok = ok && sops_buf_cstr(&path, &none) != NULL && stat((const char *)path.ptr, &st) == 0 &&
             sops_buf_adds(&path, "../", &none) && sops_buf_cstr(&path, &none) != NULL &&
             stat((const char *)path.ptr, &above) == 0;
        top = ok && st.st_dev == above.st_dev && st.st_ino == above.st_ino;
    }
    bool sure = ok && top && !found;
    sops_buf_free(&path);
    sops_err_clear(&none);
    return !sure;
}

/* The answer is "true", and the top folder behind it; or "false", and perhaps a complaint that there is no work tree.
 */
static enum sops_git_place read_place(struct sops_git *g, struct sops_outcome *o, struct sops_err *e)
{
    struct sops_slice out = sops_buf_view(&o->out), err = sops_buf_view(&o->err);
    if (o->status == 0 && sops_slice_starts(out, SOPS_LIT("true\n/"))) {
        struct sops_slice top = sops_slice_skip(out, 5);
        top.len -= top.ptr[top.len - 1] == '\n';
        sops_buf_cut(&g->top, 0);
        return sops_buf_add(&g->top, top, e) && sops_buf_cstr(&g->top, e) != NULL ? SOPS_GIT_TREE : SOPS_GIT_FAILED;
    }
    if (sops_slice_starts(out, SOPS_LIT("false\n"))) {
        return SOPS_GIT_BARE;
    }
    static const char outside[] = "not a git repository (or any";
    if (err.len != 0 && memmem(err.ptr, err.len, outside, sizeof outside - 1) != NULL) {
        return SOPS_GIT_NONE;
    }
    (void)fail_with_words("rev-parse", o, e);
    return SOPS_GIT_FAILED;
}

enum sops_git_place sops_git_look(struct sops_git *g, struct sops_err *e)
{
    static const char *const words[] = {"rev-parse", "--is-inside-work-tree", "--show-toplevel", NULL};
    const char *argv[MAX_WORDS];
    struct sops_outcome o = {0};
    struct sops_err missing = {0};
    if (!may_be_repository(g)) {
        return SOPS_GIT_NONE;
    }
    if (!make_argv(g, words, argv, e)) {
        return SOPS_GIT_FAILED;
    }
    const struct sops_command c = {.argv = argv, .env = added_env};
    if (!g->world->run(g->world, &c, &o, &missing)) {
        bool memory = missing.memory;
        sops_err_clear(&missing);
        if (memory) {
            (void)sops_fail_memory(e);
        }
        return memory ? SOPS_GIT_FAILED : SOPS_GIT_NONE;
    }
    enum sops_git_place place = read_place(g, &o, e);
    sops_outcome_free(&o);
    return place;
}

/* ---- names and objects ------------------------------------------------------------------------------------------ */

/* Is it the full name of an object? */
static bool is_id(struct sops_slice s)
{
    size_t n = 0;
    while (n < s.len && sops_hex_digit(s.ptr[n]) < 16) {
        n++;
    }
    return n == s.len && (n == 40 || n == 64);
}

static void set_id(char id[SOPS_GIT_ID], struct sops_slice s)
{
    memcpy(id, s.ptr, s.len);
    id[s.len] = '\0';
}

bool sops_git_commit(struct sops_git *g, struct sops_slice text, char id[SOPS_GIT_ID], struct sops_err *e)
{
    struct sops_buf name = {0}, out = {0};
    const char *asked =
        sops_buf_add(&name, text, e) && sops_buf_adds(&name, "^{commit}", e) ? sops_buf_cstr(&name, e) : NULL;
    const char *const words[] = {"rev-parse", "--verify", "--end-of-options", asked, NULL};
    bool ok = asked != NULL && (text.len != 0 || sops_fail(e, SOPS_E_READ, "an empty name of a commit"));
    ok = ok && sops_git_run(g, words, (struct sops_slice){0}, &out, NULL, e);
    struct sops_slice answer = sops_slice_trim(sops_buf_view(&out));
    if (ok && !is_id(answer)) {
        ok = sops_fail(e, SOPS_E_READ, "git rev-parse gave no id of a commit");
    }
    if (ok) {
        set_id(id, answer);
    } else if (asked != NULL && !e->memory) {
        (void)sops_within(e, "'%.*s'", SOPS_ARG(text));
    }
    sops_buf_free(&name);
    sops_buf_free(&out);
    return ok;
}

static bool start_batch(struct sops_git *g, struct sops_err *e)
{
    static const char *const words[] = {"cat-file", "--batch", NULL};
    const char *argv[MAX_WORDS];
    if (g->batch.read != NULL) {
        return true;
    }
    if (!make_argv(g, words, argv, e)) {
        return false;
    }
    const struct sops_peer p = {.argv = argv, .env = added_env, .quiet = true};
    return g->world->open(g->world, &p, &g->batch, e) || sops_recode(e, SOPS_E_READ);
}

/* More of the answer, at most a piece. What was used is forgotten first. */
static bool fill(struct sops_git *g, struct sops_err *e)
{
    if (g->at == g->answer.len) {
        sops_buf_cut(&g->answer, 0);
        g->at = 0;
    }
    if (!sops_buf_reserve(&g->answer, PIECE, e)) {
        return false;
    }
    ptrdiff_t n = g->batch.read(&g->batch, g->answer.ptr + g->answer.len, PIECE, -1, e);
    if (n <= 0) {
        return sops_fail(e, SOPS_E_READ, "git cat-file ended before its answer");
    }
    g->answer.len += (size_t)n;
    return true;
}

/* What of the answer was read and not used. */
static struct sops_slice ready(const struct sops_git *g) { return sops_slice_skip(sops_buf_view(&g->answer), g->at); }

/* The line in front of an object, without its LF; it stays where it is until the next fill. */
static bool read_header(struct sops_git *g, size_t name_len, struct sops_slice *line, struct sops_err *e)
{
    for (;;) {
        struct sops_slice have = ready(g);
        size_t end = sops_slice_find(have, '\n');
        if (end < have.len) {
            *line = sops_slice_first(have, end);
            g->at += end + 1;
            return true;
        }
        if (have.len > name_len + MAX_HEADER) {
            return sops_fail(e, SOPS_E_READ, "git cat-file gave no header of an object");
        }
        if (!fill(g, e)) {
            return false;
        }
    }
}

/* "ID TYPE SIZE", or "NAME missing" and its like. */
static bool take_header(struct sops_slice line, struct sops_git_object *o)
{
    struct sops_slice rest = line, id = {0}, type = {0};
    int64_t size;
    if (!sops_slice_next(&rest, ' ', &id) || !is_id(id) || !sops_slice_next(&rest, ' ', &type) ||
        !sops_int_parse(rest, &size) || size < 0) {
        return false;
    }
    set_id(o->id, id);
    o->there = true;
    o->blob = sops_slice_eq(type, SOPS_LIT("blob"));
    o->size = (size_t)size;
    return true;
}

/* The content and the LF behind it. What is not wanted is read and dropped: the next answer comes behind it. */
static bool take_content(struct sops_git *g, size_t limit, bool text_only, struct sops_git_object *o,
                         struct sops_err *e)
{
    size_t left = o->size, want = limit;
    bool looked = !text_only;
    while (left != 0) {
        if (ready(g).len == 0 && !fill(g, e)) {
            return false;
        }
        struct sops_slice piece = sops_slice_first(ready(g), left);
        size_t keep = o->bytes.len < want ? want - o->bytes.len : 0;
        if (!sops_buf_add(&o->bytes, sops_slice_first(piece, keep), e)) {
            return false;
        }
        g->at += piece.len;
        left -= piece.len;
        if (!looked && (o->bytes.len >= SOPS_GIT_HEAD || left == 0)) {
            looked = true;
            struct sops_slice head = sops_slice_first(sops_buf_view(&o->bytes), SOPS_GIT_HEAD);
            want = sops_slice_find(head, 0) < head.len ? o->bytes.len : want;
        }
    }
    o->cut = o->bytes.len < o->size;
    if (ready(g).len == 0 && !fill(g, e)) {
        return false;
    }
    g->at++;
    return true;
}

static bool read_object(struct sops_git *g, struct sops_slice name, size_t limit, bool text_only,
                        struct sops_git_object *o, struct sops_err *e)
{
    struct sops_buf ask = {0};
    struct sops_slice line = {0};
    bool ok = sops_buf_add(&ask, name, e) && sops_buf_addc(&ask, '\n', e) && start_batch(g, e) &&
              g->batch.write(&g->batch, sops_buf_view(&ask), e) && read_header(g, name.len, &line, e);
    ok = ok && (!take_header(line, o) || take_content(g, limit, text_only, o, e));
    sops_buf_free(&ask);
    if (!ok) { /* an object that would have to be fetched ends the process: the next one gets another */
        sops_git_object_free(o);
        if (g->batch.close != NULL) {
            g->batch.close(&g->batch);
        }
        g->batch = (struct sops_stream){0};
        sops_buf_cut(&g->answer, 0);
        g->at = 0;
        return sops_recode(e, SOPS_E_READ);
    }
    return true;
}

bool sops_git_read(struct sops_git *g, struct sops_slice name, size_t limit, bool text_only, struct sops_git_object *o,
                   struct sops_err *e)
{
    *o = (struct sops_git_object){0};
    if (sops_slice_find(name, '\n') < name.len || name.len == 0) {
        return sops_fail(e, SOPS_E_READ, "a name that git cannot be asked for");
    }
    lock(g);
    bool ok = read_object(g, name, limit, text_only, o, e);
    unlock(g);
    return ok;
}

/* The id that a list of one entry gives: the first word of so many digits, "" when there is none. */
static void take_id(struct sops_slice list, char id[SOPS_GIT_ID])
{
    struct sops_slice word;
    id[0] = '\0';
    list = sops_slice_first(list, sops_slice_find(list, '\t'));
    while (id[0] == '\0' && list.len != 0 && sops_slice_next(&list, ' ', &word)) {
        if (is_id(word)) {
            set_id(id, word);
        }
    }
}

/* A name with a line feed, which the batch cannot be asked for. */
static bool find_path(struct sops_git *g, const char *of, struct sops_slice path, char id[SOPS_GIT_ID],
                      struct sops_err *e)
{
    struct sops_buf text = {0}, out = {0};
    bool index = of[0] == ':';
    bool ok = (!index || g->top.len == 0 ||
               (sops_buf_add(&text, sops_buf_view(&g->top), e) && sops_buf_addc(&text, '/', e))) &&
              sops_buf_add(&text, path, e) && sops_buf_cstr(&text, e) != NULL;
    const char *const in_index[] = {"ls-files", "-s", "-z", "--", (const char *)text.ptr, NULL};
    const char *const in_commit[] = {"ls-tree", "-z", "--full-tree", of, "--", (const char *)text.ptr, NULL};
    ok = ok && sops_git_run(g, index ? in_index : in_commit, (struct sops_slice){0}, &out, NULL, e);
    take_id(ok ? sops_buf_view(&out) : (struct sops_slice){0}, id);
    sops_buf_free(&text);
    sops_buf_free(&out);
    return ok;
}

bool sops_git_read_path(struct sops_git *g, const char *of, struct sops_slice path, size_t limit, bool text_only,
                        struct sops_git_object *o, struct sops_err *e)
{
    char id[SOPS_GIT_ID];
    *o = (struct sops_git_object){0};
    if (sops_slice_find(path, '\n') < path.len) {
        return find_path(g, of, path, id, e) &&
               (id[0] == '\0' || sops_git_read(g, sops_str(id), limit, text_only, o, e));
    }
    struct sops_buf name = {0};
    bool ok = sops_buf_addf(&name, e, "%s:", of) && sops_buf_add(&name, path, e) &&
              sops_git_read(g, sops_buf_view(&name), limit, text_only, o, e);
    sops_buf_free(&name);
    return ok;
}

void sops_git_object_free(struct sops_git_object *o)
{
    sops_buf_free(&o->bytes);
    *o = (struct sops_git_object){0};
}

bool sops_git_blob_id(struct sops_slice text, const char *like, char id[SOPS_GIT_ID])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char head[40];
    int head_len = snprintf(head, sizeof head, "blob %zu", text.len) + 1; /* its NUL counts */
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestInit_ex(c, strlen(like) == 64 ? EVP_sha256() : EVP_sha1(), NULL) == 1 &&
              EVP_DigestUpdate(c, head, (size_t)head_len) == 1 && EVP_DigestUpdate(c, text.ptr, text.len) == 1 &&
              EVP_DigestFinal_ex(c, hash, &len) == 1 && 2 * len < SOPS_GIT_ID;
    EVP_MD_CTX_free(c);
    for (unsigned i = 0; ok && i < len; i++) {
        id[2 * i] = digits[hash[i] >> 4];
        id[2 * i + 1] = digits[hash[i] & 15];
    }
    id[ok ? 2 * len : 0] = '\0';
    return ok;
}

void sops_git_close(struct sops_git *g)
{
    if (g->batch.close != NULL) {
        g->batch.close(&g->batch);
    }
    sops_buf_free(&g->top);
    sops_buf_free(&g->complaints);
    sops_buf_free(&g->answer);
    *g = (struct sops_git){0};
}
