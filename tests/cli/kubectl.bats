#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    pw: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" --encrypted-regex '^(data|stringData)$' p.yaml >s.yaml
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {v: 1.10}\n' >c.yaml
    mkdir bin
    printf '#!/bin/sh\necho "$@" >>log\n[ "$1" != kustomize ] || exec cat "$2/built.yaml"\ncat >>stdin\nexit ${STATUS:-0}\n' >bin/kubectl
    chmod +x bin/kubectl
    export PATH=$PWD/bin:$PATH
}

kube() { # STATUS WORD…
    rm -f log stdin
    check "$1" "$SOPS" kubectl "${@:2}"
    log=$(cat log 2>/dev/null || true) stdin=$(cat stdin 2>/dev/null || true)
}

@test "words: ours are taken out, kubectl's stay in their order" {
    kube 0 apply -n shop -f c.yaml -R --filename=s.yaml -o name -- -f x
    same "$log" 'apply --server-side --field-manager=kubectl-sops -f - -n shop -o name -- -f x'
    kube 0 apply --server-side -fc.yaml --enable-local-keyservice=true
    same "$log" 'apply -f - --server-side'
    kube 0 diff -f=c.yaml --field-manager me
    same "$log" 'diff --server-side -f - --field-manager me'
    kube 0 create -Rf c.yaml -f https://127.0.0.1:1/x
    same "$log" 'create -f - -f https://127.0.0.1:1/x'
    kube 1 get -f c.yaml
    has "$err" 'apply, create, replace, diff or delete'
    kube 1 apply
    kube 8 apply -k . -f c.yaml
    kube 8 apply -f - -f -
    kube 100 apply -f none.yaml
    same "$log" ""
    check 0 "$SOPS" kubectl --help
    ln -s "$SOPS" kubectl-sops
    check 0 ./kubectl-sops apply -f c.yaml
}

@test "what kubectl reads: opened, stringData as data; a plain document is its bytes" {
    kube 0 apply -f c.yaml,s.yaml
    same "$stdin" "$(echo ---; cat c.yaml; printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n    name: db\ndata:\n    pw: Y2FuYXJ5LTE=')"
    kube 0 delete -f s.yaml
    same "$stdin" "$(printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n    name: db')"
    "$SOPS" encrypt --age "$ME" p.yaml --output-type json --encrypted-regex '^stringData$' >j.json
    kube 0 create -f j.json
    has "$stdin" 'pw: Y2FuYXJ5LTE='
    "$SOPS" encrypt --age "$ME" --filename-override x p.yaml >whole
    kube 0 create -f whole
    same "$stdin" "$(echo ---; cat p.yaml)"
    printf '{\t"n": 1.10}' >t.json
    kube 0 create -f t.json
    same "$stdin" "$(printf -- '---\n{    "n": 1.10}')"
    STATUS=7 kube 7 apply -f c.yaml
    check 127 env PATH=/nonexistent "$SOPS" kubectl apply -f c.yaml
    check 127 env PATH=bin:/nonexistent "$SOPS" kubectl apply -f c.yaml
    SOPS_KUBECTL=$PWD/c.yaml kube 126 apply -f c.yaml
}

@test "kubectl reads also where there was no stdin" {
    rm -f stdin
    "$SOPS" kubectl apply -f c.yaml <&-
    same "$(grep -c plain stdin)" 1
}

@test "folders and patterns" {
    mkdir -p d/sub && cp c.yaml d/b.yaml && cp c.yaml d/sub/a.yml && echo 'no: [' >d/readme && mkfifo d/f.yaml
    kube 0 apply -f d
    same "$(grep -c plain stdin)" 1
    ln -s sub d/link
    ln -s ../c.yaml d/linked.yaml
    kube 0 apply -Rf d/
    same "$(grep -c plain stdin)" 3 # a file behind a link, but no folder
    kube 0 apply -f 'd/[ab].yaml'
    kube 100 apply -f 'd/*.none'
    mkdir empty
    kube 1 apply -f empty
}

@test "nothing runs unless all opens; diff shows no values" {
    sed 's/name: db/name: other/' s.yaml >m.yaml
    kube 51 apply -f s.yaml -f m.yaml
    has "$err" m.yaml
    same "$log" ""
    kube 0 apply --ignore-mac -f m.yaml
    has "$err" "the MAC of 'm.yaml: Secret other' was not checked"
    sed 's/kind: Secret/kind: ConfigMap/' p.yaml | "$SOPS" encrypt --age "$ME" --encrypted-regex '^stringData$' --filename-override x.yaml >cm.yaml
    kube 2 diff -f cm.yaml
    has "$err" 'ConfigMap db'
    has "$err" '--show'
    same "$log" ""
    kube 0 diff --show -f cm.yaml
    kube 2 diff
    kube 0 apply --server-side=false -f s.yaml
    has "$err" last-applied-configuration
    kube 0 apply --server-side=false -f c.yaml
    same "$err" ""
}

@test "-k reads what kubectl kustomize builds" {
    mkdir k && cp s.yaml k/built.yaml
    kube 0 apply -k k
    has "$log" 'kustomize k'
    has "$stdin" 'pw: Y2FuYXJ5LTE='
    kube 1 apply -k gone
}
