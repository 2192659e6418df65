#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What happens before an upload; uploads are in the recorded cases.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'user: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    export VAULT_ADDR=http://127.0.0.1:9 VAULT_TOKEN=canary-token VAULT_MAX_RETRIES=0
    printf 'destination_rules:\n  - path_regex: e\n    vault_path: app\n' >.sops.yaml
}

@test "usage" {
    check 100 "$SOPS" publish
    has "$err" 'no file specified'
    check 1 "$SOPS" publish missing.yaml
    has "$err" 'no such file'
    mkdir d
    check 1 "$SOPS" publish d
    has "$err" '--recursive'
    check 1 "$SOPS" publish p.yaml
    has "$err" 'no matching destination'
    rm .sops.yaml
    check 1 "$SOPS" publish e.yaml
    has "$err" 'config file not found'
}

@test "the question" {
    check 1 "$SOPS" publish e.yaml <<<n
    same "$out" "uploading $PWD/e.yaml to http://127.0.0.1:9/v1/secret/data/app/e.yaml ? (y/n): "
    has "$err" "Publication of $PWD/e.yaml canceled"
    check 1 "$SOPS" publish e.yaml </dev/null
    lacks "$out$err" canary
}

@test "a server that is not there; nothing secret is said" {
    check 1 "$SOPS" publish --yes e.yaml
    has "$err" "failed to upload 'e.yaml' to http://127.0.0.1:9/v1/secret/data/app/e.yaml"
    has "$err" 'refused'
    lacks "$out$err" canary
}

@test "a folder: in the order of names, each with its own question, the first failure ends it" {
    mkdir -p tree/b
    for f in tree/c.e.yaml tree/b/a.e.yaml tree/a.e.json; do
        "$SOPS" encrypt --age "$ME" --filename-override "$f" "p.yaml" --input-type yaml >"$f"
    done
    "$SOPS" encrypt --age "$ME" --filename-override .e p.yaml --input-type yaml >tree/b/.e
    check 0 "$SOPS" publish --recursive --omit-extensions tree/ <<<$'n\nn\nn\nn'
    same "$(grep -o 'to http[^ ]*' "$work/out" | sed 's|.*/app/||' | tr '\n' ' ')" "a.e b/.e b/a.e c.e "
    same "$(grep -c canceled "$work/out")" 4
    same "$err" '0 published, 0 up to date, 4 canceled'
    rm tree/b/.e
    printf 'plain: 1\n' >tree/b/b.e.yaml
    check 1 "$SOPS" publish --recursive tree <<<$'n\nn\nn'
    same "$(grep -c canceled "$work/out")" 2
    has "$err" '0 published, 0 up to date, 2 canceled; the rest was not looked at'
}

@test "a file that was changed is not sent" {
    printf 'user: canary-1\nport: 1\n' | "$SOPS" encrypt --age "$ME" --filename-override e.yaml | sed '/^port/d' >e2.yaml
    check 51 "$SOPS" publish --yes e2.yaml
    printf 'plain: 1\n' >e3.yaml
    check 1 "$SOPS" publish --yes e3.yaml
}

@test "rules that contradict themselves" {
    printf 'destination_rules:\n  - path_regex: two\n    vault_path: a\n    s3_bucket: b\n  - path_regex: none\n    omit_extensions: true\n' >.sops.yaml
    cp e.yaml two.yaml
    check 1 "$SOPS" publish --yes two.yaml
    has "$err" 'more than one destination'
    cp e.yaml none.yaml
    check 1 "$SOPS" publish --yes none.yaml
    has "$err" 'no destination configured'
}

@test "--input-type" {
    cp e.yaml e
    check 1 "$SOPS" publish e <<<n
    has "$err" '--input-type says otherwise'
    check 1 "$SOPS" publish --input-type yaml e <<<n
    has "$err" "Publication of $PWD/e canceled"
}

stores() { # RULE: the configuration, with a rule of creation
    printf 'creation_rules:\n  - age: %s\ndestination_rules:\n  - %s\n' "$ME" "$1" >.sops.yaml
    export AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=canary-key AWS_MAX_ATTEMPTS=1
}

@test "stores: rules are read strictly, before anything is asked" {
    for rule in '{aws_secretsmanager: {region: eu-west-1}}' '{aws_secretsmanager: {owner: o, region: eu-west-1, layout: rows}}' \
        '{aws_secretsmanager: {owner: o, region: eu-west-1, regoin: x}}' '{azure_keyvault: {owner: o, vault: v, layout: per_key}, vault_path: x}' \
        '{gcp_secretmanager: {owner: o}}' '{vault_kv: {owner: o, mount: [m]}}'; do
        stores "$rule"
        check 2 "$SOPS" publish --plan e.yaml
        lacks "$out$err" canary
        lacks "$err" refused
    done
}

@test "stores: usage" {
    stores '{aws_secretsmanager: {owner: o, region: eu-west-1}}'
    check 100 "$SOPS" publish --prune --adopt
    check 2 "$SOPS" publish --plan p.yaml missing.yaml
    lacks "$out$err" canary
}

@test "stores: a server that is not there" {
    stores '{aws_secretsmanager: {owner: o, region: eu-west-1}}'
    check 2 "$SOPS" publish --plan e.yaml
    has "$err" 'refused'
    check 2 "$SOPS" publish --yes e.yaml
    lacks "$out$err" canary
}

@test "stores: a file that is not encrypted is nothing to publish" {
    stores '{aws_secretsmanager: {owner: o, region: eu-west-1}}'
    check 2 "$SOPS" publish --plan p.yaml
    lacks "$out$err" canary
}

@test "a plugin is asked for all files at once" {
    mkdir bin tree
    cp "$BATS_TEST_DIRNAME/../acceptance/many/age-plugin-counter" bin
    echo AGE-PLUGIN-COUNTER-1W3HKKETW95MS6A5YX6 >plugin.txt
    export SOPS_AGE_KEY_FILE=$PWD/plugin.txt PATH=$PWD/bin:$PATH
    for f in 1 2 3; do
        "$SOPS" encrypt --age age1counter1w3hkketw95msrrcz9f p.yaml >tree/$f.e.yaml
    done
    export COUNTER_LOG=$PWD/asked
    stores '{aws_secretsmanager: {owner: o, region: eu-west-1}}'
    check 2 "$SOPS" publish --plan --recursive tree
    same "$(grep -c '"start"' asked)" 1
    printf 'destination_rules:\n  - path_regex: e\n    vault_path: app\n' >.sops.yaml
    rm asked
    check 0 "$SOPS" publish --recursive tree <<<$'n\nn\nn'
    same "$(grep -c '"start"' asked)" 1
}
