#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() { setup_work; }

@test "an identity is made where decrypt finds it, for its owner alone" {
    check 0 "$SOPS" keygen
    has "$out" age1
    lacks "$out$err" AGE-SECRET-KEY
    same "$(stat -c %a "$HOME/.config/sops/age/keys.txt")" 600
    same "$(stat -c %a "$HOME/.config/sops/age")" 700
    same "$(stat -c %a "$HOME/.config")" 700
    me=$out
    echo '{"a": "b"}' >p.json
    check 0 "$SOPS" encrypt -i --age "$me" p.json
    check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
}

@test "XDG_CONFIG_HOME is where it goes when that is set" {
    XDG_CONFIG_HOME=$work/xdg check 0 "$SOPS" keygen
    [ -f "$work/xdg/sops/age/keys.txt" ]
    [ ! -e "$HOME/.config" ]
}

@test "an identity that is there is never replaced" {
    check 0 "$SOPS" keygen
    cp "$HOME/.config/sops/age/keys.txt" before
    check 1 "$SOPS" keygen
    has "$err" keys.txt
    same "$out" ""
    cmp before "$HOME/.config/sops/age/keys.txt"
    echo old >mine
    check 1 "$SOPS" keygen -o mine
    same "$(cat mine)" old
}

@test "-o names the file, -y shows the recipients in it" {
    check 0 "$SOPS" keygen -o new/folder/id.txt
    first=$out
    same "$(stat -c %a new/folder/id.txt)" 600
    check 0 "$SOPS" keygen -y new/folder/id.txt
    same "$out" "$first"
    check 0 "$SOPS" keygen
    second=$out
    check 0 "$SOPS" keygen -y
    same "$out" "$second"
    cat new/folder/id.txt "$HOME/.config/sops/age/keys.txt" >both
    check 0 "$SOPS" keygen -y both
    same "$out" "$first
$second"
}

@test "--pq makes a hybrid identity" {
    check 0 "$SOPS" keygen --pq
    has "$out" age1pq1
    grep -q '^AGE-SECRET-KEY-PQ-1' "$HOME/.config/sops/age/keys.txt"
    echo '{"a": "b"}' >p.json
    check 0 "$SOPS" encrypt -i --age "$out" p.json
    check 0 "$SOPS" decrypt --extract '["a"]' p.json
    same "$out" b
}

@test "what goes wrong is told" {
    check 2 "$SOPS" keygen -y missing.txt
    has "$err" missing.txt
    echo rubbish >rubbish.txt
    check 1 "$SOPS" keygen -y rubbish.txt
    has "$err" rubbish.txt
    lacks "$err" "rubbish
"
    check 1 "$SOPS" keygen one
    check 8 "$SOPS" keygen -y -o rubbish.txt
    has "$err" "neither --output nor --pq"
    check 8 "$SOPS" keygen -y --pq
    check 1 env -u HOME "$SOPS" keygen
    has "$err" HOME
}
