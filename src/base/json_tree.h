/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_tree.h - JSON that somebody else wrote, as a tree whose values keep their bytes: numbers their digits, objects
 * and lists the very text. (What we write: json.h. Documents have their own reader.)
 */
#ifndef SOPS_BASE_JSON_TREE_H
#define SOPS_BASE_JSON_TREE_H

#include "base/base.h"

#define SOPS_JSON_DEPTH_MAX 1000     /* brackets within brackets */
#define SOPS_JSON_VALUES_MAX 1000000 /* values in one text */

enum sops_json_kind {
    SOPS_JSON_NULL,
    SOPS_JSON_FALSE,
    SOPS_JSON_TRUE,
    SOPS_JSON_NUMBER,
    SOPS_JSON_STRING,
    SOPS_JSON_LIST,
    SOPS_JSON_OBJECT,
};

struct sops_json_value {
    enum sops_json_kind kind;
    struct sops_slice raw;  /* its bytes in the source, without blanks around them */
    struct sops_slice key;  /* of a member of an object: its name */
    struct sops_slice text; /* of a string: its characters */
    struct sops_json_value *up, *next, *child, *last;
};

/* The value of `text`, nodes in `a`; texts point into `text` or `a`, so it must outlive the tree. Strict (RFC 8259,
 * UTF-8); half a surrogate pair becomes U+FFFD. Code 1 with line and column, never with a part of the text. */
bool sops_json_read(struct sops_arena *a, struct sops_slice text, struct sops_json_value **out,
                    struct sops_err *e) SOPS_CHECKED;
/* Sorts the members of all objects by the bytes of their names; of a repeated one the last stays. `*repeated` (may be
 * NULL) tells whether there was one. */
bool sops_json_sort(struct sops_json_value *root, bool *repeated, struct sops_err *e) SOPS_CHECKED;

/* How a value is written: without white space, members in the order of the tree. */
enum sops_json_style {
    SOPS_JSON_GO,       /* numbers as they stand; strings as Go's encoder has them: < > & U+2028 U+2029 escaped */
    SOPS_JSON_GO_PLAIN, /* the same without these five */
    SOPS_JSON_CANON,    /* numbers by value (sops_json_number_canon); strings as sops_json_quote writes them */
};
bool sops_json_print(struct sops_buf *out, const struct sops_json_value *root, enum sops_json_style style,
                     struct sops_err *e) SOPS_CHECKED;
/* Appends a string with its quotes as Go's encoder has it. */
bool sops_json_quote_go(struct sops_buf *out, struct sops_slice text, bool html, struct sops_err *e) SOPS_CHECKED;
/* Appends the one text of a decimal value: digits without zeros at either end, and an exponent: "15e1"; "0". */
bool sops_json_number_canon(struct sops_buf *out, struct sops_slice number, struct sops_err *e) SOPS_CHECKED;

/* The first, the last member of `object` with this name. NULL when there is none, or `object` (may be NULL) is no
 * object. */
const struct sops_json_value *sops_json_member(const struct sops_json_value *object, struct sops_slice name);
const struct sops_json_value *sops_json_last_member(const struct sops_json_value *object, struct sops_slice name);
/* The text of a member that is a string; empty, with a NULL pointer, when there is none. */
struct sops_slice sops_json_member_text(const struct sops_json_value *object, const char *name);
/* The member of a member of …; names end with NULL. */
const struct sops_json_value *sops_json_path(const struct sops_json_value *object, const char *const *names);
/* The value after `v` in document order within `root` (children before siblings), or NULL. */
const struct sops_json_value *sops_json_after(const struct sops_json_value *root, const struct sops_json_value *v);

#endif
