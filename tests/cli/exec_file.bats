#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '{\n\t"a": "canary-1"\n}\n' >p.json
    "$SOPS" encrypt --age "$ME" p.json >e.json
}

teardown() {
    same "$(ls -A "$TMPDIR")" ""
}

@test "the clear text once, through a FIFO" {
    check 0 "$SOPS" exec-file e.json 'stat -c "%F %a" {}; stat -c %a "$(dirname {})"; basename {}; cat "{}"'
    same "$out" "$(printf 'fifo 600\n700\ntmp-file\n{\n\t"a": "canary-1"\n}')"
    has "$("$SOPS" exec-file e.json 'echo {}{}')" "$TMPDIR/.sops"
    check 0 "$SOPS" exec-file e.json 'cat {} >/dev/null; timeout 0.5 cat {}; echo "second $?"'
    same "$out" 'second 124'
    check 0 "$SOPS" exec-file e.json true
    check 0 "$SOPS" exec-file --output-type yaml e.json 'cat {}'
    same "$out" 'a: canary-1'
}

@test "more than a pipe holds: read whole, in part, not at all" {
    head -c 3000000 /dev/urandom >big
    "$SOPS" encrypt --age "$ME" big >e.big
    check 0 "$SOPS" exec-file e.big 'cmp {} big'
    check 0 "$SOPS" exec-file e.big 'head -c 10 {} | wc -c'
    same "$out" 10
    check 0 "$SOPS" exec-file e.big 'exec 5<{}; sleep 0.2'
    check 0 "$SOPS" exec-file e.big true
}

@test "--no-fifo: a plain file" {
    check 0 "$SOPS" exec-file --no-fifo e.json 'stat -c "%F %a" {}; cat {} >/dev/null; cat {}; basename {}'
    has "$out" "$(printf 'regular file 600\n{\n\t"a": "canary-1"\n}\ntmp-file')"
    check 0 "$SOPS" exec-file --no-fifo --filename 'x y.json' e.json 'basename "{}"; rm "{}"; mkdir "$(dirname "{}")/sub"; echo x >"$(dirname "{}")/sub/copy"'
    same "$out" 'x y.json'
    for name in ../x /tmp/x . .. a/b; do
        check 1 "$SOPS" exec-file --filename "$name" e.json 'echo started'
        same "$out" ""
    done
    check 0 "$SOPS" exec-file --filename '' e.json 'basename {}'
    same "$out" tmp-file
}

@test "status, and no start when something is wrong" {
    check 9 "$SOPS" exec-file e.json 'exit 9'
    check 255 "$SOPS" exec-file e.json 'kill -9 $$'
    check 4 "$SOPS" exec-file --output-type ini e.json 'echo started'
    same "$out" ""
    check 2 "$SOPS" exec-file none.json 'echo started'
    check 1 "$SOPS" exec-file e.json
    check 0 "$SOPS" exec-file --background e.json true
    has "$err" deprecated
    TMPDIR=/nonexistent check 1 "$SOPS" exec-file e.json 'echo started'
    has "$err" TMPDIR
}

@test "behind -- a program runs without a shell" {
    check 0 "$SOPS" exec-file e.json -- grep -c canary {}
    same "$out" 1
    check 0 "$SOPS" exec-file e.json -- echo '$HOME' '<{}>'
    has "$out" '$HOME <'"$TMPDIR/.sops"
}

@test "several files: places by order, number and name" {
    printf 'A=1\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >a.env
    mkdir sub && cp a.env sub/a.env
    check 0 "$SOPS" exec-file e.json a.env -- sh -c 'cat "$2"; cat "$1" >/dev/null; stat -c "%F %a %n" "$1" "$(dirname "$1")"' x {} {}
    has "$out" A=1
    has "$out" 'fifo 600 '
    has "$out" '/1/e.json'
    check 0 "$SOPS" exec-file --no-fifo e.json a.env -- printf '%s\n' '{2}' 'x{a.env}' '{"a":1}' '{3}' '{{1}}'
    same "$(sed "s|$TMPDIR/.sops[^/]*|T|" <<<"$out")" "$(printf 'T/2/a.env\nxT/2/a.env\n{"a":1}\n{3}\n{T/1/e.json}')"
    for words in '{}' '{} {} {}'; do
        check 1 "$SOPS" exec-file e.json a.env -- touch ran $words
    done
    check 1 "$SOPS" exec-file a.env sub/a.env -- touch ran '{a.env}'
    check 8 "$SOPS" exec-file --filename n e.json a.env -- touch ran
    [ ! -e ran ]
    same "$(ls -A "$TMPDIR")" ""
}

@test "a command that ignores signals: the file is there until it has ended" {
    for signal in INT TERM HUP QUIT; do
        for how in '' --no-fifo; do
            rm -f started
            # shellcheck disable=SC2086
            env --default-signal=INT,QUIT,HUP "$SOPS" exec-file $how e.json 'trap "" INT TERM HUP QUIT; echo >started; sleep 1; ls {} >seen' 3>&- &
            pid=$!
            for _ in $(seq 100); do [ -e started ] || sleep 0.05; done
            kill -$signal $pid
            status=0
            wait $pid || status=$?
            same "$signal $status" "$signal 0"
            has "$(cat seen)" tmp-file
            same "$(ls -A "$TMPDIR")" ""
        done
    done
}

@test "without TMPDIR the folder is in memory" {
    [ -w /dev/shm ] || skip "no /dev/shm"
    check 0 env -u TMPDIR "$SOPS" exec-file --no-fifo e.json 'echo {}'
    has "$out" /dev/shm/.sops
    [ ! -e "$out" ]
    mkdir -m 700 run
    XDG_RUNTIME_DIR=$PWD/run check 0 env -u TMPDIR "$SOPS" exec-file --no-fifo e.json 'echo {}'
    has "$out" "$PWD/run/.sops"
    XDG_RUNTIME_DIR=/nonexistent check 0 env -u TMPDIR "$SOPS" exec-file --no-fifo e.json 'echo {}'
    has "$out" /dev/shm/.sops
}

@test "--user owns what is made" {
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    chmod 777 "$TMPDIR"
    for at in "$TMPDIR"/../.. "$work" "$TMPDIR"; do chmod o+x "$at"; done
    at=$TMPDIR
    while [ "$at" != / ]; do at=$(dirname "$at"); [ -x "$at" ] && chmod o+x "$at"; done
    check 0 "$SOPS" exec-file --user nobody e.json 'stat -c %U {} "$(dirname {})"; cat {} | wc -l'
    same "$out" "$(printf 'nobody\nnobody\n3')"
}
