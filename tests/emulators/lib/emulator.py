# SPDX-License-Identifier: Apache-2.0
"""What every emulator script shares: the start/stop/env/fetch command, its cache folder, its users.

A script gives main() a name, a fixed port on 127.0.0.1, a function that serves in the foreground, and one that
returns the environment of a client. The state lies in $EMULATORS_CACHE/run:

    NAME.pid      process id of the server          NAME.log   its output; mocks log one JSON line per request
    NAME.users/   one file per user that started it; the last one that stops it ends the server
"""
import importlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

CACHE = os.environ.get("EMULATORS_CACHE") or os.path.expanduser("~/.cache/sops-emulators")
RUN = os.path.join(CACHE, "run")
PYTHON = os.path.join(CACHE, "python%d.%d" % sys.version_info[:2])
PORTS = {"aws": 21011, "gcp": 21012, "azure": 21013, "hckms": 21014, "vault": 21017, "postgres": 21015}


def need_python(*modules):
    """Make Python packages importable: those that are here (Debian's, say), else from PyPI into the cache."""
    if PYTHON not in sys.path:
        sys.path.insert(0, PYTHON)

    def missing():
        importlib.invalidate_caches()
        gone = []
        for m in modules:
            try:
                importlib.import_module(m.split("==")[0])
            except ImportError:
                gone.append(m)
        return gone
    gone = missing()
    if gone:
        pip = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-script-location",
                              "--root-user-action=ignore", "--target", PYTHON, *gone], stdout=sys.stderr)
        if pip.returncode or missing():
            raise SystemExit("cannot install Python packages: %s; scripts/deps test installs Debian's" % " ".join(missing()))


def listening(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def alive(pid):
    try:
        os.kill(pid, 0)
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False


class Emulator:
    def __init__(self, name, serve, env, fetch, setup=None, ready=None):
        """fetch() makes what it needs, from the network if it must; setup() comes after it, and may use the port."""
        self.name, self.port = name, PORTS[name]
        self.serve, self.env, self.fetch, self.setup = serve, env, fetch, setup
        self.ready = ready or (lambda: listening(self.port))
        self.pidfile = os.path.join(RUN, name + ".pid")
        self.users = os.path.join(RUN, name + ".users")

    def pid(self):
        try:
            with open(self.pidfile) as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return None
        return pid if alive(pid) else None

    def live_users(self):
        """Users are process ids, or 'hand'; those whose process has ended no longer count."""
        found = []
        for user in os.listdir(self.users) if os.path.isdir(self.users) else []:
            if user.isdigit() and not alive(int(user)):
                os.unlink(os.path.join(self.users, user))
            else:
                found.append(user)
        return found

    def start(self, user):
        os.makedirs(self.users, exist_ok=True)
        open(os.path.join(self.users, user), "w").close()
        if not self.pid():
            if listening(self.port):
                raise SystemExit("%s: port %d is taken by something else" % (self.name, self.port))
            self.fetch()
            if self.setup:
                self.setup()
            log = open(os.path.join(RUN, self.name + ".log"), "ab")
            process = subprocess.Popen([sys.executable, os.path.abspath(sys.argv[0]), "serve"], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, start_new_session=True, cwd="/")
            with open(self.pidfile, "w") as f:
                f.write("%d\n" % process.pid)
            until = time.monotonic() + 90
            while not self.ready():
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("%s: did not start; see %s" % (self.name, log.name))
                time.sleep(0.05)

    def stop(self, user):
        try:
            os.unlink(os.path.join(self.users, user))
        except FileNotFoundError:
            pass
        pid = self.pid()
        if pid and not self.live_users():
            os.kill(pid, signal.SIGTERM)
            for _ in range(200):
                if not alive(pid):
                    break
                time.sleep(0.05)
            else:
                os.kill(pid, signal.SIGKILL)
            os.unlink(self.pidfile)

    def main(self):
        """NAME start|stop|env|fetch; $EMULATORS_USER is who asks, by default 'hand'."""
        action = sys.argv[1] if len(sys.argv) == 2 else ""
        user = os.environ.get("EMULATORS_USER") or "hand"
        if action == "start":
            self.start(user)
        elif action == "stop":
            self.stop(user)
        elif action == "env":
            fetch = os.path.join(os.path.dirname(os.path.realpath(sys.argv[0])), "fetch")
            for k, v in {**self.env(), "EMULATOR_FETCH": fetch}.items():
                print("export %s=%s" % (k, shlex.quote(v)))
        elif action == "fetch":
            os.makedirs(RUN, exist_ok=True)
            self.fetch()
        elif action == "serve":
            self.serve()
        else:
            raise SystemExit("usage: %s start|stop|env|fetch" % self.name)


def program(name, *places):
    """full path of a program, looked for in PATH and then in the given folders"""
    found = shutil.which(name) or shutil.which(name, path=":".join(places))
    if not found:
        raise SystemExit("no program " + name)
    return found
