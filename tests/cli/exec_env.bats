#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'A=one\nB=two words $X `y`\nEMPTY=\n' >p.env
    "$SOPS" encrypt --age "$ME" p.env >e.env
}

@test "values are variables of the command" {
    check 0 "$SOPS" exec-env e.env 'printf "%s|%s|%s" "$A" "$B" "$EMPTY"'
    same "$out" 'one|two words $X `y`|'
    A=inherited OTHER=inherited check 0 "$SOPS" exec-env e.env 'echo "$A $OTHER"'
    same "$out" 'one inherited'
    OTHER=inherited check 0 "$SOPS" exec-env --pristine e.env 'echo "$A [$OTHER] [$HOME]"'
    same "$out" 'one [] []'
    same "$("$SOPS" exec-env e.env cat <<<'from stdin')" 'from stdin'
}

@test "the kinds of values" {
    printf 'i: 42\nf: 3.0\nbig: 1e21\nt: true\nn: null\nd: 2001-12-14\nd2: 2001-12-14T10:00:00.25+01:00\nm: |\n    a\n    b\n# comment\ni2: 1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    check 0 "$SOPS" exec-env --pristine e.yaml 'for v in i f big t n d d2 m i2; do eval "echo \"$v=\$$v\""; done'
    same "$out" "$(printf 'i=42\nf=3.0\nbig=1E+21\nt=true\nn=<nil>\nd=2001-12-14T00:00:00Z\nd2=2001-12-14T10:00:00+01:00\nm=a\nb\n\ni2=1')"
    for doc in 'a: {b: canary-1}' 'a: [canary-1]' '"a=b": canary-1' 'a: "canary-1\0"'; do
        printf '%s\n' "$doc" | "$SOPS" encrypt --age "$ME" --filename-override x.yaml >e.yaml
        check 1 "$SOPS" exec-env e.yaml 'echo started'
        same "$out" ""
        has "$err" "'a"
        lacks "$err" canary
    done
}

@test "the status is the command's" {
    check 7 "$SOPS" exec-env e.env 'exit 7'
    same "$err" ""
    check 255 "$SOPS" exec-env e.env 'kill -9 $$'
    check 127 "$SOPS" exec-env e.env 'no-such-program-here'
    check 137 "$SOPS" exec-env --same-process e.env 'kill -9 $$'
    check 3 "$SOPS" exec-env --same-process e.env 'exit 3'
    same "$(bash -c 'echo $$; exec "$SOPS" exec-env --same-process e.env "echo \$\$"' | uniq | wc -l)" 1
}

@test "nothing runs unless all is well" {
    check 1 "$SOPS" exec-env e.env
    check 1 "$SOPS" exec-env e.env echo word
    check 2 "$SOPS" exec-env none.env 'echo started'
    same "$out" ""
    check 1 "$SOPS" exec-env p.env 'echo started'
    same "$out" ""
    check 8 "$SOPS" exec-env --background --same-process e.env 'echo started'
    same "$out" ""
    sed 's/^sops_mac=.*/sops_mac=/' e.env >m.env
    check 51 "$SOPS" exec-env m.env 'echo started'
    same "$out" ""
    mv "$HOME/.config" "$HOME/away"
    check 128 "$SOPS" exec-env e.env 'echo started'
    same "$out" ""
}

@test "behind -- a program runs without a shell" {
    check 0 "$SOPS" exec-env e.env -- printf '%s;' '$A' 'b c' '*'
    same "$out" '$A;b c;*;'
    check 0 "$SOPS" exec-env --pristine e.env -- env -u PWD
    has "$out" A=one
    check 1 "$SOPS" exec-env e.env -- no-such-program-here x
    has "$err" no-such-program-here
    check 0 "$SOPS" exec-env e.env -- 'echo $A'
    same "$out" one
}

@test "--background does not wait" {
    check 0 "$SOPS" exec-env --background e.env 'sleep 0.3; echo "$A"; cat >in; echo "$A" >out.tmp; mv out.tmp out' <e.env
    same "$out" ""
    has "$err" deprecated
    for _ in $(seq 50); do [ -e out ] || sleep 0.1; done
    same "$(cat out in)" one
}

@test "--user" {
    check 1 "$SOPS" exec-env --user no-such-user-here e.env 'echo started'
    same "$out" ""
    has "$err" no-such-user-here
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    check 0 "$SOPS" exec-env --user nobody e.env 'id -un; id -Gn; echo "$USER $LOGNAME $HOME $A"; cat e.env 2>/dev/null | wc -l'
    same "${out%%$'\n'*}" nobody
    has "$out" "nobody nobody $(getent passwd nobody | cut -d: -f6) one"
    check 0 "$SOPS" exec-env --user nobody --pristine e.env 'echo "$USER $A"'
    same "$out" 'nobody one'
    check 0 setpriv --groups 4242 "$SOPS" exec-env --user nobody e.env 'id -G' # none of our groups
    same "$out" "$(id -G nobody)"
}

@test "commands get the usual treatment of closed pipes" {
    check 0 "$SOPS" exec-env e.env 'sh -c "yes; echo \$? >&2" | head -n 1 >/dev/null'
    has "$err" 141
}

@test "--input-type, and a hint only where there is one" {
    cp e.env x.production.enc
    check 1 "$SOPS" exec-env x.production.enc env
    has "$err" '--input-type says otherwise'
    check 0 "$SOPS" exec-env --input-type dotenv --pristine x.production.enc 'echo "$A"'
    same "$out" one
    check 1 "$SOPS" exec-env --input-type json x.production.enc env
    lacks "$err" 'hint'
    sed -i 's/^A=ENC.*/A=ENC[AES256_GCM,data:AA==,iv:AAAAAAAAAAAAAAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]/' e.env
    check 25 "$SOPS" exec-env e.env env
    "$SOPS" encrypt --age "$ME" --unencrypted-suffix _plain --filename-override x.env <<<'A_plain=one' >m.env
    sed -i 's/one/two/' m.env
    check 51 "$SOPS" exec-env m.env env
    lacks "$err" '--ignore-mac'
    check 51 "$SOPS" decrypt m.env
    has "$err" '--ignore-mac'
}
