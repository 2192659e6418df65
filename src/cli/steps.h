/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - one file on its way through a command, and the steps that commands share.
 *
 * A command is an array of steps; the position of a step is the order of its check ("Order" below each command of
 * docs/spec/50-cli.md). Its own steps have the same type and keep what they need in `own`.
 */
#ifndef SOPS_CLI_STEPS_H
#define SOPS_CLI_STEPS_H

#include "base/file.h"
#include "cli/options.h"
#include "cli/statuses.h"
#include "core/config.h"
#include "core/datakey.h"
#include "core/envelope.h"

/* All-zero but for what a command sets: world, opt, and of the rest what differs from zero. */
struct sops_job {
    struct sops_world *world;
    const struct sops_options *opt;
    struct sops_service *services; /* made by the first step that needs them, unless lent */
    bool services_lent;
    const struct sops_config *config; /* NULL: read by sops_step_config, and freed with the job */
    unsigned rule_line;               /* in it, of the creation rule that was taken; 0: none */
    const char *rule_of;              /* for messages: where the crypt rule is from; NULL: the file */
    const char *path;                 /* the file; NULL: stdin */
    const char *name;                 /* what gives format and rule: --filename-override, or path; NULL: nothing does */
    const struct sops_format *in, *out;
    struct sops_style style;     /* of `out` */
    struct sops_slice order;     /* "": keys as held */
    enum sops_statuses statuses; /* which exit statuses failures have */
    bool old_form;               /* --encryption-context is for flat keys of the rule, too
                                    (docs/spec/60-keysources.md#keys-in-sopsyaml) */
    bool in_place;               /* the result goes to `path` whatever the options say */
    bool once;                   /* it cannot begin anew when somebody else has changed the file: a text was typed */
    bool no_text;                /* neither clear nor sealed text will be written, only values are used */
    bool config_indent;          /* --indent does not count (updatekeys, publish) */
    const char *encrypted_regex; /* for a new file for which nobody names a crypt rule; NULL: the usual suffix */
    bool needs_rule;             /* so a configuration that cannot be read is an error, else no more than a warning */
    bool in_order;               /* equal values keep each its own ciphertext, where edit and set keep the last one's */
    bool seeks_clear;            /* a file in which nothing is encrypted is told (cli/clear.h) */
    struct sops_envelope *env;   /* of the file; made when its name and formats are known */
    struct sops_buf raw, bytes;  /* as read; to be written */
    struct sops_file_was was;    /* the file when it was read; known when it may be replaced */
    bool watched;                /* … and when this says so: many files, whose plan compares */
    bool read_before;            /* raw and was are there already */
    struct sops_slice new_key;   /* a data key that was made for the file before, or empty */
    struct sops_wrapped *made;   /* and what it was wrapped for already, or NULL */
    bool onto_itself;            /* --output names the file itself */
    void *own;                   /* the command's */
    bool done;                   /* nothing is left to do: the other steps are skipped */
    struct sops_config own_config;
    struct sops_buf clean_path; /* what `path` points to when sops_job_clean_path changed it */
};

/* The file as messages name it: its path, or "stdin". */
static inline const char *sops_job_input(const struct sops_job *j) { return j->path != NULL ? j->path : "stdin"; }

typedef bool sops_step(struct sops_job *j, struct sops_err *e);
/* Runs them in order until one fails or says done; then frees the job. `steps` ends with NULL. When the file that is to
 * be replaced was changed by somebody else since it was read, all begins anew with what is there then, up to 20 times;
 * what the command keeps in `own` must allow for that (docs/spec/75-many-files.md#changes-of-others). */
bool sops_job_run(struct sops_job *j, sops_step *const steps[], struct sops_err *e) SOPS_CHECKED;
/* For commands that work on several files: the job of one of them (path, or NULL for stdin), which is lent the world,
 * the options, the configuration, the key services and the order of keys that `common` has by now. */
struct sops_job sops_job_beside(const struct sops_job *common, const char *path);
/* Run without freeing, and free. */
bool sops_job_steps(struct sops_job *j, sops_step *const steps[], struct sops_err *e) SOPS_CHECKED;
void sops_job_free(struct sops_job *j);
/* Closes and frees a chain that sops_job_services made. */
void sops_services_free(struct sops_service *chain);

/* ---- load.c: from the words to a document ---------------------------------------------------------------------- */

/* The first argument is the file, further ones give warnings. None: code 100. */
bool sops_step_file(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The same without sops_job_clean_path: rules of publish match the path as it is typed. */
bool sops_step_file_as_typed(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Does `word` mean stdin, being "-"? Not where there is a file of that name: then a warning. */
bool sops_job_is_stdin(struct sops_job *j, const char *word);
/* The first argument is the file; none, or "-", means stdin. */
bool sops_step_file_or_stdin(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* A path with ".." or a slash at its end names what its text says, made absolute from $PWD, and not what the system
 * makes of it: "x/../f" is "f" also without a folder x, and ".." leaves a linked folder by its name. */
bool sops_job_clean_path(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* --in-place with --output, or with stdin: 8. */
bool sops_step_conflict(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The file is there, else the status `missing` of the job's row, if it has one. */
bool sops_step_exists(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Is there no file at `path`, or an empty one, so that edit begins a new one? */
bool sops_job_is_new(const struct sops_job *j);
/* Reads the configuration, and chooses formats and style by options and name. One that cannot be read is code 1 with
 * j->needs_rule, or when it was named and is not there; else a warning, and then there is none. */
bool sops_step_config(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Formats, style and the envelope alone, for a job that was lent a configuration. */
bool sops_job_formats(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The style alone, of the format j->out, for a text that becomes part of another one. */
void sops_job_style(struct sops_job *j);
/* The same where the file is read and written in this format, whatever its name says. */
bool sops_job_in_format(struct sops_job *j, const struct sops_format *f, struct sops_err *e) SOPS_CHECKED;
/* The same where the file is written in the format that it is read in. */
bool sops_step_own_format(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* --decryption-order: 112. */
bool sops_step_order(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The file or stdin into `raw`: the status `input`. */
bool sops_step_read(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* `raw` as a clear document of `in`: 2. */
bool sops_step_parse_plain(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* A name whose ending counts by choice only leaves it to a sealed text to show which format it is: `in` and `out` are
 * chosen anew. */
bool sops_step_format_by_text(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* `raw` as an encrypted document of `in`, metadata taken out: 1. */
bool sops_step_parse_sealed(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* False; the hint that a file without a name that says its format was taken as binary, where that is so. */
bool sops_job_hint_type(const struct sops_job *j, struct sops_err *e);
/* There is a document (92). */
bool sops_step_parts(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* It has no metadata of its own, by the output format (203). */
bool sops_step_not_sealed(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The settings and keys of a new file: options over the creation rule of `name`; fills the metadata. 1, 5, 6, 8. */
bool sops_step_creation(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Do the options name keys for a new file? */
bool sops_job_keys_given(const struct sops_job *j);
/* Puts the creation rule in front of the message, and a hint, when the failure is that one of `groups`, which are the
 * rule's, is empty. Returns false. */
bool sops_job_blame_rule(const struct sops_job *j, const struct sops_group *groups, struct sops_err *e);
/* Appends the keys that the options with this prefix ("", "add-", "rm-") name to `*list`, in the given order, in `a`.
 */
bool sops_job_keys(struct sops_job *j, struct sops_arena *a, const char *prefix, enum sops_order order,
                   struct sops_key **list, struct sops_err *e) SOPS_CHECKED;

/* Is the encryption context of the options well formed? Else: 6 when `strict`, a warning when not. */
bool sops_job_context(struct sops_job *j, bool strict, struct sops_err *e) SOPS_CHECKED;

/* ---- open.c: key and clear text -------------------------------------------------------------------------------- */

/* The key services of the options, into j->services. Steps that wrap or unwrap call it. */
bool sops_job_services(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The metadata's version is one (1). */
bool sops_step_version(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* read · parse (1) · version (1) */
bool sops_step_load(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* unwrap (128) · audit · mark · open (25) · verify (51, unless --ignore-mac) */
bool sops_step_open(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Both. */
bool sops_step_unlock(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The data key, keys in j->order: the status `key`. */
bool sops_step_unwrap(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* A new data key, wrapped for all keys of the metadata: the status `wrap`. */
bool sops_step_new_key(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The data key that is there, wrapped anew for all keys of the metadata: the status `wrap`. */
bool sops_step_wrap(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* A row for the audit: "encrypt", "decrypt", "rotate"; does nothing without an audit. */
bool sops_job_audit(struct sops_job *j, const char *action, struct sops_err *e) SOPS_CHECKED;

/* ---- save.c: to bytes, and where they go ------------------------------------------------------------------------ */

/* audit · seal (23) · emit (4) · readback (4, 23): the encrypted text in `bytes`; time and MAC are new. */
bool sops_step_seal(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The metadata around values that are still sealed: 4. */
bool sops_step_emit_sealed(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* Does `bytes` open again? A failure is told with "is left as it was". The one is for a data key that stays, the other
 * for a new one. */
bool sops_step_check_keys(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
bool sops_step_check_opens(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* The clear document in `out`: 4. */
bool sops_step_emit(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* `bytes` to the file (in place), --output or stdout: the status `output`, or 1 when writing fails. */
bool sops_step_write(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* seal, then write. */
bool sops_step_lock(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

/* ---- what the old form runs, too; after file, config and order ------------------------------------------------- */

/* cmd_encrypt.c: read (2) · parse (2) · 92 · 203 · new data key (1) · seal: `bytes`. The creation rule is known. */
bool sops_step_encrypt(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* cmd_decrypt.c: path of --extract (91) · unlock · extract (1) · emit (4): `bytes`. */
bool sops_step_decrypt(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* cmd_set.c: --set 'PATH VALUE' taken apart (7) · unlock · change (1, 203) · seal: `bytes`. */
bool sops_step_old_set(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* cmd_rotate.c: load · --add-… and --rm-… (1) · audit · open · new data key (1) · seal: `bytes`. */
bool sops_step_rotate(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;
/* cmd_edit.c: unlock, or the example with keys and settings as for encrypt when there is no file · editor (201) · seal
 * · write. */
bool sops_step_edit(struct sops_job *j, struct sops_err *e) SOPS_CHECKED;

#endif
