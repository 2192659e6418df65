/* SPDX-License-Identifier: Apache-2.0 */
/* What was found, in the words of people, of programs, of SARIF 2.1.0 and of GitHub's workflow commands. */
#include "cli/check.h"

#include "base/digest.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/ui.h"
#include "core/meta.h"

#include <sys/stat.h>
#include <unistd.h>

#define ALIKE 10 /* findings of one id in one file that people are shown */
#define FLUSH ((size_t)64 << 10)

bool check_report_format(const char *word, enum check_format *format)
{
    static const char *const words[] = {"human", "json", "sarif", "github"};
    for (int i = 0; i < 4; i++) {
        if (word != NULL && strcmp(word, words[i]) == 0) {
            *format = (enum check_format)i;
            return true;
        }
    }
    *format = CHECK_HUMAN;
    return word == NULL;
}

/* ---- names ---------------------------------------------------------------------------------------------------------
 */

size_t check_repository_of(struct sops_slice absolute, struct sops_err *e)
{
    struct sops_buf path = {0};
    struct stat st;
    size_t len = absolute.len, found = 0;
    bool ok = true;
    while (ok && found == 0 && len > 0) {
        while (len > 0 && absolute.ptr[len - 1] != '/') {
            len--;
        }
        len -= len > 0;
        sops_buf_cut(&path, 0);
        ok = sops_buf_add(&path, sops_slice_first(absolute, len), e) && sops_buf_adds(&path, "/.git", e) &&
             sops_buf_cstr(&path, e) != NULL;
        found = ok && lstat((const char *)path.ptr, &st) == 0 ? len : 0;
    }
    sops_buf_free(&path);
    return found;
}

/* The name for machines: from the top of the repository that holds the file, outside of one from the current folder. */
static bool machine_name(struct check_report *r, const struct check_item *i, struct sops_buf *out, struct sops_err *e)
{
    if (i->tree_path != NULL) {
        return sops_buf_adds(out, i->tree_path, e);
    }
    size_t top = check_repository_of(i->absolute, e);
    if (e->code != SOPS_OK) {
        return false;
    }
    struct sops_slice from = top != 0 ? sops_slice_first(i->absolute, top) : r->here;
    return sops_name_from(from, i->absolute, true, out, e);
}

/* ---- people
 * ---------------------------------------------------------------------------------------------------------- */

/* Without what could move the cursor or begin a line. */
static bool add_plain(struct sops_buf *out, struct sops_slice text, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        bool control = text.ptr[i] < 0x20 || text.ptr[i] == 0x7f ||
                       (text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] >= 0x80 && text.ptr[i + 1] < 0xa0);
        ok = sops_buf_addc(out, control ? '?' : text.ptr[i], e);
        i += control && text.ptr[i] == 0xc2;
    }
    return ok;
}

static const char *const colours[] = {"\x1b[31m", "\x1b[33m", "\x1b[36m"};

static bool add_human(struct check_report *r, const struct check_item *i, const struct sops_finding *f,
                      struct sops_err *e)
{
    struct sops_buf *o = &r->out;
    enum sops_level level = sops_finding_kinds[f->id].level;
    const char *begin = r->colour ? colours[level] : "", *end = r->colour ? "\x1b[0m" : "";
    bool ok = add_plain(o, sops_str(i->name), e) && (f->line == 0 || sops_buf_addf(o, e, ":%u", f->line)) &&
              (i->commit == NULL || sops_buf_addf(o, e, " (%.12s)", i->commit)) &&
              sops_buf_addf(o, e, ": %s%s[%s]%s ", begin, sops_level_words[level], sops_finding_kinds[f->id].id, end) &&
              (f->path.len == 0 || (add_plain(o, f->path, e) && sops_buf_adds(o, ": ", e))) &&
              add_plain(o, sops_str(f->message), e);
    return ok && (f->help == NULL || (sops_buf_adds(o, "\n    help: ", e) && add_plain(o, sops_str(f->help), e))) &&
           sops_buf_addc(o, '\n', e);
}

/* ---- GitHub
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_escaped(struct sops_buf *out, struct sops_slice text, bool property, struct sops_err *e)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
        if (special) {
            ok = sops_buf_addf(out, e, "%%%02X", c);
        } else {
            ok = sops_buf_addc(out, c < 0x20 || c == 0x7f ? '?' : c, e);
        }
    }
    return ok;
}

static bool add_github(struct check_report *r, const struct check_item *i, const struct sops_finding *f,
                       struct sops_err *e)
{
    static const char *const words[] = {"error", "warning", "notice"};
    struct sops_buf name = {0}, *o = &r->out;
    bool ok =
        machine_name(r, i, &name, e) && sops_buf_addf(o, e, "::%s file=", words[sops_finding_kinds[f->id].level]) &&
        add_escaped(o, sops_buf_view(&name), true, e) && (f->line == 0 || sops_buf_addf(o, e, ",line=%u", f->line)) &&
        sops_buf_addf(o, e, ",title=sops %s::", sops_finding_kinds[f->id].id) &&
        (f->path.len == 0 || (add_escaped(o, f->path, false, e) && sops_buf_adds(o, ": ", e))) &&
        add_escaped(o, sops_str(f->message), false, e) && sops_buf_addc(o, '\n', e);
    sops_buf_free(&name);
    return ok;
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------------------------- */

static bool add_json(struct check_report *r, const struct check_item *i, const struct sops_finding *f,
                     struct sops_err *e)
{
    struct sops_buf *o = &r->out;
    return sops_buf_adds(o, "{\"schema\":1", e) && sops_json_add(o, "file", sops_str(i->name), e) &&
           (f->line == 0 || sops_json_add_int(o, "line", f->line, e)) &&
           (f->path.len == 0 || sops_json_add(o, "path", f->path, e)) &&
           sops_json_add(o, "id", sops_str(sops_finding_kinds[f->id].id), e) &&
           sops_json_add(o, "level", sops_str(sops_level_words[sops_finding_kinds[f->id].level]), e) &&
           sops_json_add(o, "message", sops_str(f->message), e) &&
           (f->help == NULL || sops_json_add(o, "help", sops_str(f->help), e)) &&
           (i->commit == NULL || sops_json_add(o, "commit", sops_str(i->commit), e)) && sops_buf_adds(o, "}\n", e);
}

/* ---- SARIF
 * ------------------------------------------------------------------------------------------------------------ */

/* Hex of SHA-256 over id, 0, file, 0, path, 0, and how many with these came before. */
static bool add_print(struct check_report *r, const struct sops_finding *f, struct sops_slice file,
                      struct sops_buf *out, struct sops_err *e)
{
    struct sops_buf text = {0};
    struct sops_slice key;
    uint8_t hash[32];
    void **place = NULL;
    bool ok = sops_buf_adds(&text, sops_finding_kinds[f->id].id, e) && sops_buf_addc(&text, 0, e) &&
              sops_buf_add(&text, file, e) && sops_buf_addc(&text, 0, e) && sops_buf_add(&text, f->path, e) &&
              sops_buf_addc(&text, 0, e) && sops_arena_copy(&r->arena, sops_buf_view(&text), &key, e);
    place = ok ? sops_table_put(&r->prints, key, NULL, e) : NULL;
    ok = place != NULL && sops_buf_addf(&text, e, "%zu", (size_t)(uintptr_t)*place);
    if (ok) {
        *place = (void *)((uintptr_t)*place + 1);
        sops_sha256(sops_buf_view(&text), hash);
        ok = sops_hex_add(out, sops_slice_of(hash, sizeof hash), false, e);
    }
    sops_buf_free(&text);
    return ok;
}

static bool add_location(struct check_report *r, const struct sops_finding *f, struct sops_slice file,
                         struct sops_buf *o, struct sops_err *e)
{
    struct sops_buf uri = {0};
    (void)r;
    bool ok = sops_percent_add(&uri, file, "/", e) && sops_json_begin(o, "locations", '[', e) &&
              sops_json_begin(o, NULL, '{', e) && sops_json_begin(o, "physicalLocation", '{', e) &&
              sops_json_begin(o, "artifactLocation", '{', e) && sops_json_add(o, "uri", sops_buf_view(&uri), e) &&
              sops_json_add(o, "uriBaseId", SOPS_LIT("%SRCROOT%"), e) && sops_buf_addc(o, '}', e);
    sops_buf_free(&uri);
    if (ok && f->line != 0) {
        ok = sops_json_begin(o, "region", '{', e) && sops_json_add_int(o, "startLine", f->line, e) &&
             sops_buf_addc(o, '}', e);
    }
    ok = ok && sops_buf_addc(o, '}', e);
    if (ok && f->path.len != 0) {
        ok = sops_json_begin(o, "logicalLocations", '[', e) && sops_json_begin(o, NULL, '{', e) &&
             sops_json_add(o, "fullyQualifiedName", f->path, e) && sops_buf_adds(o, "}]", e);
    }
    return ok && sops_buf_adds(o, "}]", e);
}

static bool add_sarif(struct check_report *r, const struct check_item *i, const struct sops_finding *f,
                      struct sops_err *e)
{
    struct sops_buf name = {0}, text = {0}, print = {0}, *o = &r->results;
    const struct sops_finding_kind *kind = &sops_finding_kinds[f->id];
    bool ok = machine_name(r, i, &name, e) &&
              (f->path.len == 0 || (sops_buf_add(&text, f->path, e) && sops_buf_adds(&text, ": ", e))) &&
              sops_buf_adds(&text, f->message, e) &&
              (f->help == NULL || (sops_buf_adds(&text, ". Help: ", e) && sops_buf_adds(&text, f->help, e))) &&
              sops_buf_addc(&text, '.', e) && add_print(r, f, sops_buf_view(&name), &print, e);
    ok = ok && (o->len == 0 || sops_buf_addc(o, ',', e)) && sops_buf_addc(o, '{', e) &&
         sops_json_add(o, "ruleId", sops_str(kind->id), e) && sops_json_add_int(o, "ruleIndex", (int64_t)f->id, e) &&
         sops_json_add(o, "level", sops_str(sops_level_words[kind->level]), e) &&
         sops_json_begin(o, "message", '{', e) && sops_json_add(o, "text", sops_buf_view(&text), e) &&
         sops_buf_addc(o, '}', e) && add_location(r, f, sops_buf_view(&name), o, e) &&
         sops_json_begin(o, "partialFingerprints", '{', e) && sops_json_add(o, "sops/v1", sops_buf_view(&print), e) &&
         sops_buf_adds(o, "}}", e);
    sops_buf_free(&name);
    sops_buf_free(&text);
    sops_buf_free(&print);
    return ok;
}

static bool add_rules(struct sops_buf *o, struct sops_err *e)
{
    bool ok = sops_json_begin(o, "rules", '[', e);
    for (int i = 0; ok && i < SOPS_FINDINGS_COUNT; i++) {
        const struct sops_finding_kind *kind = &sops_finding_kinds[i];
        ok = sops_json_begin(o, NULL, '{', e) && sops_json_add(o, "id", sops_str(kind->id), e) &&
             sops_json_begin(o, "shortDescription", '{', e) && sops_buf_adds(o, "\"text\":\"", e) &&
             sops_buf_adds(o, kind->words, e) && sops_buf_adds(o, ".\"}", e) &&
             sops_json_begin(o, "defaultConfiguration", '{', e) &&
             sops_json_add(o, "level", sops_str(sops_level_words[kind->level]), e) && sops_buf_adds(o, "}}", e);
    }
    return ok && sops_buf_addc(o, ']', e);
}

static bool add_document(struct check_report *r, struct sops_err *e)
{
    struct sops_buf *o = &r->out;
    bool ok = sops_buf_adds(o,
                            "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
                            "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"sops\"",
                            e) &&
              sops_json_add(o, "semanticVersion", sops_str(SOPS_VERSION), e) &&
              sops_json_add(o, "informationUri", SOPS_LIT("https://github.com/getsops/sops"), e) && add_rules(o, e);
    ok = ok && sops_buf_adds(o, "}},\"columnKind\":\"utf16CodeUnits\",\"invocations\":[{\"executionSuccessful\":", e) &&
         sops_buf_adds(o, r->unread == 0 ? "true" : "false", e) &&
         sops_buf_adds(o, ",\"toolExecutionNotifications\":[", e) && sops_buf_add(o, sops_buf_view(&r->notices), e) &&
         sops_buf_adds(o, "]}],\"results\":[", e) && sops_buf_add(o, sops_buf_view(&r->results), e);
    return ok && sops_buf_adds(o, "]}]}\n", e);
}

/* ---- all
 * --------------------------------------------------------------------------------------------------------------- */

static bool flush(struct check_report *r, size_t above, struct sops_err *e)
{
    if (r->out.len <= above) {
        return true;
    }
    bool ok = sops_ui_out(sops_buf_view(&r->out), e) || sops_recode(e, SOPS_E_READ);
    sops_buf_cut(&r->out, 0);
    return ok;
}

bool check_report_item(struct check_report *r, const struct check_item *i, const struct sops_findings *f,
                       struct sops_err *e)
{
    size_t of[SOPS_FINDINGS_COUNT] = {0};
    bool few = r->format == CHECK_HUMAN || r->format == CHECK_GITHUB, ok = true;
    for (size_t n = 0; ok && n < f->count; n++) {
        const struct sops_finding *one = &f->list[n];
        r->level[sops_finding_kinds[one->id].level]++;
        if (r->quiet || (of[one->id]++ >= ALIKE && few)) {
            continue;
        }
        ok = r->format == CHECK_JSON     ? add_json(r, i, one, e)
             : r->format == CHECK_SARIF  ? add_sarif(r, i, one, e)
             : r->format == CHECK_GITHUB ? add_github(r, i, one, e)
                                         : add_human(r, i, one, e);
    }
    for (int id = 0; ok && few && !r->quiet && id < SOPS_FINDINGS_COUNT; id++) {
        if (of[id] > ALIKE) {
            ok = add_plain(&r->out, sops_str(i->name), e) &&
                 sops_buf_addf(&r->out, e, ": … and %zu more like this [%s]\n", of[id] - ALIKE,
                               sops_finding_kinds[id].id);
        }
    }
    return ok && flush(r, FLUSH, e);
}

bool check_report_unread(struct check_report *r, const char *name, const char *why, struct sops_err *e)
{
    struct sops_buf text = {0}, *o = &r->notices;
    bool ok = true;
    r->unread++;
    sops_ui_note("%s: not read: %s", name, why);
    if (r->format == CHECK_SARIF && !r->quiet) {
        ok = sops_buf_addf(&text, e, "%s: not read: %s", name, why) && (o->len == 0 || sops_buf_addc(o, ',', e)) &&
             sops_buf_adds(o, "{\"level\":\"error\"", e) && sops_json_begin(o, "message", '{', e) &&
             sops_json_add(o, "text", sops_buf_view(&text), e) && sops_buf_adds(o, "}}", e);
    }
    sops_buf_free(&text);
    return ok;
}

static bool add_count(struct sops_buf *o, bool *first, size_t n, const char *word, bool plural, struct sops_err *e)
{
    if (n == 0) {
        return true;
    }
    const char *lead = *first ? "" : ", ";
    *first = false;
    return sops_buf_addf(o, e, "%s%zu %s%s", lead, n, word, plural && n != 1 ? "s" : "");
}

static bool add_summary(struct check_report *r, struct sops_err *e)
{
    struct sops_buf *o = &r->out;
    bool first = true;
    bool ok =
        sops_buf_addf(o, e, "checked %zu file%s, %zu encrypted: ", r->files, r->files == 1 ? "" : "s", r->encrypted) &&
        add_count(o, &first, r->level[SOPS_LEVEL_ERROR], "error", true, e) &&
        add_count(o, &first, r->level[SOPS_LEVEL_WARNING], "warning", true, e) &&
        add_count(o, &first, r->level[SOPS_LEVEL_NOTE], "note", true, e);
    if (ok && first) {
        ok = sops_buf_adds(o, "nothing found", e);
        first = false;
    }
    return ok && add_count(o, &first, r->allowed, "allowed", false, e) &&
           add_count(o, &first, r->unread, "not read", false, e) && sops_buf_addc(o, '\n', e);
}

static bool add_json_summary(struct check_report *r, struct sops_err *e)
{
    return sops_buf_addf(&r->out, e,
                         "{\"schema\":1,\"summary\":{\"files\":%zu,\"encrypted\":%zu,\"errors\":%zu,\"warnings\":%zu,"
                         "\"notes\":%zu,\"allowed\":%zu,\"not_read\":%zu}}\n",
                         r->files, r->encrypted, r->level[SOPS_LEVEL_ERROR], r->level[SOPS_LEVEL_WARNING],
                         r->level[SOPS_LEVEL_NOTE], r->allowed, r->unread);
}

bool check_report_end(struct check_report *r, struct sops_err *e)
{
    if (r->quiet) {
        return true;
    }
    bool ok = r->format == CHECK_SARIF  ? add_document(r, e)
              : r->format == CHECK_JSON ? add_json_summary(r, e)
                                        : add_summary(r, e);
    return ok && flush(r, 0, e);
}

int check_report_status(const struct check_report *r, bool strict)
{
    if (r->unread != 0) {
        return SOPS_E_READ;
    }
    return r->level[SOPS_LEVEL_ERROR] != 0 || (strict && r->level[SOPS_LEVEL_WARNING] != 0) ? SOPS_FOUND : SOPS_OK;
}

void check_report_free(struct check_report *r)
{
    sops_buf_free(&r->out);
    sops_buf_free(&r->results);
    sops_buf_free(&r->notices);
    sops_table_free(&r->prints);
    sops_arena_free(&r->arena);
    *r = (struct check_report){0};
}
