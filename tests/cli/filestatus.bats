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
    check 0 "$SOPS" filestatus --input-type json e.json
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
    printf 'a: b\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >sealed # its format is not told by the name
    for file in missing.json . empty.json sealed; do
        [ "$file" = empty.json ] && : >empty.json
        check 1 "$SOPS" filestatus "$file"
        same "$out" ""
        has "$err" "'$file'"
    done
    check 100 "$SOPS" filestatus
}

@test "a plain file of no known format is not encrypted" {
    echo words >notes.txt
    : >empty
    head -c 100000 /dev/urandom >noise.bin
    for file in notes.txt empty noise.bin; do
        check 0 "$SOPS" filestatus "$file"
        same "$out$err" '{"encrypted":false}'
    done
    "$SOPS" encrypt --age "$ME" notes.txt >notes.bin
    check 0 "$SOPS" filestatus notes.bin
    same "$out" '{"encrypted":true}'
    cp e.json e
    sed 's/{/[/' e.json >broken
    check 1 "$SOPS" filestatus broken
    same "$out" ""
    printf 'a: b\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >sealed
    check 1 "$SOPS" filestatus sealed
    has "$err" '--input-type says otherwise'
}

@test "several files: a line each, all of them" {
    cp e.json 'a"b.json'
    check 0 "$SOPS" filestatus e.json p.json 'a"b.json'
    same "$out" '{"file":"e.json","encrypted":true}
{"file":"p.json","encrypted":false}
{"file":"a\"b.json","encrypted":true}'
    same "$err" ""
    check 1 "$SOPS" filestatus missing.json e.json
    same "$out" '{"file":"e.json","encrypted":true}'
    has "$err" "'missing.json'"
    has "$err" '1 of 2 files'
}
