#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'pw: canary-1\n' | "$SOPS" encrypt --age "$ME" --filename-override x.yaml >v.yaml
}

@test "download prints what decrypt prints" {
    check 0 "$SOPS" helm download '' '' '' sops://v.yaml
    same "$out" 'pw: canary-1'
    check 0 "$SOPS" helm download c k a "sops://$PWD/v.yaml"
    for url in sops:// v.yaml https://v.yaml SOPS://v.yaml; do
        check 1 "$SOPS" helm download '' '' '' "$url"
        same "$out" ""
    done
    check 100 "$SOPS" helm download '' '' '' sops://none.yaml
    check 1 "$SOPS" helm download sops://v.yaml
}

@test "plugins: three folders, renewed, and nothing else touched" {
    check 0 "$SOPS" helm plugins p
    same "$out" "$(printf 'p/helm3/sops\np/helm4/sops-getter\np/helm4/sops-post-render')"
    while read -r folder; do
        same "$(ls "$folder")" "$(printf 'plugin.yaml\nsops')"
        same "$(readlink "$folder/sops")" "$SOPS"
    done <<<"$out"
    echo old >p/helm3/sops/plugin.yaml
    ln -sfn /nonexistent p/helm4/sops-getter/sops
    echo mine >p/helm3/mine
    check 0 "$SOPS" helm plugins p
    grep -q 'protocols: \[sops\]' p/helm3/sops/plugin.yaml
    same "$(readlink p/helm4/sops-getter/sops) $(cat p/helm3/mine)" "$SOPS mine"
    rm p/helm3/sops/plugin.yaml && mkdir p/helm3/sops/plugin.yaml
    check 1 "$SOPS" helm plugins p
    check 1 "$SOPS" helm plugins
    same "$(find p -name '*new*')" ""
}
