#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the age program makes opens here, and the reverse. Skipped where there is no age program.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    command -v age >/dev/null || skip "no age program"
    keys=$HOME/.config/sops/age/keys.txt
    echo '{"a": "b"}' >p.json
}

# The one armored data key of a file that sops wrote.
armor_of() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sops"]["age"][0]["enc"], end="")' "$1"
}

# Puts stdin, an armored data key, in the place of it.
put_armor() {
    python3 -c '
import json, sys
doc = json.load(open(sys.argv[1]))
doc["sops"]["age"][0]["enc"] = sys.stdin.read()
json.dump(doc, open(sys.argv[1], "w"))' "$1"
}

# Both directions for the recipient $1, whose identity is in the file $2 for age; sops finds it by itself.
both_ways() {
    check 0 "$SOPS" encrypt -i --age "$1" p.json
    armor_of p.json >ours.age
    check 0 age --decrypt -i "$2" -o key ours.age
    same "$(wc -c <key)" 32
    check 0 age --encrypt --armor -r "$1" -o theirs.age key
    put_armor p.json <theirs.age
    check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
}

@test "an identity that sops made" {
    both_ways "$ME" "$keys"
}

@test "an identity that age-keygen made" {
    age-keygen -o made.txt 2>/dev/null
    SOPS_AGE_KEY_FILE=made.txt both_ways "$(age-keygen -y made.txt)" made.txt
}

@test "age-keygen reads what sops made, and sops what age-keygen made" {
    same "$(age-keygen -y "$keys")" "$ME"
    age-keygen -o made.txt 2>/dev/null
    check 0 "$SOPS" keygen -y made.txt
    same "$out" "$(age-keygen -y made.txt)"
}

@test "SSH keys of ssh-keygen" {
    command -v ssh-keygen >/dev/null || skip "no ssh-keygen"
    local kind
    for kind in "ed25519" "rsa -b 2048" "rsa -b 2048 -m PEM" "rsa -b 2048 -m PKCS8"; do
        rm -f id id.pub
        # shellcheck disable=SC2086 # the kind is several words
        ssh-keygen -q -t $kind -N '' -C 'a comment' -f id </dev/null
        echo '{"a": "b"}' >p.json
        SOPS_AGE_SSH_PRIVATE_KEY_FILE=id both_ways "$(cat id.pub)" id
    done
}

@test "a file that age wrote for several recipients" {
    age-keygen -o made.txt 2>/dev/null
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    armor_of p.json | age --decrypt -i "$keys" >key
    age --encrypt --armor -r "$(age-keygen -y made.txt)" -r "$ME" -o theirs.age key
    put_armor p.json <theirs.age
    check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
}

@test "an identity that age locked with a passphrase" {
    check 0 "$SOPS" encrypt -i --age "$ME" p.json
    for form in "" --armor; do
        rm -f locked
        # shellcheck disable=SC2086 # an empty word must vanish
        check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>pass words\r' 'onfirm=>pass words\r' -- age --encrypt --passphrase $form -o locked "$keys"
        mv "$keys" mine
        mv locked "$keys" # where decrypt looks by itself
        GPG_AGENT_INFO='' check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>pass words\r' -- "$SOPS" decrypt --extract '["a"]' p.json
        has "$out" b
        mv mine "$keys"
    done
}

@test "SSH keys behind a passphrase" {
    command -v ssh-keygen >/dev/null || skip "no ssh-keygen"
    for kind in "ed25519" "rsa -b 2048" "rsa -b 2048 -m PEM"; do
        rm -f id id.pub
        # shellcheck disable=SC2086 # the kind is several words
        ssh-keygen -q -t $kind -a 2 -N 'pass words' -C 'a comment' -f id </dev/null
        echo '{"a": "b"}' >p.json
        check 0 "$SOPS" encrypt -i --age "$(cat id.pub)" p.json
        armor_of p.json >ours.age
        check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>pass words\r' -- age --decrypt -i id -o key ours.age
        same "$(wc -c <key)" 32
        age --encrypt --armor -R id.pub -o theirs.age key
        put_armor p.json <theirs.age
        SOPS_AGE_SSH_PRIVATE_KEY_FILE=id check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>pass words\r' -- "$SOPS" decrypt --extract '["a"]' p.json
        has "$out" b
    done
}

@test "plugins" {
    mkdir bin
    cp "$BATS_TEST_DIRNAME/../../testdata/age/kat/age-plugin-testecho" bin
    chmod +x bin/age-plugin-testecho
    export PATH=$PWD/bin:$PATH
    echo AGE-PLUGIN-TESTECHO-10QN6L2YT >plugin.txt
    SOPS_AGE_KEY_FILE=plugin.txt both_ways age1testecho10qxlqkzu plugin.txt
}
