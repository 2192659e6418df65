#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# seal, unseal and reseal, and the name kubeseal. tests/acceptance/seal judges them in full.

bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    cp "$BATS_TEST_DIRNAME"/../acceptance/seal/keys/{dev,prod}.{pem,key} .
    chmod 600 ./*.key
    printf 'kind: Secret\nmetadata:\n  name: app\n  namespace: prod\nstringData:\n  a: one\n  b: two\n' >plain.yaml
    "$SOPS" encrypt --age "$ME" --encrypted-regex '^(data|stringData)$' plain.yaml >in.yaml
}

@test "what did not change stays byte for byte; one value changes one ciphertext" {
    "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    cp s.yaml before.yaml
    run -0 --separate-stderr "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    [ "$output" = "" ]
    cmp s.yaml before.yaml
    "$SOPS" set in.yaml '["stringData"]["a"]' '"new"'
    run -1 "$SOPS" seal --check --cert dev.pem --output s.yaml in.yaml
    cmp s.yaml before.yaml
    run -0 --separate-stderr "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    [ "$output" = "s.yaml: prod/app: sealed a; kept 1" ]
    [ "$(grep '^    b:' s.yaml)" = "$(grep '^    b:' before.yaml)" ]
}

@test "unseal and reseal: the way back, for another certificate" {
    "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    run -0 "$SOPS" reseal --key dev.key --cert prod.pem s.yaml
    [ "$output" = "s.yaml: prod/app: sealed a, b; kept 0" ]
    run -128 "$SOPS" unseal --key dev.key s.yaml
    [[ $output == *"a, b"* ]]
    run -0 "$SOPS" unseal --key prod.key --string-data s.yaml
    [[ $output == *"a: one"* ]]
}

@test "reseal keeps the comment behind the indicator of a block of lines" {
    "$SOPS" seal --cert dev.pem --output s.yaml plain.yaml
    sed -i -E 's/^    a: (.{60})(.*)/    a: |  # why\n      \1\n      \2/' s.yaml
    run -0 "$SOPS" reseal --key dev.key --cert prod.pem s.yaml
    grep -Eq '^    a: A[0-9A-Za-z+/=]+  # why$' s.yaml
    run -0 "$SOPS" unseal --key prod.key --string-data s.yaml
    [[ $output == *"a: one"* ]]
}

@test "a name of digits is a name; a key that others read as another text is refused" {
    sed 's/name: app/name: 123/; s/  a: one/  7: seven\n  true: yes/' plain.yaml >digits.yaml
    "$SOPS" seal --cert dev.pem --output s.yaml digits.yaml
    run -0 "$SOPS" unseal --key dev.key --string-data s.yaml
    [[ $output == *'name: "123"'* ]]
    [[ $output == *'"7": seven'* ]]
    [[ $output == *'"true": "yes"'* ]]
    for key in 007 0x1f +7 -0 1_0 True 1.5 null; do
        sed "s/  a: one/  $key: x/" plain.yaml >odd.yaml
        run -23 "$SOPS" seal --cert dev.pem odd.yaml
        [[ $output == *"put it in quotes"* ]]
    done
}

@test "seal -r that finds nothing to seal says so" {
    mkdir nothing
    cd nothing
    printf 'creation_rules: [{age: %s}]\n' "$ME" >.sops.yaml
    run -0 --separate-stderr "$SOPS" seal -r .
    [ "$output" = "" ]
    [[ $stderr == *"no encrypted file was found for which a rule of \`sealing\` matches"* ]]
    run -0 --separate-stderr "$SOPS" seal -r --check .
    [[ $stderr == *"nothing was sealed"* ]]
}

@test "a target that cannot be written fails its file alone, whatever is written beside it" {
    mkdir out
    for i in 1 2 3; do
        sed "s/name: app/name: app$i/" plain.yaml >$i.yaml
    done
    ln -s /dev/full out/app2.yaml
    run -1 --separate-stderr "$SOPS" seal --cert dev.pem --output 'out/{name}.yaml' 1.yaml 2.yaml 3.yaml
    [[ $stderr == *"'2.yaml': cannot write"*"out/app2.yaml': no space left on device"* ]]
    [[ $stderr == *"failed sealing 1 of 3 files"* ]]
    [ "$output" = "out/app1.yaml: prod/app1: new, 2 items"$'\n'"out/app3.yaml: prod/app3: new, 2 items" ]
    [ "$(find out -type f | sort | tr '\n' ' ')" = "out/app1.yaml out/app3.yaml " ]
    ln -sf /dev/null out/app2.yaml
    run -0 "$SOPS" seal --cert dev.pem --output 'out/{name}.yaml' 2.yaml
}

@test "unseal: a failure names file and document, and what one file gave no other one replaces" {
    "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    "$SOPS" seal --cert dev.pem --name other --output t.yaml plain.yaml
    touch out.yaml
    run -1 "$SOPS" unseal --key dev.key --output out.yaml s.yaml
    [[ $output == *"'s.yaml': document 1: 'out.yaml' is there already"* ]]
    run -1 "$SOPS" unseal --key dev.key --force --output out.yaml s.yaml t.yaml
    [[ $output == *"'t.yaml': document 1: 'out.yaml' was written for another file of this run already"* ]]
    grep -q 'name: app' out.yaml
    run -128 "$SOPS" unseal --key prod.key <s.yaml
    [[ $output == *"'stdin': document 1: "* ]]
}

@test "a list without a Secret is nothing to seal" {
    printf 'apiVersion: v1\nkind: List\nitems: []\n' >list.yaml
    run -92 "$SOPS" seal --cert dev.pem list.yaml
    ln -s "$SOPS" kubeseal
    run -1 --separate-stderr ./kubeseal --cert dev.pem -f list.yaml
    [ "$output" = "" ]
}

@test "by the name kubeseal: its format, no tags, its statuses" {
    ln -s "$SOPS" kubeseal
    run -0 --separate-stderr ./kubeseal --cert dev.pem -f in.yaml
    [[ $output == '{'* ]]
    [[ $output != *sops-seal-tags* ]]
    run -2 ./kubeseal --nonsense
    run -1 ./kubeseal --cert gone.pem -f in.yaml
    [[ ${lines[0]} == "error: "* ]]
}

@test "certificates that must not be sealed for" {
    cp "$BATS_TEST_DIRNAME"/../acceptance/seal/keys/{expired,small,ec}.pem .
    run -1 "$SOPS" seal --cert expired.pem plain.yaml
    [[ $output == *"expired on 20"* ]]
    run -1 "$SOPS" seal --cert small.pem plain.yaml
    [[ $output == *"less than 2048"* ]]
    run -1 "$SOPS" seal --cert ec.pem plain.yaml
    [[ $output == *"an EC key"* ]]
    mkdir secrets && cp in.yaml secrets/
    rule="  rules: [{path_regex: ^secrets/, output: 'sealed/{name}.yaml'}]"
    printf 'sealing:\n  clusters: {dev: {cert: dev.pem, fingerprint: sha256:%064d}}\n%s\n' 0 "$rule" >.sops.yaml
    run -1 "$SOPS" seal -r secrets
    [[ $output == *"is not pinned"* ]]
    printf 'sealing:\n  clusters: {dev: {cert: "http://sealed.example/cert.pem"}}\n%s\n' "$rule" >.sops.yaml
    run -1 "$SOPS" seal -r secrets
    [[ $output == *"http"* ]]
    [ ! -e sealed ]
}

@test "what others put there stays, and so does what lies outside of the rules' folder" {
    "$SOPS" seal --cert dev.pem --name other --output s.yaml in.yaml
    cp s.yaml before.yaml
    run -1 "$SOPS" seal --cert dev.pem --output s.yaml in.yaml
    [[ $output == *"'other'"*"--force replaces it"* ]]
    cmp s.yaml before.yaml
    mkdir -p top/secrets && cp in.yaml dev.pem top && cp in.yaml top/secrets
    printf 'sealing:\n  clusters: {dev: {cert: dev.pem}}\n  rules: [{path_regex: ^secrets/, output: out/s.yaml}]\n' >top/.sops.yaml
    ln -s .. top/out
    run -1 env -C top "$SOPS" seal -r secrets
    [[ $output == *"leaves the folder"* ]]
    cmp s.yaml before.yaml
}

@test "what kubectl applied last, which holds the values, is not copied" {
    sed 's/^  namespace: prod/&\n  annotations: {kubectl.kubernetes.io\/last-applied-configuration: one, note: kept}/' plain.yaml >noted.yaml
    run -0 "$SOPS" seal --cert dev.pem noted.yaml
    [[ $output == *"note: kept"* ]]
    [[ $output != *"last-applied"* ]]
}

@test "unseal gives a whole Secret to its owner, or nothing" {
    "$SOPS" seal --cert dev.pem --output s.yaml plain.yaml
    "$SOPS" unseal --key dev.key --output clear.yaml s.yaml
    [ "$(stat -c %a clear.yaml)" = 600 ]
    "$SOPS" seal --cert prod.pem --output t.yaml plain.yaml
    sed "s|^    b: .*|$(grep '^    b: ' t.yaml)|" s.yaml >mixed.yaml
    run -25 --separate-stderr "$SOPS" unseal --key dev.key mixed.yaml
    [ "$output" = "" ]
    [[ $stderr == *"prod/app"*"strict"*": b"* ]]
    sed 's/^  template:/&\n    data: {c: "{{ .a }}", d: as it stands}/' s.yaml >pattern.yaml
    run -4 "$SOPS" unseal --key dev.key pattern.yaml
    [[ $output == *": c"*"--skip-template"* ]]
    run -0 --separate-stderr "$SOPS" unseal --key dev.key --string-data --skip-template pattern.yaml
    [[ $output == *"d: as it stands"* ]]
    [[ $output != *"{{"* ]]
}

@test "reseal: a template widens no scope; what cannot be replaced in the text is left" {
    "$SOPS" seal --cert dev.pem --output s.yaml plain.yaml
    sed 's/^    metadata:/&\n      annotations: {sealedsecrets.bitnami.com\/cluster-wide: "true"}/' s.yaml >wide.yaml
    cp wide.yaml before.yaml
    run -23 "$SOPS" reseal --key dev.key --cert prod.pem wide.yaml
    [[ $output == *"wider scope"* ]]
    cmp wide.yaml before.yaml
    sed -E 's/^    a: (.*)/    a: \&x \1/; s/^    b: .*/    b: *x/' s.yaml >alias.yaml
    cp alias.yaml before.yaml
    run -25 "$SOPS" reseal --key dev.key --cert prod.pem alias.yaml
    cmp alias.yaml before.yaml
    sed -E 's/^    a: (.*)/    a: \&x \1/; s/^    metadata:/&\n      labels: {same: *x}/' s.yaml >alias.yaml
    cp alias.yaml before.yaml
    run -25 "$SOPS" reseal --key dev.key --cert prod.pem alias.yaml
    [[ $output == *"cannot be replaced in its text"* ]]
    cmp alias.yaml before.yaml
}

@test "a file that is called like a new command is still the file" {
    cp in.yaml seal
    run -0 --separate-stderr "$SOPS" --input-type yaml --output-type yaml -d seal
    [[ $output == *"a: one"* ]]
    run -0 --separate-stderr "$SOPS" seal --help
    [[ $output == *"fetch-certs"* ]]
}
