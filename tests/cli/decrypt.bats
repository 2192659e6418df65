#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
bats_require_minimum_version 1.5.0
load helpers

setup() {
    setup_identity
    printf '{"user": "ann", "list": [1, 2.5, true, null], "in": {"x": "canary-1"}}' >p.json
    "$SOPS" encrypt --age "$ME" p.json >e.json
}

@test "what was encrypted comes back" {
    check 0 "$SOPS" decrypt e.json
    has "$out" '"user": "ann"'
    same "$err" ""
    check 0 "$SOPS" decrypt -i e.json
    same "$(cat e.json)" "$(printf '{\n\t"user": "ann",\n\t"list": [\n\t\t1,\n\t\t2.5,\n\t\ttrue,\n\t\tnull\n\t],\n\t"in": {\n\t\t"x": "canary-1"\n\t}\n}')"
}

@test "a changed file gives nothing on stdout and leaves --output alone" {
    sed 's/"user"/"name"/' e.json >moved.json
    check 25 "$SOPS" decrypt moved.json
    same "$out" ""
    has "$err" '["name"]'
    has "$err" "hint: put back what stood there"
    sed '/"user": /d' e.json >cut.json
    check 51 "$SOPS" decrypt --output o cut.json
    same "$out" ""
    [ ! -e o ]
    lacks "$err" canary-1
    check 51 "$SOPS" decrypt -i cut.json
    grep -q 'ENC\[' cut.json
    check 0 "$SOPS" decrypt --ignore-mac --extract '["in"]["x"]' cut.json
    same "$out" canary-1
}

@test "--extract gives one value" {
    check 0 "$SOPS" decrypt --extract '["list"][1]' e.json
    same "$out" 2.5
    check 0 "$SOPS" decrypt --extract '["in"]' e.json
    same "$out" "$(printf '{\n\t"x": "canary-1"\n}')"
    check 91 "$SOPS" decrypt --extract '["list"' e.json
    check 91 "$SOPS" decrypt --extract 'list' e.json
    check 1 "$SOPS" decrypt --extract '["none"]' e.json
    has "$err" '["none"]'
    check 1 "$SOPS" decrypt --extract '["list"][4]' e.json
    check 1 "$SOPS" decrypt --extract '["user"]["x"]' e.json
    check 4 "$SOPS" decrypt --output-type dotenv --extract '["list"]' e.json
    same "$out" ""
}

@test "stdin is read when there is no file" {
    check 0 "$SOPS" decrypt --filename-override x.json --extract '["user"]' <e.json
    same "$out" ann
    check 8 "$SOPS" decrypt -i <e.json
    check 4 "$SOPS" decrypt <e.json
}

@test "no key: every key is named with its reason" {
    mv "$HOME/.config" "$HOME/away"
    check 128 "$SOPS" decrypt e.json
    has "$err" 'Failed to get the data key'
    has "$err" 'Group 0: FAILED'
    has "$err" "  $ME: FAILED"
    has "$err" '    - | '
    lacks "$err" $'\033'
    check 128 "$SOPS" decrypt --enable-local-keyservice=false e.json
}

@test "a missing file, a folder, a file that is not encrypted" {
    check 100 "$SOPS" decrypt none.json
    has "$err" none.json
    mkdir dir
    check 2 "$SOPS" decrypt dir
    check 1 "$SOPS" decrypt p.json
    has "$err" p.json
    has "$err" 'sops metadata not found'
}

@test "options in conflict come before a missing file, a bad order before a bad path" {
    check 8 "$SOPS" decrypt -i --output o none.json
    check 112 "$SOPS" decrypt --decryption-order age,age --extract '[' e.json
    check 91 "$SOPS" decrypt --extract '["' e.json
}

@test "a closed stdout and a full one are errors" {
    check 1 bash -c '"$SOPS" decrypt e.json >/dev/full'
    check 1 bash -c '"$SOPS" decrypt e.json >&-'
}

@test "colours never reach what is no terminal" {
    mv "$HOME/.config" "$HOME/away"
    check 0 bash -c 'script -qec "\"\$SOPS\" decrypt e.json" /dev/null </dev/null | cat -v >seen; true'
    grep -q '\^\[\[31mFAILED' seen
    check 0 bash -c 'NO_COLOR=1 script -qec "\"\$SOPS\" decrypt e.json" /dev/null </dev/null | cat -v >seen; true'
    run ! grep -q '\^\[' seen
}

@test "a file with bad metadata: 1, from filestatus too; one without is not encrypted" {
    printf '{"a": 1, "sops": {"mac": "x"}}' >bad.json
    check 1 "$SOPS" decrypt bad.json
    check 1 "$SOPS" filestatus bad.json
    printf '{"a": 1}' >plain.json
    check 1 "$SOPS" decrypt plain.json
    has "$err" 'sops metadata not found'
    check 0 "$SOPS" filestatus plain.json
    same "$out" '{"encrypted":false}'
}

@test "what cannot be read says what to do: another type, an older version" {
    check 1 "$SOPS" decrypt <<<'a: 1'
    has "$err" "cannot parse 'stdin' as json"
    has "$err" "hint: no name says what it is, so it is taken as binary; --input-type says otherwise"
    check 1 "$SOPS" decrypt --input-type binary <<<'a: 1'
    lacks "$err" "hint:"
    sed '/"lastmodified": /d' e.json >cut.json
    check 1 "$SOPS" decrypt cut.json
    has "$err" "'cut.json': metadata: 'lastmodified'"
    has "$err" "hint: was the file cut off"
}

@test "--output to what is no regular file by its own name: written to, in order" {
    "$SOPS" decrypt e.json >plain
    cat <(echo H) plain plain plain plain <(echo F) >want
    ln -s /dev/stdout link
    write_all() {
        echo H
        "$SOPS" decrypt --output /dev/stdout e.json
        "$SOPS" decrypt --output /proc/self/fd/1 e.json
        "$SOPS" decrypt --output link e.json
        (cd /dev/fd && exec "$SOPS" decrypt --output 1 "$OLDPWD/e.json")
        echo F
    }
    write_all >all
    cmp all want
    echo before >all
    write_all >>all
    cmp all <(cat <(echo before) want)
    write_all | cmp - want
    [ -L link ]
    { "$SOPS" decrypt --output /dev/fd/3 e.json && "$SOPS" encrypt --age "$ME" --output /dev/fd/3 p.json && echo F >&3; } 3>all
    same "$(head -n "$(wc -l <plain)" all)" "$(cat plain)"
    same "$(tail -n 1 all)" F
    mkfifo pipe
    cat pipe >all &
    check 0 "$SOPS" decrypt --output pipe e.json
    wait $!
    cmp all plain
    [ -p pipe ]
    check 0 "$SOPS" decrypt --output /dev/null e.json
    [ -c /dev/null ]
    # Somebody else's open file: behind what is there.
    echo H >all
    sleep 9 3>>all &
    check 0 "$SOPS" decrypt --output /proc/$!/fd/3 e.json
    kill $!
    cmp all <(cat <(echo H) plain)
}

@test "--output to a descriptor that is closed or full" {
    check 3 "$SOPS" decrypt --output /dev/fd/9 e.json
    check 3 bash -c '"$SOPS" decrypt --output /dev/stdout e.json >&-'
    check 3 bash -c '"$SOPS" decrypt --output /dev/fd/5 e.json 5<e.json'
    check 1 bash -c '"$SOPS" decrypt --output /dev/stdout e.json >/dev/full'
    # A pipe whose reader has told it not to wait.
    head -c 300000 /dev/zero | tr '\0' x >big
    "$SOPS" encrypt --age "$ME" big >e.big
    check 0 python3 -c 'import os, subprocess
r, w = os.pipe()
os.set_blocking(w, False)
p = subprocess.Popen([os.environ["SOPS"], "decrypt", "--output", "/dev/stdout", "e.big"], stdout=w)
os.close(w)
print(len(open(r, "rb").read()))
raise SystemExit(p.wait())'
    same "$out" 300000
}

@test "a file with very many keys that open nothing: an answer soon, equal failures once with their number" {
    printf 'a: 1\n' >p.yaml
    "$SOPS" encrypt --age "$ME" p.yaml >e.yaml
    many() { # COMMAND that prints the entries
        sed '/^    age:/,/^          recipient:/d' e.yaml | sed '/^sops:/q'
        "$@"
        sed -n '/^    lastmodified:/,$p' e.yaml
    }
    flat() { echo '    age:' && seq -f '        - {recipient: nobody%.0f, enc: x}' 300000; }
    groups() {
        printf '    shamir_threshold: 2\n    key_groups:\n'
        seq -f '        - age: [{recipient: nobody%.0f, enc: x}]' 100000
    }
    pgp() { echo '    pgp:' && seq -f '        - {fp: nobody%.0f, enc: x, created_at: "2026-01-01T00:00:00Z"}' 100000; }
    many flat >flat.yaml
    many groups >groups.yaml
    many pgp >pgp.yaml
    check 128 timeout 15 "$SOPS" decrypt flat.yaml
    has "$err" "  nobody20: FAILED
  299980 more: FAILED
    - | "
    [ "${#err}" -lt 2000 ]
    check 0 python3 -c 'import os, resource, subprocess
subprocess.run([os.environ["SOPS"], "decrypt", "flat.yaml"], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'
    [ "$out" -lt 180000 ] || { echo "$out KiB"; false; } # 157,000; a million of them stay below 512 MiB
    check 128 timeout 15 "$SOPS" decrypt groups.yaml
    has "$err" '99980 more groups'
    [ "${#err}" -lt 6000 ]
    check 128 timeout 15 "$SOPS" decrypt pgp.yaml
    has "$err" '  99980 more: FAILED'
}

@test "a pipe that nobody writes to is told, and a file that is to be replaced is none" {
    mkfifo f.json
    printf 'creation_rules: [{age: %s}]\n' "$ME" >.sops.yaml
    check 2 timeout 20 "$SOPS" decrypt f.json
    has "$err" "cannot read 'f.json': nobody writes to this pipe"
    check 2 timeout 20 "$SOPS" diff e.json f.json
    has "$err" "nobody writes to this pipe"
    for command in "decrypt -i" "rotate -i" "updatekeys -y" "encrypt -i --age $ME" replace; do
        # shellcheck disable=SC2086 # words
        check $([ "$command" = "updatekeys -y" ] && echo 1 || echo 2) timeout 1 "$SOPS" $command f.json
        has "$err" "'f.json': it is a pipe, which is no file to be replaced"
    done
    check 1 timeout 1 "$SOPS" rotate -r -i f.json e.json
    has "$err" "'f.json': it is a pipe, which is no file to be replaced"
    has "$err" "1 changed, 0 unchanged, 1 failed"
    [ -p f.json ]
}

@test "pipes with a writer are read, however late it writes" {
    clear=$("$SOPS" decrypt e.json)
    mkfifo f.json
    (sleep 0.5; cat e.json >f.json) 3>&- &
    check 0 "$SOPS" decrypt f.json
    same "$out" "$clear"
    (exec 5>f.json; sleep 3; cat e.json >&5) 3>&- &
    check 0 "$SOPS" decrypt f.json
    same "$out" "$clear"
    check 0 "$SOPS" decrypt --input-type json --output-type json <(sleep 2.5; cat e.json)
    same "$out" "$clear"
    check 0 "$SOPS" diff --no-key --input-type json e.json <(cat e.json)
}
