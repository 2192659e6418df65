/* SPDX-License-Identifier: Apache-2.0 */
/* The settings and keys of a new file: options win over the creation rule setting by setting, but the keys as a whole
 * (docs/spec/40-config.md#keys-of-a-rule, #other-settings). The rule is looked up and its keys are parsed even where
 * options replace them, as a configuration with an error must not pass unnoticed. */
#include "cli/steps.h"
#include "cli/ui.h"
#include "core/log.h"

#include <stdio.h>

/* ---- keys of options -------------------------------------------------------------------------------------------- */

/* "a:b,c:d" to pairs sorted by name. `*good` is false when the text is none. */
static bool parse_context(struct sops_arena *a, struct sops_slice text, const struct sops_pair **map, bool *good,
                          struct sops_err *e)
{
    struct sops_slice rest = text, piece;
    size_t n = 0;
    *good = true;
    *map = NULL;
    struct sops_pair *pairs = sops_arena_alloc(a, (text.len + 1) * sizeof *pairs, e);
    if (pairs == NULL || !sops_arena_copy(a, text, &rest, e)) {
        return false;
    }
    while (rest.len != 0 && *good && sops_slice_next(&rest, ',', &piece)) {
        size_t colon = sops_slice_find(piece, ':');
        struct sops_slice value = sops_slice_skip(piece, colon + 1);
        *good = colon != piece.len && sops_slice_find(value, ':') == value.len;
        pairs[n++] = (struct sops_pair){.key = sops_slice_first(piece, colon), .value = value};
    }
    *map = *good ? sops_pairs_link(pairs, n) : NULL;
    return true;
}

/* Gives every key from `k` on what --aws-profile and --encryption-context say. */
static bool add_fields(struct sops_job *j, struct sops_arena *a, const struct sops_keyfield *f, size_t place,
                       struct sops_key *k, struct sops_err *e)
{
    struct sops_slice text = sops_opt_slice(j->opt, f->flag), copy = {0};
    const struct sops_pair *map = NULL;
    bool good = true;
    if (text.len == 0) {
        return true;
    }
    if ((f->flags & SOPS_FIELD_MAP) != 0) {
        if (!parse_context(a, text, &map, &good, e)) {
            return false;
        }
    } else if (!sops_arena_copy(a, text, &copy, e)) {
        return false;
    }
    for (; k != NULL; k = k->next) {
        if ((f->flags & SOPS_FIELD_MAP) != 0) {
            k->map = map;
        } else {
            k->field[place] = copy;
        }
    }
    return true;
}

/* A context that is none: an error where keys are given for a new file, else a warning
 * (docs/spec/60-keysources.md#parsing-of-each-value). */
bool sops_job_context(struct sops_job *j, bool strict, struct sops_err *e)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        for (const struct sops_keyfield *f = sops_keysources[i]->fields; f->meta != NULL; f++) {
            struct sops_slice text = sops_opt_slice(j->opt, f->flag != NULL ? f->flag : "");
            struct sops_arena scratch = {0};
            const struct sops_pair *map;
            bool good = true;
            bool ok = (f->flags & SOPS_FIELD_MAP) == 0 || parse_context(&scratch, text, &map, &good, e);
            sops_arena_free(&scratch);
            if (ok && !good && strict) {
                sops_fail(e, SOPS_E_KMS_CONTEXT, "Invalid KMS encryption context format in --%s", f->flag);
                return sops_hint(e, "it is NAME:VALUE,NAME:VALUE");
            }
            if (ok && !good) {
                sops_world_warn(j->world, "the encryption context in --%s is not NAME:VALUE,… and is ignored", f->flag);
            }
            if (!ok) {
                return false;
            }
        }
    }
    return true;
}

/* The keys of one source: of one comma list, or of an option that may be given several times. */
static bool source_keys(struct sops_job *j, struct sops_arena *a, const struct sops_keysource *s, const char *option,
                        struct sops_key **list, struct sops_err *e)
{
    struct sops_key *own = NULL;
    const char *const *many = sops_opt_many(j->opt, option);
    const char *one = *many == NULL ? sops_opt(j->opt, option) : NULL;
    bool ok = one == NULL || sops_keys_parse(j->world, a, s, sops_str(one), &own, e);
    for (; ok && *many != NULL; many++) {
        ok = (*many)[0] == '\0' || sops_keys_parse(j->world, a, s, sops_str(*many), &own, e);
    }
    for (size_t i = 0; ok && s->fields[i].meta != NULL; i++) {
        ok = s->fields[i].flag == NULL || add_fields(j, a, &s->fields[i], i, own, e);
    }
    if (!ok) {
        return sops_within(e, "--%s", option);
    }
    sops_keys_append(list, own);
    return true;
}

bool sops_job_keys(struct sops_job *j, struct sops_arena *a, const char *prefix, enum sops_order order,
                   struct sops_key **list, struct sops_err *e)
{
    const struct sops_keysource *source[SOPS_MAX_SOURCES];
    sops_keysources_by(order, source);
    for (size_t i = 0; source[i] != NULL; i++) {
        char option[64];
        (void)snprintf(option, sizeof option, "%s%s", prefix, source[i]->flag);
        if (!source_keys(j, a, source[i], option, list, e)) {
            return false;
        }
    }
    return true;
}

/* Do the options name a key of any kind? */
bool sops_job_keys_given(const struct sops_job *j)
{
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        if (sops_opt(j->opt, sops_keysources[i]->flag) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- crypt rules ------------------------------------------------------------------------------------------------ */

/* The option of a rule: its name with dashes. */
static struct sops_slice rule_option(const struct sops_job *j, size_t rule)
{
    char option[40];
    size_t n = strlen(sops_rule_names[rule]);
    for (size_t i = 0; i <= n && i < sizeof option; i++) {
        option[i] = sops_rule_names[rule][i] == '_' ? '-' : sops_rule_names[rule][i];
    }
    return sops_opt_slice(j->opt, option);
}

/* Options over the rule; two of them are in conflict. `*by_option` says where the one that is left is from. */
static bool choose_rules(struct sops_job *j, const struct sops_creation *c, bool *by_option, struct sops_err *e)
{
    struct sops_rules *r = &sops_envelope_meta(j->env)->rules;
    size_t count = 0;
    for (size_t i = 0; i < SOPS_RULES; i++) {
        struct sops_slice option = rule_option(j, i);
        r->text[i] = option.len != 0 ? option : c->rule[i];
        if (r->text[i].len != 0) {
            *by_option = option.len != 0;
            count++;
        }
    }
    if (count > 1) {
        sops_fail(e, SOPS_E_CONFLICT,
                  "cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, "
                  "unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex for the same file");
        return sops_hint(e, "take the options, and what the creation rule says, down to one of them");
    }
    if (count == 0 && j->encrypted_regex != NULL) {
        r->text[SOPS_ENCRYPTED_REGEX] = sops_str(j->encrypted_regex);
    } else if (count == 0) {
        r->text[SOPS_UNENCRYPTED_SUFFIX] = SOPS_LIT(SOPS_DEFAULT_SUFFIX);
    }
    r->mac_only_encrypted = c->mac_only_encrypted || j->opt->shared.mac_only_encrypted;
    return true;
}

/* Binary files are one value: no rule applies, none is recorded (docs/spec/20-formats.md#binary). */
static void ignore_rules(struct sops_job *j, const struct sops_creation *c)
{
    for (size_t i = 0; i < SOPS_RULES; i++) {
        bool said = rule_option(j, i).len != 0 || c->rule[i].len != 0;
        if (said && i != SOPS_UNENCRYPTED_COMMENT_REGEX) {
            sops_world_warn(j->world, "'%s': %s will be ignored, as binary files are encrypted as a whole", j->name,
                            sops_rule_names[i]);
        }
    }
    if (c->mac_only_encrypted || j->opt->shared.mac_only_encrypted) {
        sops_world_warn(j->world, "'%s': mac_only_encrypted will be ignored, as binary files are encrypted as a whole",
                        j->name);
    }
    sops_envelope_meta(j->env)->rules.whole = true;
}

/* Where the crypt rule is from, for messages. */
static bool set_rule_of(struct sops_job *j, const struct sops_creation *c, bool by_option, struct sops_err *e)
{
    struct sops_meta *m = sops_envelope_meta(j->env);
    struct sops_slice text;
    enum sops_rule which = sops_rules_which(&m->rules);
    bool by_rule = !by_option && which != SOPS_RULES && c->rule[which].len != 0;
    j->rule_of = by_option ? "of the options" : "(which is the default)";
    if (!by_rule) {
        return true;
    }
    bool ok = sops_arena_printf(&m->arena, &text, e, "of the creation rule in line %u of '%.*s'", c->line,
                                SOPS_ARG(sops_buf_view(&j->config->file)));
    j->rule_of = ok ? (const char *)text.ptr : NULL;
    return ok;
}

static bool compile_rules(struct sops_job *j, bool by_option, struct sops_err *e)
{
    if (sops_rules_compile(&sops_envelope_meta(j->env)->rules, e)) {
        return true;
    }
    if (by_option) {
        sops_within(e, "invalid regular expression in the options");
    } else {
        sops_within(e, "invalid regular expression in a creation rule of '%.*s'",
                    SOPS_ARG(sops_buf_view(&j->config->file)));
    }
    return sops_recode(e, by_option ? SOPS_E_GENERIC : SOPS_E_CONFIG_REGEX);
}

/* ---- the step --------------------------------------------------------------------------------------------------- */

/* In the old form what --encryption-context says holds for the rule's flat keys, too. */
static bool add_context(struct sops_job *j, struct sops_key *keys, struct sops_err *e)
{
    for (struct sops_key *k = keys; k != NULL; k = k->next) {
        for (const struct sops_keyfield *f = k->source->fields; f->meta != NULL; f++) {
            struct sops_slice text = sops_opt_slice(j->opt, f->flag != NULL ? f->flag : "");
            bool good;
            if ((f->flags & SOPS_FIELD_MAP) != 0 && text.len != 0 &&
                !parse_context(&sops_envelope_meta(j->env)->arena, text, &k->map, &good, e)) {
                return false;
            }
        }
    }
    return true;
}

static void log_option_keys(struct sops_job *j, const struct sops_key *keys)
{
    struct sops_buf names = {0};
    struct sops_err ignored = {0};
    bool ok = j->world->verbose;
    for (const struct sops_key *k = keys; ok && k != NULL; k = k->next) {
        ok = (k == keys || sops_buf_addc(&names, ' ', &ignored)) && sops_key_show(k, &names, &ignored);
    }
    if (ok) {
        const struct sops_log_field field[] = {{"keys", sops_buf_view(&names)}, {NULL, {0}}};
        sops_log(j->world, "CMD", SOPS_LOG_DEBUG, field, "Master keys available: those of the options");
    }
    sops_err_clear(&ignored);
    sops_buf_free(&names);
}

static bool choose_keys(struct sops_job *j, const struct sops_creation *c, struct sops_err *e)
{
    struct sops_key *keys = NULL;
    struct sops_meta *m = sops_envelope_meta(j->env);
    if (sops_job_keys_given(j)) {
        struct sops_group *group = sops_arena_alloc(&m->arena, sizeof *group, e);
        if (group == NULL || !sops_job_keys(j, &m->arena, "", SOPS_BY_FLAGS, &keys, e)) {
            return false;
        }
        group->keys = keys;
        log_option_keys(j, keys);
        m->groups = group;
        return true;
    }
    m->groups = c->groups;
    if (!c->from_rule) {
        sops_fail(e, SOPS_E_GENERIC,
                  "config file not found, or has no creation rules, and no keys provided through command line options");
        return sops_hint(e, "name a key, for example with --age, or write a .sops.yaml");
    }
    return !j->old_form || !c->flat || add_context(j, c->groups->keys, e);
}

/* Keys that the options name need no rule to give any. */
static bool do_without_rule(struct sops_job *j, const struct sops_creation *c, struct sops_err *e)
{
    if (!c->unmatched || e->memory || !sops_job_keys_given(j)) {
        return false;
    }
    sops_ui_note(
        "note: no creation rule of '%.*s' matches '%.*s': the keys of the options are used, and no other settings",
        SOPS_ARG(sops_buf_view(&j->config->file)), SOPS_ARG(c->text));
    sops_err_clear(e);
    return true;
}

/* Which rule gives no key: what wraps the data key does not know. */
bool sops_job_blame_rule(const struct sops_job *j, const struct sops_group *groups, struct sops_err *e)
{
    size_t number = 1;
    const struct sops_group *g = groups;
    for (; g != NULL && g->keys != NULL; g = g->next) {
        number++;
    }
    if (g == NULL || j->rule_line == 0) {
        return false;
    }
    char where[48] = "no key";
    if (groups->next != NULL) {
        (void)snprintf(where, sizeof where, "no key in group %zu", number);
    }
    sops_within(e, "'%.*s', line %u: this creation rule has %s", SOPS_ARG(sops_buf_view(&j->config->file)),
                j->rule_line, where);
    return sops_hint(e, "name a recipient there, as in `age: age1…`, or take the empty group out");
}

bool sops_step_creation(struct sops_job *j, struct sops_err *e)
{
    struct sops_creation c = {0};
    struct sops_meta *m = sops_envelope_meta(j->env);
    bool by_option = false, whole = (j->in->flags & SOPS_FMT_WHOLE) != 0;
    if (!sops_config_creation(j->config, j->world, &m->arena, j->name, &c, e) && !do_without_rule(j, &c, e)) {
        return false;
    }
    j->rule_line = c.line;
    if (whole) {
        ignore_rules(j, &c);
    } else if (!choose_rules(j, &c, &by_option, e)) {
        return false;
    }
    if (!sops_job_context(j, true, e) || !choose_keys(j, &c, e)) {
        return false;
    }
    m->threshold = c.threshold;
    if (j->opt->shared.threshold.value != 0) {
        m->threshold = j->opt->shared.threshold.value;
    }
    m->version = SOPS_LIT(SOPS_VERSION);
    j->seeks_clear = !whole;
    return whole || (compile_rules(j, by_option, e) && set_rule_of(j, &c, by_option, e));
}
