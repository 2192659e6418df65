#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Questions are asked on the terminal, whatever stdin and stdout are.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    command -v ssh-keygen >/dev/null || skip "no ssh-keygen"
    setup_work
    ssh-keygen -q -t ed25519 -N 'canary-pass' -f key -C ''
    export SOPS_AGE_SSH_PRIVATE_KEY_FILE=$PWD/key
    printf 'a: 1\n' >p.yaml
    "$SOPS" encrypt --age "$(cat key.pub)" p.yaml >e.yaml
}

@test "a passphrase is read without echo, and stdout is the result alone" {
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>canary-pass\r' -- sh -c '"$SOPS" decrypt e.yaml >o </dev/null'
    same "$(cat o)" "a: 1"
    has "$out" "Enter passphrase for \"$PWD/key\": "
    lacks "$out" canary
    has "$out" $'\r\n\e[F\e[K'
}

@test "the terminal echoes again afterwards, also after Ctrl+C" {
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>\x03' -- \
        sh -c 'trap : INT; "$SOPS" decrypt e.yaml; echo "status $?"; stty -a | grep -o ".echo "'
    has "$out" 'status 130'
    has "$out" ' echo '
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'passphrase=>wrong\r' -- sh -c '"$SOPS" decrypt e.yaml; echo "status $?"; stty -a | grep -o ".echo "'
    has "$out" 'status 128'
    has "$out" ' echo '
    lacks "$out" wrong$'\r'
}

@test "no terminal: an error, and no waiting" {
    check 128 timeout 10 setsid "$SOPS" decrypt e.yaml </dev/null
    has "$err" 'tty'
    same "$out" ""
}
