/* SPDX-License-Identifier: Apache-2.0 */
/* Why the data key cannot be had: each place of identities, each key, and what to do about it. */
#include "cli/doctor.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/proc.h"
#include "core/shamir.h"

#include <dirent.h>
#include <stdlib.h>

/* ---- places
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_identities(struct doctor *d, const struct sops_place *p, struct doctor_check *c, struct sops_err *e)
{
    struct sops_buf text = {0};
    size_t n = 0;
    bool ok = true;
    for (const struct sops_own *o = p->own; ok && o != NULL; o = o->next) {
        ok = sops_buf_adds(&text, n++ != 0 ? ", " : "", e) &&
             (o->id.len != 0 ? sops_buf_add(&text, o->id, e) : sops_buf_adds(&text, o->kind, e));
    }
    const char *where = p->path != NULL ? p->path : p->name;
    c->where = ok ? sops_arena_text(&d->arena, e, "%s: %zu %s: %.*s", where, n, n == 1 ? "identity" : "identities",
                                    SOPS_ARG(sops_buf_view(&text)))
                  : NULL;
    sops_buf_free(&text);
    return c->where != NULL;
}

bool doctor_places(struct doctor *d, struct sops_err *e)
{
    const struct sops_place *p;
    bool ok = own_keys_places(&d->own, sops_keysource_named(SOPS_LIT("age")), &p, e);
    for (; ok && p != NULL; p = p->next) {
        bool bad = p->state == SOPS_PLACE_FAULTY || p->state == SOPS_PLACE_EMPTY;
        bool holds = p->state == SOPS_PLACE_HOLDS;
        struct doctor_check *c = doctor_add(d, "place",
                                            bad     ? DOCTOR_FAIL
                                            : holds ? DOCTOR_OK
                                                    : DOCTOR_NOT_TRIED,
                                            p->name, e);
        ok = c != NULL;
        if (!ok) {
            break;
        }
        c->where = p->path;
        if (holds) {
            ok = add_identities(d, p, c, e);
        } else if (bad) {
            c->error = p->error;
            c->next_step = p->next_step != NULL ? p->next_step : "correct it, or unset it";
        } else {
            const char *state = p->state == SOPS_PLACE_UNSET     ? "not set"
                                : p->state == SOPS_PLACE_MISSING ? "no such file"
                                                                 : "a command, which runs for each key that is tried";
            c->where = p->path != NULL ? sops_arena_text(&d->arena, e, "%s: %s", p->path, state) : state;
            ok = c->where != NULL;
        }
    }
    return ok;
}

/* ---- what to do about a key
 * --------------------------------------------------------------------------------------------- */

static const char *name_of(struct doctor *d, const struct sops_key *k, struct sops_err *e)
{
    struct sops_names *names = sops_configs_names(&d->configs, d->judge != NULL ? d->judge : &d->configs.none, e);
    return names != NULL ? sops_names_get(names, k, &names->arena, e) : NULL;
}

/* The names of the keys of a group (of all: NULL), as one asks people for. */
static const char *people(struct doctor *d, const struct sops_group *only, const bool *opened, struct sops_err *e)
{
    enum { MOST = 10 };
    struct sops_buf text = {0};
    size_t n = 0, number = 0;
    bool ok = true;
    for (const struct sops_group *g = sops_envelope_meta(d->env)->groups; ok && g != NULL; g = g->next, number++) {
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            if ((only != NULL && g != only) || (opened != NULL && opened[number]) || n >= MOST) {
                continue;
            }
            const char *name = name_of(d, k, e);
            ok = e->code == SOPS_OK && sops_buf_adds(&text, n++ != 0 ? ", " : "", e) &&
                 (name != NULL ? sops_buf_adds(&text, name, e) : sops_key_show(k, &text, e));
        }
    }
    const char *copy = ok ? sops_arena_text(&d->arena, e, "%.*s", SOPS_ARG(sops_buf_view(&text))) : NULL;
    sops_buf_free(&text);
    return copy;
}

/* The recipients of the identities that are there; empty: there are none. */
static const char *own_recipients(struct doctor *d, size_t *count, struct sops_err *e)
{
    const struct sops_place *p;
    struct sops_buf text = {0};
    bool ok = own_keys_places(&d->own, sops_keysource_named(SOPS_LIT("age")), &p, e);
    *count = 0;
    for (; ok && p != NULL; p = p->next) {
        for (const struct sops_own *o = p->own; ok && o != NULL; o = o->next) {
            ok = sops_buf_adds(&text, (*count)++ != 0 ? ", " : "", e) &&
                 (o->id.len != 0 ? sops_buf_add(&text, o->id, e) : sops_buf_adds(&text, o->kind, e));
        }
    }
    const char *copy = ok ? sops_arena_text(&d->arena, e, "%.*s", SOPS_ARG(sops_buf_view(&text))) : NULL;
    sops_buf_free(&text);
    return copy;
}

/* The key itself: type and base64, without the comment. */
static struct sops_slice ssh_key_of(struct sops_slice text)
{
    struct sops_slice rest = sops_slice_trim(text), type = {0}, key = {0};
    if (sops_slice_next(&rest, ' ', &type) && rest.ptr != NULL) {
        (void)sops_slice_next(&rest, ' ', &key);
    }
    return sops_slice_trim(key);
}

/* A file ~/.ssh/NAME.pub with this key: the path of the private one. NULL: none. */
static const char *find_ssh(struct doctor *d, struct sops_slice recipient, struct sops_err *e)
{
    const char *home = sops_world_env_set(d->job->world, "HOME");
    const char *folder = home != NULL ? sops_arena_text(&d->arena, e, "%s/.ssh", home) : NULL;
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    const char *found = NULL;
    const struct dirent *entry;
    while (dir != NULL && found == NULL && e->code == SOPS_OK && (entry = readdir(dir)) != NULL) {
        struct sops_buf text = {0};
        struct sops_err none = {0};
        struct sops_slice name = sops_str(entry->d_name);
        if (!sops_slice_ends(name, SOPS_LIT(".pub"))) {
            continue;
        }
        const char *path = sops_arena_text(&d->arena, e, "%s/%s", folder, entry->d_name);
        bool fits = path != NULL && sops_file_read(path, 65536, &text, &none) &&
                    sops_slice_eq(ssh_key_of(sops_buf_view(&text)), ssh_key_of(recipient));
        found = fits ? sops_arena_text(&d->arena, e, "%.*s", (int)strlen(path) - 4, path) : NULL;
        sops_err_clear(&none);
        sops_buf_free(&text);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

/* The program that a plugin's recipient needs, when it is not on PATH. */
static const char *missing_plugin(struct doctor *d, struct sops_slice recipient, struct sops_err *e)
{
    struct sops_slice hrp = {0};
    struct sops_buf bytes = {0}, found = {0};
    struct sops_err none = {0};
    const char *path = d->job->world->env(d->job->world, "PATH"), *missing = NULL;
    if (sops_bech32_take(recipient, &hrp, &bytes, &none) && sops_slice_starts(hrp, SOPS_LIT("age1")) && hrp.len > 4) {
        struct sops_slice name = sops_slice_skip(hrp, 4);
        const char *program = sops_arena_text(&d->arena, e, "age-plugin-%.*s", SOPS_ARG(name));
        bool pq = sops_slice_eq(name, SOPS_LIT("pq")) || sops_slice_eq(name, SOPS_LIT("tag"));
        bool there = program == NULL || pq || sops_proc_find(program, path != NULL ? path : "", &found, &none);
        missing = there ? NULL : program;
    }
    sops_err_clear(&none);
    sops_buf_free(&bytes);
    sops_buf_free(&found);
    return missing;
}

static const char *advise_age(struct doctor *d, const struct sops_key *k, struct sops_err *e)
{
    size_t count = 0;
    const char *own = own_recipients(d, &count, e);
    bool ssh = sops_slice_starts(k->field[0], SOPS_LIT("ssh-"));
    const char *path = own != NULL && ssh ? find_ssh(d, k->field[0], e) : NULL;
    const char *plugin = own != NULL ? missing_plugin(d, k->field[0], e) : NULL;
    const char *who = own != NULL ? people(d, NULL, NULL, e) : NULL;
    if (who == NULL) {
        return NULL;
    }
    if (path != NULL) {
        return sops_arena_text(&d->arena, e, "export SOPS_AGE_SSH_PRIVATE_KEY_FILE=%s", path);
    }
    if (plugin != NULL) {
        return sops_arena_text(&d->arena, e, "install %s, and put its identity into SOPS_AGE_KEY_FILE", plugin);
    }
    if (count == 0) {
        return "put an identity into ~/.config/sops/age/keys.txt, or name its file: export SOPS_AGE_KEY_FILE=…";
    }
    return sops_arena_text(&d->arena, e,
                           "the own recipients are %s: ask %s to add one to the creation rule and to run "
                           "sops updatekeys %s",
                           own, who, d->word);
}

static const char *advise(struct doctor *d, const struct sops_key *k, const struct sops_err *why, struct sops_err *e)
{
    const char *id = k->source->id;
    const char *profile = sops_world_env_set(d->job->world, "AWS_PROFILE");
    if (strcmp(id, "age") == 0) {
        return advise_age(d, k, e);
    }
    if (strcmp(id, "pgp") == 0) {
        bool pinentry = strstr(why->msg, "inentry") != NULL || strstr(why->msg, "ioctl") != NULL;
        return pinentry ? "export GPG_TTY=$(tty)" : "gpg --import the secret key";
    }
    if (why->hint[0] != '\0') {
        return doctor_copy(d, why->hint, e);
    }
    return strcmp(id, "kms") == 0
               ? sops_arena_text(&d->arena, e, "aws sso login --profile %s", profile != NULL ? profile : "default")
           : strcmp(id, "gcp_kms") == 0  ? "gcloud auth application-default login"
           : strcmp(id, "azure_kv") == 0 ? "az login"
           : strcmp(id, "hc_vault") == 0 ? "vault login"
                                         : "look at the credentials of this source: sops keys";
}

/* ---- keys
 * --------------------------------------------------------------------------------------------------------------- */

/* Asks each service for the key; `plain` gets what the first gives. */
static bool ask_services(struct doctor *d, const struct sops_key *k, struct sops_buf *plain, struct sops_err *why)
{
    for (struct sops_service *s = d->job->services; s != NULL; s = s->next) {
        struct sops_err one = {0};
        if (s->unwrap(s, d->job->world, k, plain, &one)) {
            sops_err_clear(why);
            return true;
        }
        const char *shown = sops_service_shown(s);
        if (why->code == SOPS_OK) {
            (void)sops_fail(why, SOPS_E_GENERIC, "%s%s%s", shown != NULL ? shown : "", shown != NULL ? ": " : "",
                            one.msg);
            (void)sops_hint(why, "%s", one.hint);
        }
        why->memory = why->memory || one.memory;
        sops_err_clear(&one);
    }
    return false;
}

static bool try_key(struct doctor *d, const struct sops_key *k, int group, bool skip, struct sops_buf *plain,
                    bool *opened, struct sops_err *e)
{
    struct sops_buf shown = {0};
    struct sops_err why = {0};
    const char *name = name_of(d, k, e);
    bool ok = e->code == SOPS_OK && sops_key_show(k, &shown, e);
    const char *what =
        ok ? sops_arena_text(&d->arena, e, "%s %.*s%s%s%s", k->source->id, SOPS_ARG(sops_buf_view(&shown)),
                             name != NULL ? " (" : "", name != NULL ? name : "", name != NULL ? ")" : "")
           : NULL;
    struct doctor_check *c = what != NULL ? doctor_add(d, "key", DOCTOR_NOT_TRIED, what, e) : NULL;
    sops_buf_free(&shown);
    if (c == NULL) {
        return false;
    }
    c->group = group;
    if (skip) {
        return true;
    }
    int64_t start = sops_clock_ms();
    *opened = ask_services(d, k, plain, &why);
    c->ms = sops_clock_ms() - start;
    c->result = *opened ? DOCTOR_OK : DOCTOR_FAIL;
    if (!*opened) {
        c->error = doctor_copy(d, why.msg[0] != '\0' ? why.msg : "no key service was asked", e);
        c->next_step = c->error != NULL ? advise(d, k, &why, e) : NULL;
        ok = c->next_step != NULL;
    }
    ok = ok && (!why.memory || sops_fail_memory(e));
    sops_err_clear(&why);
    return ok;
}

/* The keys of one group in the order of decryption; `share` gets what the first gives. */
static bool try_group(struct doctor *d, const struct sops_group *g, int number, struct sops_buf *share,
                      struct sops_err *e)
{
    size_t words = 1;
    bool ok = true, any = false;
    for (size_t i = 0; i < d->job->order.len; i++) {
        words += d->job->order.ptr[i] == ',';
    }
    for (size_t place = 0; ok && place <= words; place++) {
        for (const struct sops_key *k = g->keys; ok && k != NULL; k = k->next) {
            struct sops_buf plain = {.locked = true};
            bool opened = false;
            size_t at = sops_datakey_place(k->source, d->job->order);
            if ((at < words ? at : words) != place) {
                continue;
            }
            ok = try_key(d, k, number, any && !d->all, &plain, &opened, e);
            if (ok && opened && !any) {
                ok = sops_buf_add(share, sops_buf_view(&plain), e);
                any = true;
            }
            sops_buf_free(&plain);
        }
    }
    return ok;
}

/* The data key out of the shares, into the envelope. */
static bool take_key(struct doctor *d, const struct sops_buf *share, size_t groups, bool *have, struct sops_err *e)
{
    struct sops_buf key = {.locked = true};
    struct sops_err why = {0};
    struct sops_slice *part = sops_alloc((groups + 1) * sizeof *part, e);
    size_t n = 0;
    for (size_t i = 0; part != NULL && i < groups; i++) {
        if (share[i].len != 0) {
            part[n++] = sops_buf_view(&share[i]);
        }
    }
    bool ok = part != NULL;
    *have = ok && (groups == 1 ? sops_buf_add(&key, part[0], &why) : sops_shamir_combine(part, n, &key, &why)) &&
            sops_envelope_take_key(d->env, sops_buf_view(&key), &why);
    if (why.memory) {
        ok = sops_fail_memory(e);
    } else if (ok && !*have) {
        const char *error = doctor_copy(d, why.msg, e);
        ok = error != NULL && doctor_fail(d, "data-key", "the shares do not fit together", error,
                                          "look for an older version of the file: git log", SOPS_E_NO_KEY, e);
    }
    sops_err_clear(&why);
    sops_buf_free(&key);
    sops_free(part);
    return ok;
}

static bool tell_data_key(struct doctor *d, const struct sops_buf *share, size_t groups, size_t opened, size_t needed,
                          struct sops_err *e)
{
    const char *what = sops_arena_text(&d->arena, e, "%zu of %zu group%s opened, %zu %s needed", opened, groups,
                                       groups == 1 ? "" : "s", needed, needed == 1 ? "is" : "are");
    bool *open = sops_alloc(groups + 1, e);
    if (what == NULL || open == NULL) {
        sops_free(open);
        return false;
    }
    for (size_t i = 0; i < groups; i++) {
        open[i] = share[i].len != 0;
    }
    bool ok = true;
    if (opened >= needed && opened != 0) {
        ok = doctor_add(d, "data-key", DOCTOR_OK, what, e) != NULL;
    } else {
        const char *who = people(d, NULL, open, e);
        const char *next = who != NULL ? sops_arena_text(&d->arena, e, "ask one of: %s", who) : NULL;
        ok = next != NULL && doctor_fail(d, "data-key", what, "too few groups opened", next, SOPS_E_NO_KEY, e);
    }
    sops_free(open);
    return ok;
}

/* As decrypt does with a file of before 3.3.0: the values of its KMS contexts may be mixed up. */
static bool try_repair(struct doctor *d, bool *have, struct sops_err *e)
{
    struct sops_err why = {0};
    d->quiet.slots = d->job->world->slots; /* what is made on the way lives, and is freed, with the world itself */
    *have = sops_envelope_unwrap(d->env, d->job->services, d->job->order, &why);
    d->job->world->slots = d->quiet.slots;
    bool ok = !why.memory || sops_fail_memory(e);
    sops_err_clear(&why);
    if (!ok || !*have) {
        return ok;
    }
    const char *what = sops_arena_text(&d->arena, e,
                                       "opened with one value for all names of a KMS encryption context, as a sops "
                                       "before 3.3.0 wrapped it; to write it right: sops rotate -i %s",
                                       d->word);
    return what != NULL && doctor_add(d, "data-key", DOCTOR_OK, what, e) != NULL;
}

bool doctor_keys(struct doctor *d, bool *have, struct sops_err *e)
{
    const struct sops_meta *m = sops_envelope_meta(d->env);
    size_t groups = 0, opened = 0, i = 0;
    for (const struct sops_group *g = m->groups; g != NULL; g = g->next) {
        groups++;
    }
    struct sops_buf *share = sops_alloc((groups + 1) * sizeof *share, e);
    bool ok = share != NULL && sops_job_services(d->job, e);
    for (const struct sops_group *g = m->groups; ok && g != NULL; g = g->next, i++) {
        share[i].locked = true;
        ok = try_group(d, g, (int)i, &share[i], e);
        opened += share[i].len != 0;
    }
    size_t needed = groups > 1 ? (m->threshold > 0 ? (size_t)m->threshold : groups) : 1;
    *have = false;
    if (ok && opened < needed && sops_datakey_is_repairable(m)) {
        ok = try_repair(d, have, e);
    }
    ok = ok && (*have || tell_data_key(d, share, groups, opened, needed, e));
    if (ok && opened >= needed && opened != 0) {
        ok = take_key(d, share, groups, have, e);
    }
    for (i = 0; share != NULL && i < groups; i++) {
        sops_buf_free(&share[i]);
    }
    sops_free(share);
    return ok;
}
