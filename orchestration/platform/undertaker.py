"""The undertaker: ends what a supervisor leaves behind when it is killed.

Belongs here: waiting for the supervisor's end and clearing up after it. Does not belong here: an orderly stop, which
the supervisor does itself; then nothing is left to do here.

It runs in a session of its own, holds the reading end of a pipe, and wakes when the kernel closes the other end.
"""

import os
import subprocess
import sys
from pathlib import Path

from gateways.embedded import stop_unused
from gateways.processes import end_platform
from gateways.settings import PROJECT_ROOT


def hire(platform_id: str, embedded: Path | None) -> subprocess.Popen[bytes]:
    """Start an undertaker for our processes; it wakes when our `stdin` pipe to it closes.

    Args:
        platform_id: The platform's id, which our processes carry.
        embedded: Data folder of the embedded PostgreSQL, None where a server elsewhere is used.
    """
    command = [
        sys.executable,
        "-m",
        "orchestration.platform.undertaker",
        platform_id,
        *([str(embedded)] if embedded else []),
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT_ROOT, start_new_session=True)


def main(platform_id: str, embedded: str | None = None) -> None:
    """Wait for the end of `stdin`, then end the platform's processes, and the embedded server unless others use it.

    A platform that starts meanwhile is such a user.
    """
    while os.read(sys.stdin.fileno(), 1):
        pass
    try:
        end_platform(platform_id)
    finally:
        if embedded is not None:
            stop_unused(Path(embedded))


if __name__ == "__main__":
    main(*sys.argv[1:])
