# SPDX-License-Identifier: Apache-2.0
"""Real peers, where they are installed: moto (AWS), OpenBao (Vault), kubectl. Started once, on free ports of 127.0.0.1."""
import glob
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

_lock = threading.Lock()
_started = {}
_options = None


def arguments(parser):
    parser.add_argument("--moto", default=os.environ.get("MOTO_SERVER"), help="the program moto_server (default: on PATH)")
    parser.add_argument("--bao", default=os.environ.get("BAO"), help="the program bao or vault (default: on PATH, or the emulators' one)")


def look(options):
    global _options
    _options = options
    options.moto = options.moto or shutil.which("moto_server")
    cache = os.environ.get("EMULATORS_CACHE") or os.path.expanduser("~/.cache/sops-emulators")
    options.bao = options.bao or shutil.which("bao") or next(iter(sorted(glob.glob(os.path.join(cache, "openbao-*", "bao")))), None)
    options.kubectl = shutil.which("kubectl")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(name, argv, ready, env=None):
    """(port, folder) of a server that was started by argv(port); the same for all checks"""
    with _lock:
        if name not in _started:
            port, folder = free_port(), tempfile.mkdtemp(prefix="stores-peer-")
            p = subprocess.Popen(argv(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                                 env=dict({"PATH": os.environ.get("PATH", ""), "HOME": folder}, **(env or {})), start_new_session=True)
            until = time.time() + 60
            while time.time() < until and p.poll() is None:
                try:
                    if ready(port):
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            else:
                p.kill()
                raise RuntimeError("%s did not start" % name)
            _started[name] = (p, port, folder)
        return _started[name][1], _started[name][2]


def get(url, headers=None, method="GET", body=None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as f:
        return f.read()


def moto():
    port, _ = start("moto", lambda port: [_options.moto, "-H", "127.0.0.1", "-p", str(port)], lambda port: get("http://127.0.0.1:%d/moto-api/data.json" % port))
    return "http://127.0.0.1:%d" % port


def bao():
    port, _ = start("bao", lambda port: [_options.bao, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token",
                                         "-dev-listen-address=127.0.0.1:%d" % port],
                    lambda port: b'"sealed":false' in get("http://127.0.0.1:%d/v1/sys/health" % port).replace(b" ", b"") and
                    b'"secret/"' in get("http://127.0.0.1:%d/v1/sys/mounts" % port, {"X-Vault-Token": "root"}))
    return "http://127.0.0.1:%d" % port


def stop():
    for p, _, folder in _started.values():
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
        shutil.rmtree(folder, ignore_errors=True)
