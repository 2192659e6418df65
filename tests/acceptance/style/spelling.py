# SPDX-License-Identifier: Apache-2.0
"""spelling.py FILE IDENTITY: opens the spellings of a sealed file as the chapter describes them, with nothing of the program under test. Needs the package cryptography.
Prints one JSON list of [ciphertext's type, spelling] in the order of the file."""
import base64
import json
import os
import re
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(s):
    acc = bits = 0
    out = bytearray()
    for v in [LETTERS.index(c) for c in s.lower()[s.rfind("1") + 1:]][:-6]:
        acc, bits = acc << 5 | v, bits + 5
        if bits >= 8:
            bits -= 8
            out.append(acc >> bits & 255)
    return bytes(out)


def hkdf(secret, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def raw(b):
    return base64.b64decode(b + b"=" * (-len(b) % 4))


def age_open(armor, identity):
    data = base64.b64decode("".join(armor.split("\n")[1:-1]))
    head, rest = data[:data.index(b"\n---")], data[data.index(b"\n", data.index(b"\n---") + 1) + 1:]
    me = X25519PrivateKey.from_private_bytes(bech32(identity))
    mine = me.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    lines = head.split(b"\n")
    for i, l in enumerate(lines):
        if not l.startswith(b"-> X25519 "):
            continue
        theirs = raw(l.split()[2])
        wrap = hkdf(me.exchange(X25519PublicKey.from_public_bytes(theirs)), theirs + mine, b"age-encryption.org/v1/X25519")
        try:
            key = ChaCha20Poly1305(wrap).decrypt(bytes(12), raw(lines[i + 1]), b"")
        except Exception:
            continue
        return ChaCha20Poly1305(hkdf(key, rest[:16], b"payload")).decrypt(bytes(11) + b"\1", rest[16:], b"")


def read(file, identity):
    """the text of a sealed YAML file, its data key, its ciphertexts with spellings"""
    text = open(file, newline="", encoding="utf8").read()
    identity = re.search(r"AGE-SECRET-KEY-1\w+", open(identity).read())[0]
    armor = re.search(r"-----BEGIN AGE ENCRYPTED FILE-----.*?-----END AGE ENCRYPTED FILE-----", text, re.S)[0]
    key = age_open("\n".join(l.strip() for l in armor.split("\n")), identity)
    return text, key, list(re.finditer(r"(ENC\[AES256_GCM,data:[A-Za-z0-9+/=]+,iv:[A-Za-z0-9+/=]+,tag:[A-Za-z0-9+/=]+,type:(\w+)\])~([A-Za-z0-9+/]+=*)", text))


def opened(key, m):
    b = base64.b64decode(m[3])
    return AESGCM(key).decrypt(b[:32], b[32:], m[1].encode()).decode()


def forged(file, identity, old, new):
    """the text with the spelling `new` in place of `old`, made as it should be"""
    text, key, spelled = read(file, identity)
    for m in spelled:
        if opened(key, m) == old:
            nonce = os.urandom(32)
            return text[:m.start(3)] + base64.b64encode(nonce + AESGCM(key).encrypt(nonce, new.encode(), m[1].encode())).decode() + text[m.end(3):]
    return text


if __name__ == "__main__":
    _, KEY, SPELLED = read(sys.argv[1], sys.argv[2])
    print(json.dumps([[m[2], opened(KEY, m)] for m in SPELLED]))
