"""Those who act in tests, and benches: `str` of each is what the audit chain says of them."""

from trading.actors import Actor, ActorKind


def person(name: str) -> Actor:
    return Actor(ActorKind.PERSON, name)


def user(name: str) -> Actor:
    return Actor(ActorKind.COMMAND_LINE, name)


OPS, TESTER, AMY = person("ops"), person("test"), user("amy")
