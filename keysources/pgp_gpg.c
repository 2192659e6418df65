/* SPDX-License-Identifier: Apache-2.0 */
/* gpg's own words are the error text, as people search for them; what is wrong with a key is looked up only after a
 * failure, since gpg says "Unusable public key" for most of it. gpgme takes the terminal for the passphrase from the
 * environment of this process and has no other way in, hence the setenv: only while gpg decrypts, when no other thread
 * runs, so that no program of the user's (exec-env, an editor) inherits it. */
#include "keysources/pgp_gpg.h"

#include "base/dl.h"
#include "base/proc.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <gpgme.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)1 << 20) /* an armored message to many subkeys stays far below this */

static const char owner[] = "pgp_gpg"; /* of the loaded library among the world's slots */
#define NO_TERMINAL "/dev/no-terminal"

struct gpgme {
    __typeof__(gpgme_set_global_flag) *set_flag;
    __typeof__(gpgme_check_version) *check_version;
    __typeof__(gpgme_strerror_r) *strerror_r;
    __typeof__(gpgme_new) *new_context;
    __typeof__(gpgme_release) *release;
    __typeof__(gpgme_ctx_set_engine_info) *set_engine_info;
    __typeof__(gpgme_set_armor) *set_armor;
    __typeof__(gpgme_set_passphrase_cb) *set_passphrase;
    __typeof__(gpgme_set_pinentry_mode) *set_pinentry;
    __typeof__(gpgme_io_writen) *write_all;
    __typeof__(gpgme_op_encrypt_ext) *encrypt;
    __typeof__(gpgme_op_decrypt) *decrypt;
    __typeof__(gpgme_op_getauditlog) *get_log;
    __typeof__(gpgme_data_new_from_mem) *data_from_mem;
    __typeof__(gpgme_data_new_from_cbs) *data_from_cbs;
    __typeof__(gpgme_data_release) *data_release;
    __typeof__(gpgme_get_key) *get_key;
    __typeof__(gpgme_key_unref) *key_unref;
};

/* ---- the library and the program ---------------------------------------------------------------------------- */

/* The name of the terminal that controls this process, also when stdin, stdout and stderr lead elsewhere. */
static bool terminal_name(char *name, size_t room)
{
    for (int fd = 0; fd < 3; fd++) {
        if (ttyname_r(fd, name, room) == 0) {
            return true;
        }
    }
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    unsigned device = 0;
    bool found = fd >= 0 && ioctl(fd, TIOCGDEV, &device) == 0 && major(device) == 136; /* Unix98 terminals */
    if (fd >= 0) {
        (void)close(fd);
    }
    return found && snprintf(name, room, "/dev/pts/%u", minor(device)) > 0;
}

/* Without a terminal the agent must not ask on the one where it was started, as nobody may sit there; and with a device
 * like /dev/null its prompt waits for ever. What the user has set stays. Gives whether there is a terminal. */
static bool announce_terminal(struct sops_world *w)
{
    char name[128];
    if (sops_world_env_set(w, "GPG_TTY") != NULL) {
        return true;
    }
    bool found = terminal_name(name, sizeof name);
    (void)setenv("GPG_TTY", found ? name : NO_TERMINAL, 1);
    return found;
}

/* `before`: what GPG_TTY was; NULL: not set. */
static void withdraw_terminal(const char *before)
{
    if (before == NULL) {
        (void)unsetenv("GPG_TTY");
    } else if (before[0] == '\0') {
        (void)setenv("GPG_TTY", "", 1);
    }
}

static bool load(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    (void)w;
    (void)arg;
    struct gpgme *g = sops_arena_alloc(a, sizeof *g, e);
    if (g == NULL) {
        return false;
    }
    const struct sops_dl_symbol symbols[] = {
        {"gpgme_set_global_flag", &g->set_flag},
        {"gpgme_check_version", &g->check_version},
        {"gpgme_strerror_r", &g->strerror_r},
        {"gpgme_new", &g->new_context},
        {"gpgme_release", &g->release},
        {"gpgme_ctx_set_engine_info", &g->set_engine_info},
        {"gpgme_set_armor", &g->set_armor},
        {"gpgme_set_passphrase_cb", &g->set_passphrase},
        {"gpgme_set_pinentry_mode", &g->set_pinentry},
        {"gpgme_io_writen", &g->write_all},
        {"gpgme_op_encrypt_ext", &g->encrypt},
        {"gpgme_op_decrypt", &g->decrypt},
        {"gpgme_op_getauditlog", &g->get_log},
        {"gpgme_data_new_from_mem", &g->data_from_mem},
        {"gpgme_data_new_from_cbs", &g->data_from_cbs},
        {"gpgme_data_release", &g->data_release},
        {"gpgme_get_key", &g->get_key},
        {"gpgme_key_unref", &g->key_unref},
        {NULL, NULL},
    };
    if (!sops_dl_load("libgpgme.so.11", "libgpgme11", symbols, e)) {
        return false;
    }
    /* We say which gpg it is; looking for others would take four more processes. */
    (void)g->set_flag("disable-gpgconf", "1");
    if (g->check_version("1.13.0") == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "the library 'libgpgme.so.11' is older than 1.13");
    }
    *made = g;
    return true;
}

static bool failed(const struct gpgme *g, gpgme_error_t error, const char *what, struct sops_err *e)
{
    char text[128] = "";
    (void)g->strerror_r(error, text, sizeof text);
    return error == 0 || sops_fail(e, SOPS_E_GENERIC, "%s: %s", what, text);
}

/* A context whose engine is SOPS_GPG_EXEC, or the gpg on PATH, with GNUPGHOME as its home. */
static bool open_context(struct sops_world *w, const struct gpgme *g, gpgme_ctx_t *context, struct sops_err *e)
{
    const char *named = sops_world_env_set(w, "SOPS_GPG_EXEC");
    const char *path = sops_world_env_set(w, "PATH");
    struct sops_buf program = {0};
    const char *file = NULL;
    bool ok = sops_proc_find(named != NULL ? named : "gpg", path != NULL ? path : "", &program, e);
    if (!ok) {
        (void)sops_hint(e, named != NULL ? "SOPS_GPG_EXEC names a program that is not there"
                                         : "install it: apt-get install gnupg");
    }
    ok = ok && (file = sops_buf_cstr(&program, e)) != NULL;
    ok = ok && failed(g, g->new_context(context), "cannot start gpgme", e);
    if (ok) {
        const char *home = sops_world_env_set(w, "GNUPGHOME");
        gpgme_error_t error = g->set_engine_info(*context, GPGME_PROTOCOL_OpenPGP, file, home);
        if (gpgme_err_code(error) == GPG_ERR_INV_ENGINE) {
            ok = sops_fail(e, SOPS_E_GENERIC, "zero bytes returned: '%s' is no gpg, as it does not say its version",
                           file);
        } else {
            ok = failed(g, error, "cannot use gpg", e);
        }
    }
    sops_buf_free(&program);
    return ok;
}

/* ---- bytes to and from gpg ----------------------------------------------------------------------------------- */

struct sink {
    struct sops_buf *to;
    struct sops_err *e;
};

static ssize_t take(void *handle, const void *bytes, size_t n)
{
    struct sink *s = handle;
    if (n > MESSAGE_MAX - s->to->len || !sops_buf_add(s->to, sops_slice_of(bytes, n), s->e)) {
        errno = ENOMEM;
        return -1;
    }
    return (ssize_t)n;
}

/* Appends what gpg wrote to stderr in the operation before, without white space around it. */
static bool gpg_words(const struct gpgme *g, gpgme_ctx_t context, struct sops_buf *words, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sink sink = {&text, e};
    struct gpgme_data_cbs calls = {.write = take};
    gpgme_data_t log = NULL;
    if (g->data_from_cbs(&log, &calls, &sink) == 0) {
        (void)g->get_log(context, log, GPGME_AUDITLOG_DIAG);
        g->data_release(log);
    }
    bool ok = e->code == SOPS_OK && sops_buf_add(words, sops_slice_trim(sops_buf_view(&text)), e);
    sops_buf_free(&text);
    return ok;
}

/* ---- what is wrong with a key -------------------------------------------------------------------------------- */

static bool day(struct sops_buf *out, const char *what, long when, const char *then, struct sops_err *e)
{
    struct sops_buf text = {0};
    bool ok = sops_time_utc(&text, when, e) &&
              sops_buf_addf(out, e, "%s expired on %.10s (%s)", what, (const char *)text.ptr, then);
    sops_buf_free(&text);
    return ok;
}

static bool subkey_named(const struct _gpgme_subkey *s, struct sops_slice name)
{
    const char *fingerprint = s->fpr != NULL ? s->fpr : s->_keyid;
    return sops_ends_word(sops_str(fingerprint), name);
}

/* Nothing is appended when the keyring shows no reason. `forced`: exactly this (sub)key was asked for. */
static bool diagnose_subkeys(const struct _gpgme_key *key, struct sops_slice name, bool forced, struct sops_buf *out,
                             struct sops_err *e)
{
    const struct _gpgme_subkey *expired = NULL, *revoked = NULL;
    for (const struct _gpgme_subkey *s = key->subkeys; s != NULL; s = s->next) {
        if (!s->can_encrypt || (forced && !subkey_named(s, name))) {
            continue;
        }
        if (!s->expired && !s->revoked && !s->disabled && !s->invalid) {
            return true;
        }
        expired = s->expired ? s : expired;
        revoked = s->revoked ? s : revoked;
    }
    if (expired != NULL) {
        return day(out, "its subkey for encryption", expired->expires, "the owner can extend it; then import it again",
                   e);
    }
    if (revoked != NULL) {
        return sops_buf_adds(out, "its subkey for encryption is revoked (import the newest form of the key)", e);
    }
    return sops_buf_adds(out,
                         forced ? "the part of the key that is asked for cannot encrypt (leave the '!' away)"
                                : "it has no subkey for encryption (its owner can add one with gpg --quick-add-key)",
                         e);
}

/* Why gpg could not encrypt to `name`, and what to do, in words; nothing when it is not the key's fault. */
static bool diagnose(const struct gpgme *g, gpgme_ctx_t context, struct sops_slice name, bool forced,
                     struct sops_buf *out, struct sops_err *e)
{
    char text[80];
    (void)snprintf(text, sizeof text, "%.*s", SOPS_ARG(name));
    gpgme_key_t key = NULL;
    gpgme_error_t error = g->get_key(context, text, &key, 0);
    if (error != 0) {
        unsigned code = gpgme_err_code(error);
        return (code != GPG_ERR_EOF && code != GPG_ERR_NO_PUBKEY) ||
               sops_buf_adds(out, "the key is not in the keyring (import it with gpg --import)", e);
    }
    bool ok;
    if (key->revoked) {
        ok = sops_buf_adds(out, "the key is revoked (ask its owner for the new one)", e);
    } else if (key->expired) {
        long when = key->subkeys != NULL ? key->subkeys->expires : 0;
        ok = day(out, "the key", when, "its owner can extend it; then import it again", e);
    } else if (key->disabled) {
        ok = sops_buf_adds(out, "the key is disabled (gpg --edit-key, then \"enable\")", e);
    } else {
        ok = diagnose_subkeys(key, name, forced, out, e);
    }
    g->key_unref(key);
    return ok;
}

/* ---- the two operations -------------------------------------------------------------------------------------- */

/* Fails with what gpg said, or with what gpgme says when gpg said nothing. */
static bool fail_with_words(const struct gpgme *g, gpgme_error_t error, struct sops_slice reason,
                            struct sops_slice words, struct sops_err *e)
{
    char text[128] = "";
    (void)g->strerror_r(error, text, sizeof text);
    if (words.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "%.*s%szero bytes returned: %s", SOPS_ARG(reason),
                         reason.len != 0 ? ": " : "", text);
    }
    return sops_fail(e, SOPS_E_GENERIC, "%.*s%s%.*s", SOPS_ARG(reason), reason.len != 0 ? ": " : "", SOPS_ARG(words));
}

/* Splits "0xFINGERPRINT!" and refuses what gpg would take for something else than one key
 * (docs/spec/60-keysources.md#pgp-what-that-means-in-practice). */
static bool check_name(struct sops_slice fingerprint, struct sops_slice *name, bool *forced, struct sops_err *e)
{
    struct sops_slice s = fingerprint;
    if (s.len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "the fingerprint is empty (is there a comma too many?)");
    }
    if (sops_slice_starts(s, SOPS_LIT("0x")) || sops_slice_starts(s, SOPS_LIT("0X"))) {
        s = sops_slice_skip(s, 2);
    }
    *forced = sops_slice_ends(s, SOPS_LIT("!"));
    s = sops_slice_first(s, s.len - (*forced ? 1 : 0));
    bool hex = s.len == 16 || s.len == 32 || s.len == 40 || s.len == 64;
    for (size_t i = 0; hex && i < s.len; i++) {
        hex = sops_hex_digit(s.ptr[i]) < 16;
    }
    if (!hex) {
        return sops_fail(e, SOPS_E_GENERIC,
                         "'%.*s' is not a valid long key id (give the fingerprint, or 16 hexadecimal digits)",
                         SOPS_ARG(fingerprint));
    }
    *name = s;
    return true;
}

bool sops_gpg_encrypt(struct sops_world *w, struct sops_slice fingerprint, struct sops_slice plain,
                      struct sops_buf *armor, struct sops_err *e)
{
    struct sops_slice name = {0};
    bool forced = false;
    void *loaded = NULL;
    if (!check_name(fingerprint, &name, &forced, e) ||
        !sops_world_once(w, owner, SOPS_LIT("gpgme"), load, NULL, &loaded, e)) {
        return false;
    }
    const struct gpgme *g = loaded;
    gpgme_ctx_t context = NULL;
    gpgme_data_t in = NULL, out = NULL;
    struct sops_buf text = {0}, words = {0}, reason = {0};
    struct sink sink = {&text, e};
    struct gpgme_data_cbs calls = {.write = take};
    char recipient[80];
    (void)snprintf(recipient, sizeof recipient, "%.*s", SOPS_ARG(fingerprint));
    bool ok =
        open_context(w, g, &context, e) &&
        failed(g, g->data_from_mem(&in, (const char *)plain.ptr, plain.len, 0), "cannot hand over the data key", e) &&
        failed(g, g->data_from_cbs(&out, &calls, &sink), "cannot take the message", e);
    if (ok) {
        g->set_armor(context, 1);
        gpgme_error_t error =
            g->encrypt(context, NULL, recipient, GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_ENCRYPT_TO, in, out);
        if (error != 0) {
            ok = gpg_words(g, context, &words, e) && diagnose(g, context, name, forced, &reason, e) &&
                 fail_with_words(g, error, sops_buf_view(&reason), sops_buf_view(&words), e);
        }
    }
    struct sops_slice trimmed = sops_slice_trim(sops_buf_view(&text));
    if (ok && trimmed.len == 0) {
        ok = sops_fail(e, SOPS_E_GENERIC, "zero bytes returned");
    }
    ok = ok && sops_buf_add(armor, trimmed, e);
    sops_buf_free(&reason);
    sops_buf_free(&words);
    sops_buf_free(&text);
    if (context != NULL) {
        g->data_release(out);
        g->data_release(in);
        g->release(context);
    }
    return ok;
}

/* What it takes to ask for a passphrase in place of the agent, and what came of it. */
struct asking {
    struct sops_world *world;
    const struct gpgme *g;
    struct sops_err why; /* nobody could be asked */
};

/* Called when gpg may not have its agent ask ("pinentry-mode loopback" in gpg.conf). `hint` is "KEYID NAME"; `fd` takes
 * the passphrase as a line. */
static gpgme_error_t ask_passphrase(void *handle, const char *hint, const char *info, int bad_before, int fd)
{
    struct asking *a = handle;
    struct sops_buf prompt = {0}, typed = {.locked = true};
    struct sops_slice rest = hint != NULL ? sops_str(hint) : SOPS_LIT(""), id = {0};
    (void)info;
    bool named = sops_slice_next(&rest, ' ', &id) && rest.len != 0;
    bool ok = sops_buf_addf(&prompt, &a->why, "%sEnter passphrase for PGP key%s", bad_before ? "Bad passphrase. " : "",
                            named ? " \"" : "");
    for (size_t i = 0; ok && named && i < rest.len; i++) {
        ok = sops_buf_addc(&prompt, rest.ptr[i] < ' ' || rest.ptr[i] == 0x7F ? '?' : rest.ptr[i], &a->why);
    }
    ok = ok && sops_buf_adds(&prompt, named ? "\":" : ":", &a->why);
    struct sops_question q = {.kind = SOPS_ASK_SECRET, .prompt = ok ? sops_buf_cstr(&prompt, &a->why) : NULL};
    ok = q.prompt != NULL && a->world->ask(a->world, &q, &typed, &a->why) && sops_buf_addc(&typed, '\n', &a->why);
    ok = ok && (a->g->write_all(fd, typed.ptr, typed.len) == 0 ||
                sops_fail(&a->why, SOPS_E_GENERIC, "gpg does not take the passphrase"));
    sops_buf_free(&prompt);
    sops_buf_free(&typed);
    return ok ? 0 : gpgme_error(GPG_ERR_CANCELED);
}

static bool says(struct sops_slice words, const char *what)
{
    return words.len != 0 && memmem(words.ptr, words.len, what, strlen(what)) != NULL;
}

/* Fails for a message that gpg did not decrypt. When a secret key was there and could not be used, nobody could be
 * asked for its passphrase, or it was wrong. */
static bool fail_decrypt(const struct gpgme *g, gpgme_error_t error, bool terminal, struct sops_slice words,
                         const struct asking *asking, struct sops_err *e)
{
    if (asking->why.code != SOPS_OK) {
        sops_fail(e, SOPS_E_GENERIC, "no passphrase: %s", asking->why.msg);
        return sops_hint(e,
                         "gpg.conf has \"pinentry-mode loopback\", so it is asked for on the terminal of sops; without "
                         "one, take that line out, or have gpg-agent keep the passphrase");
    }
    bool tried = says(words, "public key decryption failed");
    bool forbidden = says(words, "setting pinentry mode");
    bool missing = !tried && !forbidden && says(words, "No secret key");
    struct sops_slice reason = terminal || !tried
                                   ? (struct sops_slice){0}
                                   : SOPS_LIT("there is no terminal to ask for the passphrase on (set GPG_TTY, or have "
                                              "gpg-agent keep the passphrase)");
    fail_with_words(g, error, reason, words, e);
    if (forbidden) {
        sops_hint(
            e, "gpg-agent.conf has \"no-allow-loopback-pinentry\", and gpg.conf \"pinentry-mode loopback\": take one "
               "of the two out");
    }
    return missing ? sops_hint(e, "the secret key is in no keyring here (`gpg -K` lists those that are)") : false;
}

/* Neither armor nor the first byte of a packet: then gpg need not be started, as a file may list many such keys. */
static bool is_no_message(struct sops_slice armor)
{
    return !says(armor, "-----BEGIN PGP") && (armor.len == 0 || (armor.ptr[0] & 0x80) == 0);
}

bool sops_gpg_decrypt(struct sops_world *w, struct sops_slice armor, struct sops_buf *plain, struct sops_err *e)
{
    void *loaded = NULL;
    if (is_no_message(armor)) {
        return sops_fail(e, SOPS_E_GENERIC, "no valid OpenPGP data found");
    }
    if (!sops_world_once(w, owner, SOPS_LIT("gpgme"), load, NULL, &loaded, e)) {
        return false;
    }
    const struct gpgme *g = loaded;
    gpgme_ctx_t context = NULL;
    gpgme_data_t in = NULL, out = NULL;
    struct sops_buf text = {.locked = true}, words = {0};
    struct sink sink = {&text, e};
    struct asking asking = {.world = w, .g = g};
    struct gpgme_data_cbs calls = {.write = take};
    bool ok =
        open_context(w, g, &context, e) &&
        failed(g, g->data_from_mem(&in, (const char *)armor.ptr, armor.len, 0), "cannot hand over the message", e) &&
        failed(g, g->data_from_cbs(&out, &calls, &sink), "cannot take the data key", e);
    if (ok) {
        const char *before = w->env(w, "GPG_TTY");
        bool terminal = announce_terminal(w);
        g->set_passphrase(context, ask_passphrase, &asking);
        if (w->never_asks) {
            (void)g->set_pinentry(context, GPGME_PINENTRY_MODE_ERROR);
        }
        gpgme_error_t error = g->decrypt(context, in, out);
        withdraw_terminal(before);
        if (error != 0) {
            ok =
                gpg_words(g, context, &words, e) && fail_decrypt(g, error, terminal, sops_buf_view(&words), &asking, e);
        } else if (text.len == 0) {
            ok = sops_fail(e, SOPS_E_GENERIC, "zero bytes returned");
        }
    }
    ok = ok && sops_buf_add(plain, sops_buf_view(&text), e);
    sops_err_clear(&asking.why);
    sops_buf_free(&words);
    sops_buf_free(&text);
    if (context != NULL) {
        g->data_release(out);
        g->data_release(in);
        g->release(context);
    }
    return ok;
}
