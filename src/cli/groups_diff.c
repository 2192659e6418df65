/* SPDX-License-Identifier: Apache-2.0 */
/* In a group: what stays and what comes in the order of the rule, then what goes in the order of the file. */
#include "cli/groups_diff.h"

#define GREEN "\x1b[32m"
#define RED "\x1b[31m"
#define UNDERLINED "\x1b[4m"
#define PLAIN "\x1b[0m"

/* What is written, and in what manner. */
struct shower {
    struct sops_buf *text;
    bool colour, differ;
};

static bool begin(struct shower *s, const char *manner, struct sops_err *e)
{
    return !s->colour || sops_buf_adds(s->text, manner, e);
}

static bool end(struct shower *s, struct sops_err *e)
{
    return (!s->colour || sops_buf_adds(s->text, PLAIN, e)) && sops_buf_addc(s->text, '\n', e);
}

static bool show_key(void *ctx, const struct sops_key *k, enum sops_key_fate fate, struct sops_err *e)
{
    static const struct {
        const char *mark, *manner;
    } fates[] = {
        [SOPS_KEY_STAYS] = {"    ", NULL},
        [SOPS_KEY_COMES] = {"+++ ", GREEN},
        [SOPS_KEY_GOES] = {"--- ", RED},
    };
    struct shower *s = ctx;
    const char *mark = fates[fate].mark, *manner = fates[fate].manner;
    if (manner == NULL) {
        return sops_buf_adds(s->text, mark, e) && sops_key_show(k, s->text, e) && sops_buf_addc(s->text, '\n', e);
    }
    s->differ = true;
    return begin(s, manner, e) && sops_buf_adds(s->text, mark, e) && sops_key_show(k, s->text, e) && end(s, e);
}

static bool show_group(void *ctx, size_t number, struct sops_err *e)
{
    struct shower *s = ctx;
    return begin(s, UNDERLINED, e) && sops_buf_addf(s->text, e, "Group %zu", number) && end(s, e);
}

static bool show_threshold(struct shower *s, int64_t now, int64_t then, struct sops_err *e)
{
    if (now == 0) {
        return true;
    }
    if (now == then) {
        return sops_buf_addf(s->text, e, "shamir_threshold: %lld\n", (long long)now);
    }
    s->differ = true;
    bool ok = then == 0 || (begin(s, GREEN, e) &&
                            sops_buf_addf(s->text, e, "+++ shamir_threshold: %lld", (long long)then) && end(s, e));
    return ok && begin(s, RED, e) && sops_buf_addf(s->text, e, "--- shamir_threshold: %lld", (long long)now) &&
           end(s, e);
}

bool sops_groups_diff(const struct sops_meta *file, const struct sops_creation *rule, bool colour, bool *differ,
                      struct sops_buf *text, struct sops_err *e)
{
    struct shower s = {.text = text, .colour = colour};
    const struct sops_groups_visitor v = {show_group, show_key, &s};
    bool ok = sops_buf_adds(text, "The following changes will be made to the file's groups:\n", e) &&
              show_threshold(&s, file->threshold, sops_groups_threshold(file, rule), e) &&
              sops_groups_compare(file->groups, rule->groups, &v, e);
    *differ = s.differ;
    return ok;
}
