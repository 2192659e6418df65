#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'user: ann\nlist:\n    - one\n    # about two\n    - two\nin:\n    x: 1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
}

@test "entries and items go, the others keep their ciphertext" {
    check 0 "$SOPS" unset e.yaml '["list"][0]'
    same "$out$err" ""
    check 0 "$SOPS" unset e.yaml '["in"]["x"]'
    same "$("$SOPS" decrypt e.yaml)" "$(printf 'user: ann\nlist:\n    # about two\n    - two\nin: {}')"
    grep -qF "$(grep 'user: ENC' before.yaml)" e.yaml
    check 0 "$SOPS" unset e.yaml '["list"][0]'
    same "$("$SOPS" decrypt --extract '["list"]' e.yaml)" "- two"
}

@test "what is not there" {
    for path in '["none"]' '["in"]["none"]' '["list"][9]' '["none"]["x"]' '[0]' '["in"][0]'; do
        check 1 "$SOPS" unset e.yaml "$path"
        has "$err" "$path"
        check 0 "$SOPS" unset --idempotent e.yaml "$path"
    done
    for path in '["user"]["x"]' '["list"]["x"]' '["list"][-1]'; do
        check 1 "$SOPS" unset e.yaml "$path"
        check 1 "$SOPS" unset --idempotent e.yaml "$path"
    done
    for path in '' 'user' '["user"'; do
        check 7 "$SOPS" unset e.yaml "$path"
    done
    check 100 "$SOPS" unset e.yaml
    check 100 "$SOPS" unset e.yaml '["user"]' 1
    cmp e.yaml before.yaml
}
