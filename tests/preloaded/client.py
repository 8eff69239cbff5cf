"""Lets the server of this folder run a script as if this process did, and ends as the script ends.

client.py ADDRESS SCRIPT [ARGUMENT...]
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path


def main() -> None:
    """Hand over, and wait."""
    address, script, *arguments = sys.argv[1:]
    request = {
        "script": script,
        "arguments": arguments,
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    }
    content = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [struct.pack("!I", len(content))], [0, 1, 2])
        server.sendall(content)
        process = _read_number(server)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(process, number))
        os.chdir("/")  # whoever looks for what works in the folder finds the script alone
        code = _read_number(server)
    if code < 0:
        with contextlib.suppress(OSError):  # of SIGKILL nothing can be changed
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _read_number(server: socket.socket) -> int:
    answer = server.recv(4)
    if not answer:
        sys.exit("the server of preloaded scripts ended")
    return int(struct.unpack("!i", answer)[0])


if __name__ == "__main__":
    main()
