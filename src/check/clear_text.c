/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in what is clear. A line that holds `sops:allow`, and the one below it, are left alone. */
#include "check/file_parts.h"

#include "core/cipher.h"

#define ALLOW "sops:allow"

/* Lines that may hold a secret, by number. */
struct allowed {
    uint8_t *bits; /* NULL: none */
    size_t lines;
};

static bool read_allowed(struct allowed *a, struct sops_slice text, struct sops_err *e)
{
    struct sops_slice rest = text, line;
    size_t number = 0, lines = 2;
    if (text.len == 0 || memmem(text.ptr, text.len, ALLOW, sizeof ALLOW - 1) == NULL) {
        return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    a->bits = sops_alloc(lines / 8 + 2, e);
    a->lines = lines;
    while (a->bits != NULL && rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
        number++;
        if (line.len != 0 && memmem(line.ptr, line.len, ALLOW, sizeof ALLOW - 1) != NULL) {
            a->bits[number / 8] |= (uint8_t)(1U << number % 8);
            a->bits[(number + 1) / 8] |= (uint8_t)(1U << (number + 1) % 8);
        }
    }
    return a->bits != NULL;
}

static bool is_allowed(const struct allowed *a, size_t line)
{
    return a->bits != NULL && line <= a->lines && (a->bits[line / 8] & (1U << line % 8)) != 0;
}

static bool add_hit(struct sops_checked *c, unsigned line, struct sops_slice path, const struct sops_secret_hit *hit,
                    struct sops_err *e)
{
    if (hit->sort == SOPS_SECRET_FORM) {
        return sops_findings_add(&c->found, SOPS_FIND_SECRET, line, path, e, "%s %s in clear text",
                                 strchr("aA", hit->kind[0]) != NULL ? "an" : "a", hit->kind) &&
               sops_findings_help(&c->found, e, "put it into an encrypted file, or mark the line with " ALLOW);
    }
    return sops_findings_add(&c->found, SOPS_FIND_SECRET_LIKE, line, path, e,
                             hit->sort == SOPS_SECRET_NAMED ? "a value whose name says that it is a secret"
                                                            : "a value that looks random, as keys do") &&
           sops_findings_help(&c->found, e, "put it into an encrypted file, or mark the line with " ALLOW);
}

static struct sops_secret_wish wish_of(const struct sops_subject *s)
{
    return (struct sops_secret_wish){sops_secrets_is_lock(s->absolute),
                                     s->judge->there ? s->judge->entropy : SOPS_ENTROPY};
}

/* ---- plain text
 * -------------------------------------------------------------------------------------------------------- */

struct scan {
    struct sops_checked *c;
    struct allowed allowed;
};

static bool on_line(void *ctx, unsigned line, const struct sops_secret_hit *hit, struct sops_err *e)
{
    struct scan *s = ctx;
    return is_allowed(&s->allowed, line) || add_hit(s->c, line, (struct sops_slice){0}, hit, e);
}

bool sops_part_plain(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct scan scan = {.c = c};
    struct sops_secret_wish wish = wish_of(s);
    bool ok =
        read_allowed(&scan.allowed, s->text, e) && sops_secrets_scan(s->secrets, s->text, &wish, on_line, &scan, e);
    sops_free(scan.allowed.bits);
    return ok;
}

/* ---- values
 * ------------------------------------------------------------------------------------------------------------ */

/* The key that names a value: its own, of an item that of the list. */
static struct sops_slice name_of(const struct sops_node *n)
{
    while (n->up != NULL && n->up->kind == SOPS_LIST) {
        n = n->up;
    }
    return n->key;
}

static bool check_node(const struct sops_subject *s, struct sops_checked *c, const struct sops_node *n,
                       struct sops_pather *pather, const struct allowed *allowed, struct sops_err *e)
{
    struct sops_secret_wish wish = wish_of(s);
    bool comment = n->kind == SOPS_COMMENT;
    if (!sops_node_is_leaf(n) || n->text.len == 0 || n->kind == SOPS_NULL || n->kind == SOPS_ODD ||
        sops_slice_starts(n->text, SOPS_LIT("ENC[AES256_GCM,")) || is_allowed(allowed, n->line) ||
        (allowed->bits != NULL && is_allowed(allowed, sops_liner_of(&c->liner, n)))) {
        return true;
    }
    struct sops_secret_hit hit = comment ? sops_secrets_line(s->secrets, n->text, &wish, e)
                                         : sops_secrets_value(s->secrets, name_of(n), n->text, &wish, e);
    if (hit.sort == SOPS_SECRET_NONE) {
        return e->code == SOPS_OK;
    }
    struct sops_buf path = {0};
    bool ok =
        sops_pather_add(pather, n, &path, e) && add_hit(c, sops_liner_of(&c->liner, n), sops_buf_view(&path), &hit, e);
    sops_buf_free(&path);
    return ok;
}

/* Is it the metadata, where they could not be taken out? */
static bool is_metadata(const struct sops_checked *c, const struct sops_node *n)
{
    bool top = n->up != NULL && n->up->up == NULL && n->kind != SOPS_COMMENT;
    return top && (c->look.format->meta == SOPS_META_PREFIX ? sops_slice_starts(n->key, SOPS_LIT("sops_"))
                                                            : sops_slice_eq(n->key, SOPS_LIT("sops")));
}

bool sops_part_clear(const struct sops_subject *s, struct sops_checked *c, struct sops_err *e)
{
    struct sops_pather pather = {.secrets = s->secrets};
    struct allowed allowed = {0};
    bool ok = read_allowed(&allowed, s->text, e);
    for (struct sops_node *part = c->look.doc.parts; ok && part != NULL; part = part->next) {
        struct sops_node *n = part;
        while (ok && n != NULL) {
            if (is_metadata(c, n)) { /* behind it, not into it */
                struct sops_node *last = n;
                while (last->last != NULL) {
                    last = last->last;
                }
                n = sops_node_after(part, last);
                continue;
            }
            ok = check_node(s, c, n, &pather, &allowed, e);
            n = sops_node_after(part, n);
        }
    }
    sops_free(allowed.bits);
    return ok;
}
