/* SPDX-License-Identifier: Apache-2.0 */
/* Words as Go's pflag takes them: --flag V, --flag=V, -o V, -oV, -o=V, short booleans joined. */
#include "cli/kubeseal.h"

#include "base/ascii.h"

#include <stddef.h>
#include <stdio.h>

enum kind { TEXT, MANY, FLAG, HANDED_TEXT, HANDED_FLAG, IGNORED_TEXT, IGNORED_FLAG };
struct flag {
    const char *name;
    char letter;
    enum kind kind;
    size_t at;
    const char *help;
};
#define AT(field) offsetof(struct kubeseal_flags, field)
static const struct flag flags[] = {
    {"cert", 0, TEXT, AT(cert), "certificate: a file or URL"},
    {"secret-file", 'f', TEXT, AT(file), "the Secret; else stdin"},
    {"sealed-secret-file", 'w', TEXT, AT(output), "where the SealedSecret goes; else stdout"},
    {"format", 'o', TEXT, AT(format), "json or yaml"},
    {"scope", 0, TEXT, AT(scope), "strict, namespace-wide or cluster-wide"},
    {"name", 0, TEXT, AT(name), "the name of the Secret"},
    {"namespace", 'n', TEXT, AT(space), "the namespace of Secrets without one"},
    {"merge-into", 0, TEXT, AT(merge_into), "add the items to this SealedSecret"},
    {"raw", 0, FLAG, AT(raw), "seal one value"},
    {"from-file", 0, MANY, AT(from_file), "the value for --raw"},
    {"allow-empty-data", 0, FLAG, AT(allow_empty), "a Secret without items is fine"},
    {"recovery-unseal", 0, FLAG, AT(recovery), "open with --recovery-private-key"},
    {"recovery-private-key", 0, MANY, AT(recovery_key), "private keys, or backups of them"},
    {"fetch-cert", 0, FLAG, AT(fetch_cert), "print the certificate"},
    {"validate", 0, FLAG, AT(validate), "ask the cluster whether it opens"},
    {"re-encrypt", 0, FLAG, AT(re_encrypt), "let the cluster seal it for its newest key"},
    {"rotate", 0, FLAG, AT(re_encrypt), "the same as --re-encrypt"},
    {"controller-name", 0, TEXT, AT(controller_name), "name of the controller's service"},
    {"controller-namespace", 0, TEXT, AT(controller_space), "namespace of the controller"},
    {"version", 0, FLAG, AT(version), "print the version"},
    {"help", 'h', FLAG, AT(help), "this list"},
    {"kubeconfig", 0, HANDED_TEXT, AT(kubeconfig), "for kubectl, as the flags below"},
    {"context", 0, HANDED_TEXT, AT(context), NULL},
    {"cluster", 0, HANDED_TEXT, 0, NULL},
    {"user", 0, HANDED_TEXT, 0, NULL},
    {"server", 's', HANDED_TEXT, 0, NULL},
    {"token", 0, HANDED_TEXT, 0, NULL},
    {"as", 0, HANDED_TEXT, 0, NULL},
    {"as-group", 0, HANDED_TEXT, 0, NULL},
    {"as-uid", 0, HANDED_TEXT, 0, NULL},
    {"certificate-authority", 0, HANDED_TEXT, 0, NULL},
    {"client-certificate", 0, HANDED_TEXT, 0, NULL},
    {"client-key", 0, HANDED_TEXT, 0, NULL},
    {"insecure-skip-tls-verify", 0, HANDED_FLAG, 0, NULL},
    {"tls-server-name", 0, HANDED_TEXT, 0, NULL},
    {"proxy-url", 0, HANDED_TEXT, 0, NULL},
    {"request-timeout", 0, HANDED_TEXT, 0, NULL},
    {"disable-compression", 0, HANDED_FLAG, 0, NULL},
    {"username", 0, HANDED_TEXT, 0, NULL},
    {"password", 0, HANDED_TEXT, 0, NULL},
    {"v", 'v', IGNORED_TEXT, 0, NULL},
    {"logtostderr", 0, IGNORED_FLAG, 0, NULL},
    {"alsologtostderr", 0, IGNORED_FLAG, 0, NULL},
    {"add_dir_header", 0, IGNORED_FLAG, 0, NULL},
    {"skip_headers", 0, IGNORED_FLAG, 0, NULL},
    {"skip_log_headers", 0, IGNORED_FLAG, 0, NULL},
    {"one_output", 0, IGNORED_FLAG, 0, NULL},
    {"stderrthreshold", 0, IGNORED_TEXT, 0, NULL},
    {"vmodule", 0, IGNORED_TEXT, 0, NULL},
    {"log_backtrace_at", 0, IGNORED_TEXT, 0, NULL},
    {"log_dir", 0, IGNORED_TEXT, 0, NULL},
    {"log_file", 0, IGNORED_TEXT, 0, NULL},
    {"log_file_max_size", 0, IGNORED_TEXT, 0, NULL},
};
#define FLAGS (sizeof flags / sizeof flags[0])

static bool is_bool(const struct flag *f)
{
    return f->kind == FLAG || f->kind == HANDED_FLAG || f->kind == IGNORED_FLAG;
}

static bool hand_on(struct kubeseal_flags *f, struct sops_arena *a, const struct flag *def, const char *value,
                    struct sops_err *e)
{
    struct sops_slice word;
    if (f->handed + 1 >= sizeof f->kubectl / sizeof f->kubectl[0]) {
        return sops_fail(e, 2, "too many flags");
    }
    if (!sops_arena_printf(a, &word, e, "--%s=%s", def->name, value)) {
        return false;
    }
    f->kubectl[f->handed++] = (const char *)word.ptr;
    return true;
}

/* The pieces of a list with commas. */
static bool add_many(const char **list, struct sops_arena *a, const char *value, struct sops_err *e)
{
    struct sops_slice rest = sops_str(value), piece;
    size_t n = 0;
    while (list[n] != NULL) {
        n++;
    }
    while (sops_slice_next(&rest, ',', &piece)) {
        if (n == KUBESEAL_MANY || !sops_arena_copy(a, piece, &piece, e)) {
            return sops_fail(e, 2, "too many values of a flag");
        }
        list[n++] = (const char *)piece.ptr;
    }
    return true;
}

/* Sets one flag; `code` is for a bad value. */
static bool set(struct kubeseal_flags *f, struct sops_arena *a, const struct flag *def, const char *value, int code,
                struct sops_err *e)
{
    bool on = true;
    char *base = (char *)f;
    if (is_bool(def) && !sops_bool_word(sops_str(value), &on)) {
        return sops_fail(e, code, "invalid argument for the flag --%s: it is true or false", def->name);
    }
    if (strcmp(def->name, "scope") == 0 && strcmp(value, "strict") != 0 && strcmp(value, "namespace-wide") != 0 &&
        strcmp(value, "cluster-wide") != 0) {
        return sops_fail(e, code, "invalid argument for the flag --scope: strict, namespace-wide or cluster-wide");
    }
    switch (def->kind) {
    case TEXT:
        memcpy(base + def->at, &value, sizeof value);
        return true;
    case FLAG:
        memcpy(base + def->at, &on, sizeof on);
        return true;
    case MANY:
        return add_many(strcmp(def->name, "from-file") == 0 ? f->from_file : f->recovery_key, a, value, e);
    case HANDED_TEXT:
        if (def->at != 0) {
            memcpy(base + def->at, &value, sizeof value);
        }
        return hand_on(f, a, def, value, e);
    case HANDED_FLAG:
        return hand_on(f, a, def, on ? "true" : "false", e);
    case IGNORED_TEXT:
    case IGNORED_FLAG:
        break;
    }
    return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static bool take_long(struct kubeseal_flags *f, struct sops_arena *a, const char *const **word, bool *given,
                      struct sops_err *e)
{
    const char *text = **word + 2, *equal = strchr(text, '=');
    struct sops_slice name = equal != NULL ? sops_slice_of(text, (size_t)(equal - text)) : sops_str(text);
    for (size_t i = 0; i < FLAGS; i++) {
        if (!sops_slice_eq(name, sops_str(flags[i].name))) {
            continue;
        }
        const char *value = equal != NULL ? equal + 1 : is_bool(&flags[i]) ? "true" : (*word)[1];
        if (value == NULL) {
            return sops_fail(e, 2, "flag needs an argument: --%s", flags[i].name);
        }
        *word += equal == NULL && !is_bool(&flags[i]);
        given[i] = true;
        return set(f, a, &flags[i], value, 2, e);
    }
    return sops_fail(e, 2, "unknown flag: --%.*s", SOPS_ARG(sops_slice_first(name, 60)));
}

static bool take_short(struct kubeseal_flags *f, struct sops_arena *a, const char *const **word, bool *given,
                       struct sops_err *e)
{
    for (const char *p = **word + 1; *p != '\0'; p++) {
        size_t i = 0;
        while (i < FLAGS && flags[i].letter != *p) {
            i++;
        }
        if (i == FLAGS) {
            return sops_fail(e, 2, "unknown shorthand flag: '%c'", *p);
        }
        given[i] = true;
        if (is_bool(&flags[i]) && p[1] != '=') {
            if (!set(f, a, &flags[i], "true", 2, e)) {
                return false;
            }
            continue;
        }
        const char *value = p[1] == '=' ? p + 2 : p[1] != '\0' ? p + 1 : *++*word;
        if (value == NULL) {
            return sops_fail(e, 2, "flag needs an argument: '%c'", *p);
        }
        return set(f, a, &flags[i], value, 2, e);
    }
    return true;
}

/* ---- variables -------------------------------------------------------------------------------------------------- */

static bool take_variables(struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a, const bool *given,
                           struct sops_err *e)
{
    for (size_t i = 0; i < FLAGS; i++) {
        char name[80];
        int n = snprintf(name, sizeof name, "SEALED_SECRETS_%s", flags[i].name);
        for (int k = 0; k < n; k++) {
            name[k] = name[k] == '-' ? '_' : (char)sops_to_upper((uint8_t)name[k]);
        }
        const char *value = given[i] ? NULL : sops_world_env_set(w, name);
        if (value != NULL && !set(f, a, &flags[i], value, 1, e)) {
            return sops_within(e, "%s", name);
        }
    }
    return true;
}

bool sops_kubeseal_flags(struct kubeseal_flags *f, struct sops_world *w, struct sops_arena *a, const char *const *words,
                         struct sops_err *e)
{
    bool given[FLAGS] = {false};
    for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
        const char *word = *words;
        bool ok = word[0] != '-' || word[1] == '\0' ? true
                  : word[1] == '-'                  ? take_long(f, a, &words, given, e)
                                                    : take_short(f, a, &words, given, e);
        if (!ok) {
            return false;
        }
    }
    return take_variables(f, w, a, given, e);
}

bool sops_kubeseal_usage(struct sops_buf *out, struct sops_err *e)
{
    bool ok = sops_buf_adds(out, "Usage of kubeseal:\n", e);
    for (size_t i = 0; ok && i < FLAGS; i++) {
        const char *value = is_bool(&flags[i]) ? "" : " string";
        ok = (flags[i].letter != 0 ? sops_buf_addf(out, e, "  -%c, --%s%s", flags[i].letter, flags[i].name, value)
                                   : sops_buf_addf(out, e, "      --%s%s", flags[i].name, value)) &&
             sops_buf_addf(out, e, "%s%s\n", flags[i].help != NULL ? "   " : "",
                           flags[i].help != NULL ? flags[i].help : "");
    }
    return ok;
}
