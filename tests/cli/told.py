#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""told.py [FILE]: a program that shuts down in its own time. It says "ready" (and makes the file `ready`), waits for a signal, works on
for a moment, says which signals it was told of and, of FILE, whether it is still there, and ends with status 7."""
import os
import signal
import sys
import time

told = []
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT, signal.SIGWINCH):
    signal.signal(number, lambda n, frame: told.append(signal.Signals(n).name[3:]))
print("ready", flush=True)
with open("ready", "w"):
    pass
end = time.time() + 10
while time.time() < end and not told:
    time.sleep(0.02)
time.sleep(0.3)
print("told", *told, *[str(os.path.exists(name)) for name in sys.argv[1:]], flush=True)
sys.exit(7)
