/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that is told to audit does nothing that it could not audit: every database must answer before a command
 * begins, and take the row before the command goes on. */
#include "services/audit.h"

#include "base/openssl.h"
#include "base/dl.h"
#include "base/file.h"
#include "base/proc.h"
#include "core/conf.h"

#include <ctype.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define CONNECT_SECONDS "10"
#define ANSWER_FACTOR 3 /* times the seconds for connecting: how long a statement may take */
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define MAX_PARAMETERS 96

static const char owner[] = "audit"; /* of the connections among the world's slots */

struct libpq {
    __typeof__(PQconndefaults) *conndefaults;
    __typeof__(PQconninfoParse) *conninfo_parse;
    __typeof__(PQconninfoFree) *conninfo_free;
    __typeof__(PQconnectdbParams) *connect;
    __typeof__(PQstatus) *status;
    __typeof__(PQerrorMessage) *error;
    __typeof__(PQsendQueryParams) *send;
    __typeof__(PQsocket) *socket;
    __typeof__(PQconsumeInput) *consume;
    __typeof__(PQisBusy) *is_busy;
    __typeof__(PQgetResult) *result;
    __typeof__(PQresultStatus) *result_status;
    __typeof__(PQresultErrorMessage) *result_error;
    __typeof__(PQclear) *clear;
    __typeof__(PQfinish) *finish;
    __typeof__(PQfreemem) *freemem;
};

struct backend {
    PGconn *conn;
    struct sops_slice shown; /* where it is, without the password */
    int seconds;             /* for an answer */
    struct backend *next;
};
struct audit {
    struct libpq pq;
    PQconninfoOption *defaults;
    struct backend *backends;
    char *user;
};

static bool load(struct libpq *pq, struct sops_err *e)
{
    const struct sops_dl_symbol symbols[] = {
        {"PQconndefaults", &pq->conndefaults},
        {"PQconninfoParse", &pq->conninfo_parse},
        {"PQconninfoFree", &pq->conninfo_free},
        {"PQconnectdbParams", &pq->connect},
        {"PQstatus", &pq->status},
        {"PQerrorMessage", &pq->error},
        {"PQsendQueryParams", &pq->send},
        {"PQsocket", &pq->socket},
        {"PQconsumeInput", &pq->consume},
        {"PQisBusy", &pq->is_busy},
        {"PQgetResult", &pq->result},
        {"PQresultStatus", &pq->result_status},
        {"PQresultErrorMessage", &pq->result_error},
        {"PQclear", &pq->clear},
        {"PQfinish", &pq->finish},
        {"PQfreemem", &pq->freemem},
        {NULL, NULL},
    };
    sops_openssl_names(); /* for its TLS */
    return sops_dl_load("libpq.so.5", "libpq5", symbols, e);
}

/* ---- words of libpq ---------------------------------------------------------------------------------------------- */

/* On one line, the cause in lower case as in our own messages. libpq quotes hosts and users, never a password. */
static bool fail_pq(const char *words, const char *what, struct sops_slice shown, struct sops_err *e)
{
    char line[512];
    size_t n = 0;
    for (const char *c = words; *c != '\0' && n < sizeof line - 1; c++) {
        bool blank = *c == '\n' || *c == '\t' || *c == ' ';
        if (!blank || (n != 0 && line[n - 1] != ' ')) {
            line[n++] = blank ? ' ' : *c;
        }
    }
    n -= n != 0 && line[n - 1] == ' ';
    line[n] = '\0';
    char *cause = strstr(line, "failed: ");
    if (cause != NULL && islower((unsigned char)cause[9])) {
        cause[8] = (char)tolower((unsigned char)cause[8]);
    }
    return sops_fail(e, SOPS_E_GENERIC, "%s (%.*s): %s", what, SOPS_ARG(shown), line);
}

/* ---- one database ------------------------------------------------------------------------------------------------ */

static bool is_known(void *ctx, struct sops_slice name)
{
    for (const PQconninfoOption *o = ctx; o->keyword != NULL; o++) {
        if (sops_slice_eq(name, sops_str(o->keyword))) {
            return true;
        }
    }
    return false;
}

struct parameters {
    const char *name[MAX_PARAMETERS + 1], *value[MAX_PARAMETERS + 1];
    size_t count;
};

static const char *find(const struct parameters *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->name[i], name) == 0) {
            return p->value[i];
        }
    }
    return NULL;
}

static void set(struct parameters *p, const char *name, const char *value)
{
    if (p->count < MAX_PARAMETERS) {
        p->name[p->count] = name;
        p->value[p->count++] = value;
    }
}

/* What stands in the connection string, in a variable of the environment, or nowhere. */
static const char *chosen(struct sops_world *w, const struct parameters *p, const char *name, const char *variable)
{
    const char *value = find(p, name);
    return value != NULL ? value : sops_world_env_set(w, variable);
}

/* Defaults that libpq has otherwise: TCP to localhost, TLS, and the system's certificates for the modes that check. */
static void set_defaults(struct sops_world *w, struct parameters *p, const char *home_roots)
{
    if (chosen(w, p, "host", "PGHOST") == NULL && chosen(w, p, "hostaddr", "PGHOSTADDR") == NULL) {
        set(p, "host", "localhost");
    }
    const char *mode = chosen(w, p, "sslmode", "PGSSLMODE");
    if (mode == NULL) {
        set(p, "sslmode", "require");
    } else if (strncmp(mode, "verify-", 7) == 0 && chosen(w, p, "sslrootcert", "PGSSLROOTCERT") == NULL &&
               access(home_roots, R_OK) != 0) {
        const char *file = sops_world_env_set(w, "SSL_CERT_FILE");
        set(p, "sslrootcert", file != NULL ? file : SYSTEM_ROOTS);
    }
    if (chosen(w, p, "connect_timeout", "PGCONNECT_TIMEOUT") == NULL) {
        set(p, "connect_timeout", CONNECT_SECONDS);
    }
}

static bool show(struct sops_world *w, struct sops_arena *a, const struct parameters *p, struct sops_slice *out,
                 struct sops_err *e)
{
    const char *host = chosen(w, p, "host", "PGHOST"), *port = chosen(w, p, "port", "PGPORT");
    const char *database = chosen(w, p, "dbname", "PGDATABASE"), *user = chosen(w, p, "user", "PGUSER");
    host = host != NULL ? host : chosen(w, p, "hostaddr", "PGHOSTADDR");
    return sops_arena_printf(a, out, e, "host %s, port %s, database %s, user %s", host, port != NULL ? port : "5432",
                             database != NULL ? database : "-", user != NULL ? user : "-");
}

/* Until a result can be taken without waiting. */
static bool wait_for(const struct audit *audit, const struct backend *b, int64_t until, const char *what,
                     struct sops_err *e)
{
    while (audit->pq.is_busy(b->conn) != 0) {
        struct pollfd wait = {audit->pq.socket(b->conn), POLLIN, 0};
        int64_t left = until - sops_clock_ms();
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (ready == 0) {
            return sops_fail(e, SOPS_E_GENERIC, "%s (%.*s): no answer within %d seconds", what, SOPS_ARG(b->shown),
                             b->seconds);
        }
        if (ready > 0 && audit->pq.consume(b->conn) == 0) {
            return fail_pq(audit->pq.error(b->conn), what, b->shown, e);
        }
    }
    return true;
}

/* Runs one statement; `values` may be NULL. */
static bool execute(const struct audit *audit, const struct backend *b, const char *sql, int n,
                    const char *const *values, const char *what, struct sops_err *e)
{
    const int64_t until = sops_clock_ms() + (int64_t)b->seconds * 1000;
    if (audit->pq.send(b->conn, sql, n, NULL, values, NULL, NULL, 0) == 0) {
        return fail_pq(audit->pq.error(b->conn), what, b->shown, e);
    }
    PGresult *result = NULL;
    bool ok = true, done = false;
    while (ok && (ok = wait_for(audit, b, until, what, e)) && (result = audit->pq.result(b->conn)) != NULL) {
        ExecStatusType status = audit->pq.result_status(result);
        done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        ok = done || fail_pq(audit->pq.result_error(result), what, b->shown, e);
        audit->pq.clear(result);
    }
    return ok && (done || fail_pq(audit->pq.error(b->conn), what, b->shown, e));
}

static bool connect_to(struct sops_world *w, struct sops_arena *a, struct audit *audit, const PQconninfoOption *parsed,
                       const char *options, struct sops_err *e)
{
    static const char what[] = "cannot connect to the audit database";
    struct parameters p = {.count = 0};
    struct sops_slice whole = {0}, roots;
    for (const PQconninfoOption *o = parsed; o->keyword != NULL; o++) {
        if (o->val != NULL) {
            set(&p, o->keyword, o->val);
        }
    }
    const char *home = sops_world_env_set(w, "HOME"), *before = chosen(w, &p, "options", "PGOPTIONS");
    struct backend *b = sops_arena_alloc(a, sizeof *b, e);
    if (b == NULL || !sops_arena_printf(a, &roots, e, "%s/.postgresql/root.crt", home != NULL ? home : "") ||
        !sops_arena_printf(a, &whole, e, "%s%s%s", before != NULL ? before : "", before != NULL ? " " : "", options)) {
        return false;
    }
    set_defaults(w, &p, (const char *)roots.ptr);
    if (options[0] != '\0') {
        set(&p, "options", (const char *)whole.ptr); /* the last one counts */
    }
    if (!show(w, a, &p, &b->shown, e)) {
        return false;
    }
    int seconds = atoi(chosen(w, &p, "connect_timeout", "PGCONNECT_TIMEOUT"));
    b->seconds = ANSWER_FACTOR * (seconds > 0 && seconds < 3600 ? seconds : atoi(CONNECT_SECONDS));
    b->conn = audit->pq.connect(p.name, p.value, 0);
    if (b->conn == NULL) {
        return sops_fail_memory(e);
    }
    b->next = audit->backends;
    audit->backends = b;
    if (audit->pq.status(b->conn) != CONNECTION_OK) {
        return fail_pq(audit->pq.error(b->conn), what, b->shown, e);
    }
    return execute(audit, b, "SELECT 1", 0, NULL, what, e);
}

static bool add_backend(struct sops_world *w, struct sops_arena *a, struct audit *audit, struct sops_slice dsn,
                        struct sops_err *e)
{
    struct sops_buf text = {0}, options = {0};
    const char *known = NULL, *other = NULL;
    bool ok = sops_audit_dsn(dsn, is_known, audit->defaults, &text, &options, e) &&
              (known = sops_buf_cstr(&text, e)) != NULL && (other = sops_buf_cstr(&options, e)) != NULL;
    char *words = NULL;
    PQconninfoOption *parsed = ok ? audit->pq.conninfo_parse(known, &words) : NULL;
    if (ok && parsed == NULL) { /* what libpq says may quote the password */
        ok = sops_fail(e, SOPS_E_GENERIC, "a connection string of the audit cannot be parsed");
    }
    ok = ok && connect_to(w, a, audit, parsed, other, e);
    if (parsed != NULL) {
        audit->pq.conninfo_free(parsed);
    }
    if (words != NULL) {
        audit->pq.freemem(words);
    }
    sops_buf_free(&options);
    sops_buf_free(&text);
    return ok;
}

/* ---- the audit -----------------------------------------------------------------------------------------------------
 */

static void drop(void *thing)
{
    struct audit *audit = thing;
    for (struct backend *b = audit->backends; b != NULL; b = b->next) {
        audit->pq.finish(b->conn);
    }
    if (audit->defaults != NULL) {
        audit->pq.conninfo_free(audit->defaults);
    }
    *audit = (struct audit){0};
}

static bool find_user(struct sops_arena *a, struct audit *audit, struct sops_err *e)
{
    char text[4096];
    struct passwd entry, *found = NULL;
    int why = getpwuid_r(getuid(), &entry, text, sizeof text, &found);
    if (found == NULL) {
        return sops_fail(e, SOPS_E_GENERIC, "cannot find the name of the current user for the audit: %s",
                         why != 0 ? sops_os_error(why) : "there is no user with this number");
    }
    struct sops_slice name;
    if (!sops_arena_copy(a, sops_str(entry.pw_name), &name, e)) {
        return false;
    }
    audit->user = (char *)(uintptr_t)name.ptr;
    return true;
}

static bool make(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    const struct sops_node *list = arg;
    struct audit *audit = sops_arena_alloc(a, sizeof *audit, e);
    bool ok = audit != NULL && load(&audit->pq, e);
    if (!ok) {
        return false;
    }
    audit->defaults = audit->pq.conndefaults();
    ok = (audit->defaults != NULL || sops_fail_memory(e)) && find_user(a, audit, e);
    for (const struct sops_node *n = list->child; ok && n != NULL; n = n->next) {
        struct sops_slice dsn = {0};
        ok = n->kind == SOPS_MAP ? sops_conf_text(n, "connection_string", &dsn, e)
                                 : sops_fail_at(e, n->line, 0, "an item of 'postgres' is no mapping");
        ok = ok && add_backend(w, a, audit, dsn, e);
    }
    ok = ok && sops_world_at_end(w, drop, audit, e);
    if (!ok) {
        drop(audit);
    }
    *made = audit;
    return ok;
}

/* Called again with what is made already, so nothing is made here. */
static bool never(struct sops_world *w, struct sops_arena *a, void *arg, void **made, struct sops_err *e)
{
    (void)w, (void)a, (void)arg, (void)made;
    return sops_fail(e, SOPS_E_GENERIC, "the audit is over");
}

static bool write_row(struct sops_world *w, const char *action, const char *file, struct sops_err *e)
{
    void *made = NULL;
    if (!sops_world_once(w, owner, SOPS_LIT("audit"), never, NULL, &made, e)) {
        return false;
    }
    const struct audit *audit = made;
    const char *const values[] = {action, audit->user, file};
    for (const struct backend *b = audit->backends; b != NULL; b = b->next) {
        if (!execute(audit, b, "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)", 3, values,
                     "failed to insert audit record", e)) {
            return false;
        }
    }
    return true;
}

bool sops_audit_load_from(struct sops_world *w, const char *path, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_doc doc = {0};
    const struct sops_node *backends = NULL, *list = NULL;
    struct sops_err unreadable = {0};
    bool there = sops_file_read(path, FILE_MAX, &text, &unreadable);
    sops_err_clear(&unreadable);
    bool ok = !there ||
              (sops_conf_parse(&doc, sops_buf_view(&text), e) && sops_conf_map(doc.parts, "backends", &backends, e) &&
               (backends == NULL || sops_conf_list(backends, "postgres", &list, e)));
    if (ok && list != NULL && list->child != NULL) {
        void *made = NULL;
        ok = sops_world_once(w, owner, SOPS_LIT("audit"), make, (void *)(uintptr_t)list, &made, e);
        w->audit = ok ? write_row : NULL;
    }
    sops_doc_free(&doc);
    sops_buf_free(&text);
    return ok || sops_within(e, "%s", path);
}

bool sops_audit_load(struct sops_world *w, struct sops_err *e) { return sops_audit_load_from(w, SOPS_AUDIT_FILE, e); }
