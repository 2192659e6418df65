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

# vault PORT KEY [SERVER'S NAME]: encrypts with one key of the server
vault() {
    "$SOPS" encrypt --hc-vault-transit "${3:-https://127.0.0.1}:$1/v1/sops/keys/$2" p.yaml
}

@test "Vault: whom to trust" {
    export VAULT_MAX_RETRIES=0
    start
    check 1 vault "$HTTPS" k
    has "$err" "certificate"
    has "$err" "SSL_CERT_FILE"
    VAULT_CACERT=$at/ca.pem check 0 vault "$HTTPS" k
    VAULT_CACERT_BYTES=$(cat "$at/ca.pem") check 0 vault "$HTTPS" k
    VAULT_CAPATH=$at/ca check 0 vault "$HTTPS" k
    VAULT_CAPATH=$at/hashed check 0 vault "$HTTPS" k
    VAULT_CAPATH=$at/hashed:$at/ca check 1 vault "$HTTPS" k
    has "$err" "VAULT_CAPATH: the folder cannot be read"
    VAULT_SKIP_VERIFY=true check 0 vault "$HTTPS" k
    VAULT_SKIP_VERIFY=0 check 1 vault "$HTTPS" k
    VAULT_SKIP_VERIFY=no check 1 vault "$HTTPS" k
    has "$err" "VAULT_SKIP_VERIFY: not a boolean"
    SSL_CERT_FILE=$at/ca.pem check 0 vault "$HTTPS" k
    for folders in "$at/ca" "$at/hashed" "/none:$at/ca" "$at/hashed:$at/ca" "$work:$at/ca:"; do
        SSL_CERT_DIR=$folders check 0 vault "$HTTPS" k
        SSL_CERT_DIR=$folders SSL_CERT_FILE=/none check 0 vault "$HTTPS" k
        SSL_CERT_DIR=$folders SSL_CERT_FILE=$at/client.pem check 0 vault "$HTTPS" k
    done
    mkdir other
    cp "$at/client.pem" other
    SSL_CERT_DIR=$PWD/other check 1 vault "$HTTPS" k
    SSL_CERT_DIR=$PWD/other SSL_CERT_FILE=$at/ca.pem check 0 vault "$HTTPS" k
    VAULT_CAPATH=$PWD/other SSL_CERT_FILE=$at/ca.pem check 1 vault "$HTTPS" k
    # Vault's own variable stands in place of the general one, not beside it.
    SSL_CERT_FILE=$at/ca.pem VAULT_CACERT=$at/client.pem check 1 vault "$HTTPS" k
    VAULT_CACERT=$at/client.pem VAULT_CACERT_BYTES=$(cat "$at/ca.pem") check 1 vault "$HTTPS" k
    VAULT_CACERT_BYTES=$(cat "$at/client.pem") VAULT_CAPATH=$at/ca check 1 vault "$HTTPS" k
    VAULT_CACERT=$at/none.pem check 1 vault "$HTTPS" k
    has "$err" "VAULT_CACERT: the file cannot be read"
    VAULT_CACERT=$at/client.key check 1 vault "$HTTPS" k
    has "$err" "hint: look at the certificate authorities"
    lacks "$err" canary
}

@test "Vault: the server's name" {
    export VAULT_MAX_RETRIES=0 VAULT_CACERT=$PWD/ca.pem
    start
    cp "$at/ca.pem" .
    check 1 vault "$INNER" k
    VAULT_TLS_SERVER_NAME=vault.inner check 0 vault "$INNER" k
    has "$(cat "$at/log")" "PUT 127.0.0.1:$INNER /v1/sops/encrypt/k"
    VAULT_TLS_SERVER_NAME=vault.other check 1 vault "$INNER" k
    check 0 vault "$HTTPS" k https://localhost
}

@test "Vault: a client's certificate" {
    export VAULT_MAX_RETRIES=0 VAULT_CACERT=$PWD/ca.pem
    start
    cp "$at/ca.pem" .
    check 1 vault "$MUTUAL" k
    VAULT_CLIENT_CERT=$at/client.pem VAULT_CLIENT_KEY=$at/client.key check 0 vault "$MUTUAL" k
    VAULT_CLIENT_CERT=$at/client.pem check 1 vault "$MUTUAL" k
    has "$err" "both client cert and client key must be provided"
    VAULT_CLIENT_CERT=$at/client.pem VAULT_CLIENT_KEY=$at/inner.key check 1 vault "$MUTUAL" k
    has "$err" "look at the client certificate and its key"
    VAULT_CLIENT_CERT=$at/client.pem VAULT_CLIENT_KEY=$at/none check 1 vault "$MUTUAL" k
}

@test "Vault: a unix socket" {
    start
    VAULT_AGENT_ADDR=unix://$at/socket check 0 vault 1 k
    "$SOPS" encrypt --hc-vault-transit "http://127.0.0.1:$HTTP/v1/sops/keys/k" p.yaml >e.yaml
    sed "s#vault_address: .*#vault_address: unix://$at/socket#" e.yaml >u.yaml
    HTTP_PROXY=http://127.0.0.1:1 check 0 "$SOPS" decrypt u.yaml
    same "$out" "a: canary"
    same "$(grep -c 'connect UNIX' "$at/log")" 2
    has "$(cat "$at/log")" "PUT localhost /v1/sops/decrypt/k"
    sed -i "s#vault_address: .*#vault_address: unix://$at/none#" u.yaml
    VAULT_MAX_RETRIES=0 check 128 "$SOPS" decrypt u.yaml
}

@test "Vault: tries, time, redirects" {
    export VAULT_MAX_RETRIES=0
    start
    here=http://127.0.0.1
    check 0 vault "$HTTP" here $here
    has "$out" "vault:v1:"
    VAULT_DISABLE_REDIRECTS=1 check 1 vault "$HTTP" here $here
    has "$err" "status 307 leads elsewhere"
    check 1 vault "$HTTP" away $here
    has "$err" "status 307 leads elsewhere"
    lacks "$(cat "$at/log")" "localhost:$HTTP"
    begin=$(date +%s)
    VAULT_CLIENT_TIMEOUT=300ms check 1 vault "$HTTP" hang $here
    [ $(($(date +%s) - begin)) -le 3 ]
    for key in close cut garbage big; do
        : >"$at/log"
        check 1 vault "$HTTP" $key $here
        lacks "$err" canary
        same "$(grep -c PUT "$at/log")" 1
    done
    has "$err" "longer than 1048576 bytes"
    : >"$at/log"
    VAULT_MAX_RETRIES=1 check 1 vault "$HTTP" close $here
    same "$(grep -c PUT "$at/log")" 2
}

@test "one connection for many files" {
    start
    printf 'creation_rules:\n- hc_vault_transit_uri: http://127.0.0.1:%s/v1/sops/keys/k\n' "$HTTP" >.sops.yaml
    for i in 1 2 3 4 5 6; do "$SOPS" encrypt p.yaml >f$i.yaml; done
    printf 'creation_rules:\n- hc_vault_transit_uri: "%s"\n' "$(keys 3 "http://127.0.0.1:$HTTP/v1/sops/keys/k")" >.sops.yaml
    : >"$at/log"
    check 0 "$SOPS" updatekeys -y f1.yaml f2.yaml f3.yaml f4.yaml f5.yaml f6.yaml
    same "$(grep -c PUT "$at/log")" 24
    [ "$(grep -c connect "$at/log")" -le 3 ]
    for i in 1 2 3; do
        cp f$i.yaml one$i.yaml
    done
    printf 'creation_rules:\n- hc_vault_transit_uri: http://127.0.0.1:%s/v1/sops/keys/other\n' "$HTTP" >.sops.yaml
    : >"$at/log"
    check 0 "$SOPS" updatekeys -y one1.yaml one2.yaml one3.yaml
    same "$(grep -c PUT "$at/log")" 6
    same "$(grep -c connect "$at/log")" 1
}

# one KEY NAME: encrypts with one key of the source, `name` being its name at the server
one() {
    case $1 in
    kms) set -- --kms "$arn$2" ;;
    gcp) set -- --gcp-kms "$resource$2" ;;
    hckms) set -- --hckms "tr-west-1:$2" ;;
    azure) set -- --azure-kv "https://v.vault.azure.net/keys/k/$2" ;;
    vault) set -- --hc-vault-transit "https://127.0.0.1:$HTTPS/v1/sops/keys/$2" ;;
    esac
    "$SOPS" encrypt "$@" p.yaml
}

@test "the proxy, the exceptions from it, the authorities" {
    start
    all_clouds
    export VAULT_MAX_RETRIES=0 AWS_MAX_ATTEMPTS=1
    for source in kms gcp azure; do
        : >"$at/log"
        check 0 one $source k
        has "$(cat "$at/log")" "CONNECT"
    done
    # Neither this machine nor Huawei's cloud is reached through a proxy.
    : >"$at/log"
    check 0 one vault k
    check 0 one hckms k
    HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1=https://kms.invalid check 1 one hckms k
    lacks "$(cat "$at/log")" CONNECT
    : >"$at/log"
    AWS_ENDPOINT_URL=https://kms.invalid NO_PROXY=kms.invalid check 1 one kms k
    has "$err" "request send failed"
    lacks "$(cat "$at/log")" CONNECT
    AWS_ENDPOINT_URL=https://kms.invalid NO_PROXY=other.invalid check 1 one kms k
    has "$(cat "$at/log")" "CONNECT kms.invalid:443"
    AWS_CA_BUNDLE=$at/client.pem check 1 one kms k
    has "$err" certificate
    SSL_CERT_FILE=$at/client.pem AWS_CA_BUNDLE=$at/ca.pem check 0 one kms k
    for source in kms vault gcp; do
        SSL_CERT_FILE=$at/client.pem check 1 one $source k
        has "$err" "hint: SSL_CERT_FILE may name a PEM file"
    done
    HTTPS_PROXY=http://127.0.0.1:1 check 1 one kms k
    HTTPS_PROXY=http://user:canary@127.0.0.1:1 check 1 one kms k
    lacks "$err" canary
}

@test "what is broken on the way, for every source" {
    start
    all_clouds
    export SOPS_HTTP_TIMEOUT=1 VAULT_CLIENT_TIMEOUT=1 VAULT_MAX_RETRIES=1 AWS_MAX_ATTEMPTS=2
    for source in kms gcp hckms azure vault; do
        for fault in close cut garbage big hang echo html away; do
            (one $source $fault >out.$source.$fault 2>err.$source.$fault || echo $? >status.$source.$fault) &
            all="${all:-} $!"
        done
    done
    wait $all
    for source in kms gcp hckms azure vault; do
        for fault in close cut garbage big hang echo html away; do
            err=$(cat err.$source.$fault)
            echo "$source $fault: $err"
            same "$(cat status.$source.$fault)" 1
            same "$(cat out.$source.$fault)" ""
            has "$err" "failed to encrypt new data key with master key"
            lacks "$err" canary
            lacks "$err" laintext
        done
        has "$(cat err.$source.big)" "longer than 1048576 bytes"
        has "$(cat err.$source.html)" "JSON"
    done
    lacks "$(cat "$at/log")" "localhost:$HTTP"
}
