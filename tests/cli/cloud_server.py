#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One server for all clouds that checks nothing, to test how sops reaches servers: TLS, proxies, unix sockets, delays,
connections, broken answers. (The emulators are for what is said; they are strict.) Needs only Python and openssl.

    cloud_server.py FOLDER [--delay MS]        runs until it is ended; FOLDER/ready appears when it answers

In FOLDER: `ports` (NAME=NUMBER a line, for a shell: HTTP, HTTPS, INNER, MUTUAL, PROXY), `socket` (plain HTTP), the
authorities `ca.pem` and, in folders, `ca/` and `hashed/` (with OpenSSL's names), the client's `client.pem` and `client.key`, and `log`: a line
"connect KIND" for each connection, "METHOD HOST PATH" for each request.

HTTPS has a certificate for 127.0.0.1 and the clouds' names, INNER one for vault.inner only, MUTUAL wants the client's
certificate; PROXY answers CONNECT for any host and leads it to HTTPS. --delay: before each answer to an encrypting or
decrypting request. Key names with a meaning: FAULTS.
"""
import argparse
import http.server
import json
import os
import re
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

NAMES = ("IP:127.0.0.1,DNS:localhost,DNS:*.vault.azure.net,DNS:login.microsoftonline.com,DNS:cloudkms.googleapis.com,"
         "DNS:oauth2.googleapis.com,DNS:*.us-east-1.amazonaws.com,DNS:*.tr-west-1.myhuaweicloud.com")
opts = ports = None
lock = threading.Lock()


def log(text):
    with lock, open(os.path.join(opts.folder, "log"), "a") as f:
        f.write(text + "\n")


# ---- certificates -----------------------------------------------------------------------------

def openssl(*args):
    subprocess.run(("openssl",) + args, cwd=opts.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates():
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl(*new, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, alt in (("server", NAMES), ("inner", "DNS:vault.inner"), ("client", "DNS:client")):
        openssl(*new, "-subj", "/CN=" + name, "-addext", "subjectAltName=" + alt, "-addext", "basicConstraints=critical,CA:FALSE",
                "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", name + ".key", "-out", name + ".pem")
    for folder in ("ca", "hashed"):
        os.mkdir(os.path.join(opts.folder, folder))
        for name in ("ca.pem", "client.pem", "inner.key"):
            shutil.copy(os.path.join(opts.folder, name), os.path.join(opts.folder, folder, name))
    openssl("rehash", "hashed")


def context(name, client=False):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(os.path.join(opts.folder, name + ".pem"), os.path.join(opts.folder, name + ".key"))
    if client:
        c.verify_mode = ssl.CERT_REQUIRED
        c.load_verify_locations(os.path.join(opts.folder, "ca.pem"))
    return c


# ---- answers: "encrypted" is what was sent ------------------------------------------------------

def vault(body):
    given = json.loads(body)
    if "plaintext" in given:
        return {"data": {"ciphertext": "vault:v1:" + given["plaintext"]}}
    return {"data": {"plaintext": given["ciphertext"].split(":")[2]}}


def aws(body):
    given = json.loads(body)
    return {"KeyId": given["KeyId"], **({"CiphertextBlob": given["Plaintext"]} if "Plaintext" in given else
                                        {"Plaintext": given["CiphertextBlob"]})}


def gcp(body):
    given = json.loads(body)
    return {"ciphertext": given["plaintext"]} if "plaintext" in given else {"plaintext": given["ciphertext"]}


def huawei(body):
    given = json.loads(body)
    return {"cipher_text": given["plain_text"]} if "plain_text" in given else {"plain_text": given["cipher_text"]}


def azure(handler, path, body):
    if not handler.headers.get("Authorization"):
        return 401, {"WWW-Authenticate": 'Bearer authorization="https://login.microsoftonline.com/tenant", '
                     'resource="https://vault.azure.net"'}, b"{}"
    return 200, {}, json.dumps({"kid": path, "value": json.loads(body)["value"]}).encode()


def usual(handler, path, body):
    """(status, headers, body), and whether it stands for work that takes time"""
    target = handler.headers.get("X-Amz-Target")
    login = "https://login.microsoftonline.com/tenant"
    if path.endswith("/discovery/instance"):
        return (200, {}, json.dumps({"tenant_discovery_endpoint": login + "/v2.0/.well-known/openid-configuration",
                                     "metadata": []}).encode()), False
    if path.endswith("/openid-configuration"):
        return (200, {}, json.dumps({"token_endpoint": login + "/oauth2/v2.0/token", "issuer": login + "/v2.0",
                                     "authorization_endpoint": login + "/oauth2/v2.0/authorize"}).encode()), False
    if path.endswith("/token"):
        return (200, {}, b'{"access_token":"token-1","expires_in":3600,"token_type":"Bearer"}'), False
    if path.startswith("/keys/"):
        answer = azure(handler, path, body)
        return answer, answer[0] == 200
    if target:
        answer = aws(body)
    elif path.startswith("/v1/projects/"):
        answer = gcp(body)
    elif path.startswith("/v1.0/"):
        answer = huawei(body)
    else:
        answer = vault(body)
    return (200, {}, json.dumps(answer).encode()), True


FAULTS = "big denied here away echo html cut garbage hang close".split()


def faults(handler, path):
    """the answer for a key with a meaning, or None"""
    named = set(re.split("[/:]", path) + re.split('[/":]', handler.given.decode("latin-1"))).intersection(FAULTS)
    name = named.pop() if named else ""
    if path.startswith("/keys/") and not handler.headers.get("Authorization"):
        return None
    out = handler.wfile
    if name == "big":                      # 2 MiB
        return 200, {}, b'{"data":{"ciphertext":"' + b"x" * (2 << 20) + b'"}}'
    if name == "denied":
        return 403, {}, b'{"errors":["permission denied"]}'
    if name == "here":                     # a redirect on the same host
        return 307, {"Location": path.replace("here", "found")}, b""
    if name == "away":                     # one to another host, where somebody listens
        return 307, {"Location": "http://localhost:%d%s" % (ports["HTTP"], path.replace("away", "found"))}, b""
    if name == "echo":                     # sends back all it got
        return 400, {}, b"<html>" + str(handler.headers).encode() + handler.given + b"</html>"
    if name == "html":
        return 200, {}, b"<html>canary</html>"
    if name == "cut":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\"")
    elif name == "garbage":
        out.write(b"\1\2garbage\r\n\r\n")
    elif name == "hang":
        time.sleep(20)
    elif name != "close":
        return None
    return ()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    kind = "HTTP"

    def log_message(self, *_):
        pass

    def setup(self):
        log("connect " + self.kind)
        super().setup()

    def do_CONNECT(self):
        log("CONNECT %s" % self.path)
        if self.kind != "PROXY":
            return self.send_error(405)
        with socket.create_connection(("127.0.0.1", ports["HTTPS"])) as there:
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = [self.connection, there]
            while True:
                for s in select.select(ends, [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        self.close_connection = True
                        return None
                    ends[1 - ends.index(s)].sendall(data)

    def serve_one(self):
        path = self.path.partition("?")[0]
        self.given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        log("%s %s %s" % (self.command, self.headers.get("Host"), path))
        answer = faults(self, path)
        if answer == ():
            self.close_connection = True
            return
        if answer is None:
            answer, works = usual(self, path, self.given)
            time.sleep(opts.delay / 1000 if works else 0)
        status, headers, body = answer
        head = "HTTP/1.1 %d Words\r\n" % status
        for k, v in {**headers, "Content-Length": len(body)}.items():
            head += "%s: %s\r\n" % (k, v)
        self.wfile.write(head.encode() + b"\r\n" + body)

    do_GET = do_POST = do_PUT = serve_one


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    tls = None

    def finish_request(self, request, address):
        if request.family != socket.AF_UNIX:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        self.RequestHandlerClass(request, address, self)

    def handle_error(self, request, client_address):
        pass  # the client went away, or trusts us not


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def get_request(self):
        request, _ = self.socket.accept()
        return request, ("unix", 0)


def start(kind, tls=None):
    handler = type(kind, (Handler,), {"kind": kind})
    server = UnixServer(os.path.join(opts.folder, "socket"), handler) if kind == "UNIX" else Server(("127.0.0.1", 0), handler)
    server.tls = tls
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1] if kind != "UNIX" else 0


def main():
    global opts, ports
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--delay", type=float, default=0)
    opts = p.parse_args()
    make_certificates()
    ports = {"HTTP": start("HTTP"), "HTTPS": start("HTTPS", context("server")), "INNER": start("INNER", context("inner")),
             "MUTUAL": start("MUTUAL", context("server", True)), "PROXY": start("PROXY"), "UNIX": start("UNIX")}
    with open(os.path.join(opts.folder, "ports"), "w") as f:
        f.writelines("%s=%d\n" % item for item in ports.items())
    open(os.path.join(opts.folder, "ready"), "w").close()
    threading.Event().wait()


if __name__ == "__main__":
    main()
