/* SPDX-License-Identifier: Apache-2.0 */
/* A place is decided when what stands there is not the beginning of anything longer; up to the first that is not,
 * everything can go out. */
#include "core/redactor.h"

static struct sops_slice name_of(const struct sops_redact *r, uint32_t id)
{
    struct sops_slice name;
    memcpy(&name, r->names.ptr + id * sizeof name, sizeof name);
    return name;
}

static bool add_mark(const struct sops_redact *r, uint32_t id, struct sops_buf *out, struct sops_err *e)
{
    return sops_buf_adds(out, "[redacted ", e) && sops_buf_add(out, name_of(r, id), e) && sops_buf_addc(out, ']', e);
}

/* Lets out what stands from `from` up to `to` and lies in no occurrence. */
static bool let_out(struct sops_redactor *r, size_t from, size_t to, struct sops_buf *out, struct sops_err *e)
{
    from = from > r->covered ? from : r->covered;
    if (from >= to) {
        return true;
    }
    r->in_run = false;
    return sops_buf_add(out, sops_slice_of(r->held.ptr + from, to - from), e);
}

bool sops_redactor_feed(struct sops_redactor *r, bool last, struct sops_buf *out, struct sops_err *e)
{
    struct sops_slice in = sops_buf_view(&r->held);
    size_t at = 0;
    bool ok = true;
    while (ok && at < in.len) {
        struct sops_found found;
        size_t next = sops_matcher_next(&r->what->matcher, in, at, &found);
        ok = let_out(r, at, next, out, e);
        at = next;
        if (!ok || next == in.len || (found.open && !last)) {
            break;
        }
        if (found.len != 0) {
            ok = r->in_run || add_mark(r->what, found.id, out, e);
            r->in_run = true;
            r->covered = next + found.len > r->covered ? next + found.len : r->covered;
        }
        ok = ok && let_out(r, next, next + 1, out, e);
        at = next + 1;
    }
    r->covered = r->covered > at ? r->covered - at : 0;
    if (at != 0) {
        memmove(r->held.ptr, r->held.ptr + at, r->held.len - at);
        sops_buf_cut(&r->held, r->held.len - at);
    }
    return ok;
}

void sops_redactor_free(struct sops_redactor *r) { sops_buf_free(&r->held); }
