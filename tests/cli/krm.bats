#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    pw: canary-1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" --encrypted-regex '^(data|stringData)$' p.yaml >s.yaml
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {v: 1.10, day: 2024-01-02}\n' >c.yaml
}

list() { # ITEM-FILE…: a resource list
    printf 'apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n'
    for f in "$@"; do sed '1s/^/- /;2,$s/^/  /' "$f"; done
}
generator() { printf 'apiVersion: sops/v1\nkind: SopsSecrets\nmetadata: {name: g}\n%s\n' "$1"; }

@test "--stream: sealed documents are opened in their place, plain ones are copied" {
    check 0 "$SOPS" krm --stream < <(cat c.yaml; echo ---; cat s.yaml; printf '%s\n' '--- # plain'; cat c.yaml)
    same "$out" "$(cat c.yaml; echo ---; cat p.yaml; printf '%s\n' '--- # plain'; cat c.yaml)"
    check 0 "$SOPS" krm --stream </dev/null
    same "$out" ""
    check 0 "$SOPS" krm --stream < <(printf '\357\273\277--- # first\n'; cat s.yaml)
    same "$out" "$(printf '\357\273\277--- # first\n'; cat p.yaml)"
    check 2 "$SOPS" krm --stream < <(iconv -f UTF-8 -t UTF-16 s.yaml)
    same "$out" ""
    has "$err" 'this is UTF-16'
}

@test "--stream: documents that were sealed as one file are opened together" {
    (cat p.yaml; echo ---; cat p.yaml) | "$SOPS" encrypt --age "$ME" --encrypted-regex '^stringData$' --filename-override x.yaml >m.yaml
    csplit -s m.yaml '/^---/'
    check 0 "$SOPS" krm --stream < <(cat xx00; echo ---; cat c.yaml; cat xx01)
    same "$out" "$(cat p.yaml; echo ---; cat c.yaml; echo ---; cat p.yaml)"
    check 51 "$SOPS" krm --stream <xx00
    same "$out" ""
    has "$err" 'hint: kustomize sorts keys and templates change values after sealing; use the generator (kind: SopsSecrets), or --ignore-mac'
    check 0 "$SOPS" krm --stream --ignore-mac <xx00
    has "$err" "warning: the MAC of 'Secret db' was not checked"
}

@test "--stream: notes of tools are no change" {
    sed 's/^    name: db$/&\n    annotations:\n        config.kubernetes.io\/index: "1"\n        internal.config.kubernetes.io\/x: y/' s.yaml >n.yaml
    check 0 "$SOPS" krm --stream <n.yaml
    has "$out" 'config.kubernetes.io/index: "1"'
    has "$out" 'internal.config.kubernetes.io/x: "y"'
    sed 's/^    name: db$/&\n    annotations:\n        config.kubernetes.io\/local-config: "true"/' s.yaml >n.yaml
    check 51 "$SOPS" krm --stream <n.yaml
}

@test "a list: sealed items opened, plain ones to the byte" {
    check 0 "$SOPS" krm < <(list c.yaml s.yaml)
    same "$out" "$(list c.yaml p.yaml)"
    check 1 "$SOPS" krm <c.yaml
    check 2 "$SOPS" krm <<<'a: ['
    check 1 "$SOPS" krm x </dev/null
}

@test "generators" {
    printf 'A="x y"\nexport B=$two\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >e.env
    generator "$(printf 'files: [s.yaml]\nsecretFrom:\n- metadata: {name: two}\n  type: Opaque\n  files: [k=s.yaml]\n  binaryFiles: [s.yaml]\n  envs: [e.env]')" >g.yaml
    check 0 "$SOPS" krm < <(list c.yaml g.yaml)
    has "$out" 'name: plain'
    has "$out" 'pw: canary-1'
    has "$out" 'A: x y'
    has "$out" 'B: $two'
    has "$out" "s.yaml: $(base64 -w0 p.yaml)"
    ln -s "$SOPS" ksops
    sed 's/SopsSecrets/ksops/; s/sops\/v1/viaduct.ai\/v1/' g.yaml >k.yaml
    check 0 ./ksops k.yaml
    has "$out" 'A: x y'
    check 0 ./ksops --help
    check 1 ./ksops a b
    check 100 ./ksops none.yaml
}

@test "what goes wrong is a result, too" {
    generator 'files: [none.yaml]' >g.yaml
    check 100 "$SOPS" krm < <(list c.yaml g.yaml)
    same "$out" "$(printf 'apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nresults:\n  - message: "cannot operate on non-existent file '"'none.yaml'"'"\n    severity: error\n    file:\n      path: "none.yaml"')"
    sed -i 's/name: db/name: other/' s.yaml
    check 51 "$SOPS" krm < <(list s.yaml)
    has "$out" 'name: "other"'
    generator 'files: ["a\e[31mb.yaml"]' >g.yaml
    check 100 "$SOPS" krm < <(list g.yaml)
    has "$out" 'path: "a?[31mb.yaml"'
    for body in '' 'files: s.yaml' 'files: [1]' 'file: [s.yaml]' 'secretFrom: [{files: [s.yaml]}]' 'files: [../x.yaml]'; do
        generator "$body" >g.yaml
        touch ../x.yaml
        check 1 "$SOPS" krm < <(list g.yaml)
        has "$out" 'severity: error'
        has "$err" hint:
    done
    generator 'file: [s.yaml]' >g.yaml
    check 1 "$SOPS" krm < <(list g.yaml)
    has "$err" "'SopsSecrets g': the generator has neither 'files' nor 'secretFrom'"
    cp s.yaml ../x.yaml
    generator 'files: [../x.yaml]' >g.yaml
    check 1 "$SOPS" krm < <(list g.yaml)
    has "$err" 'outside of the folder'
    mkfifo fifo.yaml
    generator 'files: [fifo.yaml]' >g.yaml
    check 1 timeout 10 "$SOPS" krm < <(list g.yaml)
    has "$err" 'no regular file'
}
