#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Text as written, a line for each command that has the flag; tests/acceptance/style has the rest.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '# head\na: "x"   # why\nb: [1.10, '"'y'"']\n\nc: &q z\nd: *q\n' >p.yaml
    "$SOPS" encrypt --preserve-style --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
}

opened() { "$SOPS" decrypt --preserve-style e.yaml; }

# Without ciphertexts, spellings and metadata.
layout() { sed -E '/^sops:/,$d; s/ENC\[[^]]*\](~[A-Za-z0-9+\/=]+)?/E/g' "$1"; }

@test "encrypt and decrypt: there and back" {
    same "$(layout e.yaml)" "$(printf '#E\na: "E"   #E\nb: ['"'E', 'E'"']\n\nc: &q E\nd: !*q E')"
    same "$(opened)" "$(cat p.yaml)"
    "$SOPS" decrypt -i --preserve-style e.yaml
    cmp e.yaml p.yaml
}

@test "set and unset change the lines of what was changed" {
    check 0 "$SOPS" set --preserve-style e.yaml '["a"]' '"new"'
    same "$(opened)" "$(sed 's/"x"/"new"/' p.yaml)"
    same "$(diff before.yaml e.yaml | grep -c '^>.*a: ')" 1
    check 0 "$SOPS" unset --preserve-style e.yaml '["b"]'
    same "$(opened)" "$(sed -e 's/"x"/"new"/' -e '/^b:/d' p.yaml)"
}

@test "a copy that is another value than its anchor stays written out" {
    check 0 "$SOPS" set --preserve-style e.yaml '["c"]' '"other"'
    same "$(opened)" "$(sed -e 's/z$/other/' -e 's/\*q/z/' p.yaml)"
}

@test "edit keeps ciphertexts, and shows the text" {
    printf '#!/bin/sh\ngrep -q "# why" "$1" && sed -i "s/\\"x\\"/\\"w\\"/" "$1"\n' >ed
    chmod +x ed
    EDITOR=$PWD/ed check 0 "$SOPS" edit --preserve-style e.yaml
    same "$(opened)" "$(sed 's/"x"/"w"/' p.yaml)"
    same "$(grep '^b:' e.yaml)" "$(grep '^b:' before.yaml)"
}

@test "rotate, updatekeys, groups: the layout stays" {
    "$SOPS" rotate -i --preserve-style e.yaml
    same "$(layout e.yaml)" "$(layout before.yaml)"
    same "$(opened)" "$(cat p.yaml)"
    "$SOPS" groups add --preserve-style -i -f e.yaml --age "$ME" --shamir-secret-sharing-threshold 2
    same "$(layout e.yaml)" "$(layout before.yaml)"
    printf 'creation_rules:\n  - age: %s\n' "$ME" >.sops.yaml
    "$SOPS" updatekeys -y --preserve-style e.yaml
    same "$(layout e.yaml)" "$(layout before.yaml)"
    same "$(opened)" "$(cat p.yaml)"
}

@test "exec-file gives the text as it was written" {
    same "$("$SOPS" exec-file --preserve-style --no-fifo e.yaml 'cat {}')" "$(cat p.yaml)"
}

@test "TOML: metadata between tables, and comments above a header, stay where they are" {
    printf 'x = 1\n\n[a]\nk = "v"\n\n# about b\n[b]\nl = "w"\n' >p.toml
    "$SOPS" encrypt --preserve-style=strict --input-type toml --output-type toml --age "$ME" p.toml >all.toml
    { sed '/^\[sops/,$d; /^\[a\]/,$d' all.toml; sed -n '/^\[sops/,$p' all.toml; echo; sed -n '/^\[sops/q; /^\[a\]/,$p' all.toml; } >t.toml
    outline() { sed -nE 's/^(#|[a-z_]+ =).*/\1/p; /^(\[.*)?$/p' t.toml; }
    outline >before.txt
    "$SOPS" rotate -i --preserve-style=strict t.toml
    same "$(outline)" "$(cat before.txt)"
    grep -A 1 '^recipient =' before.txt | tail -n 1 | grep -qx ''
    "$SOPS" unset --preserve-style=strict t.toml '["a"]'
    same "$("$SOPS" decrypt --preserve-style=strict t.toml | sed -n '/^#/,/^l/p')" "$(printf '# about b\n[b]\nl = "w"')"
}

@test "what cannot be kept is told, or nothing is written" {
    printf '~\n' >n.yaml
    check 0 "$SOPS" encrypt --preserve-style --age "$ME" n.yaml
    grep -q "the style cannot be kept (line 1: a document that is null)" <<<"$err"
    check 4 "$SOPS" encrypt --preserve-style=strict --age "$ME" n.yaml
    same "$out" ""
    grep -q "hint: --preserve-style=false writes it anew" <<<"$err"
}
