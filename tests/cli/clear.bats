#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Values that stay in clear text although somebody may have wanted them encrypted.
load helpers

setup() {
    setup_identity
    printf 'db:\n  password: one\n  user: two\n' >p.yaml
}

# rule LINES: a .sops.yaml with one rule for our key
rule() { printf 'creation_rules:\n  - age: %s\n    %s\n' "$ME" "$1" >.sops.yaml; }

@test "nothing was encrypted: a warning that names the rule and where it is from" {
    rule 'encrypted_regex: ^pasword$'
    check 0 "$SOPS" encrypt p.yaml
    has "$err" "warning: nothing in 'p.yaml' is encrypted: encrypted_regex '^pasword\$' of the creation rule in line 2 of '$PWD/.sops.yaml' leaves every value in clear text"
    check 0 "$SOPS" --config /dev/null encrypt --age "$ME" --encrypted-suffix _x p.yaml
    has "$err" "encrypted_suffix '_x' of the options leaves every value in clear text"
    rm .sops.yaml
    printf 'a_unencrypted: 1\n# a comment is no value\n' >c.yaml
    check 0 "$SOPS" encrypt --age "$ME" c.yaml
    has "$err" "unencrypted_suffix '_unencrypted' (which is the default) leaves every value in clear text"
    printf 'A=1\n' >p.env
    printf '[s]\na = 1\n' >p.ini
    printf '{"a": [1]}' >p.json
    local file
    for file in p.env p.ini p.json; do
        check 0 "$SOPS" encrypt --age "$ME" --encrypted-regex ^no $file
        has "$err" "nothing in '$file' is encrypted"
    done
}

@test "no warning where something is encrypted, or there is nothing to encrypt" {
    rule 'encrypted_regex: ^password$'
    check 0 "$SOPS" encrypt p.yaml
    same "$err" ""
    printf 'password: ""\nuser: x\n' >e.yaml
    check 0 "$SOPS" encrypt e.yaml
    same "$err" ""
    printf 'user: ""\nx: null\ny: []\n' >e.yaml
    check 0 "$SOPS" encrypt e.yaml
    same "$err" ""
    printf 'bytes' >f.bin
    rule 'unencrypted_comment_regex: x'
    check 0 "$SOPS" encrypt f.bin
    lacks "$err" "nothing in"
    printf 'a: 1\n---\npassword: 2\n' >d.yaml
    rule 'encrypted_regex: ^password$'
    check 0 "$SOPS" encrypt d.yaml
    same "$err" ""
}

@test "--strict, SOPS_STRICT and strict: true make it an error, and nothing is written" {
    rule 'encrypted_regex: ^pasword$'
    cp p.yaml q.yaml
    check 1 "$SOPS" encrypt --strict -i q.yaml
    has "$err" "nothing in 'q.yaml' would be encrypted: encrypted_regex '^pasword\$'"
    same "$out" ""
    check 1 "$SOPS" --strict encrypt -i q.yaml
    check 1 "$SOPS" --strict -e -i q.yaml
    SOPS_STRICT=1 check 1 "$SOPS" encrypt -i q.yaml
    SOPS_STRICT=1 check 1 "$SOPS" -e -i q.yaml
    SOPS_STRICT=1 check 0 "$SOPS" encrypt --strict=false q.yaml
    SOPS_STRICT=0 check 0 "$SOPS" encrypt q.yaml
    SOPS_STRICT='' check 0 "$SOPS" encrypt q.yaml
    SOPS_STRICT=maybe check 1 "$SOPS" --version
    printf 'strict: true\n' >>.sops.yaml
    check 1 "$SOPS" encrypt -i q.yaml
    cmp p.yaml q.yaml
    printf 'strict: [1]\n' >bad
    check 1 "$SOPS" --config bad encrypt --age "$ME" q.yaml
    has "$err" "'strict' must be true or false"
}

@test "set and edit of a file in which nothing is encrypted" {
    rule 'encrypted_regex: ^password$'
    check 0 "$SOPS" encrypt --output e.yaml p.yaml
    rm .sops.yaml
    check 0 "$SOPS" set e.yaml '["db"]' '{"user": "x"}'
    has "$err" "nothing in 'e.yaml' is encrypted: encrypted_regex '^password\$' of the file leaves every value in clear text"
    cp e.yaml before.yaml
    check 1 "$SOPS" set --strict e.yaml '["db"]["user"]' '"y"'
    SOPS_STRICT=1 SOPS_EDITOR='sed -i s/x/z/' check 1 "$SOPS" edit e.yaml </dev/null
    cmp e.yaml before.yaml
    SOPS_EDITOR='sed -i s/x/z/' check 0 "$SOPS" e.yaml
    has "$err" "nothing in 'e.yaml' is encrypted"
    SOPS_STRICT=1 check 0 "$SOPS" set e.yaml '["password"]' '"y"'
    SOPS_STRICT=1 check 0 "$SOPS" unset e.yaml '["password"]'
    SOPS_STRICT=1 check 0 "$SOPS" rotate -i e.yaml
}

@test "a value that the file's rule leaves clear and the creation rule would encrypt" {
    rule 'encrypted_regex: ^password$'
    check 0 "$SOPS" encrypt --output e.yaml p.yaml
    printf 'creation_rules:\n  - path_regex: other\n    age: x\n  - age: %s\n    encrypted_regex: ^(password|user|token)$\n' "$ME" >.sops.yaml
    check 0 "$SOPS" set e.yaml '["db"]["user"]' '"three"'
    has "$err" "warning: 'e.yaml': the value at [\"db\"][\"user\"] is written in clear text, by the file's encrypted_regex '^password\$'; the creation rule in line 4 of '$PWD/.sops.yaml' would encrypt it"
    lacks "$err" three
    check 0 "$SOPS" set e.yaml '["token"]' '{"a": "four", "b": "five"}'
    has "$err" '["token"]["a"] and 1 more is written in clear text'
    check 0 "$SOPS" set e.yaml '["db"]["password"]' '"six"'
    same "$err" ""
    check 0 "$SOPS" set e.yaml '["db"]["host"]' '"six"'
    same "$err" ""
    SOPS_EDITOR='sed -i s/three/seven/' check 0 "$SOPS" edit e.yaml
    has "$err" '["db"]["user"] is written in clear text'
    lacks "$err" 'more'
    SOPS_EDITOR='sed -i s/six/eight/' check 0 "$SOPS" edit e.yaml
    same "$err" ""
    check 0 "$SOPS" --set '["db"]["user"] "nine"' e.yaml
    has "$err" '["db"]["user"] is written in clear text'
    rule 'unencrypted_suffix: _plain'
    check 0 "$SOPS" set e.yaml '["db"]["host"]' '"ten"'
    has "$err" "the creation rule in line 2"
    rm .sops.yaml
    check 0 "$SOPS" set e.yaml '["db"]["user"]' '"eleven"'
    same "$err" ""
    printf 'creation_rules: [\n' >.sops.yaml
    check 0 "$SOPS" set e.yaml '["db"]["user"]' '"twelve"'
    lacks "$err" "written in clear text"
}

@test "the creation rule's keys are not asked for to set a value" {
    check 0 "$SOPS" encrypt --age "$ME" --encrypted-regex x --output e.yaml p.yaml
    printf 'creation_rules:\n  - azure_keyvault: https://127.0.0.1:9/keys/k\n' >.sops.yaml
    check 0 timeout 5 "$SOPS" set e.yaml '["db"]["user"]' '"x"'
    has "$err" "would encrypt it"
}
