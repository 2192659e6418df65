/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - what becomes of an opened object before a cluster gets it
 * (docs/spec/74-kubernetes-and-exec.md#what-is-read, #diff). */
#ifndef SOPS_MANIFEST_CHANGE_H
#define SOPS_MANIFEST_CHANGE_H

#include "manifest/manifest.h"

/* `stringData` of a Secret (or of Secrets in a List) becomes `data`. Code 1, naming object and entry, for what is no
 * text. */
bool sops_object_data(struct sops_doc *d, struct sops_node *root, struct sops_err *e) SOPS_CHECKED;
/* Takes out all but what says which object it is. */
void sops_object_strip(struct sops_node *root);
/* Does kubectl hide its values in a diff: is it a Secret, or a List of nothing else? Else `*other` is the first object
 * whose values it shows. */
bool sops_object_is_hidden(const struct sops_node *root, const struct sops_node **other);

#endif
