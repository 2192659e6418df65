# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server for mocks of cloud services, reached in one of three ways:

 * plain HTTP on its port, when the client can be given another endpoint;
 * HTTPS on the same port, as https://127.0.0.1:PORT (SSL_CERT_FILE names its CA);
 * as an HTTPS proxy (HTTPS_PROXY): it answers CONNECT for the hosts that it plays, with a certificate of its own CA
   so that the client keeps the real host names. A CONNECT to a host that another emulator plays is
   handed on to that one; any other host is refused with 502.

Over TLS it speaks HTTP/1.1 and HTTP/2 (also gRPC), as the real services do.
"""
import datetime
import http.server
import ipaddress
import json
import os
import select
import socket
import socketserver
import ssl
import sys
import threading
import urllib.parse

from emulator import CACHE, PORTS, RUN, need_python

HOSTS = {  # suffix of a host name -> the emulator that plays it
    "amazonaws.com": "aws", "amazonaws.com.cn": "aws",
    "googleapis.com": "gcp", "example-universe.test": "gcp",
    "vault.azure.net": "azure", "login.microsoftonline.com": "azure", "login.microsoft.com": "azure",
    "myhuaweicloud.com": "hckms",
}
CA_FILE = os.path.join(RUN, "ca.pem")


def who_plays(host):
    return next((name for suffix, name in HOSTS.items() if host == suffix or host.endswith("." + suffix)), None)


class Request:
    def __init__(self, method, host, target, headers, body, tls, version):
        self.method, self.host, self.target, self.body, self.tls, self.version = method, host, target, body, tls, version
        self.headers = [(k.lower(), v) for k, v in headers]
        self.path, _, self.query = target.partition("?")

    def header(self, name, default=""):
        return ", ".join(v for k, v in self.headers if k == name) or default

    def args(self):
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self):
        """the body as a JSON object, or None"""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


class Response:
    """headers and trailers are dicts; drop=True closes the connection without an answer"""

    def __init__(self, status, body=b"", headers=None, trailers=None, drop=False):
        self.status, self.headers, self.trailers, self.drop = status, headers or {}, trailers or {}, drop
        self.body = body if isinstance(body, bytes) else body.encode()


def as_json(status, value, **headers):
    return Response(status, json.dumps(value), {"Content-Type": "application/json", **headers})


_log_lock = threading.Lock()


def log(request, response):
    entry = {"request": "%s %s%s %s" % (request.method, ("https://" if request.tls else "http://") + request.host,
                                        request.target, request.version),
             "headers": request.headers, "body": request.body.decode("latin-1"),
             "status": "dropped" if response.drop else response.status, "answer": response.body.decode("latin-1"),
             "answer_headers": response.headers, "trailers": response.trailers}
    with _log_lock:
        print(json.dumps(entry), flush=True)


# ---- certificates -----------------------------------------------------------------------------

def make_ca():
    """The CA of all emulators of this cache, made once; its file also holds the system's roots."""
    if os.path.exists(CA_FILE):
        return
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sops emulators")])
    now = datetime.datetime.utcnow()
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256()))
    roots = b""
    if os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        with open("/etc/ssl/certs/ca-certificates.crt", "rb") as f:
            roots = f.read()
    pem = serialization.Encoding.PEM
    os.makedirs(RUN, exist_ok=True)
    for path, data in ((CA_FILE + ".key", key.private_bytes(pem, serialization.PrivateFormat.PKCS8,
                                                            serialization.NoEncryption())),
                       (CA_FILE, cert.public_bytes(pem) + roots)):
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.replace(path + ".new", path)


_contexts = {}
_contexts_lock = threading.Lock()


def tls_context(host, alpn):
    """a server context with a certificate for one host name or address"""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    with _contexts_lock:
        if host in _contexts:
            return _contexts[host]
        with open(CA_FILE + ".key", "rb") as f:
            ca_key = serialization.load_pem_private_key(f.read(), None)
        with open(CA_FILE, "rb") as f:
            ca = x509.load_pem_x509_certificate(f.read())
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alt = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            alt = x509.DNSName(host)
        now = datetime.datetime.utcnow()
        cert = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(ca.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=90))
                .add_extension(x509.SubjectAlternativeName([alt]), True)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
                .sign(ca_key, hashes.SHA256()))
        pem = serialization.Encoding.PEM
        path = os.path.join(RUN, "leaf-%d-%s.pem" % (os.getpid(), host))
        with open(path, "wb") as f:
            f.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            f.write(cert.public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        os.unlink(path)
        context.set_alpn_protocols(alpn)
        _contexts[host] = context
        return context


# ---- HTTP -------------------------------------------------------------------------------------

def pump(a, b):
    """carry bytes both ways until one side closes"""
    while True:
        for s in select.select([a, b], [], [])[0]:
            data = s.recv(65536)
            if not data:
                return
            (b if s is a else a).sendall(data)


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    tunnel = None  # host of the CONNECT, once there was one
    name = answer = None

    def setup(self):
        self.tls = self.request.recv(1, socket.MSG_PEEK) == b"\x16"
        if self.tls:
            self.request = tls_context("127.0.0.1", ["http/1.1"]).wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        player = who_plays(host)
        if player is None:
            self.send_error(502, "no emulator plays " + host)
            return
        if player != self.name:
            try:
                other = socket.create_connection(("127.0.0.1", PORTS[player]))
            except OSError:
                self.send_error(502, "the emulator %s is not running" % player)
                return
            with other:
                other.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (self.path.encode(), self.path.encode()))
                pump(self.connection, other)
            self.close_connection = True
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            self.connection = tls_context(host, self.alpn).wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):  # the client does not trust us
            self.close_connection = True
            return
        self.tunnel = host if port == "443" else self.path
        if self.connection.selected_alpn_protocol() == "h2":
            serve_h2(self.connection, self.tunnel, self.answer)
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def serve_one(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                body += self.rfile.read(size)
                if not size:
                    while self.rfile.readline().strip():
                        pass
                    break
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.tunnel or self.headers.get("Host", ""), self.path, self.headers.items(),
                          body, bool(self.tunnel or self.tls), self.request_version)
        response = self.answer(request)
        log(request, response)
        if response.drop:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        for k, v in response.headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = serve_one


def serve_h2(sock, host, answer):
    import h2.config
    import h2.connection
    import h2.events
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    conn.initiate_connection()
    sock.sendall(conn.data_to_send())
    streams = {}
    while True:
        data = sock.recv(65536)
        if not data:
            return
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                streams[event.stream_id] = (event.headers, bytearray())
            elif isinstance(event, h2.events.DataReceived):
                streams[event.stream_id][1].extend(event.data)
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                headers, body = streams.pop(event.stream_id)
                pseudo = {k: v for k, v in headers if k.startswith(":")}
                request = Request(pseudo[":method"], host, pseudo[":path"],
                                  [h for h in headers if not h[0].startswith(":")], bytes(body), True, "HTTP/2")
                response = answer(request)
                log(request, response)
                if response.drop:
                    return
                fields = [(":status", str(response.status))] + [(k.lower(), v) for k, v in response.headers.items()]
                conn.send_headers(event.stream_id, fields)
                conn.send_data(event.stream_id, response.body, end_stream=not response.trailers)
                if response.trailers:
                    conn.send_headers(event.stream_id, list(response.trailers.items()), end_stream=True)
            elif isinstance(event, h2.events.ConnectionTerminated):
                return
        sock.sendall(conn.data_to_send())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):  # the client went away
            super().handle_error(request, client_address)


def prepare():
    need_python("cryptography", "h2")
    make_ca()


def serve(name, answer, alpn=("h2", "http/1.1")):
    """Serve one mock until the process is ended; answer(Request) gives a Response."""
    prepare()
    kind = type("Connection", (Connection,), {"name": name, "answer": staticmethod(answer), "alpn": list(alpn)})
    with Server(("127.0.0.1", PORTS[name]), kind) as server:
        server.serve_forever()


def proxy_env(name):
    return {"HTTPS_PROXY": "http://127.0.0.1:%d" % PORTS[name], "SSL_CERT_FILE": CA_FILE}


# ---- what the mock services encrypt with ------------------------------------------------------

def seal(key_name, plaintext, bound=b""):
    """AES-256-GCM under a key that is made of its name, so that old test files can still be decrypted"""
    import hashlib
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    nonce = os.urandom(12)
    return nonce + AESGCM(hashlib.sha256(b"emulator key " + key_name.encode()).digest()).encrypt(nonce, plaintext, bound)


def unseal(key_name, sealed, bound=b""):
    """the plaintext, or None"""
    import hashlib
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    try:
        return AESGCM(hashlib.sha256(b"emulator key " + key_name.encode()).digest()).decrypt(
            sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        return None
