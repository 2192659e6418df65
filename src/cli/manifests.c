/* SPDX-License-Identifier: Apache-2.0 */
/* Each group becomes one document again, as the file was that was sealed: a tree of the parts of all, without the notes
 * of tools. It is freed before the next group is read. */
#include "cli/manifests.h"

#define MAC_HINT                                                                                                       \
    "kustomize sorts keys and templates change values after sealing; use the generator (kind: SopsSecrets), or "       \
    "--ignore-mac"

/* One group on its way. */
struct group {
    struct sops_manifests *all;
    size_t first;
    struct sops_job job;
    struct sops_notes *notes; /* of each document */
    size_t count;
    struct sops_arena arena;
};

static struct sops_manifest *next_in(const struct group *g, const struct sops_manifest *m)
{
    return m->sealed->next != 0 ? &g->all->all[m->sealed->next] : NULL;
}

/* The parts of all as one tree. */
static bool read_group(struct group *g, struct sops_doc *d, struct sops_err *e)
{
    const struct sops_manifest *first = &g->all->all[g->first];
    size_t count = 0;
    for (const struct sops_manifest *m = first; m != NULL; m = next_in(g, m)) {
        count++;
    }
    g->notes = sops_arena_alloc(&g->arena, count * sizeof *g->notes, e);
    bool ok = g->notes != NULL;
    for (const struct sops_manifest *m = first; ok && m != NULL; m = next_in(g, m)) {
        struct sops_doc one = {0};
        ok = sops_doc_parse(&one, sops_manifest_format(), sops_manifest_text(m), e);
        if (ok) {
            struct sops_node *root = one.parts;
            sops_doc_join(d, &one);
            ok = sops_notes_take(&g->notes[g->count++], &g->arena, root, e);
        }
        sops_doc_free(&one);
    }
    return ok;
}

static bool unlock_group(struct group *g, const struct sops_manifest_how *how, struct sops_err *e)
{
    struct sops_job *j = &g->job;
    struct sops_doc d = {0};
    const char *label = g->all->all[g->first].sealed->label;
    *j = sops_job_beside(how->common, how->path);
    j->name = label;
    j->in = j->out = sops_manifest_format();
    sops_job_style(j);
    j->env = sops_envelope_new(j->world, label, e);
    bool ok = j->env != NULL && read_group(g, &d, e);
    if (ok) {
        sops_envelope_take_tree(j->env, &d);
        ok = sops_envelope_detach(j->env, j->in, e) && sops_step_version(j, e) && sops_input_unlock(j, how->common, e);
    }
    sops_doc_free(&d);
    return ok || sops_name_file(e, label);
}

/* One part alone, as decrypt would write it. */
static bool write_part(struct group *g, const struct sops_doc *d, struct sops_node *part, struct sops_buf *out,
                       struct sops_err *e)
{
    struct sops_doc view = {.parts = part, .tail = part, .state = d->state};
    struct sops_node *next = part->next;
    part->next = NULL;
    bool ok = sops_doc_emit(&view, g->job.out, &g->job.style, out, e);
    part->next = next;
    return ok;
}

static bool write_group(struct group *g, struct sops_manifest_how *how, struct sops_err *e)
{
    struct sops_doc *d = sops_envelope_clear(g->job.env, e);
    struct sops_node *part = d != NULL ? d->parts : NULL;
    struct sops_manifest *m = &g->all->all[g->first];
    bool ok = d != NULL;
    for (size_t i = 0; ok && m != NULL && part != NULL; i++, m = next_in(g, m), part = part->next) {
        how->blamed = m;
        sops_notes_put(&g->notes[i]);
        ok = (how->change == NULL || how->change(how->arg, d, part, m, e)) &&
             write_part(g, d, part, &m->sealed->clear, e);
    }
    return ok;
}

bool sops_manifests_open(struct sops_manifests *m, struct sops_manifest_how *how, struct sops_err *e)
{
    bool ok = sops_manifests_group(m, e);
    for (size_t i = 0; ok && i < m->count; i++) {
        struct group g = {.all = m, .first = i};
        if (m->all[i].sealed == NULL || m->all[i].sealed->follows) {
            continue;
        }
        how->blamed = &m->all[i];
        ok = unlock_group(&g, how, e) && write_group(&g, how, e);
        if (!ok && e->code == SOPS_E_MAC) {
            e->hint[0] = '\0';
            sops_hint(e, MAC_HINT);
        }
        sops_job_free(&g.job);
        sops_arena_free(&g.arena);
    }
    return ok;
}
