/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only C++ file. RE2 answers as the reference's engine but in a few forms, which are rewritten before it sees them:
 * named groups (names mean nothing here and may repeat), \C, and the names of \p{...}, which count without case,
 * blanks, '-' and '_', may be long ("Letter"), and know unassigned characters
 * (docs/spec/10-document-and-cipher.md#regular-expressions).
 */
#include "core/regex.h"

#include <new>
#include <string>
#include <vector>

#include <re2/re2.h>
#include <re2/set.h>

extern "C" {
#include "base/text.h"
}

struct sops_regex {
    RE2 re;
    sops_regex(const std::string &pattern, const RE2::Options &options) : re(pattern, options) {}
};

namespace
{

const int64_t max_memory = 8 << 20;
const uint32_t last_character = 0x10FFFF;

/* What a class holds for \p{name} and for \P{name}; '?' stands for the unassigned characters, which RE2 has no name
 * for. */
struct special {
    const char *name, *with, *without;
};
const special specials[] = {
    {"ASCII", "\\x00-\\x7F", "\\x{80}-\\x{10FFFF}"},
    {"Assigned", "\\pC\\pL\\pM\\pN\\pP\\pS\\pZ", "?"},
    {"Cn", "?", "\\pC\\pL\\pM\\pN\\pP\\pS\\pZ"},
    {"C", "\\pC?", "\\pL\\pM\\pN\\pP\\pS\\pZ"},
    {"LC", "\\p{Lu}\\p{Ll}\\p{Lt}", "\\p{Lm}\\p{Lo}\\pC\\pM\\pN\\pP\\pS\\pZ?"},
};

/* Long names of the categories: "long=short". */
const char *const aliases[] = {
    "casedletter=LC",
    "closepunctuation=Pe",
    "connectorpunctuation=Pc",
    "control=Cc",
    "currencysymbol=Sc",
    "dashpunctuation=Pd",
    "decimalnumber=Nd",
    "enclosingmark=Me",
    "finalpunctuation=Pf",
    "format=Cf",
    "initialpunctuation=Pi",
    "letter=L",
    "letternumber=Nl",
    "lineseparator=Zl",
    "lowercaseletter=Ll",
    "mark=M",
    "mathsymbol=Sm",
    "modifierletter=Lm",
    "modifiersymbol=Sk",
    "nonspacingmark=Mn",
    "number=N",
    "openpunctuation=Ps",
    "other=C",
    "otherletter=Lo",
    "othernumber=No",
    "otherpunctuation=Po",
    "othersymbol=So",
    "paragraphseparator=Zp",
    "privateuse=Co",
    "punctuation=P",
    "separator=Z",
    "spaceseparator=Zs",
    "spacingmark=Mc",
    "surrogate=Cs",
    "symbol=S",
    "titlecaseletter=Lt",
    "unassigned=Cn",
    "uppercaseletter=Lu",
    "cntrl=Cc",
    "digit=Nd",
    "punct=P",
    "combiningmark=M",
};

/* Short names of categories and names of scripts, as RE2 spells them. */
const char names[] =
    " Any ASCII Assigned C Cc Cf Cn Co Cs L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm "
    "So Z Zl"
    " Zp Zs Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki"
    " Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee "
    "Chorasmian"
    " Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan"
    " Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi "
    "Gurmukhi"
    " Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi"
    " Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki"
    " Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic "
    "Manichaean"
    " Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi "
    "Mongolian"
    " Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham "
    "Ol_Chiki"
    " Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic "
    "Old_Uyghur"
    " Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan"
    " Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac"
    " Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta "
    "Toto"
    " Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square ";

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

std::string loosely(const std::string &name)
{
    std::string out;
    for (char c : name) {
        if (c != ' ' && c != '_' && c != '-') {
            out += (c >= 'A' && c <= 'Z') ? (char)(c - 'A' + 'a') : c;
        }
    }
    return out;
}

/* The name as RE2 spells it; empty: there is none. */
std::string canonical(const std::string &name)
{
    std::string wanted = loosely(name);
    for (const char *alias : aliases) {
        std::string text(alias);
        size_t equals = text.find('=');
        if (text.compare(0, equals, wanted) == 0) {
            return text.substr(equals + 1);
        }
    }
    for (const char *at = names + 1; *at != '\0';) {
        std::string one(at, strcspn(at, " "));
        if (loosely(one) == wanted) {
            return one;
        }
        at += one.size() + 1;
    }
    return "";
}

/* The ranges of all characters that no category holds. */
std::string unassigned()
{
    RE2 known("[\\pC\\pL\\pM\\pN\\pP\\pS\\pZ]");
    std::string out;
    uint32_t first = 0;
    bool open = false;
    for (uint32_t c = 0; c <= last_character + 1; c++) {
        bool is = false;
        if (c <= last_character && (c < 0xD800 || c > 0xDFFF)) {
            char text[4] = {(char)(0xF0 | c >> 18), (char)(0x80 | (c >> 12 & 63)), (char)(0x80 | (c >> 6 & 63)),
                            (char)(0x80 | (c & 63))};
            size_t skip = c >= 0x10000 ? 0 : c >= 0x800 ? 1 : c >= 0x80 ? 2 : 3;
            const char lead[] = {text[0], (char)(0xE0 | c >> 12), (char)(0xC0 | c >> 6), (char)c};
            text[skip] = lead[skip];
            is = !RE2::FullMatch(re2::StringPiece(text + skip, 4 - skip), known);
        }
        if (is && !open) {
            first = c;
        } else if (!is && open) {
            char range[40];
            (void)snprintf(range, sizeof range, "\\x{%x}-\\x{%x}", (unsigned)first, (unsigned)(c - 1));
            out += range;
        }
        open = is;
    }
    return out;
}

/* One pass over a pattern; what is not of the few forms is copied. */
struct rewriting {
    const std::string &in;
    std::string out;
    const char *fault = nullptr;
    size_t at = 0;
    bool in_class = false;
    bool keeps_names; /* of groups: who replaces may name them */

    rewriting(const std::string &pattern, bool names) : in(pattern), keeps_names(names) {}
    bool run();
    void copy(size_t n);
    void escape();
    void open_class();
    void class_part(char c);
    void group();
    void property();
    void add(const std::string &name, bool negative);
};

bool rewriting::run()
{
    while (fault == nullptr && at < in.size()) {
        char c = in[at];
        if (c == '\\') {
            escape();
        } else if (in_class) {
            class_part(c);
        } else if (c == '[') {
            open_class();
        } else if (c == '(') {
            group();
        } else {
            copy(1);
        }
    }
    return fault == nullptr;
}

void rewriting::copy(size_t n)
{
    out.append(in, at, n);
    at = at + n < in.size() ? at + n : in.size();
}

void rewriting::escape()
{
    char c = at + 1 < in.size() ? in[at + 1] : '\0';
    if (c == 'C') {
        fault = "\\C is not known";
    } else if (c == 'p' || c == 'P') {
        property();
    } else if (c == 'Q' && !in_class) {
        size_t end = in.find("\\E", at + 2);
        copy(end != std::string::npos ? end + 2 - at : in.size() - at);
    } else {
        copy(2);
    }
}

void rewriting::open_class()
{
    copy(in.compare(at, 2, "[^") == 0 ? 2 : 1);
    in_class = true;
    if (in.compare(at, 1, "]") == 0) { /* the first one is literal */
        copy(1);
    }
}

void rewriting::class_part(char c)
{
    size_t end = in.compare(at, 2, "[:") == 0 ? in.find(":]", at + 2) : std::string::npos;
    if (end != std::string::npos) {
        copy(end + 2 - at);
        return;
    }
    in_class = c != ']';
    copy(1);
}

void rewriting::group()
{
    size_t skip = in.compare(at, 4, "(?P<") == 0 ? 4 : 3;
    bool named = skip == 4 || in.compare(at, 3, "(?<") == 0;
    size_t end = named ? in.find('>', at) : std::string::npos;
    if (!named || end == std::string::npos) {
        copy(1);
        return;
    }
    for (size_t i = at + skip; i < end; i++) {
        fault = is_word(in[i]) ? fault : "bad name of a group";
    }
    if (end == at + skip) {
        fault = "bad name of a group";
    }
    out += keeps_names ? "(?P<" + in.substr(at + skip, end - at - skip) + ">" : "(";
    at = end + 1;
}

void rewriting::property()
{
    size_t name = at + 2, end = name + 1;
    bool negative = in[at + 1] == 'P';
    if (name < in.size() && in[name] == '{') {
        end = in.find('}', ++name);
    }
    if (end == std::string::npos || end > in.size()) {
        fault = "bad character class after \\p";
        return;
    }
    size_t next = in[name - 1] == '{' ? end + 1 : end;
    if (name < end && in[name] == '^' && next != end) {
        negative = !negative;
        name++;
    }
    std::string spelt = canonical(in.substr(name, end - name));
    if (spelt.empty()) {
        fault = "unknown character class after \\p";
        return;
    }
    at = next;
    add(spelt, negative);
}

void rewriting::add(const std::string &name, bool negative)
{
    for (const special &s : specials) {
        if (name == s.name) {
            std::string with = negative ? s.without : s.with, without = negative ? s.with : s.without;
            if (!in_class) {
                out += with.find('?') == std::string::npos ? "[" + with + "]" : "[^" + without + "]";
            } else if (with.find('?') == std::string::npos) {
                out += with;
            } else {
                out += with.substr(0, with.find('?')) + unassigned();
            }
            return;
        }
    }
    out += (negative ? "\\P{" : "\\p{") + name + "}";
}

/* Each byte that is not UTF-8 becomes U+FFFD, as RE2 would not match anything there. */
std::string valid(struct sops_slice text)
{
    std::string out;
    while (text.len != 0) {
        uint32_t cp;
        size_t n = sops_utf8_next(text, &cp);
        if (n != 0) {
            out.append((const char *)text.ptr, n);
        } else {
            out += "\xEF\xBF\xBD";
        }
        text = sops_slice_skip(text, n != 0 ? n : 1);
    }
    return out;
}

struct sops_regex *refuse(struct sops_slice pattern, const char *why, struct sops_err *e)
{
    struct sops_slice shown = sops_slice_first(pattern, 300);
    sops_fail(e, SOPS_E_GENERIC, "the regexp '%.*s' does not compile: %s", SOPS_ARG(shown), why);
    sops_hint(e, "the syntax is that of RE2, without look-around and backreferences");
    return nullptr;
}

struct sops_regex *compile(struct sops_slice pattern, bool captures, struct sops_err *e)
{
    try {
        std::string text((const char *)pattern.ptr, pattern.len);
        rewriting rewritten(text, captures);
        if (!sops_utf8_valid(pattern) || !rewritten.run()) {
            return refuse(pattern, rewritten.fault != nullptr ? rewritten.fault : "it is not UTF-8", e);
        }
        RE2::Options options(RE2::Quiet);
        options.set_never_capture(!captures);
        options.set_max_mem(max_memory);
        struct sops_regex *r = new sops_regex(rewritten.out, options);
        if (!r->re.ok()) {
            std::string why = r->re.error();
            delete r;
            return refuse(pattern, why.c_str(), e);
        }
        return r;
    } catch (...) {
        sops_fail_memory(e);
        return nullptr;
    }
}

using groups = std::vector<re2::StringPiece>;

/* The group that a name stands for: its number, or the one that is called so; empty when there is none. */
re2::StringPiece group_of(const RE2 &re, const groups &found, const std::string &name)
{
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
        bool zeros = name.size() > 1 && name[0] == '0';
        size_t n = name.size() < 6 && !zeros ? std::stoul(name) : found.size();
        return n < found.size() ? found[n] : re2::StringPiece();
    }
    auto at = re.NamedCapturingGroups().find(name);
    return at != re.NamedCapturingGroups().end() ? found[(size_t)at->second] : re2::StringPiece();
}

size_t name_length(const std::string &target, size_t from)
{
    size_t n = from;
    while (n < target.size() && (isalnum((unsigned char)target[n]) != 0 || target[n] == '_')) {
        n++;
    }
    return n - from;
}

/* Appends `target` with its groups filled in. A dollar that begins nothing stands for itself. */
void expand(const RE2 &re, const groups &found, const std::string &target, std::string &out)
{
    for (size_t i = 0; i < target.size(); i++) {
        if (target[i] != '$') {
            out += target[i];
            continue;
        }
        if (i + 1 < target.size() && target[i + 1] == '$') {
            out += '$';
            i++;
            continue;
        }
        bool brace = i + 1 < target.size() && target[i + 1] == '{';
        size_t start = i + (brace ? 2 : 1), n = name_length(target, start);
        if (n == 0 || (brace && (start + n == target.size() || target[start + n] != '}'))) {
            out += '$';
            continue;
        }
        re2::StringPiece group = group_of(re, found, target.substr(start, n));
        out.append(group.data() != nullptr ? group.data() : "", group.size());
        i = start + n - (brace ? 0 : 1);
    }
}

size_t next_character(const std::string &text, size_t at)
{
    uint32_t cp;
    struct sops_slice rest = sops_slice_of(text.data() + at, text.size() - at);
    size_t n = rest.len != 0 ? sops_utf8_next(rest, &cp) : 1;
    return at + (n != 0 ? n : 1);
}

std::string replace_all(const RE2 &re, const std::string &text, const std::string &target)
{
    std::string out;
    groups found((size_t)re.NumberOfCapturingGroups() + 1);
    size_t copied = 0, from = 0;
    bool behind = false; /* a match ended at `copied` */
    while (from <= text.size() && re.Match(text, from, text.size(), RE2::UNANCHORED, found.data(), (int)found.size())) {
        size_t start = (size_t)(found[0].data() - text.data()), end = start + found[0].size();
        out.append(text, copied, start - copied);
        if (!(behind && start == end && start == copied)) {
            expand(re, found, target, out);
        }
        copied = end;
        behind = true;
        from = end > from ? end : next_character(text, from);
    }
    return copied < text.size() ? out.append(text, copied, std::string::npos) : out;
}

} // namespace

struct sops_regex *sops_regex_new(struct sops_slice pattern, struct sops_err *e) { return compile(pattern, false, e); }

struct sops_regex *sops_regex_capturing(struct sops_slice pattern, struct sops_err *e)
{
    return compile(pattern, true, e);
}

bool sops_regex_replace(const struct sops_regex *r, struct sops_slice text, struct sops_slice target,
                        struct sops_buf *out, struct sops_err *e)
{
    try {
        std::string made = replace_all(r->re, valid(text), std::string((const char *)target.ptr, target.len));
        return sops_buf_add(out, sops_slice_of(made.data(), made.size()), e);
    } catch (...) {
        return sops_fail_memory(e);
    }
}

bool sops_regex_match(const struct sops_regex *r, struct sops_slice text)
{
    try {
        if (sops_utf8_valid(text)) {
            re2::StringPiece piece((const char *)text.ptr, text.len);
            return r->re.Match(piece, 0, text.len, RE2::UNANCHORED, nullptr, 0);
        }
        std::string repaired = valid(text);
        return r->re.Match(repaired, 0, repaired.size(), RE2::UNANCHORED, nullptr, 0);
    } catch (...) {
        return false;
    }
}

void sops_regex_free(struct sops_regex *r) { delete r; }

/* ---- bytes --------------------------------------------------------------------------------------------------------
 */

namespace
{
RE2::Options byte_options()
{
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    options.set_max_mem(max_memory);
    return options;
}
} // namespace

struct sops_regex_set {
    RE2::Set set;
    size_t count;
    sops_regex_set(const RE2::Options &options, size_t n) : set(options, RE2::UNANCHORED), count(n) {}
};

struct sops_regex *sops_regex_new_bytes(const char *pattern, struct sops_err *e)
{
    try {
        struct sops_regex *r = new sops_regex(pattern, byte_options());
        if (r->re.ok()) {
            return r;
        }
        delete r;
    } catch (...) {
    }
    sops_fail_memory(e);
    return nullptr;
}

bool sops_regex_find(const struct sops_regex *r, struct sops_slice text, size_t from, struct sops_slice *group,
                     size_t count)
{
    re2::StringPiece found[4], piece((const char *)text.ptr, text.len);
    int n = (int)(count < 4 ? count : 4);
    try {
        if (text.len == 0 || from > text.len || !r->re.Match(piece, from, text.len, RE2::UNANCHORED, found, n)) {
            return false;
        }
    } catch (...) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        group[i] = {(const uint8_t *)found[i].data(), found[i].size()};
    }
    return true;
}

struct sops_regex_set *sops_regex_set_new(const char *const *pattern, size_t count, struct sops_err *e)
{
    struct sops_regex_set *s = nullptr;
    try {
        s = new sops_regex_set(byte_options(), count);
        bool ok = count <= 32;
        for (size_t i = 0; ok && i < count; i++) {
            ok = s->set.Add(pattern[i], nullptr) == (int)i;
        }
        if (ok && s->set.Compile()) {
            return s;
        }
    } catch (...) {
    }
    delete s;
    sops_fail_memory(e);
    return nullptr;
}

uint32_t sops_regex_set_match(const struct sops_regex_set *s, struct sops_slice text)
{
    uint32_t all = s->count == 32 ? ~0U : (1U << s->count) - 1;
    try {
        std::vector<int> hits;
        RE2::Set::ErrorInfo why = {RE2::Set::kNoError};
        re2::StringPiece piece((const char *)text.ptr, text.len);
        if (!s->set.Match(piece, &hits, &why)) {
            return why.kind == RE2::Set::kNoError ? 0 : all;
        }
        uint32_t bits = 0;
        for (int i : hits) {
            bits |= 1U << i;
        }
        return bits;
    } catch (...) {
        return all;
    }
}

void sops_regex_set_free(struct sops_regex_set *s) { delete s; }
