"""The errors the platform raises on purpose, in one tree; one that a single module raises may stand there.

    ProvingError
    ├── BadInput                 the caller can mend it
    │   ├── BadBars              a bar series breaks a rule (file, row and reason are named)
    │   ├── BadGenome            a genome parameter is unknown or out of bounds
    │   ├── RuleSyntaxError      a rule text that cannot be read (line, column, was, expected and, if known, the fix)
    │   ├── BadEquityCurve       an equity curve cannot be measured
    │   ├── BadReturns           returns, trades or trials cannot be judged
    │   ├── BadMove              a stage move that does not lead where it says
    │   ├── BadAuditEvent        an event that cannot be hashed the same way everywhere
    │   ├── UnknownArchetype
    │   ├── UnknownInstrument
    │   ├── UnknownTimeframe
    │   ├── UnknownSessionMode
    │   ├── UnknownBots          bot ids that do not exist
    │   ├── UnknownSeries        no series of that symbol, timeframe and provider
    │   ├── UnknownAutonomyTick
    │   ├── UnknownIteration
    │   └── NameTaken            a new bot by the name of another one
    ├── Refused                  a rule of the platform forbids it now
    │   ├── StageLocked
    │   ├── GateClosed           a stage gate has blockers
    │   ├── LookAhead            an optimiser asked for bars it may not know yet
    │   ├── PlanChanged          what a dry run showed is no longer what would happen
    │   ├── NotGivenUp           work to be put back that nobody has given up, or not any more
    │   ├── KillSwitchOn
    │   ├── IdempotencyMismatch  a key was used before for another request
    │   └── NoMarketData
    ├── LeaseLost                another run owns the job now
    └── Unavailable              something the platform needs is away (database, disk, port)

Belongs here: errors that carry a stable `code` for the API, the command line and stored reasons.
Does not belong here: how an error is shown.
"""

from trading.words import counted


class ProvingError(Exception):
    """An error with a stable machine-readable code; the message names the rule and the value."""

    code = "PROVING_ERROR"


class BadInput(ProvingError):
    """The caller sent something that breaks a stated rule."""

    code = "BAD_INPUT"


class BadBars(BadInput):
    """A bar series or bar file breaks a rule."""

    code = "BAD_BARS"


class BadGenome(BadInput):
    """A genome names an unknown parameter or leaves its bounds."""

    code = "BAD_GENOME"


class RuleSyntaxError(BadInput):
    """A rule text breaks the rule language; `line` and `column` count from one, `fix` says what to write if known."""

    code = "RULE_SYNTAX"

    def __init__(self, line: int, column: int, *, was: str, expected: str, fix: str | None = None) -> None:
        words = f"line {line}, column {column}: expected {expected}, found {was}"
        super().__init__(words if fix is None else f"{words}; {fix}")
        self.line, self.column, self.was, self.expected, self.fix = line, column, was, expected, fix


class BadEquityCurve(BadInput):
    """An equity curve is too short, not finite or does not start above zero."""

    code = "BAD_EQUITY_CURVE"


class BadReturns(BadInput):
    """Returns, trades or trials are too few, not finite or of the wrong shape to be judged."""

    code = "BAD_RETURNS"


class BadMove(BadInput):
    """A stage move that does not lead where it says."""

    code = "BAD_MOVE"


class BadAuditEvent(BadInput):
    """An event holds something that has no canonical form: a float, a NUL, a time without a zone."""

    code = "BAD_AUDIT_EVENT"


class UnknownArchetype(BadInput):
    """No such archetype."""

    code = "UNKNOWN_ARCHETYPE"


class UnknownInstrument(BadInput):
    """No such contract root."""

    code = "UNKNOWN_INSTRUMENT"


class UnknownTimeframe(BadInput):
    """No such bar interval."""

    code = "UNKNOWN_TIMEFRAME"


class UnknownSessionMode(BadInput):
    """No such session mode or alias."""

    code = "UNKNOWN_SESSION_MODE"


class UnknownBots(BadInput):
    """Bot ids that do not exist."""

    code = "UNKNOWN_BOTS"

    def __init__(self, bot_ids: list[str], *, words: str | None = None) -> None:
        super().__init__(words or f"{counted(len(bot_ids), 'unknown bot id')}: {', '.join(bot_ids[:5])}")
        self.bot_ids = bot_ids


class NameTaken(BadInput):
    """Another bot has that name."""

    code = "NAME_TAKEN"


class Refused(ProvingError):
    """A rule of the platform forbids this now."""

    code = "REFUSED"


class StageLocked(Refused):
    """The bot may not change its stage yet."""

    code = "STAGE_LOCKED"


class GateClosed(Refused):
    """A stage gate has blockers."""

    code = "GATE_CLOSED"


class LookAhead(Refused):
    """An optimiser asked for bars it may not know yet."""

    code = "LOOK_AHEAD"


class PlanChanged(Refused):
    """The plan a dry run showed is not the plan that would be executed now."""

    code = "PLAN_CHANGED"


class UnknownSeries(BadInput):
    """There is no series of that symbol, timeframe and provider in the bar store."""

    code = "UNKNOWN_SERIES"


class UnknownAutonomyTick(BadInput):
    """There is no such tick, or not any more."""

    code = "UNKNOWN_TICK"


class UnknownIteration(BadInput):
    """There is no such improve or evolve iteration."""

    code = "UNKNOWN_ITERATION"


class NotGivenUp(Refused):
    """Work is to be put back that has not been given up, or not any more."""

    code = "NOT_GIVEN_UP"


class KillSwitchOn(Refused):
    """The operators have stopped new work."""

    code = "KILL_SWITCH_ON"


class IdempotencyMismatch(Refused):
    """The idempotency key already belongs to a request with another body."""

    code = "IDEMPOTENCY_MISMATCH"


class NoMarketData(Refused):
    """There are no bars for the symbol and timeframe."""

    code = "NO_MARKET_DATA"


class LeaseLost(ProvingError):
    """The run no longer owns the job; another run may have taken it."""

    code = "LEASE_LOST"


class Unavailable(ProvingError):
    """Something the platform needs is away: the database, a port, disk space."""

    code = "UNAVAILABLE"
