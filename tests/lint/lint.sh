#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046,SC2086 # names of files in this project hold no blanks
# Rules of the house that a compiler does not check (docs/STYLE.md). Prints each violation as FILE:LINE; status 1 when any. The
# last line is "lint: N rules, N broken".
set -u
cd "$(dirname "$0")/../.." || exit 2
found=$(mktemp)
trap 'rm -f "$found"' EXIT
report() { # TITLE, lines on stdin; runs in a subshell, so what was found goes to a file
    local lines
    lines=$(cat)
    [ -z "$lines" ] && echo kept >>"$found" && return
    printf '%s:\n%s\n' "$1" "$lines"
    echo broken >>"$found"
}
program() { # what is not there is told, as "skip" at the start of a line
    command -v "$1" >/dev/null || { echo "skip $1: it is not installed"; false; }
}
sources() { git ls-files -- "$@" | grep -E '\.(c|h|cc)$'; }
ours=$(sources src formats keysources destinations stores)
# Comments and strings do not count for banned words.
code() { sed -e 's://.*$::' -e 's:/\*[^*]*\*/::g' -e 's:^ \*.*$::' -e 's:^/\*.*$::' -e 's:"[^"]*"::g' "$1"; }
banned() { # PATTERN EXCEPT-REGEX
    local f
    for f in $ours; do
        [[ $f =~ $2 ]] || code "$f" | grep -nE "$1" | sed "s|^|$f:|"
    done
}

# Layers: what each folder may include (docs/ARCHITECTURE.md, "layers").
layer() { # FOLDER ALLOWED-REGEX
    grep -nE '^#include "' $(sources "$1") | grep -vE "#include \"($2)" | sed "s|^|$1: |"
}
layer src/base 'base/' | report 'src/base may include base only'
layer src/core '(base|core)/|(formats|keysources|destinations|stores)/list\.h' | report 'src/core may include base, core and the lists'
layer src/seal '(base|core|seal)/' | report 'src/seal may include base, core and seal'
layer src/check '(base|core|check)/' | report 'src/check may include base, core and check'
layer src/manifest '(base|core|manifest)/' | report 'src/manifest may include base, core and manifest'
layer src/cloud 'base/|cloud/|core/world\.h' | report 'src/cloud may include base, cloud and core/world.h'
layer src/services '(base|core|services)/' | report 'src/services may include base, core, services'
layer formats 'base/|formats/|core/(tree|format|written)\.h' | report 'formats may include base and core/{tree,format,written}.h'
layer keysources 'base/|cloud/|keysources/|core/(world|keysource|entry|conf|tree)\.h' | report 'keysources may not see formats or the rest of core'
layer src/sync '(base|core|sync)/' | report 'src/sync may include base, core and sync'
layer stores 'base/|cloud/|stores/|core/(world|store|conf|tree)\.h' | report 'stores may include base, cloud and core/{world,store,conf,tree}.h'
layer destinations 'base/|cloud/|destinations/|core/(world|destination|tree|tree_json)\.h' | report 'destinations may not see the rest of core'

banned '\b(malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf|getline|alloca)\(' '^src/base/mem\.c$' |
    report 'allocation outside src/base/mem.c'
banned '\b(getenv|secure_getenv)\(' '^src/cli/world_real\.c$|^src/base/file\.c$' | report 'getenv outside the real world'
banned '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|mktemp|tmpnam|system|popen)\(' '^$' | report 'banned calls'
banned '\b(printf|fprintf|puts|fputs|perror|putchar)\(' '^src/cli/' | report 'printing outside src/cli'
banned '(->(emit|emit_value)|\bsops_doc_(open|verify|trust))\(' '^src/core/(format|crypt|envelope|preserve_check)\.[ch]$' |
    report 'clear values, or a way out for them, without asking the envelope'
banned '\bassert\(0\)' '^$' | report 'assert(0) is no error handling'
git grep -nE '^(<<<<<<< |>>>>>>> )' -- ':!testdata' | report 'a merge that is not finished'
grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $ours $(sources tests) | report 'left-over marks'
for f in $(git ls-files -- '*.c' '*.h' '*.cc' '*.sh' 'scripts/*' '*.bats' CMakeLists.txt | grep -v '^testdata/'); do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"
done | report 'no SPDX line'
for f in $ours $(sources tests); do
    n=$(wc -l <"$f")
    [ "$n" -le 900 ] || echo "$f: $n lines"
done | report 'files over 900 lines'
for f in $ours; do
    awk -v f="$f" '/^\{/ {start = before ~ /^(class|struct|namespace)/ ? 0 : NR} {before = $0}
        /^\}/ {if (start && NR - start > 61) print f ":" start ": a function of " NR - start " lines"; start = 0}' "$f"
done | report 'functions over 60 lines'
if program clang-format; then
    clang-format --dry-run $(echo "$ours" | grep -v 'list\.h$') 2>&1 | grep -E 'warning:' | cut -d: -f1 | sort | uniq -c | report 'not formatted (clang-format -i)'
fi
for h in $(git ls-files -- '*.h' | grep -E '^(src|keysources|formats|stores)/' | grep -v 'list\.h$'); do
    printf '#include "%s"\n' "${h#src/}" |
        gcc -std=c11 -D_GNU_SOURCE -Isrc -I. -fsyntax-only -x c - 2>/dev/null || echo "$h"
done | report 'headers that do not compile alone'
grep -nE '\b[Ss]pec [0-9]{2}\b' $ours $(sources tests) | report 'rules are cited by heading: a page of docs/spec and its #heading'
tests/lint/citations | report 'cited headings that do not exist'
tests/mutants --stale | report 'stale mutants (tests/mutants: the line that it changes is another now)'
release=$(sed -n 's/^#define SOPS_VERSION "\(.*\)".*/\1/p' src/core/meta.h)
git grep -lF "${release:?}" -- testdata/conformance ':!*/expect/stderr' |
    report "recorded cases that name the release (in expect/ write '<release>', in in/ an older version)"
python3 tests/lint/hints.py | report 'hints that name what is not there'
if program shellcheck; then
    shellcheck -S warning $(for f in $(git ls-files scripts tests .ci); do head -n 1 "$f" | grep -qE '^#!.*sh$' && echo "$f"; done) | report 'shellcheck'
fi
# A negated command never ends a test, whatever it gives: bash exempts it from errexit. `run !` does (bats 1.5).
for f in $(git ls-files -- '*.bats' '*.bash'); do
    grep -nE '^ *(.*(;|&&|\|\||\{|then|do) +)?! ' "$f" | grep -vE ':[^#]*\b(if|elif|while|until) +! ' | sed "s|^|$f:|"
done | report 'negated commands (run ! COMMAND)'
for f in $(git ls-files -- '*.bats'); do
    ! grep -qE '\brun +(!|-[0-9])' "$f" || grep -q '^bats_require_minimum_version 1\.5\.0$' "$f" || echo "$f"
done | report 'run ! without bats_require_minimum_version 1.5.0'
if [ -x build/release/sops ]; then
    build/release/sops help --man | diff -q - docs/sops.1 | report 'man page: make it again with: sops help --man > docs/sops.1'
else
    echo 'skip man page: there is no build/release/sops'
fi
broken=$(grep -c broken "$found")
echo "lint: $(wc -l <"$found") rules, $broken broken"
[ "$broken" -eq 0 ]
