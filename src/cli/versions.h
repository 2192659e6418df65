/* SPDX-License-Identifier: Apache-2.0 */
/* versions.h - one version of a file beside others: read from wherever it is, told what it is, and opened
 * (docs/spec/70-git.md#words-statuses-formats). */
#ifndef SOPS_CLI_VERSIONS_H
#define SOPS_CLI_VERSIONS_H

#include "cli/git.h"
#include "cli/steps.h"

enum sops_version_state {
    SOPS_VERSION_ABSENT, /* no byte */
    SOPS_VERSION_PLAIN,  /* no metadata; `plain` says more */
    SOPS_VERSION_SEALED,
    SOPS_VERSION_BROKEN, /* metadata that are not good: it cannot be opened */
};

/* All-zero but for what is set; sops_version_free when done. */
struct sops_version {
    const char *name; /* in messages and for the audit; must outlive it */
    struct sops_buf text;
    /* How it is read, and kept as it is written; NULL: as the reference reads it, and not. That is for the versions of
     * a merge, too: clear values are compared, and written again, as they stand in the sealed text. */
    const struct sops_style *style;
    enum sops_version_state state;
    const char *plain; /* PLAIN: "is not encrypted", "holds conflict markers", "does not parse" */
    bool parses;       /* PLAIN: it is a document, in `env` */
    struct sops_envelope *env;
    struct sops_err why; /* BROKEN, or not opened: the cause */
    bool opened;         /* its data key is there, and all values were opened */
};
void sops_version_free(struct sops_version *v);

/* The format of a file called `name`: `type` (--input-type) when given, else by the name (and the configuration, which
 * may be NULL), else, where that says binary and `text` holds ciphertexts, the one whose metadata are found. */
const struct sops_format *sops_version_format(struct sops_world *w, const struct sops_config *config, const char *type,
                                              const char *name, struct sops_slice text);
/* Finds out what v->text is. False only when memory is out. */
bool sops_version_look(struct sops_version *v, struct sops_world *w, const struct sops_format *f,
                       struct sops_err *e) SOPS_CHECKED;
/* The hint for a text with the markers of a conflict; for others none. Always false. */
bool sops_version_hint(const struct sops_version *v, struct sops_err *e);
/* Opens it: with the data key of one of `others` (NULL entries and those that were not opened are passed over) when it
 * is wrapped as the same text, else by the job's services. With `verify` its MAC is compared, too. Code 1, 25, 51,
 * 128, the version named. */
bool sops_version_open(struct sops_version *v, struct sops_job *j, struct sops_version *const *others, bool verify,
                       struct sops_err *e) SOPS_CHECKED;
/* What `word` means: a file, else REV:FILE as git has it, in `folder` (NULL: here). `*name` gets what its format goes
 * by. Code 100 when there is neither. */
bool sops_version_fetch(struct sops_version *v, struct sops_world *w, const char *word, const char **name,
                        struct sops_err *e) SOPS_CHECKED;

#endif
