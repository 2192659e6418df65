#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf 'user: ann\npass: canary-1\n# about x\nx: 1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    cp e.yaml before.yaml
}

teardown() {
    same "$(ls -A "$TMPDIR")" ""
    same "$(find . -name '.sops*')" ""
}

# An editor that does what the lines of stdin say, one at each start, with the file as $1.
editor() {
    cat >rounds
    cat >ed.sh <<'END'
line=$(head -n 1 rounds); sed -i 1d rounds
eval "$line"
END
    export EDITOR="sh ed.sh"
}

# ${somebody[@]} runs a command as a user without rights over everything.
as_somebody() {
    somebody=()
    [ "$(id -u)" = 0 ] || return 0
    chmod 777 "$TMPDIR" .
    chmod -R a+rX "$HOME"
    local at=$PWD
    while [ "$at" != / ]; do chmod a+x "$at"; at=$(dirname "$at"); done
    somebody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
}

@test "one value changes, the others keep their ciphertext" {
    chmod 600 e.yaml
    EDITOR="sed -i 's/ann/bob/'" check 0 "$SOPS" edit e.yaml
    same "$out" ""
    same "$("$SOPS" decrypt e.yaml)" "$(sed 's/ann/bob/' p.yaml)"
    for part in 'pass: ENC' '#ENC' 'x: ENC'; do
        grep -qF "$(grep "$part" before.yaml)" e.yaml
    done
    run ! grep -qF "$(grep 'user: ' before.yaml)" e.yaml
    same "$(stat -c %a e.yaml)" 600
}

@test "the clear text is in a folder of our own" {
    editor <<'END'
stat -c %a "$1" "$(dirname "$1")"; basename "$1"; dirname "$1"; cat "$1"; echo x >"$1~"; exit 0
END
    check 200 "$SOPS" edit e.yaml
    has "$out" "$(printf '600\n700\ne.yaml\n%s/.sops' "$TMPDIR")"
    has "$out" "$(cat p.yaml)"
    has "$err" 'not changed'
    cmp e.yaml before.yaml
    check 200 env -u TMPDIR EDITOR=echo "$SOPS" edit e.yaml
    [[ $out != /tmp/* ]] || [ ! -w /dev/shm ]
    [ ! -e "$out" ]
}

@test "which editor" {
    SOPS_EDITOR='echo first' EDITOR='echo second' check 200 "$SOPS" edit e.yaml
    has "$out" 'first '
    SOPS_EDITOR='' EDITOR="echo 'a  b' \"c\\\"d\" e\\ f # no" check 200 "$SOPS" edit e.yaml
    has "$out" 'a  b c"d e f '
    EDITOR=false check 201 "$SOPS" edit e.yaml
    EDITOR=none-such-here check 201 "$SOPS" edit e.yaml
    has "$err" none-such-here
    EDITOR="'open" check 201 "$SOPS" edit e.yaml
    EDITOR='# nothing' check 201 "$SOPS" edit e.yaml
    EDITOR="sh -c 'kill -9 \$\$'" check 201 "$SOPS" edit e.yaml
    check 201 env PATH=/nonexistent "$SOPS" edit e.yaml
    has "$err" 'vim, nano, vi'
    EDITOR=rm check 2 "$SOPS" edit e.yaml
    cmp e.yaml before.yaml
}

@test "an editor that replaces the file" {
    editor <<'END'
sed 's/ann/bob/' "$1" >"$1.new" && mv "$1.new" "$1"
END
    check 0 "$SOPS" edit e.yaml
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" bob
}

@test "text that cannot be taken comes back as it was edited" {
    editor <<'END'
printf 'a: b: canary-2\n' >"$1"
grep -q canary-2 "$1" && printf 'sops: 1\n' >"$1"
grep -q sops: "$1" && : >"$1"
printf 'fine: 1\n' >"$1"
END
    check 0 "$SOPS" edit e.yaml <<<"$(printf '\n\n\n')"
    same "$("$SOPS" decrypt e.yaml)" 'fine: 1'
    has "$err" 'Press enter to return to the editor'
    lacks "$err" canary
    editor <<'END'
cp "$1" kept; echo ': : :' >"$1"
cat kept >"$1"
END
    cp e.yaml before.yaml
    check 200 "$SOPS" edit e.yaml </dev/null
    cmp e.yaml before.yaml
    EDITOR="sed -i 's/fine: 1/: [/'" check 1 "$SOPS" edit e.yaml </dev/null # and not for ever
    cmp e.yaml before.yaml
}

@test "a new file" {
    EDITOR='sed -i s/example_value/mine/' check 0 "$SOPS" edit --age "$ME" new.json
    has "$("$SOPS" decrypt new.json)" '"example_key": "mine"'
    EDITOR=true check 200 "$SOPS" edit --age "$ME" new2.env
    [ ! -e new2.env ]
    EDITOR='echo started' check 1 "$SOPS" edit new3.yaml
    same "$out" ""
    EDITOR='echo started' check 1 "$SOPS" edit --age nonsense new3.yaml
    same "$out" ""
    EDITOR='sed -i s/Welcome/Hello/' check 0 "$SOPS" --age "$ME" new4.txt
    has "$("$SOPS" decrypt new4.txt)" 'Hello to SOPS!'
}

@test "with -s settings and keys can be edited, and values are not lost" {
    OTHER=$("$SOPS" keygen --output other.txt 2>&1 | grep -o 'age1[a-z0-9]*')
    EDITOR="sed -i -e 's/ann/bob/' -e 's/unencrypted_suffix: .*/encrypted_regex: ^pass/'" check 0 "$SOPS" edit -s e.yaml
    grep -q '^user: bob' e.yaml
    grep -q '^pass: ENC' e.yaml
    same "$("$SOPS" decrypt e.yaml)" "$(sed 's/ann/bob/' p.yaml)"
    editor <<'END'
cp "$1" kept; sed -i '/^sops:/,$d' "$1"
sed 's/- enc: .*/- none: |/; s/age:/none:/' kept >"$1"
sed 's/bob/carol/' kept >"$1"
END
    check 0 "$SOPS" edit -s e.yaml <<<"$(printf '\n\n')"
    has "$err" 'sops metadata not found'
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" carol
    "$SOPS" groups add -i -f e.yaml --age "$OTHER"
    cat "$HOME/.config/sops/age/keys.txt" other.txt >both.txt
    # One of two groups is taken out by hand: what was a share must become the whole key.
    SOPS_AGE_KEY_FILE=$PWD/both.txt EDITOR="python3 '$BATS_TEST_DIRNAME/drop_group.py'" check 0 "$SOPS" edit -s e.yaml
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" carol
}

@test "ended by a signal: status 1, the file untouched, nothing left" {
    for signal in INT TERM HUP QUIT; do
        editor <<'END'
trap '' INT TERM HUP QUIT; echo changed: 1 >"$1"; echo "$1" >started; for i in $(seq 200); do [ -e go ] || sleep 0.05; done; echo back: 1 >"$1"; echo >ended
END
        rm -f started go ended
        env --default-signal=INT,QUIT "$SOPS" edit e.yaml 2>/dev/null 3>&- &
        pid=$!
        for _ in $(seq 100); do [ -s started ] || sleep 0.05; done
        kill -$signal $pid
        status=0
        wait $pid || status=$?
        same "$signal $status" "$signal 1"
        same "$(ls -A "$TMPDIR")" ""
        touch go
        for _ in $(seq 100); do [ -e ended ] || sleep 0.05; done
        same "$(ls -A "$TMPDIR")" ""
        cmp e.yaml before.yaml
    done
}

@test "vim on a terminal" {
    command -v vim >/dev/null || skip "no vim"
    unset EDITOR
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'canary-1=>' '=>:%s/ann/bob/\r' '=>:wq\r' -- "$SOPS" edit e.yaml
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" bob
    cp e.yaml before.yaml
    check 200 "$BATS_TEST_DIRNAME/terminal.py" 'canary-1=>' '=>:q!\r' -- "$SOPS" edit e.yaml
    check 201 "$BATS_TEST_DIRNAME/terminal.py" 'canary-1=>' '=>:cq\r' -- "$SOPS" edit e.yaml
    cmp e.yaml before.yaml
    # Text that is none comes back into the editor and is put right.
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'canary-1=>' '=>:s/:/: :/\r' '=>:wq\r' 'return to the editor=>\r' '=>:s/: :/:/\r' \
        '=>:%s/bob/carol/\r' '=>:wq\r' -- "$SOPS" edit e.yaml
    same "$("$SOPS" decrypt --extract '["user"]' e.yaml)" carol
}

@test "nano on a terminal" {
    command -v nano >/dev/null || skip "no nano"
    EDITOR=nano check 0 "$BATS_TEST_DIRNAME/terminal.py" 'canary-1=>' '=>new: 1\r' '=>\x0f' '=>\r' '=>\x18' -- "$SOPS" edit e.yaml
    same "$("$SOPS" decrypt --extract '["new"]' e.yaml)" 1
}

@test "Ctrl+C at the question leaves the editing" {
    editor <<'END'
echo ': : :' >"$1"
END
    check 1 "$BATS_TEST_DIRNAME/terminal.py" 'return to the editor=>\x03' -- "$SOPS" edit e.yaml
    cmp e.yaml before.yaml
}

@test "a full disk at a terminal: the work is not lost" {
    editor <<'END'
printf 'big: %s\n' "$(head -c 3000 /dev/zero | tr '\0' x)" >"$1"
printf 'small: 1\n' >"$1"
END
    # Room for the clear text, not for the file; then something that fits.
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'return to the editor=>\r' -- bash -c 'ulimit -f 4; exec "$SOPS" edit e.yaml'
    has "$out" 'The edited text cannot be written.'
    same "$("$SOPS" decrypt e.yaml)" 'small: 1'
}

@test "what cannot be written is told before the editor opens" {
    EDITOR='echo started' check 3 "$SOPS" edit --age "$ME" none/new.yaml
    same "$out" ""
    has "$err" "there is no folder 'none'"
    has "$err" 'the editor was not started'
    ln -s none/target.yaml link.yaml
    EDITOR='echo started' check 3 "$SOPS" edit --age "$ME" link.yaml
    same "$out" ""
    mkdir closed
    cp e.yaml closed/
    cp e.yaml open.yaml
    chmod 444 e.yaml
    chmod 555 closed
    chmod 666 closed/e.yaml
    as_somebody
    for words in e.yaml "--age $ME closed/new.yaml"; do
        # shellcheck disable=SC2086
        EDITOR='echo started' check 3 "${somebody[@]}" "$SOPS" edit $words
        same "$out" ""
        has "$err" 'permission denied'
        lacks "$err" syntax
    done
    EDITOR="sed -i 's/ann/bob/'" check 0 "${somebody[@]}" "$SOPS" edit closed/e.yaml # overwritten in place
    same "$("$SOPS" decrypt --extract '["user"]' closed/e.yaml)" bob
    chmod 755 closed
}

@test "the version is raised when it was older, never lowered" {
    sed 's/version: .*/version: 3.9.0/' before.yaml >e.yaml
    EDITOR="sed -i 's/ann/bob/'" check 0 "$SOPS" edit e.yaml
    grep -q "version: $(release)" e.yaml
    sed 's/version: .*/version: 9.0.0/' before.yaml >e.yaml
    EDITOR="sed -i 's/ann/bob/'" check 0 "$SOPS" edit e.yaml
    grep -q 'version: 9.0.0' e.yaml
}

@test "comment rules by option, for a new file" {
    EDITOR="sh -c 'printf \"# public\\na: 1\\nb: 2\\n\" >\$1' -" check 0 "$SOPS" edit --age "$ME" --encrypted-comment-regex '^ ?public' new.yaml
    grep -q '^a: ENC' new.yaml
    grep -qx 'b: 2' new.yaml
    grep -qxF '    encrypted_comment_regex: ^ ?public' new.yaml
}

@test "a plain file: encrypt it first" {
    printf 'A=1\n' >plain.env
    printf 'a: 1\n' >plain.yaml
    echo words >notes.txt
    for file in plain.env plain.yaml notes.txt; do
        cp "$file" kept
        EDITOR=true check 1 "$SOPS" edit --age "$ME" "$file"
        has "$err" "hint: it is not encrypted yet: \`sops encrypt -i $file\` does that"
        EDITOR=true check 1 "$SOPS" --age "$ME" "$file"
        has "$err" "sops encrypt -i $file"
        cmp "$file" kept
        check 0 "$SOPS" encrypt -i --age "$ME" "$file"
        EDITOR=true check 200 "$SOPS" edit "$file"
    done
    sed -i '/^sops:/,$d' e.yaml # its metadata are gone: it is encrypted
    EDITOR=true check 1 "$SOPS" edit e.yaml
    lacks "$err" 'encrypt -i'
}

@test "an empty file begins with the example, as a missing one" {
    printf 'cat "$1" >&2\n' >show.sh
    printf 'echo >>"$1"\n' >more.sh
    for file in n.yaml n.json n.env n.ini n.bin; do
        EDITOR='sh show.sh' check 200 "$SOPS" edit --age "$ME" "$file"
        example=$err
        same "$(ls "$file" 2>/dev/null)" ""
        printf '\n \n' >"$file"
        chmod 640 "$file"
        EDITOR='sh show.sh' check 200 "$SOPS" edit --age "$ME" "$file"
        same "$err" "$example"
        : >"$file"
        EDITOR='sh more.sh' check 0 "$SOPS" edit --age "$ME" "$file"
        check 0 "$SOPS" filestatus "$file"
        same "$out" '{"encrypted":true}'
        same "$(stat -c %a "$file")" 640
        check 0 "$SOPS" decrypt "$file"
        has "$out" 'Welcome to SOPS!'
    done
    : >n.yaml
    EDITOR=true check 1 "$SOPS" edit n.yaml # no key, no rule
    same "$(cat n.yaml)" ""
}
