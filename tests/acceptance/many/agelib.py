# SPDX-License-Identifier: Apache-2.0
"""age in Python's standard library alone, as far as these checks need it: X25519 identities, ChaCha20-Poly1305, armor, bech32,
and the stanza of the test plugin. Written from the age specification; slow and not constant in time, for test keys only."""
import base64, hashlib, hmac, os, struct

P = 2 ** 255 - 19


def x25519(k, u):
    k = bytearray(k)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, 'little')
    x1 = int.from_bytes(u, 'little') & (2 ** 255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = (x2 + z2) % P, (x2 - z2) % P, (x3 + z3) % P, (x3 - z3) % P
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = (aa - bb) % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, 'little')


BASE = (9).to_bytes(32, 'little')


def hkdf(salt, info, secret, n=32):
    prk = hmac.new(salt or b'\0' * 32, secret, hashlib.sha256).digest()
    out, block, i = b'', b'', 1
    while len(out) < n:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:n]


def _chacha(key, counter, nonce):
    s = list(struct.unpack('<4I', b'expand 32-byte k')) + list(struct.unpack('<8I', key)) + [counter] + list(struct.unpack('<3I', nonce))
    w, m = s[:], 0xffffffff
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            w[a] = w[a] + w[b] & m
            x = w[d] ^ w[a]
            w[d] = x << 16 & m | x >> 16
            w[c] = w[c] + w[d] & m
            x = w[b] ^ w[c]
            w[b] = x << 12 & m | x >> 20
            w[a] = w[a] + w[b] & m
            x = w[d] ^ w[a]
            w[d] = x << 8 & m | x >> 24
            w[c] = w[c] + w[d] & m
            x = w[b] ^ w[c]
            w[b] = x << 7 & m | x >> 25
    return struct.pack('<16I', *(a + b & m for a, b in zip(w, s)))


def _tag(key, data):
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    s, h, p = int.from_bytes(key[16:], 'little'), 0, 2 ** 130 - 5
    for i in range(0, len(data), 16):
        h = (h + int.from_bytes(data[i:i + 16] + b'\1', 'little')) * r % p
    return (h + s & 2 ** 128 - 1).to_bytes(16, 'little')


def _xor(key, nonce, data):
    out = b''
    for i in range(0, len(data), 64):
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], _chacha(key, 1 + i // 64, nonce)))
    return out


def seal(key, nonce, text):
    c = _xor(key, nonce, text)
    pad = b'\0' * (-len(c) % 16)
    return c + _tag(_chacha(key, 0, nonce)[:32], c + pad + struct.pack('<QQ', 0, len(c)))


def unseal(key, nonce, data):
    c, tag = data[:-16], data[-16:]
    pad = b'\0' * (-len(c) % 16)
    if len(data) < 16 or tag != _tag(_chacha(key, 0, nonce)[:32], c + pad + struct.pack('<QQ', 0, len(c))):
        return None
    return _xor(key, nonce, c)


# ---- bech32
CHARS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'


def _poly(values):
    c = 1
    for v in values:
        top = c >> 25
        c = (c & 0x1ffffff) << 5 ^ v
        for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            if top >> i & 1:
                c ^= g
    return c


def _expand(hrp):
    return [ord(x) >> 5 for x in hrp] + [0] + [ord(x) & 31 for x in hrp]


def bech32(hrp, data):
    bits = acc = 0
    five = []
    for b in data:
        acc, bits = acc << 8 | b, bits + 8
        while bits >= 5:
            bits -= 5
            five.append(acc >> bits & 31)
    if bits:
        five.append(acc << 5 - bits & 31)
    p = _poly(_expand(hrp.lower()) + five + [0] * 6) ^ 1
    text = hrp.lower() + '1' + ''.join(CHARS[v] for v in five + [p >> 5 * (5 - i) & 31 for i in range(6)])
    return text.upper() if hrp.isupper() else text


def unbech32(text):
    hrp, _, rest = text.lower().rpartition('1')
    five = [CHARS.index(c) for c in rest]
    if _poly(_expand(hrp) + five) != 1:
        raise ValueError('bech32')
    acc = bits = 0
    out = bytearray()
    for v in five[:-6]:
        acc, bits = acc << 5 | v, bits + 5
        if bits >= 8:
            bits -= 8
            out.append(acc >> bits & 255)
    return hrp, bytes(out)


# ---- files
def raw64(b):
    return base64.b64encode(b).rstrip(b'=').decode()


def unraw64(s):
    return base64.b64decode(s + '=' * (-len(s) % 4))


def stanza(args, body):
    text = raw64(body)
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append('')
    return '-> ' + ' '.join(args) + '\n' + '\n'.join(lines) + '\n'


def armor(data):
    text = base64.b64encode(data).decode()
    return '-----BEGIN AGE ENCRYPTED FILE-----\n' + ''.join(text[i:i + 64] + '\n' for i in range(0, len(text), 64)) + '-----END AGE ENCRYPTED FILE-----\n'


def unarmor(text):
    lines = text.strip().split('\n')
    return base64.b64decode(''.join(l.strip() for l in lines[1:-1]))


def header(data):
    """The stanzas [(args, body)] of an age file, the header up to and with '---', its MAC, what follows."""
    at = data.index(b'\n--- ') + 1
    end = data.index(b'\n', at)
    lines, stanzas, i = data[:at].decode().split('\n')[1:-1], [], 0
    while i < len(lines):
        args, body = lines[i].split(' ')[1:], ''
        i += 1
        while True:
            body += lines[i]
            i += 1
            if len(lines[i - 1]) < 64:
                break
        stanzas.append((args, unraw64(body)))
    return stanzas, data[:at + 3], unraw64(data[at + 4:end].decode()), data[end + 1:]


def _x25519_stanza(recipient, file_key):
    public = unbech32(recipient)[1]
    e = os.urandom(32)
    share = x25519(e, BASE)
    key = hkdf(share + public, b'age-encryption.org/v1/X25519', x25519(e, public))
    return stanza(['X25519', raw64(share)], seal(key, b'\0' * 12, file_key))


def plugin_name(recipient):
    """NAME of age1NAME1…, or None."""
    hrp = recipient.rpartition('1')[0]
    return hrp[4:] if hrp.startswith('age1') else None


def plugin_stanza(name, recipient, file_key):
    """The stanza of the test plugin (age-plugin-counter): the file key XOR 0x55, tagged with the last letters of the recipient."""
    return stanza([name, recipient[-8:]], bytes(b ^ 0x55 for b in file_key))


def encrypt(recipient, text):
    """An armored age file for one recipient: age1… (X25519) or age1NAME1… (the test plugin)."""
    file_key, nonce = os.urandom(16), os.urandom(16)
    name = plugin_name(recipient)
    body = plugin_stanza(name, recipient, file_key) if name else _x25519_stanza(recipient, file_key)
    head = ('age-encryption.org/v1\n' + body + '---').encode()
    mac = hmac.new(hkdf(b'', b'header', file_key), head, hashlib.sha256).digest()
    payload = seal(hkdf(nonce, b'payload', file_key), b'\0' * 11 + b'\1', text)
    return armor(head + b' ' + raw64(mac).encode() + b'\n' + nonce + payload)


def decrypt(identity, armored):
    """What an armored age file holds, for AGE-SECRET-KEY-1… or AGE-PLUGIN-NAME-1… of the test plugin; None: not for this identity."""
    stanzas, head, mac, rest = header(unarmor(armored))
    for args, body in stanzas:
        if identity.startswith('AGE-SECRET-KEY-1') and args[0] == 'X25519':
            secret, share = unbech32(identity)[1], unraw64(args[1])
            key = hkdf(share + x25519(secret, BASE), b'age-encryption.org/v1/X25519', x25519(secret, share))
            file_key = unseal(key, b'\0' * 12, body)
        elif identity.startswith('AGE-PLUGIN-') and args[0] == identity.rpartition('1')[0][11:-1].lower():
            file_key = bytes(b ^ 0x55 for b in body)
        else:
            file_key = None
        if file_key is None:
            continue
        if hmac.new(hkdf(b'', b'header', file_key), head, hashlib.sha256).digest() != mac:
            raise ValueError('header MAC')
        return unseal(hkdf(rest[:16], b'payload', file_key), b'\0' * 11 + b'\1', rest[16:])
    return None


def identity_of(path):
    with open(path, encoding='utf-8') as f:
        return [l.strip() for l in f if l.startswith('AGE-')][0]
