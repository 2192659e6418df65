/* SPDX-License-Identifier: Apache-2.0 */
/* Only two wire types are written: tags and lengths as varints, everything else as bytes with a length. All others are
 * skipped when read, as are unknown numbers, so that later versions of the messages stay readable. */
#include "services/wire.h"

#include "base/text.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };
#define MAX_GROUPS 100 /* nested; we define none */
#define MAX_PAIRS 1000 /* AWS takes 8 KiB of them; sorting more would keep us busy for a hostile client */

/* ---- writing ------------------------------------------------------------------------------------------------- */

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static bool put_varint(struct sops_buf *out, uint64_t v, struct sops_err *e)
{
    for (; v >= 0x80; v >>= 7) {
        if (!sops_buf_addc(out, (uint8_t)(v | 0x80), e)) {
            return false;
        }
    }
    return sops_buf_addc(out, (uint8_t)v, e);
}

static bool put_head(struct sops_buf *out, unsigned number, size_t len, struct sops_err *e)
{
    return put_varint(out, (uint64_t)number << 3 | BYTES, e) && put_varint(out, len, e);
}

/* proto3: what is empty is left out. */
static bool put_bytes(struct sops_buf *out, unsigned number, struct sops_slice bytes, struct sops_err *e)
{
    return bytes.len == 0 || (put_head(out, number, bytes.len, e) && sops_buf_add(out, bytes, e));
}

static size_t size_of_bytes(unsigned number, struct sops_slice bytes)
{
    return bytes.len == 0 ? 0 : varint_size((uint64_t)number << 3) + varint_size(bytes.len) + bytes.len;
}

static bool put_map(struct sops_buf *out, unsigned number, const struct sops_pair *map, struct sops_err *e)
{
    for (const struct sops_pair *p = map; p != NULL; p = p->next) {
        size_t len = size_of_bytes(1, p->key) + size_of_bytes(2, p->value);
        if (!put_head(out, number, len, e) || !put_bytes(out, 1, p->key, e) || !put_bytes(out, 2, p->value, e)) {
            return false;
        }
    }
    return true;
}

static bool put_fields(struct sops_buf *out, const struct sops_key *k, struct sops_err *e)
{
    const struct sops_keyfield *fields = k->source->fields;
    for (unsigned i = 0; fields[i].meta != NULL; i++) {
        if (!((fields[i].flags & SOPS_FIELD_MAP) != 0 ? put_map(out, i + 1, k->map, e)
                                                      : put_bytes(out, i + 1, k->field[i], e))) {
            return false;
        }
    }
    return true;
}

bool sops_wire_put_request(struct sops_buf *out, const struct sops_key *k, struct sops_slice bytes, struct sops_err *e)
{
    struct sops_buf fields = {0}, key = {0};
    bool ok = put_fields(&fields, k, e) && put_head(&key, k->source->wire, fields.len, e) &&
              sops_buf_add(&key, sops_buf_view(&fields), e) && put_bytes(out, 1, sops_buf_view(&key), e) &&
              put_bytes(out, 2, bytes, e);
    sops_buf_free(&key);
    sops_buf_free(&fields);
    return ok;
}

bool sops_wire_put_reply(struct sops_buf *out, struct sops_slice bytes, struct sops_err *e)
{
    return put_bytes(out, 1, bytes, e);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static bool malformed(struct sops_err *e)
{
    return sops_fail(e, SOPS_E_GENERIC, "proto: cannot parse invalid wire-format data");
}

static bool take_varint(struct sops_slice *in, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->len == 0) {
            return false;
        }
        uint8_t byte = in->ptr[0];
        *in = sops_slice_skip(*in, 1);
        if (shift == 63 && byte > 1) {
            return false;
        }
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool take_tag(struct sops_slice *in, unsigned *number, unsigned *type)
{
    uint64_t tag;
    if (!take_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) {
        return false;
    }
    *number = (unsigned)(tag >> 3);
    *type = (unsigned)(tag & 7);
    return *type <= FIXED32;
}

static bool take_plain(struct sops_slice *in, unsigned type, struct sops_slice *value)
{
    uint64_t n = type == FIXED64 ? 8 : 4;
    if (type == VARINT) {
        *value = (struct sops_slice){0};
        return take_varint(in, &n);
    }
    if ((type == BYTES && !take_varint(in, &n)) || n > in->len) {
        return false;
    }
    *value = sops_slice_first(*in, (size_t)n);
    *in = sops_slice_skip(*in, (size_t)n);
    return true;
}

/* Moves behind the end of the group `number` whose start was just read. */
static bool skip_group(struct sops_slice *in, unsigned number)
{
    unsigned open[MAX_GROUPS] = {number}, depth = 1;
    while (depth > 0) {
        unsigned inner, type;
        struct sops_slice ignored;
        if (!take_tag(in, &inner, &type)) {
            return false;
        }
        if (type == GROUP) {
            if (depth == MAX_GROUPS) {
                return false;
            }
            open[depth++] = inner;
        } else if (type == GROUP_END) {
            if (open[--depth] != inner) {
                return false;
            }
        } else if (!take_plain(in, type, &ignored)) {
            return false;
        }
    }
    return true;
}

/* The next field of a message that has a length; 1, 0 at the end, -1 when malformed. Others are skipped. */
static int next_field(struct sops_slice *in, unsigned *number, struct sops_slice *value)
{
    while (in->len != 0) {
        unsigned type;
        if (!take_tag(in, number, &type) || type == GROUP_END) {
            return -1;
        }
        if (!(type == GROUP ? skip_group(in, *number) : take_plain(in, type, value))) {
            return -1;
        }
        if (type == BYTES) {
            return 1;
        }
    }
    return 0;
}

/* Puts a pair at its place in the sorted map; a key that is there already gets the new value. */
static bool put_pair(struct sops_arena *a, struct sops_key *k, struct sops_slice key, struct sops_slice value,
                     struct sops_err *e)
{
    struct sops_pair *pair = sops_arena_alloc(a, sizeof *pair, e);
    if (pair == NULL) {
        return false;
    }
    const struct sops_pair **at = &k->map;
    unsigned passed = 0;
    while (*at != NULL && sops_slice_cmp((*at)->key, key) < 0) {
        /* All pairs come from here and are not const; the interface hides that from everybody else. */
        at = &((struct sops_pair *)(uintptr_t)*at)->next;
        if (++passed > MAX_PAIRS) {
            return sops_fail(e, SOPS_E_GENERIC, "the encryption context has more than %d pairs", MAX_PAIRS);
        }
    }
    const struct sops_pair *behind = *at != NULL && sops_slice_eq((*at)->key, key) ? (*at)->next : *at;
    *pair = (struct sops_pair){key, value, behind};
    *at = pair;
    return true;
}

static bool take_pair(struct sops_slice in, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    struct sops_slice text[2] = {{0}}, value;
    unsigned number;
    int got;
    while ((got = next_field(&in, &number, &value)) > 0) {
        if (number <= 2) {
            text[number - 1] = value;
        }
    }
    if (got < 0 || !sops_utf8_valid(text[0]) || !sops_utf8_valid(text[1])) {
        return malformed(e);
    }
    return put_pair(a, k, text[0], text[1], e);
}

static bool take_fields(struct sops_slice in, struct sops_arena *a, struct sops_key *k, struct sops_err *e)
{
    const struct sops_keyfield *fields = k->source->fields;
    unsigned count = 0, number;
    while (fields[count].meta != NULL) {
        count++;
    }
    struct sops_slice value;
    int got;
    while ((got = next_field(&in, &number, &value)) > 0) {
        if (number > count) {
            continue;
        }
        if ((fields[number - 1].flags & SOPS_FIELD_MAP) != 0) {
            if (!take_pair(value, a, k, e)) {
                return false;
            }
        } else if (sops_utf8_valid(value)) {
            k->field[number - 1] = value;
        } else {
            return malformed(e);
        }
    }
    return got == 0 || malformed(e);
}

static bool take_key(struct sops_slice in, struct sops_arena *a, enum sops_wire_key *what, struct sops_key *k,
                     struct sops_err *e)
{
    struct sops_slice value;
    unsigned number;
    int got;
    while ((got = next_field(&in, &number, &value)) > 0) {
        const struct sops_keysource *source = NULL;
        for (size_t i = 0; sops_keysources[i] != NULL; i++) {
            source = sops_keysources[i]->wire == number ? sops_keysources[i] : source;
        }
        if (source == NULL) {
            *what = *what == SOPS_WIRE_NO_KEY ? SOPS_WIRE_UNKNOWN_KEY : *what;
            continue;
        }
        if (k->source != source) { /* the last of several types wins, parts of one type are merged */
            *k = (struct sops_key){.source = source};
        }
        *what = SOPS_WIRE_KEY;
        if (!take_fields(value, a, k, e)) {
            return false;
        }
    }
    return got == 0 || malformed(e);
}

bool sops_wire_take_request(struct sops_slice in, struct sops_arena *a, enum sops_wire_key *what, struct sops_key *k,
                            struct sops_slice *bytes, struct sops_err *e)
{
    *what = SOPS_WIRE_NO_KEY;
    *k = (struct sops_key){0};
    *bytes = (struct sops_slice){0};
    struct sops_slice value;
    unsigned number;
    int got;
    while ((got = next_field(&in, &number, &value)) > 0) {
        if (number == 1) {
            if (!take_key(value, a, what, k, e)) {
                return false;
            }
        } else if (number == 2) {
            *bytes = value;
        }
    }
    return got == 0 || malformed(e);
}

bool sops_wire_take_reply(struct sops_slice in, struct sops_slice *bytes, struct sops_err *e)
{
    *bytes = (struct sops_slice){0};
    struct sops_slice value;
    unsigned number;
    int got;
    while ((got = next_field(&in, &number, &value)) > 0) {
        if (number == 1) {
            *bytes = value;
        }
    }
    return got == 0 || malformed(e);
}
