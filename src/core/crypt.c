/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document's leaves are collected first, then go through the cipher in any order and on several threads, and are put
 * back in document order: types, comments, the MAC, and the first failure.
 *
 * SHA512_Update and its like are called directly: the generic interface looks all digests up before the first, which
 * costs a small file as much as all of its own work.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/crypt.h"

#include "base/encode.h"
#include "base/text.h"
#include "base/thread.h"

#include <math.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdatomic.h>

#define LANES 4                       /* threads, the caller's own among them */
#define BATCH 128                     /* leaves that a thread takes at a time */
#define WORTH_LEAVES 2048             /* from here on threads pay: starting one takes some 50 microseconds */
#define WORTH_BYTES ((size_t)1 << 20) /* or from here */

/* ---- the key at work ------------------------------------------------------------------------------------------- */

struct sops_crypt_engine {
    struct sops_cipher lane[LANES];
    struct sops_key_id key;
    uint8_t pool[4096]; /* random bytes for nonces; the first pool_left are unused */
    size_t pool_left;
};

void sops_crypt_free(struct sops_crypt *c)
{
    for (size_t i = 0; c->engine != NULL && i < LANES; i++) {
        sops_cipher_free(&c->engine->lane[i]);
    }
    sops_free(c->engine);
    c->engine = NULL;
}

/* The engine of `c`, made on first use; NULL with `e` set on failure. */
static struct sops_crypt_engine *engine_of(struct sops_crypt *c, struct sops_err *e)
{
    if (c->engine != NULL) {
        return c->engine;
    }
    if (c->data_key.len != SOPS_DATA_KEY) {
        sops_fail(e, SOPS_E_DECRYPT, "the data key is %zu bytes long, not %d", c->data_key.len, SOPS_DATA_KEY);
        return NULL;
    }
    struct sops_crypt_engine *made = sops_alloc(sizeof *made, e);
    if (made != NULL) {
        static const uint8_t purpose[] = "sops data key";
        (void)crypto_generichash(made->key.bytes, sizeof made->key.bytes, purpose, sizeof purpose, c->data_key.ptr,
                                 c->data_key.len);
        for (size_t i = 0; i < LANES; i++) {
            made->lane[i].key = c->data_key.ptr;
        }
        c->engine = made;
    }
    return made;
}

/* A fresh nonce from the pool, which is wiped behind it. */
static bool fresh_nonce(struct sops_crypt *c, uint8_t nonce[SOPS_NONCE], struct sops_err *e)
{
    struct sops_crypt_engine *g = c->engine;
    if (g->pool_left == 0) {
        if (!c->world->random(c->world, g->pool, sizeof g->pool, e)) {
            return false;
        }
        g->pool_left = sizeof g->pool;
    }
    g->pool_left -= SOPS_NONCE;
    memcpy(nonce, g->pool + g->pool_left, SOPS_NONCE);
    sops_wipe(g->pool + g->pool_left, SOPS_NONCE);
    return true;
}

bool sops_text_seal(struct sops_crypt *c, enum sops_kind kind, struct sops_slice text, struct sops_slice aad,
                    struct sops_buf *enc, struct sops_err *e)
{
    uint8_t nonce[SOPS_NONCE];
    size_t size = sops_sealed_size(kind, text.len);
    if (engine_of(c, e) == NULL || !sops_buf_reserve(enc, size, e) || !fresh_nonce(c, nonce, e)) {
        return false;
    }
    const char *why = sops_cipher_seal(&c->engine->lane[0], kind, text, aad, nonce, enc->ptr + enc->len);
    if (why != NULL) {
        return sops_fail(e, SOPS_E_ENCRYPT, "%s", why);
    }
    enc->len += size;
    return true;
}

bool sops_text_open(struct sops_crypt *c, struct sops_slice enc, struct sops_slice aad, enum sops_kind *kind,
                    struct sops_buf *text, struct sops_err *e)
{
    struct sops_opened opened;
    struct sops_arena a = {0};
    if (engine_of(c, e) == NULL) {
        return false;
    }
    const char *why = sops_cipher_open(&c->engine->lane[0], enc, aad, &a, &opened);
    bool ok = why == NULL             ? sops_buf_add(text, opened.text, e)
              : why == sops_no_memory ? sops_fail_memory(e)
                                      : sops_fail(e, SOPS_E_DECRYPT, "%s", why);
    *kind = ok ? opened.kind : *kind;
    sops_arena_free(&a);
    return ok;
}

/* ---- many leaves at once ---------------------------------------------------------------------------------------- */

/* One leaf on its way through the cipher. */
struct leaf {
    struct sops_node *node;
    struct sops_sealed *sealed; /* opening: what becomes of it */
    struct sops_slice aad;
    uint8_t *to;     /* sealing: where the result goes; opening: nothing */
    const char *why; /* it failed; NULL when it did not */
};
/* What a thread needs. */
struct lane {
    struct crew *crew;
    struct sops_cipher *cipher;
    struct sops_arena texts; /* of what it opened */
};
struct crew {
    struct sops_crypt *c;
    struct leaf *leaf;
    uint8_t (*nonce)[SOPS_NONCE]; /* sealing: one for each leaf */
    size_t count;
    void (*work)(struct lane *lane, struct leaf *leaf);
    struct lane lane[LANES];
    atomic_size_t next;
};

static void *work_lane(void *arg)
{
    struct lane *lane = arg;
    struct crew *crew = lane->crew;
    for (;;) {
        size_t from = atomic_fetch_add(&crew->next, BATCH);
        if (from >= crew->count) {
            return NULL;
        }
        size_t end = crew->count - from < BATCH ? crew->count : from + BATCH;
        for (size_t i = from; i < end; i++) {
            crew->work(lane, &crew->leaf[i]);
        }
    }
}

static size_t helpers_worth(const struct crew *crew)
{
    size_t bytes = 0;
    for (size_t i = 0; i < crew->count && bytes < WORTH_BYTES; i++) {
        bytes += crew->leaf[i].node->text.len;
    }
    if (crew->count < WORTH_LEAVES && bytes < WORTH_BYTES) {
        return 0;
    }
    size_t processors = sops_processors();
    return (processors < LANES ? processors : LANES) - 1;
}

/* All leaves through `work`, on as many threads as there are processors when there is enough to do. `meanwhile` (may be
 * NULL) runs on the caller's thread first. */
static void run_crew(struct crew *crew, void (*meanwhile)(void *arg), void *arg)
{
    pthread_t thread[LANES];
    size_t started = 0;
    for (size_t i = 0; i < LANES; i++) {
        crew->lane[i] = (struct lane){.crew = crew, .cipher = &crew->c->engine->lane[i]};
    }
    for (size_t helpers = helpers_worth(crew); started < helpers; started++) {
        if (!sops_thread_start(&thread[started], work_lane, &crew->lane[started + 1])) {
            break;
        }
    }
    if (meanwhile != NULL) {
        meanwhile(arg);
    }
    (void)work_lane(&crew->lane[0]);
    for (size_t i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
    }
}

static size_t count_marked(const struct sops_doc *d)
{
    size_t n = 0;
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *at = part; at != NULL; at = sops_node_after(part, at)) {
            n += (at->flags & SOPS_MARKED) != 0;
        }
    }
    return n;
}

/* A copy of the additional data in `a`; that of the leaf before when it is the same, as items of a list share theirs.
 */
static bool copy_aad(struct sops_arena *a, struct sops_slice before, struct sops_slice aad, struct sops_slice *to,
                     struct sops_err *e)
{
    *to = before;
    return (before.ptr != NULL && sops_slice_eq(before, aad)) || sops_arena_copy(a, aad, to, e);
}

/* "the value at ["a"]" in front of the message. Returns false. */
static bool fail_at_node(const struct sops_node *n, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct sops_err other = {0};
    if (sops_node_path(n, &path, &other)) {
        sops_within(e, "the value at %.*s", SOPS_ARG(path));
        if (n->line != 0 && e->line == 0) {
            e->line = n->line;
        }
    }
    sops_err_clear(&other);
    sops_buf_free(&path);
    return false;
}

/* ---- the MAC ------------------------------------------------------------------------------------------------------
 */

/* The MAC of a file with mac_only_encrypted begins with SHA-256("sops"). */
static const uint8_t only_encrypted_start[32] = {0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34,
                                                 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f,
                                                 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69};

/* SHA-512 over the leaves that count (docs/spec/10-document-and-cipher.md#the-mac). */
struct mac {
    const struct sops_rules *rules;
    SHA512_CTX state;
};

static void mac_start(struct mac *m, const struct sops_rules *rules)
{
    m->rules = rules;
    (void)SHA512_Init(&m->state); /* these cannot fail */
    if (rules->mac_only_encrypted) {
        (void)SHA512_Update(&m->state, only_encrypted_start, sizeof only_encrypted_start);
    }
}

/* Counts the clear text of a leaf that is no comment. */
static void mac_add(struct mac *m, const struct sops_node *n)
{
    if (n->kind != SOPS_NULL && (!m->rules->mac_only_encrypted || (n->flags & SOPS_MARKED) != 0)) {
        (void)SHA512_Update(&m->state, n->text.ptr, n->text.len);
    }
}

/* Appends the 128 hex digits, and wipes the rest. */
static bool mac_end(struct mac *m, struct sops_buf *mac, struct sops_err *e)
{
    uint8_t digest[SHA512_DIGEST_LENGTH];
    (void)SHA512_Final(digest, &m->state);
    bool ok = sops_hex_add(mac, sops_slice_of(digest, sizeof digest), true, e);
    sops_wipe(digest, sizeof digest);
    sops_wipe(&m->state, sizeof m->state);
    return ok;
}

/* ---- sealing ------------------------------------------------------------------------------------------------------
 */

struct sealing {
    struct sops_doc *d;
    struct crew crew;
    struct sops_reuse reuse;
    struct sops_arena aads;
    struct mac mac;
};

static void seal_leaf(struct lane *lane, struct leaf *leaf)
{
    const struct sops_node *n = leaf->node;
    leaf->why = sops_cipher_seal(lane->cipher, (enum sops_kind)n->kind, n->text, leaf->aad,
                                 lane->crew->nonce[leaf - lane->crew->leaf], leaf->to);
}

/* Null and empty texts are never sealed; true for the rest of what is marked. */
static bool is_to_seal(const struct sops_node *n)
{
    return (n->flags & SOPS_MARKED) != 0 && n->kind != SOPS_NULL &&
           (n->text.len != 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT));
}

/* Leaves that are what they were opened from, and now stand for it, are settled here; the others become the crew's. */
static bool collect_to_seal(struct sealing *s, struct sops_err *e)
{
    struct sops_walk walk = {.doc = s->d};
    struct crew *crew = &s->crew;
    bool ok = true;
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_node *n = walk.at;
        struct sops_slice aad = sops_buf_view(&walk.aad);
        if (!is_to_seal(n)) {
            continue;
        }
        if (sops_reuse_own(&s->reuse, n, aad)) {
            continue;
        }
        struct leaf *leaf = &crew->leaf[crew->count++];
        *leaf = (struct leaf){.node = n};
        ok = copy_aad(&s->aads, crew->count > 1 ? leaf[-1].aad : (struct sops_slice){0}, aad, &leaf->aad, e);
    }
    sops_walk_free(&walk);
    return ok && e->code == SOPS_OK;
}

/* Of the leaves that are left, those that find an old ciphertext are settled, too; the others get nonce and room. */
static bool prepare_to_seal(struct sealing *s, struct sops_err *e)
{
    struct crew *crew = &s->crew;
    size_t kept = 0;
    for (size_t i = 0; i < crew->count; i++) {
        struct leaf *leaf = &crew->leaf[i];
        struct sops_node *n = leaf->node;
        enum sops_kind kind = (enum sops_kind)n->kind;
        n->sealed = sops_reuse_find(&s->reuse, n, leaf->aad);
        if (n->sealed == NULL) {
            leaf->to = sops_arena_bytes(&s->d->arena, sops_sealed_size(kind, n->text.len), e);
            crew->leaf[kept++] = *leaf;
            if (leaf->to == NULL) {
                return false;
            }
        }
    }
    crew->count = kept;
    crew->nonce = sops_alloc(kept * sizeof *crew->nonce, e);
    for (size_t i = 0; crew->nonce != NULL && i < kept; i++) {
        if (!fresh_nonce(crew->c, crew->nonce[i], e)) {
            return false;
        }
    }
    return crew->nonce != NULL;
}

static void count_leaves(void *arg)
{
    struct sealing *s = arg;
    for (struct sops_node *part = s->d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (sops_node_is_leaf(n) && n->kind != SOPS_COMMENT) {
                mac_add(&s->mac, n);
            }
        }
    }
}

/* The ciphertext takes the place of the text. */
static bool settle_sealed(const struct sops_crypt *c, struct sops_node *n, struct sops_slice enc, struct sops_err *e)
{
    n->text = enc;
    if (n->kind != SOPS_COMMENT) {
        n->kind = SOPS_STR;
        return true;
    }
    if (sops_rules_which(c->rules) == SOPS_UNENCRYPTED_COMMENT_REGEX && c->rules->regex != NULL &&
        sops_regex_match(c->rules->regex, n->text)) {
        return sops_fail(e, SOPS_E_ENCRYPT,
                         "the encrypted form of a comment matches unencrypted_comment_regex, so the file could not be "
                         "decrypted again");
    }
    if (n->up->kind == SOPS_LIST) {
        n->kind = SOPS_STR; /* an encrypted comment in a list is an ordinary item */
        n->flags &= (uint16_t)~SOPS_INLINE;
    }
    return true;
}

static bool settle_all_sealed(struct sealing *s, struct sops_err *e)
{
    const struct leaf *next = s->crew.leaf;
    for (struct sops_node *part = s->d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            if (!sops_node_is_leaf(n) || !is_to_seal(n)) {
                continue;
            }
            struct sops_slice enc = {0};
            const char *why = NULL;
            if (n->sealed != NULL) {
                enc = n->sealed->enc;
            } else {
                enc = sops_slice_of(next->to, sops_sealed_size((enum sops_kind)n->kind, n->text.len));
                why = next++->why;
            }
            if (why != NULL ? !sops_fail(e, SOPS_E_ENCRYPT, "%s", why) : !settle_sealed(s->crew.c, n, enc, e)) {
                return fail_at_node(n, e);
            }
        }
    }
    return true;
}

bool sops_doc_seal(struct sops_doc *d, struct sops_crypt *c, const struct sops_doc *const *old,
                   enum sops_reuse_which which, struct sops_buf *mac, struct sops_err *e)
{
    struct sealing s = {.d = d, .crew = {.c = c, .work = seal_leaf}, .reuse = {.old = old, .which = which}};
    bool ok = engine_of(c, e) != NULL;
    s.reuse.key = ok ? &c->engine->key : NULL;
    ok = ok && sops_reuse_make(&s.reuse, e);
    s.crew.leaf = ok ? sops_alloc(count_marked(d) * sizeof *s.crew.leaf, e) : NULL;
    ok = s.crew.leaf != NULL && collect_to_seal(&s, e) && prepare_to_seal(&s, e);
    sops_reuse_free(&s.reuse);
    if (ok) {
        mac_start(&s.mac, c->rules);
        run_crew(&s.crew, count_leaves, &s);
        ok = settle_all_sealed(&s, e);
        ok = mac_end(&s.mac, mac, e) && ok;
    }
    sops_free(s.crew.nonce);
    sops_free(s.crew.leaf);
    sops_arena_free(&s.aads);
    d->state = SOPS_DOC_SEALED;
    return ok;
}

/* ---- opening: canonical texts -------------------------------------------------------------------------------------
 */

static bool canonical_float(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    double v;
    struct sops_slice word = text;
    if (word.len != 0 && (word.ptr[0] == '+' || word.ptr[0] == '-')) {
        word = sops_slice_skip(word, 1);
    }
    if (sops_same_word(word, SOPS_LIT("inf")) || sops_same_word(word, SOPS_LIT("infinity"))) {
        v = text.ptr[0] == '-' ? -INFINITY : INFINITY;
    } else if (sops_same_word(text, SOPS_LIT("nan"))) {
        v = NAN;
    } else if (!sops_float_parse(text, &v, NULL)) {
        return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no number");
    }
    return sops_float_canonical(out, v, e);
}

static bool canonical_bool(struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    bool value;
    if (sops_bool_word(text, &value)) {
        return sops_buf_adds(out, value ? "True" : "False", e);
    }
    return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is neither true nor false");
}

/* The canonical text of what was decrypted as `kind`; texts and comments are that already. */
static bool canonical(enum sops_kind kind, struct sops_slice text, struct sops_buf *out, struct sops_err *e)
{
    if (kind == SOPS_FLOAT) {
        return canonical_float(text, out, e);
    }
    if (kind == SOPS_BOOL) {
        return canonical_bool(text, out, e);
    }
    if (kind == SOPS_INT) {
        int64_t v;
        char digits[24];
        bool plus = text.len > 1 && text.ptr[0] == '+' && text.ptr[1] != '-' && text.ptr[1] != '+';
        if (!sops_int_parse(plus ? sops_slice_skip(text, 1) : text, &v)) {
            return sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no whole number of 64 bits");
        }
        return sops_buf_add(out, sops_slice_of(digits, sops_int_text(v, digits)), e);
    }
    struct sops_time t;
    return sops_time_parse(text, &t) ? sops_time_text(out, &t, e)
                                     : sops_fail(e, SOPS_E_DECRYPT, "what was decrypted is no time");
}

/* ---- opening ------------------------------------------------------------------------------------------------------
 */

struct opening {
    struct sops_doc *d;
    struct crew crew;
    struct mac mac;
    struct stray *strays; /* the newest first */
    sops_fault_fn *fault;
    void *ctx;
    size_t kept_comments; /* that could not be opened */
};

/* Opens the leaf with the additional data that `sealed` has. The text goes to `texts`, the ciphertext stays. */
static const char *open_one(struct sops_cipher *cipher, struct sops_arena *texts, const struct sops_node *n,
                            struct sops_sealed *s)
{
    struct sops_opened opened;
    const char *why = sops_cipher_open(cipher, n->text, s->aad, texts, &opened);
    if (why != NULL) {
        return why;
    }
    s->text = opened.text;
    s->enc = opened.enc;
    s->kind = (uint8_t)opened.kind;
    s->odd_nonce = opened.nonce_len != SOPS_NONCE;
    s->more = opened.more;
    s->reusable = opened.as_ours;
    s->unequal = opened.kind == SOPS_FLOAT && sops_slice_eq(s->text, SOPS_LIT("NaN"));
    return NULL;
}

static void open_leaf(struct lane *lane, struct leaf *leaf)
{
    struct sops_node *n = leaf->node;
    struct sops_slice read_with = leaf->sealed->aad, bare = sops_text_without_mark(read_with);
    leaf->why = open_one(lane->cipher, &lane->texts, n, leaf->sealed);
    if (leaf->why != NULL && bare.len != read_with.len && n->up->up == NULL && n->kind != SOPS_COMMENT) {
        /* A program put a byte order mark in front of an encrypted dotenv file, and so of its first key. */
        leaf->sealed->aad = bare;
        leaf->why = open_one(lane->cipher, &lane->texts, n, leaf->sealed);
        if (leaf->why == NULL) {
            n->key = sops_text_without_mark(n->key);
        } else {
            leaf->sealed->aad = read_with;
        }
    }
}

static bool collect_to_open(struct opening *o, struct sops_err *e)
{
    struct sops_doc *d = o->d;
    struct crew *crew = &o->crew;
    size_t most = count_marked(d);
    struct sops_opening *opening = sops_arena_alloc(&d->opened, sizeof *opening, e);
    struct sops_sealed *sealed = opening != NULL ? sops_arena_alloc(&d->opened, most * sizeof *sealed, e) : NULL;
    crew->leaf = sealed != NULL ? sops_alloc(most * sizeof *crew->leaf, e) : NULL;
    if (crew->leaf == NULL) {
        return false;
    }
    struct sops_walk walk = {.doc = d};
    bool ok = true;
    while (ok && sops_walk_next(&walk, e)) {
        struct sops_node *n = walk.at;
        n->sealed = NULL;
        if ((n->flags & SOPS_MARKED) == 0 || n->text.len == 0 || (n->kind != SOPS_STR && n->kind != SOPS_COMMENT)) {
            continue;
        }
        struct sops_sealed *s = &sealed[crew->count];
        struct sops_slice before = crew->count != 0 ? s[-1].aad : (struct sops_slice){0};
        ok = copy_aad(&d->opened, before, sops_buf_view(&walk.aad), &s->aad, e);
        s->of = opening;
        crew->leaf[crew->count++] = (struct leaf){.node = n, .sealed = s};
    }
    sops_walk_free(&walk);
    *opening = (struct sops_opening){.key = crew->c->engine->key, .leaf = sealed, .count = crew->count};
    d->opening = opening;
    return ok && e->code == SOPS_OK;
}

/* ---- opening: comments out of place -------------------------------------------------------------------------------
 */

/*
 * A comment at the end of a nested block may be read one or more levels below the mapping that it was sealed for: in
 * the encrypted file an entry follows it (`sops:` at the latest), and YAML's reader then takes it for the end of the
 * deepest block. So the mappings above the place where it was read are tried, nearest first, and the comment goes back
 * to the one that opens it, behind the entry that it was read in. docs/COMPATIBILITY.md, "YAML".
 */
#define LEVELS_MAX 64 /* mappings tried for one comment: each is a decryption, and a file may be hostile */

/* One comment that goes back to `home`. They are moved in reverse order, so that `before` stays where it is. */
struct stray {
    struct sops_node *comment, *before, *home; /* before: the sibling in front of it, or NULL */
    struct stray *older;
};

/* What is left of `path`, which leads to `n`, for the map or list around it. */
static struct sops_slice path_around(const struct sops_node *n, struct sops_slice path)
{
    return n->up->kind == SOPS_MAP ? sops_slice_first(path, path.len - n->key.len - 1) : path;
}

static bool add_stray(struct opening *o, struct sops_node *n, struct sops_node *previous, struct sops_node *home,
                      struct sops_err *e)
{
    struct stray *stray = sops_arena_alloc(&o->d->opened, sizeof *stray, e);
    if (stray == NULL) {
        return false;
    }
    *stray = (struct stray){.comment = n, .home = home, .older = o->strays};
    if (n->up->child != n) {
        for (stray->before = previous; stray->before->up != n->up;) {
            stray->before = stray->before->up;
        }
    }
    o->strays = stray;
    return true;
}

/* Tries the mappings above the comment of `leaf`, which did not open where it was read; when one opens it, `leaf` is as
 * if it had opened at once. `previous` is the node before it in document order. */
static bool try_above(struct opening *o, struct leaf *leaf, struct sops_node *previous, struct sops_err *e)
{
    struct sops_sealed *s = leaf->sealed;
    struct sops_node *n = leaf->node, *at = n->up;
    struct sops_slice read_with = s->aad, path = at->up != NULL ? s->aad : SOPS_LIT("");
    for (unsigned level = 0; at->up != NULL && level < LEVELS_MAX;) {
        path = path_around(at, path);
        at = at->up;
        if (at->kind != SOPS_MAP) {
            continue; /* a comment that is sealed in a list becomes an item, which is never out of place */
        }
        level++;
        s->aad = path.len != 0 ? path : SOPS_LIT(":");
        const char *why = open_one(&o->crew.c->engine->lane[0], &o->d->arena, n, s);
        if (why == sops_no_memory) {
            return sops_fail_memory(e);
        }
        if (why == NULL && s->kind == SOPS_COMMENT) {
            leaf->why = NULL;
            return add_stray(o, n, previous, at, e);
        }
        s->reusable = false;
    }
    s->aad = read_with;
    return true;
}

/* Moves each of them to the mapping that it was sealed for, behind the entry that it was read in. */
static void move_strays(const struct opening *o)
{
    for (struct stray *stray = o->strays; stray != NULL; stray = stray->older) {
        struct sops_node *n = stray->comment, *around = n->up, *entry = around;
        while (entry->up != stray->home) {
            entry = entry->up;
        }
        *(stray->before != NULL ? &stray->before->next : &around->child) = n->next;
        if (around->last == n) {
            around->last = stray->before;
        }
        n->up = n->next = NULL;
        sops_node_link(stray->home, entry, n);
    }
}

/* ---- opening: what becomes of each leaf ----------------------------------------------------------------------------
 */

/* A comment whose type somebody changed: refused when its text is of that type, and otherwise one that does not open.
 */
static bool take_odd_comment(struct opening *o, const struct sops_sealed *s, struct sops_err *e)
{
    struct sops_buf out = {0};
    struct sops_err why = {0};
    bool fits = canonical((enum sops_kind)s->kind, s->text, &out, &why);
    bool no_memory = !fits && why.code != SOPS_E_DECRYPT;
    sops_err_clear(&why);
    sops_buf_free(&out);
    if (no_memory) {
        return sops_fail_memory(e);
    }
    o->kept_comments += !fits;
    return !fits || sops_fail(e, SOPS_E_DECRYPT, "an encrypted comment has the type of a value");
}

/* A comment that opens nowhere stays as it is: old files have clear ones. `previous`: what stands before it. */
static bool take_comment(struct opening *o, struct leaf *leaf, struct sops_node *previous, struct sops_err *e)
{
    struct sops_node *n = leaf->node;
    if (leaf->why != NULL && !try_above(o, leaf, previous, e)) {
        return false;
    }
    if (leaf->why != NULL) {
        o->kept_comments++;
        return true;
    }
    if (leaf->sealed->kind != SOPS_COMMENT && leaf->sealed->kind != SOPS_STR) {
        return take_odd_comment(o, leaf->sealed, e);
    }
    n->text = leaf->sealed->text;
    n->flags &= (uint16_t)~SOPS_INLINE;
    n->sealed = leaf->sealed;
    if (leaf->sealed->kind == SOPS_STR) {
        mac_add(&o->mac, n);
    }
    return true;
}

/* Text and kind of what was opened; where another text of the same type stands in the file, the canonical one. */
static bool take_text(struct opening *o, struct sops_node *n, const struct sops_sealed *s, struct sops_err *e)
{
    struct sops_buf out = {0};
    bool ok = true;
    n->text = s->text;
    n->kind = s->kind;
    if (s->kind == SOPS_STR || s->kind == SOPS_COMMENT) {
        n->kind = SOPS_STR;
        return true;
    }
    ok = canonical((enum sops_kind)s->kind, s->text, &out, e);
    if (ok && !sops_slice_eq(s->text, sops_buf_view(&out))) {
        ok = sops_arena_copy(&o->d->arena, sops_buf_view(&out), &n->text, e);
    }
    sops_buf_free(&out);
    return ok;
}

static bool take_value(struct opening *o, const struct leaf *leaf, struct sops_err *e)
{
    struct sops_node *n = leaf->node;
    if (leaf->why != NULL) {
        return sops_fail(e, SOPS_E_DECRYPT, "%s", leaf->why);
    }
    struct sops_slice before = n->text;
    if (!take_text(o, n, leaf->sealed, e)) {
        n->text = before;
        n->kind = SOPS_STR;
        return false;
    }
    n->sealed = leaf->sealed;
    /* A value of type comment does not count for the MAC, so that it is noticed (51); in a list it is a comment again.
     */
    if (leaf->sealed->kind != SOPS_COMMENT) {
        mac_add(&o->mac, n);
    } else if (n->up->kind == SOPS_LIST) {
        n->kind = SOPS_COMMENT;
    }
    return true;
}

/* A marked leaf without ciphertext: empty, or clear where a ciphertext belongs. */
static bool take_clear(const struct sops_node *n, struct sops_err *e)
{
    if (n->kind == SOPS_STR || n->kind == SOPS_COMMENT || n->kind == SOPS_NULL) {
        return true;
    }
    sops_fail(e, SOPS_E_DECRYPT, "it should be encrypted, but is a clear number, bool or time");
    return sops_hint(e, "was it added by hand? use 'sops edit' or 'sops set' to change an encrypted file");
}

/* What went wrong with `n` is told, and forgotten, where somebody wants to know of each; else it is the failure. */
static bool told_of(const struct opening *o, const struct sops_node *n, struct sops_err *e)
{
    if (o->fault == NULL || e->code != SOPS_E_DECRYPT) {
        return fail_at_node(n, e);
    }
    o->fault(o->ctx, n, e->msg);
    sops_err_clear(e);
    return true;
}

static bool take_all(struct opening *o, struct sops_err *e)
{
    struct leaf *next = o->crew.leaf;
    const struct leaf *end = next + o->crew.count;
    for (struct sops_node *part = o->d->parts; part != NULL; part = part->next) {
        struct sops_node *previous = part;
        for (struct sops_node *n = part; n != NULL; previous = n, n = sops_node_after(part, n)) {
            bool ok = true;
            if (next != end && next->node == n) {
                struct leaf *leaf = next++;
                if (leaf->why == sops_no_memory) {
                    return sops_fail_memory(e);
                }
                ok = n->kind == SOPS_COMMENT ? take_comment(o, leaf, previous, e) : take_value(o, leaf, e);
            } else if ((n->flags & SOPS_MARKED) != 0) {
                ok = take_clear(n, e);
            } else if (sops_node_is_leaf(n) && n->kind != SOPS_COMMENT) {
                mac_add(&o->mac, n);
            }
            if (!ok && !told_of(o, n, e)) {
                return false;
            }
        }
    }
    return true;
}

/* What the threads opened becomes the document's. */
static void join_texts(struct opening *o)
{
    for (size_t i = 0; i < LANES; i++) {
        sops_arena_join(&o->d->arena, &o->crew.lane[i].texts);
    }
}

bool sops_doc_open(struct sops_doc *d, struct sops_crypt *c, sops_fault_fn *fault, void *ctx, struct sops_buf *mac,
                   struct sops_err *e)
{
    struct opening o = {.d = d, .crew = {.c = c, .work = open_leaf}, .fault = fault, .ctx = ctx};
    d->state = SOPS_DOC_UNVERIFIED;
    bool ok = engine_of(c, e) != NULL && collect_to_open(&o, e);
    if (ok) {
        mac_start(&o.mac, c->rules);
        run_crew(&o.crew, NULL, NULL);
        join_texts(&o);
        ok = take_all(&o, e);
        move_strays(&o);
        ok = mac_end(&o.mac, mac, e) && ok;
    }
    if (ok && o.kept_comments != 0) {
        ok = sops_buf_addf(&d->notes, e, "%zu comment(s) could not be decrypted and are kept as they are in the file\n",
                           o.kept_comments);
    }
    if (e->code == SOPS_E_ENCRYPT) {
        e->code = SOPS_E_DECRYPT; /* the walk does not know its direction */
    }
    sops_free(o.crew.leaf);
    return ok;
}

void sops_doc_forget(struct sops_doc *d)
{
    for (struct sops_node *part = d->parts; part != NULL; part = part->next) {
        for (struct sops_node *n = part; n != NULL; n = sops_node_after(part, n)) {
            n->sealed = NULL;
        }
    }
    sops_arena_free(&d->opened);
    d->opening = NULL;
}

bool sops_doc_keep(struct sops_doc *to, struct sops_doc *from, struct sops_err *e)
{
    const struct sops_opening *opening = from->opening;
    bool ok = true;
    for (size_t i = 0; ok && i < opening->count; i++) {
        struct sops_sealed *s = &opening->leaf[i];
        ok = !s->reusable ||
             (sops_arena_copy(&to->arena, s->enc, &s->enc, e) && sops_arena_copy(&to->arena, s->text, &s->text, e));
    }
    to->opening = opening;
    to->opened = from->opened;
    from->opened = (struct sops_arena){0};
    sops_doc_free(from);
    return ok;
}

/* ---- verifying ----------------------------------------------------------------------------------------------------
 */

bool sops_doc_verify(struct sops_doc *d, struct sops_crypt *c, struct sops_slice computed, struct sops_slice stored,
                     struct sops_slice last_modified, struct sops_err *e)
{
    struct sops_buf text = {0};
    enum sops_kind kind = SOPS_STR;
    bool ok = stored.len == 0 || sops_text_open(c, stored, last_modified, &kind, &text, e);
    if (!ok && e->memory) {
        return false; /* the fault is not the file's */
    }
    if (!ok) {
        sops_within(e, "Cannot decrypt MAC");
        sops_recode(e, SOPS_E_MAC);
    } else if (stored.len == 0 || kind != SOPS_STR || text.len != computed.len ||
               CRYPTO_memcmp(text.ptr, computed.ptr, computed.len) != 0) {
        ok = sops_fail(e, SOPS_E_MAC, "MAC mismatch. File has %.*s, computed %.*s",
                       SOPS_ARG(text.len != 0 ? sops_buf_view(&text) : SOPS_LIT("no MAC")), SOPS_ARG(computed));
    } else {
        d->state = SOPS_DOC_PLAIN;
    }
    if (!ok) {
        sops_hint(e,
                  "the file was changed after it was encrypted; if you know why, --ignore-mac reads it all the same");
    }
    sops_buf_free(&text);
    return ok;
}

void sops_doc_trust(struct sops_doc *d) { d->state = SOPS_DOC_PLAIN; }
