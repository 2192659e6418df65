#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '{"a": "b"}' >p.json
    "$SOPS" encrypt --age "$ME" p.json >e.json
}

@test "one line says it, and no key is needed" {
    rm -r "$HOME/.config"
    check 0 "$SOPS" filestatus e.json
    same "$out" '{"encrypted":true}'
    check 0 "$SOPS" filestatus p.json
    same "$out" '{"encrypted":false}'
    check 0 "$SOPS" filestatus --input-type json e.json further words
    same "$out$err" '{"encrypted":true}'
}

@test "metadata without a MAC or a version do not count" {
    sed 's/"mac": ".*"/"mac": ""/' e.json >nomac.json
    check 0 "$SOPS" filestatus nomac.json
    same "$out" '{"encrypted":false}'
    sed 's/"version": ".*"/"version": ""/' e.json >noversion.json
    check 0 "$SOPS" filestatus noversion.json
    same "$out" '{"encrypted":false}'
}

@test "what cannot be read or parsed: 1, and nothing on stdout" {
    for file in missing.json . empty.json text; do
        [ "$file" = empty.json ] && : >empty.json
        [ "$file" = text ] && echo words >text
        check 1 "$SOPS" filestatus "$file"
        same "$out" ""
        has "$err" "'$file'"
    done
    check 100 "$SOPS" filestatus
}
