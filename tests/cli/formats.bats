#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which format a file has: --input-type, names in .sops.yaml, and "-" for stdin.
load helpers

setup() {
    setup_identity
    printf 'A=1\nB=two\n' >.env.production
}

@test "a misspelt --input-type is refused with the known words" {
    local word
    for word in env .env envfile yml YAML jsn txt; do
        check 1 "$SOPS" encrypt --age "$ME" --input-type "$word" .env.production
        has "$err" "'$word' in --input-type is none of yaml, json, dotenv, ini, toml, binary"
        same "$out" ""
    done
    check 1 "$SOPS" encrypt --age "$ME" --input-type env .env.production
    has "$err" "hint: did you mean --input-type dotenv?"
    check 1 "$SOPS" encrypt --age "$ME" --input-type yml .env.production
    has "$err" "did you mean --input-type yaml?"
    check 1 "$SOPS" encrypt --age "$ME" --input-type JSON .env.production
    has "$err" "did you mean --input-type json?"
    check 0 "$SOPS" encrypt --age "$ME" --input-type '' .env.production
    check 0 "$SOPS" encrypt --age "$ME" --input-type dotenv --output-type dotenv --output e.env .env.production
    local command
    for command in "decrypt --input-type env e.env" "-d --input-type env e.env" "filestatus --input-type env e.env" \
        "set --input-type env e.env [\"A\"] 1" "rotate --input-type env e.env" "updatekeys --input-type env e.env" \
        "exec-file --input-type env e.env true" "edit --input-type env e.env"; do
        check 1 "$SOPS" $command
        has "$err" "'env' in --input-type is none of"
    done
}

@test "a misspelt --output-type is warned of" {
    check 0 "$SOPS" encrypt --age "$ME" --input-type dotenv --output-type YML --output e.env --filename-override e.env .env.production
    has "$err" "warning: 'YML' in --output-type is ignored, as it is none of yaml, json, dotenv, ini, toml, binary"
}

@test "names in the configuration say which files are dotenv" {
    check 0 "$SOPS" encrypt --age "$ME" .env.production
    has "$out" '"data"'
    printf 'stores:\n  dotenv:\n    names: [".env.*", "*.env.??", .envrc]\ncreation_rules:\n  - age: %s\n' "$ME" >.sops.yaml
    mkdir sub
    cp .env.production sub
    local file
    for file in .env.production sub/.env.production; do
        check 0 "$SOPS" encrypt -i "$file"
        same "$err" ""
        has "$(cat "$file")" "B=ENC["
        check 0 "$SOPS" decrypt "$file"
        same "$out" "A=1
B=two"
        check 0 "$SOPS" exec-env "$file" 'echo $B'
        same "$out" two
    done
    check 0 "$SOPS" set .env.production '["B"]' '"three"'
    check 0 "$SOPS" filestatus .env.production
    has "$out" true
    printf 'A=1\n' >x.env.de
    printf 'A=1\n' >x.env.deu
    printf 'A=1\n' >.envrc
    check 0 "$SOPS" encrypt x.env.de
    has "$out" "A=ENC["
    check 0 "$SOPS" encrypt .envrc
    has "$out" "A=ENC["
    check 0 "$SOPS" encrypt x.env.deu
    has "$out" '"data"'
    check 0 "$SOPS" encrypt --filename-override .env.other <x.env.de
    has "$out" "A=ENC["
    check 0 "$SOPS" updatekeys -y --recursive .
    has "$err" "0 changed, 2 unchanged, 0 failed"
}

@test "names of a wrong type are refused, and the first store that fits counts" {
    printf 'stores: {dotenv: {names: .env}}\n' >.sops.yaml
    check 1 "$SOPS" encrypt --age "$ME" .env.production
    has "$err" "'names' must be a list"
    printf 'stores: {dotenv: {names: [{a: 1}]}}\n' >.sops.yaml
    check 1 "$SOPS" encrypt --age "$ME" .env.production
    has "$err" "'names' must be a list of texts"
    printf 'stores: {yaml: {names: ["*.tpl"]}, dotenv: {names: ["*"]}, json_binary: {names: ["*.yaml"]}}\n' >.sops.yaml
    printf 'a: 1\n' >x.tpl
    check 0 "$SOPS" encrypt --age "$ME" x.tpl
    has "$out" "a: ENC["
    # the time is the product of the lengths, however many stars there are
    printf 'stores: {dotenv: {names: ["%s"]}}\n' "$(printf '*a%.0s' $(seq 60))" >.sops.yaml
    check 0 timeout 5 "$SOPS" encrypt --age "$ME" --filename-override "$(printf 'a%.0s' $(seq 200))b" <x.tpl
}

@test "- is stdin for encrypt, decrypt and filestatus" {
    check 0 "$SOPS" encrypt --age "$ME" --filename-override x.env - <.env.production
    has "$out" "B=ENC["
    cp "$work/out" e.env
    check 0 "$SOPS" decrypt --input-type dotenv --output-type dotenv - <e.env
    same "$out" "A=1
B=two"
    check 0 "$SOPS" filestatus --input-type dotenv - <e.env
    same "$out" '{"encrypted":true}'
    check 0 "$SOPS" filestatus e.env - <.env.production
    has "$out" '{"file":"stdin","encrypted":false}'
    check 8 "$SOPS" encrypt --age "$ME" - <.env.production
    has "$err" "--filename-override"
    check 8 "$SOPS" decrypt -i - <e.env
}

@test "a file called - goes first, with a warning; ./- is always the file" {
    printf 'A=1\n' >./-
    check 0 "$SOPS" encrypt --age "$ME" --input-type dotenv --output-type dotenv - <.env.production
    has "$err" "warning: '-' is taken as the file of that name"
    has "$out" "A=ENC["
    lacks "$out" "B="
    check 0 "$SOPS" encrypt --age "$ME" --input-type dotenv --output-type dotenv ./- <.env.production
    same "$err" ""
    lacks "$out" "B="
    check 0 "$SOPS" filestatus - </dev/null
    has "$err" "'-' is taken as the file"
    rm ./-
    check 100 "$SOPS" decrypt ./- <.env.production
    check 100 "$SOPS" -d - <.env.production
}
