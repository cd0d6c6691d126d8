"""Who does what: every act, and every event of the audit chain, has one actor.

Belongs here: what an actor is, and how the chain names it. Does not belong here: who may act, and proof of who one is
(the doors: `api.edge.deps`, `orchestration.cli.caller`).
"""

from dataclasses import dataclass
from enum import StrEnum

from trading.errors import BadInput

LONGEST_NAME = 200
_AT_THE_KEYBOARD = "cli:"


class ActorKind(StrEnum):
    """By which door an actor came in.

    Attributes:
        PERSON: Somebody the API let in.
        COMMAND_LINE: A user of this machine who ran a command.
        AUTONOMY: The platform itself, asked by nobody.
        NOBODY_KNOWN: Somebody who came past our doors, where nobody keeps a name; the place stands for it.
    """

    PERSON = "PERSON"
    COMMAND_LINE = "COMMAND_LINE"
    AUTONOMY = "AUTONOMY"
    NOBODY_KNOWN = "NOBODY_KNOWN"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the door that let them in knows them; `str` of it is what the audit chain says.

    Attributes:
        kind: By which door.
        name: 1 to 200 printable characters.

    Raises:
        BadInput: the name is not plain, or would be told like that of another kind.
    """

    kind: ActorKind
    name: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= LONGEST_NAME or not self.name.isprintable():
            raise BadInput(f"an actor's name is 1 to {LONGEST_NAME} printable characters, was {self.name!r}")
        if self.kind is not ActorKind.COMMAND_LINE and self.name.startswith(_AT_THE_KEYBOARD):
            raise BadInput(f"only a user of the command line is told as {_AT_THE_KEYBOARD}NAME, was {self.name!r}")

    def __str__(self) -> str:
        return f"{_AT_THE_KEYBOARD}{self.name}" if self.kind is ActorKind.COMMAND_LINE else self.name


AUTONOMY = Actor(ActorKind.AUTONOMY, "autonomy")


def who_acted(recorded: str) -> Actor:
    """Return the person or user of this machine whom an act was recorded under.

    Raises:
        BadInput: the text names nobody.
    """
    if recorded.startswith(_AT_THE_KEYBOARD):
        return Actor(ActorKind.COMMAND_LINE, recorded.removeprefix(_AT_THE_KEYBOARD))
    return Actor(ActorKind.PERSON, recorded)
