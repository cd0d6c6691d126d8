"""Stored verifications at a gate: the newest of the right generation on bars that count, or unknown and why."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.evidence import PERFECT
from trading.books import Stage
from trading.governance.gates import GATES, Check, Evidence, gate
from trading.verification.evidence import ASKED_FOR, ASKING, Verified, with_verifications
from trading.verification.verdicts import Grade, Kind

WALK = Verified(
    kind=Kind.WALK_FORWARD, grade=Grade.PASSED, generation=3, data_source="cme", consistency=0.75, overfit_ratio=1.4
)
STRESS = Verified(kind=Kind.STRESS, grade=Grade.PASSED, generation=3, data_source="cme")
UNVERIFIED = replace(
    PERFECT, walk_forward_consistency=None, walk_forward_overfit_ratio=None, stress_passed=None, approved=True
)
CODES = {code for codes in ASKED_FOR.values() for code in codes}


def blockers(stage: Stage, *runs: Verified, generation: int | None = 3) -> dict[str, Check]:
    evidence = with_verifications(UNVERIFIED, runs, generation=generation)
    return {check.code: check for check in gate(stage, evidence).blockers}


@pytest.mark.parametrize("stage", sorted(ASKING))
def test_open_the_gate_where_they_judged_the_newest_generation_on_real_bars(stage: Stage) -> None:
    assert blockers(stage, WALK, STRESS) == {}


def test_are_asked_for_by_exactly_the_stages_that_say_so() -> None:
    asking = {stage for stage, table in GATES.items() if CODES & {rule.code for rule in table.besides}}
    assert asking == ASKING


@pytest.mark.parametrize(
    ("stage", "walk", "code"),
    [
        (Stage.SHADOW, replace(WALK, consistency=0.49), "WALK_FORWARD_CONSISTENCY"),
        (Stage.SHADOW, replace(WALK, overfit_ratio=2.51), "WALK_FORWARD_OVERFIT_RATIO"),
        (Stage.CANARY, replace(WALK, consistency=0.59), "WALK_FORWARD_CONSISTENCY"),
        (Stage.CANARY, replace(WALK, overfit_ratio=2.01), "WALK_FORWARD_OVERFIT_RATIO"),
    ],
)
def test_are_held_against_the_gate_table_by_their_figures_and_not_their_grade(
    stage: Stage, walk: Verified, code: str
) -> None:
    checks = blockers(stage, walk, STRESS)
    assert list(checks) == [code]
    assert checks[code].was is not None
    assert "unknown" not in checks[code].reason


def test_pass_shadow_with_figures_that_do_not_pass_canary() -> None:
    walk = replace(WALK, consistency=0.5, overfit_ratio=2.5)
    assert blockers(Stage.SHADOW, walk) == {}
    assert set(blockers(Stage.CANARY, walk, STRESS)) == {"WALK_FORWARD_CONSISTENCY", "WALK_FORWARD_OVERFIT_RATIO"}


@pytest.mark.parametrize(
    ("walk", "why"),
    [
        (None, "never verified; run its walk-forward suite"),
        (replace(WALK, generation=2), "generation 2 was verified, the newest is 3; run its walk-forward suite"),
        (replace(WALK, generation=4), "generation 4 was verified, the newest is 3; run its walk-forward suite"),
        (replace(WALK, data_source="SIMULATED"), "verified on SIMULATED bars, which pass no gate"),
        (replace(WALK, data_source="cme-MARKS"), "verified on cme-MARKS bars, which pass no gate"),
    ],
)
def test_are_unknown_with_a_reason_where_they_are_no_evidence(walk: Verified | None, why: str) -> None:
    checks = blockers(Stage.SHADOW, *([walk] if walk else []))
    assert set(checks) == set(ASKED_FOR[Kind.WALK_FORWARD])
    for check in checks.values():
        assert check.was is None
        assert why in check.reason
        assert check.reason.startswith(f"{check.code} must be")


def test_have_no_overfit_ratio_where_nothing_was_kept_and_say_so() -> None:
    checks = blockers(Stage.SHADOW, replace(WALK, overfit_ratio=None, grade=Grade.FAILED))
    assert list(checks) == ["WALK_FORWARD_OVERFIT_RATIO"]
    assert "no test Sharpe above zero" in checks["WALK_FORWARD_OVERFIT_RATIO"].reason


@pytest.mark.parametrize(
    ("stress", "was", "says"),
    [
        (None, None, "never verified; run its stress suite"),
        (replace(STRESS, grade=Grade.FAILED), 0.0, "was 0"),
        (replace(STRESS, grade=Grade.UNKNOWN), None, "the stress suite ended UNKNOWN"),
        (replace(STRESS, generation=1), None, "generation 1 was verified, the newest is 3"),
    ],
)
def test_let_only_a_stress_suite_that_passed_through(stress: Verified | None, was: float | None, says: str) -> None:
    checks = blockers(Stage.CANARY, WALK, *([stress] if stress else []))
    assert list(checks) == ["STRESS_SUITE_PASSED"]
    assert checks["STRESS_SUITE_PASSED"].was == was
    assert says in checks["STRESS_SUITE_PASSED"].reason


def test_of_other_kinds_say_nothing() -> None:
    others = [replace(STRESS, kind=kind) for kind in Kind if kind not in ASKED_FOR]
    assert with_verifications(PERFECT, others, generation=3) == with_verifications(PERFECT, [], generation=3)


@given(
    st.builds(
        Verified,
        kind=st.sampled_from(sorted(ASKED_FOR)),
        grade=st.sampled_from(list(Grade)),
        generation=st.integers(1, 4),
        data_source=st.sampled_from(["SIMULATED", "cme-MARKS"]),
        consistency=st.floats(0, 1) | st.none(),
        overfit_ratio=st.floats(-5, 5) | st.none(),
    )
)
def test_on_bars_that_do_not_count_never_open_anything(run: Verified) -> None:
    known = with_verifications(Evidence(), [run], generation=3)
    assert (known.walk_forward_consistency, known.walk_forward_overfit_ratio, known.stress_passed) == (None, None, None)
    assert set(known.unknown_because) == CODES
