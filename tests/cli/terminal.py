#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py [WAIT=>SEND]... -- COMMAND...: runs COMMAND on a terminal of its own. Each time the terminal has shown WAIT (empty: has
been quiet for a moment), SEND is typed (\\r and the like are understood). Prints what the terminal showed; the status is the
command's. Ends with 124 after 20 seconds."""
import os
import pty
import select
import signal
import sys
import time

split = sys.argv.index("--")
script = [a.encode().decode("unicode_escape").encode("latin-1").split(b"=>", 1) for a in sys.argv[1:split]]
pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a key that is typed early is the command's, not this program's
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[split + 1], sys.argv[split + 1 :])
shown, seen, end = b"", 0, time.time() + 20
last = time.time()
while True:
    ready = select.select([fd], [], [], 0.1)[0]
    if ready:
        try:
            more = os.read(fd, 65536)
        except OSError:
            more = b""
        if not more:
            break
        shown += more
        last = time.time()
    if script:
        wait, send = script[0]
        at = shown.find(wait, seen) if wait else -1
        if at >= 0 or (not wait and time.time() - last > 0.7):
            seen = at + len(wait) if at >= 0 else len(shown)
            script.pop(0)
            os.write(fd, send)
            last = time.time()
    if time.time() > end:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sys.stdout.buffer.write(shown)
        sys.exit(124)
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(shown)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
