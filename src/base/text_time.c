/* SPDX-License-Identifier: Apache-2.0 */
/* Times are kept as UTC seconds and a zone: the zone is part of the text, and the text is what the MAC counts. */
#include "base/text.h"

#define DAY 86400
#define ERA_DAYS 146097 /* of 400 years */

int64_t sops_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    /* Years that begin in March: the leap day is the last one. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void sops_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t day_of_era = z - era * ERA_DAYS;
    int64_t of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    int64_t of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    *day = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

bool sops_date_exists(int64_t year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

bool sops_time_text(struct sops_buf *out, const struct sops_time *t, struct sops_err *e)
{
    int64_t local = t->seconds + t->offset;
    int64_t days = local / DAY - (local % DAY < 0 ? 1 : 0);
    int clock = (int)(local - days * DAY);
    int64_t year;
    unsigned month, day;
    sops_civil_from_days(days, &year, &month, &day);
    if (!sops_buf_addf(out, e, "%s%04lld-%02u-%02uT%02d:%02d:%02d", year < 0 ? "-" : "",
                       (long long)(year < 0 ? -year : year), month, day, clock / 3600, clock / 60 % 60, clock % 60)) {
        return false;
    }
    if (t->nanos != 0) {
        size_t before = out->len;
        if (!sops_buf_addf(out, e, ".%09d", (int)t->nanos)) {
            return false;
        }
        size_t end = out->len;
        while (end > before && out->ptr[end - 1] == '0') {
            end--;
        }
        sops_buf_cut(out, end);
    }
    int minutes = t->offset / 60;
    if (minutes == 0) {
        return sops_buf_addc(out, 'Z', e);
    }
    int size = minutes < 0 ? -minutes : minutes;
    return sops_buf_addf(out, e, "%c%02d:%02d", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Exactly `digits` digits, at most `most`. */
static bool take_number(struct sops_slice *s, size_t digits, unsigned most, unsigned *n)
{
    if (s->len < digits) {
        return false;
    }
    *n = 0;
    for (size_t i = 0; i < digits; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') {
            return false;
        }
        *n = *n * 10 + (unsigned)(s->ptr[i] - '0');
    }
    *s = sops_slice_skip(*s, digits);
    return *n <= most;
}

static bool take_byte(struct sops_slice *s, char c)
{
    if (s->len == 0 || s->ptr[0] != (uint8_t)c) {
        return false;
    }
    *s = sops_slice_skip(*s, 1);
    return true;
}

/* Nothing when there is no fraction; digits after the ninth are cut off. */
static void take_fraction(struct sops_slice *s, int32_t *nanos)
{
    *nanos = 0;
    if (s->len < 2 || (s->ptr[0] != '.' && s->ptr[0] != ',') || !sops_is_digit(s->ptr[1])) {
        return;
    }
    *s = sops_slice_skip(*s, 1);
    int32_t unit = 100000000;
    while (s->len != 0 && sops_is_digit(s->ptr[0])) {
        *nanos += (s->ptr[0] - '0') * unit;
        unit /= 10;
        *s = sops_slice_skip(*s, 1);
    }
}

static bool take_zone(struct sops_slice *s, int32_t *offset)
{
    *offset = 0;
    if (take_byte(s, 'Z')) {
        return true;
    }
    bool west = s->len != 0 && s->ptr[0] == '-';
    unsigned hours, minutes;
    if (!take_byte(s, west ? '-' : '+') || !take_number(s, 2, 24, &hours) || !take_byte(s, ':') ||
        !take_number(s, 2, 60, &minutes)) {
        return false;
    }
    int32_t size = (int32_t)(hours * 3600 + minutes * 60);
    *offset = west ? -size : size;
    return true;
}

bool sops_time_parse(struct sops_slice s, struct sops_time *t)
{
    unsigned year, month, day, hour, minute, second;
    if (!take_number(&s, 4, 9999, &year) || !take_byte(&s, '-') || !take_number(&s, 2, 12, &month) ||
        !take_byte(&s, '-') || !take_number(&s, 2, 31, &day) || !take_byte(&s, 'T')) {
        return false;
    }
    size_t hour_digits = s.len >= 2 && s.ptr[1] == ':' ? 1 : 2;
    if (!take_number(&s, hour_digits, 23, &hour) || !take_byte(&s, ':') || !take_number(&s, 2, 59, &minute) ||
        !take_byte(&s, ':') || !take_number(&s, 2, 59, &second)) {
        return false;
    }
    take_fraction(&s, &t->nanos);
    if (!take_zone(&s, &t->offset) || s.len != 0 || !sops_date_exists(year, month, day)) {
        return false;
    }
    t->seconds =
        sops_days_from_civil(year, month, day) * DAY + (int64_t)(hour * 3600 + minute * 60 + second) - t->offset;
    return true;
}

bool sops_time_plain(struct sops_buf *out, struct sops_slice canonical, struct sops_err *e)
{
    size_t point = sops_slice_find(canonical, '.');
    struct sops_slice rest = sops_slice_skip(canonical, point);
    if (rest.len != 0) {
        rest = sops_slice_skip(rest, 1 + sops_digits(sops_slice_skip(rest, 1)));
    }
    return sops_buf_add(out, sops_slice_first(canonical, point), e) && sops_buf_add(out, rest, e);
}

bool sops_time_utc(struct sops_buf *out, int64_t seconds, struct sops_err *e)
{
    return sops_time_text(out, &(struct sops_time){.seconds = seconds}, e);
}
