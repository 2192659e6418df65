/* SPDX-License-Identifier: Apache-2.0 */
/* What every key source must do, asked of the table: a new one is tested by being in it. */
#include "../unit/testing.h"

#include "core/key.h"
#include "core/meta.h"

#include <stdio.h>
#include <unistd.h>

#define NONE ((struct sops_slice){0})

static size_t field_count(const struct sops_keysource *s)
{
    size_t n = 0;
    while (s->fields[n].meta != NULL) {
        n++;
    }
    return n;
}

static void is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        const struct sops_keysource *s = sops_keysources[i];
        assert_non_null(s->id);
        assert_non_null(s->flag);
        assert_non_null(s->env);
        assert_non_null(s->rule_key);
        assert_non_null(s->group_key);
        assert_true(field_count(s) >= 1 && field_count(s) <= SOPS_MAX_FIELDS);
        assert_true(s->parse != NULL && s->wrap != NULL && s->unwrap != NULL);
        assert_int_equal(strncmp(s->env, "SOPS_", 5), 0);
        assert_ptr_equal(sops_keysource_named(sops_str(s->id)), s);
        assert_non_null(s->log_name);
        assert_true((s->log_field != NULL) != (s->log_fields != NULL));
    }
    assert_null(sops_keysource_named(SOPS_LIT("no such source")));
}

static void names_and_numbers_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        for (size_t j = i + 1; sops_keysources[j] != NULL; j++) {
            const struct sops_keysource *a = sops_keysources[i], *b = sops_keysources[j];
            assert_string_not_equal(a->id, b->id);
            assert_string_not_equal(a->flag, b->flag);
            assert_string_not_equal(a->env, b->env);
            assert_string_not_equal(a->rule_key, b->rule_key);
            assert_string_not_equal(a->group_key, b->group_key);
            assert_int_not_equal(a->wire, b->wire);
            if (a->short_flag != NULL && b->short_flag != NULL) {
                assert_string_not_equal(a->short_flag, b->short_flag);
            }
            for (size_t order = 0; order < SOPS_ORDERS; order++) {
                assert_int_not_equal(a->rank[order], b->rank[order]);
            }
        }
    }
}

static void orders_are_those_of_the_reference(void **state)
{
    (void)state;
    static const char *const want[SOPS_ORDERS][8] = {
        [SOPS_BY_FLAGS] = {"kms", "gcp_kms", "hckms", "azure_kv", "pgp", "hc_vault", "age", NULL},
        [SOPS_BY_RULE] = {"age", "pgp", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", NULL},
        [SOPS_BY_META] = {"kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age", NULL},
        [SOPS_BY_ROTATE] = {"kms", "pgp", "gcp_kms", "hckms", "azure_kv", "hc_vault", "age", NULL},
        [SOPS_BY_GROUPS] = {"pgp", "kms", "gcp_kms", "hc_vault", "azure_kv", "age", "hckms", NULL},
    };
    for (size_t order = 0; order < SOPS_ORDERS; order++) {
        const struct sops_keysource *got[SOPS_MAX_SOURCES];
        sops_keysources_by((enum sops_order)order, got);
        for (size_t i = 0; want[order][i] != NULL; i++) {
            assert_non_null(got[i]);
            assert_string_equal(got[i]->id, want[order][i]);
        }
        assert_null(got[7]);
    }
}

/* Fills every field of a key with a text that is its own. */
static void fill(struct sops_meta *m, struct sops_key *k, const struct sops_keysource *s, size_t number)
{
    static struct sops_pair pair[2];
    struct sops_err e = {0};
    k->source = s;
    for (size_t f = 0; f < field_count(s); f++) {
        if ((s->fields[f].flags & SOPS_FIELD_MAP) != 0) {
            pair[0] = (struct sops_pair){SOPS_LIT("a"), SOPS_LIT("1"), &pair[1]};
            pair[1] = (struct sops_pair){SOPS_LIT("b"), SOPS_LIT("2"), NULL};
            k->map = pair;
        } else {
            assert_ok(sops_arena_printf(&m->arena, &k->field[f], &e, "region:%s-%zu-%zu", s->id, number, f), &e);
        }
    }
    assert_ok(sops_arena_printf(&m->arena, &k->enc, &e, "enc of %s\nin %zu lines", s->id, number + 1), &e);
    if ((s->flags & SOPS_SRC_DATED) != 0) {
        k->created_at = SOPS_LIT("2026-04-01T10:00:00Z");
    }
}

static void assert_same_keys(const struct sops_key *a, const struct sops_key *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        assert_ptr_equal(a->source, b->source);
        for (size_t f = 0; f < field_count(a->source); f++) {
            assert_true(sops_slice_eq(a->field[f], b->field[f]));
        }
        const struct sops_pair *x = a->map, *y = b->map;
        for (; x != NULL && y != NULL; x = x->next, y = y->next) {
            assert_true(sops_slice_eq(x->key, y->key) && sops_slice_eq(x->value, y->value));
        }
        assert_true(x == NULL && y == NULL);
        assert_true(sops_slice_eq(a->enc, b->enc) && sops_slice_eq(a->created_at, b->created_at));
    }
    assert_true(a == NULL && b == NULL);
}

/* Every source's keys, in one group or in two, survive being written and read in every layout. */
static void metadata_round_trip(void **state)
{
    (void)state;
    for (unsigned layout = SOPS_META_NESTED; layout <= SOPS_META_PREFIX; layout++) {
        for (size_t groups = 1; groups <= 2; groups++) {
            struct sops_err e = {0};
            struct sops_doc d = {0};
            struct sops_meta m = {.mac = SOPS_LIT("ENC[x]"),
                                  .last_modified = SOPS_LIT("2026-04-01T10:00:00Z"),
                                  .version = SOPS_LIT(SOPS_VERSION),
                                  .threshold = groups == 2 ? 2 : 0};
            struct sops_meta back = {0};
            struct sops_group group[2] = {{0}, {0}};
            struct sops_key key[2][SOPS_MAX_SOURCES] = {{{0}}};
            for (size_t g = 0; g < groups; g++) {
                for (size_t i = 0; sops_keysources[i] != NULL; i++) {
                    fill(&m, &key[g][i], sops_keysources[i], g);
                    sops_keys_append(&group[g].keys, &key[g][i]);
                }
                sops_groups_append(&m.groups, &group[g]);
            }
            assert_non_null(sops_node_add(&d, NULL, SOPS_MAP, NONE, NONE, &e));
            assert_ok(sops_meta_attach(&d, (enum sops_layout)layout, &m, &e), &e);
            assert_true(sops_meta_present(&d, (enum sops_layout)layout));
            assert_ok(sops_meta_detach(&d, (enum sops_layout)layout, &back, &e), &e);
            assert_false(sops_meta_present(&d, (enum sops_layout)layout));
            const struct sops_group *got = back.groups;
            for (size_t g = 0; g < groups; g++, got = got->next) {
                assert_non_null(got);
                assert_same_keys(got->keys, group[g].keys);
            }
            assert_null(got);
            sops_meta_free(&m);
            sops_meta_free(&back);
            sops_doc_free(&d);
        }
    }
}

static void identities_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; sops_keysources[i] != NULL; i++) {
        struct sops_err e = {0};
        struct sops_meta m = {0};
        struct sops_key one = {0}, same = {0}, other = {0};
        fill(&m, &one, sops_keysources[i], 0);
        fill(&m, &same, sops_keysources[i], 0);
        fill(&m, &other, sops_keysources[i], 1);
        same.enc = SOPS_LIT("another wrap of the same");
        assert_true(sops_key_same(&one, &same, &e));
        assert_false(sops_key_same(&one, &other, &e));
        struct sops_buf shown = {0};
        assert_ok(sops_key_show(&one, &shown, &e), &e);
        assert_true(shown.len != 0);
        sops_buf_free(&shown);
        sops_meta_free(&m);
    }
}

/* Every way in which a server may fail has a recorded exchange, whatever the source (docs/TESTING.md). */
static void servers_fail_in_every_way(void **state)
{
    (void)state;
    static const char *const ways[] = {"encrypt",   "decrypt",  "denied",    "no-key", "disabled", "wrong-version",
                                       "throttled", "time-out", "error-500", "cut",    "not-json", "too-long"};
    for (const struct sops_keysource *const *s = sops_keysources; *s != NULL; s++) {
        const char *folder = strcmp((*s)->id, "kms") == 0        ? "aws"
                             : strcmp((*s)->id, "gcp_kms") == 0  ? "gcp"
                             : strcmp((*s)->id, "azure_kv") == 0 ? "azure"
                             : strcmp((*s)->id, "hc_vault") == 0 ? "vault"
                                                                 : (*s)->id;
        for (size_t i = 0; ((*s)->flags & SOPS_SRC_REMOTE) != 0 && i < sizeof ways / sizeof ways[0]; i++) {
            for (int reply = 0; reply < 2; reply++) {
                char path[512];
                (void)snprintf(path, sizeof path, SOPS_TESTDATA "/http/%s/%s/%s", folder, ways[i],
                               reply == 1 ? "reply" : "request");
                if (access(path, R_OK) != 0) {
                    print_error("%s is missing\n", path);
                    fail();
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_complete),
        cmocka_unit_test(names_and_numbers_are_unique),
        cmocka_unit_test(orders_are_those_of_the_reference),
        cmocka_unit_test(metadata_round_trip),
        cmocka_unit_test(identities_are_told_apart),
        cmocka_unit_test(servers_fail_in_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
