/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an item is, and what is done to it: every case of the table of actions, against a store that takes down what it
 * is asked. */
#include "testing.h"

#include "folder.h"
#include "sync/plan.h"

#include <stdio.h>

/* The item that the store has. */
static struct {
    enum sops_item_state state;
    struct sops_store_tag tag[8];
    size_t tags;
    const char *value;
    enum sops_store_result result; /* of reading it */
    char asked[64];                /* d describe, r read, w write, t tag, u restore, x remove, l list */
    struct sops_store_found listed;
} there;

static void take_down(char what)
{
    size_t n = strlen(there.asked);
    if (n + 1 < sizeof there.asked) {
        there.asked[n] = what;
        there.asked[n + 1] = '\0';
    }
}

static bool name_is_fine(struct sops_slice name, struct sops_err *e)
{
    return (name.len != 0 && name.len <= 8) || sops_fail(e, SOPS_E_READ, "a name has 1 to 8 characters");
}

static bool describe(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                     struct sops_slice name, struct sops_store_item *out, struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)a;
    (void)e;
    take_down('d');
    *out = (struct sops_store_item){.name = name, .state = there.state, .tag = there.tag, .tags = there.tags};
    return true;
}

static bool resolve(const struct sops_store_site *s, struct sops_arena *a, const struct sops_store_ref *ref,
                    struct sops_store_ref *out, struct sops_err *e)
{
    (void)s;
    (void)a;
    (void)e;
    *out = *ref;
    return true;
}

static enum sops_store_result read_value(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                                         const struct sops_store_ref *ref, struct sops_slice *value, struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)a;
    (void)ref;
    take_down('r');
    if (there.result != SOPS_STORE_OK) {
        (void)sops_fail(e, SOPS_E_READ, "it was refused");
    }
    *value = sops_str(there.value);
    return there.result;
}

static bool write_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                       struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)what;
    (void)e;
    take_down('w');
    return true;
}

static bool tag_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_write *what,
                     struct sops_err *e)
{
    (void)s;
    (void)w;
    (void)what;
    (void)e;
    take_down('t');
    return true;
}

static bool touch(struct sops_world *w, char what, struct sops_err *e)
{
    (void)w;
    (void)e;
    take_down(what);
    return true;
}

static bool restore_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                         struct sops_err *e)
{
    (void)s;
    (void)old;
    return touch(w, 'u', e);
}

static bool remove_item(const struct sops_store_site *s, struct sops_world *w, const struct sops_store_item *old,
                        struct sops_err *e)
{
    (void)s;
    (void)old;
    return touch(w, 'x', e);
}

static bool list_items(const struct sops_store_site *s, struct sops_world *w, struct sops_arena *a,
                       struct sops_slice prefix, struct sops_slice owner, struct sops_store_list *out,
                       struct sops_err *e)
{
    (void)s;
    (void)a;
    (void)prefix;
    (void)owner;
    out->first = out->last = &there.listed;
    return touch(w, 'l', e);
}

static const struct sops_store store = {
    .rule = "test_store",
    .value_min = 1,
    .value_max = 40,
    .text_only = true,
    .doubles = true,
    .tags_max = 5,
    .check_name = name_is_fine,
    .resolve = resolve,
    .read = read_value,
    .describe = describe,
    .write = write_item,
    .tag = tag_item,
    .restore = restore_item,
    .remove = remove_item,
    .list = list_items,
};

/* A plan of one file, "gone.yaml" or "here.yaml" below a folder that holds the latter. */
struct bench {
    struct sops_world world;
    struct sops_config config;
    struct sops_store_rule rule;
    struct sops_store_rules rules;
    struct sops_plan plan;
    struct sops_plan_item *item;
};

static void set_up(struct bench *b, const char *home, const char *source, const char *value)
{
    struct sops_err e = {0};
    *b = (struct bench){.rule = {.site = {.store = &store, .place = SOPS_LIT("here")}, .owner = SOPS_LIT("shop")}};
    assert_ok(sops_buf_addf(&b->config.path, &e, "%s/.sops.yaml", home), &e);
    b->rules = (struct sops_store_rules){.config = &b->config, .rule = &b->rule, .count = 1};
    b->plan = (struct sops_plan){.world = &b->world, .rules = &b->rules};
    b->item = sops_plan_add(&b->plan, &e);
    assert_non_null(b->item);
    b->item->rule = &b->rule;
    b->item->site = &b->rule.site;
    b->item->file = source;
    b->item->source = sops_str(source);
    b->item->name = SOPS_LIT("item");
    b->item->value = sops_str(value);
    there.asked[0] = '\0';
}

static void tear_down(struct bench *b)
{
    sops_plan_free(&b->plan);
    sops_config_free(&b->config);
}

enum whose { NOBODY, OURS, OURS_OTHER_DIGEST, OTHER_OWNER, OTHER_MANAGER, OURS_GONE, OURS_HERE, MANY_TAGS };

static void mark(const struct sops_plan_item *i, enum whose whose)
{
    static const struct sops_store_tag note = {.key = {(const uint8_t *)"note", 4}, .value = {(const uint8_t *)"n", 1}};
    memcpy(there.tag, i->tag, sizeof i->tag);
    there.tag[4] = note;
    there.tags = 5;
    if (whose == NOBODY || whose == MANY_TAGS) {
        there.tags = whose == NOBODY ? 1 : 6;
        for (size_t n = 0; n < there.tags; n++) {
            there.tag[n] = (struct sops_store_tag){.key = sops_slice_of(&"uvwxyz"[n], 1), .value = SOPS_LIT("n")};
        }
    }
    if (whose == OURS_OTHER_DIGEST) {
        there.tag[3].value = SOPS_LIT("old");
    } else if (whose == OTHER_OWNER) {
        there.tag[1].value = SOPS_LIT("other-team");
    } else if (whose == OTHER_MANAGER) {
        there.tag[0].value = SOPS_LIT("terraform");
    } else if (whose == OURS_GONE) {
        there.tag[2].value = SOPS_LIT("gone.yaml");
    } else if (whose == OURS_HERE) {
        there.tag[2].value = SOPS_LIT("here.yaml");
    }
}

static void actions(void **state)
{
    static const struct {
        enum sops_item_state state;
        enum whose whose;
        bool adopt;
        const char *value;
        enum sops_store_result result;
        enum sops_action want;
        const char *asked; /* by looking, and then by doing it */
        const char *reason;
    } rows[] = {
        {SOPS_ITEM_NONE, NOBODY, false, "", SOPS_STORE_OK, SOPS_CREATE, "dw", NULL},
        {SOPS_ITEM_LIVE, OURS, false, "{\"a\":1.0}", SOPS_STORE_OK, SOPS_SAME, "dr", NULL},
        {SOPS_ITEM_LIVE, OURS, false, "{\"a\":2}", SOPS_STORE_OK, SOPS_UPDATE, "drw", NULL},
        {SOPS_ITEM_LIVE, OURS_OTHER_DIGEST, false, "{\"a\":1}", SOPS_STORE_OK, SOPS_TAG, "drt", NULL},
        {SOPS_ITEM_LIVE, OURS, false, "", SOPS_STORE_DENIED, SOPS_SAME, "dr", NULL},
        {SOPS_ITEM_LIVE, OURS_OTHER_DIGEST, false, "", SOPS_STORE_DENIED, SOPS_UPDATE, "drw", NULL},
        {SOPS_ITEM_LIVE, OURS, false, "", SOPS_STORE_ABSENT, SOPS_RESTORE, "druw", NULL},
        {SOPS_ITEM_LIVE, OURS, false, "", SOPS_STORE_DISABLED, SOPS_RESTORE, "druw", NULL},
        {SOPS_ITEM_DELETED, OURS, false, "", SOPS_STORE_OK, SOPS_RESTORE, "duw", NULL},
        {SOPS_ITEM_LIVE, OURS_GONE, false, "{\"a\":1}", SOPS_STORE_OK, SOPS_TAG, "drt", NULL},
        {SOPS_ITEM_LIVE, OURS_HERE, false, "{\"a\":1}", SOPS_STORE_OK, SOPS_FOREIGN, "d", "source: here.yaml"},
        {SOPS_ITEM_LIVE, OURS_HERE, true, "{\"a\":1}", SOPS_STORE_OK, SOPS_FOREIGN, "d", "source: here.yaml"},
        {SOPS_ITEM_LIVE, NOBODY, false, "{\"a\":1}", SOPS_STORE_OK, SOPS_FOREIGN, "d", "not managed by sops"},
        {SOPS_ITEM_LIVE, NOBODY, true, "{\"a\":1}", SOPS_STORE_OK, SOPS_ADOPT, "drt", NULL},
        {SOPS_ITEM_LIVE, NOBODY, true, "{\"a\":2}", SOPS_STORE_OK, SOPS_ADOPT, "drw", NULL},
        {SOPS_ITEM_LIVE, NOBODY, true, "", SOPS_STORE_DENIED, SOPS_ADOPT, "drw", NULL},
        {SOPS_ITEM_DELETED, NOBODY, true, "", SOPS_STORE_OK, SOPS_FOREIGN, "d", "deleted"},
        {SOPS_ITEM_LIVE, OTHER_OWNER, true, "", SOPS_STORE_OK, SOPS_FOREIGN, "d", "sops-owner: other-team"},
        {SOPS_ITEM_LIVE, OTHER_MANAGER, true, "", SOPS_STORE_OK, SOPS_FOREIGN, "d", "managed-by: terraform"},
    };
    (void)state;
    put("here.yaml", "x");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct bench b;
        set_up(&b, folder, "new.yaml", "{\"a\":1}");
        assert_ok(sops_plan_check(b.item, &e), &e);
        mark(b.item, rows[i].whose);
        there.state = rows[i].state;
        there.value = rows[i].value;
        there.result = rows[i].result;
        b.plan.adopt = rows[i].adopt;
        assert_ok(sops_plan_make(&b.plan, &e), &e);
        if (b.item->action != rows[i].want) {
            fail_msg("row %zu: %s", i, sops_action_names[b.item->action]);
        }
        if (rows[i].reason != NULL) {
            assert_true(sops_slice_starts(b.item->reason, sops_str(rows[i].reason)));
        }
        assert_ok(sops_plan_apply(&b.plan, b.item, &e), &e);
        assert_string_equal(there.asked, rows[i].asked);
        tear_down(&b);
    }
}

static void failures(void **state)
{
    (void)state;
    put("here.yaml", "x");
    struct sops_err e = {0};
    struct bench b;
    set_up(&b, folder, "new.yaml", "{\"a\":1}");
    assert_ok(sops_plan_check(b.item, &e), &e);
    mark(b.item, OURS);
    there.state = SOPS_ITEM_LIVE;
    there.result = SOPS_STORE_FAILED;
    assert_false(sops_plan_make(&b.plan, &e));
    assert_true(b.item->failed && b.item->why.code == SOPS_E_READ);
    assert_non_null(strstr(b.item->why.msg, "'new.yaml': test_store here 'item'"));
    tear_down(&b);
    set_up(&b, folder, "new.yaml", "{\"a\":1}");
    assert_ok(sops_plan_check(b.item, &e), &e);
    mark(b.item, MANY_TAGS);
    b.plan.adopt = true;
    assert_false(sops_plan_make(&b.plan, &e));
    assert_non_null(strstr(b.item->why.msg, "too many tags"));
    tear_down(&b);
}

static void limits(void **state)
{
    static const char *const rows[][4] = {
        /* name, source, value, words */
        {"item", "a b/c.yaml", "{}", NULL},
        {"", "a.yaml", "{}", "1 to 8"},
        {"item", "a#b.yaml", "{}", "tag"},
        {"item", "a.yaml", "", "empty"},
        {"item", "a.yaml", "CANARYCANARYCANARYCANARYCANARYCANARYCANARY", "42 bytes"},
        {"item", "a.yaml", "\xff", "UTF-8"},
        {"item", "a.yaml", "{\"a\":9007199254740993}", "number at a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct bench b;
        set_up(&b, "/nowhere", rows[i][1], rows[i][2]);
        b.item->name = sops_str(rows[i][0]);
        bool ok = sops_plan_check(b.item, &e);
        assert_int_equal(ok, rows[i][3] == NULL);
        if (!ok) {
            assert_int_equal(e.code, SOPS_E_READ);
            assert_non_null(strstr(e.msg, rows[i][3]));
            assert_non_null(strstr(e.msg, rows[i][1]));
            assert_null(strstr(e.msg, "CANARY"));
        }
        sops_err_clear(&e);
        tear_down(&b);
    }
}

static void two_of_one_name(void **state)
{
    struct sops_err e = {0};
    struct bench b;
    (void)state;
    set_up(&b, "/nowhere", "a.yaml", "{}");
    struct sops_plan_item *other = sops_plan_add(&b.plan, &e);
    *other = *b.item;
    other->file = "b.yaml";
    assert_fails(sops_plan_check_twice(&b.plan, &e), &e, SOPS_E_READ);
    other->name = SOPS_LIT("item2");
    assert_ok(sops_plan_check_twice(&b.plan, &e), &e);
    tear_down(&b);
}

/* What --prune deletes: below a PATH, ours, with a source that is gone or was published. */
static void prune(void **state)
{
    static const struct {
        enum whose whose;
        const char *source, *path; /* of the left-over; below the folder */
        enum sops_item_state state;
        bool deleted;
    } rows[] = {
        {OURS, "gone.yaml", "", SOPS_ITEM_LIVE, true},
        {OURS, "sub/gone.yaml", "sub", SOPS_ITEM_LIVE, true},
        {OURS, "subx/gone.yaml", "sub", SOPS_ITEM_LIVE, false},
        {OURS, "gone.yaml", "gone.yaml", SOPS_ITEM_LIVE, true},
        {OURS, "here.yaml", "", SOPS_ITEM_LIVE, false}, /* still there, and not of this run */
        {OURS, "new.yaml", "", SOPS_ITEM_LIVE, true},   /* of this run, which gives another name now */
        {OURS, "../gone.yaml", "", SOPS_ITEM_LIVE, false},
        {OURS, "", "", SOPS_ITEM_LIVE, false},
        {OURS, "gone.yaml", "", SOPS_ITEM_DELETED, false},
        {OTHER_OWNER, "gone.yaml", "", SOPS_ITEM_LIVE, false},
        {OTHER_MANAGER, "gone.yaml", "", SOPS_ITEM_LIVE, false},
        {NOBODY, "gone.yaml", "", SOPS_ITEM_LIVE, false},
    };
    (void)state;
    put("here.yaml", "x");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sops_err e = {0};
        struct bench b;
        char path[160];
        const char *paths[] = {path, NULL};
        const struct sops_plan_scope scope = {paths};
        (void)snprintf(path, sizeof path, "%s%s%s", folder, rows[i].path[0] != '\0' ? "/" : "", rows[i].path);
        set_up(&b, folder, "new.yaml", "{\"a\":1}");
        assert_ok(sops_plan_check(b.item, &e), &e);
        mark(b.item, rows[i].whose);
        if (there.tags > 2) {
            there.tag[2].value = sops_str(rows[i].source);
        }
        there.state = rows[i].state;
        there.value = "{\"a\":1}";
        there.result = SOPS_STORE_OK;
        there.listed = (struct sops_store_found){.key = SOPS_LIT("old")};
        b.plan.prune = &scope;
        b.plan.adopt = true;
        assert_ok(sops_plan_make(&b.plan, &e), &e);
        bool deleted = b.plan.count == 2 && b.plan.item[1]->action == SOPS_DELETE;
        if (deleted != rows[i].deleted) {
            fail_msg("row %zu", i);
        }
        b.plan.prune = NULL;
        tear_down(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(actions), TEST(failures), cmocka_unit_test(limits),
                                       cmocka_unit_test(two_of_one_name), TEST(prune)};
    return cmocka_run_group_tests(tests, NULL, test_no_leaks);
}
