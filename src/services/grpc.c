/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends share: names of codes, and texts in a header field. */
#include "services/grpc.h"

#include "services/nghttp2_lib.h"

#include <stdarg.h>
#include <stdio.h>

const char *sops_grpc_code_name(unsigned code)
{
    static const char *const names[] = {
        "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
        "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
        "DataLoss", "Unauthenticated",
    };
    return code < sizeof names / sizeof *names ? names[code] : "Code";
}

bool sops_grpc_fail(struct sops_err *e, unsigned code, const char *fmt, ...)
{
    char text[sizeof e->msg];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return sops_fail(e, SOPS_E_GENERIC, "rpc error: code = %s desc = %s", sops_grpc_code_name(code), text);
}

bool sops_grpc_escape(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = c >= 0x20 && c <= 0x7e && c != '%';
        if (!(plain ? sops_buf_addc(out, c, e) : sops_buf_addf(out, e, "%%%02X", c))) {
            return false;
        }
    }
    return true;
}

bool sops_grpc_load(struct sops_world *w, struct sops_err *e)
{
    const struct sops_nghttp2 *lib;
    return sops_nghttp2_load(w, &lib, e);
}
