/* SPDX-License-Identifier: Apache-2.0 */
/* All forms are compiled when a text may hold one, and run over a whole text at once; only what they hit is looked at
 * again, line by line. Everything is linear: RE2, and loops over bytes. */
#include "check/secrets.h"

#include "base/ascii.h"
#include "core/regex.h"

#include <pthread.h>
#include <stdatomic.h>

#define LONGEST_LINE 4096 /* longer lines are looked at for fixed forms only */

/* kind, form, and what every text of the form holds; several of one kind follow each other. */
static const struct {
    const char *kind, *form, *holds;
} forms[] = {
    {"private key", "-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----", "PRIVATE KEY"},
    {"age identity", "AGE-SECRET-KEY-(PQ-)?1[02-9AC-HJ-NP-Z]{20,}", "AGE-SECRET-KEY-"},
    {"AWS access key", "\\b(AKIA|ASIA)[A-Z2-7]{16}\\b", "IA"},
    {"GitHub token", "\\bgh[pousr]_[0-9A-Za-z]{36,}", "gh"},
    {"GitHub token", "\\bgithub_pat_[0-9A-Za-z_]{60,}", "github_pat_"},
    {"GitLab token", "\\bglpat-[0-9A-Za-z_-]{20,}", "glpat-"},
    {"Slack token", "\\bxox[abprs]-[0-9A-Za-z-]{10,}", "xox"},
    {"Stripe key", "\\b[rs]k_live_[0-9A-Za-z]{20,}", "k_live_"},
    {"Google API key", "\\bAIza[0-9A-Za-z_-]{35}", "AIza"},
    {"npm token", "\\bnpm_[0-9A-Za-z]{36}\\b", "npm_"},
    {"Vault token", "\\bhv[bs]\\.[0-9A-Za-z_-]{24,}", "hv"},
    {"JWT", "\\beyJ[0-9A-Za-z_-]{10,}\\.eyJ[0-9A-Za-z_-]{10,}\\.[0-9A-Za-z_-]{10,}", "eyJ"},
    {"password in a URL", "\\b[a-z][a-z0-9+.-]*://[^\\s/:@'\"]*:([^\\s/@'\"]{3,})@[^\\s/]", "://"},
};
#define FORMS (sizeof forms / sizeof forms[0])
enum { FORM_AWS = 2, FORM_URL = FORMS - 1 };

static const char assignment[] =
    "([A-Za-z_][0-9A-Za-z_.-]*)[\"']?\\s*(?:=>|:=|[:=])\\s*(\"[^\"]*\"|'[^']*'|[^\\s\"']\\S*)";

/* NULL: not compiled yet. To compile takes longer than to check a small file. `all` is set last: who sees it may use
 * `aws` and `url`. */
struct sops_secrets {
    pthread_mutex_t lock; /* to compile */
    _Atomic(struct sops_regex_set *) all;
    struct sops_regex *aws, *url;
    _Atomic(struct sops_regex *) assign;
};

struct sops_secrets *sops_secrets_new(struct sops_err *e)
{
    struct sops_secrets *s = sops_alloc(sizeof *s, e);
    if (s != NULL) {
        (void)pthread_mutex_init(&s->lock, NULL);
    }
    return s;
}

void sops_secrets_free(struct sops_secrets *s)
{
    if (s != NULL) {
        sops_regex_set_free(s->all);
        sops_regex_free(s->aws);
        sops_regex_free(s->url);
        sops_regex_free(s->assign);
        (void)pthread_mutex_destroy(&s->lock);
        sops_free(s);
    }
}

static const struct sops_regex_set *compile_forms(struct sops_secrets *s, struct sops_err *e)
{
    const char *text[FORMS];
    for (size_t i = 0; i < FORMS; i++) {
        text[i] = forms[i].form;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->all == NULL) {
        s->aws = s->aws != NULL ? s->aws : sops_regex_new_bytes(forms[FORM_AWS].form, e);
        s->url = s->aws == NULL || s->url != NULL ? s->url : sops_regex_new_bytes(forms[FORM_URL].form, e);
        s->all = s->url == NULL ? NULL : sops_regex_set_new(text, FORMS, e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return s->all;
}

static const struct sops_regex *compile_assignment(struct sops_secrets *s, struct sops_err *e)
{
    (void)pthread_mutex_lock(&s->lock);
    s->assign = s->assign != NULL ? s->assign : sops_regex_new_bytes(assignment, e);
    (void)pthread_mutex_unlock(&s->lock);
    return s->assign;
}

static bool may_hold_form(struct sops_slice text)
{
    for (size_t i = 0; text.len != 0 && i < FORMS; i++) {
        if (memmem(text.ptr, text.len, forms[i].holds, strlen(forms[i].holds)) != NULL) {
            return true;
        }
    }
    return false;
}

/* Bit i: the text may hold form i. 0 and the error when memory ran out. */
static uint32_t match_forms(struct sops_secrets *s, struct sops_slice text, struct sops_err *e)
{
    const struct sops_regex_set *all = s->all;
    if (all == NULL && may_hold_form(text)) {
        all = compile_forms(s, e);
    }
    return all != NULL ? sops_regex_set_match(all, text) : 0;
}

/* ---- placeholders ---------------------------------------------------------------------------------------------- */

static bool holds_word(struct sops_slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.len; i++) {
        size_t k = 0;
        while (k < n && sops_to_lower(s.ptr[i + k]) == (uint8_t)word[k]) {
            k++;
        }
        if (k == n) {
            return true;
        }
    }
    return false;
}

static bool is_repeated(struct sops_slice s)
{
    size_t i = 1;
    while (i < s.len && s.ptr[i] == s.ptr[0]) {
        i++;
    }
    return s.len != 0 && i == s.len;
}

/* Does it begin with a scheme and "://", and hold no '@'? */
static bool is_address(struct sops_slice s)
{
    size_t i = 0;
    while (i < s.len && (sops_is_alnum(s.ptr[i]) || strchr("+.-", s.ptr[i]) != NULL) && s.ptr[i] != '\0') {
        i++;
    }
    return i > 0 && sops_is_letter(s.ptr[0]) && sops_slice_starts(sops_slice_skip(s, i), SOPS_LIT("://")) &&
           sops_slice_find(s, '@') == s.len;
}

static bool is_placeholder(struct sops_slice s)
{
    static const char *const words[] = {"changeme",    "change-me", "change_me", "example",
                                        "placeholder", "dummy",     "redacted",  "your"};
    static const char *const starts[] = {"<", "${", "$(", "{{", "%", "ENC["};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (sops_slice_starts(s, sops_str(starts[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (holds_word(s, words[i])) {
            return true;
        }
    }
    bool variable = s.len > 1 && s.ptr[0] == '$' && sops_is_letter(s.ptr[1]);
    return variable || is_repeated(s) || is_address(s);
}

/* ---- fixed forms ------------------------------------------------------------------------------------------------- */

/* Is there an access key that is none of documentation? */
static bool has_aws(const struct sops_secrets *s, struct sops_slice text)
{
    struct sops_slice hit;
    size_t from = 0;
    while (sops_regex_find(s->aws, text, from, &hit, 1)) {
        if (!sops_slice_ends(hit, SOPS_LIT("EXAMPLE"))) {
            return true;
        }
        from = (size_t)(hit.ptr - text.ptr) + hit.len;
    }
    return false;
}

static bool has_url(const struct sops_secrets *s, struct sops_slice text)
{
    struct sops_slice hit[2];
    size_t from = 0;
    while (sops_regex_find(s->url, text, from, hit, 2)) {
        if (!is_placeholder(hit[1])) {
            return true;
        }
        from = (size_t)(hit[0].ptr - text.ptr) + hit[0].len;
    }
    return false;
}

/* The first form that the text holds; NULL: none. */
static const char *find_form(struct sops_secrets *s, struct sops_slice text, struct sops_err *e)
{
    uint32_t bits = match_forms(s, text, e);
    for (size_t i = 0; bits != 0 && i < FORMS; i++) {
        if ((bits & (1U << i)) != 0 && (i != FORM_AWS || has_aws(s, text)) && (i != FORM_URL || has_url(s, text))) {
            return forms[i].kind;
        }
    }
    return NULL;
}

bool sops_secrets_is_form(struct sops_secrets *s, struct sops_slice text, struct sops_err *e)
{
    return find_form(s, text, e) != NULL;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

#define MAX_WORD 24

/* The last two words of a name, in small letters; too long ones are none of ours. */
struct words {
    char last[MAX_WORD], before[MAX_WORD];
};

static void take_word(struct words *w, struct sops_slice word)
{
    if (word.len == 0) {
        return;
    }
    memcpy(w->before, w->last, sizeof w->last);
    size_t n = word.len < MAX_WORD - 1 ? word.len : MAX_WORD - 1;
    for (size_t i = 0; i < n; i++) {
        w->last[i] = (char)sops_to_lower(word.ptr[i]);
    }
    w->last[n] = '\0';
    if (word.len >= MAX_WORD) {
        w->last[0] = '\0';
    }
}

static bool is_break(uint8_t c) { return c == '_' || c == '-' || c == '.'; }

/* Does a word begin at `i`? Between a small letter or digit and a capital, and before the last of several capitals
 * that a small letter follows. */
static bool begins_word(struct sops_slice s, size_t i)
{
    uint8_t c = s.ptr[i], p = s.ptr[i - 1];
    if (!sops_is_upper(c)) {
        return false;
    }
    return sops_is_lower(p) || sops_is_digit(p) || (sops_is_upper(p) && i + 1 < s.len && sops_is_lower(s.ptr[i + 1]));
}

static void split_words(struct sops_slice name, struct words *w)
{
    size_t from = 0;
    *w = (struct words){{0}, {0}};
    for (size_t i = 0; i <= name.len; i++) {
        bool end = i == name.len, gap = !end && is_break(name.ptr[i]);
        if (end || gap || (i > from && begins_word(name, i))) {
            take_word(w, sops_slice_first(sops_slice_skip(name, from), i - from));
            from = gap ? i + 1 : i;
        }
    }
}

static bool is_one_of(const char *word, const char *const *list) { return sops_slice_is_any(sops_str(word), list); }

static bool names_secret(const struct words *w)
{
    static const char *const last[] = {"pass",  "password",   "passwd",      "passphrase", "pwd", "secret",
                                       "token", "credential", "credentials", "apikey",     NULL};
    static const char *const before[] = {"api", "access", "secret", "private", "auth", "encryption", "signing", NULL};
    return is_one_of(w->last, last) || (strcmp(w->last, "key") == 0 && is_one_of(w->before, before));
}

static bool names_digest(const struct words *w)
{
    static const char *const last[] = {"hash",   "digest", "checksum", "integrity", "fingerprint", "sha", "sha1",
                                       "sha256", "sha384", "sha512",   "md5",       "recipient",   "mac", NULL};
    return is_one_of(w->last, last) || (strcmp(w->last, "key") == 0 && strcmp(w->before, "public") == 0);
}

/* How many of: small letters, capitals, digits, others than -_./: ? White space is -1. */
static int kinds_of(struct sops_slice s)
{
    unsigned seen = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (sops_is_white(c)) {
            return -1;
        }
        seen |= sops_is_lower(c)                       ? 1U
                : sops_is_upper(c)                     ? 2U
                : sops_is_digit(c)                     ? 4U
                : c == 0 || strchr("-_./:", c) == NULL ? 8U
                                                       : 0;
    }
    return __builtin_popcount(seen);
}

/* ---- entropy ------------------------------------------------------------------------------------------------------
 */

/* The logarithm to base 2 of a number not below 1, bit by bit: libm's is a library more to load. */
static double log2_of(double x)
{
    double whole = 0, step = 1, part = 0;
    while (x >= 2) {
        x /= 2;
        whole += 1;
    }
    for (int i = 0; i < 50; i++) {
        x *= x;
        step /= 2;
        if (x >= 2) {
            x /= 2;
            part += step;
        }
    }
    return whole + part;
}

static double entropy_of(struct sops_slice s)
{
    size_t count[256] = {0};
    double bits = 0;
    for (size_t i = 0; i < s.len; i++) {
        count[s.ptr[i]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        if (count[i] != 0) {
            double times = (double)s.len / (double)count[i];
            bits += log2_of(times) / times;
        }
    }
    return bits;
}

static bool is_hex(struct sops_slice s)
{
    size_t i = 0;
    while (i < s.len && sops_hex_digit(s.ptr[i]) < 16) {
        i++;
    }
    return i == s.len;
}

static bool is_uuid(struct sops_slice s)
{
    if (s.len != 36) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : sops_hex_digit(s.ptr[i]) >= 16) {
            return false;
        }
    }
    return true;
}

static bool looks_random(const struct words *w, struct sops_slice value, double above)
{
    static const char *const starts[] = {"pk_live_", "pk_test_", "age1", "AAAA", "sha256-", "sha384-", "sha512-"};
    if (above <= 0 || value.len < 20 || !sops_only_alnum(value, "+/_=-") || is_hex(value) || is_uuid(value) ||
        names_digest(w)) {
        return false;
    }
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (sops_slice_starts(value, sops_str(starts[i]))) {
            return false;
        }
    }
    return !is_placeholder(value) && entropy_of(value) > above;
}

/* ---- one place -----------------------------------------------------------------------------------------------------
 */

static struct sops_secret_hit judge_pair(struct sops_slice name, struct sops_slice value, double entropy)
{
    struct words w;
    struct sops_secret_hit hit = {SOPS_SECRET_NONE, NULL};
    split_words(name, &w);
    if (value.len >= 8 && names_secret(&w) && kinds_of(value) >= 2 && !is_placeholder(value)) {
        hit.sort = SOPS_SECRET_NAMED;
    } else if (looks_random(&w, value, entropy)) {
        hit.sort = SOPS_SECRET_RANDOM;
    }
    return hit;
}

/* Without its quotes; one without quotes, without `,` and `;` at its end. */
static struct sops_slice bare_value(struct sops_slice v)
{
    if (v.len >= 2 && (v.ptr[0] == '"' || v.ptr[0] == '\'')) {
        return (struct sops_slice){v.ptr + 1, v.len - 2};
    }
    while (v.len != 0 && (v.ptr[v.len - 1] == ',' || v.ptr[v.len - 1] == ';')) {
        v.len--;
    }
    return v;
}

static bool may_assign(struct sops_slice line)
{
    return sops_slice_find(line, ':') < line.len || sops_slice_find(line, '=') < line.len;
}

static struct sops_secret_hit judge_line(struct sops_secrets *s, struct sops_slice line, bool look_forms,
                                         const struct sops_secret_wish *wish, struct sops_err *e)
{
    struct sops_secret_hit hit = {SOPS_SECRET_NONE, NULL};
    struct sops_slice group[3];
    hit.kind = look_forms ? find_form(s, line, e) : NULL;
    if (hit.kind != NULL) {
        hit.sort = SOPS_SECRET_FORM;
        return hit;
    }
    if (e->code != SOPS_OK || wish->forms_only || line.len > LONGEST_LINE || !may_assign(line)) {
        return hit;
    }
    const struct sops_regex *assign = s->assign != NULL ? s->assign : compile_assignment(s, e);
    if (assign != NULL && sops_regex_find(assign, line, 0, group, 3)) {
        hit = judge_pair(group[1], bare_value(group[2]), wish->entropy);
    }
    return hit;
}

struct sops_secret_hit sops_secrets_line(struct sops_secrets *s, struct sops_slice line,
                                         const struct sops_secret_wish *wish, struct sops_err *e)
{
    return judge_line(s, line, true, wish, e);
}

struct sops_secret_hit sops_secrets_value(struct sops_secrets *s, struct sops_slice name, struct sops_slice value,
                                          const struct sops_secret_wish *wish, struct sops_err *e)
{
    struct sops_secret_hit hit = {SOPS_SECRET_NONE, find_form(s, value, e)};
    if (hit.kind != NULL) {
        hit.sort = SOPS_SECRET_FORM;
        return hit;
    }
    return e->code != SOPS_OK || wish->forms_only ? hit : judge_pair(name, value, wish->entropy);
}

bool sops_secrets_scan(struct sops_secrets *s, struct sops_slice text, const struct sops_secret_wish *wish,
                       sops_secret_fn *found, void *ctx, struct sops_err *e)
{
    bool look_forms = match_forms(s, text, e) != 0;
    struct sops_slice rest = text, line;
    if (e->code != SOPS_OK || (!look_forms && wish->forms_only)) {
        return e->code == SOPS_OK;
    }
    for (unsigned number = 1; rest.len != 0 && sops_slice_next(&rest, '\n', &line); number++) {
        struct sops_secret_hit hit = judge_line(s, line, look_forms, wish, e);
        if (e->code != SOPS_OK || (hit.sort != SOPS_SECRET_NONE && !found(ctx, number, &hit, e))) {
            return false;
        }
    }
    return true;
}

bool sops_secrets_is_lock(struct sops_slice path)
{
    static const char *const ends[] = {".lock", "-lock.json", "-lock.yaml"};
    size_t from = path.len;
    while (from > 0 && path.ptr[from - 1] != '/') {
        from--;
    }
    struct sops_slice name = sops_slice_skip(path, from);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (sops_slice_ends(name, sops_str(ends[i]))) {
            return true;
        }
    }
    return sops_slice_eq(name, SOPS_LIT("go.sum")) || sops_slice_eq(name, SOPS_LIT("npm-shrinkwrap.json"));
}
