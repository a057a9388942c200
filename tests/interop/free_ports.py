# SPDX-License-Identifier: Apache-2.0
"""Ports of 127.0.0.1 for programs that are started later.

A port that was free a moment ago is soon another's, when tests run beside each other. These stay the caller's until its process
ends: each is locked in a file that all of these tests share, and lies below the ports that the system gives to connections.
A shell keeps its ports as long as it keeps what it reads them from open:

    exec 3< <(python3 tests/interop/free_ports.py 2)
    read -r grpc http <&3
"""

import contextlib
import fcntl
import os
import random
import select
import socket
import sys
import tempfile

FIRST, LEAST_END = 10000, 12000
LOCKS = open(os.path.join(tempfile.gettempdir(), "otelcol-aimon-ports-%d" % os.getuid()), "ab")  # byte N: port N
given = set()


def end():
    """The first of the ports that the system gives to connections."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        return max(int(f.read().split()[0]), LEAST_END)


def take(port):
    """True when the port is now the caller's."""
    if port in given:
        return False
    try:
        fcntl.lockf(LOCKS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:  # another test has it
        return False
    with contextlib.suppress(OSError), socket.socket() as s:
        s.bind(("127.0.0.1", port))
        given.add(port)
        return True
    fcntl.lockf(LOCKS, fcntl.LOCK_UN, 1, port)
    return False


def free_ports(n):
    """A list of n different ports that nobody else has."""
    found, all_of_them = [], range(FIRST, end())
    for port in random.sample(all_of_them, len(all_of_them)):
        if len(found) == n:
            return found
        if take(port):
            found.append(port)
    if len(found) < n:
        raise RuntimeError("of the ports %d to %d only %d are free, %d are asked for" % (FIRST, end() - 1, len(found), n))
    return found


def free_port():
    return free_ports(1)[0]


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1])), flush=True)
    hold = select.poll()
    hold.register(sys.stdout, 0)
    hold.poll()  # until nobody reads any more
