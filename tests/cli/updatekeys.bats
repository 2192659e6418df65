#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    OTHER=$("$SOPS" keygen --output other.txt 2>&1 | grep -o 'age1[a-z0-9]*')
    printf 'user: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
    printf 'creation_rules:\n    - age: [%s, %s]\n' "$ME" "$OTHER" >.sops.yaml
}

recipients() { grep -oh 'recipient: age1[a-z0-9]*' "$@" | sed "s/.* //; s/$ME/me/; s/$OTHER/other/" | tr '\n' ' '; }

@test "the keys of the rule; values keep their bytes" {
    check 0 "$SOPS" updatekeys -y e.yaml
    same "$out" "$(printf "The following changes will be made to the file's groups:\nGroup 1\n    %s\n+++ %s" "$ME" "$OTHER")"
    same "$(recipients e.yaml)" "me other "
    for part in 'user: ENC' 'mac: ENC' 'lastmodified: '; do
        grep -qF "$(grep "$part" before.yaml)" e.yaml
    done
    SOPS_AGE_KEY_FILE=$PWD/other.txt HOME=/nonexistent check 0 "$SOPS" decrypt e.yaml
    cp e.yaml before.yaml
    check 0 "$SOPS" updatekeys e.yaml </dev/null
    same "$out" ""
    has "$err" 'already up to date'
    cmp e.yaml before.yaml
}

@test "the question" {
    check 0 "$SOPS" updatekeys e.yaml <<<n
    has "$out" 'Is this okay? (y/n):'
    has "$err" 'left unchanged'
    check 1 "$SOPS" updatekeys e.yaml </dev/null
    check 1 "$SOPS" updatekeys e.yaml <<<''
    check 1 "$SOPS" updatekeys e.yaml <<<'y y'
    cmp e.yaml before.yaml
    check 0 "$SOPS" updatekeys e.yaml <<<"$(printf 'Y\nyes\n y ')"
    same "$(recipients e.yaml)" "me other "
}

@test "colours on a terminal only, and not with NO_COLOR" {
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'okay? (y/n):=>n\r' -- "$SOPS" updatekeys e.yaml
    has "$out" $'\e[32m+++ '
    has "$out" $'\e[4mGroup 1'
    NO_COLOR=1 check 0 "$BATS_TEST_DIRNAME/terminal.py" 'okay? (y/n):=>n\r' -- "$SOPS" updatekeys e.yaml
    lacks "$out" $'\e['
    cmp e.yaml before.yaml
}

@test "errors leave the file alone" {
    check 100 "$SOPS" updatekeys
    check 1 "$SOPS" updatekeys -y none.yaml
    check 1 "$SOPS" updatekeys -y p.yaml
    check 1 "$SOPS" updatekeys -y .
    (mkdir "$work/bare" && cp e.yaml "$work/bare" && cd "$work/bare" && check 1 "$SOPS" updatekeys -y e.yaml)
    printf 'creation_rules:\n    - path_regex: nothing\n      age: %s\n' "$ME" >.sops.yaml
    check 1 "$SOPS" updatekeys -y e.yaml
    printf 'creation_rules:\n    - age: %s\n' "$OTHER" >.sops.yaml
    mv "$HOME/.config" "$HOME/away"
    check 128 "$SOPS" updatekeys -y e.yaml
    has "$err" "$ME"
    cmp e.yaml before.yaml
}

@test "several files: it goes on after a failure" {
    cp e.yaml f.yaml
    check 1 "$SOPS" updatekeys -y e.yaml none.yaml f.yaml
    has "$err" none.yaml
    has "$err" 'failed updating 1 key(s)'
    has "$err" '2 updated, 0 up to date, 0 left unchanged, 1 failed'
    same "$(recipients e.yaml f.yaml)" "me other me other "
}

@test "--recursive: encrypted files of a folder, and no others" {
    mkdir -p d/sub d/.git
    printf 'a = 1\n' >p.ini
    cp e.yaml d/one.yaml
    cp e.yaml d/.git/never.yaml
    cp p.yaml d/plain.yaml
    "$SOPS" encrypt --age "$ME" p.yaml --output-type json >d/sub/two.json
    "$SOPS" encrypt --age "$ME" --input-type binary --output-type binary p.yaml >d/sub/three
    printf 'A value looks like ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\n' >d/README.md
    ln -s ../e.yaml d/link.yaml
    check 0 "$SOPS" updatekeys -r -y d
    has "$err" '3 changed, 0 unchanged, 0 failed'
    lacks "$err" README
    cmp e.yaml before.yaml
    cmp d/.git/never.yaml before.yaml
    check 0 "$SOPS" decrypt d/sub/three
    check 0 "$SOPS" updatekeys -r -y d
    has "$err" '0 changed, 3 unchanged'
    sed '/^sops:/,$d' d/one.yaml >d/damaged.yaml
    printf 'sops:\n  mac: [\n' >>d/damaged.yaml
    check 1 "$SOPS" updatekeys -r -y d
    has "$err" 'd/damaged.yaml'
    has "$err" '3 unchanged, 1 failed'
}
