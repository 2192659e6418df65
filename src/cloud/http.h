/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - what all providers' calls have in common: tries with pauses, JSON, forms, percent-encoding. */
#ifndef SOPS_CLOUD_HTTP_H
#define SOPS_CLOUD_HTTP_H

#include "base/encode.h"
#include "base/json.h"
#include "base/url.h"
#include "core/world.h"

#include <jansson.h>

/* How often, and after which pause. */
struct sops_retry {
    unsigned tries; /* in all; 0 and 1: once */
    /* The n-th pause is at most base_ms * 2^(n-1) and cap_ms; `spread` percent of it are random. */
    unsigned base_ms, cap_ms, spread;
    bool (*again)(const struct sops_http_res *res); /* is this answer worth another try? NULL: 429 and 5xx but 501 */
    unsigned *tried;                                /* how many there were; may be NULL */
};
/* For what must not arrive twice: 429 and 503, which tell that nothing was done. */
bool sops_again_undone(const struct sops_http_res *res);
/* One exchange with its further tries. A failure to get any answer is tried again unless it has a hint (a certificate
 * that is not trusted), or the request is one to be sent once and may have arrived. False only when no answer came in
 * the end; the last answer counts, whatever its status. */
bool sops_call(struct sops_world *w, const struct sops_http_req *req, const struct sops_retry *retry,
               struct sops_http_res *res, struct sops_err *e) SOPS_CHECKED;

/* An answer's JSON; `*out` is to be freed with json_decref. Code 1 with the parser's words, never with the text. */
bool sops_json_load(struct sops_slice text, json_t **out, struct sops_err *e) SOPS_CHECKED;
/* The same, but NULL instead of a failure: for what may or may not be JSON. */
json_t *sops_json_try(struct sops_slice text);
/* The text of object[name]; empty when there is none or it is no text. Lives as long as the object. */
struct sops_slice sops_json_text(const json_t *object, const char *name);
/* The integer of object[name], also when it is written as a text; 0 when there is none. */
int64_t sops_json_number(const json_t *object, const char *name);

/* Asks, once and without a proxy, a service at an address of the machine that we run on. `line` is a header's; or NULL.
 */
bool sops_machine_ask(struct sops_world *w, const char *method, const char *url, const char *line, unsigned connect_ms,
                      unsigned total_ms, struct sops_http_res *res, struct sops_err *e) SOPS_CHECKED;
/* Appends "name=value" of a form, with '&' before it unless it is the first. */
bool sops_form_add(struct sops_buf *out, const char *name, struct sops_slice value, struct sops_err *e) SOPS_CHECKED;

/* Appends the parameters of a query in the order of their bytes, as signatures want them; "name" is "name=". */
bool sops_query_sorted(struct sops_buf *out, struct sops_slice query, struct sops_err *e) SOPS_CHECKED;

/* Appends the bytes of base64 as providers and files have it: CR and LF are passed over, for SOPS_B64_URL padding may
 * be there or not. */
bool sops_base64_text(struct sops_buf *out, enum sops_base64 kind, struct sops_slice text,
                      struct sops_err *e) SOPS_CHECKED;

/* What a file of credentials or tokens holds; longer than 1 MiB: a failure. */
bool sops_small_file(const char *path, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;
/* $HOME, else the passwd entry's folder; "" when there is neither. Lives as long as the world. */
const char *sops_home(struct sops_world *w);
/* "true" or "1", in any case. */
bool sops_env_true(struct sops_world *w, const char *name);

#endif
