/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit (docs/spec/50-cli.md#edit). The clear text stands in a folder of its own, which is gone on every way out; the
 * editor comes back with the same text until sops can take it.
 */
#include "base/file.h"
#include "base/proc.h"
#include "cli/clear.h"
#include "cli/command.h"
#include "cli/edit_changed.h"
#include "cli/edit_conflict.h"
#include "cli/edit_merge.h"
#include "cli/relay.h"
#include "cli/scratch.h"
#include "cli/signals.h"
#include "cli/steps.h"
#include "cli/ui.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* One editing. */
struct edit {
    struct sops_words words;      /* of the editor's command */
    struct sops_buf folder, path; /* of the clear text */
    struct sops_buf before;       /* what it was when the editor first saw it */
    struct sops_buf refused;      /* what could not be taken the last time */
    bool unattended;              /* nobody is there to press enter */
    bool taken;                   /* it is a document, and there is only to write it */
    struct sops_clear clear;
    bool show_keys;
    mode_t mode;      /* of the file */
    bool in_conflict; /* what git left: both sides are edited */
    struct sops_edit_conflict conflict;
    struct sops_edit_merge merge;
};

static void edit_free(struct edit *d)
{
    if (d->folder.len != 0) {
        sops_temp_remove((const char *)d->folder.ptr);
    }
    sops_words_free(&d->words);
    sops_edit_conflict_free(&d->conflict);
    sops_buf_free(&d->folder);
    sops_buf_free(&d->path);
    sops_buf_free(&d->before);
    sops_buf_free(&d->refused);
    sops_clear_free(&d->clear);
    sops_edit_merge_free(&d->merge);
}

/* ---- the editor ------------------------------------------------------------------------------------------------- */

/* The words of SOPS_EDITOR or EDITOR, else the first of three programs that is there. */
static bool choose_editor(struct sops_world *w, struct edit *d, struct sops_err *e)
{
    const char *const usual[] = {"vim", "nano", "vi"};
    const char *named = sops_world_env_set(w, "SOPS_EDITOR");
    const char *variable = named != NULL ? "SOPS_EDITOR" : "EDITOR";
    named = named != NULL ? named : sops_world_env_set(w, "EDITOR");
    for (size_t i = 0; named == NULL && i < 3; i++) {
        struct sops_buf path = {0};
        struct sops_err none = {0};
        if (sops_proc_find(usual[i], w->env(w, "PATH"), &path, &none)) {
            named = usual[i];
        }
        sops_err_clear(&none);
        sops_buf_free(&path);
    }
    if (named == NULL) {
        (void)sops_fail(e, SOPS_E_EDITOR, "no editor available: no vim, nano, vi was found in PATH");
        return sops_hint(e, "set EDITOR to the editor of your choice");
    }
    if (!sops_words_split(&d->words, sops_str(named), e)) {
        (void)sops_within(e, "the editor's command in %s cannot be understood", variable);
        return sops_recode(e, SOPS_E_EDITOR);
    }
    return d->words.count != 0 || sops_fail(e, SOPS_E_EDITOR, "%s names no program", variable);
}

static bool start_editor(struct sops_world *w, struct edit *d, const sigset_t *mask, pid_t *pid, struct sops_err *e)
{
    struct sops_arena a = {0};
    struct sops_buf program = {0};
    const char **argv = sops_arena_alloc(&a, (d->words.count + 2) * sizeof *argv, e);
    bool ok = argv != NULL && sops_proc_find(d->words.word[0], w->env(w, "PATH"), &program, e) &&
              sops_buf_cstr(&program, e) != NULL;
    if (ok) {
        memcpy(argv, d->words.word, d->words.count * sizeof *argv);
        argv[d->words.count] = (const char *)d->path.ptr;
        const struct sops_start s = {
            .path = (const char *)program.ptr,
            .argv = (char *const *)(uintptr_t)argv,
            .env = environ,
            .fd = {-1, -1, -1},
            .usual = sops_signals_usual(),
            .mask = mask,
        };
        ok = sops_proc_start(&s, pid, e);
    }
    sops_buf_free(&program);
    sops_arena_free(&a);
    return ok;
}

static bool run_editor(struct sops_world *w, struct edit *d, struct sops_err *e)
{
    struct sops_relay relay;
    pid_t pid;
    int status = 0;
    sops_relay_begin(&relay, SOPS_RELAY_EDITOR);
    bool ok = (start_editor(w, d, &relay.before, &pid, e) && sops_relay_wait(&relay, pid, &status, e)) ||
              sops_recode(e, SOPS_E_EDITOR);
    sops_relay_end(&relay);
    if (!ok || status == 0) {
        return ok;
    }
    if (status >= SOPS_PROC_SIGNAL) {
        return sops_fail(e, SOPS_E_EDITOR, "the editor '%s' was ended by signal %d", d->words.word[0],
                         status - SOPS_PROC_SIGNAL);
    }
    return sops_fail(e, SOPS_E_EDITOR, "the editor '%s' ended with status %d", d->words.word[0], status);
}

/* ---- clear text out and in -------------------------------------------------------------------------------------- */

/* What the editor shows: the document or, with --show-master-keys, as it would be written with its metadata. */
static bool emit(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    if (d->in_conflict) {
        return true; /* it stands there already */
    }
    sops_buf_cut(&j->bytes, 0);
    return d->show_keys ? sops_envelope_emit_all(j->env, j->out, &j->style, &j->bytes, e) : sops_step_emit(j, e);
}

static bool write_clear_text(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    const char *slash = strrchr(j->path, '/');
    const char *base = slash != NULL ? slash + 1 : j->path;
    if (!sops_scratch_make(j->world, &d->folder, e) ||
        !sops_buf_addf(&d->path, e, "%.*s/%s", SOPS_ARG(d->folder), base) || sops_buf_cstr(&d->path, e) == NULL) {
        return false;
    }
    return sops_file_create((const char *)d->path.ptr, sops_buf_view(&j->bytes), 0600, e) ||
           sops_recode(e, SOPS_E_GENERIC);
}

static bool read_again(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    sops_buf_free(&j->raw);
    if (!sops_file_read((const char *)d->path.ptr, SOPS_FILE_MAX, &j->raw, e)) {
        return false;
    }
    bool same = sops_slice_eq(sops_buf_view(&j->raw), sops_buf_view(&d->before));
    if (same && !(d->in_conflict && !sops_holds_markers(sops_buf_view(&j->raw)))) {
        return sops_fail(e, SOPS_E_UNCHANGED, "the file has not changed: nothing is written");
    }
    if (d->unattended && sops_slice_eq(sops_buf_view(&j->raw), sops_buf_view(&d->refused))) {
        return sops_fail(e, SOPS_E_GENERIC, "the editor leaves the text as it is, and it cannot be taken");
    }
    sops_buf_cut(&d->refused, 0);
    return sops_buf_add(&d->refused, sops_buf_view(&j->raw), e);
}

/* Settings and keys by hand. Keys that were taken out are gone, and the others stay as they are. When groups or the
 * threshold are others than before, each key holds a share of a division that is no more: the data key is then wrapped
 * anew, or nobody could open the file. */
static bool take_with_meta(struct sops_job *j, struct sops_err *e)
{
    bool same_shares = false;
    return sops_envelope_parse_all(j->env, j->in, sops_buf_view(&j->raw), &same_shares, e) &&
           (same_shares || sops_step_wrap(j, e));
}

/* The edited text as the document. False: it is none, or may not be one. */
static bool take(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    if (d->merge.marked) {
        return sops_edit_merge_finish(j, &d->merge, sops_buf_view(&j->raw), e);
    }
    if (d->in_conflict) {
        return sops_edit_conflict_take(&d->conflict, j, e);
    }
    if (d->show_keys) {
        return take_with_meta(j, e);
    }
    return sops_step_parse_plain(j, e) && sops_step_parts(j, e) && sops_step_not_sealed(j, e);
}

/* ---- the rounds ------------------------------------------------------------------------------------------------- */

static void wait_for_enter(const struct sops_job *j, struct edit *d, struct sops_err *why)
{
    uint8_t byte;
    ssize_t n;
    sops_options_fit_hint(j->opt, why);
    sops_ui_error(j->world, why);
    sops_ui_note(d->taken ? "The edited text cannot be written."
                          : "The edited text cannot be taken, probably due to invalid syntax.");
    sops_ui_note("Press enter to return to the editor, or Ctrl+C to exit.");
    while ((n = read(STDIN_FILENO, &byte, 1)) < 0 && errno == EINTR) {
    }
    d->unattended = n <= 0;
}

/* The version is raised when it was older, never lowered. */
static bool raise_version(struct sops_job *j, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    int order = -1; /* what begins with "1." may be no version, but is old (docs/spec/30-metadata.md#reading, 7) */
    if (!sops_slice_starts(m->version, SOPS_LIT("1.")) &&
        !sops_version_compare(m->version, SOPS_LIT(SOPS_VERSION), &order)) {
        return sops_fail(e, SOPS_E_EDIT_VERSION, "the version in the metadata of '%s' is none: '%.*s'", j->path,
                         SOPS_ARG(m->version));
    }
    if (order < 0) {
        m->version = SOPS_LIT(SOPS_VERSION);
    }
    return true;
}

/* What was taken, into the file. */
static bool write_taken(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    if (d->in_conflict || d->merge.marked) {
        return sops_step_write(j, e);
    }
    return raise_version(j, e) && sops_clear_after(j, &d->clear, e) && sops_step_seal(j, e) && sops_step_write(j, e);
}

/* One round: `*again` when the edited text cannot be taken, but may be put right. Somebody at a terminal may put right
 * as well what the output format cannot hold, or a disk that is full: then nothing of the work is lost. */
static bool edit_once(struct sops_job *j, struct edit *d, bool *again, struct sops_err *e)
{
    *again = false;
    if (!run_editor(j->world, d, e) || !read_again(j, d, e)) {
        return false;
    }
    *again = true;
    d->taken = take(j, d, e);
    if (!d->taken) {
        return false;
    }
    *again = isatty(STDIN_FILENO) == 1;
    return write_taken(j, d, e);
}

/* The merged text with its conflicts for the editor. */
static bool show_conflicts(struct edit *d, struct sops_err *e)
{
    sops_merge_tell_conflicts(&d->merge.run);
    sops_buf_cut(&d->before, 0);
    sops_buf_cut(&d->refused, 0);
    return sops_file_replace((const char *)d->path.ptr, sops_buf_view(&d->merge.run.text), 0600, NULL, e);
}

enum settled { SETTLED_WRITTEN, SETTLED_AGAIN, SETTLED_FAILED };

/* Their change merged into the text, and written when nothing is left to be decided. What cannot be merged is told, and
 * the question comes again. */
static enum settled merge_change(struct sops_job *j, struct edit *d, bool *ask, struct sops_err *e)
{
    bool clean = false;
    sops_err_clear(e);
    bool ok = sops_edit_merge(j, &d->merge, &clean, e);
    *ask = !ok;
    if (!ok) {
        sops_ui_error(j->world, e);
        return SETTLED_FAILED;
    }
    if (!clean) {
        return show_conflicts(d, e) ? SETTLED_AGAIN : SETTLED_FAILED;
    }
    if (sops_step_write(j, e)) {
        sops_merge_tell_done(&d->merge.run);
        return SETTLED_WRITTEN;
    }
    *ask = e->code == SOPS_E_CHANGED;
    return SETTLED_FAILED;
}

/* Another's change in the meantime. */
static enum settled settle_change(struct sops_job *j, struct edit *d, struct sops_err *e)
{
    for (;;) {
        struct stat st;
        bool merge = !d->show_keys && d->merge.base.len != 0 && stat(j->path, &st) == 0 && S_ISREG(st.st_mode);
        enum sops_edit_choice choice = sops_edit_ask(j, merge, e);
        bool ask = true;
        if (choice == SOPS_EDIT_AGAIN) {
            return SETTLED_AGAIN;
        }
        if (choice == SOPS_EDIT_MERGE) {
            enum settled settled = merge_change(j, d, &ask, e);
            if (!ask) {
                return settled;
            }
            continue;
        }
        (void)sops_edit_save(j, d->mode, e);
        if (e->code == SOPS_E_CHANGED || isatty(STDIN_FILENO) != 1) {
            return SETTLED_FAILED;
        }
    }
}

/* What cannot be written is told before the work, not after it. */
static bool own_place(struct sops_job *j, struct sops_err *e)
{
    struct edit *d = j->own;
    struct stat st;
    d->mode = stat(j->path, &st) == 0 ? st.st_mode & 0777 : sops_file_mode(0666);
    return sops_file_replaceable(j->path, e) || sops_hint(e, "the editor was not started: nothing is lost");
}

static bool own_rounds(struct sops_job *j, struct sops_err *e)
{
    struct edit *d = j->own;
    bool again = false;
    if ((!d->in_conflict && !sops_rules_compile(&sops_envelope_meta(j->env)->rules, e)) ||
        !choose_editor(j->world, d, e) || !emit(j, d, e) || !write_clear_text(j, d, e)) {
        return false;
    }
    d->before = j->bytes;
    j->bytes = (struct sops_buf){0};
    while (!edit_once(j, d, &again, e)) {
        bool changed = e->code == SOPS_E_CHANGED;
        enum settled settled = changed ? settle_change(j, d, e) : again ? SETTLED_AGAIN : SETTLED_FAILED;
        if (settled != SETTLED_AGAIN) {
            return settled == SETTLED_WRITTEN;
        }
        if (!changed) {
            wait_for_enter(j, d, e);
        }
        sops_err_clear(e);
    }
    return true;
}

/* ---- what is edited --------------------------------------------------------------------------------------------- */

static bool own_example(struct sops_job *j, struct sops_err *e) { return sops_buf_adds(&j->raw, j->in->example, e); }

/* A file that is not there, or is empty, begins with the example of its format. */
static bool begin_new(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_creation, own_example, sops_step_parse_plain, sops_step_new_key, NULL};
    sops_buf_free(&j->raw);
    j->statuses = SOPS_STATUSES_NEW_FILE;
    j->was.how = j->was.how == SOPS_WAS_UNREAD ? SOPS_WAS_ABSENT : j->was.how;
    return sops_job_steps(j, steps, e);
}

/* What is read is no file of sops: say how it becomes one, whatever the reader had to say about it. */
static bool hint_to_encrypt(const struct sops_job *j, struct sops_err *e)
{
    e->hint[0] = '\0';
    return sops_hint(e, "it is not encrypted yet: `sops encrypt -i %s` does that, then it can be edited", j->path);
}

static bool own_open(struct sops_job *j, struct sops_err *e)
{
    struct stat st;
    if (stat(j->path, &st) != 0 && errno == ENOENT) {
        return begin_new(j, e);
    }
    if (!sops_step_read(j, e)) {
        return false;
    }
    if (sops_slice_trim(sops_buf_view(&j->raw)).len == 0) {
        return begin_new(j, e);
    }
    struct edit *d = j->own;
    d->in_conflict = sops_holds_markers(sops_buf_view(&j->raw));
    if (d->in_conflict) {
        return sops_edit_conflict_begin(&d->conflict, j, e);
    }
    bool sealed = sops_holds_ciphertext(sops_buf_view(&j->raw));
    if (isatty(STDIN_FILENO) == 1 && !sops_buf_add(&d->merge.base, sops_buf_view(&j->raw), e)) {
        return false;
    }
    if (!sops_step_parse_sealed(j, e)) {
        return sealed ? false : hint_to_encrypt(j, e);
    }
    j->seeks_clear = true;
    return sops_step_version(j, e) && sops_step_open(j, e) && sops_clear_before(j, &d->clear, e);
}

bool sops_step_edit(struct sops_job *j, struct sops_err *e)
{
    static sops_step *const steps[] = {own_open, own_place, own_rounds, NULL};
    struct edit d = {.show_keys = j->opt->shared.show_master_keys};
    j->own = &d;
    j->in_place = true;
    j->once = true;
    sops_signals_status(SOPS_E_GENERIC);
    bool ok = sops_job_steps(j, steps, e);
    j->own = NULL;
    edit_free(&d);
    return ok;
}

/* Only a new file needs the configuration's keys. */
static bool own_need(struct sops_job *j, struct sops_err *e)
{
    (void)e;
    j->needs_rule = sops_job_is_new(j);
    return true;
}

static bool run(struct sops_world *w, const struct sops_options *o, struct sops_err *e)
{
    static sops_step *const steps[] = {sops_step_file,  own_need,       sops_step_config,
                                       sops_step_order, sops_step_edit, NULL};
    struct sops_job j = {.world = w, .opt = o};
    return sops_job_run(&j, steps, e);
}

static const struct sops_option options[] = {
    {.name = "show-master-keys",
     SOPS_FLAG_TO(struct sops_shared, show_master_keys),
     .short_name = "s",
     .help = "show the metadata, too: settings and keys can be edited"},
    {.name = NULL},
};
static const struct sops_opt_table table = {"EDITOR", options};
static const struct sops_opt_table *const tables[] = {
    &sops_opts_style,
    &table,
    &sops_opts_crypt,
    &sops_opts_strict,
    &sops_opts_our_comments,
    &sops_opts_threshold,
    &sops_opts_types,
    &sops_opts_mac,
    &sops_opts_order,
    &sops_opts_services,
    NULL,
};

const struct sops_verb sops_verb_edit = {
    .name = "edit",
    .summary = "edit an encrypted file, or make a new one, in an editor",
    .args = "FILE",
    .about = "Decrypts FILE into a folder of its own, starts the editor (SOPS_EDITOR, EDITOR, else\n"
             "vim, nano or vi), and encrypts what was saved. Values that were not changed keep\n"
             "their ciphertext. A FILE that does not exist or is empty starts from an example; keys\n"
             "and rules of the command line and of .sops.yaml are for new files only.\n",
    .example = "sops edit secrets.yaml",
    .tables = tables,
    .keys = SOPS_OPT_KEYS,
    .run = run,
};
