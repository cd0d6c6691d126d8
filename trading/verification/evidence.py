"""What stored verifications are worth to a gate.

The newest run of a kind counts, and only if it judged the newest generation on bars that may carry a bot past a gate.
Anything else is unknown, which blocks, and says why.

Belongs here: which run is evidence and for which check. Does not belong here: how a verification is made and passed
(`backtest/`), what a gate demands (`governance/gates.py`), where runs are stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trading.books import Stage
from trading.governance.gates import STRESS_SUITE_PASSED, WALK_FORWARD_CONSISTENCY, WALK_FORWARD_OVERFIT_RATIO, Evidence
from trading.market.marks import may_pass_a_gate
from trading.verification.verdicts import Grade, Kind

ASKED_FOR: Mapping[Kind, tuple[str, ...]] = {
    Kind.WALK_FORWARD: (WALK_FORWARD_CONSISTENCY, WALK_FORWARD_OVERFIT_RATIO),
    Kind.STRESS: (STRESS_SUITE_PASSED,),
}
"""The kinds that gates ask for, and the checks each is evidence for."""

ASKING = frozenset({Stage.SHADOW, Stage.CANARY})
"""The stages whose gates ask for them; of no other bot need they be read."""

_SUITES = {Kind.WALK_FORWARD: "walk-forward", Kind.STRESS: "stress"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The newest stored run of one kind of a bot, as a gate reads it.

    Attributes:
        kind, grade: What was checked and how it came out.
        generation: The generation it judged.
        data_source: The bars it judged it on.
        consistency, overfit_ratio: Figures of a walk-forward; None where unknown, and of any other kind.
    """

    kind: Kind
    grade: Grade
    generation: int
    data_source: str
    consistency: float | None = None
    overfit_ratio: float | None = None


def with_verifications(evidence: Evidence, runs: Iterable[Verified], *, generation: int | None) -> Evidence:
    """Return the evidence with what the newest verifications add to it.

    Args:
        evidence: Of the bot's book.
        runs: The newest run of each kind; kinds no gate asks for are left aside.
        generation: The bot's newest generation.
    """
    newest = {run.kind: run for run in runs}
    missing = {kind: _why_not(kind, newest.get(kind), generation) for kind in ASKED_FOR}
    worth = {kind: run for kind, run in newest.items() if not missing.get(kind)}
    walk, stress = worth.get(Kind.WALK_FORWARD), worth.get(Kind.STRESS)
    return replace(
        evidence,
        walk_forward_consistency=walk.consistency if walk else None,
        walk_forward_overfit_ratio=walk.overfit_ratio if walk else None,
        stress_passed=_passed(stress),
        unknown_because={
            **evidence.unknown_because,
            **{code: why for kind, why in missing.items() if why for code in ASKED_FOR[kind]},
            **_figures_missing(walk, stress),
        },
    )


def _why_not(kind: Kind, run: Verified | None, generation: int | None) -> str:
    """Return why there is no evidence of a kind, in words; empty where there is."""
    to_do = f"run its {_SUITES[kind]} suite"
    if run is None:
        return f"never verified; {to_do}"
    if run.generation != generation:
        return f"generation {run.generation} was verified, the newest is {generation}; {to_do}"
    if not may_pass_a_gate(run.data_source):
        return f"verified on {run.data_source} bars, which pass no gate"
    return ""


def _figures_missing(walk: Verified | None, stress: Verified | None) -> dict[str, str]:
    missing = {}
    if walk is not None and walk.overfit_ratio is None:
        missing[WALK_FORWARD_OVERFIT_RATIO] = "no test Sharpe above zero, or a segment without one, in its walk-forward"
    if stress is not None and _passed(stress) is None:
        missing[STRESS_SUITE_PASSED] = f"the stress suite ended {stress.grade}"
    return missing


def _passed(run: Verified | None) -> bool | None:
    return {Grade.PASSED: True, Grade.FAILED: False}.get(run.grade) if run else None
