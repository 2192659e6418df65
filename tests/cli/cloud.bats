#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How servers are reached, over real sockets. What they may answer is replayed by the unit tests.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_work
    printf 'a: canary\n' >p.yaml
    export VAULT_TOKEN=canary-token
}

teardown() {
    [ -z "${server:-}" ] || kill "$server"
}

# start [OPTIONS OF cloud_server.py]: $HTTP, $HTTPS … are its ports, $at its folder.
start() {
    at=$work/server
    mkdir "$at"
    "$BATS_TEST_DIRNAME/cloud_server.py" "$at" "$@" 3>&- 2>"$at/err" &
    server=$!
    for _ in $(seq 100); do
        [ ! -e "$at/ready" ] || break
        sleep 0.1
    done
    # shellcheck source=/dev/null
    . "$at/ports"
}


keys() { # COUNT PREFIX
    local list=
    for i in $(seq "$1"); do list=$list,$2$i; done
    echo "${list#,}"
}

# best OF COMMAND…: the least of five runs in milliseconds
best() {
    local best=100000 begin took
    for _ in 1 2 3 4 5; do
        begin=$(date +%s%N)
        "$@" >/dev/null || return 1
        took=$((($(date +%s%N) - begin) / 1000000))
        [ "$took" -ge "$best" ] || best=$took
    done
    echo "$best"
}

# all clouds, by the one server
all_clouds() {
    export SSL_CERT_FILE=$at/ca.pem HTTPS_PROXY=http://127.0.0.1:$PROXY
    export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=canary AWS_EC2_METADATA_DISABLED=true
    export GOOGLE_OAUTH_ACCESS_TOKEN=canary AZURE_TENANT_ID=tenant AZURE_CLIENT_ID=c AZURE_CLIENT_SECRET=canary
    export HUAWEICLOUD_SDK_AK=a HUAWEICLOUD_SDK_SK=canary HUAWEICLOUD_SDK_PROJECT_ID=p
    export HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1=http://127.0.0.1:$HTTP
    arn=arn:aws:kms:us-east-1:111122223333:key/ resource=projects/p/locations/l/keyRings/r/cryptoKeys/
}

@test "ten keys at 100 ms each are wrapped within 250 ms" {
    start --delay 100
    took=$(best "$SOPS" encrypt --hc-vault-transit "$(keys 10 "http://127.0.0.1:$HTTP/v1/sops/keys/k")" p.yaml)
    [ "$took" -lt 250 ] || { echo "one source: $took ms"; return 1; }
    all_clouds
    took=$(best "$SOPS" encrypt --kms "$(keys 2 "$arn")" --gcp-kms "$(keys 2 "$resource")" --hckms "$(keys 2 tr-west-1:k)" \
        --azure-kv "$(keys 2 https://v.vault.azure.net/keys/k/)" \
        --hc-vault-transit "$(keys 2 "https://127.0.0.1:$HTTPS/v1/sops/keys/k")" p.yaml)
    [ "$took" -lt 250 ] || { echo "five sources: $took ms"; return 1; }
}
