#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What has no recorded case: identities from pipes, what messages must not show.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    keys=$HOME/.config/sops/age/keys.txt
    echo '{"a": "b"}' >p.json
}

@test "identities from a pipe serve for all entries" {
    others=
    for i in 1 2 3; do
        "$SOPS" keygen -o "other$i" >pub 2>/dev/null
        others+=$(cat pub),
    done
    check 0 "$SOPS" encrypt -i --age "$others$ME" p.json
    mv "$keys" mine
    mkfifo pipe
    cat mine >pipe &
    SOPS_AGE_KEY_FILE=pipe check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
    wait
}

@test "a keys file that is given as a recipient is not shown" {
    check 1 "$SOPS" encrypt --age "$(cat "$keys")" p.json
    lacks "$out$err" SECRET-KEY
    lacks "$out$err" "$ME"
    secret=$(grep SECRET "$keys")
    check 1 "$SOPS" encrypt --age "${secret,,}" p.json
    lacks "$out$err" "${secret,,}"
}

@test "an identity that does not fit is not shown, but where it came from is" {
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    secret=$(grep SECRET "$keys")
    rm "$keys"
    SOPS_AGE_KEY="${secret}X" check 128 "$SOPS" decrypt p.json
    has "$err" SOPS_AGE_KEY
    lacks "$(tr -d '\n |' <<<"$err")" "$secret"
}

@test "a byte order mark in front of an identity is taken, and UTF-16 is named, in the variable, a file and of a command" {
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    secret=$(grep SECRET "$keys")
    printf '\357\273\277%s\r\n' "$secret" >marked
    iconv -f UTF-8 -t UTF-16 "$keys" >wide
    rm "$keys"
    for run in "SOPS_AGE_KEY=$(cat marked)" SOPS_AGE_KEY_FILE=marked "SOPS_AGE_KEY_CMD=cat marked"; do
        check 0 env "$run" "$SOPS" decrypt p.json
    done
    for run in "SOPS_AGE_KEY=$(printf '\377\376A')" SOPS_AGE_KEY_FILE=wide "SOPS_AGE_KEY_CMD=cat wide"; do
        check 128 env "$run" "$SOPS" decrypt p.json
        has "$(tr -d '\n |' <<<"$err")" "${run%%=*}:thisisUTF-16"
    done
}

@test "the data key of a file for a hundred recipients is found by the last" {
    list=
    for i in $(seq 99); do
        "$SOPS" keygen -o "other" >pub 2>/dev/null
        list+=$(cat pub),
        rm -f other
    done
    check 0 "$SOPS" encrypt -i --age "$list$ME" p.json
    check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
}

@test "what stands where an identity belongs is named for what it is, and never shown" {
    printf 'a: 1\n' >p.yaml
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    identity=$(grep AGE-SECRET "$HOME/.config/sops/age/keys.txt")
    rm "$HOME/.config/sops/age/keys.txt"
    named() { # TEXT WORDS
        SOPS_AGE_KEY=$1 check 128 "$SOPS" decrypt e.yaml
        has "$(tr -s ' |\n' ' ' <<<"$err")" "SOPS_AGE_KEY: line 1: $2"
        lacks "$err" AGE-SECRET
    }
    named "$ME" 'this is a public key (a recipient), where the private one is expected'
    named 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5' 'this is a public SSH key'
    named '-----BEGIN OPENSSH PRIVATE KEY-----' 'this is no age identity; the path of an SSH key goes into SOPS_AGE_SSH_PRIVATE_KEY_FILE'
    named "$HOME/keys.txt" 'this is a path, which goes into SOPS_AGE_KEY_FILE'
    named "'$identity'" 'it stands in quotes'
    named "x$identity" 'unknown identity type'
    SOPS_AGE_KEY=$identity check 0 "$SOPS" decrypt e.yaml
}
