/* SPDX-License-Identifier: Apache-2.0 */
/* Names that libpq does not know are settings of the session (search_path, timezone); it would refuse them. A message
 * about a connection string never quotes it, as a password may be in it. */
#include "services/audit.h"

#include "base/encode.h"

struct rewriting {
    bool (*known)(void *ctx, struct sops_slice name);
    void *ctx;
    struct sops_buf *text, *options;
};

/* Settings of another client library that the database would not know. */
static bool is_dropped(struct sops_slice name)
{
    return sops_slice_eq(name, SOPS_LIT("binary_parameters")) ||
           sops_slice_eq(name, SOPS_LIT("disable_prepared_binary_result"));
}

/* Blanks and backslashes would end a word of `options`. */
static bool add_option(struct sops_buf *options, struct sops_slice name, struct sops_slice value, struct sops_err *e)
{
    bool ok = sops_buf_addf(options, e, "%s-c %.*s=", options->len != 0 ? " " : "", SOPS_ARG(name));
    for (size_t i = 0; ok && i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool special = c == '\\' || sops_is_white(c);
        ok = (!special || sops_buf_addc(options, '\\', e)) && sops_buf_addc(options, c, e);
    }
    return ok;
}

/* "postgres://user:password@host/database?name=value&name=value" */
static bool rewrite_url(const struct rewriting *r, struct sops_slice dsn, struct sops_err *e)
{
    size_t mark = sops_slice_find(dsn, '?');
    struct sops_slice rest = sops_slice_skip(dsn, mark + 1), pair;
    bool first = true, ok = sops_buf_add(r->text, sops_slice_first(dsn, mark), e);
    while (ok && rest.len != 0 && sops_slice_next(&rest, '&', &pair)) {
        size_t equals = sops_slice_find(pair, '=');
        struct sops_slice name = sops_slice_first(pair, equals);
        if (r->known(r->ctx, name) || sops_slice_eq(name, SOPS_LIT("ssl"))) {
            ok = sops_buf_addc(r->text, first ? '?' : '&', e) && sops_buf_add(r->text, pair, e);
            first = false;
        } else if (!is_dropped(name)) {
            struct sops_buf value = {0};
            ok = sops_percent_take(&value, sops_slice_skip(pair, equals + 1), e) &&
                 add_option(r->options, name, sops_buf_view(&value), e);
            sops_buf_free(&value);
        }
    }
    return ok;
}

static void skip_blanks(struct sops_slice *s)
{
    while (s->len != 0 && sops_is_white(s->ptr[0])) {
        *s = sops_slice_skip(*s, 1);
    }
}

/* Takes the value at the start of `*s`: bare, or in single quotes; a backslash takes the next character as it is. */
static bool take_value(struct sops_slice *s, struct sops_buf *value, struct sops_err *e)
{
    bool quoted = s->len != 0 && s->ptr[0] == '\'';
    *s = sops_slice_skip(*s, quoted);
    while (s->len != 0 && (quoted ? s->ptr[0] != '\'' : !sops_is_white(s->ptr[0]))) {
        if (s->ptr[0] == '\\' && s->len > 1) {
            *s = sops_slice_skip(*s, 1);
        }
        if (!sops_buf_addc(value, s->ptr[0], e)) {
            return false;
        }
        *s = sops_slice_skip(*s, 1);
    }
    if (quoted && s->len == 0) {
        return sops_fail(e, SOPS_E_GENERIC, "a connection string has an open quote");
    }
    *s = sops_slice_skip(*s, quoted);
    return true;
}

static bool add_pair(struct sops_buf *text, struct sops_slice name, struct sops_slice value, struct sops_err *e)
{
    bool ok = sops_buf_addf(text, e, "%s%.*s='", text->len != 0 ? " " : "", SOPS_ARG(name));
    for (size_t i = 0; ok && i < value.len; i++) {
        uint8_t c = value.ptr[i];
        ok = ((c != '\'' && c != '\\') || sops_buf_addc(text, '\\', e)) && sops_buf_addc(text, c, e);
    }
    return ok && sops_buf_addc(text, '\'', e);
}

/* "host=localhost user=sops password='a b'" */
static bool rewrite_pairs(const struct rewriting *r, struct sops_slice dsn, struct sops_err *e)
{
    bool ok = true;
    skip_blanks(&dsn);
    while (ok && dsn.len != 0) {
        struct sops_buf value = {0};
        size_t equals = sops_slice_find(dsn, '=');
        struct sops_slice name = sops_slice_trim(sops_slice_first(dsn, equals));
        if (equals == dsn.len || name.len == 0) {
            return sops_fail(e, SOPS_E_GENERIC, "a connection string is neither a URL nor a list of NAME=VALUE");
        }
        dsn = sops_slice_skip(dsn, equals + 1);
        skip_blanks(&dsn);
        ok = take_value(&dsn, &value, e);
        if (ok && r->known(r->ctx, name)) {
            ok = add_pair(r->text, name, sops_buf_view(&value), e);
        } else if (ok && !is_dropped(name)) {
            ok = add_option(r->options, name, sops_buf_view(&value), e);
        }
        sops_buf_free(&value);
        skip_blanks(&dsn);
    }
    return ok;
}

bool sops_audit_dsn(struct sops_slice dsn, bool (*known)(void *ctx, struct sops_slice name), void *ctx,
                    struct sops_buf *text, struct sops_buf *options, struct sops_err *e)
{
    const struct rewriting r = {known, ctx, text, options};
    bool url = sops_slice_starts(dsn, SOPS_LIT("postgres://")) || sops_slice_starts(dsn, SOPS_LIT("postgresql://"));
    return url ? rewrite_url(&r, dsn, e) : rewrite_pairs(&r, dsn, e);
}
