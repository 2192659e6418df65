#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signals while a program of the user's runs: whom they reach, what is left, which status there is.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'a: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    export told=$BATS_TEST_DIRNAME/told.py
}

teardown() {
    same "$(ls -A "$TMPDIR")" ""
}

# start COMMAND…: in the background without a terminal; waits until it is ready. $pid is it.
start() {
    rm -f ready
    env --default-signal=INT,QUIT,HUP setsid "$@" >said 2>/dev/null 3>&- &
    pid=$!
    for _ in $(seq 500); do [ ! -e ready ] || return 0; sleep 0.02; done
    return 1
}

# ends STATUS: waits for what start started.
ends() {
    status=0
    wait "$pid" || status=$?
    same $status "$1"
}

on_terminal() { "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

@test "a signal reaches the command once, sops waits, and the status is the command's" {
    for signal in TERM HUP INT QUIT USR1 USR2 CONT WINCH; do
        start "$SOPS" exec-env e.yaml "exec '$told'"
        kill -$signal "$pid"
        ends 7
        same "$(tail -n 1 said)" "told $signal"
    done
    start "$SOPS" exec-env e.yaml -- "$told" x
    kill -TERM "$pid"
    ends 7
}

@test "a signal reaches what the shell has started" {
    for command in "'$told'; true" "'$told' & wait" "('$told'; exit 7) | grep ."; do
        start "$SOPS" exec-env e.yaml "trap '' PIPE; $command"
        kill -TERM "$pid"
        wait "$pid" || true
        has "$(cat said)" "told TERM" || same "$command" "('$told'; exit 7) | grep ."
    done
    # The shell dies of it, and its program is still shutting down: the status is the program's.
    start "$SOPS" exec-env e.yaml "'$told'; exit 1"
    kill -TERM "$pid"
    ends 7
    start "$SOPS" exec-env e.yaml "trap 'sleep 0.3; exit 4' TERM; echo >ready; sleep 9 & wait"
    kill -TERM "$pid"
    ends 4
}

@test "a command that the signal ends: sops ends by it, too" {
    for signal in TERM INT HUP; do
        start "$SOPS" exec-env e.yaml 'echo >ready; sleep 9 & sleep 9; true'
        kill -$signal "$pid"
        ends $((128 + $(kill -l $signal)))
    done
    # What ignores it is not waited for.
    start "$SOPS" exec-env e.yaml '(trap "" TERM; sleep 9) & echo >ready; sleep 9'
    SECONDS=0
    kill -TERM "$pid"
    ends 143
    [ $SECONDS -lt 8 ]
}

@test "exec-file: the file stays until the command has shut down" {
    for how in '' --no-fifo; do
        for signal in TERM HUP INT QUIT; do
            # shellcheck disable=SC2086
            start "$SOPS" exec-file $how e.yaml "'$told' {}; true"
            kill -$signal "$pid"
            wait "$pid" || true
            same "$(tail -n 1 said)" "told $signal True"
            same "$(ls -A "$TMPDIR")" ""
        done
    done
}

@test "signals that mean nothing end nothing" {
    for signal in USR1 USR2 ALRM VTALRM PROF IO PWR STKFLT XCPU 34 50 64; do
        start "$SOPS" exec-file --no-fifo e.yaml 'trap "" USR1 USR2; echo >ready; sleep 0.3; cat {}'
        kill -$signal "$pid"
        ends 0
        same "$(cat said)" 'a: canary-1'
        EDITOR='sh -c "echo >ready; sleep 0.3; sed -i s/canary.*/changed/ \$0"' start "$SOPS" edit e.yaml
        kill -$signal "$pid"
        ends 0
        same "$("$SOPS" decrypt e.yaml)" 'a: changed'
        "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    done
}

@test "started with SIGCHLD ignored, with signals ignored or blocked" {
    check 3 python3 -c 'import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.execv(os.environ["SOPS"], ["sops", "exec-env", "e.yaml", "trap \"exit 3\" TERM; kill -TERM $PPID; sleep 1 & wait"])'
    check 3 env --ignore-signal=HUP "$SOPS" exec-env e.yaml 'kill -HUP $PPID; kill -HUP $$; exit 3'
}

@test "a crash leaves no clear text" {
    for signal in SEGV BUS FPE ILL TRAP ABRT SYS; do
        start "$SOPS" exec-file --no-fifo e.yaml 'echo >ready; sleep 0.3; : {}'
        kill -$signal "$pid"
        ends $((128 + $(kill -l $signal)))
        same "$(ls -A "$TMPDIR")" ""
        EDITOR='sh -c "echo >ready; sleep 0.3"' start "$SOPS" edit e.yaml
        kill -$signal "$pid"
        ends $((128 + $(kill -l $signal)))
        same "$(ls -A "$TMPDIR")" ""
    done
}

@test "Ctrl-C at a terminal is the command's, and it is told once" {
    check 7 on_terminal 'ready=>\x03' -- "$SOPS" exec-env e.yaml -- "$told" x
    has "$out" 'told INT False'
    check 7 on_terminal 'ready=>\x1c' -- "$SOPS" exec-file e.yaml -- "$told" {}
    has "$out" 'told QUIT True'
    check 130 on_terminal 'ready=>\x03' -- "$SOPS" exec-env e.yaml 'echo ready; exec sleep 9'
    # A program that goes on after Ctrl-C keeps the terminal.
    check 5 on_terminal 'one=>\x03' 'caught=>second\r' -- "$SOPS" exec-env e.yaml \
        'trap "echo caught" INT; echo one; while [ -z "$x" ]; do read x; done; echo "read $x"; exit 5'
    has "$out" 'read second'
}

@test "at a terminal a signal of another process reaches what the shell has started" {
    (for _ in $(seq 100); do [ -e ready ] || sleep 0.05; done; kill -TERM "$(cat pid)") 3>&- &
    check 7 on_terminal '=>' -- sh -c 'echo $$ >pid; exec "$SOPS" exec-env e.yaml "\"\$told\"; exit 3"'
    has "$out" 'told TERM'
}

@test "Ctrl-Z stops the whole job, and fg goes on with it" {
    check 7 on_terminal '$ =>"$SOPS" exec-env e.yaml "exec \\"\\$told\\""\r' 'ready=>\x1a' 'Stopped=>fg\r' 'told CONT=>exit $?\r' \
        -- env PS1='$ ' bash --norc --noprofile -i
    check 0 on_terminal '$ =>"$SOPS" exec-env e.yaml "echo shown" | head -n 1; exit\r' -- env PS1='$ ' bash --norc --noprofile -i
    has "$out" $'shown\r'
}

@test "as the first process of a container" {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces here"
    start unshare --pid --fork --mount-proc "$SOPS" exec-env e.yaml "'$told'; exit 1"
    kill -TERM "$(pgrep -P "$pid")"
    ends 7
    has "$(cat said)" 'told TERM'
    start unshare --pid --fork --mount-proc "$SOPS" exec-file e.yaml 'echo >ready; sleep 9; : {}'
    kill -TERM "$(pgrep -P "$pid")"
    ends 143
    check 6 unshare --pid --fork --mount-proc "$SOPS" exec-env e.yaml '(sleep 0.1 & :); sleep 0.5; ps -eo stat; exit 6'
    lacks "$out" Z
    # On a terminal whose /proc is another container's.
    check 7 on_terminal 'ready=>\x03' -- unshare --pid --fork --mount-proc "$SOPS" exec-env e.yaml -- "$told" x
    has "$out" 'told INT False'
    check 4 on_terminal 'ready=>' -- unshare --pid --fork "$SOPS" exec-env e.yaml 'trap "echo told; exit 4" TERM; echo ready; kill -TERM 1; sleep 9 & wait'
    has "$out" told
}

@test "Ctrl-C at a terminal is the editor's" {
    EDITOR='sh -c "trap : INT; echo ready; sleep 2; sed -i s/canary.*/changed/ \$0"' check 0 on_terminal 'ready=>\x03' -- "$SOPS" edit e.yaml
    same "$("$SOPS" decrypt e.yaml)" 'a: changed'
    EDITOR='sh -c "echo ready; sleep 2"' check 1 on_terminal 'ready=>\x03' -- "$SOPS" edit e.yaml
}

@test "commands have the limits that sops was started with" {
    (ulimit -Hc unlimited) || skip "core files are limited here"
    for command in 'exec-env' 'exec-env --same-process' 'exec-file'; do
        for limit in 0 1000 unlimited; do
            # shellcheck disable=SC2086
            same "$(ulimit -Sc $limit; "$SOPS" $command e.yaml 'grep core /proc/self/limits')" \
                "$(ulimit -Sc $limit; grep core /proc/self/limits)"
        done
    done
    start "$SOPS" exec-env e.yaml 'echo >ready; sleep 0.3'
    grep -q '^Max core file size *0 ' "/proc/$pid/limits" # sops itself leaves none
    ends 0
}
