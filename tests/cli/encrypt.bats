#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '{"user": "canary-ann", "port_unencrypted": 5}' >p.json
}

@test "keys of the options, of the variable, of the creation rule" {
    other=$("$SOPS" keygen -o other.txt 2>/dev/null)
    check 1 "$SOPS" encrypt p.json
    has "$err" 'no keys provided'
    printf 'creation_rules:\n    - age: %s\n' "$other" >.sops.yaml
    check 0 "$SOPS" encrypt p.json
    has "$out" "$other"
    SOPS_AGE_RECIPIENTS=$ME check 0 "$SOPS" encrypt p.json
    has "$out" "$ME"
    lacks "$out" "$other"
    SOPS_AGE_RECIPIENTS=$ME check 0 "$SOPS" encrypt --age "$other" p.json
    lacks "$out" "$ME"
}

@test "values are encrypted, keys and what the rule leaves are not" {
    check 0 "$SOPS" encrypt --age "$ME" p.json
    has "$out" '"user": "ENC[AES256_GCM,'
    has "$out" '"port_unencrypted": 5'
    lacks "$out" canary
    check 0 "$SOPS" encrypt --age "$ME" --encrypted-regex '^port' p.json
    has "$out" '"user": "canary-ann"'
    has "$out" '"encrypted_regex": "^port"'
}

@test "two crypt rules: 8; one that does not compile: 1 from an option, 5 from a rule" {
    check 8 "$SOPS" encrypt --age "$ME" --encrypted-regex a --unencrypted-suffix b p.json
    check 1 "$SOPS" encrypt --age "$ME" --encrypted-regex '(' p.json
    has "$err" regex
    same "$out" ""
    printf 'creation_rules:\n    - age: %s\n      encrypted_regex: "("\n' "$ME" >.sops.yaml
    check 5 "$SOPS" encrypt -i p.json
    same "$(cat p.json)" '{"user": "canary-ann", "port_unencrypted": 5}'
}

@test "where options name the keys no rule must match, which is told" {
    printf 'creation_rules:\n    - path_regex: \\.env$\n      age: %s\n' "$ME" >.sops.yaml
    check 1 "$SOPS" encrypt p.json
    has "$err" 'no matching creation rules found'
    check 0 "$SOPS" encrypt --age "$ME" p.json
    has "$err" "matches 'p.json': the keys of the options are used"
    check 100 "$SOPS" encrypt --age "$ME" none.json
}

@test "clear text that does not parse: 2, without a word of it" {
    printf '{"user": canary-ann}' >bad.json
    check 2 "$SOPS" encrypt --age "$ME" bad.json
    has "$err" bad.json
    has "$err" 'line 1'
    lacks "$err" canary
}

@test "what is encrypted already is left alone: 203" {
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    cp p.json before
    check 203 "$SOPS" encrypt -i --age "$ME" p.json
    cmp before p.json
}

@test "what is no recipient: the message says what one looks like" {
    check 1 "$SOPS" encrypt --age somebody p.json
    has "$err" "unknown recipient type: 'somebody'"
    has "$err" "hint: a recipient begins with age1"
}

@test "stdin wants a name" {
    check 8 "$SOPS" encrypt --age "$ME" <p.json
    has "$err" --filename-override
    check 8 "$SOPS" encrypt -i --age "$ME" --filename-override x.json <p.json
    check 0 "$SOPS" encrypt --age "$ME" --filename-override x.json <p.json
    has "$out" '"user": "ENC['
}

@test "a key that cannot be used: nothing is written" {
    check 1 "$SOPS" encrypt --age nonsense p.json
    has "$err" nonsense
    check 1 "$SOPS" encrypt --output o --enable-local-keyservice=false --age "$ME" p.json
    [ ! -e o ]
    check 6 "$SOPS" encrypt --age "$ME" --encryption-context nonsense p.json
    check 6 "$SOPS" encrypt --encryption-context nonsense p.json
}

@test "modes: a new file by the umask, an old one keeps its own" {
    umask 027
    check 0 "$SOPS" encrypt --age "$ME" --output new.json p.json
    same "$(stat -c %a new.json)" 640
    chmod 604 p.json
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    same "$(stat -c %a p.json)" 604
    check 3 "$SOPS" decrypt --output none/x p.json
    has "$err" none/x
}

@test "a path with .. is taken by its text, from \$PWD" {
    check 0 "$SOPS" encrypt --age "$ME" nothing/../p.json
    has "$out" '"user": "ENC[AES256_GCM,'
    mkdir -p deep/er
    ln -s deep/er link
    cd link
    check 0 "$SOPS" encrypt --age "$ME" ../p.json # the system would look into deep/
    check 100 "$SOPS" encrypt --age "$ME" ../../p.json
    cd ..
    check 0 "$SOPS" encrypt --age "$ME" p.json/
}

@test "comment rules by option" {
    printf '# public\na: 1\nb: 2\n' >c.yaml
    check 0 "$SOPS" encrypt --age "$ME" --encrypted-comment-regex '^ ?public' c.yaml
    has "$out" 'a: ENC['
    has "$out" 'b: 2'
    has "$out" '    encrypted_comment_regex: ^ ?public'
    check 0 "$SOPS" encrypt --age "$ME" --unencrypted-comment-regex '^ ?public' c.yaml
    has "$out" 'a: 1'
    has "$out" 'b: ENC['
    has "$out" '    unencrypted_comment_regex: ^ ?public'
    check 8 "$SOPS" encrypt --age "$ME" --encrypted-comment-regex x --encrypted-suffix y c.yaml
    check 1 "$SOPS" encrypt --age "$ME" --encrypted-comment-regex '[' c.yaml
    check 1 "$SOPS" decrypt --encrypted-comment-regex x c.yaml
    has "$err" 'not defined'
}
