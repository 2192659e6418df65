# SPDX-License-Identifier: Apache-2.0
"""The parts of bench that are about age: recipients (3, 20, 100 X25519 keys), identities (the last of 20 fits), hybrid,
ssh-rsa, ssh-ed25519. Recipients are all different, as in life."""
import subprocess

TITLES = ("recipients", "identities", "hybrid", "ssh-rsa", "ssh-ed25519")


def bench(b, opts, small):
    if opts.k and not any(k in t for k in opts.k for t in TITLES):
        return
    recipients(b, opts, small)
    identities(b, opts, small)
    kind(b, small, "hybrid", *identity(b, opts, "hybrid.txt", "--pq"), "SOPS_AGE_KEY_FILE")
    for name, bits in (("ssh-rsa", ["-b", "3072"]), ("ssh-ed25519", [])):
        kind(b, small, name, *ssh(b, name, bits), "SOPS_AGE_SSH_PRIVATE_KEY_FILE")


def recipients(b, opts, small):
    keys = [identity(b, opts, "recipient%d.txt" % n)[0] for n in range(100)]
    for n in (3, 20, 100):
        b.compare("encrypt for %d recipients" % n, ["encrypt", "--age", ",".join(keys[:n]), small], 20)


def identities(b, opts, small):
    pairs = [identity(b, opts, "identity%d.txt" % n) for n in range(20)]
    text = ""
    for _, path in pairs:
        with open(path) as f:
            text += f.read()
    with_keys(b, small, "decrypt, last of 20 identities", pairs[-1][0], {"SOPS_AGE_KEY_FILE": b.put("identities.txt", text)})


def kind(b, small, name, recipient, path, variable):
    b.compare("%s encrypt" % name, ["encrypt", "--age", recipient, small], 20)
    with_keys(b, small, "%s decrypt" % name, recipient, {"SOPS_AGE_KEY_FILE": None, variable: path})


def with_keys(b, small, title, recipient, variables):
    """times decrypting with these variables (None: not set) in place of the usual identity"""
    sealed, usual = b.seal(["--age", recipient, small], b.path("sealed.yaml")), b.env
    b.env = {k: v for k, v in {**usual, **variables}.items() if v is not None}
    b.compare(title, ["decrypt", sealed], 20)
    b.env = usual


def identity(b, opts, name, *options):
    """a new age identity: its recipient and its file"""
    out = subprocess.run([opts.ours, "keygen", *options, "-o", b.path(name)], env=b.env, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=True)
    return out.stdout.decode().split()[-1], b.path(name)


def ssh(b, name, options):
    """a new SSH key: its public line and the file of its private half"""
    subprocess.run(["ssh-keygen", "-q", "-t", name[4:], *options, "-N", "", "-C", "bench", "-f", b.path(name)], check=True)
    with open(b.path(name) + ".pub") as f:
        return f.read().strip(), b.path(name)
