#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What this program does for git, and merge, diff, replace, --reuse. tests/acceptance/git judges all of it in full.

bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    "$SOPS" keygen -o other.txt 2>/dev/null
    OTHER=$(grep -o 'age1[a-z0-9]*' other.txt)
    printf 'a: one-old-value\nb: two-old-value\nc: three-old-value\n' >clear.yaml
    "$SOPS" encrypt --age "$ME" clear.yaml >base.yaml
    cp base.yaml ours.yaml
    cp base.yaml theirs.yaml
}

line() { grep "^$1:" "$2"; }

@test "merge: what nobody changed keeps its ciphertext, and a value of each side is that side's" {
    "$SOPS" set ours.yaml '["a"]' '"ours"'
    "$SOPS" set theirs.yaml '["c"]' '"theirs"'
    run -0 --separate-stderr "$SOPS" merge --output m.yaml base.yaml ours.yaml theirs.yaml
    [ "$stderr" = "ours.yaml: merged (1 from ours, 1 from theirs)" ]
    [ "$(line a m.yaml)" = "$(line a ours.yaml)" ]
    [ "$(line b m.yaml)" = "$(line b base.yaml)" ]
    [ "$(line c m.yaml)" = "$(line c theirs.yaml)" ]
    "$SOPS" decrypt m.yaml >/dev/null
}

@test "merge: a conflict holds only ciphertexts of the sides, always the same, and does not open" {
    "$SOPS" set ours.yaml '["a"]' '"ours"'
    "$SOPS" set theirs.yaml '["a"]' '"theirs"'
    run -1 --separate-stderr "$SOPS" merge base.yaml ours.yaml theirs.yaml
    [[ $stderr == *'["a"]  changed on both sides'* ]]
    want=$(printf '%s\n' '<<<<<<< ours' "$(line a ours.yaml)" '=======' "$(line a theirs.yaml)" '>>>>>>> theirs')
    [ "$(sed -n 1,5p <<<"$output")" = "$want" ]
    first=$output
    run -1 --separate-stderr "$SOPS" merge base.yaml ours.yaml theirs.yaml
    [ "$output" = "$first" ]
    sed '/^<<<<<<< /,/^=======/d; /^>>>>>>> /d' <<<"$first" >chosen.yaml
    grep -q '^    unresolved: 1$' chosen.yaml
    run -51 --separate-stderr "$SOPS" decrypt chosen.yaml
    [ "$output" = "" ]
    [[ $stderr == *"git resolve"* ]]
}

@test "merge: a data key that a stranger brings is not taken over" {
    printf 'a: bogus-value\nb: bogus-value-2\nc: bogus-value-3\n' >bogus.yaml
    "$SOPS" encrypt --age "$ME,$OTHER" bogus.yaml >theirs.yaml
    "$SOPS" set ours.yaml '["new"]' '"a-new-secret"'
    "$SOPS" merge --output m.yaml base.yaml ours.yaml theirs.yaml 2>said
    grep -q "recipient added by theirs: age $OTHER" said
    [ "$("$SOPS" decrypt --extract '["a"]' m.yaml)" = bogus-value ]
    [ "$(line a m.yaml)" != "$(line a theirs.yaml)" ] # it is not under their data key
}

@test "merge: who was removed and rotated away on one side gets no key of the other" {
    "$SOPS" encrypt --age "$ME,$OTHER" clear.yaml >base.yaml
    cp base.yaml ours.yaml
    cp base.yaml theirs.yaml
    "$SOPS" rotate -i --rm-age "$OTHER" ours.yaml
    "$SOPS" set ours.yaml '["a"]' '"ours"'
    "$SOPS" set theirs.yaml '["b"]' '"theirs"'
    "$SOPS" merge --output m.yaml base.yaml ours.yaml theirs.yaml
    run ! grep -q "$OTHER" m.yaml
    [ "$(line a m.yaml)" = "$(line a ours.yaml)" ]
    [ "$(line b m.yaml)" != "$(line b theirs.yaml)" ]
}

@test "merge: a key that is with somebody who was removed is not kept, though ours made it" {
    "$SOPS" encrypt --age "$ME,$OTHER" clear.yaml >base.yaml
    cp base.yaml ours.yaml
    cp base.yaml theirs.yaml
    "$SOPS" rotate -i ours.yaml
    "$SOPS" rotate -i --rm-age "$OTHER" theirs.yaml
    "$SOPS" set ours.yaml '["a"]' '"ours"'
    "$SOPS" merge --output m.yaml base.yaml ours.yaml theirs.yaml
    run ! grep -q "$OTHER" m.yaml
    [ "$(line b m.yaml)" = "$(line b theirs.yaml)" ]
    [ "$(line a m.yaml)" != "$(line a ours.yaml)" ]
}

@test "merge: a text that was encrypted is not written in clear because the rule changed" {
    printf 'a: one-old-value\nb: plain enough\n' >clear.yaml
    "$SOPS" encrypt --age "$ME" clear.yaml >base.yaml
    cp base.yaml theirs.yaml
    "$SOPS" encrypt --age "$ME" --encrypted-regex '^a$' clear.yaml >ours.yaml
    "$SOPS" set theirs.yaml '["token"]' '"typed-as-a-secret"'
    run -1 --separate-stderr "$SOPS" merge --output m.yaml base.yaml ours.yaml theirs.yaml
    [[ $stderr == *'not merged: ["token"]'* ]]
    [ ! -e m.yaml ]
}

@test "merge-driver: 0 or 1 whatever happens, clear text of theirs is never copied, ours stays whole" {
    "$SOPS" set ours.yaml '["a"]' '"ours"'
    cp ours.yaml before.yaml
    run -1 "$SOPS" git merge-driver base.yaml ours.yaml clear.yaml 7 f.yaml
    cmp ours.yaml before.yaml
    run -1 "$SOPS" git merge-driver
    run -1 "$SOPS" git merge-driver none none none 7 f.yaml
    "$SOPS" set theirs.yaml '["b"]' '"theirs"'
    run -1 env HOME=/nonexistent "$SOPS" git merge-driver base.yaml ours.yaml theirs.yaml 7 f.yaml
    cp before.yaml ours.yaml
    sed '/^c:/d' theirs.yaml >cut.yaml # and so with a wrong MAC
    run -1 "$SOPS" git merge-driver base.yaml ours.yaml cut.yaml 7 f.yaml
    [[ $output == *theirs* ]]
    cp before.yaml ours.yaml
    run -0 "$SOPS" git merge-driver base.yaml ours.yaml theirs.yaml 7 f.yaml
    [ "$("$SOPS" decrypt --extract '["b"]' ours.yaml)" = theirs ]
}

repository() {
    git init -q -b main repo
    cd repo || return 1
    git config user.name t
    git config user.email t@example.org
    cp ../base.yaml s.enc.yaml
    git add s.enc.yaml
    "$SOPS" git install
    git add .gitattributes
    git commit -qm base
    git checkout -qb topic
    "$SOPS" set s.enc.yaml '["a"]' '"theirs"'
    "$SOPS" set s.enc.yaml '["c"]' '"theirs-too"'
    git commit -qam theirs
    git checkout -q main
    "$SOPS" set s.enc.yaml '["a"]' '"ours"'
    git commit -qam ours
    run ! git merge -q topic
}

@test "git resolve: the index counts, the work tree only answers, and ours untouched is no answer" {
    repository
    git checkout -q --ours s.enc.yaml
    run -1 "$SOPS" git resolve s.enc.yaml
    [[ $output == *--ours* ]]
    "$SOPS" git resolve --theirs --add s.enc.yaml
    [ "$("$SOPS" decrypt --extract '["a"]' s.enc.yaml)" = theirs ]
    [ "$(git status --porcelain s.enc.yaml)" = "M  s.enc.yaml" ]
    run ! grep -q unresolved s.enc.yaml
}

@test "git resolve: a value of neither side is refused" {
    repository
    sed '/^<<<<<<< /,/^=======/d; /^>>>>>>> /d' s.enc.yaml >t.yaml
    sed "s|^a: .*|$(line a ../base.yaml)|" t.yaml >s.enc.yaml
    cp s.enc.yaml before
    run -1 "$SOPS" git resolve s.enc.yaml
    [[ $output == *'["a"] is neither ours nor theirs'* ]]
    cmp s.enc.yaml before
    cp t.yaml s.enc.yaml
    "$SOPS" git resolve s.enc.yaml
    [ "$("$SOPS" decrypt --extract '["a"]' s.enc.yaml)" = theirs ]
    [ "$("$SOPS" decrypt --extract '["c"]' s.enc.yaml)" = theirs-too ]
}

@test "a file with the markers of a conflict: each command says how to go on" {
    repository
    for command in "diff s.enc.yaml" "merge /dev/null s.enc.yaml s.enc.yaml" "decrypt s.enc.yaml" "doctor s.enc.yaml" "check s.enc.yaml"; do
        run "$SOPS" $command
        [ "$status" -ne 0 ]
        [[ $output == *"sops edit s.enc.yaml"*"sops git resolve s.enc.yaml"* ]]
    done
}

@test "edit of a conflict: both sides in clear text; markers left come back" {
    repository
    cat >ed <<'END'
#!/bin/sh
cp "$1" ../seen
sed -i '/^<<<<<<< /,/^=======/d; /^>>>>>>> /d' "$1"
END
    chmod +x ed
    SOPS_EDITOR=$PWD/ed "$SOPS" edit s.enc.yaml
    grep -q '^a: ours$' ../seen
    grep -q '^a: theirs$' ../seen
    run ! grep -q 'ENC\[' ../seen
    [ "$("$SOPS" decrypt --extract '["a"]' s.enc.yaml)" = theirs ]
}

@test "replace and --reuse: one change, one ciphertext; no change, no byte" {
    sed 's/two-old/two-new/' clear.yaml | "$SOPS" replace ours.yaml
    [ "$(line a ours.yaml)" = "$(line a base.yaml)" ]
    [ "$(line b ours.yaml)" != "$(line b base.yaml)" ]
    cp ours.yaml before.yaml
    sed 's/two-old/two-new/' clear.yaml | "$SOPS" replace ours.yaml 2>said
    grep -q unchanged said
    cmp ours.yaml before.yaml
    run -0 --separate-stderr "$SOPS" encrypt --age "$ME" --reuse base.yaml --filename-override base.yaml <clear.yaml
    [ "$output" = "$(cat base.yaml)" ]
    run -0 --separate-stderr "$SOPS" encrypt --age "$OTHER" --reuse base.yaml --filename-override base.yaml <clear.yaml
    [[ $stderr == *"encrypted anew"* ]]
    run ! grep -qF "$(line a base.yaml)" <<<"$output"
}

@test "replace of a file that somebody else changes meanwhile: 204, and what to do" {
    # more than a pipe holds: when it is through, the file has been read
    later() {
        printf '# %0200000d\n' 0
        "$SOPS" set ours.yaml '["a"]' '"changed"'
        cat clear.yaml
    }
    run -204 --separate-stderr "$SOPS" replace ours.yaml < <(later)
    [[ $stderr == *"nothing is overwritten"*"make the text anew from what \`sops decrypt ours.yaml\` gives now"* ]]
    [ "$("$SOPS" decrypt --extract '["a"]' ours.yaml)" = changed ]
}

@test "diff: paths without values, values when asked, nothing for a rotated file" {
    "$SOPS" set ours.yaml '["a"]' '"new"'
    run -1 "$SOPS" diff base.yaml ours.yaml
    [ "$output" = '~ ["a"] (str)' ]
    run -1 "$SOPS" diff --show base.yaml ours.yaml
    [ "$output" = '~ ["a"] "one-old-value" -> "new"' ]
    "$SOPS" rotate -i theirs.yaml
    run -0 "$SOPS" diff base.yaml theirs.yaml
    [ "$output" = "" ]
    run -128 env HOME=/nonexistent "$SOPS" diff base.yaml ours.yaml
}

@test "git textconv: clear text with a key, structure without one, never a word on stderr" {
    run -0 --separate-stderr "$SOPS" git textconv base.yaml
    [ "$stderr" = "" ]
    [[ $output == "$(cat clear.yaml)"*"# sops age $ME"* ]]
    run -0 --separate-stderr env HOME=/nonexistent "$SOPS" git textconv base.yaml
    [ "$stderr" = "" ]
    [[ $output == "a: encrypted str 13 bytes "*"# sops not opened: no key" ]]
    sed -i '/^b:/d' ours.yaml
    run -0 --separate-stderr "$SOPS" git textconv ours.yaml
    [[ $output != *old-value* && $output == *"# sops not opened: wrong MAC" ]]
}

@test "git install and textconv know TOML; a name with a line break is warned of; what is odd in a text is no matter" {
    git init -q -b main repo
    cd repo
    printf 'creation_rules: [{age: %s}]\nstores: {toml: {enabled: true}}\n' "$ME" >.sops.yaml
    printf 'a = "one-old-value"\n' >s.enc.toml
    printf 'a_unencrypted: 0640\nb: one-old-value\n' >s.enc.yaml
    "$SOPS" encrypt -i s.enc.toml
    "$SOPS" encrypt --preserve-style -i s.enc.yaml
    cp s.enc.yaml $'a\nb.yaml'
    git add -A
    run -0 --separate-stderr "$SOPS" git install
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "warning: 'a b.yaml' gets no line in .gitattributes: "*" with ? for each "* ]]
    grep -qx '\*\.enc\.toml merge=sops diff=sops' .gitattributes
    grep -qx '\*\.enc\.yaml merge=sops diff=sops' .gitattributes
    run -0 "$SOPS" git textconv s.enc.toml
    [[ $output == 'a = "one-old-value"'* ]]
    run -0 env HOME=/nonexistent "$SOPS" git textconv s.enc.toml
    [[ $output == 'a = "encrypted str 13 bytes '*"# sops not opened: no key" ]]
}

@test "dotenv with quotes: replace, --reuse, diff, the filter and an edited conflict read them as encrypt does" {
    git init -q -b main repo
    cd repo
    git config user.name t
    git config user.email t@example.org
    printf 'creation_rules: [{age: %s}]\nstores: {dotenv: {quote: true}}\n' "$ME" >.sops.yaml
    printf 'A="one two"\nB='"'\$x\nline'"'\nC_unencrypted="seen by all"\n' >clear.env
    "$SOPS" encrypt clear.env >s.env
    cp s.env before
    "$SOPS" replace s.env <clear.env
    cmp s.env before
    "$SOPS" encrypt --reuse s.env --filename-override s.env clear.env | cmp - before
    run -0 "$SOPS" diff clear.env s.env
    sed 's/two/three/' clear.env | "$SOPS" replace s.env
    "$SOPS" decrypt s.env | diff - <(sed 's/two/three/' clear.env)
    # a conflict, and ours of it
    git add s.env
    "$SOPS" git install
    git add .gitattributes
    git commit -qm base
    git checkout -qb topic
    "$SOPS" set s.env '["A"]' '"four"'
    git commit -qam theirs
    git checkout -q main
    "$SOPS" set s.env '["A"]' '"$five"'
    git commit -qam ours
    run -1 git merge topic
    run -0 env EDITOR="sed -i -e '/^=====/,/^>>>>>/d' -e '/^<<<<</d'" "$SOPS" edit s.env
    "$SOPS" decrypt s.env | diff - <(sed "s/^A=.*/A='\$five'/" clear.env)
    git commit -qam merged
    # the filter
    mv clear.env ../clear.env
    "$SOPS" git install --filter --attributes s.env 2>/dev/null
    cp ../clear.env s.env
    git add s.env
    git commit -qm one
    rm s.env
    git checkout -q -- s.env
    cmp s.env ../clear.env
    touch s.env
    [ "$(git status --porcelain s.env)" = "" ]
}

@test "a merge by git keeps a text that is kept as it is written: layout, quotes, comments behind values" {
    git init -q -b main repo
    cd repo
    git config user.name t
    git config user.email t@example.org
    printf 'creation_rules: [{age: %s}]\nstores: {yaml: {preserve_style: true}, dotenv: {quote: true, preserve_style: true}}\n' "$ME" >.sops.yaml
    printf '# head\ndb:\n    user:   "alice"   # who\n\n    port: 0640\n    password: "x"\nlist: [1,  2]\n' >../clear.yaml
    printf 'A="one two"  # c1\nexport B=2\nC='"'x'"' # c2\n\nD=4\n' >../clear.env
    for f in yaml env; do "$SOPS" encrypt --filename-override "s.$f" "../clear.$f" >"s.$f"; done
    git add -A
    "$SOPS" git install
    git add -A
    git commit -qm base
    git checkout -qb topic
    sed 's/"x"/"y"/; s/head/head of it/' ../clear.yaml | "$SOPS" replace s.yaml
    sed 's/B=2/B=3 # new/' ../clear.env | "$SOPS" replace s.env
    git commit -qam theirs
    git checkout -q main
    sed 's/alice/bob/' ../clear.yaml | "$SOPS" replace s.yaml
    sed 's/two/three/; s/c2/c2, too/' ../clear.env | "$SOPS" replace s.env
    git commit -qam ours
    git merge -q topic
    "$SOPS" decrypt s.yaml | diff - <(sed 's/"x"/"y"/; s/head/head of it/; s/alice/bob/' ../clear.yaml)
    "$SOPS" decrypt s.env | diff - <(sed 's/B=2/B=3 # new/; s/two/three/; s/c2/c2, too/' ../clear.env)
    # nothing but what changed has a new ciphertext
    [ "$(git diff --no-textconv HEAD^1 -- s.yaml | grep -c '^+ *[^ +]*.*ENC')" -eq 3 ]
    # only a comment behind a value changed on the other side
    git checkout -q topic
    git reset -q --hard main
    "$SOPS" decrypt s.env | sed 's/c1/c1 of theirs/' | "$SOPS" replace s.env
    git commit -qam comment
    git checkout -q main
    "$SOPS" set s.env '["D"]' '"5"'
    git commit -qam D
    git merge -q topic
    "$SOPS" decrypt s.env | diff - <(sed 's/B=2/B=3 # new/; s/two/three/; s/c2/c2, too/; s/c1/c1 of theirs/; s/D=4/D="5"/' ../clear.env)
    # one line that both changed: the values merge, and it is said that the layout does not
    git checkout -q topic
    "$SOPS" decrypt s.env | sed 's/c1 of theirs/c1 of both/' | "$SOPS" replace s.env
    git commit -qam again
    git checkout -q main
    "$SOPS" decrypt s.env | sed 's/one three/one four/' | "$SOPS" replace s.env
    git commit -qam A
    run -0 git merge topic
    [[ "$output" = *"the style cannot be kept"* ]]
    [ "$("$SOPS" decrypt --extract '["A"]' s.env)" = "one four" ]
    # a base that somebody changed by hand is compared with, but its text is not believed
    git show main~1:s.env | sed 's/^# *ENC/#ENC/; s/^D=.*/D_unencrypted=changed/' >base.env
    git show main~1:s.env >theirs.env
    "$SOPS" set theirs.env '["C"]' '"z"'
    "$SOPS" set s.env '["E"]' '"new"'
    run -0 "$SOPS" merge base.env s.env theirs.env
    [[ "$output" = *"the style cannot be kept"* ]]
}

@test "the filter in a repository without encrypted files: a warning that git add still takes clear text" {
    git init -q -b main repo
    cd repo
    run -0 --separate-stderr "$SOPS" git install --filter
    [[ $stderr == *"git add takes files in clear text: sops git install --filter --attributes GLOB"* ]]
    [ ! -e .gitattributes ]
    run -1 "$SOPS" git install --check
    [[ $output == *"filter.sops.process is set in this clone, and .gitattributes has no line with filter=sops"* ]]
    printf '# filter=sops\n*.enc.yaml text filter=sops\n' >.gitattributes
    run -0 "$SOPS" git install --check
    printf '# filter=sops\n' >.gitattributes
    run -1 "$SOPS" git install --check
    rm .gitattributes
    run -0 --separate-stderr "$SOPS" git install
    [[ $stderr != *"in clear text"* ]]
    run -0 --separate-stderr "$SOPS" git install --filter --attributes '*.enc.yaml'
    [[ $stderr != *"git add takes"* ]]
}

@test "the filter: ciphertext in git, quiet status, nothing in clear that cannot be encrypted" {
    git init -q -b main repo
    cd repo
    git config user.name t
    git config user.email t@example.org
    printf 'creation_rules:\n  - path_regex: enc\n    age: %s\n' "$ME" >.sops.yaml
    "$SOPS" git install --filter --attributes '*.enc.yaml' 2>/dev/null
    cp ../clear.yaml s.enc.yaml
    git add -A
    git commit -qm one
    git cat-file blob HEAD:s.enc.yaml >blob
    run ! grep -q old-value blob
    touch s.enc.yaml
    [ "$(git status --porcelain s.enc.yaml)" = "" ]
    printf 'a: [unfinished old-value\n' >n.enc.yaml
    run ! git add n.enc.yaml
    rm s.enc.yaml
    git checkout -q -- s.enc.yaml
    cmp s.enc.yaml ../clear.yaml
}
