#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The form without a command.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '{"a": "b", "n": 1}' >p.json
    "$SOPS" encrypt --age "$ME" p.json >e.json
}

@test "-e and -d" {
    check 0 "$SOPS" -e --age "$ME" p.json
    has "$out" '"a": "ENC['
    check 0 "$SOPS" -d e.json
    has "$out" '"a": "b"'
    check 0 "$SOPS" -d --extract '["a"]' e.json
    same "$out" b
    check 0 "$SOPS" -d -i e.json
    has "$(cat e.json)" '"a": "b"'
}

@test "flags behind the file are ignored with a warning" {
    check 0 "$SOPS" -d e.json --extract '["a"]' -i
    has "$out" '"n": 1'
    has "$err" 'Only the first one will be used'
    has "$err" "'-i'"
    grep -q 'ENC\[' e.json
}

@test "short flags do not join" {
    check 1 "$SOPS" -di e.json
    has "${out%%$'\n'*}" 'Incorrect Usage'
    has "$out" 'flag provided but not defined: -di'
    grep -q 'ENC\[' e.json
}

@test "a file is needed, and it must be there" {
    check 100 "$SOPS"
    same "$err" "$(printf 'no file specified\nhint: sops help')"
    check 100 "$SOPS" -d <e.json
    check 100 "$SOPS" -d none.json
    check 100 "$SOPS" -e --age "$ME" none.json
    check 49 "$SOPS" -r --add-age "$ME" none.json
    check 49 "$SOPS" -d --rm-pgp 0123 none.json
    check 2 "$SOPS" --set '["a"] 1' none.json
    check 8 "$SOPS" -i --output o none.json
}

@test "what is encrypted already needs no creation rule" {
    printf 'creation_rules:\n    - path_regex: nothing\n      age: %s\n' "$ME" >.sops.yaml
    check 0 "$SOPS" -d --extract '["a"]' e.json
    check 0 "$SOPS" -r e.json
    check 0 "$SOPS" --set '["a"] "c"' e.json
    echo '{"a": 1}' >p.json
    check 1 "$SOPS" -e p.json
    has "$err" 'no matching creation rules found'
    check 112 "$SOPS" -d --decryption-order age,age e.json
}

@test "several modes: the last result is written" {
    check 0 "$SOPS" -e -d --extract '["a"]' e.json
    same "$out" b
    has "$err" warning
    check 203 "$SOPS" -e --age "$ME" e.json
}

@test "a misspelt command is a file, but a word on stderr says what may have been meant" {
    check 1 "$SOPS" encyrpt p.json
    has "$err" 'sops encrypt'
    [ ! -e encyrpt ]
}
