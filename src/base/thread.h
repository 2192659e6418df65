/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - helpers that work beside this thread for a few milliseconds. */
#ifndef SOPS_BASE_THREAD_H
#define SOPS_BASE_THREAD_H

#include "base/base.h"

#include <pthread.h>

/* How many processors this process may use; at least 1. */
size_t sops_processors(void);
/* Starts a helper with a stack of 1 MiB; the caller joins it. False when there is no thread to be
 * had: the caller then does the work alone. */
bool sops_thread_start(pthread_t *thread, void *(*work)(void *arg), void *arg) SOPS_CHECKED;

/* Calls job(ctx, i) for each i below `count`, up to `most` of them at a time; this thread takes part. Returns when all
 * have. Where there are no threads to be had, one after the other. */
void sops_together(size_t count, size_t most, void (*job)(void *ctx, size_t i), void *ctx);
/* The same for work whose results are told in order: `work` gives the result of i (or NULL), and `tell` gets each, in
 * the order of the numbers and never two at a time, on whichever thread. Of results that have to wait for an earlier
 * one there are never more than a few for each thread. */
void sops_together_in_turn(size_t count, size_t most, void *(*work)(void *ctx, size_t i),
                           void (*tell)(void *ctx, size_t i, void *result), void *ctx);

#endif
