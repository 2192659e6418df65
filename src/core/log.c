/* SPDX-License-Identifier: Apache-2.0 */
/* The lines have the shape of the original's, as tools look for its messages; what it does not say (the reason why a
 * key failed, the configuration) is a field or a line more. */
#include "core/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_VALUE 4096 /* bytes: the longest recipient has 2,000; a client of the key service may send megabytes */

/* May the value stand without quotes? */
static bool is_plain(struct sops_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && memchr("-._/@^+", c, 7) == NULL) {
            return false;
        }
    }
    return true;
}

static bool add_value(struct sops_buf *out, struct sops_slice s, struct sops_err *e)
{
    s.len = s.len < MAX_VALUE ? s.len : MAX_VALUE;
    if (is_plain(s)) {
        return sops_buf_add(out, s, e);
    }
    bool ok = sops_buf_addc(out, '"', e);
    for (size_t i = 0; ok && i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\n' || c == '\t') {
            ok = sops_buf_adds(out, c == '\n' ? "\\n" : "\\t", e);
        } else if (c < 0x20 || c == 0x7f) {
            ok = sops_buf_addf(out, e, "\\x%02x", c);
        } else {
            ok = ((c != '"' && c != '\\') || sops_buf_addc(out, '\\', e)) && sops_buf_addc(out, c, e);
        }
    }
    return ok && sops_buf_addc(out, '"', e);
}

static bool add_field(struct sops_buf *out, const char *name, struct sops_slice value, struct sops_err *e)
{
    return sops_buf_addf(out, e, " %s=", name) && add_value(out, value, e);
}

static bool add_fields(struct sops_buf *out, const struct sops_log_field *fields, struct sops_err *e)
{
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (fields->value.len != 0 && !add_field(out, fields->name, fields->value, e)) {
            return false;
        }
    }
    return true;
}

void sops_log(struct sops_world *w, const char *who, enum sops_log_level level, const struct sops_log_field *fields,
              const char *fmt, ...)
{
    static const char *const levels[] = {[SOPS_LOG_DEBUG] = "debug", [SOPS_LOG_INFO] = "info"};
    struct sops_buf line = {0};
    struct sops_err ignored = {0};
    const char *text = NULL;
    char message[256];
    if (!w->verbose) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (sops_buf_addf(&line, &ignored, "[%s]\t time=\"", who) && sops_time_utc(&line, w->now(w), &ignored) &&
        sops_buf_addf(&line, &ignored, "\" level=%s", levels[level]) &&
        add_field(&line, "msg", sops_str(message), &ignored) && add_fields(&line, fields, &ignored)) {
        text = sops_buf_cstr(&line, &ignored);
    }
    if (text != NULL) {
        w->say(w, SOPS_SAY_LOG, text);
    }
    sops_buf_free(&line);
    sops_err_clear(&ignored);
}

void sops_log_key(struct sops_world *w, const struct sops_key *k, bool wrapping, const char *service,
                  struct sops_slice why)
{
    const struct sops_keysource *source = k->source;
    struct sops_log_field field[SOPS_LOG_FIELDS + 3] = {{NULL, {0}}};
    struct sops_buf scratch = {0};
    struct sops_err ignored = {0};
    size_t n = 0;
    if (!w->verbose) {
        return;
    }
    if (source->log_fields == NULL) {
        field[n++] = (struct sops_log_field){source->log_field, k->field[0]};
    } else if (source->log_fields(k, wrapping, &scratch, field, &ignored)) {
        while (field[n].name != NULL) {
            n++;
        }
    }
    if (service != NULL) {
        field[n++] = (struct sops_log_field){"service", sops_str(service)};
    }
    field[n] = (struct sops_log_field){"error", why};
    const char *done = source->log_done != NULL ? source->log_done : "succeeded";
    sops_log(w, source->log_name, SOPS_LOG_INFO, field, "%s %s", wrapping ? "Encryption" : "Decryption",
             why.len != 0 ? "failed" : done);
    sops_buf_free(&scratch);
    sops_err_clear(&ignored);
}
