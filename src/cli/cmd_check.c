/* SPDX-License-Identifier: Apache-2.0 */
/* check: are the files that stand here, or are about to be committed, encrypted as .sops.yaml wants it, whole, and for
 * the right people? Nothing that a file holds ends the run early (docs/spec/71-check.md#check). */
#include "cli/check.h"

#include "base/file.h"
#include "check/file_parts.h"
#include "cli/command.h"
#include "cli/ui.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- content --------------------------------------------------------------------------------------------------------
 */

/* The whole of a file, but of a binary one no more than its head: it is never encrypted. */
static bool read_disk(const char *path, struct sops_buf *out, struct sops_err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
    }
    bool ok = fstat(fd, &st) == 0 || sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
    if (ok && !S_ISREG(st.st_mode)) {
        ok = sops_fail(e, SOPS_E_READ, "it is no regular file");
    }
    ok = ok && sops_buf_reserve(out, SOPS_BINARY_HEAD, e);
    size_t want = SOPS_BINARY_HEAD;
    while (ok && out->len < want) {
        ssize_t n = read(fd, out->ptr + out->len, want - out->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ok = n >= 0 || sops_fail(e, SOPS_E_READ, "%s", sops_os_error(errno));
        if (n <= 0) {
            break;
        }
        out->len += (size_t)n;
        if (out->len == (size_t)st.st_size && out->len < want) {
            break; /* a small file, whole */
        }
        if (out->len == want && sops_slice_find(sops_buf_view(out), 0) == out->len) {
            size_t more = (size_t)st.st_size > out->len ? (size_t)st.st_size - out->len : 4096;
            ok = out->len < SOPS_FILE_MAX || sops_fail(e, SOPS_E_READ, "it is too long");
            ok = ok && sops_buf_reserve(out, more + 1, e);
            want = out->len + more + 1;
        }
    }
    (void)close(fd);
    return ok;
}

/* `*there` is false when it cannot be read, which is told. */
static bool read_item(struct check_run *r, const struct check_item *i, bool *there, struct sops_err *e)
{
    struct sops_err why = {0};
    sops_buf_cut(&r->text, 0);
    if (i->object != NULL) {
        struct sops_git_object o;
        *there = sops_git_read(&r->git, sops_str(i->object), SOPS_FILE_MAX, true, &o, &why);
        if (*there && !(o.there && o.blob)) {
            *there = sops_fail(&why, SOPS_E_READ, "git has no object %.12s", i->object);
        }
        if (*there) {
            sops_buf_free(&r->text);
            r->text = o.bytes;
            o.bytes = (struct sops_buf){0};
        }
        sops_git_object_free(&o);
    } else {
        *there = read_disk(i->path, &r->text, &why);
    }
    bool ok = *there || (why.memory ? sops_fail_memory(e) : check_report_unread(&r->report, i->name, why.msg, e));
    sops_err_clear(&why);
    return ok;
}

/* ---- one item -------------------------------------------------------------------------------------------------------
 */

static bool is_config_name(struct sops_slice absolute)
{
    return sops_slice_ends(absolute, SOPS_LIT("/" SOPS_CONFIG_NAME));
}

/* Takes out what the configuration allows. */
static void drop_allowed(struct check_run *r, const struct sops_judge *j, struct sops_slice text,
                         struct sops_findings *f)
{
    size_t kept = 0;
    for (size_t n = 0; n < f->count; n++) {
        if (j->allows != 0 && sops_judge_allows(j, text, &f->list[n])) {
            r->report.allowed++;
        } else {
            f->list[kept++] = f->list[n];
        }
    }
    sops_findings_cut(f, kept);
}

static bool report(struct check_run *r, const struct check_item *i, const struct sops_judge *j, struct sops_findings *f,
                   struct sops_err *e)
{
    struct sops_slice text = j->there ? sops_config_matched(&j->config, i->absolute) : i->absolute;
    drop_allowed(r, j, text, f);
    sops_findings_sort(f);
    return check_report_item(&r->report, i, f, e);
}

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

static struct sops_subject subject_of(const struct check_run *r, const struct check_item *i)
{
    return (struct sops_subject){
        .name = i->name,
        .absolute = i->absolute,
        .text = sops_buf_view(&r->text),
        .judge = i->judge,
        .secrets = r->secrets,
        .command = "sops",
        .now = r->job->world->now(r->job->world),
        .scan = r->own->scan,
        .drift = !i->past,
    };
}

/* A configuration: what is wrong with it, and (with --scan) secrets in it. */
static bool check_config(struct check_run *r, const struct check_item *i, struct sops_err *e)
{
    struct sops_checked c = {0};
    struct sops_judge alone = {0}, *j = i->judge;
    struct sops_subject s = subject_of(r, i);
    bool there = i->in_force, itself = sops_slice_eq(sops_buf_view(&j->config.path), i->absolute);
    bool ok = i->in_force || read_item(r, i, &there, e);
    s.text = sops_buf_view(&r->text);
    if (ok && there && !itself) { /* another one stands for all files */
        ok = sops_judge_make(&alone, r->job->world, (const char *)i->absolute.ptr, i->name, s.text, e);
        j = &alone;
    }
    ok = ok && (!there || i->past || take_config(j, &c.found, e));
    if (ok && there && !i->in_force && r->own->scan) {
        ok = sops_part_plain(&s, &c, e);
    }
    ok = ok && report(r, i, j, &c.found, e);
    sops_judge_free(&alone);
    sops_checked_free(&c);
    return ok;
}

static bool check_unmerged(struct check_run *r, const struct check_item *i, struct sops_err *e)
{
    struct sops_findings f = {0};
    bool ok = sops_findings_add(&f, SOPS_FIND_UNRESOLVED_MERGE, 0, (struct sops_slice){0}, e,
                                "a conflict that is not resolved in the index") &&
              sops_findings_help(&f, e, "resolve it, then git add it") && report(r, i, i->judge, &f, e);
    sops_findings_free(&f);
    return ok;
}

/* What stands in HEAD already must be replaced, too. */
static bool add_history_hint(struct check_run *r, const struct check_item *i, struct sops_findings *f,
                             struct sops_err *e)
{
    bool any = false, held = i->commit != NULL || r->commit[0] != '\0';
    for (size_t n = 0; n < f->count; n++) {
        any = any || f->list[n].id == SOPS_FIND_NOT_ENCRYPTED || f->list[n].id == SOPS_FIND_SECRET;
    }
    if (!any || !check_look(r, false, e)) {
        return e->code == SOPS_OK;
    }
    const char *path = i->tree_path != NULL ? i->tree_path : check_tree_path(r, i->absolute);
    if (!held && path != NULL && strchr(path, '\n') == NULL) {
        struct sops_git_object o;
        struct sops_buf name = {0};
        bool ok =
            sops_buf_addf(&name, e, "HEAD:%s", path) && sops_git_read(&r->git, sops_buf_view(&name), 0, false, &o, e);
        sops_buf_free(&name);
        if (!ok) {
            return false;
        }
        held = o.there && o.blob;
        sops_git_object_free(&o);
    }
    for (size_t n = 0; held && n < f->count; n++) {
        struct sops_finding *x = &f->list[n];
        if (x->id == SOPS_FIND_NOT_ENCRYPTED || x->id == SOPS_FIND_SECRET) {
            x->help = sops_arena_text(&f->arena, e, "%s; and replace the secret, which the history holds", x->help);
            if (x->help == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* Where `encrypt` typed here would take another configuration, commands name the one that is meant. */
static const char *command_for(struct check_run *r, const struct sops_judge *j, struct sops_findings *f,
                               struct sops_err *e)
{
    struct sops_buf word = {0};
    if (j == r->near || j == &r->configs.none || r->own->staged || r->own->rev != NULL) {
        return "sops";
    }
    const char *text = sops_shell_word(&word, sops_str(j->shown), e)
                           ? sops_arena_text(&f->arena, e, "sops --config %.*s", SOPS_ARG(sops_buf_view(&word)))
                           : NULL;
    sops_buf_free(&word);
    return text;
}

static bool check_file(struct check_run *r, const struct check_item *i, struct sops_err *e)
{
    struct sops_checked c = {0};
    bool there = false;
    if (!read_item(r, i, &there, e) || !there) {
        return e->code == SOPS_OK;
    }
    struct sops_subject s = subject_of(r, i);
    bool cipher = s.text.len != 0 && memmem(s.text.ptr, s.text.len, "sops", 4) != NULL;
    s.names = cipher ? sops_configs_names(&r->configs, i->judge, e) : NULL;
    s.command = command_for(r, i->judge, &c.found, e);
    bool ok = (!cipher || s.names != NULL) && s.command != NULL && sops_check_file(&s, &c, e);
    if (ok && c.encrypted && c.readable && c.marked) {
        ok = check_history(r, i, &c, e);
    }
    if (ok && r->own->key && c.encrypted && c.readable) {
        ok = check_key(r, i, &s, &c, e);
    }
    ok = ok && add_history_hint(r, i, &c.found, e);
    r->report.encrypted += c.encrypted && !c.verdict.ignored;
    ok = ok && report(r, i, i->judge, &c.found, e);
    sops_checked_free(&c);
    return ok;
}

static bool check_item(struct check_run *r, const struct check_item *i, struct sops_err *e)
{
    return i->unmerged                                  ? check_unmerged(r, i, e)
           : i->in_force || is_config_name(i->absolute) ? check_config(r, i, e)
                                                        : check_file(r, i, e);
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

static bool check_conflicts(const struct check_options *o, struct sops_err *e)
{
    int modes = o->staged + o->tracked + (o->rev != NULL);
    if (modes > 1) {
        return sops_fail(e, SOPS_E_CONFLICT, "at most one of --staged, --tracked and --rev");
    }
    return !(o->key && o->no_key) || sops_fail(e, SOPS_E_CONFLICT, "--key and --no-key contradict each other");
}

/* The configuration that `encrypt` would take here. */
static bool find_near(struct check_run *r, struct sops_err *e)
{
    struct sops_buf path = {0};
    bool ok = sops_buf_add(&path, sops_buf_view(&r->configs.here), e) && sops_buf_adds(&path, "/x", e);
    if (ok && (r->own->staged || r->own->rev != NULL)) {
        r->near = NULL;
    } else if (ok) {
        r->near = sops_configs_for(&r->configs, sops_buf_view(&path), e);
        ok = r->near != NULL;
    }
    sops_buf_free(&path);
    return ok;
}

static bool run_check(struct check_run *r, const struct sops_options *o, struct sops_err *e)
{
    r->report.colour = !r->own->quiet && sops_ui_colour(r->job->world, STDOUT_FILENO);
    r->secrets = sops_secrets_new(e);
    bool ok = r->secrets != NULL && sops_name_filter_make(&r->filter, r->own->include, r->own->exclude, e) &&
              sops_configs_open(&r->configs, e);
    r->report.here = sops_buf_view(&r->configs.here);
    ok = ok && check_items(r, o->args, e) && find_near(r, e);
    for (size_t i = 0; ok && i < r->items; i++) {
        ok = check_item(r, &r->item[i], e);
    }
    return ok && check_report_end(&r->report, e);
}

static void free_run(struct check_run *r)
{
    check_keys_free(r);
    sops_configs_free(&r->configs);
    check_report_free(&r->report);
    sops_name_filter_free(&r->filter);
    sops_secrets_free(r->secrets);
    sops_git_close(&r->git);
    sops_table_free(&r->held);
    sops_buf_free(&r->top);
    sops_buf_free(&r->text);
    sops_free(r->item);
    sops_arena_free(&r->arena);
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    const struct check_options *own = o->own;
    struct sops_job job = {.world = w, .opt = o};
    struct check_run r = {.job = &job, .own = own, .git = {.world = w}};
    r.configs.world = w;
    r.configs.named = o->shared.config;
    r.report.world = w;
    r.report.quiet = own->quiet;
    if (!check_conflicts(own, e)) {
        return false;
    }
    if (!check_report_format(own->format, &r.report.format)) {
        return sops_fail(e, SOPS_E_READ, "'%s' is no format: human, json, sarif or github", own->format);
    }
    bool ok = sops_step_order(&job, e);
    if (ok) {
        ok = run_check(&r, o, e) || sops_recode(e, SOPS_E_READ);
        e->code = ok ? check_report_status(&r.report, own->strict) : e->code;
    }
    free_run(&r);
    sops_job_free(&job);
    return ok;
}

/* ---- the table
 * -------------------------------------------------------------------------------------------------------- */

#define OWN struct check_options
static const struct sops_option options[] = {
    {.name = "recursive",
     SOPS_FLAG_TO(struct sops_shared, recursive),
     .short_name = "r",
     .help = "accepted: folders are always gone through"},
    {.name = "staged", SOPS_FLAG_TO(OWN, staged), .help = "judge what the next commit would add or change"},
    {.name = "tracked", SOPS_FLAG_TO(OWN, tracked), .help = "judge the files of the work tree that git knows"},
    {.name = "rev",
     SOPS_TEXT_TO(OWN, rev),
     .value = "REV",
     .help = "judge the tree of a commit; A..B: what each commit of B that is not in A brings in"},
    {.name = "key",
     SOPS_FLAG_TO(OWN, key),
     .help = "also unlock each encrypted file, and check its values and its MAC"},
    {.name = "no-key", SOPS_FLAG_TO(OWN, no_key), .help = "no key is used: the default"},
    {.name = "scan", SOPS_FLAG_TO(OWN, scan), .help = "also look for secrets in text files that are not encrypted"},
    {.name = "strict", SOPS_FLAG_TO(OWN, strict), .help = "warnings count as errors for the exit status"},
    {.name = "no-ignore", SOPS_FLAG_TO(OWN, no_ignore), .help = "in folders also the files that git ignores"},
    {.name = "include",
     SOPS_MANY_TO(OWN, include),
     .value = "REGEX",
     .help = "only files whose name matches; may be repeated"},
    {.name = "exclude",
     SOPS_MANY_TO(OWN, exclude),
     .value = "REGEX",
     .help = "no files whose name matches; may be repeated"},
    {.name = "jobs", SOPS_INT_TO(OWN, jobs), .value = "N", .help = "threads, 1 to 64"},
    {.name = "format",
     SOPS_TEXT_TO(OWN, format),
     .value = "FORMAT",
     .help = "human, json (lines), sarif (2.1.0) or github (workflow commands)"},
    {.name = "quiet",
     SOPS_FLAG_TO(OWN, quiet),
     .short_name = "q",
     .help = "nothing on stdout: the exit status says it"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"CHECKS", options};
static const struct sops_opt_table *const tables[] = {&table, &sops_opts_order, &sops_opts_services, NULL};

const struct sops_verb sops_verb_check = {
    .name = "check",
    .summary = "say whether files are encrypted as .sops.yaml wants it, whole, and for the right people",
    .args = "[PATH…]",
    .about = "Needs no key, and asks nobody: the answer is the same on every machine. PATHs are files\n"
             "and folders; in the work tree of git a folder means what git does not ignore.\n"
             "Exit status: 0 nothing, 1 errors were found, 2 something could not be read.\n"
             "As a hook of git: sops check --staged. See docs/CHECK.md for each finding.\n",
    .example = "sops check --staged",
    .tables = tables,
    .own_size = sizeof(struct check_options),
    .ours = true,
    .yields = true,
    .finds = true,
    .run = run,
};
