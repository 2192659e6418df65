#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() { setup_work; }

commands() { "$SOPS" help | sed -n '/^COMMANDS:/,/^$/s/^   \([a-z-]*\).*/\1/p'; }

@test "help, -h, --help and h are the same" {
    check 0 "$SOPS" help
    whole=$out
    same "$err" ""
    for word in -h --help h; do
        check 0 "$SOPS" "$word"
        same "$out" "$whole"
    done
    [ "$(commands | wc -l)" -ge 6 ]
}

@test "each command has a help with an example, the same three ways" {
    for command in $(commands); do
        check 0 "$SOPS" help "$command"
        whole=$out
        [[ $out == *COMMANDS:* ]] || has "$out" EXAMPLE: # those below such a command have one each
        [ "$command" = help ] && continue
        check 0 "$SOPS" "$command" --help
        same "$out" "$whole"
        check 0 "$SOPS" "$command" -h
        same "$out" "$whole"
    done
}

@test "a blank stands between the name of a command and what it does, also behind a long name" {
    check 0 "$SOPS" help git
    [[ "$out" =~ filter-process\ +encrypt\ what ]]
    [[ "$out" =~ merge-driver\ +merge\ three ]]
}

@test "no help for what is not there: 3" {
    check 3 "$SOPS" help nonsense
    has "$err" "No help topic for 'nonsense'"
    check 3 "$SOPS" completion nonsense
    check 3 "$SOPS" groups help nonsense
    check 0 "$SOPS" groups ''
    check 0 "$SOPS" help ''
}

@test "commands below a command" {
    check 0 "$SOPS" help groups
    whole=$out
    for words in groups 'groups help' 'groups h' 'groups --help'; do
        # shellcheck disable=SC2086 # several words
        check 0 "$SOPS" $words
        same "$out" "$whole"
    done
    check 0 "$SOPS" help groups add
    whole=$out
    has "$whole" 'sops groups add'
    for words in 'groups help add' 'groups add --help'; do
        # shellcheck disable=SC2086 # several words
        check 0 "$SOPS" $words
        same "$out" "$whole"
    done
}

@test "wrong usage shows the usage on stdout and the cause on stderr" {
    check 1 "$SOPS" decrypt --ouptut x f
    has "${out%%$'\n'*}" 'Incorrect Usage'
    has "$out" USAGE:
    has "$err" 'did you mean --output?'
}

@test "--version" {
    check 0 "$SOPS" --version
    same "$out" "sops $(release)"
    check 0 "$SOPS" -v decrypt nonsense
    same "$out" "sops $(release)"
    SOPS_DISABLE_VERSION_CHECK=maybe check 1 "$SOPS" --version
    has "$err" maybe
}

@test "completion" {
    check 0 "$SOPS" completion bash
    check 0 bash -n "$work/out"
    check 0 "$SOPS" completion zsh
    check 0 "$SOPS" --generate-bash-completion
    has "$out" decrypt
    check 0 "$SOPS" decrypt --in-p --generate-bash-completion
    same "$(sort -u <<<"$out")" --in-place
    check 0 bash -c 'source <("$SOPS" completion bash)
        sops() { "$SOPS" "$@"; }
        COMP_WORDS=(sops dec) COMP_CWORD=1
        _encrypted_file_words
        echo "${COMPREPLY[*]}"'
    same "$out" decrypt
}

@test "completion below a command of this program: its commands and options, and no others" {
    check 0 "$SOPS" git --generate-bash-completion
    has "$out" install
    has "$out" resolve
    check 0 "$SOPS" config --generate-bash-completion
    has "$out" explain
    check 0 "$SOPS" git install -- --generate-bash-completion
    has "$out" --uninstall
    lacks "$out" --kms
    check 0 "$SOPS" check --fo --generate-bash-completion
    same "$out" --format
}

@test "completion: types of keys and of files, and files" {
    check 0 bash -c 'source <("$SOPS" completion bash)
        COMP_WORDS=(sops decrypt --decryption-order age,p) COMP_CWORD=3
        _encrypted_file_words
        echo "${COMPREPLY[*]}"
        COMP_WORDS=(sops decrypt --input-type y)
        _encrypted_file_words
        echo "${COMPREPLY[*]}"'
    same "$out" $'age,pgp\nyaml'
}

@test "completion: fish" {
    command -v fish >/dev/null || skip "no fish here"
    mkdir bin
    ln -s "$SOPS" bin/sops
    echo x >kept.yaml
    fish() { env PATH="$PWD/bin:$PATH" fish --no-config -c "sops completion fish | source; complete -C'$1'" | cut -f1; }
    same "$(fish 'sops dec')" decrypt
    same "$(fish 'sops keyg')" keygen
    same "$(fish 'sops decrypt --in-p')" --in-place
    same "$(fish 'sops decrypt --decryption-order age,p')" age,pgp
    same "$(fish 'sops decrypt --output-type jso')" json
    same "$(fish 'sops decrypt kept')" kept.yaml
}

@test "completion: zsh takes the script" {
    command -v zsh >/dev/null || skip "no zsh here"
    check 0 "$SOPS" completion zsh
    check 0 zsh -n "$work/out"
}

@test "the manual page is made from the same tables and names every command" {
    check 0 "$SOPS" help --man
    man=$out
    for command in $(commands); do
        has "$man" ".SS sops ${command//-/\\-}"
    done
    if command -v groff >/dev/null; then
        check 0 groff -man -ww -z -T utf8 "$work/out"
        same "$err" ""
    fi
}

@test "the manual page in docs/ is the one that the program makes" {
    check 0 "$SOPS" help --man
    diff "$work/out" "$BATS_TEST_DIRNAME/../../docs/sops.1"
}
