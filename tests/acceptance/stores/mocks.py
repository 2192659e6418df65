# SPDX-License-Identifier: Apache-2.0
"""Strict stand-ins for the secret stores, all in one server on a free port of 127.0.0.1.

  AWS Secrets Manager, Parameter Store, STS   plain HTTP at Server.url (AWS_ENDPOINT_URL); every signature is verified
  Google Secret Manager, OAuth                https://secretmanager.googleapis.com … through the server as HTTPS proxy (CONNECT)
  Azure Key Vault secrets, Entra              https://NAME.vault.azure.net, https://login.microsoftonline.com, the same way
  Vault KV (versions 1 and 2), AppRole        plain HTTP below Server.url/v1/, and https://vault.shop.test through the proxy

The certificate is in tls/ (its CA: tls/ca.pem, valid until 2120). A request that the real service would refuse is refused with
the service's status and error shape: bad signature, missing token, unknown field, bad name, wrong checksum, missing
idempotency token, unknown filter. Every request is kept in Server.log; Server.fault() puts another answer in an operation's place.
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.realpath(__file__))
CA_FILE = os.path.join(HERE, "tls", "ca.pem")
SERVER_PEM = os.path.join(HERE, "tls", "server.pem")
ACCOUNT_PEM = os.path.join(HERE, "tls", "account.pem")


# ---- JSON whose numbers keep their text ---------------------------------------------------------------------------

class Num(str):
    """a number as it was written"""


def loads(text):
    return json.loads(text, parse_int=Num, parse_float=Num)


def dumps(value):
    if isinstance(value, Num):
        return str(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (json.dumps(k), dumps(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join(dumps(v) for v in value)
    return json.dumps(value)


# ---- HTTP ---------------------------------------------------------------------------------------------------------

class Request:
    def __init__(self, method, host, target, headers, body, tls):
        self.method, self.host, self.target, self.body, self.tls = method, host, target, body, tls
        self.headers = [(k.lower(), v) for k, v in headers]
        path, _, self.query = target.partition("?")
        self.raw_path, self.path = path, urllib.parse.unquote(path)
        self.args = dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))

    def header(self, name, default=""):
        return ", ".join(v for k, v in self.headers if k == name) or default

    def json(self):
        try:
            value = loads(self.body) if self.body else None
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


class Response:
    def __init__(self, status, body=b"", headers=None, drop=False):
        self.status, self.headers, self.drop = status, headers or {}, drop
        self.body = body if isinstance(body, bytes) else body.encode()


def as_json(status, value, **headers):
    return Response(status, dumps(value), dict({"Content-Type": "application/json"}, **headers))


class Refused(Exception):
    def __init__(self, status, code, message=""):
        Exception.__init__(self, code)
        self.status, self.code, self.message = status, code, message


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    tunnel = None
    world = None

    def setup(self):
        http.server.BaseHTTPRequestHandler.setup(self)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        host = self.path.rpartition(":")[0]
        self.world.connects.append(host)
        if not self.world.plays(host):
            self.send_error(502, "nobody plays " + host)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            self.connection = self.world.tls.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True
            return
        self.tunnel = host
        self.rfile, self.wfile = self.connection.makefile("rb", -1), self.connection.makefile("wb", 0)
        self.close_connection = False

    def serve(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.path
        if target.startswith("http://"):  # plain HTTP through a proxy
            target = "/" + target[7:].partition("/")[2]
        request = Request(self.command, self.tunnel or self.headers.get("Host", ""), target, self.headers.items(), body,
                          bool(self.tunnel))
        response = self.world.answer(request)
        if response.drop:
            self.close_connection = True
            return
        out = ["HTTP/1.1 %d X" % response.status]
        out += ["%s: %s" % h for h in response.headers.items()]
        if "Content-Length" not in response.headers:
            out.append("Content-Length: %d" % len(response.body))
        self.wfile.write(("\r\n".join(out) + "\r\n\r\n").encode() + (b"" if self.command == "HEAD" else response.body))

    def __getattr__(self, name):  # any method word, LIST too
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


_tls = None


def tls_context():
    global _tls
    if _tls is None:
        _tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _tls.load_cert_chain(SERVER_PEM)
        _tls.set_alpn_protocols(["http/1.1"])
    return _tls


class Server:
    """with Server() as s: …  s.url, s.env(), s.log, s.ops("aws"), s.fault(…)"""

    def __init__(self):
        self.lock = threading.RLock()
        self.tls = tls_context()
        self.log, self.connects, self.faults = [], [], []
        self.delay = 0.0
        self.active = self.peak = 0
        self.aws, self.gcp, self.azure, self.vault = Aws(self), Gcp(self), Azure(self), Vault(self)
        kind = type("Connection", (Connection,), {"world": self})
        self.server = Threads(("127.0.0.1", 0), kind)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def env(self):
        """what a client needs to reach everything, as the account that may do everything"""
        return {"HTTPS_PROXY": self.url, "SSL_CERT_FILE": CA_FILE,
                "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "AKIDMAIN", "AWS_SECRET_ACCESS_KEY": "main-secret",
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1",
                "GOOGLE_OAUTH_ACCESS_TOKEN": "gcp-token",
                "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1", "AZURE_CLIENT_SECRET": "azure-client-secret",
                "VAULT_ADDR": self.url, "VAULT_TOKEN": "vault-root-token", "VAULT_MAX_RETRIES": "0"}

    @staticmethod
    def plays(host):
        return host.endswith((".googleapis.com", ".vault.azure.net", ".vault.azure.cn", ".microsoftonline.com",
                              ".microsoft.com", ".evil.test", ".shop.test", ".amazonaws.com"))

    def answer(self, request):
        with self.lock:
            self.active += 1
            self.peak = max(self.peak, self.active)
        try:
            if self.delay:
                time.sleep(self.delay)
            with self.lock:
                service, op, name, response = self.route(request)
                self.log.append({"service": service, "op": op, "name": name, "method": request.method, "host": request.host,
                                 "target": request.target, "headers": request.headers, "body": request.body,
                                 "status": response.status})
            return response
        finally:
            with self.lock:
                self.active -= 1

    def route(self, request):
        if request.tls:
            if request.host.endswith(".googleapis.com"):
                backend = self.gcp
            elif request.host.endswith((".vault.azure.net", ".vault.azure.cn", ".microsoftonline.com", ".microsoft.com")):
                backend = self.azure
            elif request.host.endswith(".amazonaws.com"):
                backend = self.aws
            elif request.host == "vault.shop.test":
                backend = self.vault
            else:
                return "evil", request.method, request.path, Response(404)
        elif request.path.startswith("/v1/"):
            backend = self.vault
        else:
            backend = self.aws
        op, name = backend.name(request)
        for i, (f_op, f_name, f_after, f_times, f_response) in enumerate(self.faults):
            if (f_op == op or f_op == backend.service) and (f_name is None or f_name == name):
                if f_after > 0:
                    self.faults[i] = (f_op, f_name, f_after - 1, f_times, f_response)
                    continue
                if f_times == 0:
                    continue
                self.faults[i] = (f_op, f_name, 0, f_times - 1, f_response)
                made = f_response(request) if callable(f_response) else f_response
                if made is not None:
                    return backend.service, op, name, made
        return backend.service, op, name, backend.handle(request, op)

    def fault(self, op, response, name=None, after=0, times=-1):
        """Put `response` (or what response(request) gives; None: the usual one) in the place of an operation's answers, from
        the `after`-th on, `times` times."""
        self.faults.append((op, name, after, times, response))

    def ops(self, service=None):
        return [e["op"] for e in self.log if service in (None, e["service"])]

    def writes(self):
        return [(e["op"], e["name"]) for e in self.log if e["op"] in WRITES and e["status"] < 300]


WRITES = {"CreateSecret", "PutSecretValue", "TagResource", "UntagResource", "DeleteSecret", "RestoreSecret", "UpdateSecret",
          "PutParameter", "secrets.create", "secrets.patch", "secrets.delete", "versions.add", "versions.disable", "versions.destroy",
          "azure.set", "azure.patch", "azure.delete", "azure.recover", "azure.purge",
          "data.write", "data.delete", "meta.write", "meta.delete", "kv1.write", "kv1.delete"}


# ---- AWS ----------------------------------------------------------------------------------------------------------

def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def chain(key, *texts):
    for t in texts:
        key = hmac.new(key, t.encode(), hashlib.sha256).digest()
    return key


NAME_OK = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}\Z")
TAG_OK = re.compile(r"[\w .:/=+@-]*\Z")


class AwsSecret:
    def __init__(self, arn, name):
        self.arn, self.name, self.tags, self.versions, self.current, self.previous = arn, name, {}, {}, None, None
        self.deleted, self.kms, self.description = False, None, ""

    @property
    def value(self):
        return self.versions[self.current] if self.current else None


class Aws:
    service = "aws"
    ACCOUNT = "111122223333"
    ROLES = {"arn:aws:iam::111122223333:role/publisher": None, "arn:aws:iam::111122223333:role/reader": "ext-1",
             "arn:aws:iam::111122223333:role/hop": None}
    READ = {"GetSecretValue", "DescribeSecret", "ListSecrets", "BatchGetSecretValue", "GetParameter", "GetParametersByPath",
            "DescribeParameters"}

    def __init__(self, world):
        self.world, self.secrets, self.params = world, {}, {}
        self.accounts = {"AKIDMAIN": ("main-secret", None), "AKIDREAD": ("read-secret", self.READ),
                         "AKIDNOREAD": ("noread-secret", {"DescribeSecret", "ListSecrets", "CreateSecret", "PutSecretValue",
                                                          "TagResource", "DeleteSecret", "RestoreSecret"}),
                         "AKIDNOTHING": ("nothing-secret", set()), "AKIDFROMMANIFEST": ("manifest-secret", None)}
        self.sessions, self.page, self.loop = {}, 100, False
        self.assumed = []

    # set-up for checks
    def put(self, region, name, text=None, binary=None, tags=None):
        s = self.secrets.setdefault((region, name), AwsSecret(self.arn(region, name), name))
        version = "setup-%08d-%s" % (len(s.versions), hashlib.sha256(name.encode()).hexdigest()[:24])
        s.versions[version] = ("string", text) if text is not None else ("binary", binary)
        s.previous, s.current = s.current, version
        if tags:
            s.tags.update(tags)
        return s

    def param(self, region, name, *values, tags=None, kind="SecureString"):
        self.params[region, name] = {"values": list(values), "type": kind, "tags": tags or {}, "labels": {}}

    def get(self, region, name):
        s = self.secrets.get((region, name))
        return s.value[1] if s and not s.deleted and s.value else None

    def arn(self, region, name):
        return "arn:aws:secretsmanager:%s:%s:secret:%s-%s" % (region, self.ACCOUNT, name,
                                                              hashlib.sha256(name.encode()).hexdigest()[:6])

    def name(self, request):
        target = request.header("x-amz-target")
        body = request.json() or {}
        if target.startswith(("secretsmanager.", "AmazonSSM.")):
            return target.split(".", 1)[1], str(body.get("SecretId") or body.get("Name") or body.get("Path") or "")
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))
        return "sts." + form.get("Action", "?"), form.get("RoleArn", "")

    def authenticate(self, request, service):
        m = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
                     r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})\Z", request.header("authorization"))
        if not m:
            raise Refused(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
        key, day, region, scope, signed, signature = m.groups()
        if scope != service:
            raise Refused(403, "InvalidSignatureException", "Credential should be scoped to correct service: '%s'." % service)
        token = request.header("x-amz-security-token")
        if key in self.sessions:
            secret, wanted, allowed = self.sessions[key]
            if token != wanted:
                raise Refused(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        elif key in self.accounts and not token:
            secret, allowed = self.accounts[key]
        else:
            raise Refused(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        names = signed.split(";")
        must = {"host", "x-amz-date"} | {k for k, _ in request.headers if k.startswith("x-amz-") and k != "x-amz-content-sha256"}
        if names != sorted(names) or not must <= set(names):
            raise Refused(403, "InvalidSignatureException", "headers not signed")
        date = request.header("x-amz-date")
        canonical = "\n".join([
            request.method, "/".join(quote(p) for p in request.raw_path.split("/")),
            "&".join("%s=%s" % (quote(k), quote(v)) for k, v in sorted(urllib.parse.parse_qsl(request.query, keep_blank_values=True))),
            "".join("%s:%s\n" % (n, " ".join((request.header(n) if n != "host" else request.host).split())) for n in names),
            signed, hashlib.sha256(request.body).hexdigest()])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", date, "/".join([day, region, scope, "aws4_request"]),
                             hashlib.sha256(canonical.encode()).hexdigest()])
        want = hmac.new(chain(("AWS4" + secret).encode(), day, region, scope, "aws4_request"), to_sign.encode(),
                        hashlib.sha256).hexdigest()
        if not hmac.compare_digest(want, signature) or date[:8] != day:
            raise Refused(403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
        return region, key, allowed

    def handle(self, request, op):
        head = {"x-amzn-RequestId": "00000000-0000-4000-8000-000000000000"}
        if op.startswith("sts."):
            return self.sts(request, head)
        try:
            prefix = request.header("x-amz-target").split(".")[0]
            region, who, allowed = self.authenticate(request, {"secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}[prefix])
            if request.method != "POST" or request.path != "/" or request.header("content-type") != "application/x-amz-json-1.1":
                raise Refused(400, "SerializationException", "not a JSON 1.1 request")
            body = request.json()
            function = getattr(self, "do_" + op, None)
            if body is None or function is None:
                raise Refused(400, "SerializationException" if body is None else "UnknownOperationException", "")
            if allowed is not None and op not in allowed:
                raise Refused(400, "AccessDeniedException", "User: arn:aws:iam::%s:user/%s is not authorized to perform: %s:%s "
                              "because no identity-based policy allows the action" % (self.ACCOUNT, who, prefix, op))
            return Response(200, dumps(function(region, body)), dict(head, **{"Content-Type": "application/x-amz-json-1.1"}))
        except Refused as r:
            return Response(r.status, json.dumps({"__type": r.code, "Message": r.message}),
                            dict(head, **{"Content-Type": "application/x-amz-json-1.1"}))

    def sts(self, request, head):
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
        try:
            region, who, _ = self.authenticate(request, "sts")
            role = form.get("RoleArn", "")
            if form.get("Action") != "AssumeRole" or role not in self.ROLES or \
                    (self.ROLES[role] is not None and form.get("ExternalId") != self.ROLES[role]):
                raise Refused(403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole on resource: " + role)
            key = "ASIA%d" % len(self.sessions)
            self.sessions[key] = ("session-secret-" + key, "session-token-" + key,
                                  self.READ if role.endswith("/reader") else None)
            self.assumed.append((role, who, region))
            text = ("<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"
                    "<AccessKeyId>%s</AccessKeyId><SecretAccessKey>session-secret-%s</SecretAccessKey>"
                    "<SessionToken>session-token-%s</SessionToken><Expiration>2120-01-01T00:00:00Z</Expiration></Credentials>"
                    "</AssumeRoleResult></AssumeRoleResponse>" % (key, key, key))
            return Response(200, text, dict(head, **{"Content-Type": "text/xml"}))
        except Refused as r:
            return Response(r.status, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
                            "<RequestId>0</RequestId></ErrorResponse>" % (r.code, r.message), dict(head, **{"Content-Type": "text/xml"}))

    # Secrets Manager
    @staticmethod
    def fields(body, *known):
        bad = set(body) - set(known)
        if bad:
            raise Refused(400, "ValidationException", "unknown fields: " + ", ".join(sorted(bad)))

    def find(self, region, body, deleted_too=False):
        name = str(body.get("SecretId", ""))
        s = self.secrets.get((region, name)) or next((s for (r, _), s in self.secrets.items() if r == region and s.arn == name), None)
        if s is None:
            raise Refused(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        if s.deleted and not deleted_too:
            raise Refused(400, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
        return s

    @staticmethod
    def check_tags(tags):
        out = {}
        for t in tags:
            k, v = t.get("Key", ""), t.get("Value", "")
            if set(t) - {"Key", "Value"} or not 1 <= len(k) <= 128 or len(v) > 256 or not TAG_OK.match(k) or not TAG_OK.match(v):
                raise Refused(400, "ValidationException", "bad tag")
            out[k] = v
        return out

    @staticmethod
    def check_value(body):
        if ("SecretString" in body) == ("SecretBinary" in body):
            raise Refused(400, "InvalidParameterException", "You must provide either SecretString or SecretBinary.")
        if "SecretString" in body:
            if not isinstance(body["SecretString"], str) or not body["SecretString"] or len(body["SecretString"].encode()) > 65536:
                raise Refused(400, "ValidationException", "length of secretString")
            value = ("string", body["SecretString"])
        else:
            value = ("binary", base64.b64decode(body["SecretBinary"], validate=True))
        token = body.get("ClientRequestToken", "")
        if not 32 <= len(token) <= 64:
            raise Refused(400, "InvalidParameterException", "You must provide a ClientRequestToken value of 32 to 64 characters.")
        return token, value

    def do_DescribeSecret(self, region, body):
        self.fields(body, "SecretId")
        s = self.find(region, body, deleted_too=True)
        stages = {v: ["AWSCURRENT"] if v == s.current else ["AWSPREVIOUS"] for v in (s.current, s.previous) if v}
        out = {"ARN": s.arn, "Name": s.name, "Tags": [{"Key": k, "Value": v} for k, v in s.tags.items()],
               "VersionIdsToStages": stages, "CreatedDate": Num("1.7E9"), "Description": s.description}
        if s.deleted:
            out["DeletedDate"] = Num("1.9E9")
        return out

    def do_GetSecretValue(self, region, body):
        self.fields(body, "SecretId", "VersionId", "VersionStage")
        s = self.find(region, body)
        version = s.current
        if "VersionId" in body:
            version = body["VersionId"] if body["VersionId"] in s.versions else None
        elif "VersionStage" in body:
            version = {"AWSCURRENT": s.current, "AWSPREVIOUS": s.previous}.get(body["VersionStage"])
        if version is None:
            raise Refused(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label")
        kind, value = s.versions[version]
        out = {"ARN": s.arn, "Name": s.name, "VersionId": version, "VersionStages": ["AWSCURRENT"], "CreatedDate": Num("1.7E9")}
        if kind == "string":
            out["SecretString"] = value
        else:
            out["SecretBinary"] = base64.b64encode(value).decode()
        return out

    def do_CreateSecret(self, region, body):
        self.fields(body, "Name", "ClientRequestToken", "Description", "KmsKeyId", "SecretString", "SecretBinary", "Tags")
        name = body.get("Name", "")
        if not NAME_OK.match(name):
            raise Refused(400, "ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
        old = self.secrets.get((region, name))
        if old:
            raise Refused(400, *(("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
                                 if old.deleted else ("ResourceExistsException", "The operation failed because the secret %s already exists." % name)))
        tags = self.check_tags(body.get("Tags", []))
        token, value = self.check_value(body)
        s = self.secrets[region, name] = AwsSecret(self.arn(region, name), name)
        s.tags, s.kms, s.description = tags, body.get("KmsKeyId"), body.get("Description", "")
        s.versions[token], s.current = value, token
        return {"ARN": s.arn, "Name": name, "VersionId": token}

    def do_PutSecretValue(self, region, body):
        self.fields(body, "SecretId", "ClientRequestToken", "SecretString", "SecretBinary", "VersionStages")
        s = self.find(region, body)
        token, value = self.check_value(body)
        if token in s.versions:
            if s.versions[token] != value:
                raise Refused(400, "ResourceExistsException", "You can't modify an existing version, you can only create a new version.")
        else:  # as documented: with a token that is known, nothing happens, whatever is current
            s.versions[token] = value
            s.previous, s.current = s.current, token
        return {"ARN": s.arn, "Name": s.name, "VersionId": token, "VersionStages": ["AWSCURRENT"]}

    def do_TagResource(self, region, body):
        self.fields(body, "SecretId", "Tags")
        s = self.find(region, body)
        s.tags.update(self.check_tags(body["Tags"]))
        return {}

    def do_UntagResource(self, region, body):
        self.fields(body, "SecretId", "TagKeys")
        s = self.find(region, body)
        for k in body["TagKeys"]:
            s.tags.pop(k, None)
        return {}

    def do_DeleteSecret(self, region, body):
        self.fields(body, "SecretId", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery")
        s = self.find(region, body)
        if body.get("ForceDeleteWithoutRecovery"):
            raise Refused(400, "AccessDeniedException", "explicit deny: ForceDeleteWithoutRecovery")
        if not 7 <= int(body.get("RecoveryWindowInDays", "30")) <= 30:
            raise Refused(400, "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
        s.deleted, s.window = True, int(body.get("RecoveryWindowInDays", "30"))
        return {"ARN": s.arn, "Name": s.name, "DeletionDate": Num("1.9E9")}

    def do_RestoreSecret(self, region, body):
        self.fields(body, "SecretId")
        s = self.find(region, body, deleted_too=True)
        s.deleted = False
        return {"ARN": s.arn, "Name": s.name}

    def pages(self, items, body, out):
        start = int(body.get("NextToken", "token-0").split("-")[1])
        end = min(start + min(self.page, int(body.get("MaxResults", "100"))), len(items))
        if self.loop:
            return items[:1], dict(out, NextToken="token-0")
        if end < len(items):
            out["NextToken"] = "token-%d" % end
        return items[start:end], out

    def do_ListSecrets(self, region, body):
        self.fields(body, "Filters", "MaxResults", "NextToken", "IncludePlannedDeletion", "SortOrder")
        found = [s for (r, _), s in sorted(self.secrets.items()) if r == region and (not s.deleted or body.get("IncludePlannedDeletion"))]
        for f in body.get("Filters", []):
            if f.get("Key") not in ("name", "tag-key", "tag-value", "description", "all") or not f.get("Values"):
                raise Refused(400, "ValidationException", "bad filter")
            texts = {"name": lambda s: [s.name], "tag-key": lambda s: list(s.tags), "tag-value": lambda s: list(s.tags.values())}
            if f["Key"] in texts:  # prefix match, as the service does
                found = [s for s in found if any(t.startswith(v) for t in texts[f["Key"]](s) for v in f["Values"])]
        items, out = self.pages(found, body, {})
        out["SecretList"] = [{"ARN": s.arn, "Name": s.name, "Tags": [{"Key": k, "Value": v} for k, v in s.tags.items()]} for s in items]
        return out

    def do_BatchGetSecretValue(self, region, body):
        self.fields(body, "Filters", "MaxResults", "NextToken", "SecretIdList")
        listed = self.do_ListSecrets(region, {k: v for k, v in body.items() if k != "SecretIdList"})
        out = {"SecretValues": [self.do_GetSecretValue(region, {"SecretId": s["Name"]}) for s in listed["SecretList"]], "Errors": []}
        if "NextToken" in listed:
            out["NextToken"] = listed["NextToken"]
        return out

    # Parameter Store
    def one_param(self, name, p, version=None, decrypt=False):
        version = version or len(p["values"])
        value = p["values"][version - 1]
        if p["type"] == "SecureString" and not decrypt:
            value = "AQICAHencrypted" + hashlib.sha256(value.encode()).hexdigest()
        return {"Name": name, "Type": p["type"], "Value": value, "Version": Num(str(version)), "ARN": "arn:aws:ssm:::parameter" + name,
                "DataType": "text"}

    def do_GetParameter(self, region, body):
        self.fields(body, "Name", "WithDecryption")
        name, _, selector = body.get("Name", "").partition(":")
        p = self.params.get((region, name))
        if p is None:
            raise Refused(400, "ParameterNotFound", "")
        version = int(selector) if selector.isdigit() else p["labels"].get(selector) if selector else None
        if selector and (version is None or not 1 <= version <= len(p["values"])):
            raise Refused(400, "ParameterVersionNotFound", "Systems Manager could not find version %s of %s." % (selector, name))
        return {"Parameter": self.one_param(name, p, version, body.get("WithDecryption", False))}

    def do_GetParametersByPath(self, region, body):
        self.fields(body, "Path", "Recursive", "WithDecryption", "MaxResults", "NextToken", "ParameterFilters")
        path = body.get("Path", "")
        if not path.startswith("/") or int(body.get("MaxResults", "10")) > 10:
            raise Refused(400, "ValidationException", "The parameter doesn't meet the parameter name requirements.")
        base = path.rstrip("/") + "/"
        found = [(n, p) for (r, n), p in sorted(self.params.items()) if r == region and
                 (n.startswith(base) or (path == "/" and "/" not in n)) and (body.get("Recursive") or "/" not in n[len(base):])]
        items, out = self.pages(found, dict({"MaxResults": "10"}, **body), {})
        out["Parameters"] = [self.one_param(n, p, None, body.get("WithDecryption", False)) for n, p in items]
        return out

    def do_DescribeParameters(self, region, body):
        self.fields(body, "ParameterFilters", "MaxResults", "NextToken", "Filters", "Shared")
        found = [(n, p) for (r, n), p in sorted(self.params.items()) if r == region]
        for f in body.get("ParameterFilters", []):
            key, values = f.get("Key", ""), f.get("Values", [])
            if key == "Path":
                found = [(n, p) for n, p in found if any(n.startswith(v.rstrip("/") + "/") for v in values)]
            elif key.startswith("tag:"):
                found = [(n, p) for n, p in found if p["tags"].get(key[4:]) in values]
            elif key == "Name":
                found = [(n, p) for n, p in found if any(n == v or (f.get("Option") == "BeginsWith" and n.startswith(v)) for v in values)]
            else:
                raise Refused(400, "InvalidFilterKey", key)
        items, out = self.pages(found, body, {})
        out["Parameters"] = [{"Name": n, "Type": p["type"], "Version": Num(str(len(p["values"])))} for n, p in items]
        return out


# ---- Google Secret Manager ----------------------------------------------------------------------------------------

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def der(data):
    """(tag, content) items of a DER sequence"""
    items, at = [], 0
    while at < len(data):
        tag, n, at = data[at], data[at + 1], at + 2
        if n & 0x80:
            k = n & 0x7F
            n, at = int.from_bytes(data[at:at + k], "big"), at + k
        items.append((tag, data[at:at + n]))
        at += n
    return items


def rsa_public():
    """(n, e) of tls/account.pem (PKCS #8)"""
    with open(ACCOUNT_PEM) as f:
        text = "".join(line for line in f.read().splitlines() if "-----" not in line)
    outer = der(der(base64.b64decode(text))[0][1])
    inner = der(der(outer[2][1])[0][1])
    return int.from_bytes(inner[1][1], "big"), int.from_bytes(inner[2][1], "big")


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwt_claims(token):
    """the claims of a JWT signed with tls/account.pem (RS256), or None"""
    try:
        head, claims, signature = token.split(".")
        n, e = rsa_public()
        plain = pow(int.from_bytes(unb64url(signature), "big"), e, n).to_bytes((n.bit_length() + 7) // 8, "big")
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256((head + "." + claims).encode()).digest()
        want = b"\x00\x01" + b"\xff" * (len(plain) - 3 - len(digest)) + b"\x00" + digest
        return json.loads(unb64url(claims)) if plain == want and json.loads(unb64url(head)).get("alg") == "RS256" else None
    except (ValueError, KeyError, IndexError):
        return None


class Gcp:
    service = "gcp"
    NUMBER = "123456789012"
    PROJECTS = {"shop-project": NUMBER, NUMBER: NUMBER}
    SCOPE = "https://www.googleapis.com/auth/cloud-platform"

    def __init__(self, world):
        self.world, self.secrets, self.page, self.loop, self.bad_crc, self.tick = world, {}, 100, False, False, 0
        self.tokens = {"gcp-token": None, "gcp-noread": {"versions.access"}, "gcp-nothing": {"*"}}  # token -> what it may not

    def account(self):
        """a credentials file for GOOGLE_APPLICATION_CREDENTIALS or a Secret"""
        with open(ACCOUNT_PEM) as f:
            return json.dumps({"type": "service_account", "project_id": "shop-project", "private_key_id": "key-1",
                               "private_key": f.read(), "client_email": "sops@shop-project.iam.gserviceaccount.com",
                               "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
                               "universe_domain": "googleapis.com"})

    # set-up
    def put(self, name, *values, labels=None, annotations=None, location=""):
        s = self.secrets.setdefault((location, name), {"labels": {}, "annotations": {}, "versions": [], "etag": 1})
        s["labels"].update(labels or {})
        s["annotations"].update(annotations or {})
        for v in values:
            self.tick += 1
            s["versions"].append({"data": v if isinstance(v, bytes) else v.encode(), "state": "ENABLED", "tick": self.tick})
        return s

    def get(self, name, location=""):
        s = self.secrets.get((location, name))
        live = [v for v in s["versions"] if v["state"] == "ENABLED"] if s else []
        return live[-1]["data"] if live else None

    PATH = re.compile(r"/v1/projects/([^/]+)(?:/locations/([^/]+))?/secrets(?:/([^/:]+))?(?:/versions(?:/([^/:]+))?)?(?::(\w+))?\Z")

    def name(self, request):
        if request.path == "/token":
            return "oauth.token", ""
        m = self.PATH.match(request.path)
        if not m:
            return "gcp.?", request.path
        secret, version, action, on_versions = m.group(3), m.group(4), m.group(5), "/versions" in request.path
        if action:
            return "versions." + {"addVersion": "add"}.get(action, action), secret
        if on_versions:
            return "versions." + ("get" if version else "list"), secret
        return "secrets." + ({"GET": "get", "PATCH": "patch", "DELETE": "delete"}.get(request.method, "?") if secret else
                             {"GET": "list", "POST": "create"}.get(request.method, "?")), secret or request.args.get("secretId", "")

    @staticmethod
    def error(status, code, message):
        return as_json(status, {"error": {"code": Num(str(status)), "message": message, "status": code}})

    def handle(self, request, op):
        try:
            if op == "oauth.token":
                return self.token(request)
            token = request.header("authorization")
            claims = jwt_claims(token[7:]) if token.count(".") == 2 else None  # a statement that the account signed itself
            own = claims is not None and claims.get("iss") == "sops@shop-project.iam.gserviceaccount.com" and \
                claims.get("exp", 0) > time.time() and (self.SCOPE in claims.get("scope", "").split() or
                                                        claims.get("aud") == "https://secretmanager.googleapis.com/")
            if not token.startswith("Bearer ") or (token[7:] not in self.tokens and not own):
                raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            denied = self.tokens.get(token[7:])
            m = self.PATH.match(request.path)
            if not m or op.endswith("?"):
                raise Refused(404, "NOT_FOUND", "Method not found.")
            project, location, secret, version, _ = m.groups()
            host = "secretmanager.%s.rep.googleapis.com" % location if location else "secretmanager.googleapis.com"
            if project not in self.PROJECTS or request.host != host:
                raise Refused(404 if request.host != host else 403, "NOT_FOUND" if request.host != host else "PERMISSION_DENIED",
                              "Project %s not found at %s" % (project, request.host))
            if denied and (op in denied or "*" in denied):
                raise Refused(403, "PERMISSION_DENIED", "Permission 'secretmanager.%s' denied for resource '%s' (or it may not exist)." % (op, request.path))
            if request.method in ("POST", "PATCH") and (request.json() is None or
                                                        not request.header("content-type").startswith("application/json")):
                raise Refused(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
            return getattr(self, "do_" + op.replace(".", "_"))(request, location or "", secret, version)
        except Refused as r:
            return self.error(r.status, r.code, r.message)

    def token(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))
        claims = jwt_claims(form.get("assertion", ""))
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not claims or \
                claims.get("aud") != "https://oauth2.googleapis.com/token" or self.SCOPE not in claims.get("scope", "").split():
            return as_json(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        self.tokens.setdefault("gcp-token-of-account", None)
        return as_json(200, {"access_token": "gcp-token-of-account", "expires_in": Num("3599"), "token_type": "Bearer"})

    def find(self, location, name):
        s = self.secrets.get((location, name))
        if s is None:
            raise Refused(404, "NOT_FOUND", "Secret [projects/%s/secrets/%s] not found." % (self.NUMBER, name))
        return s

    def full(self, location, name):
        return "projects/%s/%ssecrets/%s" % (self.NUMBER, "locations/%s/" % location if location else "", name)

    def shown(self, location, name, s):
        out = {"name": self.full(location, name), "createTime": "2026-01-01T00:00:00Z", "etag": '"%d"' % s["etag"]}
        if not location:
            out["replication"] = s.get("replication", {"automatic": {}})
        if s["labels"]:
            out["labels"] = s["labels"]
        if s["annotations"]:
            out["annotations"] = s["annotations"]
        return out

    def check_marks(self, body):
        for k, v in body.get("labels", {}).items():
            if not re.match(r"[a-z][a-z0-9_-]{0,62}\Z", k) or not re.match(r"[a-z0-9_-]{0,63}\Z", v):
                raise Refused(400, "INVALID_ARGUMENT", "invalid label")
        for k, v in body.get("annotations", {}).items():
            if not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z", k) or len(v) > 16384:
                raise Refused(400, "INVALID_ARGUMENT", "invalid annotation")

    def do_secrets_get(self, request, location, name, _):
        return as_json(200, self.shown(location, name, self.find(location, name)))

    def do_secrets_create(self, request, location, _, __):
        body, name = request.json(), request.args.get("secretId", "")
        if not re.match(r"[A-Za-z0-9_-]{1,255}\Z", name) or set(body) - {"replication", "labels", "annotations"} or \
                bool(location) == ("replication" in body):
            raise Refused(400, "INVALID_ARGUMENT", "Secret id or replication is invalid.")
        if not location and set(body["replication"]) not in ({"automatic"}, {"userManaged"}):
            raise Refused(400, "INVALID_ARGUMENT", "replication")
        if (location, name) in self.secrets:
            raise Refused(409, "ALREADY_EXISTS", "Secret [%s] already exists." % self.full(location, name))
        self.check_marks(body)
        s = self.put(name, labels=body.get("labels"), annotations=body.get("annotations"), location=location)
        if not location:
            s["replication"] = body["replication"]
        return as_json(200, self.shown(location, name, s))

    def do_secrets_patch(self, request, location, name, _):
        s, body = self.find(location, name), request.json()
        mask = set(request.args.get("updateMask", "").split(","))
        if not mask or mask - {"labels", "annotations"}:
            raise Refused(400, "INVALID_ARGUMENT", "updateMask")
        if "etag" in body and body["etag"] != '"%d"' % s["etag"]:
            raise Refused(409, "ABORTED", "The provided etag does not match the current etag of the secret.")
        self.check_marks(body)
        for k in mask:
            s[k] = dict(body.get(k, {}))
        s["etag"] += 1
        return as_json(200, self.shown(location, name, s))

    def do_secrets_list(self, request, location, _, __):
        found = [(n, s) for (where, n), s in sorted(self.secrets.items()) if where == location]
        for word in request.args.get("filter", "").replace(" AND ", " ").split():
            m = re.match(r"labels\.([a-z0-9_-]+)[=:](\"?)([a-z0-9_-]*)\2\Z|name:(\S+)\Z", word)
            if not m:
                raise Refused(400, "INVALID_ARGUMENT", "invalid filter")
            found = [(n, s) for n, s in found if (m[4] in n if m[4] else s["labels"].get(m[1]) == m[3])]
        start = int(request.args.get("pageToken", "p0")[1:])
        size = min(self.page, int(request.args.get("pageSize") or 100))
        if self.loop:
            found, size = found[:1], 1
        out = {"secrets": [self.shown(location, n, s) for n, s in found[start:start + size]]}
        if self.loop:
            out = {"secrets": [self.shown(location, n, s) for n, s in found], "nextPageToken": "p0"}
        elif start + size < len(found):
            out["nextPageToken"] = "p%d" % (start + size)
        return as_json(200, out)

    def do_versions_add(self, request, location, name, _):
        s, payload = self.find(location, name), request.json().get("payload", {})
        if set(request.json()) != {"payload"} or set(payload) != {"data", "dataCrc32c"}:
            raise Refused(400, "INVALID_ARGUMENT", "payload needs data and dataCrc32c here")
        data = base64.b64decode(payload["data"], validate=True)
        if not 1 <= len(data) <= 65536 or str(crc32c(data)) != str(payload["dataCrc32c"]):
            raise Refused(400, "INVALID_ARGUMENT", "Secret payload is empty, too long, or its checksum is wrong.")
        self.put(name, data, location=location)
        return as_json(200, {"name": "%s/versions/%d" % (self.full(location, name), len(s["versions"])), "state": "ENABLED"})

    def version(self, s, version, location, name):
        if version == "latest":
            version = str(len(s["versions"]))
        if not version.isdigit() or not 1 <= int(version) <= len(s["versions"]):
            raise Refused(404, "NOT_FOUND", "Secret Version [%s/versions/%s] not found or has no versions." % (self.full(location, name), version))
        return int(version), s["versions"][int(version) - 1]

    def do_versions_access(self, request, location, name, version):
        number, v = self.version(self.find(location, name), version, location, name)
        if v["state"] != "ENABLED":
            raise Refused(400, "FAILED_PRECONDITION", "Secret Version [%s/versions/%d] is in %s state." % (self.full(location, name), number, v["state"]))
        crc = crc32c(v["data"]) ^ (1 if self.bad_crc else 0)
        return as_json(200, {"name": "%s/versions/%d" % (self.full(location, name), number),
                             "payload": {"data": base64.b64encode(v["data"]).decode(), "dataCrc32c": str(crc)}})

    def do_versions_list(self, request, location, name, _):
        s = self.find(location, name)
        if request.args.get("filter", "") not in ("", "state:ENABLED"):
            raise Refused(400, "INVALID_ARGUMENT", "invalid filter")
        found = [{"name": "%s/versions/%d" % (self.full(location, name), i + 1), "state": v["state"],
                  "createTime": "2026-01-01T00:%02d:%02dZ" % (v["tick"] // 60, v["tick"] % 60), "etag": '"%d"' % v["tick"]}
                 for i, v in enumerate(s["versions"]) if v["state"] == "ENABLED" or not request.args.get("filter")]
        return as_json(200, {"versions": found[::-1], "totalSize": Num(str(len(found)))})

    def do_versions_disable(self, request, location, name, version):
        number, v = self.version(self.find(location, name), version, location, name)
        if set(request.json()) - {"etag"}:
            raise Refused(400, "INVALID_ARGUMENT", "fields")
        v["state"] = "DISABLED"
        return as_json(200, {"name": "%s/versions/%d" % (self.full(location, name), number), "state": "DISABLED"})


# ---- Azure Key Vault ----------------------------------------------------------------------------------------------

class Azure:
    service = "azure"
    TOKEN = "azure-token-for-vault"

    def __init__(self, world):
        self.world, self.secrets, self.deleted, self.page, self.loop, self.next_host = world, {}, {}, 25, False, None
        self.recovering, self.tick, self.token_requests, self.next_port = {}, 0, 0, ""
        self.clients = {"client-1": "azure-client-secret", "client-of-manifest": "secret-of-manifest"}

    def put(self, vault, name, value, tags=None, enabled=True):
        self.tick += 1
        self.secrets.setdefault((vault, name), []).append({"value": value, "tags": dict(tags or {}), "enabled": enabled,
                                                           "id": "%032x" % self.tick, "type": None})

    def get(self, vault, name):
        versions = self.secrets.get((vault, name))
        return versions[-1]["value"] if versions else None

    def name(self, request):
        if not request.host.endswith((".vault.azure.net", ".vault.azure.cn")):
            return ("azure.token" if request.path.endswith("/token") else "azure.discovery"), ""
        parts = request.path.strip("/").split("/")
        if parts[0] == "deletedsecrets":
            return ("azure.recover" if parts[-1] == "recover" else "azure.purge" if request.method == "DELETE" else "azure.deleted"), \
                parts[1] if len(parts) > 1 else ""
        if parts[0] != "secrets":
            return "azure.?", request.path
        if len(parts) == 1:
            return "azure.list", ""
        return "azure." + {"GET": "get", "PUT": "set", "PATCH": "patch", "DELETE": "delete"}.get(request.method, "?"), parts[1]

    @staticmethod
    def error(status, code, message, inner=None):
        error = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        return as_json(status, {"error": error})

    def handle(self, request, op):
        if op == "azure.discovery":
            if "discovery/instance" in request.path:
                return as_json(200, {"tenant_discovery_endpoint": "https://login.microsoftonline.com/tenant-1/v2.0/.well-known/openid-configuration",
                                     "metadata": []})
            return as_json(200, {"token_endpoint": "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token",
                                 "authorization_endpoint": "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/authorize",
                                 "issuer": "https://login.microsoftonline.com/tenant-1/v2.0"})
        if op == "azure.token":
            self.token_requests += 1
            form = dict(urllib.parse.parse_qsl(request.body.decode("latin-1")))
            good = form.get("grant_type") == "client_credentials" and form.get("client_secret") and \
                self.clients.get(form.get("client_id")) == form.get("client_secret") and \
                ("https://vault.azure.net/.default" in form.get("scope", "").split() or form.get("resource") == "https://vault.azure.net") and \
                request.path.startswith("/tenant-1/")
            if not good:
                return as_json(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
            return as_json(200, {"token_type": "Bearer", "expires_in": Num("3599"), "expires_on": "4733510400", "not_before": "0",
                                 "resource": "https://vault.azure.net", "access_token": self.TOKEN})
        vault = request.host.split(".")[0]
        bearer = request.header("authorization")
        if bearer != "Bearer " + self.TOKEN:
            return Response(401, json.dumps({"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}}),
                            {"Content-Type": "application/json", "WWW-Authenticate":
                             'Bearer authorization="https://login.microsoftonline.com/tenant-1", resource="https://vault.azure.net"'})
        if request.args.get("api-version") not in ("7.4", "7.5", "7.6", "2025-07-01", "7.0", "7.1"):
            return self.error(400, "BadParameter", "api-version")
        if op == "azure.?" or vault not in ("shop", "other"):
            return self.error(404, "NotFound", "no such thing")
        return getattr(self, "do_" + op.split(".")[1])(request, vault, request.path.strip("/").split("/")[1:])

    def shown(self, vault, name, v, value=True):
        out = {"id": "https://%s.vault.azure.net/secrets/%s/%s" % (vault, name, v["id"]) if value else
               "https://%s.vault.azure.net/secrets/%s" % (vault, name),
               "attributes": {"enabled": v["enabled"], "created": Num("1700000000"), "updated": Num("1700000000"),
                              "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": Num("90")}}
        if v["tags"]:
            out["tags"] = v["tags"]
        if v["type"]:
            out["contentType"] = v["type"]
        if value:
            out["value"] = v["value"]
        return out

    def versions(self, vault, name):
        left = self.recovering.get((vault, name), 0)
        if left:
            self.recovering[vault, name] = left - 1
            return None
        return self.secrets.get((vault, name))

    def not_found(self, name):
        return self.error(404, "SecretNotFound", "A secret with (name/id) %s was not found in this key vault." % name)

    def do_get(self, request, vault, parts):
        name, found = parts[0], self.versions(vault, parts[0])
        v = found and (next((v for v in found if v["id"] == parts[1]), None) if len(parts) > 1 and parts[1] else found[-1])
        if not v:
            return self.not_found(name)
        if not v["enabled"]:
            return self.error(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return as_json(200, self.shown(vault, name, v))

    def do_set(self, request, vault, parts):
        name, body = parts[0], request.json()
        if len(parts) != 1 or body is None or set(body) - {"value", "tags", "contentType", "attributes"} or \
                not isinstance(body.get("value"), str) or not re.match(r"[0-9A-Za-z-]{1,127}\Z", name):
            return self.error(400, "BadParameter", "The request is not valid.")
        if len(body["value"].encode()) > 25600 or len(body.get("tags", {})) > 15 or any(len(k) > 256 or len(v) > 256 for k, v in body.get("tags", {}).items()):
            return self.error(400, "BadParameter", "Property value or tags are too long.")
        if (vault, name) in self.deleted or self.recovering.get((vault, name)):
            return self.error(409, "Conflict", "Secret %s is currently in a deleted but recoverable state, and its name cannot be reused." % name,
                              "ObjectIsDeletedButRecoverable")
        self.put(vault, name, body["value"], body.get("tags"))
        self.secrets[vault, name][-1]["type"] = body.get("contentType")
        return as_json(200, self.shown(vault, name, self.secrets[vault, name][-1]))

    def do_patch(self, request, vault, parts):
        name, body, found = parts[0], request.json(), self.versions(vault, parts[0])
        v = found and (next((v for v in found if v["id"] == parts[1]), None) if len(parts) > 1 and parts[1] else found[-1])
        if not v or body is None or set(body) - {"tags", "contentType", "attributes"}:
            return self.not_found(name) if not v else self.error(400, "BadParameter", "fields")
        if "tags" in body:
            if len(body["tags"]) > 15:
                return self.error(400, "BadParameter", "too many tags")
            v["tags"] = dict(body["tags"])
        return as_json(200, self.shown(vault, name, v, value=False))

    def do_delete(self, request, vault, parts):
        name = parts[0]
        if not self.versions(vault, name):
            return self.not_found(name)
        self.deleted[vault, name] = self.secrets.pop((vault, name))
        return as_json(200, dict(self.shown(vault, name, self.deleted[vault, name][-1], value=False),
                                 recoveryId="https://%s.vault.azure.net/deletedsecrets/%s" % (vault, name)))

    def do_deleted(self, request, vault, parts):
        name = parts[0] if parts else ""
        if (vault, name) not in self.deleted:
            return self.not_found(name)
        return as_json(200, dict(self.shown(vault, name, self.deleted[vault, name][-1], value=False),
                                 recoveryId="https://%s.vault.azure.net/deletedsecrets/%s" % (vault, name)))

    def do_recover(self, request, vault, parts):
        name = parts[0]
        if request.method != "POST" or (vault, name) not in self.deleted:
            return self.not_found(name)
        self.secrets[vault, name] = self.deleted.pop((vault, name))
        self.recovering[vault, name] = 2  # the next two looks at it do not see it yet
        return as_json(200, self.shown(vault, name, self.secrets[vault, name][-1], value=False))

    def do_purge(self, request, vault, parts):
        return self.error(403, "Forbidden", "The user does not have secrets purge permission.")

    def do_list(self, request, vault, parts):
        found = sorted(n for (v, n) in self.secrets if v == vault)
        start = int(request.args.get("$skiptoken", "0"))
        size = min(self.page, int(request.args.get("maxresults") or 25))
        if self.loop:
            start, size = 0, 1
        out = {"value": [self.shown(vault, n, self.secrets[vault, n][-1], value=False) for n in found[start:start + size]], "nextLink": None}
        if start + size < len(found) or self.loop:
            out["nextLink"] = "https://%s%s/secrets?api-version=7.4&$skiptoken=%d&maxresults=%d" % (
                self.next_host or request.host, self.next_port, start + size, size)
        return as_json(200, out)


# ---- Vault --------------------------------------------------------------------------------------------------------

class Vault:
    service = "vault"

    def __init__(self, world):
        self.world = world
        self.mounts = {"secret": 2, "kv1": 1, "team/kv": 2}
        self.v1, self.v2 = {}, {}
        # token -> what it may not do (operations); None: nothing is refused
        self.tokens = {"vault-root-token": None, "vault-nodata": {"data.read"}, "vault-nometa": {"meta.write"}, "vault-nothing": {"*"},
                       "token-of-manifest": None}
        self.roles = {"role-1": "approle-secret-id"}

    # set-up; keys are (namespace, mount, path)
    def put(self, path, value, mount="secret", custom=None, ns=""):
        entry = self.v2.setdefault((ns, mount, path), {"versions": [], "custom": None})
        if value is not None:
            entry["versions"].append({"data": loads(json.dumps(value)) if not isinstance(value, str) else loads(value), "deleted": False})
        if custom is not None:
            entry["custom"] = custom

    def put1(self, path, value, mount="kv1", ns=""):
        self.v1[ns, mount, path] = loads(json.dumps(value))

    def get(self, path, mount="secret", ns=""):
        entry = self.v2.get((ns, mount, path))
        last = entry["versions"][-1] if entry and entry["versions"] else None
        return json.loads(dumps(last["data"])) if last and not last["deleted"] else None

    def custom(self, path, mount="secret", ns=""):
        return (self.v2.get((ns, mount, path)) or {}).get("custom")

    def split(self, request):
        path = request.path[len("/v1/"):]
        for mount in sorted(self.mounts, key=len, reverse=True):
            if path == mount or path.startswith(mount + "/"):
                return mount, path[len(mount) + 1:]
        return None, path

    def name(self, request):
        if request.path.startswith("/v1/auth/"):
            return "vault.login", request.path
        if request.path.startswith("/v1/sys/internal/ui/mounts/"):
            return "mount.read", request.path[len("/v1/sys/internal/ui/mounts/"):].strip("/")
        mount, rest = self.split(request)
        listing = request.method == "LIST" or request.args.get("list") == "true"
        if mount is None:
            return "vault.?", rest
        if self.mounts[mount] == 1:
            return "kv1." + ("list" if listing else {"GET": "read", "PUT": "write", "POST": "write", "DELETE": "delete"}.get(request.method, "?")), rest
        kind, _, rest = rest.partition("/")
        if kind == "data":
            return "data." + {"GET": "read", "PUT": "write", "POST": "write", "DELETE": "delete"}.get(request.method, "?"), rest
        if kind == "metadata":
            return "meta." + ("list" if listing else {"GET": "read", "PUT": "write", "POST": "write", "DELETE": "delete"}.get(request.method, "?")), rest
        return "vault.?", rest

    @staticmethod
    def errors(status, *texts):
        return as_json(status, {"errors": list(texts)})

    @staticmethod
    def data(value, **more):
        return as_json(200, dict({"request_id": "0", "lease_id": "", "renewable": False, "lease_duration": Num("0"), "data": value,
                                  "wrap_info": None, "warnings": None, "auth": None}, **more))

    def handle(self, request, op):
        if op == "vault.login":
            body = request.json() or {}
            if request.path != "/v1/auth/approle/login" or self.roles.get(body.get("role_id")) != body.get("secret_id"):
                return self.errors(400, "invalid role or secret ID")
            self.tokens["token-of-approle"] = None
            return self.data(None, auth={"client_token": "token-of-approle", "policies": ["default"], "lease_duration": Num("3600")})
        token = request.header("x-vault-token")
        if token not in self.tokens or (self.tokens[token] and (op in self.tokens[token] or "*" in self.tokens[token])):
            return self.errors(403, "permission denied" if token in self.tokens else "invalid token")
        if request.header("x-vault-request") != "true" or op.endswith("?"):
            return self.errors(404, "no handler for route \"%s\". route entry not found." % request.path[4:])
        if request.method in ("PUT", "POST") and request.json() is None:
            return self.errors(400, "failed to parse JSON input")
        if op == "mount.read":
            name = self.name(request)[1]
            if name not in self.mounts:
                return self.errors(403, "preflight capability check returned 403, please ensure client's policies grant access to path \"%s/\"" % name)
            return self.data({"path": name + "/", "type": "kv", "options": {"version": str(self.mounts[name])}})
        mount, _ = self.split(request)
        ns = request.header("x-vault-namespace").strip("/")
        return getattr(self, "do_" + op.replace(".", "_"))(request, (ns, mount, self.name(request)[1].strip("/")))

    @staticmethod
    def meta(entry, number):
        v = entry["versions"][number - 1]
        return {"created_time": "2026-01-01T00:00:00Z", "custom_metadata": entry["custom"],
                "deletion_time": "2026-01-02T00:00:00Z" if v["deleted"] else "", "destroyed": False, "version": Num(str(number))}

    def do_data_read(self, request, key):
        entry = self.v2.get(key)
        number = int(request.args.get("version") or 0) or (len(entry["versions"]) if entry else 0)
        if not entry or not 1 <= number <= len(entry["versions"]):
            return self.errors(404)
        v = entry["versions"][number - 1]
        answer = self.data({"data": None if v["deleted"] else v["data"], "metadata": self.meta(entry, number)})
        answer.status = 404 if v["deleted"] else 200
        return answer

    def do_data_write(self, request, key):
        body = request.json()
        if not isinstance(body.get("data"), dict) or set(body) - {"data", "options"}:
            return self.errors(400, "no data provided")
        entry = self.v2.get(key)
        current = len(entry["versions"]) if entry else 0
        cas = body.get("options", {}).get("cas")
        if cas is None or int(cas) != current:  # cas is wanted here although the server's default does not need it
            return self.errors(400, "check-and-set parameter required for this call" if cas is None else
                               "check-and-set parameter did not match the current version")
        entry = self.v2.setdefault(key, {"versions": [], "custom": None})
        entry["versions"].append({"data": body["data"], "deleted": False})
        return self.data(self.meta(entry, len(entry["versions"])))

    def do_data_delete(self, request, key):
        entry = self.v2.get(key)
        if entry and entry["versions"]:
            entry["versions"][-1]["deleted"] = True
        return Response(204)

    def do_meta_read(self, request, key):
        entry = self.v2.get(key)
        if entry is None:
            return self.errors(404)
        return self.data({"cas_required": False, "created_time": "2026-01-01T00:00:00Z", "current_version": Num(str(len(entry["versions"]))),
                          "custom_metadata": entry["custom"], "delete_version_after": "0s", "max_versions": Num("0"), "oldest_version": Num("0"),
                          "updated_time": "2026-01-01T00:00:00Z",
                          "versions": {str(i + 1): {"created_time": "2026-01-01T00:00:00Z", "deletion_time": self.meta(entry, i + 1)["deletion_time"],
                                                    "destroyed": False} for i in range(len(entry["versions"]))}})

    def do_meta_write(self, request, key):
        body = request.json()
        custom = body.get("custom_metadata")
        if set(body) - {"custom_metadata", "max_versions", "cas_required", "delete_version_after"} or \
                (custom is not None and not all(isinstance(v, str) and len(v.encode()) <= 512 and len(k) <= 128 for k, v in custom.items())):
            return self.errors(400, "custom_metadata validation failed")
        entry = self.v2.setdefault(key, {"versions": [], "custom": None})
        if "custom_metadata" in body:
            entry["custom"] = dict(custom) if custom else None
        return Response(204)

    def do_meta_delete(self, request, key):
        return self.errors(403, "permission denied")

    @staticmethod
    def children(paths, below):
        found = set()
        for p in paths:
            if p.startswith(below):
                head, slash, _ = p[len(below):].partition("/")
                found.add(head + slash)
        return sorted(found)

    def listing(self, paths, folder):
        found = self.children(paths, folder + "/" if folder else "")
        return self.data({"keys": found}) if found else self.errors(404)

    def do_meta_list(self, request, key):
        return self.listing([p for (n, m, p) in self.v2 if (n, m) == key[:2]], key[2])

    def do_kv1_list(self, request, key):
        return self.listing([p for (n, m, p) in self.v1 if (n, m) == key[:2]], key[2])

    def do_kv1_read(self, request, key):
        return self.data(self.v1[key]) if key in self.v1 else self.errors(404)

    def do_kv1_write(self, request, key):
        self.v1[key] = request.json()
        return Response(204)

    def do_kv1_delete(self, request, key):
        self.v1.pop(key, None)
        return Response(204)
