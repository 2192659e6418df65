/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a check, or one configuration: read, judged, and what was found kept until its turn to be told comes.
 * Runs on several threads. */
#include "cli/check.h"

#include "base/file.h"
#include "check/file_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The item at hand. */
struct at_hand {
    struct check_run *r;
    const struct check_item *i;
    struct check_result *out;
    struct sops_buf text;
    bool large; /* r->large is held */
};

/* ---- content --------------------------------------------------------------------------------------------------------
 */

static void wait_for_large(struct at_hand *h)
{
    (void)pthread_mutex_lock(&h->r->large);
    h->large = true;
}

static void done_with_large(struct at_hand *h)
{
    if (h->large) {
        (void)pthread_mutex_unlock(&h->r->large);
        h->large = false;
    }
}

/* Reads up to `want` bytes in all; of a file that is as long as `size` says, without asking whether there is more. */
static bool fill(int fd, struct sops_buf *out, size_t want, size_t size, struct sops_err *e)
{
    if (!sops_buf_reserve(out, want - out->len, e)) {
        return false;
    }
    for (;;) {
        ssize_t n = read(fd, out->ptr + out->len, want - out->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 || sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
        }
        out->len += (size_t)n;
        if (out->len == want || out->len == size) {
            return true;
        }
    }
}

static bool read_rest(int fd, struct sops_buf *out, size_t size, struct sops_err *e)
{
    for (;;) {
        size_t want = (size > out->len ? size : out->len + 4096) + 1;
        if (out->len >= SOPS_FILE_MAX) {
            return sops_fail(e, SOPS_E_READ, "it is too long");
        }
        if (!fill(fd, out, want, 0, e) || out->len < want) {
            return e->code == SOPS_OK;
        }
    }
}

/* The whole of a file, but of a binary one no more than its head: it is never encrypted. */
static bool read_open(struct at_hand *h, int fd, struct sops_err *e)
{
    struct stat st;
    struct sops_buf *out = &h->text;
    if (fstat(fd, &st) != 0) {
        return sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return sops_fail(e, SOPS_E_READ, "it is no regular file");
    }
    size_t size = (size_t)st.st_size;
    if (!fill(fd, out, SOPS_BINARY_HEAD, size, e)) {
        return false;
    }
    if (out->len < SOPS_BINARY_HEAD || sops_slice_find(sops_buf_view(out), 0) != out->len) {
        return true;
    }
    if (st.st_size > CHECK_LARGE) {
        wait_for_large(h);
    }
    return read_rest(fd, out, size, e);
}

static bool read_disk(struct at_hand *h, struct sops_err *e)
{
    int fd = open(h->i->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
    }
    bool ok = read_open(h, fd, e);
    (void)close(fd);
    return ok;
}

/* How long it is, is known only when it is there. */
static bool read_object(struct at_hand *h, struct sops_err *e)
{
    struct sops_git_object o;
    wait_for_large(h);
    bool ok = sops_git_read(&h->r->git, sops_str(h->i->object), SOPS_FILE_MAX, true, &o, e) &&
              ((o.there && o.blob) || sops_fail(e, SOPS_E_READ, "git has no object %.12s", h->i->object));
    if (ok) {
        h->text = o.bytes;
        o.bytes = (struct sops_buf){0};
    }
    sops_git_object_free(&o);
    if (h->text.len <= (size_t)CHECK_LARGE) {
        done_with_large(h);
    }
    return ok;
}

/* `*there` is false when it cannot be read: the result then says why. */
static bool read_item(struct at_hand *h, bool *there, struct sops_err *e)
{
    struct sops_err why = {0};
    *there = h->i->object != NULL ? read_object(h, &why) : read_disk(h, &why);
    if (!*there && !why.memory) {
        h->out->unread = sops_strdup(sops_str(why.msg), e);
    }
    bool ok = *there || h->out->unread != NULL || sops_fail_memory(e);
    sops_err_clear(&why);
    return ok;
}

/* ---- what is found --------------------------------------------------------------------------------------------------
 */

static bool is_config_name(struct sops_slice absolute)
{
    return sops_slice_ends(absolute, SOPS_LIT("/" SOPS_CONFIG_NAME));
}

/* The findings in order, without what the configuration allows. */
static void keep(struct at_hand *h, const struct sops_judge *j, struct sops_findings *f)
{
    struct sops_slice text = j->there ? sops_config_matched(&j->config, h->i->absolute) : h->i->absolute;
    size_t kept = 0;
    for (size_t n = 0; n < f->count; n++) {
        if (j->allows != 0 && sops_judge_allows(j, text, &f->list[n])) {
            h->out->allowed++;
        } else {
            f->list[kept++] = f->list[n];
        }
    }
    sops_findings_cut(f, kept);
    sops_findings_sort(f);
    h->out->found = *f;
    *f = (struct sops_findings){0};
}

static struct sops_subject subject_of(const struct at_hand *h)
{
    const struct check_run *r = h->r;
    return (struct sops_subject){
        .name = h->i->name,
        .absolute = h->i->absolute,
        .text = sops_buf_view(&h->text),
        .judge = h->i->judge,
        .secrets = r->secrets,
        .command = "sops",
        .now = r->job->world->now(r->job->world),
        .scan = r->own->scan,
        .drift = !h->i->past,
    };
}

/* ---- a configuration ------------------------------------------------------------------------------------------------
 */

/* A copy of what the judge says of itself. */
static bool take_config(const struct sops_judge *j, struct sops_findings *f, struct sops_err *e)
{
    for (size_t n = 0; n < j->found.count; n++) {
        const struct sops_finding *x = &j->found.list[n];
        if (!sops_findings_add(f, x->id, x->line, x->path, e, "%s", x->message) ||
            (x->help != NULL && !sops_findings_help(f, e, "%s", x->help))) {
            return false;
        }
    }
    return true;
}

/* What is wrong with it, and (with --scan) secrets in it. */
static bool check_config(struct at_hand *h, struct sops_err *e)
{
    const struct check_item *i = h->i;
    struct sops_checked c = {0};
    struct sops_judge alone = {0}, *j = i->judge;
    bool there = i->in_force, itself = sops_slice_eq(sops_buf_view(&j->config.path), i->absolute);
    bool ok = i->in_force || read_item(h, &there, e);
    struct sops_subject s = subject_of(h);
    if (ok && there && !itself) { /* another one stands for all files */
        ok = sops_judge_make(&alone, h->r->job->world, (const char *)i->absolute.ptr, i->name, s.text, e);
        j = &alone;
    }
    ok = ok && (!there || i->past || take_config(j, &c.found, e));
    if (ok && there && !i->in_force && h->r->own->scan) {
        ok = sops_part_plain(&s, &c, e);
    }
    keep(h, j, &c.found);
    sops_judge_free(&alone);
    sops_checked_free(&c);
    return ok;
}

/* ---- a file --------------------------------------------------------------------------------------------------------
 */

static bool check_unmerged(struct at_hand *h, struct sops_err *e)
{
    struct sops_findings f = {0};
    bool ok = sops_findings_add(&f, SOPS_FIND_UNRESOLVED_MERGE, 0, (struct sops_slice){0}, e,
                                "a conflict that is not resolved in the index") &&
              sops_findings_help(&f, e, "resolve it, then git add it");
    keep(h, h->i->judge, &f);
    return ok;
}

/* Does the version that HEAD holds have this finding, too? */
static bool is_old_finding(const struct sops_findings *old, const struct sops_finding *f)
{
    for (size_t n = 0; n < old->count; n++) {
        if (old->list[n].id == f->id && sops_slice_eq(old->list[n].path, f->path)) {
            return true;
        }
    }
    return false;
}

static bool exposes(const struct sops_finding *f)
{
    return f->id == SOPS_FIND_NOT_ENCRYPTED || f->id == SOPS_FIND_SECRET;
}

static bool add_replace_hint(struct sops_findings *f, const struct sops_findings *old, struct sops_err *e)
{
    for (size_t n = 0; n < f->count; n++) {
        struct sops_finding *x = &f->list[n];
        if (!exposes(x) || (old != NULL && !is_old_finding(old, x))) {
            continue;
        }
        x->help = sops_arena_text(&f->arena, e, "%s; and replace the secret, which the history holds", x->help);
        if (x->help == NULL) {
            return false;
        }
    }
    return true;
}

/* What stood in clear in HEAD already must be replaced, too. */
static bool add_history_hint(struct at_hand *h, const struct sops_subject *now, struct sops_findings *f,
                             struct sops_err *e)
{
    struct sops_subject s = *now;
    struct sops_checked before = {0};
    struct sops_git_object o = {0};
    bool any = false, there = false;
    for (size_t n = 0; n < f->count; n++) {
        any = any || exposes(&f->list[n]);
    }
    if (!any) {
        return true;
    }
    if (h->i->commit != NULL || h->r->commit[0] != '\0') {
        return add_replace_hint(f, NULL, e);
    }
    bool ok = check_head_version(h->r, h->i, &o, &there, e);
    s.text = sops_buf_view(&o.bytes);
    ok = ok && (!there || (sops_check_file(&s, &before, e) && add_replace_hint(f, &before.found, e)));
    sops_checked_free(&before);
    sops_git_object_free(&o);
    return ok;
}

/* Where `encrypt` typed here would take another configuration, commands name the one that is meant. */
static const char *command_for(const struct check_run *r, const struct sops_judge *j, struct sops_arena *a,
                               struct sops_err *e)
{
    struct sops_buf word = {0};
    if (j == r->near || j == &r->configs.none || r->own->staged || r->own->rev != NULL) {
        return "sops";
    }
    const char *text = sops_shell_word(&word, sops_str(j->shown), e)
                           ? sops_arena_text(a, e, "sops --config %.*s", SOPS_ARG(sops_buf_view(&word)))
                           : NULL;
    sops_buf_free(&word);
    return text;
}

static struct sops_names *names_of(struct check_run *r, struct sops_judge *j, struct sops_err *e)
{
    (void)pthread_mutex_lock(&r->lock);
    struct sops_names *names = sops_configs_names(&r->configs, j, e);
    (void)pthread_mutex_unlock(&r->lock);
    return names;
}

static bool check_file(struct at_hand *h, struct sops_err *e)
{
    struct check_run *r = h->r;
    const struct check_item *i = h->i;
    struct sops_checked c = {0};
    bool there = false;
    if (!read_item(h, &there, e) || !there) {
        return e->code == SOPS_OK;
    }
    struct sops_subject s = subject_of(h);
    bool cipher = s.text.len != 0 && memmem(s.text.ptr, s.text.len, "sops", 4) != NULL;
    s.names = cipher ? names_of(r, i->judge, e) : NULL;
    s.command = command_for(r, i->judge, &c.found.arena, e);
    bool ok = (!cipher || s.names != NULL) && s.command != NULL && sops_check_file(&s, &c, e);
    if (ok && c.encrypted && c.readable && c.marked) {
        ok = check_history(r, i, s.text, &c, e);
    }
    if (ok && r->own->key && c.encrypted && c.readable) {
        ok = check_key(r, i, &s, &c, e);
    }
    ok = ok && add_history_hint(h, &s, &c.found, e);
    h->out->encrypted = c.encrypted && !c.verdict.ignored;
    keep(h, i->judge, &c.found);
    sops_checked_free(&c);
    return ok;
}

/* ---- one item -------------------------------------------------------------------------------------------------------
 */

void check_one(struct check_run *r, const struct check_item *i, struct check_result *out)
{
    struct at_hand h = {.r = r, .i = i, .out = out};
    struct sops_err *e = &out->failure;
    bool ok = i->unmerged                                  ? check_unmerged(&h, e)
              : i->in_force || is_config_name(i->absolute) ? check_config(&h, e)
                                                           : check_file(&h, e);
    if (!ok && e->code == SOPS_OK) {
        (void)sops_fail_memory(e);
    }
    sops_buf_free(&h.text);
    done_with_large(&h);
}

bool check_one_meta(struct check_run *r, const struct check_item *i, struct sops_meta *m, bool *there,
                    struct sops_err *e)
{
    struct check_result none = {0};
    struct at_hand h = {.r = r, .i = i, .out = &none};
    struct sops_look look = {0};
    struct sops_err why = {0};
    const struct sops_judge *j = i->judge;
    bool config = i->in_force || is_config_name(i->absolute);
    *there = false;
    bool ok = config || i->unmerged || read_item(&h, there, e);
    struct sops_slice text = sops_buf_view(&h.text);
    const struct sops_format *named = sops_config_format_of(j->there ? &j->config : NULL, i->absolute, text);
    ok = ok && (!*there || sops_look(&look, text, named, false, e));
    *there =
        ok && *there && look.kind == SOPS_LOOK_ENCRYPTED && sops_meta_detach(&look.doc, look.format->meta, m, &why);
    ok = ok && (!why.memory || sops_fail_memory(e));
    sops_err_clear(&why);
    sops_look_free(&look);
    sops_buf_free(&h.text);
    done_with_large(&h);
    check_result_free(&none);
    return ok;
}

void check_result_free(struct check_result *x)
{
    sops_findings_free(&x->found);
    sops_free(x->unread);
    sops_err_clear(&x->failure);
    *x = (struct check_result){0};
}
