/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eight places where identities may be. A broken one hinders no other: what is wrong with it is kept and shown only
 * when nothing fits. Files and variables are read once for the whole command (a pipe can be read only once, and a
 * passphrase should be asked for only once); the two commands run once for each recipient.
 */
#include "keysources/age_internal.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#define TEXT_MAX                                                                                                       \
    ((size_t)32 << 20) /* of what a source holds; a protected identity is shorter                                      \
                        * (docs/spec/61-age.md#passphrase-protected-identities)                                        \
                        */
#define LINE_MAX_LEN ((size_t)65536)
#define PAGE ((size_t)4080) /* with the canary of sodium_malloc one page */

/* ---- a set of identities ------------------------------------------------------------------------------------- */

struct sops_age_pages {
    struct sops_secret secret;
    size_t used;
    struct sops_age_pages *next;
};

uint8_t *sops_age_set_lock(struct sops_age_set *set, size_t size, struct sops_err *e)
{
    struct sops_age_pages *p = set->pages;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (p == NULL || p->secret.len - p->used < rounded) {
        p = sops_arena_alloc(&set->arena, sizeof *p, e);
        if (p == NULL || !sops_secret_new(&p->secret, rounded > PAGE ? rounded : PAGE, e)) {
            return NULL;
        }
        p->next = set->pages;
        set->pages = p;
    }
    p->used += rounded;
    return p->secret.ptr + p->used - rounded;
}

struct sops_age_identity *sops_age_set_add(struct sops_age_set *set, sops_age_unwrap_fn *unwrap,
                                           struct sops_slice secret, struct sops_err *e)
{
    struct sops_age_identity *id = sops_arena_alloc(&set->arena, sizeof *id, e);
    uint8_t *kept = id != NULL ? sops_age_set_lock(set, secret.len, e) : NULL;
    if (kept == NULL) {
        return NULL;
    }
    memcpy(kept, secret.ptr, secret.len);
    id->unwrap = unwrap;
    bool native = unwrap == sops_age_x25519_unwrap || unwrap == sops_age_hybrid_unwrap;
    id->rank = native ? SOPS_AGE_NATIVE : SOPS_AGE_ASKS;
    id->source = set->source;
    id->secret = sops_slice_of(kept, secret.len);
    id->set = set;
    if (set->last != NULL) {
        set->last->next = id;
    } else {
        set->first = id;
    }
    set->last = id;
    return id;
}

bool sops_age_given_up(const struct sops_age_identity *id, struct sops_err *e)
{
    return id->locked.len != 0 && !sops_fail(e, SOPS_E_GENERIC, "%.*s", SOPS_ARG(id->locked));
}

bool sops_age_give_up(struct sops_age_identity *id, const struct sops_err *e)
{
    struct sops_err none = {0};
    if (id->asked_once) {
        (void)!sops_arena_copy(&id->set->arena, sops_str(e->msg), &id->locked, &none);
    }
    sops_err_clear(&none);
    return false;
}

static pthread_mutex_t sets = PTHREAD_MUTEX_INITIALIZER;

void sops_age_set_hold(void) { (void)pthread_mutex_lock(&sets); }

void sops_age_set_release(void) { (void)pthread_mutex_unlock(&sets); }

static void free_pages(struct sops_age_pages *p)
{
    for (; p != NULL; p = p->next) {
        sops_secret_free(&p->secret);
    }
}

void sops_age_set_free(struct sops_age_set *set)
{
    if (set->inner != NULL) {
        free_pages(set->inner->pages);
        sops_arena_free(&set->inner->arena);
    }
    free_pages(set->pages);
    sops_arena_free(&set->arena);
    *set = (struct sops_age_set){0};
}

/* ---- identity text (docs/spec/61-age.md#plain-identity-text) ---- */

static bool parse_native(struct sops_age_set *set, struct sops_slice text, struct sops_slice prefix,
                         sops_age_unwrap_fn *unwrap, struct sops_err *e)
{
    struct sops_slice hrp;
    struct sops_buf *key = &set->decoded;
    sops_buf_cut(key, 0);
    bool ok = sops_bech32_take(text, &hrp, key, e);
    if (ok && (!sops_slice_eq(hrp, prefix) || key->len != 32)) {
        ok = sops_fail(e, SOPS_E_GENERIC, "a private identity has the wrong length");
    }
    return ok && sops_age_set_add(set, unwrap, sops_buf_view(key), e) != NULL;
}

static bool parse_plugin(struct sops_age_set *set, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice hrp;
    sops_buf_cut(&set->decoded, 0);
    bool ok = sops_bech32_take(text, &hrp, &set->decoded, e);
    if (ok && sops_age_plugin_name(hrp, true).len == 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "a plugin identity has a name that is not allowed");
    }
    return ok && sops_age_set_add(set, sops_age_plugin_unwrap, text, e) != NULL;
}

/* Names what people put where an identity belongs, without a word of it: it may be a secret all the same. */
static bool unknown_identity(struct sops_slice text, struct sops_err *e)
{
    static const struct {
        const char *front, *what;
    } known[] = {
        {"age1", "this is a public key (a recipient), where the private one is expected"},
        {"ssh-", "this is a public SSH key; the path of the private one goes into SOPS_AGE_SSH_PRIVATE_KEY_FILE"},
        {"-----BEGIN", "this is no age identity; the path of an SSH key goes into SOPS_AGE_SSH_PRIVATE_KEY_FILE"},
        {"/", "this is a path, which goes into SOPS_AGE_KEY_FILE"},
        {"~/", "this is a path, which goes into SOPS_AGE_KEY_FILE"},
        {"\"", "it stands in quotes, which do not belong to it"},
        {"'", "it stands in quotes, which do not belong to it"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (sops_slice_starts(text, sops_str(known[i].front))) {
            return sops_fail(e, SOPS_E_GENERIC, "%s", known[i].what);
        }
    }
    return sops_fail(e, SOPS_E_GENERIC, "unknown identity type");
}

static bool parse_one(struct sops_age_set *set, struct sops_slice text, enum sops_age_text how, struct sops_err *e)
{
    if (sops_slice_starts(text, SOPS_LIT("AGE-PLUGIN-")) && how != SOPS_AGE_TEXT_NATIVE) {
        return parse_plugin(set, text, e);
    }
    if (sops_slice_starts(text, SOPS_LIT("AGE-SECRET-KEY-PQ-1"))) {
        return parse_native(set, text, SOPS_LIT("AGE-SECRET-KEY-PQ-"), sops_age_hybrid_unwrap, e);
    }
    if (sops_slice_starts(text, SOPS_LIT("AGE-SECRET-KEY-1"))) {
        return parse_native(set, text, SOPS_LIT("AGE-SECRET-KEY-"), sops_age_x25519_unwrap, e);
    }
    return unknown_identity(text, e);
}

/* Takes the next word; false when only white space is left. */
static bool next_word(struct sops_slice *rest, struct sops_slice *word)
{
    *rest = sops_text_trim_left(*rest);
    size_t n = 0;
    while (n < rest->len) {
        uint32_t cp;
        size_t size = sops_utf8_next(sops_slice_skip(*rest, n), &cp);
        if (size != 0 && sops_is_space(cp)) {
            break;
        }
        n += size != 0 ? size : 1;
    }
    *word = sops_slice_first(*rest, n);
    *rest = sops_slice_skip(*rest, n);
    return n != 0;
}

static bool parse_line(struct sops_age_set *set, struct sops_slice line, enum sops_age_text how, struct sops_err *e)
{
    if (how != SOPS_AGE_TEXT_WORDS) {
        return parse_one(set, line, how, e);
    }
    struct sops_slice word;
    while (next_word(&line, &word)) {
        if (!parse_one(set, word, how, e)) {
            return false;
        }
    }
    return true;
}

bool sops_age_set_parse(struct sops_age_set *set, struct sops_slice text, enum sops_age_text how, struct sops_err *e)
{
    struct sops_slice line;
    unsigned number = 0;
    bool ok = true;
    set->decoded.locked = true;
    while (ok && sops_slice_next(&text, '\n', &line) && line.len < LINE_MAX_LEN) {
        number++;
        if (line.len != 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        struct sops_age_identity *before = set->last;
        if (line.len != 0 && line.ptr[0] != '#' && !parse_line(set, line, how, e)) {
            ok = sops_within(e, "line %u", number);
        }
        struct sops_age_identity *id = before != NULL ? before->next : set->first;
        for (; id != NULL; id = id->next) {
            id->line = number;
        }
    }
    sops_buf_free(&set->decoded);
    return ok;
}

/* ---- one source ---------------------------------------------------------------------------------------------- */

enum medium { IN_VARIABLE, IN_FILE, IN_COMMAND, IN_SSH_FILE, IN_SSH_COMMAND };

/* `under`: the rest of a path below $HOME or below the configuration folder, for the sources that no variable names. */
static const struct place {
    const char *variable, *under;
    enum medium medium;
} places[SOPS_AGE_SOURCES] = {
    {"SOPS_AGE_SSH_PRIVATE_KEY_FILE", NULL, IN_SSH_FILE},
    {"SOPS_AGE_SSH_PRIVATE_KEY_CMD", NULL, IN_SSH_COMMAND},
    {NULL, "/.ssh/id_ed25519", IN_SSH_FILE},
    {NULL, "/.ssh/id_rsa", IN_SSH_FILE},
    {"SOPS_AGE_KEY", NULL, IN_VARIABLE},
    {"SOPS_AGE_KEY_FILE", NULL, IN_FILE},
    {"SOPS_AGE_KEY_CMD", NULL, IN_COMMAND},
    {NULL, "/sops/age/keys.txt", IN_FILE},
};
#define CONFIG_PLACE (SOPS_AGE_SOURCES - 1)

static bool is_command(const struct place *p) { return p->medium == IN_COMMAND || p->medium == IN_SSH_COMMAND; }

/* What a source holds into its set. */
static bool take_text(struct sops_age_set *set, const struct place *p, const char *path, struct sops_slice text,
                      struct sops_err *e)
{
    set->readable = true;
    text = sops_text_without_mark(text);
    if (sops_text_is_utf16(text)) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "this is UTF-16, and keys are UTF-8; PowerShell writes it with -Encoding utf8");
    }
    if (p->medium == IN_SSH_FILE || p->medium == IN_SSH_COMMAND) {
        return sops_age_ssh_add(set, p->medium == IN_SSH_FILE ? path : NULL, text, e);
    }
    if (sops_age_is_protected(text)) {
        return sops_age_protected_add(set, text, e);
    }
    return sops_age_set_parse(set, text, p->medium == IN_VARIABLE ? SOPS_AGE_TEXT_WORDS : SOPS_AGE_TEXT_LINES, e);
}

static bool take_file(struct sops_age_set *set, const struct place *p, const char *path, struct sops_err *e)
{
    struct sops_buf text = {.locked = true};
    bool ok = sops_file_read(path, TEXT_MAX, &text, e) && take_text(set, p, path, sops_buf_view(&text), e);
    sops_buf_free(&text);
    return ok;
}

/* Runs a command without a shell (docs/spec/61-age.md#running-the-two-commands). */
static bool take_command(struct sops_world *w, struct sops_age_set *set, const struct place *p, const char *command,
                         struct sops_slice recipient, struct sops_err *e)
{
    struct sops_words words = {0};
    struct sops_outcome outcome = {.out = {.locked = true}};
    struct sops_buf variable = {0};
    const char *env[2] = {NULL, NULL};
    bool ok = sops_words_split(&words, sops_str(command), e);
    if (ok && words.count == 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the command is empty");
    }
    ok = ok && sops_buf_adds(&variable, "SOPS_AGE_RECIPIENT=", e) && sops_buf_add(&variable, recipient, e);
    env[0] = ok ? sops_buf_cstr(&variable, e) : NULL;
    if (env[0] != NULL) {
        struct sops_command c = {
            .argv = (const char *const *)words.word, .env = env, .limit = TEXT_MAX, .show_stderr = true};
        ok = w->run(w, &c, &outcome, e);
        if (ok && outcome.status != 0) {
            ok = sops_fail(e, SOPS_E_GENERIC, "exit status %d", outcome.status);
        }
        if (!ok) {
            sops_within(e, "failed to execute command '%s'", command);
        }
    }
    ok = ok && env[0] != NULL && take_text(set, p, NULL, sops_buf_view(&outcome.out), e);
    sops_outcome_free(&outcome);
    sops_words_free(&words);
    sops_buf_free(&variable);
    return ok;
}

/* The place that a variable names, or the path below $HOME or the configuration folder. False with `e` set when that
 * cannot be told, and without when the source is not there. */
static bool find_place(struct sops_world *w, const struct place *p, struct sops_buf *out, struct sops_err *e)
{
    if (p->variable != NULL) {
        const char *value = w->env(w, p->variable);
        return value != NULL && sops_buf_adds(out, value, e) && sops_buf_cstr(out, e) != NULL;
    }
    const char *home = sops_world_env_set(w, "HOME");
    const char *config = p == &places[CONFIG_PLACE] ? sops_world_env_set(w, "XDG_CONFIG_HOME") : NULL;
#ifdef __APPLE__
    const char *below = "/Library/Application Support";
#else
    const char *below = "/.config";
    if (config != NULL && config[0] != '/') {
        return sops_fail(e, SOPS_E_GENERIC, "XDG_CONFIG_HOME is not an absolute path");
    }
#endif
    if (home == NULL && config == NULL) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "HOME is not set: set it, or name the file of identities in SOPS_AGE_KEY_FILE");
    }
    return sops_buf_adds(out, config != NULL ? config : home, e) &&
           (p != &places[CONFIG_PLACE] || config != NULL || sops_buf_adds(out, below, e)) &&
           sops_buf_adds(out, p->under, e) && sops_buf_cstr(out, e) != NULL;
}

struct reading {
    const struct place *place;
    const char *value; /* of the variable, or the path */
    struct sops_slice recipient;
};

/* Fills a set; what is wrong with the source goes into set->error. */
static bool read_source(struct sops_world *w, struct sops_age_set *set, const struct reading *r, struct sops_err *e)
{
    struct sops_err why = {0};
    const struct place *p = r->place;
    bool ok = sops_arena_copy(&set->arena, sops_str(p->variable != NULL ? p->variable : r->value), &set->source, e);
    if (!ok) {
        return false;
    }
    if (is_command(p)) {
        ok = take_command(w, set, p, r->value, r->recipient, &why);
    } else if (p->medium == IN_VARIABLE) {
        ok = take_text(set, p, NULL, sops_str(r->value), &why);
    } else {
        ok = take_file(set, p, r->value, &why);
    }
    if (!ok && why.memory) {
        sops_err_clear(&why);
        return sops_fail_memory(e);
    }
    if (!ok) {
        set->first = set->last = NULL; /* one bad line spoils its source */
        ok = sops_arena_printf(&set->arena, &set->error, e, "%.*s: %s", SOPS_ARG(set->source), why.msg);
    } else {
        set->unused = set->first == NULL;
    }
    sops_err_clear(&why);
    return ok;
}

static void drop_set(void *set) { sops_age_set_free(set); }

static bool make_set(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    struct sops_age_set *set = sops_arena_alloc(a, sizeof *set, e);
    if (set == NULL) {
        return false;
    }
    if (!read_source(w, set, arg, e) || !sops_world_at_end(w, drop_set, set, e)) {
        sops_age_set_free(set);
        return false;
    }
    *made = set;
    return true;
}

/* The set of a file or a variable. */
static bool kept_set(struct sops_world *w, struct reading *r, struct sops_age_set **out, struct sops_err *e)
{
    void *made = NULL;
    bool ok = sops_world_once(w, r->place, SOPS_LIT(""), make_set, r, &made, e);
    *out = made;
    return ok;
}

static bool is_missing(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 && errno == ENOENT;
}

static bool load_one(struct sops_world *w, const struct place *p, struct sops_slice recipient, bool any_before,
                     struct sops_age_set *own, struct sops_age_set **out, struct sops_err *e)
{
    struct sops_buf value = {0};
    struct sops_err why = {0};
    *out = own;
    bool there = find_place(w, p, &value, &why);
    struct sops_slice shown = sops_str(p->variable);
    bool config = p == &places[CONFIG_PLACE];
    bool ok = true;
    if (there && p->variable == NULL) {
        shown = sops_buf_view(&value);
        struct stat st;
        there = config ? !is_missing((const char *)value.ptr) : stat((const char *)value.ptr, &st) == 0;
    }
    if (there) {
        struct reading r = {p, (const char *)value.ptr, recipient};
        ok = is_command(p) ? read_source(w, own, &r, e) : kept_set(w, &r, out, e);
    } else if (why.memory) {
        ok = sops_fail_memory(e);
    } else if (why.code != SOPS_OK) {
        ok = (config && any_before) || sops_arena_copy(&own->arena, sops_str(why.msg), &own->error, e);
    } else {
        own->unused = !config || !any_before;
        ok = sops_arena_copy(&own->arena, shown, &own->source, e);
    }
    sops_buf_free(&value);
    sops_err_clear(&why);
    return ok;
}

/* ---- all of them --------------------------------------------------------------------------------------------- */

/* Did an earlier source fail for the same reason (no HOME, below which several files would be)? */
static bool is_told(const struct sops_age_identities *ids, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (sops_slice_eq(ids->set[i]->error, ids->set[place]->error)) {
            return true;
        }
    }
    return false;
}

static bool add_errors(const struct sops_age_identities *ids, struct sops_buf *out, struct sops_err *e)
{
    const char *before = ". Errors while loading age identities: ";
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        struct sops_slice error = ids->set[i]->error;
        if (error.len == 0 || is_told(ids, i)) {
            continue;
        }
        if (!sops_buf_adds(out, before, e) || !sops_buf_add(out, error, e)) {
            return false;
        }
        before = "; ";
    }
    return true;
}

/* "'a'", "'a' and 'b'", "'a', 'b', and 'c'". */
static bool add_unused(const struct sops_age_identities *ids, struct sops_buf *out, struct sops_err *e)
{
    const struct sops_age_set *unused[SOPS_AGE_SOURCES];
    size_t n = 0;
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        if (ids->set[i]->unused) {
            unused[n++] = ids->set[i];
        }
    }
    if (n == 0) {
        return true;
    }
    bool ok = sops_buf_addf(out, e, ". Did not find keys in location%s", n > 1 ? "s" : "");
    for (size_t i = 0; ok && i < n; i++) {
        const char *join = i == 0 ? " " : i + 1 < n ? ", " : n > 2 ? ", and " : " and ";
        ok = sops_buf_addf(out, e, "%s'%.*s'", join, SOPS_ARG(unused[i]->source));
    }
    return ok && sops_buf_addc(out, '.', e);
}

static bool load_sources(struct sops_world *w, struct sops_slice recipient, struct sops_age_identities *out,
                         struct sops_err *e)
{
    bool any = false;
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        if (!load_one(w, &places[i], recipient, any, &out->own[i], &out->set[i], e)) {
            return false;
        }
        any = any || out->set[i]->readable;
        for (struct sops_age_identity *id = out->set[i]->first; id != NULL; id = id->next) {
            out->count++;
            out->asks = out->asks || id->rank == SOPS_AGE_ASKS;
        }
    }
    return add_errors(out, &out->sources, e) && add_unused(out, &out->sources, e);
}

static void drop_identities(void *thing)
{
    struct sops_age_identities *ids = thing;
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        sops_age_set_free(&ids->own[i]);
    }
    sops_buf_free(&ids->sources);
}

static bool make_identities(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_slice *recipient = arg;
    struct sops_age_identities *ids = sops_arena_alloc(a, sizeof *ids, e);
    if (ids == NULL) {
        return false;
    }
    if (!load_sources(w, *recipient, ids, e) || !sops_world_at_end(w, drop_identities, ids, e)) {
        drop_identities(ids);
        return false;
    }
    *made = ids;
    return true;
}

/* The commands may give other identities for another recipient. */
bool sops_age_identities_load(struct sops_world *w, struct sops_slice recipient, const struct sops_age_identities **out,
                              struct sops_err *e)
{
    bool commands = false;
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        commands = commands || (is_command(&places[i]) && w->env(w, places[i].variable) != NULL);
    }
    void *made = NULL;
    struct sops_slice seen = commands ? recipient : (struct sops_slice){0};
    bool ok = sops_world_once(w, places, commands ? recipient : SOPS_LIT("all"), make_identities, &seen, &made, e);
    *out = made;
    return ok;
}

/* ---- what is where, without asking --------------------------------------------------------------------------- */

/* What one identity tells of itself. */
static bool describe(struct sops_arena *a, const struct sops_age_identity *id, struct sops_own *o, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = true;
    *o = (struct sops_own){.line = id->line, .asks = id->rank == SOPS_AGE_ASKS, .handle = id};
    if (id->rank == SOPS_AGE_NATIVE) {
        o->kind = "age";
        ok = sops_age_native_recipient(id, &text, e);
    } else if (id->unwrap == sops_age_ssh_unwrap) {
        ok = sops_age_ssh_recipient(id, &text, e);
        o->kind = ok && sops_slice_starts(sops_buf_view(&text), SOPS_LIT("ssh-rsa")) ? "ssh-rsa" : "ssh-ed25519";
    } else if (id->unwrap == sops_age_plugin_unwrap) {
        struct sops_slice hrp, name;
        struct sops_buf ignored = {.locked = true};
        ok = sops_bech32_take(id->secret, &hrp, &ignored, e);
        name = ok ? sops_age_plugin_name(hrp, true) : (struct sops_slice){0};
        sops_buf_free(&ignored);
        struct sops_buf lower = {0};
        for (size_t i = 0; ok && i < name.len; i++) {
            ok = sops_buf_addc(&lower, sops_to_lower(name.ptr[i]), e);
        }
        o->kind = ok ? sops_arena_text(a, e, "plugin %.*s", SOPS_ARG(sops_buf_view(&lower))) : NULL;
        o->plugin = ok ? sops_arena_text(a, e, "age-plugin-%.*s", SOPS_ARG(sops_buf_view(&lower))) : NULL;
        ok = o->kind != NULL && o->plugin != NULL;
        sops_buf_free(&lower);
    } else {
        o->kind = "protected by a passphrase";
    }
    ok = ok && (text.len == 0 || sops_arena_copy(a, sops_buf_view(&text), &o->id, e));
    sops_buf_free(&text);
    return ok;
}

static bool list_own(struct sops_arena *a, const struct sops_age_set *set, struct sops_place *p, struct sops_err *e)
{
    struct sops_own **end = &p->own;
    for (const struct sops_age_identity *id = set->first; id != NULL; id = id->next) {
        struct sops_own *o = sops_arena_alloc(a, sizeof *o, e);
        if (o == NULL || !describe(a, id, o, e)) {
            return false;
        }
        *end = o;
        end = &o->next;
    }
    return true;
}

/* What to do about a source that is not as it should be. */
static const char *advise(const struct place *at, const char *error)
{
    if (strstr(error, "public key") != NULL) {
        return "put the private half there: a line that begins with AGE-SECRET-KEY-";
    }
    if (at->medium == IN_VARIABLE && strstr(error, "path") != NULL) {
        return "put the path into SOPS_AGE_KEY_FILE instead";
    }
    if (strstr(error, "ermission") != NULL) {
        return "let the user who runs sops read it: chmod 600, chown";
    }
    return at->medium == IN_FILE || at->medium == IN_SSH_FILE ? "correct the file, or name another one"
                                                              : "correct the variable, or unset it";
}

/* "mode 0600, owner 0", for a file that cannot be read. */
static bool add_mode(struct sops_arena *a, struct sops_place *p, struct sops_err *e)
{
    struct stat st;
    if (p->path == NULL || strstr(p->error, "ermission") == NULL || stat(p->path, &st) != 0) {
        return true;
    }
    p->error = sops_arena_text(a, e, "%s (mode %04o, owner %u)", p->error, (unsigned)(st.st_mode & 07777),
                               (unsigned)st.st_uid);
    return p->error != NULL;
}

static bool look_into(struct sops_world *w, struct sops_arena *a, const struct place *at, const char *value,
                      struct sops_place *p, struct sops_err *e)
{
    struct reading r = {at, value, {0}};
    struct sops_age_set *set = NULL;
    if (!kept_set(w, &r, &set, e)) {
        return false;
    }
    if (set->error.len != 0) {
        p->state = SOPS_PLACE_FAULTY;
        p->error = sops_arena_text(a, e, "%.*s", SOPS_ARG(set->error));
        p->next_step = p->error != NULL ? advise(at, p->error) : NULL;
        return p->error != NULL && add_mode(a, p, e);
    }
    p->state = set->first != NULL ? SOPS_PLACE_HOLDS : SOPS_PLACE_EMPTY;
    p->error = set->first == NULL ? "it holds no identity" : NULL;
    p->next_step = set->first == NULL ? "put an identity there (sops keygen), or unset it" : NULL;
    return list_own(a, set, p, e);
}

static bool make_place(struct sops_world *w, struct sops_arena *a, const struct place *at, struct sops_place *p,
                       struct sops_err *e)
{
    struct sops_buf value = {0};
    struct sops_err why = {0};
    bool there = find_place(w, at, &value, &why), ok = !why.memory || sops_fail_memory(e);
    const char *text = ok && there ? sops_arena_text(a, e, "%s", (const char *)value.ptr) : NULL;
    ok = ok && (!there || text != NULL);
    p->name = at->variable != NULL ? at->variable : text != NULL ? text : at->under;
    p->source = at->variable != NULL ? at->variable : "file";
    p->path = at->medium == IN_FILE || at->medium == IN_SSH_FILE ? text : NULL;
    if (ok && why.code != SOPS_OK) {
        p->state = SOPS_PLACE_FAULTY;
        p->error = sops_arena_text(a, e, "%s", why.msg);
        p->next_step = "set HOME, or XDG_CONFIG_HOME to an absolute path";
        ok = p->error != NULL;
    } else if (ok && !there) {
        p->state = SOPS_PLACE_UNSET;
    } else if (ok && is_command(at)) {
        p->state = SOPS_PLACE_COMMAND;
    } else if (ok && at->variable == NULL && is_missing(text)) {
        p->state = SOPS_PLACE_MISSING;
    } else if (ok) {
        ok = look_into(w, a, at, text, p, e);
    }
    sops_err_clear(&why);
    sops_buf_free(&value);
    return ok;
}

bool sops_age_places(struct sops_world *w, struct sops_arena *a, struct sops_place **out, struct sops_err *e)
{
    for (size_t i = 0; i < SOPS_AGE_SOURCES; i++) {
        struct sops_place *p = sops_arena_alloc(a, sizeof *p, e);
        if (p == NULL || !make_place(w, a, &places[i], p, e)) {
            return false;
        }
        *out = p;
        out = &p->next;
    }
    return true;
}
