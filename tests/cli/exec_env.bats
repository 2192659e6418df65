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

@test "behind -- a program takes the place of sops, without a shell" {
    check 0 "$SOPS" exec-env e.env -- printf '%s;' '$A' 'b c' '*' --pristine --help -- -i
    same "$out" '$A;b c;*;--pristine;--help;--;-i;'
    check 0 "$SOPS" exec-env --pristine e.env -- env -u PWD
    has "$out" A=one
    same "$(bash -c 'echo $$; exec "$SOPS" exec-env e.env -- sh -c "echo \$\$"' | uniq | wc -l)" 1
    check 3 "$SOPS" exec-env e.env -- sh -c 'exit 3'
    check 137 "$SOPS" exec-env e.env -- sh -c 'kill -9 $$'
    check 0 "$SOPS" exec-env e.env -- 'echo $A'
    same "$out" one
    check 0 "$SOPS" exec-env --no-shell --pristine e.env -- /usr/bin/env
    has "$out" A=one
}

@test "a program that is not there, or cannot be run" {
    mkdir rel && printf '#!/bin/sh\necho started\n' >rel/tool && chmod +x rel/tool
    for command in exec-env exec-file; do
        check 127 "$SOPS" "$command" e.env -- no-such-program-here x
        has "$err" no-such-program-here
        check 127 "$SOPS" "$command" e.env -- ./none x
        check 126 "$SOPS" "$command" e.env -- ./e.env x
        check 126 "$SOPS" "$command" e.env -- ./rel x
        PATH=rel:$PATH check 127 "$SOPS" "$command" e.env -- tool x
        PATH=rel:$PWD/rel:$PATH check 0 "$SOPS" "$command" e.env -- tool x
    done
    check 127 "$SOPS" exec-env --no-shell e.env -- 'echo $A'
}

@test "wrong words" {
    for command in exec-env exec-file; do
        for words in '--no-shell e.env touch' '--no-shell e.env --' '--no-shell -- touch' 'e.env e.env touch' 'e.env --' \
            '-- e.env touch ran' '--no-shell -- e.env touch' 'e.env --nonesuch -- touch ran'; do
            check 1 "$SOPS" "$command" $words
        done
    done
    [ ! -e ran ]
    check 1 "$SOPS" exec-env --flatten / e.env -- touch ran
    check 1 "$SOPS" exec-env --flatten= e.env -- touch ran
    has "$err" 'the value of flag -flatten is empty'
    check 1 "$SOPS" exec-env --only "" e.env -- touch ran
    has "$err" '--only names no entry'
}

@test "several files: all open or nothing runs, the later one counts" {
    printf 'A=later\nC=three\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >f.env
    check 0 "$SOPS" exec-env e.env --pristine f.env -- /bin/sh -c 'echo "$A $B $C [$HOME]"'
    same "$out" 'later two words $X `y` three []'
    check 0 "$SOPS" exec-env f.env e.env -- 'echo "$A $C"'
    same "$out" 'one three'
    sed 's/^sops_lastmodified=.*/sops_lastmodified=2020-01-01T00:00:00Z/' f.env >m.env
    check 51 "$SOPS" exec-env e.env m.env -- touch ran
    has "$err" m.env
    check 2 "$SOPS" exec-env e.env none.env -- touch ran
    has "$err" none.env
    [ ! -e ran ]
}

@test "--flatten, --only, --upper and --prefix, in this order" {
    printf 'db: {pw: canary-1, hosts: [a, {port: 5}]}\ntop: t\n"a=b": x\n' | "$SOPS" encrypt --age "$ME" --filename-override x.yaml >n.yaml
    check 1 "$SOPS" exec-env n.yaml -- touch ran
    check 0 "$SOPS" exec-env --pristine --flatten _ --only db_pw,db_hosts_1_port --only top --upper --prefix p_ n.yaml e.env -- /usr/bin/env -u PWD
    same "$out" "$(printf 'p_DB_PW=canary-1\np_DB_HOSTS_1_PORT=5\np_TOP=t')"
    check 1 "$SOPS" exec-env --only nope n.yaml -- touch ran
    has "$err" nope
    check 1 "$SOPS" exec-env --only 'a=b' n.yaml -- touch ran
    printf 'a_b: canary-1\na: {b: canary-2}\nK: 1\nk: 2\n' | "$SOPS" encrypt --age "$ME" --filename-override x.yaml >c.yaml
    check 1 "$SOPS" exec-env --flatten _ c.yaml -- touch ran
    has "$err" "'a_b' and 'a.b'"
    lacks "$err" canary
    check 1 "$SOPS" exec-env --upper --only K,k c.yaml -- touch ran
    check 0 "$SOPS" exec-env --upper --only K c.yaml -- true x
    [ ! -e ran ]
}

@test "--redact takes values out of both outputs, and passes statuses on" {
    printf 'PW=canary-secret\nSHORT=abc\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >r.env
    check 3 "$SOPS" exec-env --redact r.env -- sh -c 'printf "a $PW b"; echo "$PW$SHORT" >&2; exit 3'
    same "$out" 'a [redacted PW] b'
    same "$err" "$(printf 'warning: 1 value is shorter than 6 bytes and is not redacted: SHORT\n[redacted PW]abc')"
    check 0 "$SOPS" exec-env --redact r.env 'printf %s "$PW" | base64; printf canar'
    lacks "$out" canary
    has "$out" 'canar'
    check 0 "$SOPS" exec-file --redact r.env 'cat {}'
    has "$out" 'PW=[redacted PW]'
    printf 'open: public-value\npw: abcd\n' | "$SOPS" encrypt --age "$ME" --encrypted-regex '^pw$' --filename-override x.yaml >c.yaml
    check 0 "$SOPS" exec-env --redact --redact-min 4 c.yaml -- sh -c 'echo "$open $pw"'
    same "$out" 'public-value [redacted pw]'
    check 137 "$SOPS" exec-env --redact r.env -- sh -c 'kill -9 $$'
    check 255 "$SOPS" exec-env --redact r.env 'kill -9 $$'
    check 127 "$SOPS" exec-env --redact r.env -- nonesuch x
    for words in '--redact --background' '--redact --same-process' '--redact-min 8'; do
        check 8 "$SOPS" exec-env $words r.env -- touch ran
    done
    for n in 3 4097 x; do check 1 "$SOPS" exec-env --redact --redact-min $n r.env -- touch ran; done
    [ ! -e ran ]
}

@test "--redact: a signal that ends both lets out what was held back" {
    printf 'PW=canary-secret\n' | "$SOPS" encrypt --age "$ME" --filename-override x.env >r.env
    run bash -c 'env --default-signal=TERM "$SOPS" exec-env --redact r.env -- sh -c "printf canary-sec; exec sleep 20" >o & sleep 1; kill -TERM $!; wait $!'
    same "$status" 143
    same "$(cat o)" canary-sec
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
