#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'user: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
}

teardown() {
    if [ -n "${service:-}" ]; then kill "$service" 2>/dev/null || true; fi
}

# start OPTION…: a key service on ks.sock with what stdin answers; it has the identity, commands from now on have not.
start() {
    "$SOPS" keyservice --net unix --addr "$PWD/ks.sock" "$@" <&0 >service.out 2>service.err 3>&- &
    service=$!
    for _ in $(seq 100); do [ -S ks.sock ] && break; sleep 0.05; done
    export HOME=$work/none SOPS_KEYSERVICE=unix://$PWD/ks.sock SOPS_ENABLE_LOCAL_KEYSERVICE=false
}

# stop SIGNAL: the service ends with 0 and takes its socket along.
stop() {
    local status=0
    kill -s "$1" "$service"
    wait "$service" || status=$?
    service=
    same "$status" 0
    [ ! -e ks.sock ]
}

@test "wraps and unwraps for others; its socket is for its owner only" {
    start </dev/null
    same "$(stat -c %a ks.sock)" 600
    check 0 "$SOPS" decrypt e.yaml
    same "$out" "user: canary-1"
    check 0 "$SOPS" encrypt --age "$ME" p.yaml
    check 0 "$SOPS" rotate -i e.yaml
    stop TERM
    same "$(cat service.out service.err)" ""
    check 128 "$SOPS" decrypt e.yaml
    has "$err" 'code = Unavailable'
}

@test "an open connection does not keep it from ending" {
    start </dev/null
    exec 9< <(python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print("there", flush=True)
time.sleep(30)' "$PWD/ks.sock")
    read -r word <&9
    same "$word" there
    stop TERM
    exec 9<&-
}

@test "many at once" {
    start </dev/null
    pids=()
    for i in $(seq 20); do
        "$SOPS" decrypt e.yaml >"out.$i" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for i in $(seq 20); do same "$(cat "out.$i")" "user: canary-1"; done
    stop TERM
}

@test "--prompt: y, n, and no answer" {
    printf 'y\nperhaps\nn\n' >answers
    start --prompt <answers
    check 0 "$SOPS" decrypt e.yaml
    check 128 "$SOPS" decrypt e.yaml
    has "$err" 'code = PermissionDenied'
    check 128 "$SOPS" decrypt e.yaml
    has "$err" 'code = Unknown'
    has "$(cat service.out)" 'Received decrypt request using'
    stop TERM
}

@test "--verbose says where it listens and what is asked" {
    start --verbose --prompt < <(printf 'y\nn\n')
    check 0 "$SOPS" decrypt e.yaml
    check 128 "$SOPS" decrypt e.yaml
    stop TERM
    same "$(sed 's/time="[^"]*"/T/' service.err)" "[KEYSERVICE]	 T level=info msg=\"Listening on unix://$PWD/ks.sock\"
[AGE]	 T level=info msg=\"Decryption succeeded\" recipient=$ME
[KEYSERVICE]	 T level=info msg=\"Request rejected by user\" request=decrypt key=$ME"
}

@test "cannot listen" {
    : >there
    check 1 "$SOPS" keyservice --network unix --address "$PWD/there"
    has "$err" 'address already in use'
    [ -f there ]
    check 1 "$SOPS" keyservice --network unix --address "$PWD/no/such/folder"
    has "$err" 'no such file or directory'
    check 1 "$SOPS" keyservice --network smoke --address x
    has "$err" "unknown network 'smoke'"
    check 1 "$SOPS" keyservice --address 127.0.0.1
    has "$err" 'HOST:PORT'
    check 1 "$SOPS" keyservice --address 127.0.0.1:nonsense
    check 1 "$SOPS" keyservice --address 192.0.2.1:5000
}

@test "open to other machines: a warning" {
    "$SOPS" keyservice --address 0.0.0.0:0 2>service.err 3>&- &
    service=$!
    for _ in $(seq 100); do [ -s service.err ] && break; sleep 0.05; done
    has "$(cat service.err)" 'is open to other machines'
    "$SOPS" keyservice --address 127.0.0.1:0 2>quiet.err 3>&- &
    local quiet=$!
    sleep 0.3
    kill "$quiet"
    wait "$quiet"
    same "$(cat quiet.err)" ""
}

@test "addresses that are none" {
    export SOPS_ENABLE_LOCAL_KEYSERVICE=false
    for url in unix://relative tcp:// nonsense http://127.0.0.1:9 tcp://127.0.0.1:9 unix:///no/such.sock; do
        check 128 "$SOPS" decrypt --keyservice "$url" e.yaml
        has "$err" 'code = Unavailable'
        check 0 "$SOPS" decrypt --enable-local-keyservice=true --keyservice "$url" e.yaml
    done
    check 128 "$SOPS" decrypt --keyservice 127.0.0.1:5000 e.yaml
    has "$err" "cannot parse the address '127.0.0.1:5000'"
}

@test "a service that does not speak gRPC: an error at once" {
    python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
while True:
    c, _ = s.accept()
    c.sendall(b"220 mail.example.org\r\n")
    c.close()' "$PWD/mail.sock" 3>&- &
    service=$!
    for _ in $(seq 100); do [ -S mail.sock ] && break; sleep 0.05; done
    check 128 timeout 10 "$SOPS" decrypt --enable-local-keyservice=false --keyservice "unix://$PWD/mail.sock" e.yaml
    has "$err" 'code = Unavailable'
}
