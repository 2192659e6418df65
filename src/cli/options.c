/* SPDX-License-Identifier: Apache-2.0 */
/* Behind a command, an option takes the next word along when the words are put in order, even when it is a boolean that
 * then leaves it alone: `set f PATH --idempotent 1` sees `1 f PATH` (docs/spec/50-cli.md#parsing). Scripts rely on no
 * more than that words behind options are found, but both programs must find the same ones. */
#include "cli/options.h"

#include <stdio.h>

#include "base/ascii.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/thread.h"
#include "cli/command.h"
#include "core/key.h"

static const struct sops_option help_option = {
    .name = "help", .short_name = "h", SOPS_FLAG_TO(struct sops_shared, help)};

/* ---- the slots of a command ------------------------------------------------------------------------------------- */

static bool add_slot(struct sops_options *o, const struct sops_option *def, const char *title, struct sops_err *e)
{
    if (o->slots == SOPS_MAX_OPTIONS) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' has too many options", o->verb->name);
    }
    static const char *no_values[] = {NULL};
    o->slot[o->slots++] =
        (struct sops_opt_slot){.def = *def, .many = no_values, .on = (def->flags & SOPS_OPT_ON) != 0, .title = title};
    return true;
}

/* The option PREFIXflag of a key source. */
static bool add_key_slot(struct sops_options *o, const struct sops_keysource *s, const char *prefix, const char *help,
                         struct sops_err *e)
{
    struct sops_slice name, text;
    if (!sops_arena_printf(&o->arena, &name, e, "%s%s", prefix, s->flag) ||
        !sops_arena_printf(&o->arena, &text, e, "%s (%s, comma separated)", help, s->id)) {
        return false;
    }
    struct sops_option def = {
        .name = (const char *)name.ptr, .kind = SOPS_OPT_TEXT, .value = "KEYS", .help = (const char *)text.ptr};
    if (prefix[0] == '\0' && (o->verb->keys & SOPS_OPT_KEYS) != 0) {
        def.short_name = s->short_flag;
        def.env = s->env;
    } else if (prefix[0] == '\0') {
        def.kind = SOPS_OPT_MANY;
        def.value = "KEY";
    }
    return add_slot(o, &def, "KEYS", e);
}

/* --aws-profile, --encryption-context: `kept` says which of a source's fields. */
static bool add_field_slots(struct sops_options *o, const struct sops_keysource *s, bool maps_only, struct sops_err *e)
{
    for (const struct sops_keyfield *f = s->fields; f->meta != NULL; f++) {
        bool map = (f->flags & SOPS_FIELD_MAP) != 0;
        if (f->flag == NULL || (maps_only && !map)) {
            continue;
        }
        struct sops_slice text;
        if (!sops_arena_printf(&o->arena, &text, e, "%s of the %s keys", map ? "encryption context" : f->meta, s->id)) {
            return false;
        }
        struct sops_option def = {.name = f->flag,
                                  .kind = SOPS_OPT_TEXT,
                                  .value = map ? "NAME:VALUE,…" : "NAME",
                                  .help = (const char *)text.ptr};
        if (!add_slot(o, &def, "KEYS", e)) {
            return false;
        }
    }
    return true;
}

static bool add_key_slots(struct sops_options *o, struct sops_err *e)
{
    const struct sops_keysource *source[SOPS_MAX_SOURCES];
    unsigned keys = o->verb->keys;
    bool plain = (keys & (SOPS_OPT_KEYS | SOPS_OPT_KEYS_MANY)) != 0;
    bool ok = true;
    sops_keysources_by(SOPS_BY_FLAGS, source);
    for (size_t i = 0; ok && plain && source[i] != NULL; i++) {
        ok = add_key_slot(o, source[i], "", "encrypt for these keys", e);
    }
    for (size_t i = 0; ok && keys != 0 && source[i] != NULL; i++) {
        ok = add_field_slots(o, source[i], !plain, e);
    }
    for (size_t i = 0; ok && (keys & SOPS_OPT_ADD_RM) != 0 && source[i] != NULL; i++) {
        ok = add_key_slot(o, source[i], "add-", "add these keys", e);
    }
    for (size_t i = 0; ok && (keys & SOPS_OPT_ADD_RM) != 0 && source[i] != NULL; i++) {
        ok = add_key_slot(o, source[i], "rm-", "take these keys out", e);
    }
    return ok;
}

/* ---- where commands look ----------------------------------------------------------------------------------------- */

static const char *text_of(const struct sops_opt_slot *s)
{
    return s != NULL && s->text != NULL && s->text[0] != '\0' ? s->text : NULL;
}

static void bind_slot(const struct sops_opt_slot *s, void *to)
{
    switch (s->def.kind) {
    case SOPS_OPT_FLAG:
        *(bool *)to = s->on;
        break;
    case SOPS_OPT_TEXT:
    case SOPS_OPT_WORD:
        *(const char **)to = text_of(s);
        break;
    case SOPS_OPT_INT:
        *(struct sops_opt_number *)to = (struct sops_opt_number){s->number, s->given};
        break;
    case SOPS_OPT_MANY:
        *(const char *const **)to = s->count != 0 ? (const char *const *)s->many : NULL;
        break;
    }
}

/* Puts what was said so far where the commands look for it. Of what stood before the command the global options count,
 * unless they were given behind it, too. */
static void bind_all(struct sops_options *o)
{
    for (size_t i = 0; o->global != NULL && i < o->global->slots; i++) {
        const struct sops_opt_slot *s = &o->global->slot[i];
        if ((s->def.flags & SOPS_OPT_GLOBAL) != 0 && s->def.shared) {
            bind_slot(s, (char *)&o->shared + s->def.at - 1);
        }
    }
    for (size_t i = 0; i < o->slots; i++) {
        const struct sops_opt_slot *s = &o->slot[i];
        bool before = o->global != NULL && (s->def.flags & SOPS_OPT_GLOBAL) != 0 && !s->given;
        if (s->def.at != 0 && !before) {
            bind_slot(s, (char *)(s->def.shared ? (void *)&o->shared : o->own) + s->def.at - 1);
        }
    }
}

bool sops_options_open(struct sops_options *o, const struct sops_verb *verb, struct sops_err *e)
{
    static const char *const no_args[] = {NULL};
    o->verb = verb;
    o->command = verb->name;
    o->args = no_args;
    o->slot = sops_arena_alloc(&o->arena, SOPS_MAX_OPTIONS * sizeof *o->slot, e);
    o->own = sops_arena_alloc(&o->arena, verb->own_size + 1, e);
    if (o->slot == NULL || o->own == NULL || !add_key_slots(o, e)) {
        return false;
    }
    for (size_t t = 0; verb->tables != NULL && verb->tables[t] != NULL; t++) {
        for (const struct sops_option *def = verb->tables[t]->options; def->name != NULL; def++) {
            if (!add_slot(o, def, verb->tables[t]->title, e)) {
                return false;
            }
        }
    }
    bool ok = verb == &sops_verb_root || add_slot(o, &help_option, NULL, e);
    bind_all(o);
    return ok;
}

void sops_options_free(struct sops_options *o)
{
    sops_arena_free(&o->arena);
    *o = (struct sops_options){0};
}

/* ---- look-ups --------------------------------------------------------------------------------------------------- */

static struct sops_opt_slot *find(const struct sops_options *o, struct sops_slice name, bool *by_short)
{
    for (size_t i = 0; i < o->slots; i++) {
        const struct sops_option *def = &o->slot[i].def;
        if (sops_slice_eq(name, sops_str(def->name))) {
            *by_short = false;
            return &o->slot[i];
        }
        if (def->short_name != NULL && sops_slice_eq(name, sops_str(def->short_name))) {
            *by_short = true;
            return &o->slot[i];
        }
    }
    return NULL;
}

const char *sops_opt(const struct sops_options *o, const char *name)
{
    bool by_short;
    return text_of(find(o, sops_str(name), &by_short));
}

struct sops_slice sops_opt_slice(const struct sops_options *o, const char *name) { return sops_str(sops_opt(o, name)); }

const char *const *sops_opt_many(const struct sops_options *o, const char *name)
{
    static const char *const none[] = {NULL};
    bool by_short;
    const struct sops_opt_slot *s = find(o, sops_str(name), &by_short);
    return s != NULL ? (const char *const *)s->many : none;
}

bool sops_opt_any(const struct sops_options *o, const char *prefix)
{
    for (size_t i = 0; i < o->slots; i++) {
        const struct sops_opt_slot *s = &o->slot[i];
        if (strncmp(s->def.name, prefix, strlen(prefix)) == 0 && text_of(s) != NULL) {
            return true;
        }
    }
    return false;
}

const char *sops_arg(const struct sops_options *o, size_t i) { return i < o->argc ? o->args[i] : NULL; }

/* ---- hints ------------------------------------------------------------------------------------------------------ */

static bool is_global(struct sops_slice name)
{
    for (const struct sops_option *def = sops_opts_global.options; def->name != NULL; def++) {
        if (sops_slice_eq(name, sops_str(def->name))) {
            return true;
        }
    }
    return false;
}

static bool names_only_options_of(const struct sops_options *o, const char *part)
{
    for (const char *at = part; (at = strstr(at, "--")) != NULL;) {
        at += 2;
        struct sops_slice name = sops_slice_of(at, strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-"));
        bool by_short;
        if (name.len != 0 && find(o, name, &by_short) == NULL && !is_global(name)) {
            return false;
        }
        at += name.len;
    }
    return true;
}

bool sops_options_clash(const char *a, const char *b, struct sops_err *e)
{
    return sops_fail(e, SOPS_E_CONFLICT, "%s does not go with %s", a, b);
}

void sops_options_fit_hint(const struct sops_options *o, struct sops_err *e)
{
    static const char between[] = "; ";
    char whole[sizeof e->hint];
    size_t used = 0;
    memcpy(whole, e->hint, sizeof whole);
    e->hint[0] = '\0';
    for (char *part = whole, *next; part != NULL; part = next) {
        next = strstr(part, between);
        if (next != NULL) {
            *next = '\0';
            next += strlen(between);
        }
        if (names_only_options_of(o, part)) {
            used += (size_t)snprintf(e->hint + used, sizeof e->hint - used, "%s%s", used != 0 ? between : "", part);
        }
    }
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool add_value(struct sops_options *o, struct sops_opt_slot *s, const char *value, struct sops_err *e)
{
    const char **grown = sops_arena_alloc(&o->arena, (s->count + 2) * sizeof *grown, e);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown, s->many, s->count * sizeof *grown);
    grown[s->count++] = value;
    s->many = grown;
    return true;
}

/* `value` is NULL for a boolean without one. `from` names the option or the variable in messages. */
static bool set_value(struct sops_options *o, struct sops_opt_slot *s, const char *from, const char *value,
                      struct sops_err *e)
{
    s->text = value;
    switch (s->def.kind) {
    case SOPS_OPT_FLAG:
        s->on = true;
        return value == NULL || sops_bool_word(sops_str(value), &s->on) ||
               sops_fail(e, SOPS_E_GENERIC, "invalid boolean value \"%s\" for %s", value, from);
    case SOPS_OPT_INT:
        return sops_int_parse_literal(sops_str(value), &s->number) ||
               sops_fail(e, SOPS_E_GENERIC, "invalid value \"%s\" for %s: not a whole number", value, from);
    case SOPS_OPT_MANY:
        return add_value(o, s, value, e);
    case SOPS_OPT_WORD:
        s->text = value != NULL ? value : "true";
        return sops_bool_word(sops_str(s->text), &s->on) || strcmp(s->text, s->def.other) == 0 ||
               sops_fail(e, SOPS_E_GENERIC, "invalid value \"%s\" for %s: neither a boolean nor %s", value, from,
                         s->def.other);
    case SOPS_OPT_TEXT:
        return (s->def.flags & SOPS_OPT_FILLED) == 0 || value[0] != '\0' ||
               sops_fail(e, SOPS_E_GENERIC, "the value of %s is empty", from);
    }
    return true;
}

/* ---- the words -------------------------------------------------------------------------------------------------- */

/* The name in a word that begins with a dash: without dashes (all, or two at most), up to a '='. */
static struct sops_slice option_name(const char *word, size_t most_dashes)
{
    size_t dashes = strspn(word, "-");
    const char *name = word + (dashes < most_dashes ? dashes : most_dashes);
    return sops_slice_of(name, strcspn(name, "="));
}

static bool is_own_option(const struct sops_options *o, const char *word)
{
    bool by_short;
    return word[0] == '-' && find(o, option_name(word, SIZE_MAX), &by_short) != NULL;
}

/* The slot of a word that is an option here, else NULL. */
static const struct sops_opt_slot *slot_of(const struct sops_options *o, const char *word)
{
    bool by_short;
    return word[0] == '-' ? find(o, option_name(word, SIZE_MAX), &by_short) : NULL;
}

static bool takes_a_word(const struct sops_opt_slot *s, const char *word)
{
    return s != NULL && s->def.kind != SOPS_OPT_FLAG && strchr(word, '=') == NULL;
}

/* Is -r among the words before "--"? */
static bool says_recursive(const struct sops_options *o, const char *const *words)
{
    bool on = false;
    for (; words[0] != NULL && strcmp(words[0], "--") != 0; words++) {
        const struct sops_opt_slot *s = slot_of(o, words[0]);
        if (s != NULL && strcmp(s->def.name, "recursive") == 0) {
            const char *value = strchr(words[0], '=');
            on = true;
            (void)(value != NULL && sops_bool_word(sops_str(value + 1), &on));
        }
        words += takes_a_word(s, words[0]) && words[1] != NULL;
    }
    return on;
}

/* Options, and the word behind each that has no '=', move to the front; from "--" on nothing moves. With `many` only
 * the word behind an option that takes one does, and what looks like an option is one. */
static bool put_in_order(struct sops_options *o, const char *const *words, bool many, const char ***ordered,
                         struct sops_err *e)
{
    size_t n = 0, front = 0, rest = 0;
    while (words[n] != NULL) {
        n++;
    }
    const char **first = sops_arena_alloc(&o->arena, (n + 1) * sizeof *first, e);
    const char **other = sops_arena_alloc(&o->arena, (n + 1) * sizeof *other, e);
    if (first == NULL || other == NULL) {
        return false;
    }
    bool takes_next = false;
    size_t i = 0;
    for (; i < n; i++) {
        bool dashes = strcmp(words[i], "--") == 0;
        if (many && takes_next) {
            first[front++] = words[i];
            takes_next = false;
        } else if (many && !dashes && words[i][0] == '-' && words[i][1] != '\0') {
            first[front++] = words[i];
            takes_next = takes_a_word(slot_of(o, words[i]), words[i]);
        } else if (is_own_option(o, words[i])) {
            first[front++] = words[i];
            takes_next = strchr(words[i], '=') == NULL;
        } else if (takes_next) {
            first[front++] = words[i];
            takes_next = false;
        } else if (dashes) {
            first[front++] = words[i++];
            break;
        } else {
            other[rest++] = words[i];
        }
    }
    memcpy(first + front, other, rest * sizeof *first);
    for (front += rest; i < n; i++) {
        first[front++] = words[i];
    }
    *ordered = first;
    return true;
}

static bool unknown_option(const struct sops_options *o, struct sops_slice name, struct sops_err *e)
{
    char word[64];
    size_t n = name.len < sizeof word ? name.len : sizeof word - 1;
    memcpy(word, name.ptr, n);
    word[n] = '\0';
    const char *best = NULL;
    for (size_t i = 0; i < o->slots; i++) {
        const char *other = o->slot[i].def.name;
        if (sops_word_near(word, other) &&
            (best == NULL || sops_word_distance(word, other) < sops_word_distance(word, best))) {
            best = other;
        }
    }
    sops_fail(e, SOPS_E_GENERIC, "flag provided but not defined: -%.*s", SOPS_ARG(name));
    if (best != NULL) {
        sops_hint(e, "did you mean --%s?", best);
    }
    return false;
}

/* One option; `*used` gets the number of words that it took. */
static bool parse_option(struct sops_options *o, const char *const *words, size_t *used, struct sops_err *e)
{
    struct sops_slice name = option_name(words[0], 2);
    bool by_short = false;
    if (name.len == 0 || name.ptr[0] == '-') {
        return sops_fail(e, SOPS_E_GENERIC, "bad flag syntax: %s", words[0]);
    }
    struct sops_opt_slot *s = find(o, name, &by_short);
    if (s == NULL) {
        return unknown_option(o, name, e);
    }
    if (s->given && s->as_short != by_short) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot use two forms of the same flag: -%s and -%s", s->def.name,
                         s->def.short_name);
    }
    const char *after = (const char *)name.ptr + name.len;
    const char *value = *after == '=' ? after + 1 : NULL;
    *used = 1;
    if (value == NULL && s->def.kind != SOPS_OPT_FLAG && s->def.kind != SOPS_OPT_WORD) {
        value = words[1];
        *used = 2;
        if (value == NULL) {
            return sops_fail(e, SOPS_E_GENERIC, "flag needs an argument: -%.*s", SOPS_ARG(name));
        }
    }
    s->given = true;
    s->as_short = by_short;
    char from[80];
    (void)snprintf(from, sizeof from, "flag -%.*s", SOPS_ARG(sops_slice_first(name, 64)));
    return set_value(o, s, from, value, e);
}

bool sops_threads_wanted(const struct sops_opt_number *jobs, size_t *threads, struct sops_err *e)
{
    enum { MOST = 64, USUAL = 8, USUAL_MOST = 32 };
    size_t processors = sops_processors();
    if (jobs->given && (jobs->value < 1 || jobs->value > MOST)) {
        return sops_fail(e, SOPS_E_GENERIC, "--jobs takes a number from 1 to %d", MOST);
    }
    *threads = jobs->given               ? (size_t)jobs->value
               : processors < USUAL      ? USUAL
               : processors > USUAL_MOST ? USUAL_MOST
                                         : processors;
    return true;
}

bool sops_options_take(struct sops_options *o, const char *const *words, size_t *used, struct sops_err *e)
{
    bool by_short;
    *used = 0;
    return words[0][0] != '-' || find(o, option_name(words[0], 2), &by_short) == NULL ||
           parse_option(o, words, used, e);
}

static bool is_option(const char *word) { return word[0] == '-' && word[1] != '\0'; }

/* Where the first "--" stands that is not the value of an option, when an argument stands before it; else 0. */
static size_t dashes_at(const struct sops_options *o, const char *const *words)
{
    bool argument = false;
    for (size_t i = 0; words[i] != NULL; i++) {
        if (!is_option(words[i])) {
            argument = true;
            continue;
        }
        if (strcmp(words[i], "--") == 0) {
            return argument ? i : 0;
        }
        bool by_short;
        const struct sops_opt_slot *s = find(o, option_name(words[i], 2), &by_short);
        bool takes_next = s != NULL && s->def.kind != SOPS_OPT_FLAG && strchr(words[i], '=') == NULL;
        i += takes_next && words[i + 1] != NULL;
    }
    return 0;
}

/* Options and arguments, in any order, up to the word number `end`: nothing moves, so arguments keep their order. */
static bool parse_before_command(struct sops_options *o, const char *const *words, size_t end, bool *usage,
                                 struct sops_err *e)
{
    const char **args = sops_arena_alloc(&o->arena, (end + 1) * sizeof *args, e);
    size_t used = 1;
    if (args == NULL) {
        return false;
    }
    o->argc = 0;
    for (size_t i = 0; i < end; i += used) {
        used = 1;
        if (!is_option(words[i])) {
            args[o->argc++] = words[i];
        } else if (!parse_option(o, words + i, &used, e)) {
            *usage = true;
            return false;
        }
    }
    o->args = (const char *const *)args;
    o->ended = true;
    o->behind = words + end + 1;
    bind_all(o);
    return true;
}

bool sops_options_parse(struct sops_options *o, const char *const *words, bool reorder, bool *usage, struct sops_err *e)
{
    const char **ordered = NULL;
    *usage = false;
    size_t dashes = o->verb->takes_command ? dashes_at(o, words) : 0;
    if (dashes != 0) {
        return parse_before_command(o, words, dashes, usage, e);
    }
    if (reorder) {
        bool many = o->verb->many && says_recursive(o, words);
        if (!put_in_order(o, words, many, &ordered, e)) {
            return false;
        }
        words = (const char *const *)ordered;
    }
    while (words[0] != NULL && is_option(words[0])) {
        if (strcmp(words[0], "--") == 0) {
            o->ended = true;
            words++;
            break;
        }
        size_t used = 0;
        if (!parse_option(o, words, &used, e)) {
            *usage = true;
            return false;
        }
        words += used;
    }
    size_t n = 0;
    while (words[n] != NULL) {
        n++;
    }
    o->args = words;
    o->argc = n;
    bind_all(o);
    return true;
}

/* ---- the environment -------------------------------------------------------------------------------------------- */

/* Comma separated, blanks around each value do not count. */
static bool set_many(struct sops_options *o, struct sops_opt_slot *s, const char *value, struct sops_err *e)
{
    struct sops_slice rest = sops_str(value), piece;
    while (sops_slice_next(&rest, ',', &piece)) {
        struct sops_slice copy;
        piece = sops_slice_trim(piece);
        if (piece.len != 0 &&
            (!sops_arena_copy(&o->arena, piece, &copy, e) || !add_value(o, s, (const char *)copy.ptr, e))) {
            return false;
        }
    }
    return true;
}

bool sops_options_env(struct sops_options *o, struct sops_world *w, struct sops_err *e)
{
    for (size_t i = 0; i < o->slots; i++) {
        struct sops_opt_slot *s = &o->slot[i];
        const char *value = s->given || s->def.env == NULL ? NULL : w->env(w, s->def.env);
        if (value == NULL || (s->def.kind == SOPS_OPT_WORD && value[0] == '\0')) {
            continue;
        }
        if (s->def.kind == SOPS_OPT_FLAG && value[0] == '\0') {
            s->on = false;
        } else if (s->def.kind == SOPS_OPT_MANY) {
            if (!set_many(o, s, value, e)) {
                return false;
            }
        } else if (!set_value(o, s, s->def.env, value, e)) {
            return false;
        }
    }
    bind_all(o);
    return true;
}

bool sops_options_check_env(struct sops_world *w, struct sops_err *e)
{
    static const struct sops_opt_table *const tables[] = {&sops_opts_services, &sops_opts_global};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct sops_option *def = tables[t]->options; def->name != NULL; def++) {
            const char *value = def->env != NULL && def->kind == SOPS_OPT_FLAG ? w->env(w, def->env) : NULL;
            bool on;
            if (value != NULL && value[0] != '\0' && !sops_bool_word(sops_str(value), &on)) {
                sops_fail(e, SOPS_E_GENERIC, "invalid boolean value \"%s\" in %s", value, def->env);
                return sops_hint(e, "use true or false");
            }
        }
    }
    return true;
}
