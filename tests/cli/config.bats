#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is said about .sops.yaml: which file and rule, what in it is not read, and what works without it.
load helpers

setup() {
    setup_identity
    printf 'a: 1\n' >p.yaml
}

# rules TEXT: a .sops.yaml whose one rule says TEXT
rules() { printf 'creation_rules:\n  - %s\n' "$1" >.sops.yaml; }

@test "in a linked folder the message names the file that was read, and what the rules were matched on" {
    mkdir -p real/deep
    ln -s real/deep link
    printf 'creation_rules:\n  - path_regex: nothing\n    age: %s\n' "$ME" >real/.sops.yaml
    printf 'a: 1\n' >real/deep/p.yaml
    cd link
    check 1 "$SOPS" encrypt p.yaml
    has "$err" "'$(realpath ../.sops.yaml)'"
    has "$err" "matched on '$(cd .. && pwd -L)/link/p.yaml'" || has "$err" "matched on 'link/p.yaml'"
    [ -f "$(sed -n "s/^error loading config file '\([^']*\)'.*/\1/p" <<<"$err")" ]
    printf 'creation_rules: [\n' >../.sops.yaml || return 1
    check 1 "$SOPS" encrypt p.yaml
    [ -f "$(sed -n "s/^error loading config file '\([^']*\)'.*/\1/p" <<<"$err")" ]
}

@test "what the rules were matched on is said in an ordinary folder, too" {
    rules "path_regex: nothing"
    mkdir sub
    cp p.yaml sub
    cd sub
    check 1 "$SOPS" encrypt p.yaml
    has "$err" "'$work/files/.sops.yaml'"
    has "$err" "matched on 'sub/p.yaml'"
}

@test "a rule without keys is named by file, line and group" {
    printf 'creation_rules:\n  - path_regex: other\n    age: %s\n\n  - path_regex: p\n    keygroups:\n      - age: [%s]\n' "$ME" "$ME" >.sops.yaml
    check 1 "$SOPS" encrypt p.yaml
    has "$err" "[empty key group provided]"
    has "$err" "'$work/files/.sops.yaml', line 5"
    has "$err" "line 6: the unknown key 'keygroups' is ignored: did you mean 'key_groups'?"
    printf 'creation_rules:\n  - key_groups:\n      - age: [%s]\n      -\n      - {}\n' "$ME" >.sops.yaml
    check 1 "$SOPS" encrypt p.yaml
    has "$err" "line 2: this creation rule has no key in group 2"
    check 0 "$SOPS" --config /dev/null encrypt --output e.yaml --age "$ME" p.yaml
    sed -i "s/age: .*/age: [$("$SOPS" keygen -o other.txt 2>&1 | grep -o 'age1[a-z0-9]*' | head -n 1)]/" .sops.yaml
    check 1 "$SOPS" updatekeys -y e.yaml
    has "$err" "line 2: this creation rule has no key in group 2"
}

@test "unknown keys are warned of at every level, with the line and what was meant" {
    cat >.sops.yaml <<END
keys:
  - &me $ME
x-notes: {anything: goes}
creation_rule:
  - age: $ME
encrypted_regex: ^a\$
creation_rules:
  - path-regex: p
    azure_kv: https://example.com/keys/k/1
    unencrypted_regexp: ^b\$
    key_groups:
      - age: [*me]
        hc_vault_transit_uri: []
        kms:
          - arm: x
        merge:
          - ag: []
stores:
  yml: {}
  yaml: {ident: 2}
destination_rules:
  - s3_bucked: b
    recreation_rule: {agee: x}
nothing_like_it: 1
END
    check 1 "$SOPS" encrypt p.yaml
    has "$err" "line 4: the unknown key 'creation_rule' is ignored: did you mean 'creation_rules'?"
    has "$err" "line 6: the unknown key 'encrypted_regex' is ignored: did you mean 'encrypted_regex', which stands in a creation rule?"
    has "$err" "line 8: the unknown key 'path-regex' is ignored: did you mean 'path_regex'?"
    has "$err" "line 9: the unknown key 'azure_kv' is ignored: did you mean 'azure_keyvault'?"
    has "$err" "line 10: the unknown key 'unencrypted_regexp' is ignored: did you mean 'unencrypted_regex'?"
    has "$err" "line 13: the unknown key 'hc_vault_transit_uri' is ignored: did you mean 'hc_vault'?"
    has "$err" "line 15: the unknown key 'arm' is ignored: did you mean 'arn'?"
    has "$err" "line 17: the unknown key 'ag' is ignored: did you mean 'age'?"
    has "$err" "line 19: the unknown key 'yml' is ignored: did you mean 'yaml'?"
    has "$err" "line 20: the unknown key 'ident' is ignored: did you mean 'indent'?"
    has "$err" "line 22: the unknown key 's3_bucked' is ignored: did you mean 's3_bucket'?"
    has "$err" "line 23: the unknown key 'agee' is ignored: did you mean 'age'?"
    has "$err" "line 24: the unknown key 'nothing_like_it' is ignored"
    lacks "$err" "'keys'"
    lacks "$err" "x-notes"
}

@test "a configuration in which every key is known is no reason for a warning" {
    cat >.sops.yaml <<END
creation_rules:
  - path_regex: p
    shamir_threshold: 1
    mac_only_encrypted: false
    encrypted_regex: ^a\$
    aws_profile: x
    key_groups:
      - age: [$ME]
        pgp: []
        kms: []
        gcp_kms: []
        hckms: []
        azure_keyvault: []
        hc_vault: []
        merge: []
destination_rules:
  - {s3_bucket: b, s3_prefix: p, omit_extensions: true, path_regex: x, recreation_rule: {age: $ME}}
  - {gcs_bucket: b, gcs_prefix: p}
  - {vault_path: b, vault_address: p, vault_kv_mount_name: x, vault_kv_version: 2}
stores: {yaml: {indent: 2}, json: {indent: 2}, json_binary: {indent: 2}, dotenv: {}, ini: {}}
END
    check 0 "$SOPS" encrypt p.yaml
    same "$err" ""
}

@test "keys of the options need no rule that matches, and a note says so" {
    printf 'creation_rules:\n  - path_regex: nothing\n    age: %s\n' "$ME" >.sops.yaml
    check 0 "$SOPS" encrypt --age "$ME" p.yaml
    has "$out" "recipient: $ME"
    has "$err" "note: no creation rule of '$work/files/.sops.yaml' matches 'p.yaml'"
    check 0 "$SOPS" -e --age "$ME" p.yaml
    has "$err" "note: no creation rule"
    SOPS_AGE_RECIPIENTS=$ME check 0 "$SOPS" encrypt p.yaml
    check 1 "$SOPS" encrypt p.yaml
}

@test "an encrypted file needs no rule in any form" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    printf 'creation_rules:\n  - path_regex: nothing\n    age: %s\n' "$ME" >.sops.yaml
    export SOPS_EDITOR='sed -i s/1/2/'
    check 0 "$SOPS" e.yaml
    check 0 "$SOPS" -r -i e.yaml
    check 0 "$SOPS" --set '["b"] 3' e.yaml
    check 0 "$SOPS" -d e.yaml
    has "$out" "a: 2"
    has "$out" "b: 3"
    check 1 "$SOPS" new.yaml
    has "$err" "no matching creation rules"
}

@test "a broken or unreadable configuration is a warning for what needs no rule" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    printf 'creation_rules: [\n' >.sops.yaml
    check 0 "$SOPS" decrypt e.yaml
    same "$out" "a: 1"
    has "$err" "warning: error loading config file '$work/files/.sops.yaml'"
    has "$err" "(line "
    check 0 "$SOPS" exec-env e.yaml 'echo $a'
    same "$out" 1
    check 0 "$SOPS" exec-file e.yaml 'cat {}'
    check 0 "$SOPS" filestatus e.yaml
    check 0 "$SOPS" set e.yaml '["a"]' '"x"'
    check 0 "$SOPS" unset e.yaml '["a"]'
    check 0 "$SOPS" groups add -f e.yaml --age "$ME"
    rm .sops.yaml
    mkdir .sops.yaml
    check 0 "$SOPS" decrypt e.yaml
    has "$err" "is a directory"
    check 0 "$SOPS" --config .sops.yaml decrypt e.yaml
    has "$err" "warning: "
    check 1 "$SOPS" --config nowhere.yaml decrypt e.yaml
    SOPS_CONFIG=nowhere.yaml check 1 "$SOPS" filestatus e.yaml
    check 1 "$SOPS" encrypt --age "$ME" p.yaml
    check 1 "$SOPS" edit new.yaml
    check 1 "$SOPS" updatekeys e.yaml
}

@test "without HOME it is said once, with what to set" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    check 128 env -u HOME "$SOPS" decrypt e.yaml
    same "$(grep -o 'HOME is not set' <<<"$err" | wc -l)" 1
    has "$err" SOPS_AGE_KEY_FILE
}

@test "a key that is no text is shown as it is written" {
    local key
    for key in true TRUE Null '~' 0x10 1e3 2024-01-02; do
        printf 'a:\n  %s: 1\n' "$key" >k.yaml
        check 23 "$SOPS" encrypt --age "$ME" k.yaml
        has "$err" "[\"a\"][\"$key\"]"
    done
}
