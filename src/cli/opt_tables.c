/* SPDX-License-Identifier: Apache-2.0 */
/* The options that several commands share. A help text names no other option: the help of a command lists its own only.
 */
#include "cli/options.h"

#define TABLE(table, heading, ...)                                                                                     \
    static const struct sops_option table##_list[] = {__VA_ARGS__, {.name = NULL}};                                    \
    const struct sops_opt_table sops_opts_##table = {heading, table##_list}

#define IN_PLACE                                                                                                       \
    {                                                                                                                  \
        .name = "in-place", SOPS_FLAG_TO(struct sops_shared, in_place), .short_name = "i",                             \
        .help = "write the result into the file itself instead of to stdout"                                           \
    }

TABLE(in_place, "RESULT", IN_PLACE);

TABLE(place, "RESULT", IN_PLACE,
      {.name = "output",
       SOPS_TEXT_TO(struct sops_shared, output),
       .value = "FILE",
       .help = "write the result into another file instead of to stdout"});

#define INPUT_TYPE(more)                                                                                               \
    {                                                                                                                  \
        .name = "input-type", SOPS_TEXT_TO(struct sops_shared, input_type), .flags = SOPS_OPT_TYPE | (more),           \
        .value = "TYPE", .help = "how to read: FILE_TYPES (default: by the end of the name)"                           \
    }

TABLE(input_type, "FORMAT", INPUT_TYPE(0));
TABLE(our_input_type, "FORMAT", INPUT_TYPE(SOPS_OPT_OURS));

TABLE(types, "FORMAT", INPUT_TYPE(0),
      {.name = "output-type",
       SOPS_TEXT_TO(struct sops_shared, output_type),
       .flags = SOPS_OPT_TYPE_LAX,
       .value = "TYPE",
       .help = "how to write: FILE_TYPES (default: by the end of the name)"});

TABLE(name, "FORMAT",
      {.name = "filename-override",
       SOPS_TEXT_TO(struct sops_shared, filename_override),
       .value = "PATH",
       .help = "choose format and creation rule as for this file"});

TABLE(mac, "CHECKS",
      {.name = "ignore-mac",
       SOPS_FLAG_TO(struct sops_shared, ignore_mac),
       .help = "do not compare the message authentication code: changed files are not noticed"});

TABLE(
    crypt, "WHAT IS ENCRYPTED",
    {.name = "unencrypted-suffix",
     .kind = SOPS_OPT_TEXT,
     .value = "TEXT",
     .help = "all but what is below keys that end so (default: _unencrypted)"},
    {.name = "encrypted-suffix", .kind = SOPS_OPT_TEXT, .value = "TEXT", .help = "only what is below keys that end so"},
    {.name = "unencrypted-regex",
     .kind = SOPS_OPT_TEXT,
     .value = "REGEX",
     .help = "all but what is below keys that match"},
    {.name = "encrypted-regex", .kind = SOPS_OPT_TEXT, .value = "REGEX", .help = "only what is below keys that match"});

#define COMMENT_REGEX(name_, more, help_)                                                                              \
    {                                                                                                                  \
        .name = (name_), .kind = SOPS_OPT_TEXT, .flags = (more), .value = "REGEX", .help = (help_)                     \
    }
#define COMMENT_REGEXES(more)                                                                                          \
    COMMENT_REGEX("unencrypted-comment-regex", more, "all but what is below comments that match"),                     \
        COMMENT_REGEX("encrypted-comment-regex", more, "only what is below comments that match")

TABLE(comments, "WHAT IS ENCRYPTED", COMMENT_REGEXES(0));
TABLE(our_comments, "WHAT IS ENCRYPTED", COMMENT_REGEXES(SOPS_OPT_OURS));

TABLE(threshold, "KEYS",
      {.name = "shamir-secret-sharing-threshold",
       SOPS_INT_TO(struct sops_shared, threshold),
       .value = "N",
       .help = "how many key groups it takes to open the file (default: all)"});

TABLE(order, "OPENING",
      {.name = "decryption-order",
       SOPS_TEXT_TO(struct sops_shared, decryption_order),
       .env = "SOPS_DECRYPTION_ORDER",
       .value = "TYPES",
       .help = "comma separated key types to try first (default: age,pgp)"});

TABLE(services, "KEY SERVICES",
      {.name = "enable-local-keyservice",
       SOPS_FLAG_TO(struct sops_shared, local_keyservice),
       .flags = SOPS_OPT_ON,
       .env = "SOPS_ENABLE_LOCAL_KEYSERVICE",
       .help = "let this program use keys itself (on unless \"=false\")"},
      {.name = "keyservice",
       SOPS_MANY_TO(struct sops_shared, keyservice),
       .env = "SOPS_KEYSERVICE",
       .value = "URL",
       .help = "ask this key service, too: tcp://HOST:PORT or unix:///PATH; may be given again"});

TABLE(many, "MANY FILES",
      {.name = "recursive",
       SOPS_FLAG_TO(struct sops_shared, recursive),
       .short_name = "r",
       .help = "take files and folders, and go through these; options may stand anywhere"},
      {.name = "dry-run",
       SOPS_FLAG_TO(struct sops_shared, many.dry_run),
       .help = "say what would be done: no key is used, nothing is written"},
      {.name = "all-or-nothing",
       SOPS_FLAG_TO(struct sops_shared, many.all_or_nothing),
       .help = "when one file fails, change none"},
      {.name = "include",
       SOPS_MANY_TO(struct sops_shared, many.include),
       .value = "REGEX",
       .help = "only files whose printed name matches; may be given again"},
      {.name = "exclude",
       SOPS_MANY_TO(struct sops_shared, many.exclude),
       .value = "REGEX",
       .help = "no files whose printed name matches; may be given again"},
      {.name = "jobs",
       SOPS_INT_TO(struct sops_shared, many.jobs),
       .value = "N",
       .help = "files at a time, 1 to 64 (default: 8, or the number of processors, at most 32)"},
      {.name = "json", SOPS_FLAG_TO(struct sops_shared, many.json), .help = "results as lines of JSON on stdout"});

TABLE(output_dir, "MANY FILES",
      {.name = "output-dir",
       SOPS_TEXT_TO(struct sops_shared, many.output_dir),
       .value = "DIR",
       .help = "write the results there, below the same names"});

TABLE(yes, "ANSWERS",
      {.name = "yes", SOPS_FLAG_TO(struct sops_shared, yes), .short_name = "y", .help = "do not ask, go on"});

/* Counts before a command and behind it. */
#define STRICT                                                                                                         \
    {                                                                                                                  \
        .name = "strict", SOPS_FLAG_TO(struct sops_shared, strict), .flags = SOPS_OPT_OURS | SOPS_OPT_GLOBAL,          \
        .env = "SOPS_STRICT", .help = "fail when a rule leaves everything in clear text"                               \
    }

TABLE(strict, "CHECKS", STRICT);

/* Counts before a command and behind it. */
#define PRESERVE_STYLE                                                                                                 \
    {                                                                                                                  \
        .name = "preserve-style", SOPS_WORD_TO(struct sops_shared, preserve_style),                                    \
        .flags = SOPS_OPT_OURS | SOPS_OPT_GLOBAL, .env = "SOPS_PRESERVE_STYLE", .other = "strict",                     \
        .help = "keep the text as it is written, where it can be (or what is said behind =: true, false, strict)"      \
    }

TABLE(style, "RESULT", PRESERVE_STYLE);

TABLE(global, "GLOBAL OPTIONS",
      {.name = "config",
       SOPS_TEXT_TO(struct sops_shared, config),
       .flags = SOPS_OPT_GLOBAL,
       .env = "SOPS_CONFIG",
       .value = "FILE",
       .help = "the configuration (default: the nearest .sops.yaml, upwards from here)"},
      {.name = "indent",
       SOPS_INT_TO(struct sops_shared, indent),
       .flags = SOPS_OPT_GLOBAL,
       .value = "N",
       .help = "blanks per level in YAML and JSON that is written (-1: a tab, JSON only)"},
      {.name = "mac-only-encrypted",
       SOPS_FLAG_TO(struct sops_shared, mac_only_encrypted),
       .flags = SOPS_OPT_GLOBAL,
       .help = "let the message authentication code cover encrypted values only"},
      {.name = "verbose",
       SOPS_FLAG_TO(struct sops_shared, verbose),
       .flags = SOPS_OPT_GLOBAL,
       .help = "say what is done: configuration and rule, each key and how it did"},
      STRICT, PRESERVE_STYLE,
      {.name = "compact-array-indent",
       SOPS_FLAG_TO(struct sops_shared, compact_array_indent),
       .flags = SOPS_OPT_GLOBAL | SOPS_OPT_OURS,
       .help = "YAML lists that are written stand two columns further to the left (--compact-array-indent)"},
      {.name = "document-start-marker",
       SOPS_FLAG_TO(struct sops_shared, document_start_marker),
       .flags = SOPS_OPT_GLOBAL | SOPS_OPT_OURS,
       .help =
           "YAML that is written begins with --- (--document-start-marker); with --preserve-style what is there stays"},
      {.name = "disable-version-check",
       SOPS_FLAG_TO(struct sops_shared, disable_version_check),
       .flags = SOPS_OPT_GLOBAL,
       .env = "SOPS_DISABLE_VERSION_CHECK",
       .help = "accepted: the version shown is never looked up elsewhere unless asked for"},
      {.name = "check-for-updates",
       SOPS_FLAG_TO(struct sops_shared, check_for_updates),
       .flags = SOPS_OPT_GLOBAL,
       .help = "show with the version whether there is a newer one"},
      {.name = "help",
       SOPS_FLAG_TO(struct sops_shared, help),
       .short_name = "h",
       .flags = SOPS_OPT_GLOBAL,
       .help = "show this help"},
      {.name = "version",
       SOPS_FLAG_TO(struct sops_shared, version),
       .short_name = "v",
       .flags = SOPS_OPT_GLOBAL,
       .help = "show the version"});
