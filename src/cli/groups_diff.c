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
    bool colour, differ, goes;
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
    s->goes = s->goes || fate == SOPS_KEY_GOES;
    return begin(s, manner, e) && sops_buf_adds(s->text, mark, e) && sops_key_show(k, s->text, e) && end(s, e);
}

static bool show_group(void *ctx, size_t number, struct sops_err *e)
{
    struct shower *s = ctx;
    return begin(s, UNDERLINED, e) && sops_buf_addf(s->text, e, "Group %zu", number) && end(s, e);
}

static bool show_threshold(struct shower *s, int64_t now, int64_t then, struct sops_err *e)
{
    if (now == then) {
        return now == 0 || sops_buf_addf(s->text, e, "shamir_threshold: %lld\n", (long long)now);
    }
    s->differ = true;
    s->goes = s->goes || (then < now && then != 0);
    bool ok = then == 0 || (begin(s, GREEN, e) &&
                            sops_buf_addf(s->text, e, "+++ shamir_threshold: %lld", (long long)then) && end(s, e));
    return ok && (now == 0 || (begin(s, RED, e) &&
                               sops_buf_addf(s->text, e, "--- shamir_threshold: %lld", (long long)now) && end(s, e)));
}

static int64_t count_groups(const struct sops_group *g)
{
    int64_t groups = 0;
    for (; g != NULL; g = g->next) {
        groups++;
    }
    return groups;
}

bool sops_groups_rule_threshold(const struct sops_creation *rule, int64_t *threshold, struct sops_err *e)
{
    int64_t groups = count_groups(rule->groups);
    *threshold = groups > 1 && rule->threshold == 0 ? groups : rule->threshold;
    return groups < 2 || (*threshold >= 1 && *threshold <= groups) ||
           sops_fail(e, SOPS_E_GENERIC, "the shamir_threshold %lld of the creation rule is none for %lld groups",
                     (long long)*threshold, (long long)groups);
}

bool sops_groups_show(struct sops_groups_diff *d, struct sops_err *e)
{
    struct sops_buf groups = {0};
    struct shower head = {.text = &d->text, .colour = d->colour}, s = {.text = &groups, .colour = d->colour};
    const struct sops_groups_visitor v = {show_group, show_key, &s};
    int64_t had = count_groups(d->file->groups);
    /* A file of several groups without a threshold has their number. */
    int64_t now = d->file->threshold == 0 && had > 1 && d->threshold != 0 ? had : d->file->threshold;
    bool ok =
        show_threshold(&head, now, d->threshold, e) && sops_groups_compare(d->file->groups, d->rule->groups, &v, e);
    d->differ = head.differ || s.differ;
    d->goes = head.goes || s.goes || had > count_groups(d->rule->groups);
    if (ok && d->rotate && d->goes) {
        ok = begin(&head, GREEN, e) && sops_buf_adds(&d->text, "+++ new data key", e) && end(&head, e);
    }
    ok = ok && sops_buf_add(&d->text, sops_buf_view(&groups), e);
    sops_buf_free(&groups);
    return ok;
}
