/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_scalar.h - which type a scalar's text has, and how a string is written (docs/spec/21-yaml.md#scalars,
 * #writing-scalars). */
#ifndef SOPS_FORMATS_YAML_SCALAR_H
#define SOPS_FORMATS_YAML_SCALAR_H

#include "base/text.h"
#include "formats/yaml_internal.h"

/* What a plain text means. */
struct sops_yaml_value {
    enum sops_kind kind; /* SOPS_ODD: an integer from 2^63 to 2^64-1 */
    bool truth;
    int64_t integer;
    double number;
    struct sops_time time;
};

/* Finds out the type of a plain text. `scratch` is used for numbers with `_`; it may be empty. */
bool sops_yaml_resolve(struct sops_slice s, struct sops_buf *scratch, struct sops_yaml_value *v,
                       struct sops_err *e) SOPS_CHECKED;
/* Kind and canonical text of a scalar as written; the text goes to `a`, or is the scalar's own. Code 2 when it does not
 * fit its tag. */
bool sops_yaml_scalar(const struct sops_yaml_raw *n, struct sops_arena *a, struct sops_buf *scratch,
                      enum sops_kind *kind, struct sops_slice *text, struct sops_err *e) SOPS_CHECKED;
/* The class of a tag whose handle is resolved to `prefix`. */
enum sops_yaml_tag sops_yaml_tag_class(struct sops_slice prefix, struct sops_slice suffix);

enum sops_yaml_style {
    SOPS_YAML_PLAIN,
    SOPS_YAML_SINGLE,
    SOPS_YAML_DOUBLE,
    SOPS_YAML_LITERAL,
    SOPS_YAML_BASE64,
    SOPS_YAML_MERGE_PLAIN, /* !!merge << */
};

/* How a string is written. *lines (may be NULL): it holds a line break. */
bool sops_yaml_style(struct sops_slice s, struct sops_buf *scratch, enum sops_yaml_style *style, bool *lines,
                     struct sops_err *e) SOPS_CHECKED;
/* Can the character stand as it is in YAML? */
bool sops_yaml_printable(uint32_t c);
/* May the text stand plain where it is taken for a string, whatever it looks like? */
bool sops_yaml_may_be_plain(struct sops_slice s);
/* Appends the text in double quotes. */
bool sops_yaml_double(struct sops_slice s, struct sops_buf *out, struct sops_err *e) SOPS_CHECKED;

#endif
