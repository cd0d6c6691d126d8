import pytest

from trading.actors import AUTONOMY, Actor, ActorKind, who_acted
from trading.errors import BadInput

TOLD = {
    "admin": Actor(ActorKind.PERSON, "admin"),
    "cli:amy": Actor(ActorKind.COMMAND_LINE, "amy"),
    "cli:cli:amy": Actor(ActorKind.COMMAND_LINE, "cli:amy"),
    "autonomy": AUTONOMY,
    "dagster": Actor(ActorKind.NOBODY_KNOWN, "dagster"),
    "cli:Zoë Ångström": Actor(ActorKind.COMMAND_LINE, "Zoë Ångström"),
}


@pytest.mark.parametrize("written", TOLD)
def test_the_audit_chain_names_an_actor_so_that_a_user_of_this_machine_is_told_from_others(written: str) -> None:
    assert str(TOLD[written]) == written


@pytest.mark.parametrize(
    "written", [written for written, who in TOLD.items() if who.kind in ("PERSON", "COMMAND_LINE")]
)
def test_who_acted_is_known_by_what_the_chain_says(written: str) -> None:
    assert who_acted(written) == TOLD[written]


@pytest.mark.parametrize("name", ["", "x\0", "a\nb", "\udcff", "\x1b[31m", "x" * 201])
@pytest.mark.parametrize("kind", ActorKind)
def test_a_name_that_is_not_plain_is_refused(kind: ActorKind, name: str) -> None:
    with pytest.raises(BadInput, match="1 to 200 printable characters, was"):
        Actor(kind, name)


@pytest.mark.parametrize("kind", sorted(set(ActorKind) - {ActorKind.COMMAND_LINE}))
def test_nobody_else_is_told_like_a_user_of_this_machine(kind: ActorKind) -> None:
    with pytest.raises(BadInput, match="was 'cli:amy'"):
        Actor(kind, "cli:amy")
