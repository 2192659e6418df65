# SPDX-License-Identifier: Apache-2.0
# What the tests of the command line share. Each test runs in a fresh folder with an empty HOME and nothing else in its
# environment that sops looks at. $SOPS is the program.
# shellcheck shell=bash disable=SC2034 # bats and the tests use the variables

setup_work() {
    : "${SOPS:=$BATS_TEST_DIRNAME/../../build/dev/sops}"
    SOPS=$(realpath "$SOPS")
    work=$(mktemp -d "$BATS_TEST_TMPDIR/work.XXXXXX")
    local name
    for name in $(compgen -e); do
        case $name in SOPS_* | AWS_* | VAULT_* | AZURE_* | GOOGLE_* | EDITOR | VISUAL | XDG_* | NO_COLOR) unset "$name" ;; esac
    done
    export SOPS HOME=$work/home TMPDIR=$work/tmp
    mkdir "$HOME" "$TMPDIR" "$work/files"
    cd "$work/files" || return 1
}

# Makes an identity where decrypt looks for one; $ME is its recipient.
setup_identity() {
    setup_work
    ME=$("$SOPS" keygen 2>/dev/null)
    export ME
}

# check STATUS COMMAND…: runs it with stdout in $out and stderr in $err, and wants this status.
check() {
    local want=$1 got=0
    shift
    "$@" >"$work/out" 2>"$work/err" || got=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
    if [ "$got" -ne "$want" ]; then
        printf 'status %s, not %s: %s\nstdout: %s\nstderr: %s\n' "$got" "$want" "$*" "$out" "$err"
        return 1
    fi
}

# The release that the program must say it is.
release() { sed -n 's/^#define SOPS_VERSION "\(.*\)".*/\1/p' "$BATS_TEST_DIRNAME/../../src/core/meta.h"; }

# same TEXT TEXT
same() {
    [ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }
}

# has TEXT PART
has() {
    case $1 in *"$2"*) ;; *) printf '"%s" is not in: %s\n' "$2" "$1"; return 1 ;; esac
}

lacks() {
    case $1 in *"$2"*) printf '"%s" is in: %s\n' "$2" "$1"; return 1 ;; esac
}
