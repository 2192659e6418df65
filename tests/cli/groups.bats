#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    OTHER=$("$SOPS" keygen --output other.txt 2>&1 | grep -o 'age1[a-z0-9]*')
    cat "$HOME/.config/sops/age/keys.txt" other.txt >both.txt
    printf 'user: ann\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
}

@test "add splits the key, delete puts it together" {
    cp e.yaml before.yaml
    check 0 "$SOPS" groups add --file e.yaml --age "$OTHER"
    cmp e.yaml before.yaml
    has "$out" 'shamir_threshold: 2'
    check 0 "$SOPS" groups add -i -f e.yaml --age "$OTHER"
    grep -qF "$(grep 'user: ENC' before.yaml)" e.yaml
    grep -qF "$(grep 'mac: ENC' before.yaml)" e.yaml
    check 128 "$SOPS" decrypt e.yaml
    export SOPS_AGE_KEY_FILE=$PWD/both.txt
    check 0 "$SOPS" decrypt e.yaml
    check 1 "$SOPS" groups delete -i -f e.yaml 1
    has "$err" 'threshold is 2'
    check 0 "$SOPS" groups delete -i -f e.yaml --shamir-secret-sharing-threshold 1 1
    unset SOPS_AGE_KEY_FILE
    same "$("$SOPS" decrypt e.yaml)" 'user: ann'
}

@test "refused, and the file stays" {
    "$SOPS" groups add -i -f e.yaml --age "$OTHER"
    cp e.yaml before.yaml
    check 1 "$SOPS" groups add -i -f e.yaml --age "$OTHER"
    has "$err" "$OTHER"
    export SOPS_AGE_KEY_FILE=$PWD/both.txt
    check 1 "$SOPS" groups add -i -f e.yaml
    check 1 "$SOPS" groups add -i -f e.yaml --age nonsense
    check 1 "$SOPS" groups add -i -f e.yaml --hckms wrong
    check 1 "$SOPS" groups add -i -f e.yaml --age "$ME" --shamir-secret-sharing-threshold 1
    has "$err" 'a threshold from 2 to 3'
    check 1 "$SOPS" groups add -i -f e.yaml --age "$ME" word
    check 2 "$SOPS" groups add -i --age "$ME"
    check 2 "$SOPS" groups add -i -f none.yaml --age "$ME"
    check 1 "$SOPS" groups add -i -f p.yaml --age "$ME"
    check 1 "$SOPS" groups delete -i -f e.yaml
    check 1 "$SOPS" groups delete -i -f e.yaml x
    check 1 "$SOPS" groups delete -i -f e.yaml 2
    has "$err" 'no group 2'
    check 1 "$SOPS" groups delete -i -f e.yaml -- -1
    cmp e.yaml before.yaml
    printf 'user: ann\n' | "$SOPS" encrypt --age "$ME" --filename-override x.yaml >one.yaml
    check 1 "$SOPS" groups delete -i -f one.yaml 0
    check 0 "$SOPS" decrypt one.yaml
}

@test "--input-type: a file whose name says nothing" {
    cp e.yaml noname
    check 1 "$SOPS" groups add -i -f noname --age "$OTHER"
    has "$err" '--input-type says otherwise'
    check 0 "$SOPS" groups add -i -f noname --input-type yaml --age "$OTHER"
    grep -qF 'shamir_threshold: 2' noname
    grep -q '^user: ENC' noname
    export SOPS_AGE_KEY_FILE=$PWD/both.txt
    check 0 "$SOPS" groups delete -i -f noname --input-type yaml --shamir-secret-sharing-threshold 1 1
    unset SOPS_AGE_KEY_FILE
    check 0 "$SOPS" decrypt --input-type yaml --output-type yaml noname
    same "$out" 'user: ann'
}
