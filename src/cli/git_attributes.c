/* SPDX-License-Identifier: Apache-2.0 */
/* Only what git grep finds to hold a ciphertext is parsed. Patterns are by ending where all files with that ending are
 * encrypted, so that new ones are covered, too; else by path. */
#include "cli/git_install.h"

#include "base/file.h"
#include "base/table.h"
#include "cli/ui.h"
#include "cli/versions.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BEGIN "# sops: begin"
#define BLOCK_END "# sops: end"
#define ATTRIBUTES_MAX ((size_t)16 << 20)

/* ---- the block -------------------------------------------------------------------------------------------------- */

void sops_attributes_free(struct sops_attributes *a)
{
    sops_buf_free(&a->path);
    sops_buf_free(&a->text);
    *a = (struct sops_attributes){0};
}

/* Where the line that begins with `mark` begins, from `from` on, and where the next one does. */
static bool find_line(struct sops_slice text, size_t from, const char *mark, size_t *begin, size_t *next)
{
    while (from < text.len) {
        struct sops_slice line = sops_slice_skip(text, from);
        size_t end = sops_slice_find(line, '\n');
        if (sops_slice_starts(sops_slice_first(line, end), sops_str(mark))) {
            *begin = from;
            *next = from + end + (end < line.len);
            return true;
        }
        from += end + 1;
    }
    return false;
}

bool sops_attributes_read(struct sops_attributes *a, struct sops_git *git, struct sops_err *e)
{
    struct stat st;
    size_t end = 0;
    if (!sops_buf_addf(&a->path, e, "%s/.gitattributes", (const char *)git->top.ptr) ||
        sops_buf_cstr(&a->path, e) == NULL) {
        return false;
    }
    const char *path = (const char *)a->path.ptr;
    a->there = lstat(path, &st) == 0;
    if (a->there && !S_ISREG(st.st_mode)) {
        return sops_fail(e, SOPS_E_READ, "'%s' is no regular file, so it is not written", path);
    }
    if (a->there && !sops_file_read(path, ATTRIBUTES_MAX, &a->text, e)) {
        return false;
    }
    struct sops_slice text = sops_buf_view(&a->text);
    if (find_line(text, 0, BLOCK_BEGIN, &a->begin, &end) && !find_line(text, end, BLOCK_END, &end, &a->end)) {
        sops_fail(e, SOPS_E_READ, "'%s' has the line '" BLOCK_BEGIN "' and no '" BLOCK_END "'", path);
        return sops_hint(e, "put it back, or take the first one out");
    }
    return true;
}

bool sops_attributes_write(const struct sops_attributes *a, struct sops_slice patterns, const char *attributes,
                           struct sops_err *e)
{
    struct sops_slice old = sops_buf_view(&a->text), rest = patterns, line = {0};
    struct sops_buf out = {0};
    size_t begin = a->end != 0 ? a->begin : old.len;
    bool ok = sops_buf_add(&out, sops_slice_first(old, begin), e);
    if (ok && patterns.len != 0) {
        ok = (out.len == 0 || out.ptr[out.len - 1] == '\n' || sops_buf_addc(&out, '\n', e)) &&
             sops_buf_adds(&out, BLOCK_BEGIN " (written by sops git install)\n", e);
        while (ok && rest.len != 0 && sops_slice_next(&rest, '\n', &line)) {
            ok = sops_buf_addf(&out, e, "%.*s%s\n", SOPS_ARG(line), attributes);
        }
        ok = ok && sops_buf_adds(&out, BLOCK_END "\n", e);
    }
    ok = ok && (a->end == 0 || sops_buf_add(&out, sops_slice_skip(old, a->end), e));
    const char *path = (const char *)a->path.ptr;
    if (ok && out.len == 0) {
        ok = !a->there || unlink(path) == 0 || sops_fail(e, SOPS_E_WRITE, "cannot remove '%s'", path);
    } else if (ok && !sops_slice_eq(sops_buf_view(&out), old)) {
        ok = sops_file_replace(path, sops_buf_view(&out), 0666, NULL, e);
    }
    sops_buf_free(&out);
    return ok;
}

/* ---- the index -------------------------------------------------------------------------------------------------- */

void sops_index_free(struct sops_index *x)
{
    sops_free(x->file);
    sops_buf_free(&x->list);
    *x = (struct sops_index){0};
}

/* "100644 ID STAGE\tPATH" of `ls-files -s -z`; a link or a submodule is no file. An unmerged one comes several times.
 */
static bool take_index(struct sops_index *x, struct sops_err *e)
{
    struct sops_slice rest = sops_buf_view(&x->list), line = {0};
    size_t most = 0;
    for (size_t i = 0; i < rest.len; i++) {
        most += rest.ptr[i] == '\0';
    }
    x->file = sops_alloc(most * sizeof *x->file, e);
    while (x->file != NULL && rest.len != 0 && sops_slice_next(&rest, '\0', &line)) {
        size_t tab = sops_slice_find(line, '\t'), blank = sops_slice_find(line, ' ');
        struct sops_slice path = sops_slice_skip(line, tab + 1);
        bool again = x->count != 0 && sops_slice_eq(x->file[x->count - 1].path, path);
        if (sops_slice_starts(line, SOPS_LIT("100")) && tab < line.len && !again && x->count < most) {
            struct sops_slice id = sops_slice_skip(line, blank + 1);
            x->file[x->count++] =
                (struct sops_indexed){.path = path, .id = sops_slice_first(id, sops_slice_find(id, ' '))};
        }
    }
    return x->file != NULL;
}

/* By the object's name, as a path may hold a line break. What is odd in the text is for whoever opens it. */
static bool is_sealed(struct sops_git *git, struct sops_indexed *file, struct sops_err *e)
{
    struct sops_buf name = {0};
    struct sops_version v = {.name = ""};
    struct sops_git_object o = {0};
    struct sops_world quiet = *git->world;
    quiet.say = sops_ui_say_nothing;
    bool ok = sops_buf_add(&name, file->path, e) && sops_buf_cstr(&name, e) != NULL &&
              sops_git_read(git, file->id, SOPS_FILE_MAX, false, &o, e);
    if (ok && o.there) {
        v.text = o.bytes;
        o.bytes = (struct sops_buf){0};
        const struct sops_format *f =
            sops_version_format(&quiet, NULL, NULL, (const char *)name.ptr, sops_buf_view(&v.text));
        ok = sops_version_look(&v, &quiet, f, e);
        file->sealed = v.state == SOPS_VERSION_SEALED || v.state == SOPS_VERSION_BROKEN;
    }
    sops_version_free(&v);
    sops_git_object_free(&o);
    sops_buf_free(&name);
    return ok;
}

bool sops_index_read(struct sops_index *x, struct sops_git *git, struct sops_err *e)
{
    static const char *const list[] = {"ls-files", "-s", "-z", "--cached", NULL};
    static const char *const grep[] = {"grep", "--cached", "-z", "-l", "-F", "-e", "ENC[AES256_GCM,", NULL};
    struct sops_buf found = {0};
    struct sops_table table = {0};
    int status = 0;
    bool ok = sops_git_run(git, list, (struct sops_slice){0}, &x->list, NULL, e) && take_index(x, e) &&
              sops_git_run(git, grep, (struct sops_slice){0}, &found, &status, e);
    struct sops_slice rest = sops_buf_view(&found), path = {0};
    while (ok && rest.len != 0 && sops_slice_next(&rest, '\0', &path)) {
        ok = path.len == 0 || sops_table_put(&table, path, NULL, e) != NULL;
        if (ok && path.len != 0) {
            void **there = sops_table_put(&table, path, NULL, e);
            *there = x;
        }
    }
    for (size_t i = 0; ok && i < x->count; i++) {
        if (sops_table_get(&table, x->file[i].path) != NULL) {
            ok = is_sealed(git, &x->file[i], e);
        }
    }
    sops_table_free(&table);
    sops_buf_free(&found);
    return ok;
}

/* ---- patterns --------------------------------------------------------------------------------------------------- */

static struct sops_slice base_name(struct sops_slice path)
{
    size_t at = path.len;
    while (at != 0 && path.ptr[at - 1] != '/') {
        at--;
    }
    return sops_slice_skip(path, at);
}

/* The end of the name from the first dot behind its first character; the whole name where there is none. */
static struct sops_slice ending(struct sops_slice name)
{
    struct sops_slice rest = sops_slice_skip(name, 1);
    size_t dot = sops_slice_find(rest, '.');
    return dot < rest.len ? sops_slice_skip(rest, dot) : name;
}

/* May it stand in .gitattributes as it is? */
static bool is_plain(struct sops_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || strchr("\"'\\*?[]", text.ptr[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return sops_slice_cmp(*(const struct sops_slice *)a, *(const struct sops_slice *)b);
}

static bool all_are_sealed(const struct sops_index *x, struct sops_slice end, bool whole_name)
{
    for (size_t i = 0; i < x->count; i++) {
        struct sops_slice name = base_name(x->file[i].path);
        bool fits = whole_name ? sops_slice_eq(name, end) : sops_slice_ends(name, end);
        if (fits && !x->file[i].sealed) {
            return false;
        }
    }
    return true;
}

static bool add_pattern(const struct sops_index *x, size_t i, struct sops_arena *a, struct sops_slice *out,
                        struct sops_err *e)
{
    struct sops_slice path = x->file[i].path, name = base_name(path), end = ending(name);
    bool whole = end.len == name.len;
    if (is_plain(end) && (!whole || (end.ptr[0] != '#' && end.ptr[0] != '!')) && all_are_sealed(x, end, whole)) {
        return sops_arena_printf(a, out, e, "%s%.*s", whole ? "" : "*", SOPS_ARG(end));
    }
    if (!is_plain(path)) {
        sops_ui_warn(
            "'%.*s' gets no line in .gitattributes: its name would be read as something else; write one outside "
            "of the block of sops, with ? for each blank and special character",
            SOPS_ARG(path));
        *out = (struct sops_slice){0};
        return true;
    }
    return sops_arena_printf(a, out, e, "/%.*s", SOPS_ARG(path));
}

bool sops_index_patterns(const struct sops_index *x, struct sops_buf *out, struct sops_err *e)
{
    struct sops_arena a = {0};
    size_t count = 0;
    struct sops_slice *list = sops_alloc(x->count * sizeof *list, e);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < x->count; i++) {
        ok = !x->file[i].sealed || add_pattern(x, i, &a, &list[count], e);
        count += ok && x->file[i].sealed && list[count].len != 0;
    }
    if (ok && count > 1) {
        qsort(list, count, sizeof *list, by_text);
    }
    for (size_t i = 0; ok && i < count; i++) {
        if (i == 0 || !sops_slice_eq(list[i], list[i - 1])) {
            ok = sops_buf_add(out, list[i], e) && sops_buf_addc(out, '\n', e);
        }
    }
    sops_free(list);
    sops_arena_free(&a);
    return ok;
}
