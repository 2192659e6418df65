# SPDX-License-Identifier: Apache-2.0
"""Sealed YAML files made and read without any sops: AES-256-GCM, the leaf cipher and the MAC (../../spec/10-document-and-cipher.md)
in Python alone. Trees of mappings, lists, texts, whole numbers and booleans; the layout that sops itself writes. Test keys only."""
import base64, datetime, hashlib, os, re, struct
import agelib

# ---- AES-256
_log, _exp, x = [0] * 256, [0] * 510, 1
for i in range(255):
    _exp[i] = _exp[i + 255] = x
    _log[x] = i
    x ^= x << 1
    x ^= 0x11b if x > 255 else 0
SBOX = []
for i in range(256):
    v = _exp[255 - _log[i]] if i else 0
    SBOX.append(v ^ (v << 1 | v >> 7) & 255 ^ (v << 2 | v >> 6) & 255 ^ (v << 3 | v >> 5) & 255 ^ (v << 4 | v >> 4) & 255 ^ 0x63)
TAB = [(_exp[_log[s] + 25] if s else 0, s) for s in SBOX]    # 2*s (3 is the generator, 2 = 3^25), s


def _expand(key):
    w, rcon = list(struct.unpack('>8I', key)), 1
    for i in range(8, 60):
        t = w[-1]
        if i % 8 == 0:
            t = (t << 8 | t >> 24) & 0xffffffff
        if i % 8 in (0, 4):
            t = SBOX[t >> 24] << 24 | SBOX[t >> 16 & 255] << 16 | SBOX[t >> 8 & 255] << 8 | SBOX[t & 255]
        if i % 8 == 0:
            t ^= rcon << 24
            rcon = rcon << 1 ^ (0x11b if rcon & 128 else 0)
        w.append(w[i - 8] ^ t)
    return w


def _block(w, data):
    s = [a ^ b for a, b in zip(struct.unpack('>4I', data), w[:4])]
    for r in range(1, 15):
        n = []
        for c in range(4):
            b = [s[c] >> 24, s[(c + 1) % 4] >> 16 & 255, s[(c + 2) % 4] >> 8 & 255, s[(c + 3) % 4] & 255]
            if r < 14:
                (a2, a1), (b2, b1), (c2, c1), (d2, d1) = (TAB[v] for v in b)
                n.append((a2 ^ b2 ^ b1 ^ c1 ^ d1) << 24 | (a1 ^ b2 ^ c2 ^ c1 ^ d1) << 16 | (a1 ^ b1 ^ c2 ^ d2 ^ d1) << 8 | a2 ^ a1 ^ b1 ^ c1 ^ d2)
            else:
                n.append(SBOX[b[0]] << 24 | SBOX[b[1]] << 16 | SBOX[b[2]] << 8 | SBOX[b[3]])
        s = [a ^ b for a, b in zip(n, w[4 * r:4 * r + 4])]
    return struct.pack('>4I', *s)


class Gcm:
    def __init__(self, key):
        self.w = _expand(key)
        h = int.from_bytes(_block(self.w, b'\0' * 16), 'big')
        self.table = []                                     # h times x^(4k) for each nibble would be faster; 128 powers do
        for _ in range(128):
            self.table.append(h)
            h = h >> 1 ^ (0xe1 << 120 if h & 1 else 0)

    def _ghash(self, data):
        y = 0
        for i in range(0, len(data), 16):
            y ^= int.from_bytes(data[i:i + 16].ljust(16, b'\0'), 'big')
            z = 0
            for k in range(128):
                if y >> 127 - k & 1:
                    z ^= self.table[k]
            y = z
        return y.to_bytes(16, 'big')

    def _run(self, nonce, text):
        pad = lambda b: b + b'\0' * (-len(b) % 16)
        j0 = nonce + b'\0\0\0\1' if len(nonce) == 12 else self._ghash(pad(nonce) + struct.pack('>QQ', 0, 8 * len(nonce)))
        n, out = int.from_bytes(j0, 'big'), b''
        for i in range(0, len(text), 16):
            n = n >> 32 << 32 | n + 1 & 0xffffffff
            out += bytes(a ^ b for a, b in zip(text[i:i + 16], _block(self.w, n.to_bytes(16, 'big'))))
        return out, lambda aad, c: bytes(a ^ b for a, b in zip(_block(self.w, j0), self._ghash(pad(aad) + pad(c) + struct.pack('>QQ', 8 * len(aad), 8 * len(c)))))

    def seal(self, nonce, aad, text):
        c, tag = self._run(nonce, text)
        return c, tag(aad, c)

    def open(self, nonce, aad, c, tag):
        text, want = self._run(nonce, c)
        return text if want(aad, c) == tag else None


# ---- values
KIND = {str: 'str', int: 'int', bool: 'bool'}


def plain(v):
    return v.encode() if isinstance(v, str) else b'True' if v is True else b'False' if v is False else str(v).encode()


def enc(gcm, aad, v, nonce=None):
    if v == '':
        return ''
    nonce = nonce or os.urandom(32)
    c, tag = gcm.seal(nonce, aad.encode(), plain(v))
    return 'ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]' % tuple([base64.b64encode(b).decode() for b in (c, nonce, tag)] + [KIND[type(v)]])


PATTERN = re.compile(r'ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]')


def dec(gcm, aad, text):
    m = PATTERN.match(text)
    if not m:
        raise ValueError('no ciphertext: %.40s' % text)
    c, nonce, tag = (base64.b64decode(g) for g in m.groups()[:3])
    out = gcm.open(nonce, aad.encode(), c, tag)
    if out is None:
        raise ValueError('does not open: %s' % aad)
    return {'str': lambda: out.decode(), 'int': lambda: int(out), 'bool': lambda: out == b'True', 'float': out.decode, 'comment': lambda: out.decode()}[m.group(4)]()


def leaves(tree, path=()):
    if isinstance(tree, dict):
        for k, v in tree.items():
            yield from leaves(v, path + (k,))
    elif isinstance(tree, list):
        for v in tree:
            yield from leaves(v, path)
    else:
        yield path, tree


def mac_of(tree):
    h = hashlib.sha512()
    for _, v in leaves(tree):
        if v is not None:
            h.update(plain(v))
    return h.hexdigest().upper()


def now(days=0):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)).strftime('%Y-%m-%dT%H:%M:%SZ')


def _emit(tree, indent, out):
    pad = ' ' * indent
    for k, v in tree.items():
        if isinstance(v, dict):
            out.append('%s%s:' % (pad, k))
            _emit(v, indent + 4, out)
        elif isinstance(v, list):
            out.append('%s%s:' % (pad, k))
            out.extend('%s    - %s' % (pad, i if i != '' else '""') for i in v)
        else:
            out.append('%s%s: %s' % (pad, k, v if v != '' else '""'))


def _sealed(gcm, tree, path=()):
    if isinstance(tree, dict):
        return {k: _sealed(gcm, v, path + (k,)) for k, v in tree.items()}
    if isinstance(tree, list):
        return [_sealed(gcm, v, path) for v in tree]
    return enc(gcm, ''.join(p + ':' for p in path), tree)


_cache = {}


def body(tree, key, modified):
    """The sealed values and the MAC of a tree; the same for files with the same tree, key and time, as sealing is slow here."""
    ident = (repr(tree), key, modified)
    if ident not in _cache:
        gcm, out = Gcm(key), []
        _emit(_sealed(gcm, tree), 0, out)
        _cache[ident] = '\n'.join(out) + '\n', enc(gcm, modified, mac_of(tree))
    return _cache[ident]


def entry(recipient, part):
    lines = agelib.encrypt(recipient, part).rstrip('\n').split('\n')
    return ['- enc: |'] + ['    ' + l for l in lines] + ['  recipient: ' + recipient]


def sealed(tree, key, recipients, modified=None, version='3.13.2', mac=None, vault=()):
    """The text of a sealed YAML file. recipients: age1… or the test plugin's; vault: (address, engine, key, enc)."""
    modified = modified or now()
    values, right = body(tree, key, modified)
    out = [values + 'sops:']
    if recipients:
        out.append('    age:')
        for r in recipients:
            out.extend('        ' + l for l in entry(r, key))
    if vault:
        out.append('    hc_vault:')
        for address, engine, name, text in vault:
            out += ['        - created_at: "%s"' % now(), '          enc: ' + text, '          engine_path: ' + engine, '          key_name: ' + name, '          vault_address: ' + address]
    out += ['    lastmodified: "%s"' % modified, '    mac: ' + (mac or right), '    unencrypted_suffix: _unencrypted', '    version: ' + version]
    return '\n'.join(out) + '\n'


class Opened:
    """A sealed YAML file as sops writes it, taken apart: lines[values], meta text; with a key: values checked, MAC checked."""

    def __init__(self, text):
        if isinstance(text, bytes):
            text = text.decode()
        self.values, _, self.meta = text.partition('\nsops:\n')
        self.recipients = re.findall(r'(?m)^ +(?:- )?recipient: (\S+)$', self.meta)
        self.encs = [re.sub(r'(?m)^ +', '', e) for e in re.findall(r'(?ms)^ +(?:- )?enc: \|\n(.*?-----END AGE ENCRYPTED FILE-----\n)', self.meta)]
        self.modified = (re.search(r'(?m)^    lastmodified: "?([^"\n]+)', self.meta) or [None, None])[1]
        self.mac = (re.search(r'(?m)^    mac: (\S+)', self.meta) or [None, None])[1]
        self.threshold = int((re.search(r'(?m)^    shamir_threshold: (\d+)', self.meta) or [0, 0])[1])
        self.ciphertexts = PATTERN.findall(self.values)

    def key(self, identity):
        """The data key for an identity, or None: of a file of one group."""
        for e in self.encs:
            k = agelib.decrypt(identity, e)
            if k is not None:
                return k
        return None

    def tree(self, key):
        """The clear values {path text: value}, in order; raises when a value or the MAC does not open or is wrong."""
        gcm, out, stack, h = Gcm(key), [], [], hashlib.sha512()
        for line in self.values.split('\n'):
            if not line.strip() or line.lstrip().startswith('#'):
                continue
            depth, text = (len(line) - len(line.lstrip())) // 4, line.strip()
            if text.startswith('- '):
                value, path = text[2:], stack[:depth]
            else:
                k, _, value = text.partition(':')
                stack = stack[:depth] + [k.strip().strip('"')]
                value, path = value.strip(), stack
            if not value:
                continue
            aad = ''.join(p + ':' for p in path)
            v = '' if value == '""' else dec(gcm, aad, value) if value.startswith('ENC[') else value
            out.append((aad, v))
            h.update(plain(v))
        if dec(gcm, self.modified, self.mac) != h.hexdigest().upper():
            raise ValueError('MAC mismatch')
        return out
