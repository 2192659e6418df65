#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    OTHER=$("$SOPS" keygen --output other.txt 2>&1 | grep -o 'age1[a-z0-9]*')
    printf 'user: ann\nhost_unencrypted: h\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
}

recipients() { grep -o 'recipient: age1[a-z0-9]*' "$1" | sed "s/.* //; s/$ME/me/; s/$OTHER/other/" | tr '\n' ' '; }

@test "a new data key: every value and every wrapped key is new" {
    check 0 "$SOPS" rotate e.yaml
    same "$err" ""
    printf '%s\n' "$out" >new.yaml
    cmp e.yaml before.yaml
    same "$("$SOPS" decrypt new.yaml)" "$(cat p.yaml)"
    run ! grep -qF "$(grep 'user: ENC' e.yaml)" new.yaml
    { grep '^user: ENC' e.yaml; grep -v '^user: ENC' new.yaml; } >mixed.yaml
    check 25 "$SOPS" decrypt --ignore-mac mixed.yaml # what the old data key sealed, the new one does not open
    has "$err" 'encrypted with another data key'
    check 0 "$SOPS" rotate -i e.yaml
    same "$out" ""
    same "$("$SOPS" decrypt e.yaml)" "$(cat p.yaml)"
    check 0 "$SOPS" rotate --output o.yaml e.yaml
    same "$("$SOPS" decrypt o.yaml)" "$(cat p.yaml)"
}

@test "keys come and go" {
    check 0 "$SOPS" rotate -i --add-age "$OTHER" e.yaml
    same "$(recipients e.yaml)" "me other "
    SOPS_AGE_KEY_FILE=$PWD/other.txt HOME=/nonexistent check 0 "$SOPS" decrypt e.yaml
    check 0 "$SOPS" rotate -i --add-age "$OTHER" e.yaml
    same "$(recipients e.yaml)" "me other other "
    check 0 "$SOPS" rotate -i --rm-age "$OTHER" e.yaml
    same "$(recipients e.yaml)" "me "
    SOPS_AGE_KEY_FILE=$PWD/other.txt HOME=/nonexistent check 128 "$SOPS" decrypt e.yaml
    cp e.yaml before.yaml
    check 1 "$SOPS" rotate -i --rm-age "$ME" e.yaml
    has "$err" 'empty key group provided'
    check 1 "$SOPS" rotate -i --rm-age nonsense e.yaml
    check 1 "$SOPS" rotate -i --add-age nonsense e.yaml
    cmp e.yaml before.yaml
}

@test "statuses" {
    check 100 "$SOPS" rotate
    check 2 "$SOPS" rotate none.yaml
    check 49 "$SOPS" rotate --add-age "$OTHER" none.yaml
    check 49 "$SOPS" rotate --rm-age "$OTHER" none.yaml
    check 8 "$SOPS" rotate -i --output o e.yaml
    check 1 "$SOPS" rotate p.yaml
    check 1 "$SOPS" rotate --ignore-mac e.yaml
    sed -i 's/host_unencrypted: h/host_unencrypted: g/' e.yaml
    cp e.yaml before.yaml
    check 51 "$SOPS" rotate -i e.yaml
    cmp e.yaml before.yaml
}
