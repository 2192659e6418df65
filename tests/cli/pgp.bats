#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A key with a passphrase: who is asked, where, how often; and what of that the user's own programs see. The pinentry here
# notes what it is told and types the passphrase. Skipped where there is no gpg.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    command -v gpg >/dev/null || skip "no gpg"
    setup_work
    GNUPGHOME=$(mktemp -d /tmp/sops-test-pgp.XXXXXX) # the path of a socket is short
    export GNUPGHOME NOTES=$work/notes PASSPHRASE=canary-pass
    unset GPG_TTY
    cat >"$GNUPGHOME/pinentry" <<'END'
#!/bin/sh
echo "start" >>"$NOTES"
echo "OK"
while read -r line; do
    echo "$line" >>"$NOTES"
    case $line in
    GETPIN) echo "D $PASSPHRASE" ;;
    BYE*) echo OK; exit ;;
    esac
    echo "OK"
done
END
    # shellcheck disable=SC2016 # expanded when it runs
    printf '#!/bin/sh\necho "agent $*" >>"$NOTES"\nexec gpg-agent "$@"\n' >"$GNUPGHOME/agent"
    chmod +x "$GNUPGHOME/pinentry" "$GNUPGHOME/agent"
    echo "pinentry-program $GNUPGHOME/pinentry" >"$GNUPGHOME/gpg-agent.conf"
    gpg --batch --quiet --pinentry-mode loopback --passphrase "$PASSPHRASE" --quick-gen-key one@example.org rsa2048 encr,sign never 2>/dev/null
    gpgconf --kill gpg-agent
    echo "agent-program $GNUPGHOME/agent" >"$GNUPGHOME/gpg.conf"
    FP=$(gpg --batch --with-colons --list-keys one@example.org 2>/dev/null | sed -n 's/^fpr:*\(.*\):/\1/p')
    printf 'a: 1\n' >p.yaml
    "$SOPS" encrypt --pgp "$FP" p.yaml >e.yaml
    : >"$NOTES"
}

# The words of a report, without the breaks of its lines.
words() { tr -s ' |\r\n' ' ' <<<"$1"; }

teardown() {
    [ -z "${GNUPGHOME:-}" ] && return
    gpgconf --kill all
    rm -rf "$GNUPGHOME"
}

@test "encrypting needs no agent and asks nobody" {
    check 0 "$SOPS" encrypt --pgp "$FP" p.yaml
    same "$(cat "$NOTES")" ""
}

@test "the passphrase is asked for on the terminal of sops, once, by one agent" {
    cp e.yaml e2.yaml
    check 0 "$BATS_TEST_DIRNAME/terminal.py" -- sh -c 'tty >tty; "$SOPS" decrypt e.yaml >o </dev/null && "$SOPS" rotate -i e2.yaml </dev/null'
    same "$(cat o)" "a: 1"
    has "$(cat "$NOTES")" "OPTION ttyname=$(cat tty)"
    same "$(grep -c GETPIN "$NOTES")" 1
    same "$(grep -c "^agent" "$NOTES")" 1
}

@test "many files in one run start one agent" {
    mkdir more
    for i in 1 2 3; do cp e.yaml "more/e$i.yaml"; done
    age=$("$SOPS" keygen 2>/dev/null)
    printf 'creation_rules:\n- pgp: %s\n  age: %s\n' "$FP" "$age" >.sops.yaml
    check 0 "$BATS_TEST_DIRNAME/terminal.py" -- "$SOPS" updatekeys -y more/e1.yaml more/e2.yaml more/e3.yaml
    same "$(grep -c GETPIN "$NOTES")" 1
    same "$(grep -c "^agent" "$NOTES")" 1
    for i in 1 2 3; do has "$(cat "more/e$i.yaml")" "$age"; done
}

@test "what the user has set for GPG_TTY is used" {
    GPG_TTY=/dev/pts/77 check 0 "$BATS_TEST_DIRNAME/terminal.py" -- "$SOPS" decrypt e.yaml
    has "$(cat "$NOTES")" "OPTION ttyname=/dev/pts/77"
}

@test "without a terminal nobody is asked where the agent was started" {
    "$BATS_TEST_DIRNAME/terminal.py" -- gpg-connect-agent --agent-program "$GNUPGHOME/agent" /bye >/dev/null
    check 0 setsid "$SOPS" decrypt e.yaml </dev/null # this pinentry needs no terminal
    has "$(cat "$NOTES")" "OPTION ttyname=/dev/no-terminal"
}

@test "without a terminal nothing waits, and the message says what to do" {
    printf '#!/bin/sh\nsleep 60\n' >"$GNUPGHOME/pinentry"
    echo "pinentry-program /usr/bin/pinentry-curses" >"$GNUPGHOME/gpg-agent.conf"
    check 128 timeout 20 setsid "$SOPS" decrypt e.yaml </dev/null
    has "$(tr -d "\n|" <<<"$err" | tr -s " ")" "no terminal to ask"
    has "$err" GPG_TTY
}

@test "without the secret key the message says that it is missing" {
    gpg --batch --yes --delete-secret-keys "$FP"
    check 128 "$SOPS" decrypt e.yaml
    has "$err" "No secret key"
    has "$(tr -d "\n|" <<<"$err" | tr -s " ")" "the secret key is in no keyring here"
}

@test "gpgme is loaded for PGP alone" {
    loaded() { LD_DEBUG=files "$@" 2>&1 | grep -c 'file=libgpgme.*generating link map' || true; }
    age=$("$SOPS" keygen 2>/dev/null)
    "$SOPS" encrypt --age "$age" p.yaml >a.yaml
    same "$(loaded "$SOPS" decrypt a.yaml)" 0
    same "$(loaded "$SOPS" encrypt --age "$age" p.yaml)" 0
    same "$(loaded "$SOPS" --version)" 0
    same "$(loaded "$SOPS" filestatus e.yaml)" 0
    same "$(loaded "$SOPS" encrypt --pgp "$FP" p.yaml)" 1
}

@test "programs of the user do not see what was set for gpg" {
    # The passphrase is in the agent after the first.
    check 0 "$BATS_TEST_DIRNAME/terminal.py" -- "$SOPS" decrypt e.yaml
    check 0 setsid "$SOPS" exec-env e.yaml 'echo "[${GPG_TTY-unset}]"' </dev/null
    same "$out" "[unset]"
    check 0 "$BATS_TEST_DIRNAME/terminal.py" -- "$SOPS" exec-env e.yaml 'echo "[${GPG_TTY-unset}]"'
    has "$out" "[unset]"
    check 0 setsid "$SOPS" exec-file e.yaml 'echo "[${GPG_TTY-unset}]"' </dev/null
    same "$out" "[unset]"
    check 200 env EDITOR='sh -c '"'"'echo "[${GPG_TTY-unset}]" >seen'"'"' x' setsid "$SOPS" edit e.yaml </dev/null
    same "$(cat seen)" "[unset]"
    GPG_TTY='' check 0 setsid "$SOPS" exec-env e.yaml 'echo "[${GPG_TTY-unset}]"' </dev/null
    same "$out" "[]"
    GPG_TTY=/dev/pts/77 check 0 setsid "$SOPS" exec-env e.yaml 'echo "[${GPG_TTY-unset}]"' </dev/null
    same "$out" "[/dev/pts/77]"
}

@test "with pinentry-mode loopback in gpg.conf the passphrase is asked for on the terminal of sops" {
    echo 'pinentry-mode loopback' >>"$GNUPGHOME/gpg.conf"
    check 0 "$BATS_TEST_DIRNAME/terminal.py" 'one@example.org=>canary-pass\r' -- sh -c '"$SOPS" decrypt e.yaml >o </dev/null'
    has "$out" 'Enter passphrase for PGP key "one@example.org":'
    lacks "$out" canary-pass
    same "$(cat o)" 'a: 1'
    check 0 "$SOPS" decrypt e.yaml # the agent keeps it
    lacks "$(cat "$NOTES")" GETPIN
}

@test "with pinentry-mode loopback a wrong passphrase, none, and no terminal are errors at once" {
    echo 'pinentry-mode loopback' >>"$GNUPGHOME/gpg.conf"
    check 128 "$BATS_TEST_DIRNAME/terminal.py" 'Enter passphrase=>wrong\r' -- "$SOPS" decrypt e.yaml
    has "$out" 'Bad passphrase'
    check 128 "$BATS_TEST_DIRNAME/terminal.py" 'Enter passphrase=>\x04' -- "$SOPS" decrypt e.yaml
    has "$(words "$out")" 'the terminal gave no answer'
    check 128 timeout 10 setsid -w "$SOPS" decrypt e.yaml </dev/null
    has "$(words "$err")" 'no passphrase: standard input is not a terminal'
    has "$(words "$err")" 'gpg.conf has "pinentry-mode loopback"'
    echo no-allow-loopback-pinentry >>"$GNUPGHOME/gpg-agent.conf"
    gpgconf --kill gpg-agent
    check 128 timeout 10 setsid -w "$SOPS" decrypt e.yaml </dev/null
    has "$(words "$err")" 'gpg-agent.conf has "no-allow-loopback-pinentry"'
    lacks "$(cat "$NOTES")" GETPIN
}

@test "for what is no message gpg is not started" {
    sed 's/-----BEGIN PGP MESSAGE-----/nothing/' e.yaml >not.yaml
    SOPS_GPG_EXEC=/nowhere/gpg check 128 "$SOPS" decrypt not.yaml
    has "$(words "$err")" 'no valid OpenPGP data found'
    SOPS_GPG_EXEC=/nowhere/gpg check 128 "$SOPS" decrypt e.yaml
    has "$err" /nowhere/gpg
}
