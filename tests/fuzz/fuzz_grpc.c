/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from a peer: the first byte says whether they come to a server or to a client, and how they are cut. */
#include "services/grpc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct source {
    struct sops_slice left;
    size_t step;
};

static ptrdiff_t take(struct sops_stream *s, void *to, size_t n, int timeout_ms, struct sops_err *e)
{
    struct source *from = s->ctx;
    (void)timeout_ms;
    (void)e;
    struct sops_slice part = sops_slice_first(from->left, n < from->step ? n : from->step);
    if (part.len != 0) {
        memcpy(to, part.ptr, part.len);
    }
    from->left = sops_slice_skip(from->left, part.len);
    return (ptrdiff_t)part.len;
}

static bool give(struct sops_stream *s, struct sops_slice bytes, struct sops_err *e)
{
    (void)s;
    (void)bytes;
    (void)e;
    return true;
}

static void stop(struct sops_stream *s) { (void)s; }

static void echo(void *ctx, unsigned method, struct sops_slice message, struct sops_grpc_answer *a)
{
    struct sops_err e = {0};
    (void)ctx;
    a->code = method;
    if (!sops_buf_add(&a->message, message, &e) || !sops_buf_add(&a->words, message, &e)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const methods[] = {"Encrypt", "Decrypt", NULL};
    static const struct sops_grpc_service service = {"KeyService", methods, echo, NULL, 1000, 1000, 1000};
    static const struct sops_grpc_wait wait = {1000, 1000};
    static struct sops_world world; /* keeps the library between inputs */
    if (n == 0) {
        return 0;
    }
    struct source from = {sops_slice_of(bytes + 1, n - 1), bytes[0] < 2 ? SIZE_MAX : bytes[0] / 2};
    struct sops_stream stream = {take, give, stop, &from};
    struct sops_err e = {0};
    if (!sops_grpc_load(&world, &e)) {
        abort();
    }
    size_t live = sops_mem_live();
    if (bytes[0] % 2 == 0) {
        (void)!sops_grpc_serve(&world, &stream, &service, &e);
    } else {
        struct sops_grpc_client *c = NULL;
        struct sops_buf reply = {0};
        if (sops_grpc_open(&c, &world, &stream, "localhost", &wait, &e)) {
            if (sops_grpc_call(c, "/KeyService/Encrypt", SOPS_LIT("key"), &reply, &e) != (e.code == SOPS_OK)) {
                abort();
            }
            sops_grpc_close(c);
        }
        sops_buf_free(&reply);
    }
    sops_err_clear(&e);
    return sops_mem_live() == live ? 0 : (abort(), 0);
}
