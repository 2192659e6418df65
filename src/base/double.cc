/* SPDX-License-Identifier: Apache-2.0 */
#include "base/double.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace
{

/* Is what is out of range too large, and not too small? Then its first digit that is not 0 stands before the point once
 * the exponent has moved it. */
bool is_too_large(const char *at, const char *end)
{
    long long point = 0, exponent = 0;
    bool behind = false, seen = false;
    for (; at != end && *at != 'e' && *at != 'E'; at++) {
        seen = seen || (*at != '0' && *at != '.');
        point += *at != '.' && (behind ? -!seen : seen);
        behind = behind || *at == '.';
    }
    if (at != end) {
        at += at[1] == '+' ? 2 : 1;
        if (std::from_chars(at, end, exponent).ec != std::errc()) {
            return *at != '-';
        }
    }
    return point + exponent > 0;
}

} // namespace

bool sops_double_read(struct sops_slice s, double *v)
{
    auto at = reinterpret_cast<const char *>(s.ptr), end = at + s.len;
    if (s.len == 0 || (*at != '.' && (*at < '0' || *at > '9'))) {
        return false; /* "inf" and "nan" are none here */
    }
    auto read = std::from_chars(at, end, *v);
    if (read.ptr != end || read.ec == std::errc::invalid_argument) {
        return false;
    }
    if (read.ec == std::errc::result_out_of_range) {
        *v = is_too_large(at, end) ? HUGE_VAL : 0;
    }
    return true;
}

void sops_double_digits(double v, struct sops_decimal *out)
{
    char text[32]; /* "1.7976931348623157e+308" */
    auto end = std::to_chars(text, text + sizeof text, v, std::chars_format::scientific).ptr;
    const char *at = text;
    out->count = 0;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            out->digit[out->count++] = *at;
        }
    }
    at += at[1] == '+' ? 2 : 1;
    out->point = 0;
    std::from_chars(at, end, out->point);
    out->point++;
    sops_wipe(text, sizeof text);
}
