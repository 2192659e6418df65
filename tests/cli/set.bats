#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'user: ann\nlist:\n    - one\n    - two\nin:\n    x: canary-1\nn_unencrypted: 3\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
}

plain() { "$SOPS" decrypt e.yaml; }

@test "one value changes, the others keep their ciphertext" {
    chmod 640 e.yaml
    check 0 "$SOPS" set e.yaml '["in"]["x"]' '"new"'
    same "$out$err" ""
    same "$(plain)" "$(sed 's/canary-1/new/' p.yaml)"
    same "$(stat -c %a e.yaml)" 640
    grep ENC before.yaml | grep -v 'x: ENC\|mac: ENC' | while read -r line; do grep -qF -- "$line" e.yaml || exit 1; done
    run ! grep -qF "$(grep 'mac: ' before.yaml)" e.yaml
    same "$(ls -A)" "$(printf 'before.yaml\ne.yaml\np.yaml')"
}

@test "what is missing on the way is made, an index beyond the end appends" {
    check 0 "$SOPS" set e.yaml '["a"][7]["b"]' 'true'
    check 0 "$SOPS" set e.yaml '["list"][9]' '"three"'
    check 0 "$SOPS" set e.yaml '["user"]["deep"]' 'null'
    same "$(plain)" "$(printf 'user:\n    deep: null\nlist:\n    - one\n    - two\n    - three\nin:\n    x: canary-1\nn_unencrypted: 3\na:\n    - b: true')"
}

@test "the kinds of values" {
    check 0 "$SOPS" set e.yaml '["user"]' 42
    grep -q 'user: ENC.*type:int' e.yaml
    check 0 "$SOPS" set e.yaml '["user"]' 42.0
    grep -q 'user: ENC.*type:float' e.yaml
    check 0 "$SOPS" set e.yaml '["user"]' ' {"b": 1, "a": [1, 2.5, "x", null, true]} '
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" "$(printf 'b: 1\na:\n    - 1\n    - 2.5\n    - x\n    - null\n    - true')"
    check 0 "$SOPS" set e.yaml '["user"]' '"a \"q\" \\ \u00e9\n"'
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" 'a "q" \ é'
    check 0 "$SOPS" set e.yaml '["n_unencrypted"]' 9007199254740993
    grep -q 'n_unencrypted: 9007199254740993$' e.yaml
    check 0 "$SOPS" set e.yaml '["n_unencrypted"]' 9223372036854775808
    grep -q 'n_unencrypted: 9.223372036854776e+18' e.yaml
}

@test "no JSON: 7, and nothing is written or told of it" {
    for value in '' ' ' canary-2 '[1]' '1 2' '{"a":1}}' '1,"x":2' '"a","x":2' '1}' '"canary-3' 1e400 '{"a":1,}' 01 tru; do
        check 7 "$SOPS" set e.yaml '["user"]' "$value"
        same "$out" ""
        lacks "$err" canary
    done
    cmp e.yaml before.yaml
}

@test "paths that are none, or lead nowhere" {
    for path in '' 'user' '["user"' '[]' '["]'; do
        check 7 "$SOPS" set e.yaml "$path" 1
    done
    check 1 "$SOPS" set e.yaml '["list"]["x"]' 1
    check 1 "$SOPS" set e.yaml '["list"][-1]' 1
    check 1 "$SOPS" set e.yaml '[0]' 1
    check 203 "$SOPS" set e.yaml '["sops"]' 1
    has "$err" sops
    cmp e.yaml before.yaml
}

@test "the value from a file and from stdin" {
    printf '"from file"\n' >v
    check 0 "$SOPS" set --value-file e.yaml '["user"]' v
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" 'from file'
    check 0 "$SOPS" set --value-stdin e.yaml '["user"]' <<<'"from stdin"'
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" 'from stdin'
    check 1 "$SOPS" set --value-file e.yaml '["user"]' none
    check 7 "$SOPS" set --value-stdin e.yaml '["user"]' </dev/null
    check 1 "$SOPS" set --value-stdin --value-file e.yaml '["user"]' v
    check 100 "$SOPS" set --value-stdin e.yaml '["user"]' v
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" 'from stdin'
}

@test "--idempotent writes only what is new" {
    check 0 "$SOPS" set --idempotent e.yaml '["user"]' '"ann"'
    check 0 "$SOPS" set --idempotent e.yaml '["in"]' '{"x": "canary-1"}'
    cmp e.yaml before.yaml
    "$SOPS" set e.yaml '["in"]' '{"n": 3}'
    cp e.yaml before.yaml
    check 0 "$SOPS" set --idempotent e.yaml '["in"]["n"]' 3
    cmp e.yaml before.yaml
    check 0 "$SOPS" set e.yaml '["user"]' 15000000
    cp e.yaml before.yaml
    check 0 "$SOPS" set --idempotent e.yaml '["user"]' 15000000
    cmp e.yaml before.yaml
    check 0 "$SOPS" set --idempotent e.yaml '["in"]["n"]' 3.0
    run ! cmp e.yaml before.yaml
}

@test "arguments, file, key, MAC" {
    check 100 "$SOPS" set e.yaml
    check 100 "$SOPS" set e.yaml '["a"]'
    check 100 "$SOPS" set e.yaml '["a"]' 1 2
    check 2 "$SOPS" set none.yaml '["a"]' 1
    check 1 "$SOPS" set p.yaml '["a"]' 1
    sed '/user: /d' e.yaml >cut.yaml
    cp cut.yaml cut2.yaml
    check 51 "$SOPS" set cut.yaml '["a"]' 1
    cmp cut.yaml cut2.yaml
    check 0 "$SOPS" set --ignore-mac cut.yaml '["a"]' 1
    check 0 "$SOPS" decrypt cut.yaml
    mv "$HOME/.config" "$HOME/away"
    check 128 "$SOPS" set e.yaml '["a"]' 1
    cmp e.yaml before.yaml
}

@test "dotenv and INI refuse what they cannot hold" {
    printf 'A=1\n' >p.env
    "$SOPS" encrypt --age "$ME" p.env >e.env
    cp e.env before.env
    check 4 "$SOPS" set e.env '["B"]' '{"x": 1}'
    check 203 "$SOPS" set e.env '["sops_x"]' '"1"'
    check 4 "$SOPS" set e.env '["B=C"]' '"1"' # it would be read again as the key B
    cmp e.env before.env
    check 0 "$SOPS" set e.env '["B"]' '"two\nlines"'
    same "$("$SOPS" decrypt e.env)" "$(printf 'A=1\nB=two\\nlines')"
    printf '[s]\na = 1\n' >p.ini
    "$SOPS" encrypt --age "$ME" p.ini >e.ini
    check 4 "$SOPS" set e.ini '["s"]["a"]' '{"x": "y"}'
    check 0 "$SOPS" set e.ini '["t"]["b"]' 3
    same "$("$SOPS" decrypt e.ini)" "$(printf '[s]\na = 1\n\n[t]\nb = 3')"
}

@test "a link stays a link, hard links stay together" {
    ln -s e.yaml link
    ln e.yaml hard.yaml
    check 0 "$SOPS" set --input-type yaml --output-type yaml link '["user"]' '"bob"'
    [ -L link ]
    cmp e.yaml hard.yaml
    same "$("$SOPS" decrypt --extract '["user"]' hard.yaml)" bob
}

@test "a full disk: status 1, the old file, and nothing beside it" {
    for kind in plain linked; do
        [ $kind = plain ] || ln e.yaml hard.yaml
        check 1 bash -c 'ulimit -f 1; "$SOPS" set e.yaml "[\"big\"]" "\"$(head -c 3000 /dev/zero | tr "\0" x)\""'
        has "$err" e.yaml
        cmp e.yaml before.yaml
        same "$(find . -name '.sops*')" ""
    done
    [ "$(id -u)" = 0 ] || return 0
    mkdir small
    mount -t tmpfs -o size=16k none small || skip "tmpfs cannot be mounted here"
    cp e.yaml small/e.yaml
    local status=0
    check 1 "$SOPS" set small/e.yaml '["big"]' "\"$(head -c 30000 /dev/zero | tr '\0' x)\"" || status=1
    cmp small/e.yaml before.yaml || status=1
    same "$(ls -A small)" e.yaml || status=1
    umount small
    return $status
}
