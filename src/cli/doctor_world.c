/* SPDX-License-Identifier: Apache-2.0 */
/* Without a file: what of the environment sops would use, and what is broken in it. */
#include "cli/doctor.h"

#include "cli/world_real.h"

#include <unistd.h>

static bool tell_config(struct doctor *d, struct sops_err *e)
{
    const struct sops_judge *j = d->judge;
    if (j == NULL) {
        return doctor_add(d, "config", DOCTOR_NOT_TRIED, "no configuration was found", e) != NULL;
    }
    if (j->there) {
        struct doctor_check *c = doctor_add(d, "config", DOCTOR_OK, j->shown, e);
        return c != NULL;
    }
    const char *error = j->found.count != 0 ? j->found.list[0].message : "it does not load";
    return doctor_fail(d, "config", j->shown, error, "sops config check", SOPS_E_GENERIC, e);
}

/* A program and what it says of itself in its first line. */
static bool tell_program(struct doctor *d, const char *id, const char *const *argv, struct sops_err *e)
{
    const struct sops_command c = {.argv = argv};
    struct sops_outcome o = {0};
    struct sops_err why = {0};
    bool ran = d->job->world->run(d->job->world, &c, &o, &why);
    struct sops_slice text = sops_buf_view(&o.out);
    const char *what =
        ran && o.status == 0
            ? sops_arena_text(&d->arena, e, "%.*s", SOPS_ARG(sops_slice_first(text, sops_slice_find(text, '\n'))))
            : sops_arena_text(&d->arena, e, "%s: not there", argv[0]);
    bool ok = what != NULL && doctor_add(d, id, ran && o.status == 0 ? DOCTOR_OK : DOCTOR_NOT_TRIED, what, e) != NULL;
    sops_err_clear(&why);
    sops_outcome_free(&o);
    return ok;
}

static bool tell_driver(struct doctor *d, struct sops_err *e)
{
    static const char *const words[] = {"config", "--get", "merge.sops.driver", NULL};
    struct sops_git g = {.world = d->job->world};
    struct sops_err why = {0};
    int status = 1;
    bool asked = sops_git_run(&g, words, (struct sops_slice){0}, NULL, &status, &why);
    sops_err_clear(&why);
    sops_git_close(&g);
    bool set = asked && status == 0;
    struct doctor_check *c = doctor_add(d, "git", set ? DOCTOR_OK : DOCTOR_NOT_TRIED, "merge.sops.driver", e);
    if (c != NULL) {
        c->where = set ? "set" : "not set: sops git install";
    }
    return c != NULL;
}

static bool tell_variables(struct doctor *d, struct sops_err *e)
{
    bool ok = true;
    for (char *const *v = environ; ok && *v != NULL; v++) {
        struct sops_slice name = sops_str(*v);
        name.len = sops_slice_find(name, '=');
        if (sops_slice_starts(name, SOPS_LIT("SOPS_"))) {
            const char *what = sops_arena_text(&d->arena, e, "%.*s", SOPS_ARG(name));
            struct doctor_check *c = what != NULL ? doctor_add(d, "variable", DOCTOR_OK, what, e) : NULL;
            ok = c != NULL;
            if (ok) {
                c->where = "set";
            }
        }
    }
    return ok;
}

bool doctor_environment(struct doctor *d, struct sops_err *e)
{
    static const char *const gpg[] = {"gpg", "--version", NULL}, *const agent[] = {"gpg-agent", "--version", NULL},
                             *const git[] = {"git", "--version", NULL};
    const char *what = sops_arena_text(&d->arena, e, "sops %s", SOPS_VERSION);
    bool ok = what != NULL && doctor_add(d, "program", DOCTOR_OK, what, e) != NULL && tell_config(d, e) &&
              doctor_places(d, e) && tell_program(d, "gpg", gpg, e) && tell_program(d, "gpg-agent", agent, e) &&
              tell_program(d, "git", git, e) && tell_driver(d, e) && tell_variables(d, e);
    for (const struct doctor_check *c = d->first; c != NULL; c = c->next) {
        d->status = c->result == DOCTOR_FAIL ? SOPS_E_GENERIC : d->status;
    }
    return ok;
}
