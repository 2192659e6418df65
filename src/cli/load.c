/* SPDX-License-Identifier: Apache-2.0 */
/* From the words of the command line to a document. */
#include "cli/steps.h"

#include "base/file.h"
#include "base/ascii.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void warn_about_extras(struct sops_job *j)
{
    const char *like_option = NULL;
    for (size_t i = 1; i < j->opt->argc; i++) {
        if (j->opt->args[i][0] == '-') {
            like_option = j->opt->args[i];
        }
    }
    if (j->opt->argc > 1) {
        sops_world_warn(j->world, "More than one positional argument provided. Only the first one will be used!");
    }
    if (like_option != NULL) {
        sops_world_warn(j->world,
                        "the ignored argument '%s' looks like a flag: flags must stand before the file, "
                        "else they are ignored",
                        like_option);
    }
}

static void take_file(struct sops_job *j, const char *path)
{
    const char *name = j->opt->shared.filename_override;
    j->path = path != NULL && path[0] == '\0' ? "." : path; /* an empty name is the current folder */
    j->name = name != NULL ? name : j->path;
}

/* Does it hold a ".." or end with a slash? All else is the same file as its absolute path. */
static bool needs_cleaning(struct sops_slice path)
{
    struct sops_slice piece = {0};
    while (sops_slice_next(&path, '/', &piece)) {
        if (sops_slice_eq(piece, SOPS_LIT(".."))) {
            return true;
        }
    }
    return piece.len == 0;
}

bool sops_job_clean_path(struct sops_job *j, struct sops_err *e)
{
    if (j->path == NULL || !needs_cleaning(sops_str(j->path))) {
        return true;
    }
    if (!sops_path_absolute(j->path, &j->clean_path, e)) {
        return false;
    }
    const char *clean = sops_buf_cstr(&j->clean_path, e);
    j->name = j->name == j->path ? clean : j->name;
    j->path = clean;
    return clean != NULL;
}

bool sops_step_file_as_typed(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->argc == 0) {
        sops_fail(e, SOPS_E_NO_FILE, "no file specified");
        const char *name = j->opt->verb->name; /* "" is the old form */
        return sops_hint(e, "sops help%s%s", name[0] != '\0' ? " " : "", name);
    }
    warn_about_extras(j);
    take_file(j, j->opt->args[0]);
    return true;
}

bool sops_step_file(struct sops_job *j, struct sops_err *e)
{
    return sops_step_file_as_typed(j, e) && sops_job_clean_path(j, e);
}

bool sops_job_is_stdin(struct sops_job *j, const char *word)
{
    struct stat st;
    if (strcmp(word, "-") != 0) {
        return false;
    }
    if (lstat(word, &st) != 0) {
        return true;
    }
    sops_world_warn(j->world,
                    "'-' is taken as the file of that name, which is here, and not as stdin: write ./- for it");
    return false;
}

bool sops_step_file_or_stdin(struct sops_job *j, struct sops_err *e)
{
    if (j->opt->argc == 0 || sops_job_is_stdin(j, j->opt->args[0])) {
        warn_about_extras(j);
        take_file(j, NULL);
        return true;
    }
    return sops_step_file(j, e);
}

bool sops_step_conflict(struct sops_job *j, struct sops_err *e)
{
    bool in_place = j->opt->shared.in_place;
    if (in_place && j->opt->shared.output != NULL) {
        return sops_fail(e, SOPS_E_CONFLICT, "cannot operate on both --output and --in-place");
    }
    if (in_place && j->path == NULL) {
        sops_fail(e, SOPS_E_CONFLICT, "cannot use --in-place when reading from stdin");
        return sops_hint(e, "name a file, or leave --in-place out");
    }
    return true;
}

bool sops_step_exists(struct sops_job *j, struct sops_err *e)
{
    struct stat st;
    int missing = sops_status_rows[j->statuses].missing;
    if (missing == 0 || j->path == NULL || stat(j->path, &st) == 0 || errno != ENOENT) {
        return true; /* what else is wrong with it is found out by reading */
    }
    bool keys = missing == SOPS_E_NO_FILE_KEYS;
    return sops_fail(e, missing, "cannot %s non-existent file '%s'", keys ? "add or remove keys on" : "operate on",
                     j->path);
}

bool sops_job_is_new(const struct sops_job *j)
{
    struct stat st;
    return stat(j->path, &st) != 0 ? errno == ENOENT : S_ISREG(st.st_mode) && st.st_size == 0;
}

/* What a flag or variable says; `keep` is what the configuration does. */
static uint8_t choose_keep(const struct sops_job *j, uint8_t keep)
{
    const char *word = j->opt->shared.preserve_style;
    bool on;
    if (word != NULL) {
        keep = !sops_bool_word(sops_str(word), &on) ? SOPS_KEEP_STRICT : on ? SOPS_KEEP_ON : SOPS_KEEP_OFF;
    }
    return j->in == j->out && !j->no_text ? keep : SOPS_KEEP_OFF;
}

static void set_style(struct sops_job *j)
{
    const struct sops_shared *said = &j->opt->shared;
    j->style = sops_config_style(j->config, j->out);
    if (!j->config_indent && said->indent.given) {
        j->style.indent = said->indent.value;
        j->style.indent_set = true;
    }
    j->style.compact_lists = j->style.compact_lists || said->compact_array_indent;
    j->style.start_marker = j->style.start_marker || said->document_start_marker;
}

void sops_job_style(struct sops_job *j)
{
    set_style(j);
    j->style.keep = SOPS_KEEP_OFF;
    j->style.start_marker = false;
}

static bool choose_style(struct sops_job *j, struct sops_err *e)
{
    struct sops_style in = sops_config_style(j->config, j->in);
    set_style(j);
    j->style.keep = choose_keep(j, j->style.keep);
    if (j->in == j->out) {
        in = j->style;
    }
    in.keep = j->style.keep;
    sops_envelope_turn_into(j->env, j->out, &j->style, j->in != j->out || j->no_text);
    return sops_envelope_style(j->env, j->in, &in, e);
}

bool sops_job_formats(struct sops_job *j, struct sops_err *e)
{
    struct sops_slice name = sops_str(j->name != NULL ? j->name : "");
    const struct sops_format *by_name = sops_config_format(j->config, name);
    j->in = sops_format_named(sops_str(j->opt->shared.input_type));
    j->out = sops_format_named(sops_str(j->opt->shared.output_type));
    j->in = j->in != NULL ? j->in : by_name;
    j->out = j->out != NULL ? j->out : by_name;
    sops_envelope_free(j->env); /* groups choose formats a second time, when they know the file */
    j->env = sops_envelope_new(j->world, sops_job_input(j), e);
    return j->env != NULL && choose_style(j, e);
}

bool sops_job_in_format(struct sops_job *j, const struct sops_format *f, struct sops_err *e)
{
    bool ok = sops_job_formats(j, e);
    j->in = j->out = f;
    return ok && choose_style(j, e);
}

bool sops_step_own_format(struct sops_job *j, struct sops_err *e)
{
    if (!sops_job_formats(j, e)) {
        return false;
    }
    j->out = j->in;
    return choose_style(j, e);
}

/* What needs no rule works without the configuration, too; but not when one was named that is not there: that is a
 * slip. */
static bool do_without_config(struct sops_job *j, struct sops_err *e)
{
    struct stat st;
    const char *named = j->opt->shared.config;
    bool slip = named != NULL && stat(named, &st) != 0 && errno == ENOENT;
    if (j->needs_rule || slip || e->memory) {
        return false;
    }
    char line[32] = "";
    if (e->line != 0) {
        (void)snprintf(line, sizeof line, " (line %u)", e->line);
    }
    sops_world_warn(j->world, "%s%s: going on without a configuration", e->msg, line);
    sops_err_clear(e);
    sops_config_free(&j->own_config);
    return true;
}

bool sops_step_config(struct sops_job *j, struct sops_err *e)
{
    if (j->config == NULL) {
        if (!sops_config_load(&j->own_config, j->world, j->opt->shared.config, e) && !do_without_config(j, e)) {
            return false;
        }
        j->config = &j->own_config;
    }
    return sops_job_formats(j, e);
}

bool sops_step_order(struct sops_job *j, struct sops_err *e)
{
    const char *order = j->opt->shared.decryption_order;
    j->order = order != NULL ? sops_str(order) : SOPS_LIT(SOPS_DEFAULT_ORDER);
    return sops_datakey_check_order(j->order, e);
}

/* ---- bytes to a document ---------------------------------------------------------------------------------------- */

/* Is `output` the file that is read, by whatever name? */
static bool names_itself(const char *path, const char *output)
{
    struct stat read, written;
    return output != NULL && stat(path, &read) == 0 && stat(output, &written) == 0 && read.st_dev == written.st_dev &&
           read.st_ino == written.st_ino;
}

/* Reads the file, and learns what it was where that will be asked for: hashing takes longer than reading. */
static bool read_path(struct sops_job *j, struct sops_err *e)
{
    j->onto_itself = names_itself(j->path, j->opt->shared.output);
    bool asked_for = j->watched || j->in_place || j->opt->shared.in_place || j->onto_itself;
    return asked_for ? sops_file_read_was(j->path, SOPS_FILE_MAX, &j->raw, &j->was, e)
                     : sops_file_read(j->path, SOPS_FILE_MAX, &j->raw, e);
}

bool sops_step_read(struct sops_job *j, struct sops_err *e)
{
    if (j->read_before) {
        j->read_before = false;
        return true;
    }
    bool ok = j->path != NULL ? read_path(j, e) : sops_fd_read(STDIN_FILENO, "stdin", SOPS_FILE_MAX, &j->raw, e);
    if (!ok) {
        sops_recode(e, sops_status_rows[j->statuses].input);
    }
    return ok;
}

bool sops_step_parse_plain(struct sops_job *j, struct sops_err *e)
{
    bool ok = sops_envelope_parse_clear(j->env, j->in, sops_buf_view(&j->raw), e);
    sops_buf_free(&j->raw);
    return ok;
}

bool sops_job_hint_type(const struct sops_job *j, struct sops_err *e)
{
    if (j->in->sealed == NULL || j->opt->shared.input_type != NULL) {
        return false;
    }
    return sops_hint(e, "no name says what it is, so it is taken as %s; --input-type says otherwise", j->in->name);
}

bool sops_step_format_by_text(struct sops_job *j, struct sops_err *e)
{
    struct sops_slice name = sops_str(j->name != NULL ? j->name : ""), text = sops_buf_view(&j->raw);
    bool by_choice = j->opt->shared.input_type == NULL && sops_format_by_choice(name) != NULL;
    const struct sops_format *is = by_choice ? sops_config_format_of(j->config, name, text) : j->in;
    if (is == j->in) {
        return true;
    }
    j->out = j->out == j->in ? is : j->out;
    j->in = is;
    return choose_style(j, e);
}

bool sops_step_parse_sealed(struct sops_job *j, struct sops_err *e)
{
    if (!sops_step_format_by_text(j, e)) {
        return false;
    }
    bool ok = sops_envelope_parse_tree(j->env, j->in, sops_buf_view(&j->raw), e);
    sops_buf_free(&j->raw); /* before the keys are read: a file may hold very many */
    return (ok && sops_envelope_detach(j->env, j->in, e)) || sops_job_hint_type(j, e);
}

bool sops_step_parts(struct sops_job *j, struct sops_err *e) { return sops_envelope_not_empty(j->env, e); }

bool sops_step_not_sealed(struct sops_job *j, struct sops_err *e)
{
    if ((j->in->flags & SOPS_FMT_WHOLE) != 0 || !sops_envelope_has_meta(j->env, j->out)) {
        return true;
    }
    sops_fail(e, SOPS_E_ALREADY,
              "'%s' has a top-level entry called '%s': it is encrypted already, or its metadata would have no place",
              sops_job_input(j), j->out->meta == SOPS_META_PREFIX ? "sops_…" : "sops");
    return sops_hint(e, "what is encrypted already is changed with `sops edit`; else rename the entry");
}
