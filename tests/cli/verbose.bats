#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What --verbose says beyond the original's lines (those are in the recorded cases called "verbose").
load helpers

setup() {
    setup_identity
    OTHER=$("$SOPS" keygen -o other.txt 2>/dev/null)
    printf 'password: hunter2-is-secret\nn: 3\n' >p.yaml
}

# lines of $err without their time
lines() { sed 's/time="[^"]*"/T/' <<<"$err"; }

@test "without --verbose there is nothing of it" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    same "$err" ""
    check 0 "$SOPS" decrypt e.yaml
    same "$err" ""
}

@test "each line has the shape of the original's, before a command and in the old form" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    local form
    for form in "--verbose decrypt" "--verbose -d" "-d --verbose" "--verbose=true exec-env"; do
        check 0 "$SOPS" $form e.yaml $([ "${form##* }" != exec-env ] || echo true)
        same "$(grep -cvE $'^\\[[A-Z]+\\]\t time="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z" level=(info|debug) msg=' <<<"$err")" 0
        has "$(lines)" $'[SOPS]\t T level=info msg="Data key recovered successfully"'
        has "$(lines)" $'[SOPS]\t T level=debug msg="Decrypting tree"'
    done
}

@test "each key that was tried is named, with why it failed" {
    check 0 "$SOPS" encrypt --age "$OTHER,$ME" --output e.yaml p.yaml
    check 0 "$SOPS" --verbose decrypt e.yaml
    has "$(lines)" $'[AGE]\t T level=info msg="Decryption failed" recipient='"$OTHER"' error="'
    has "$(lines)" $'[AGE]\t T level=info msg="Decryption succeeded" recipient='"$ME"
}

@test "the configuration and the rule that was taken, and why not the others" {
    cat >.sops.yaml <<END
creation_rules:
  - path_regex: ^prod/
    age: $OTHER
  - path_regex: \.yaml\$
    age: $ME
  - path_regex: p
    age: $OTHER
  - path_regex: (
    age: $OTHER
  - age: $OTHER
END
    check 0 "$SOPS" --verbose encrypt p.yaml
    has "$(lines)" "[CONFIG]	 T level=debug msg=\"Configuration read\" file=$PWD/.sops.yaml
[CONFIG]	 T level=debug msg=\"Creation rule does not match\" line=2 path_regex=^prod/ path=p.yaml
[CONFIG]	 T level=debug msg=\"Creation rule taken\" line=4 path_regex=\"\\\\.yaml\$\" path=p.yaml
[CONFIG]	 T level=debug msg=\"Creation rule matches as well and is ignored: an earlier one was taken\" line=6 path_regex=p path=p.yaml
[CONFIG]	 T level=debug msg=\"Creation rule not looked at: its path_regex does not compile\" line=8 path_regex=\"(\" path=p.yaml
[CONFIG]	 T level=debug msg=\"Creation rule matches as well and is ignored: an earlier one was taken\" line=10 path=p.yaml"
    has "$(lines)" $'[AGE]\t T level=info msg="Encryption succeeded" recipient='"$ME"
    check 0 "$SOPS" --verbose --config /dev/null encrypt --age "$ME" p.yaml
    has "$(lines)" "keys=$ME"
    rm .sops.yaml
    check 0 "$SOPS" --verbose encrypt --age "$ME" p.yaml
    has "$(lines)" $'[CONFIG]\t T level=debug msg="No configuration found"'
}

@test "groups: the split, and each share" {
    printf 'creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [%s]\n      - age: [%s]\n' "$ME" "$ME" >.sops.yaml
    check 0 "$SOPS" --verbose encrypt --output e.yaml p.yaml
    has "$(lines)" $'[SOPS]\t T level=info msg="Splitting data key with Shamir Secret Sharing" parts=2 quorum=2'
    check 0 "$SOPS" --verbose decrypt e.yaml
    same "$(grep -c 'msg="Decryption succeeded"' <<<"$err")" 2
}

@test "no secret and no text of the document is said, whatever the command" {
    local identity
    identity=$(grep -v '^#' "$HOME/.config/sops/age/keys.txt")
    printf 'creation_rules:\n  - age: %s,%s\n' "$OTHER" "$ME" >.sops.yaml
    check 0 "$SOPS" --verbose encrypt --output e.yaml p.yaml
    cat "$work/err" >all
    local command
    for command in "decrypt e.yaml" "decrypt --extract [\"password\"] e.yaml" "rotate -i e.yaml" "updatekeys -y e.yaml" \
        "exec-env e.yaml true" "unset e.yaml [\"n\"]" "filestatus e.yaml" "-d e.yaml"; do
        check 0 "$SOPS" --verbose $command
        cat "$work/err" >>all
    done
    check 0 "$SOPS" --verbose set e.yaml '["password"]' '"hunter2-is-secret-too"'
    cat "$work/err" >>all
    SOPS_EDITOR='sed -i s/too/now/' check 0 "$SOPS" --verbose edit e.yaml
    cat "$work/err" >>all
    SOPS_AGE_KEY=$(grep -v '^#' other.txt) HOME=/nowhere check 0 "$SOPS" --verbose decrypt e.yaml
    cat "$work/err" >>all
    [ "$(grep -c 'Data key recovered' all)" -ge 9 ]
    lacks "$(cat all)" hunter2
    lacks "$(cat all)" "$identity"
    lacks "$(cat all)" AGE-SECRET
}

@test "a key service is named" {
    check 0 "$SOPS" encrypt --age "$ME" --output e.yaml p.yaml
    "$SOPS" keyservice --network unix --address "$PWD/ks" 3>&- &
    local service=$!
    for _ in $(seq 100); do [ -S ks ] && break; sleep 0.05; done
    check 0 "$SOPS" --verbose decrypt --enable-local-keyservice=false --keyservice "unix://$PWD/ks" e.yaml
    kill "$service"
    wait "$service"
    has "$(lines)" $'[CMD]\t T level=info msg="Connecting to key service" address="unix://'"$PWD/ks\""
    has "$(lines)" "recipient=$ME service=\"unix://$PWD/ks\""
}
