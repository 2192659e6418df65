#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# check, config, recipients, doctor, keys. tests/acceptance/check judges them in full.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@e.example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@e.example
    printf 'creation_rules:\n  - path_regex: ^secrets/\n    age: %s\n' "$ME" >.sops.yaml
    mkdir secrets
    printf 'a: one\nb_unencrypted: two\n' >secrets/a.yaml
}

@test "a plain file that must be encrypted is an error, an encrypted one is none" {
    check 1 "$SOPS" check
    has "$out" "secrets/a.yaml:1: error[not-encrypted] "
    has "$out" "    help: sops encrypt -i secrets/a.yaml"
    has "$out" "checked 2 files, 0 encrypted: 1 error"
    lacks "$out$err" one
    "$SOPS" encrypt -i secrets/a.yaml
    check 0 "$SOPS" check
    same "$out" "checked 2 files, 1 encrypted: nothing found"
}

@test "no key is needed, and none is asked for" {
    "$SOPS" encrypt -i secrets/a.yaml
    rm -r "$HOME/.config"
    export SOPS_AGE_KEY_CMD="touch $work/asked"
    check 0 "$SOPS" check
    [ ! -e "$work/asked" ]
}

@test "the index is judged, not the work tree; and what a hand changed is seen" {
    git init -q .
    git add .
    check 1 "$SOPS" check --staged
    "$SOPS" encrypt -i secrets/a.yaml
    check 1 "$SOPS" check --staged
    git add .
    check 0 "$SOPS" check --staged
    git commit -qm one
    sed -i 's/^b_unencrypted: .*/b_unencrypted: three/' secrets/a.yaml
    check 1 "$SOPS" check
    has "$out" 'error[hand-edited] ["b_unencrypted"]'
    check 0 "$SOPS" check --rev HEAD
}

@test "who reads that the history holds a secret finds it there" {
    git init -q .
    "$SOPS" encrypt -i secrets/a.yaml
    printf 'a: one\n' >secrets/b.yaml
    git add .
    git commit -qm one
    "$SOPS" decrypt -i secrets/a.yaml
    check 1 "$SOPS" check --format json
    same "$(grep -c 'replace the secret' <<<"$out")" 1
    has "$(grep 'secrets/b.yaml' <<<"$out")" 'and replace the secret, which the history holds'
    lacks "$(grep 'secrets/a.yaml' <<<"$out")" history
}

@test "with more threads nothing else is found, and in the same order" {
    for i in {1..40}; do
        printf 'a: one\nb_unencrypted: two%d\n' "$i" >"secrets/$i.yaml"
        [ $((i % 3)) = 0 ] || "$SOPS" encrypt -i "secrets/$i.yaml"
    done
    check 1 "$SOPS" check --jobs 1 .
    alone=$out
    check 1 "$SOPS" check --jobs 64 .
    same "$out" "$alone"
    check 0 "$SOPS" recipients -r --jobs 1 .
    alone=$out
    check 0 "$SOPS" recipients -r --jobs 64 .
    same "$out" "$alone"
    check 2 "$SOPS" check --jobs 65
    check 1 "$SOPS" recipients -r --jobs 0 .
}

@test "what is not read is 2, and the rest is still checked" {
    check 2 "$SOPS" check gone secrets
    has "$err" "gone: not read"
    has "$out" "1 error, 1 not read"
    check 2 "$SOPS" check --format xml
    check 8 "$SOPS" check --staged --tracked
    check 2 "$SOPS" check --nonsense
}

@test "secrets of known forms are found, and not shown" {
    "$SOPS" encrypt -i secrets/a.yaml
    key=AKIA$(printf 'Q3EGTZ4PWM6RKX2J')
    echo "id = $key" >notes.txt
    check 0 "$SOPS" check
    check 1 "$SOPS" check --scan --format json
    has "$out" '"file":"notes.txt","line":1,"id":"secret"'
    lacks "$out" Q3EG
    echo "id = $key # sops:allow" >notes.txt
    check 0 "$SOPS" check --scan
}

@test "what nobody may see of a configuration: one that does not load is a finding" {
    "$SOPS" encrypt -i secrets/a.yaml
    echo 'creation_rules: [' >.sops.yaml
    check 1 "$SOPS" check
    has "$out" ".sops.yaml"
    has "$out" "error[config]"
    printf 'creation_rules:\n  - path_regx: x\n    age: %s\n' "$ME" >.sops.yaml
    check 0 "$SOPS" check
    has "$out" ".sops.yaml:2: warning[unknown-key]"
    check 1 "$SOPS" check --strict
}

@test "git is not started for a file that is in no repository" {
    "$SOPS" encrypt -i secrets/a.yaml
    mkdir "$work/bin" repository
    printf '#!/bin/sh\necho started >>"%s/started"\nexec "%s" "$@"\n' "$work" "$(command -v git)" >"$work/bin/git"
    chmod +x "$work/bin/git"
    git init -q repository
    cd repository
    PATH=$work/bin:$PATH check 0 "$SOPS" check ../secrets/a.yaml
    [ ! -e "$work/started" ]
    cp ../secrets/a.yaml .
    PATH=$work/bin:$PATH check 0 "$SOPS" check a.yaml
    [ -e "$work/started" ]
}

@test "config explain takes keys of variables as encrypt does" {
    rm .sops.yaml
    check 1 "$SOPS" config explain --json secrets/a.yaml
    has "$out" '"outcome":null,"error":"no configuration'
    export SOPS_AGE_RECIPIENTS=$ME
    check 0 "$SOPS" encrypt secrets/a.yaml
    check 0 "$SOPS" config explain --json secrets/a.yaml
    has "$out" '"outcome":{"rule":null,"format":"yaml","indent":4,"groups":[{"keys":[{"type":"age","id":"'"$ME"'"'
    has "$out" '"error":null'
    printf 'creation_rules:\n  - path_regex: ^other\n    age: %s\n' "$ME" >.sops.yaml
    check 0 "$SOPS" encrypt secrets/a.yaml
    check 0 "$SOPS" config explain secrets/a.yaml
    has "$out" "takes no rule: yaml, unencrypted_suffix _unencrypted"
    other=$("$SOPS" keygen -o other.txt 2>&1 | grep -o 'age1[0-9a-z]*')
    printf 'creation_rules:\n  - path_regex: ^secrets\n    encrypted_suffix: x\n    age: %s\n' "$other" >.sops.yaml
    check 0 "$SOPS" config explain secrets/a.yaml
    has "$out" "takes rule 1: yaml, encrypted_suffix x"
    has "$out" "$ME"
    lacks "$out" "$other"
    SOPS_AGE_RECIPIENTS=none check 1 "$SOPS" encrypt secrets/a.yaml
    SOPS_AGE_RECIPIENTS=none check 1 "$SOPS" config explain secrets/a.yaml
    has "$out" "encrypt fails: SOPS_AGE_RECIPIENTS: unknown recipient type"
}

@test "the help of a finding can be typed, whatever the file is called" {
    mv secrets/a.yaml $'secrets/a\nb\t\x01\'$(x)\\ü.yaml'
    check 1 "$SOPS" check
    help=$(sed -n 's/^    help: sops //p' <<<"$out")
    eval "\"\$SOPS\" $help"
    check 0 "$SOPS" check
    same "$out" "checked 2 files, 1 encrypted: nothing found"
}

@test "what a killed run left is told and passed over, and judged where git knows it" {
    "$SOPS" encrypt -i secrets/a.yaml
    left=secrets/.sops-012345678901234567890123
    printf 'a: canary\n' >"$left"
    check 0 "$SOPS" check
    has "$err" "warning: '$left' was left by a run that was killed"
    same "$out" "checked 2 files, 1 encrypted: nothing found"
    check 1 "$SOPS" check "$left"
    git init -q .
    git add .
    check 1 "$SOPS" check --staged
    check 1 "$SOPS" check --tracked
    lacks "$out$err" canary
}
