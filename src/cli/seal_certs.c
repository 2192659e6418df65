/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates from files and servers, and private keys from PEM, backups and sops files. */
#include "cli/seal.h"

#include "base/file.h"
#include "base/url.h"

#include <sys/stat.h>

struct sops_loaded_cert {
    struct sops_slice place;
    struct sops_seal_cert cert;
    struct sops_loaded_cert *next;
};

/* ---- certificates ----------------------------------------------------------------------------------------------- */

static bool is_local(struct sops_slice host)
{
    static const char *const names[] = {"127.0.0.1", "::1", "localhost", NULL};
    return sops_slice_is_any(host, names);
}

static bool fetch_url(struct sops_cert_store *s, const struct sops_seal_cluster *c, struct sops_buf *out,
                      struct sops_err *e)
{
    struct sops_url url;
    struct sops_http_req req = {.method = "GET", .url = c->cert, .one_redirect = true, .limit = SOPS_CERT_MAX};
    struct sops_http_res res = {0};
    if (!sops_url_parse(sops_str(c->cert), &url)) {
        return sops_fail(e, SOPS_E_GENERIC, "'%s' is neither a file nor a URL of https, http or file", c->cert);
    }
    if (!url.tls && !is_local(url.host) && c->pins == 0) {
        if (!s->any_http) {
            sops_fail(e, SOPS_E_GENERIC, "'%s' is fetched over http: whoever is on the way could put in another one",
                      c->cert);
            return sops_hint(e, "take https, or pin its `fingerprint` in .sops.yaml");
        }
        sops_world_warn(s->world, "'%s' is fetched over http: whoever is on the way could put in another one", c->cert);
    }
    bool ok = s->world->http(s->world, &req, &res, e);
    if (ok && res.status != 200) {
        ok = sops_fail(e, SOPS_E_GENERIC, "the server answered with status %d", res.status);
    }
    ok = ok && sops_buf_add(out, sops_buf_view(&res.body), e);
    sops_http_res_free(&res);
    return ok || sops_within(e, "cannot fetch '%s'", c->cert);
}

static bool read_place(struct sops_cert_store *s, const struct sops_seal_cluster *c, struct sops_buf *out,
                       struct sops_err *e)
{
    static const char file[] = "file://";
    bool ok = true;
    if (strncmp(c->cert, file, sizeof file - 1) == 0) {
        ok = sops_file_read(c->cert + sizeof file - 1, SOPS_CERT_MAX, out, e);
    } else if (strstr(c->cert, "://") != NULL) {
        ok = fetch_url(s, c, out, e);
    } else {
        ok = sops_file_read(c->cert, SOPS_CERT_MAX, out, e);
    }
    if (!ok) {
        sops_recode(e, SOPS_E_GENERIC);
        sops_hint(e, "`sops seal --fetch-certs` gets the controller's certificate");
    }
    return ok;
}

bool sops_cert_load(struct sops_cert_store *s, const struct sops_seal_cluster *c, const struct sops_seal_cert **out,
                    struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_loaded_cert *l = s->first;
    while (l != NULL && !sops_slice_eq(l->place, sops_str(c->cert))) {
        l = l->next;
    }
    bool ok = true;
    if (l == NULL) {
        l = sops_arena_alloc(&s->arena, sizeof *l, e);
        ok = l != NULL && sops_arena_copy(&s->arena, sops_str(c->cert), &l->place, e) && read_place(s, c, &text, e);
        if (ok) {
            l->next = s->first;
            s->first = l;
            ok = sops_cert_read(&l->cert, s->world, c->cert, sops_buf_view(&text), e);
        }
    }
    ok = ok && sops_cert_pinned(&l->cert, c->cert, c->pin, c->pins, e);
    *out = ok ? &l->cert : NULL;
    sops_buf_free(&text);
    if (!ok && c->name != NULL && c->name[0] != '\0') {
        sops_within(e, "cluster '%s'", c->name);
    }
    return ok;
}

void sops_cert_store_free(struct sops_cert_store *s)
{
    for (struct sops_loaded_cert *l = s->first; l != NULL; l = l->next) {
        sops_cert_free(&l->cert);
    }
    sops_arena_free(&s->arena);
    s->first = NULL;
}

bool sops_cert_option(struct sops_arena *a, const char *text, struct sops_seal_cluster *c, struct sops_err *e)
{
    const char *equal = strchr(text, '=');
    struct sops_slice name = equal != NULL ? sops_slice_of(text, (size_t)(equal - text)) : (struct sops_slice){0};
    *c = (struct sops_seal_cluster){.name = "", .cert = text};
    if (!sops_is_cluster_name(name)) {
        return true;
    }
    if (name.ptr[0] == '.') {
        return sops_fail(e, SOPS_E_CONFLICT, "a cluster's name does not begin with a dot: '%s'", text);
    }
    c->cert = equal + 1;
    bool ok = sops_arena_copy(a, name, &name, e);
    c->name = ok ? (const char *)name.ptr : "";
    return ok;
}

/* ---- private keys ----------------------------------------------------------------------------------------------- */

/* A clear file that others may read. */
static void warn_of_mode(struct sops_world *w, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
        sops_world_warn(w, "'%s' holds private keys, and others may read it (mode %04o)", path,
                        (unsigned)(st.st_mode & 07777));
    }
}

/* The one text of a format that holds one. */
static bool keys_of_text(struct sops_seal_keys *keys, const struct sops_job *common, const char *path,
                         struct sops_slice text, struct sops_err *e)
{
    struct sops_doc doc = {0};
    struct sops_err tried = {0};
    const struct sops_format *format;
    if (sops_is_pem(text)) {
        return sops_keys_add_pem(keys, path, text, e);
    }
    if (!sops_format_of_text(text, &format, e)) {
        return false;
    }
    bool parsed = sops_doc_parse_row(&doc, format, text, &tried);
    bool ok = sops_may_fail(&tried, e);
    if (ok && !parsed) {
        ok = sops_fail(e, SOPS_E_NO_KEY, "'%s' is neither PEM nor the backup of a controller's keys", path);
    }
    ok = ok && sops_keys_add_backup(keys, common->world, path, &doc, e);
    sops_doc_free(&doc);
    return ok;
}

bool sops_seal_keys_load(struct sops_seal_keys *keys, const struct sops_job *common, const char *path,
                         struct sops_err *e)
{
    struct sops_source s = {.common = common, .path = path, .name = path, .by_text = true};
    struct sops_buf head = {.locked = true};
    bool ok = sops_file_read(path, SOPS_KEYS_MAX, &head, e);
    if (!ok) {
        sops_buf_free(&head); /* what came before it failed */
        return sops_recode(e, SOPS_E_NO_KEY) || sops_within(e, "private keys");
    }
    if (!sops_holds_ciphertext(sops_buf_view(&head))) {
        warn_of_mode(common->world, path);
        ok = keys_of_text(keys, common, path, sops_buf_view(&head), e);
        sops_buf_free(&head);
        return ok;
    }
    sops_buf_free(&head);
    ok = sops_source_open(&s, e) || sops_within(e, "the keys in '%s'", path);
    const struct sops_node *only =
        ok && (s.format->flags & SOPS_FMT_WHOLE) != 0 && s.doc->parts != NULL ? s.doc->parts->child : NULL;
    ok = ok && (only != NULL ? keys_of_text(keys, common, path, only->text, e)
                             : sops_keys_add_backup(keys, common->world, path, s.doc, e));
    sops_source_close(&s);
    return ok;
}
