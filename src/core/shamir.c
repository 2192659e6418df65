/* SPDX-License-Identifier: Apache-2.0 */
/* The field's product is made bit by bit and not by tables, so that no address depends on a secret byte
 * (docs/spec/60-keysources.md#shamir-secret-sharing). */
#include "core/shamir.h"

static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0, x = a;
    for (unsigned bit = 0; bit < 8; bit++) {
        product ^= x & (0U - ((unsigned)(b >> bit) & 1U));
        x = (x << 1) ^ (0x11bU & (0U - ((x >> 7) & 1U)));
    }
    return (uint8_t)product;
}

/* a^254, which is 1/a, and 0 for 0. */
static uint8_t invert(uint8_t a)
{
    uint8_t power = a, result = 1;
    for (unsigned i = 0; i < 7; i++) {
        power = multiply(power, power);
        result = multiply(result, power);
    }
    return result;
}

static bool check_split(size_t secret, unsigned parts, unsigned threshold, struct sops_err *e)
{
    const char *why = parts < threshold ? "parts cannot be less than threshold"
                      : parts > 255     ? "parts cannot exceed 255"
                      : threshold < 2   ? "threshold must be at least 2"
                      : threshold > 255 ? "threshold cannot exceed 255"
                      : secret == 0     ? "cannot split an empty secret"
                                        : NULL;
    return why == NULL || sops_fail(e, SOPS_E_GENERIC, "%s", why);
}

bool sops_shamir_split(struct sops_world *w, struct sops_slice secret, unsigned parts, unsigned threshold,
                       struct sops_buf *shares, struct sops_err *e)
{
    uint8_t coefficient[256] = {0};
    size_t width = secret.len + 1, start = shares->len;
    if (!check_split(secret.len, parts, threshold, e) || !sops_buf_addn(shares, 0, parts * width, e)) {
        return false;
    }
    bool ok = true;
    for (size_t k = 0; ok && k < secret.len; k++) {
        coefficient[0] = secret.ptr[k];
        ok = w->random(w, coefficient + 1, threshold - 1, e);
        for (unsigned i = 0; ok && i < parts; i++) {
            uint8_t y = 0;
            for (unsigned power = threshold; power-- > 0;) {
                y = (uint8_t)(multiply(y, (uint8_t)(i + 1)) ^ coefficient[power]);
            }
            shares->ptr[start + i * width + k] = y;
        }
    }
    for (unsigned i = 0; i < parts; i++) {
        shares->ptr[start + i * width + secret.len] = (uint8_t)(i + 1);
    }
    sops_wipe(coefficient, sizeof coefficient);
    if (!ok) {
        sops_buf_cut(shares, start);
    }
    return ok;
}

static bool check_combine(const struct sops_slice *share, size_t n, struct sops_err *e)
{
    if (n < 2) {
        return sops_fail(e, SOPS_E_GENERIC, "less than two parts cannot be used to reconstruct the secret");
    }
    if (share[0].len < 2) {
        return sops_fail(e, SOPS_E_GENERIC, "parts must be at least two bytes");
    }
    bool seen[256] = {false};
    for (size_t i = 0; i < n; i++) {
        if (share[i].len != share[0].len) {
            return sops_fail(e, SOPS_E_GENERIC, "all parts must be the same length");
        }
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t x = share[i].ptr[share[i].len - 1];
        if (seen[x]) {
            return sops_fail(e, SOPS_E_GENERIC, "duplicate part detected");
        }
        seen[x] = true;
    }
    return true;
}

bool sops_shamir_combine(const struct sops_slice *share, size_t n, struct sops_buf *secret, struct sops_err *e)
{
    if (!check_combine(share, n, e)) {
        return false;
    }
    size_t len = share[0].len - 1, start = secret->len;
    if (!sops_buf_addn(secret, 0, len, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t basis = 1; /* of Lagrange's interpolation at 0; the x are public */
        for (size_t j = 0; j < n; j++) {
            if (j != i) {
                uint8_t xj = share[j].ptr[len];
                basis = multiply(basis, multiply(xj, invert((uint8_t)(xj ^ share[i].ptr[len]))));
            }
        }
        for (size_t k = 0; k < len; k++) {
            secret->ptr[start + k] ^= multiply(share[i].ptr[k], basis);
        }
    }
    return true;
}
