#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'name: shop\ndb:\n    pw: "canary it'"'"'s/1"\n    port: 5432\n    none: null\n    hosts: [one, two]\n"a.b": dotted\npem: |\n    A\n    B\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >a.yaml
}

render() { check "$1" "$SOPS" render --from a.yaml "${@:2}"; }

@test "values, paths and braces" {
    render 0 <<<'{{ name }} {{db.port}} {{ db.none }} {{ ["a.b"] }} {{ db["hosts"][1] }}{{ db . hosts . 0 }} {{{{ x }} { }}'
    same "$out" 'shop 5432 null dotted twoone {{ x }} { }}'
    check 0 "$SOPS" render <<<'nothing to fill in'
    same "$out" 'nothing to fill in'
}

@test "filters" {
    render 0 <<<'{{ db.pw | shell }} {{ db.pw | url }} {{ db.pw | base64 }} {{ db.pw | json }} {{ db | json }}'
    same "$out" "'canary it'\\''s/1' canary%20it%27s%2F1 $(printf %s "canary it's/1" | base64) \"canary it's/1\" {\"pw\":\"canary it's/1\",\"port\":5432,\"none\":null,\"hosts\":[\"one\",\"two\"]}"
    printf 'all:\n  {{ db | yaml | indent 2 }}\nx: |\n  {{ pem | indent 2 }}.' >t
    render 0 t
    same "$out" "$(printf 'all:\n  pw: canary it'"'"'s/1\n  port: 5432\n  none: null\n  hosts:\n      - one\n      - two\nx: |\n  A\n  B\n.')"
}

@test "named files" {
    printf 'E=env\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >e.env
    render 0 --from e=e.env <<<'{{ e:E }}{{ name }}'
    same "$out" envshop
    render 8 --from e.env <<<x
    render 8 --from e=e.env --from e=a.yaml <<<x
    render 1 <<<'{{ e:E }}'
    has "$err" '-:1:1:'
}

@test "errors have their place, no value, and write nothing" {
    for t in '{{' '{{ name' '{{ name | up }}' '{{ name name }}' '{{ .Values.x }}' '{{{ name }}}' '{{ name | indent 65 }}' '{{- name }}' '{{ ["x }}'; do
        SOPS_AGE_KEY=none HOME=/nonexistent render 2 <<<"ab$t"
        has "$err" '-:1:3:'
        has "$err" '{{{{'
    done
    render 1 <<<'{{ db.pw.x }}'
    lacks "$err" canary
    render 4 <<<'{{ db }}'
    has "$err" '| json'
    printf old >there
    for t in '{{ nope }}' '{{' '{{ db }}'; do
        check "$(case $t in *nope*) echo 1 ;; '{{') echo 2 ;; *) echo 4 ;; esac)" "$SOPS" render --from a.yaml --output there <<<"$t"
    done
    same "$(cat there)" old
    check 100 "$SOPS" render --from none.yaml <<<x
    render 100 none.t
    sed 's/lastmodified: .*/lastmodified: "2020-01-01T00:00:00Z"/' a.yaml >m.yaml
    check 51 "$SOPS" render --from m.yaml <<<x
    check 0 "$SOPS" render --ignore-mac --from m.yaml <<<'{{ name }}'
    has "$err" 'm.yaml'
}

@test "--output: a new file is its owner's, an old one keeps its mode, no input is overwritten" {
    umask 0
    printf '{{ name }}' >t
    render 0 --output new t
    same "$(cat new) $(stat -c %a new)" 'shop 600'
    printf old >there && chmod 640 there
    render 0 --output there t
    same "$(cat there) $(stat -c %a there)" 'shop 640'
    ln t t2
    for out in t ./t t2 a.yaml; do render 8 --output "$out" t; done
    render 3 --output no/such t
}

@test "a file called render is the file of the old form" {
    "$SOPS" encrypt --age "$ME" --filename-override x p.yaml >render
    EDITOR=true check 200 "$SOPS" render
    has "$err" "'render' is a command, too"
}
