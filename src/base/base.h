/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - slice, buf, arena and err: the four types that every other file uses.
 *
 * All-zero is the empty value of each. All heap of this program comes from mem.c and is wiped when it is freed, so
 * there is no "secret" and "non-secret" kind of buffer to choose between.
 */
#ifndef SOPS_BASE_BASE_H
#define SOPS_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SOPS_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* On everything that can fail: the result must be looked at. */
#define SOPS_CHECKED __attribute__((warn_unused_result))

#ifdef __cplusplus
extern "C" {
#endif

struct sops_err;

/* ---- slice: bytes that somebody else owns ------------------------------------------------------------------- */

struct sops_slice {
    const uint8_t *ptr;
    size_t len;
};

/* A slice of a string literal. */
#define SOPS_LIT(s) ((struct sops_slice){(const uint8_t *)("" s), sizeof(s) - 1})
/* The two arguments of a "%.*s". */
#define SOPS_ARG(s) ((int)(s).len), ((const char *)(s).ptr)

/* The bytes of the NUL-terminated `s`; NULL gives the empty slice. */
static inline struct sops_slice sops_str(const char *s)
{
    return (struct sops_slice){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}

/* `n` bytes from `p`. */
static inline struct sops_slice sops_slice_of(const void *p, size_t n)
{
    return (struct sops_slice){(const uint8_t *)p, n};
}

static inline bool sops_slice_eq(struct sops_slice a, struct sops_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool sops_slice_starts(struct sops_slice s, struct sops_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool sops_slice_ends(struct sops_slice s, struct sops_slice suffix)
{
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Is `s` one of the NULL-terminated list of words? */
static inline bool sops_slice_is_any(struct sops_slice s, const char *const *words)
{
    while (*words != NULL && !sops_slice_eq(s, sops_str(*words))) {
        words++;
    }
    return *words != NULL;
}

/* `s` without its first `n` bytes (all of them when it is shorter). */
static inline struct sops_slice sops_slice_skip(struct sops_slice s, size_t n)
{
    size_t step = n < s.len ? n : s.len;
    if (step != 0) { /* a NULL pointer may not even be moved by nothing */
        s.ptr += step;
        s.len -= step;
    }
    return s;
}

/* The first `n` bytes of `s` (all of them when it is shorter). */
static inline struct sops_slice sops_slice_first(struct sops_slice s, size_t n)
{
    return (struct sops_slice){s.ptr, n < s.len ? n : s.len};
}

/* Index of the first byte `c` in `s`, or s.len. */
size_t sops_slice_find(struct sops_slice s, uint8_t c);
/* Order by bytes, the shorter first when one begins with the other: <0, 0, >0. */
int sops_slice_cmp(struct sops_slice a, struct sops_slice b);
/* `s` without ASCII blanks, tabs, CR, LF, VT, FF at both ends. (Unicode: sops_text_trim in text.h.) */
struct sops_slice sops_slice_trim(struct sops_slice s);
/* `s` without the bytes `c` at its end. */
struct sops_slice sops_slice_trim_end(struct sops_slice s, uint8_t c);
/* Takes the part of `*rest` before the next `sep` and moves `*rest` behind it; false when nothing is left.
 * "a,,b" gives a, "", b; "" gives one empty piece; start with rest.ptr != NULL. At the end rest->ptr is NULL. */
bool sops_slice_next(struct sops_slice *rest, uint8_t sep, struct sops_slice *piece);

/* ---- mem.c: the only malloc ----------------------------------------------------------------------------------- */

/* `size` bytes of zeros (1 byte for size 0), owned by the caller, to be freed with sops_free; NULL with `e` set on
 * failure. */
void *sops_alloc(size_t size, struct sops_err *e) SOPS_CHECKED;
#define SOPS_FIRST_ROOM 16 /* of a list that grows */
/* A list of `used` things of `size` bytes with room for one more: `list` itself while `used` is below `*room`, else a
 * longer one, and `list` is wiped and freed. NULL without memory, and then all is as it was. */
void *sops_grow(void *list, size_t used, size_t *room, size_t size, struct sops_err *e) SOPS_CHECKED;
/* Wipes and frees what sops_alloc gave; NULL is fine. */
void sops_free(void *p);
/* The same in pages of their own that are locked, so that they never reach a disk (best effort: where the limit for
 * locked memory is used up they are ordinary ones). */
void *sops_alloc_locked(size_t size, struct sops_err *e) SOPS_CHECKED;
void sops_free_locked(void *p);
/* Wipes memory that the compiler may think is dead. */
void sops_wipe(void *p, size_t n);
/* A NUL-terminated copy, owned by the caller (sops_free); NULL with `e` set on failure. */
char *sops_strdup(struct sops_slice s, struct sops_err *e) SOPS_CHECKED;

/* For tests: number of blocks that are not freed yet; number of allocations so far; and let the k-th allocation from
 * now (1-based) and only that one fail, 0 for none. */
size_t sops_mem_live(void);
uint64_t sops_mem_count(void);
void sops_mem_fail_at(uint64_t k);

/* Malloc-shaped entry points on the same heap, for libraries that take an allocator (jansson, libcurl). */
void *sops_mem_malloc(size_t n);
void *sops_mem_calloc(size_t n, size_t m);
void *sops_mem_realloc(void *p, size_t n);
char *sops_mem_strdup(const char *s);
void sops_mem_free(void *p);

/* ---- buf: bytes I own ----------------------------------------------------------------------------------------- */

/* Grows by copy and wipe; unchanged after a failed call. Free with sops_buf_free, which leaves it empty. */
struct sops_buf {
    uint8_t *ptr;
    size_t len, cap;
    bool locked; /* set while it is empty: in locked pages (passphrases, identities, shares) */
};

bool sops_buf_add(struct sops_buf *b, struct sops_slice s, struct sops_err *e) SOPS_CHECKED;
bool sops_buf_addc(struct sops_buf *b, uint8_t c, struct sops_err *e) SOPS_CHECKED;
bool sops_buf_adds(struct sops_buf *b, const char *s, struct sops_err *e) SOPS_CHECKED;
bool sops_buf_addn(struct sops_buf *b, uint8_t c, size_t times, struct sops_err *e) SOPS_CHECKED;
bool sops_buf_addf(struct sops_buf *b, struct sops_err *e, const char *fmt, ...) SOPS_PRINTF(3, 4) SOPS_CHECKED;
/* Makes room for `extra` more bytes, so that b->ptr + b->len .. + extra may be written directly. */
bool sops_buf_reserve(struct sops_buf *b, size_t extra, struct sops_err *e) SOPS_CHECKED;
/* Puts a NUL behind the bytes (not counted in len) and returns them as a C string; NULL with `e` set on failure. */
const char *sops_buf_cstr(struct sops_buf *b, struct sops_err *e) SOPS_CHECKED;
/* Forgets (and wipes) what stands behind the first `len` bytes; keeps the memory. */
void sops_buf_cut(struct sops_buf *b, size_t len);
void sops_buf_free(struct sops_buf *b);

static inline struct sops_slice sops_buf_view(const struct sops_buf *b) { return (struct sops_slice){b->ptr, b->len}; }

/* ---- arena: many small things with one lifetime --------------------------------------------------------------- */

struct sops_arena {
    struct sops_chunk *head;
    uint8_t *at; /* next free byte of the head chunk */
    size_t left;
};

/* `size` bytes of zeros, aligned for pointers and numbers of 64 bits, which live until sops_arena_free. */
void *sops_arena_alloc(struct sops_arena *a, size_t size, struct sops_err *e) SOPS_CHECKED;
/* sops_grow for a list in the arena, where the old one stays. */
void *sops_arena_grow(struct sops_arena *a, void *list, size_t used, size_t *room, size_t size,
                      struct sops_err *e) SOPS_CHECKED;
/* Unaligned bytes that are not zeroed: for texts. */
uint8_t *sops_arena_bytes(struct sops_arena *a, size_t size, struct sops_err *e) SOPS_CHECKED;
/* A copy of `from` with a NUL behind it (not counted). `to` may be `&from`. An empty `from` gives an empty, non-NULL
 * slice. */
bool sops_arena_copy(struct sops_arena *a, struct sops_slice from, struct sops_slice *to,
                     struct sops_err *e) SOPS_CHECKED;
/* The same without the bytes `c`. */
bool sops_arena_copy_without(struct sops_arena *a, struct sops_slice from, uint8_t c, struct sops_slice *to,
                             struct sops_err *e) SOPS_CHECKED;
bool sops_arena_printf(struct sops_arena *a, struct sops_slice *to, struct sops_err *e, const char *fmt, ...)
    SOPS_PRINTF(4, 5) SOPS_CHECKED;
/* Gives all that `from` holds to `to`: it lives as long as that one. Leaves `from` empty. */
void sops_arena_join(struct sops_arena *to, struct sops_arena *from);
/* The same as a C string; NULL on failure. */
const char *sops_arena_text(struct sops_arena *a, struct sops_err *e, const char *fmt, ...)
    SOPS_PRINTF(3, 4) SOPS_CHECKED;
/* Wipes and frees everything; leaves an empty arena. */
/* Frees what was filled before the piece of memory that holds `at`, but for pieces that `needed` wants to keep. Only
 * for an arena that hands out small things of one kind, in the order in which they are worked off. Gives the bounds of
 * the piece that holds `at`; `needed` is asked for each older one with its bounds. */
struct sops_slice sops_arena_drop(struct sops_arena *a, const void *at,
                                  bool (*needed)(void *arg, struct sops_slice piece), void *arg);
void sops_arena_free(struct sops_arena *a);

/* ---- err: what went wrong ------------------------------------------------------------------------------------- */

/* Every exit status of this program's own (docs/spec/50-cli.md#exit-statuses) and what it means, as the manual page
 * says it. X(name, status, meaning). */
#define SOPS_STATUSES                                                                                                  \
    X(SOPS_OK, 0, "Done")                                                                                              \
    X(SOPS_E_GENERIC, 1,                                                                                               \
      "Wrong usage, configuration, keys that cannot be used, an encrypted file that cannot be parsed")                 \
    X(SOPS_E_READ, 2, "The input cannot be read, or clear text cannot be parsed")                                      \
    X(SOPS_E_WRITE, 3, "The output cannot be opened")                                                                  \
    X(SOPS_E_DUMP, 4, "The output format cannot hold the document")                                                    \
    X(SOPS_E_CONFIG_REGEX, 5, "A creation rule's regular expression does not compile")                                 \
    X(SOPS_E_KMS_CONTEXT, 6, "Bad encryption context")                                                                 \
    X(SOPS_E_PATH, 7, "Bad path or value of set or unset")                                                             \
    X(SOPS_E_CONFLICT, 8, "Options in conflict")                                                                       \
    X(SOPS_E_ENCRYPT, 23, "A value cannot be encrypted")                                                               \
    X(SOPS_E_DECRYPT, 25, "A value cannot be decrypted")                                                               \
    X(SOPS_E_NO_FILE_KEYS, 49, "Keys to add or remove, and no file")                                                   \
    X(SOPS_E_MAC, 51, "The message authentication code does not fit: the file was changed")                            \
    X(SOPS_E_EXTRACT_PATH, 91, "Bad path to extract")                                                                  \
    X(SOPS_E_EMPTY, 92, "The input has no document")                                                                   \
    X(SOPS_E_NO_FILE, 100, "No file")                                                                                  \
    X(SOPS_E_ORDER, 112, "A key type twice in the decryption order")                                                   \
    X(SOPS_E_NOT_RUNNABLE, 126, "A program is there, and cannot be run")                                               \
    X(SOPS_E_NOT_THERE, 127, "A program is not there")                                                                 \
    X(SOPS_E_NO_KEY, 128, "No key opens the file")                                                                     \
    X(SOPS_E_UNCHANGED, 200, "Nothing was changed in the editor")                                                      \
    X(SOPS_E_EDITOR, 201, "No editor, or it failed")                                                                   \
    X(SOPS_E_EDIT_VERSION, 202, "The version in the metadata cannot be compared")                                      \
    X(SOPS_E_ALREADY, 203, "The file is encrypted already")                                                            \
    X(SOPS_E_CHANGED, 204, "Somebody else changed the file in the meantime: nothing was overwritten")

#define X(name, status, meaning) name = (status),
enum sops_code { SOPS_STATUSES };
#undef X

struct sops_err {
    int code;               /* enum sops_code, or the status of a child process */
    bool memory;            /* memory was out: the fault is not with what was read */
    unsigned line, column;  /* 1-based position in the input; 0: none */
    char msg[1024];         /* never holds a value from the document */
    char hint[256];         /* what the user can do about it, or "" */
    struct sops_buf detail; /* more lines: why each key failed; empty on success */
};

/* Each returns false, so that a failing function ends `return sops_fail(...)`. The first failure stays: when `e` is
 * already set it is not changed. */
bool sops_fail(struct sops_err *e, int code, const char *fmt, ...) SOPS_PRINTF(3, 4);
/* SOPS_E_GENERIC with a position. */
bool sops_fail_at(struct sops_err *e, unsigned line, unsigned column, const char *fmt, ...) SOPS_PRINTF(4, 5);
bool sops_fail_memory(struct sops_err *e);
/* As `why` failed: its code, its words, and whether memory was out. */
bool sops_fail_like(struct sops_err *e, const struct sops_err *why);
/* Puts "CONTEXT: " in front of the message. */
bool sops_within(struct sops_err *e, const char *fmt, ...) SOPS_PRINTF(2, 3);
/* Replaces the code: a reader says 1, the step knows better. */
bool sops_recode(struct sops_err *e, int code);
/* Sets the hint, unless there is one. */
bool sops_hint(struct sops_err *e, const char *fmt, ...) SOPS_PRINTF(2, 3);
/* The system's words for an errno, beginning with a small letter as our messages do; for the more frequent ones the
 * same on every system. */
const char *sops_os_error(int number);
/* Forgets the failure and frees the detail. */
void sops_err_clear(struct sops_err *e);
/* After something was tried whose failure is an answer: forgets `tried`. False when it is none, as memory was out: `e`
 * says so. */
bool sops_may_fail(struct sops_err *tried, struct sops_err *e) SOPS_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
