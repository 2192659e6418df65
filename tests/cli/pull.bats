#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pull: manifests with the fake store in, Secrets or encrypted files out. What real stores and the operator do is in
# tests/acceptance/stores.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    cat >store.yaml <<'Y'
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: st}
spec: {provider: {fake: {data: [{key: a, value: hunter2}, {key: b, value: other}]}}}
Y
    external es a v >es.yaml
}

external() { # NAME KEY SECRET-KEY
    cat <<Y
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: $1}
spec: {secretStoreRef: {name: st}, data: [{secretKey: $3, remoteRef: {key: $2}}]}
Y
}

rule() {
    printf 'creation_rules:\n  - age: %s\n' "$ME" >.sops.yaml
}

@test "a Secret from a store" {
    run --separate-stderr "$SOPS" pull store.yaml es.yaml
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: es\ntype: Opaque\ndata:\n  v: aHVudGVyMg==')" ]
    [ -z "$stderr" ]
}

@test "from stdin, as a list of JSON" {
    run --separate-stderr bash -c "(cat store.yaml; echo ---; cat es.yaml) | '$SOPS' pull --output-type json"
    [ "$status" -eq 0 ]
    [[ $output == *'"kind": "List"'* && $output == *'"v": "aHVudGVyMg=="'* ]]
}

@test "a stream of many documents: each by itself where one of them is none, and named by its number and line" {
    { cat store.yaml; printf -- '---\n# nothing\n'; for i in 1 2 3; do echo ---; external "e$i" a v; done; } >many.yaml
    run -0 --separate-stderr "$SOPS" pull --only e3 many.yaml
    [[ $output == *"name: e3"*"aHVudGVyMg=="* ]]
    { cat many.yaml; printf -- '---\njust a text\n---\n{"kind": "\\ud83d\\ude00", "apiVersion": "x/v1"}\n---\n'; external e4 b v; } >mixed.yaml
    run -0 --separate-stderr "$SOPS" pull mixed.yaml
    [ "$(grep -c '^kind: Secret' <<<"$output")" -eq 4 ]
    sed '30s/.*/spec: [/' mixed.yaml >bad.yaml
    run -2 --separate-stderr "$SOPS" pull bad.yaml
    [[ $stderr == *"'bad.yaml', document 7: "*"(line 31)"* ]]
    sed 's/secretKey: v, remoteRef: {key: b}/secretkey: v/' mixed.yaml >odd.yaml
    run -2 --separate-stderr "$SOPS" pull odd.yaml
    [[ $stderr == *"'odd.yaml', document 7: "*"secretkey"* ]]
    printf -- '---\nnull\n---\n' >>many.yaml
    external e5 a v | sed 's/secretKey: v/secretkey: v/' >>many.yaml
    run -2 --separate-stderr "$SOPS" pull many.yaml
    [[ $stderr == *"document 6"*"secretkey"* ]]
}

@test "what is missing is named, and nothing is printed" {
    external bad nope v >bad.yaml
    run --separate-stderr "$SOPS" pull store.yaml es.yaml bad.yaml
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ $stderr == *"'bad.yaml', document 1: ExternalSecret bad: data[0]: 'nope'"* ]]
    run ! grep -q hunter2 <<<"$stderr"
}

@test "--keep-going prints what worked" {
    external bad nope v >bad.yaml
    run --separate-stderr "$SOPS" pull --keep-going store.yaml es.yaml bad.yaml
    [ "$status" -eq 2 ]
    [[ $output == *"name: es"* && $stderr == *"ExternalSecret bad"* ]]
}

@test "--output is for its owner only" {
    "$SOPS" pull --output out.yaml store.yaml es.yaml
    [ "$(stat -c %a out.yaml)" = 600 ]
    grep -q 'v: aHVudGVyMg==' out.yaml
}

@test "flags that do not go together" {
    for flags in "--output o --to-sops d" "--output-type json --to-sops d" --plan --string-data "--to-sops d --json" "--output-type xml"; do
        # shellcheck disable=SC2086 # words
        run "$SOPS" pull $flags nowhere.yaml
        [ "$status" -eq 8 ]
    done
}

@test "--to-sops makes a file by the creation rule, and refreshes it leaf by leaf" {
    rule
    external es b w | sed 's/data: \[/data: [{secretKey: v, remoteRef: {key: a}}, /' >es.yaml
    "$SOPS" pull --to-sops 'git/{name}.yaml' store.yaml es.yaml
    [ "$("$SOPS" decrypt --extract '["data"]["v"]' git/es.yaml)" = aHVudGVyMg== ]
    grep -q '^kind: Secret' git/es.yaml
    cp git/es.yaml before.yaml
    "$SOPS" pull --to-sops 'git/{name}.yaml' store.yaml es.yaml
    cmp git/es.yaml before.yaml
    sed -i 's/value: other/value: rotated/' store.yaml
    run "$SOPS" pull --to-sops 'git/{name}.yaml' --plan store.yaml es.yaml
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "~ update   git/es.yaml: w" ]
    cmp git/es.yaml before.yaml
    sleep 1.1
    "$SOPS" pull --to-sops 'git/{name}.yaml' store.yaml es.yaml
    [ "$(diff before.yaml git/es.yaml | grep -c '^>')" -eq 3 ] # w, lastmodified, mac
    [ "$("$SOPS" decrypt --extract '["data"]["w"]' git/es.yaml)" = cm90YXRlZA== ]
}

@test "--to-sops refuses a rule that leaves values clear" {
    printf 'creation_rules:\n  - age: %s\n    encrypted_regex: ^nothing$\n' "$ME" >.sops.yaml
    run "$SOPS" pull --to-sops git store.yaml es.yaml
    [ "$status" -eq 2 ]
    [[ $output == *"would stay clear"* ]]
    [ ! -e git ]
}

@test "an encrypted Secret in the input is opened, and a damaged one ends the run" {
    rule
    "$SOPS" encrypt --filename-override creds.yaml --input-type yaml --output-type yaml /dev/stdin >creds.yaml \
        <<<'{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {k: v}}'
    "$SOPS" pull store.yaml creds.yaml es.yaml | grep -q 'name: es'
    sed -i 's/^kind: ENC\[AES256_GCM,data:/&AA/' creds.yaml
    run "$SOPS" pull store.yaml creds.yaml es.yaml
    [[ $status -eq 25 || $status -eq 51 ]]
}

@test "a folder needs --recursive" {
    mkdir m
    mv store.yaml es.yaml m
    echo 'not: [yaml' >m/notes.txt
    run "$SOPS" pull m
    [ "$status" -eq 2 ]
    [[ $output == *--recursive* ]]
    "$SOPS" pull --recursive m | grep -q 'name: es'
}

@test "the Vault token of this machine goes only where its owner said" {
    sed -i 's|^spec:.*|spec: {provider: {vault: {server: "http://127.0.0.1:9", path: kv, version: v2}}}|' store.yaml
    export VAULT_TOKEN=canary-token
    check 2 "$SOPS" pull store.yaml es.yaml
    has "$err" 'not sent'
    has "$err" 'VAULT_ADDR'
    export VAULT_ADDR=http://127.0.0.1:9/ VAULT_MAX_RETRIES=0
    check 2 "$SOPS" pull store.yaml es.yaml
    has "$err" 'refused'
    export VAULT_ADDR=http://127.0.0.1:8
    check 2 "$SOPS" pull store.yaml es.yaml
    has "$err" 'not sent'
    lacks "$out$err" canary
}
