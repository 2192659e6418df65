#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# -r of encrypt, decrypt, rotate and updatekeys, and the changes of others. The whole chapter is judged by
# tests/acceptance/many; here stands what must not go wrong.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    OTHER=$("$SOPS" keygen --output other.txt 2>&1 | grep -o 'age1[a-z0-9]*')
    mkdir s
    printf 'user: canary-1\n' >p.yaml
    local n
    for n in a b c; do "$SOPS" encrypt --age "$ME,$OTHER" p.yaml >s/$n.yaml; done
    printf 'creation_rules:\n    - path_regex: ^s/\n      age: %s\n' "$ME" >.sops.yaml
}

damage() { sed -i 's/    mac: ENC\[AES256_GCM,data:./&A/' "$1"; }
values() { cat s/*.yaml | grep -c 'user: ENC'; }

@test "all or nothing: one wrong file, and none is changed" {
    damage s/b.yaml
    cp -r s before
    check 1 "$SOPS" rotate -r -i --all-or-nothing s
    has "$err" '0 changed, 0 unchanged, 1 failed, 2 not done'
    diff -r s before
    check 1 "$SOPS" rotate -r -i s
    has "$err" '2 changed, 0 unchanged, 1 failed'
    cmp s/b.yaml before/b.yaml
    run ! cmp s/a.yaml before/a.yaml
}

@test "who goes cannot open what --rotate has made new, and without it a warning says so" {
    cp -r s before
    check 0 "$SOPS" updatekeys -r -y s
    has "$err" "$OTHER (--rotate makes it new)"
    same "$(grep -h 'user: ENC' s/*.yaml)" "$(grep -h 'user: ENC' before/*.yaml)"
    cp before/* s/
    check 0 "$SOPS" updatekeys -r -y --rotate s
    has "$out" '+++ new data key'
    has "$err" 'change the secrets themselves'
    run ! grep -qF "$(grep -h 'user: ENC' before/a.yaml)" s/a.yaml
    check 0 "$SOPS" decrypt s/a.yaml
    SOPS_AGE_KEY_FILE=$PWD/other.txt HOME=/nonexistent check 128 "$SOPS" decrypt s/a.yaml
}

@test "one question for all; n changes nothing" {
    cp -r s before
    check 0 "$SOPS" updatekeys -r s <<<n
    same "$(grep -c 'Is this okay' <<<"$out")" 1
    has "$out" 'the groups of 3 files:'
    diff -r s before
}

@test "an equal error once" {
    SOPS_AGE_KEY_FILE=/dev/null HOME=/nonexistent check 1 "$SOPS" decrypt -r -i s
    same "$(grep -c 'Failed to get the data key' <<<"$err")" 1
    has "$err" 'The same for 2 more:
  s/b.yaml
  s/c.yaml'
}

@test "somebody else's change stays: set begins anew, edit keeps its text beside the file" {
    for i in 1 2 3 4 5 6 7 8; do "$SOPS" set s/a.yaml "[\"k$i\"]" "$i" & done
    wait
    check 0 "$SOPS" decrypt s/a.yaml
    same "$(grep -c '^k' <<<"$out")" 8
    printf '#!/bin/sh\necho "mine: 1" >>"$1"\nEDITOR= "$SOPS" set s/b.yaml \x27["theirs"]\x27 1\n' >ed
    chmod +x ed
    EDITOR=$PWD/ed check 204 "$SOPS" edit s/b.yaml
    has "$err" "s/b.edited.yaml"
    has "$("$SOPS" decrypt s/b.yaml)" 'theirs: 1'
    has "$("$SOPS" decrypt s/b.edited.yaml)" 'mine: 1'
}

@test "a dry run says what would be done, and does nothing" {
    cp -r s before
    check 1 "$SOPS" rotate -r --dry-run s
    same "$out" "$(printf 'would rotate s/a.yaml\nwould rotate s/b.yaml\nwould rotate s/c.yaml')"
    check 1 "$SOPS" rotate -r -i s --dry-run
    diff -r s before
}

@test "results in a folder: clear text for nobody else, links are not followed" {
    check 0 "$SOPS" decrypt -r --output-dir out s
    same "$(stat -c %a out out/a.yaml | tr '\n' ' ')" '700 600 '
    same "$(cat out/a.yaml)" 'user: canary-1'
    rm out/a.yaml
    ln -s ../p.yaml out/a.yaml
    printf 'mine: 1\n' >p.yaml
    check 1 "$SOPS" decrypt -r --output-dir out s
    same "$(cat p.yaml)" 'mine: 1'
}

@test "encrypt takes what must be encrypted, and says what is already" {
    printf 'user: canary-2\n' >s/new.yaml
    printf 'user: x\n' >plain.yaml
    check 0 "$SOPS" encrypt -r -i .
    has "$err" 's/new.yaml: encrypted
1 changed, 3 unchanged, 0 failed'
    same "$(values)" 4
    same "$(cat plain.yaml)" 'user: x'
}

@test "what a killed run left: passed over, and the warning says what to do" {
    cp s/a.yaml s/.sops-123456789012345678901234
    check 0 "$SOPS" rotate -r -i s
    has "$err" "'s/.sops-123456789012345678901234' was left by a run that was killed"
    has "$err" 'compare it with its neighbours, and remove it'
    has "$err" '3 changed, 0 unchanged, 0 failed'
}
