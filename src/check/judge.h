/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - a configuration made ready to judge many files: its creation rules with their regexes compiled, and its
 * section `check` (docs/spec/71-check.md#in-sopsyaml). Which rule is taken, must a plain file be encrypted, is a
 * finding allowed? No key source is asked; keys are parsed only to be compared.
 */
#ifndef SOPS_CHECK_JUDGE_H
#define SOPS_CHECK_JUDGE_H

#include "check/finding.h"
#include "base/table.h"
#include "core/config.h"

struct sops_judge_rule {
    const struct sops_node *node;
    unsigned line;
    struct sops_slice pattern; /* path_regex; empty: none */
    struct sops_regex *regex;  /* NULL: none, or it does not compile */
    const char *fault;         /* why it does not; NULL: it does */
    unsigned broad;            /* bit i: it matches any file with ending i, so it is not specific for such files */
    bool matches_all;          /* whatever the ending */
    bool says, required;       /* `required:` stands there, and what it says */
    struct sops_creation made; /* what it makes of a new file, keys included */
    const char *keys_fault;    /* why its keys or settings cannot be read; NULL: they can */
    unsigned keys_line;        /* of that */
    size_t index;              /* 0: the first rule */
    const struct sops_judge_rule *shadow; /* the earlier rule that keeps this one from being reached, or NULL */
};

/* One of `check.allow`: each given part must match. */
struct sops_judge_allow {
    int id; /* -1: any */
    struct sops_regex *path, *key;
};

struct sops_judge {
    struct sops_config config; /* path: absolute; empty: there is none */
    struct sops_buf source;    /* its text */
    const char *shown;         /* as findings name it */
    const char *commit;        /* of a range: where it is from, else NULL */
    bool there;                /* false: no configuration, or it does not load */
    bool broken;               /* it does not load: a finding says why, and it counts for nothing */
    struct sops_judge_rule *rule;
    size_t rules;
    bool has_rules; /* creation_rules stand in it (perhaps none) */
    struct sops_regex **require, **ignore;
    size_t requires, ignores;
    struct sops_judge_allow *allow;
    size_t allows;
    int64_t max_age;            /* days; 0: none */
    double entropy;             /* bits a byte; 0: off */
    struct sops_findings found; /* about the configuration itself; no `unused-rule` */
    struct sops_arena arena;
    struct sops_names *names; /* of its keys, for whoever reads them (check/names.h), and frees them */
    bool owner_item;          /* for whoever lists configurations: this one is on the list */
};
#define SOPS_ENTROPY 4.5

/* Makes `j` (all-zero) of `text`, the configuration at `path` (absolute), which findings call `shown` (it must outlive
 * the judge). What is wrong with it becomes findings. False only when memory is out. `w` is asked for nothing but the
 * time. */
bool sops_judge_make(struct sops_judge *j, struct sops_world *w, const char *path, const char *shown,
                     struct sops_slice text, struct sops_err *e) SOPS_CHECKED;
void sops_judge_free(struct sops_judge *j);

/* What a configuration says about one file. */
struct sops_verdict {
    struct sops_slice text;             /* what its regexes are matched on: a part of `absolute` */
    const struct sops_judge_rule *rule; /* the first that matches; NULL: none, or one before it does not compile */
    bool unmatched;                     /* there are rules, all were looked at, and none matches */
    bool ignored;                       /* check.ignore */
    bool wanted;                        /* rule 2 of docs/spec/71-check.md#required: must be encrypted if there is
                                           something to encrypt */
    bool by_rule;                       /* … by the rule; else only by check.require, for which any value will do */
    bool config_maps;                   /* … ConfigMaps included */
};
/* `absolute` is the clean path of the file. */
void sops_judge_file(const struct sops_judge *j, struct sops_slice absolute, struct sops_verdict *v);

/* Rules 1, 3 and 4: a plain file that is `wanted` (the caller may say so for reasons of its own), is it required to be
 * encrypted? `format` is that of its name, `absolute` its path. A file that does not parse is: `why` then says why. */
bool sops_judge_required(const struct sops_verdict *v, struct sops_slice absolute, const struct sops_format *format,
                         struct sops_slice text, bool *required, struct sops_err *why, struct sops_err *e) SOPS_CHECKED;
/* Of rule 1: no file of this name is ever required. */
bool sops_judge_exempt(struct sops_slice absolute);

/* Does `check.allow` leave the finding out? `text` as in the verdict. */
bool sops_judge_allows(const struct sops_judge *j, struct sops_slice text, const struct sops_finding *f);

/* The crypt rule that a rule gives to a new file: `rules` gets its texts (not compiled). */
void sops_judge_crypt(const struct sops_judge_rule *r, struct sops_rules *rules);

#endif
