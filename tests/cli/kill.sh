#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kills sops at random moments while it writes a file of 5 MiB in place (encrypt, decrypt, rotate, set, edit; hard-linked every
# third time): the file must be one whole version afterwards. After a signal that can be caught nothing else may be left: no
# file beside it, no clear text in the temporary folder. SIGKILL may leave a new file only in the moment between its getting
# a name and the rename. KILLS (200) is how many; SEED makes a run repeatable.
set -u
SOPS=$(realpath "${SOPS:-$(dirname "$0")/../../build/dev/sops}")
KILLS=${KILLS:-200}
RANDOM=${SEED:-$$}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home TMPDIR=$work/tmp
mkdir "$HOME" "$TMPDIR" "$work/dir"
cd "$work/dir" || exit 2
unset EDITOR SOPS_EDITOR SOPS_AGE_KEY SOPS_AGE_KEY_FILE
recipient=$("$SOPS" keygen 2>/dev/null) || exit 2
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "key%d: canary-%0240d\n", i, i }' >"$work/plain"
sed 's/canary-0*7$/other/' "$work/plain" >"$work/plain2"
cp "$work/plain" p.yaml
"$SOPS" encrypt --age "$recipient" p.yaml >"$work/sealed" || exit 2
rm p.yaml

run_once() { # OPERATION
    case $1 in
        encrypt) exec env --default-signal=INT,QUIT "$SOPS" encrypt -i --age "$recipient" f.yaml ;;
        decrypt) exec env --default-signal=INT,QUIT "$SOPS" decrypt -i f.yaml ;;
        rotate) exec env --default-signal=INT,QUIT "$SOPS" rotate -i f.yaml ;;
        set) exec env --default-signal=INT,QUIT "$SOPS" set f.yaml '["key7"]' '"other"' ;;
        edit) EDITOR="sed -i 's/canary-0*7\$/other/'" exec env --default-signal=INT,QUIT "$SOPS" edit f.yaml ;;
    esac
}

start_with() { # OPERATION: the file as it is before
    rm -f f.yaml linked
    if [ "$1" = encrypt ]; then cp "$work/plain" f.yaml; else cp "$work/sealed" f.yaml; fi
    cp f.yaml "$work/before"
}

fail() {
    echo "kill $i, $operation, signal $signal after ${delay}s, hard link $linked: $*"
    bad=$((bad + 1))
}

declare -A takes
for operation in encrypt decrypt rotate set edit; do
    start_with $operation
    begin=$(date +%s%N)
    (run_once $operation) >/dev/null 2>&1 || { echo "$operation does not work"; exit 2; }
    takes[$operation]=$((($(date +%s%N) - begin) / 1000))
done

bad=0 whole_old=0 whole_new=0 named=0 signals=(KILL KILL KILL TERM INT HUP QUIT USR1 XCPU ABRT SEGV)
for ((i = 0; i < KILLS; i++)); do
    operations=(encrypt decrypt rotate set edit)
    operation=${operations[i % 5]}
    signal=${signals[RANDOM % ${#signals[@]}]}
    linked=no
    start_with $operation
    if ((i % 3 == 0)); then
        ln f.yaml linked
        linked=yes
    fi
    micro=$(((RANDOM * 32768 + RANDOM) % (takes[$operation] * 12 / 10)))
    delay=$(printf '%d.%06d' $((micro / 1000000)) $((micro % 1000000)))
    (run_once $operation) >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -"$signal" $pid 2>/dev/null
    wait $pid 2>/dev/null
    if cmp -s f.yaml "$work/before"; then
        whole_old=$((whole_old + 1))
    elif [ "$operation" = decrypt ] && cmp -s f.yaml "$work/plain"; then
        whole_new=$((whole_new + 1))
    elif "$SOPS" decrypt f.yaml >"$work/after" 2>"$work/err" &&
        { cmp -s "$work/after" "$work/plain" || cmp -s "$work/after" "$work/plain2"; }; then
        whole_new=$((whole_new + 1))
    elif [ $signal = KILL ] && [ $linked = yes ] && cmp -s .sops-old-* "$work/before"; then
        whole_old=$((whole_old + 1)) # overwritten in place: the old content stands beside it
    else
        fail "the file is no whole version ($(head -c 200 "$work/err"))"
    fi
    if [ $signal != KILL ]; then
        left=$(find . -name '.sops*')
        [ -z "$left" ] || fail "left beside the file: $left"
        [ -z "$(ls -A "$TMPDIR")" ] || fail "left in the temporary folder: $(ls -AR "$TMPDIR")"
    fi
    named=$((named + $(find . -name '.sops-*' ! -name '.sops-old-*' | wc -l)))
    rm -rf .sops* "${TMPDIR:?}"/.sops*
done
[ $named -le $((1 + KILLS / 100)) ] || { echo "$named times a new file is left under a name of its own"; bad=$((bad + 1)); }
echo "$KILLS kills: $whole_old times the old file, $whole_new times the new one, $bad failures"
[ $bad = 0 ] && [ $whole_old -gt 0 ] && [ $whole_new -gt 0 ]
