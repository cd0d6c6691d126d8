"""Who acts on the command line, and by which request.

Belongs here: the command line's door. Does not belong here: what is asked for (`orchestration.cli.desk_work`).
"""

import getpass
import os
import secrets

from trading.actors import Actor, ActorKind


def actor() -> Actor:
    """Return the user who runs the command, by name, or by number where this machine has no name for them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return Actor(ActorKind.COMMAND_LINE, name)


def request_id() -> str:
    """Return a new trace of a command, as the audit chain and the run of a job name it."""
    return f"cli-{secrets.token_hex(6)}"
