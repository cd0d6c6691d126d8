"""Looks: how a candidate may win against the newest generation on days that nobody's knowledge has touched.

A trading day is **open** to a bot if its searches may read it, **sealed** if they may not. A **look** judges a
candidate on sealed days. Within one **epoch**, a stretch of sealed days that no knowledge has touched, the first look
that is won closes the epoch. So the only answers a search can have heard on its way to look n are n - 1 times "lost":
the candidates on that way follow from the open days alone, and the levels of all looks simply add up. Their sum is
below `EPOCH_ERROR` by what days that follow each other may cost. After a look was won, or all are lost, days must pass:
`NEW_EPOCH_DAYS` sealed days no look has touched open the next epoch, which is judged on those alone. Why, and what it
finds: ADR 21.

Can show: that a candidate earned more than the newest generation, and more than nothing, on days it was not chosen on,
beyond luck, whatever was tried on open days. Cannot show: that it goes on; nor a loss no day of its record, open or
sealed, has ever shown.

Belongs here: which days are sealed, the budget of an epoch, the judgement of one look. Does not belong here: which days
knowledge has touched, how candidates are found, what is written down of a look.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.errors import BadReturns
from trading.improvement import look_kernels as kernels

SEALED_SHARE = 5
FEWEST_SEALED_DAYS, MOST_SEALED_DAYS, FEWEST_OPEN_DAYS = 60, 250, 40
LEAST_DAYS = FEWEST_OPEN_DAYS + FEWEST_SEALED_DAYS

EPOCH_ERROR = 0.05
NEW_EPOCH_DAYS = 60
LOOKS = 2
FOR_DEPENDENT_DAYS = 0.005
LEVELS = ((EPOCH_ERROR - FOR_DEPENDENT_DAYS) / LOOKS,) * LOOKS
LEAST_CHANCE = 1.0 / 3.0

MIN_ACTIVE_DAYS = 15
REPLICATES = 9_999
SHOWN_SHARE = 0.5

NORMAL = NormalDist()


def sealed_from(trading_days: IntArray) -> int | None:
    """Return the first sealed day of a history: its last fifth, at least 60 and at most 250 trading days.

    Args:
        trading_days: Trading dates as days since 1970-01-01, shape (n,), any order, each as often as it likes.

    Returns:
        A day of the history; None where fewer than 40 days would be left open.
    """
    days = np.unique(trading_days)
    sealed = min(max(len(days) // SEALED_SHARE, FEWEST_SEALED_DAYS), MOST_SEALED_DAYS)
    return int(days[-sealed]) if len(days) - sealed >= FEWEST_OPEN_DAYS else None


def level(number: int) -> float | None:
    """Return the error a look may make, counted from 1 within its epoch; None where the epoch has no such look.

    Raises:
        BadReturns: a number below 1.
    """
    if number < 1:
        raise BadReturns(f"looks are counted from 1, was {number}")
    return LEVELS[number - 1] if number <= len(LEVELS) else None


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an epoch.

    Attributes:
        lost: Looks of the epoch that were lost.
        accepted: Whether a look of the epoch was won, which closed it.
        untouched_days: Sealed days that no look has touched.
    """

    lost: int
    accepted: bool
    untouched_days: int

    @property
    def level(self) -> float | None:
        """The error the next look of this epoch may make; None where the epoch is closed or spent."""
        return None if self.accepted else level(self.lost + 1)

    @property
    def taken(self) -> int:
        """How many looks this epoch has had."""
        return self.lost + self.accepted

    @property
    def left(self) -> int:
        """How many looks this epoch still has."""
        return 0 if self.accepted else max(0, LOOKS - self.lost)

    @property
    def waits_for_days(self) -> int:
        """How many more sealed trading days open the next epoch; 0 where there is a look, or where they have come."""
        return 0 if self.level is not None else max(0, NEW_EPOCH_DAYS - self.untouched_days)

    @property
    def opens_epoch(self) -> bool:
        """Whether the next look opens an epoch of its own, on the untouched days alone."""
        return self.level is None and self.untouched_days >= NEW_EPOCH_DAYS


def after(budget: Budget, look: "Look") -> Budget:
    """Return what is left of an epoch after a look at all of its days."""
    return Budget(lost=budget.lost + (not look.passed), accepted=look.passed, untouched_days=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The judgement of one look.

    Attributes:
        statistic: Mean in standard errors, the extra loss included: of the difference or of the candidate itself,
            whichever is more likely luck. Endless where all days are the same.
        p_value: How likely luck does as well, above 0 and at most 1: the larger of the two.
        level: The error this look may make.
        days: Sealed days it was judged on.
        active_days: The fewer of the days on which candidate and newest generation differ and the candidate traded.
        passed: Whether the candidate replaces the newest generation.
        reason: The verdict in words.
    """

    statistic: float
    p_value: float
    level: float
    days: int
    active_days: int
    passed: bool
    reason: str


def paired_look(
    candidate_pnl: FloatArray,
    newest_pnl: FloatArray,
    *,
    worst_candidate_day: float,
    worst_difference_day: float,
    level: float,
    seed: int,
) -> Look:
    """Judge a candidate against the newest generation on the same sealed days.

    Both the difference and the candidate's own net P&L must have a mean above zero beyond luck (intersection-union:
    the larger p-value counts). Each record is judged with one more loss: as large as the worst open day, unless the
    sealed days have shown half of that themselves; then as large as their mean losing day. Where no open day lost, its
    best sealed day is taken for the worst. p-values come from the stationary bootstrap of the studentised mean (Politis
    and Romano 1994; Götze and Künsch 1996): blocks and lags as long as `memory_of` says, Bartlett's standard error in
    record and replicates alike, 9,999 replicates. The same input gives the same bytes.

    Args:
        candidate_pnl: Net P&L of each sealed day, any one unit, shape (n_days,), oldest first, finite.
        newest_pnl: The newest generation's on the same days.
        worst_candidate_day: The candidate's worst net P&L of an open day; above zero where it knows no loss.
        worst_difference_day: The worst open day of candidate minus newest generation.
        level: As `level` gives it.
        seed: Not negative.

    Raises:
        BadReturns: no days, not the same days, not finite.
    """
    candidate, newest = _same_days(candidate_pnl, newest_pnl)
    difference = candidate - newest
    active = _active(candidate, difference)
    chances = [
        (_p_value(with_loss, seed=seed + place), -_statistic(with_loss))
        for place, with_loss in enumerate(
            (_with_loss(difference, worst_difference_day), _with_loss(candidate, worst_candidate_day))
        )
    ]
    p_value, below = max(chances)
    passed = p_value <= level and active >= MIN_ACTIVE_DAYS
    reason = _reason(p_value, level, own=chances[1][0] == p_value, active=active)
    return Look(
        statistic=-below,
        p_value=p_value,
        level=level,
        days=len(candidate),
        active_days=active,
        passed=passed,
        reason=reason,
    )


def memory_of(days: int) -> tuple[float, int]:
    """Return the mean length of blocks and the lags of the standard error for a record of so many days, at least one.

    Blocks have the cube root of its length (Hall, Horowitz and Jing 1995), rounded; lags are 4 (days / 100)^(2/9),
    rounded down (Newey and West 1994): 4 and 3 at 60 days, 6 and 4 at 250.
    """
    return float(max(1, round(days ** (1.0 / 3.0)))), int(4.0 * (days / 100.0) ** (2.0 / 9.0))


def can_win(candidate_open_pnl: FloatArray, newest_open_pnl: FloatArray, *, sealed_days: int, level: float) -> bool:
    """Return whether sealed days like the open ones would win a look with a chance of at least one in three.

    If not, no evidence is spent on it. The open days flatter a candidate, which was chosen on them: what has less of a
    chance even by them has next to none. Asked are as many active days as a look needs, and means so many standard
    errors above zero over so many sealed days and the extra loss, for the difference and for the candidate itself.

    Args:
        candidate_open_pnl: Net P&L of each open day, any one unit, shape (n_days,), oldest first, finite.
        newest_open_pnl: The newest generation's on the same days.
        sealed_days: How many days the look would have.
        level: As `level` gives it.

    Raises:
        BadReturns: as `paired_look`.
    """
    candidate, newest = _same_days(candidate_open_pnl, newest_open_pnl)
    difference = candidate - newest
    if _active(candidate, difference) * sealed_days < MIN_ACTIVE_DAYS * len(candidate):
        return False
    least = NORMAL.inv_cdf(1.0 - level) + NORMAL.inv_cdf(LEAST_CHANCE)
    return all(_expected(record, sealed_days) >= least for record in (difference, candidate))


def _same_days(candidate_pnl: FloatArray, newest_pnl: FloatArray) -> tuple[FloatArray, FloatArray]:
    candidate = np.ascontiguousarray(candidate_pnl, np.float64)
    newest = np.ascontiguousarray(newest_pnl, np.float64)
    if candidate.ndim != 1 or candidate.shape != newest.shape or len(candidate) == 0:
        raise BadReturns(f"both records must have the same days, was {candidate.shape} and {newest.shape}")
    if not (np.isfinite(candidate).all() and np.isfinite(newest).all()):
        raise BadReturns("net P&L must be finite")
    return candidate, newest


def _active(candidate: FloatArray, difference: FloatArray) -> int:
    return min(int(np.count_nonzero(candidate)), int(np.count_nonzero(difference)))


def _with_loss(record: FloatArray, worst_day: float) -> FloatArray:
    worst = worst_day if worst_day < 0.0 else -abs(float(record.max()))
    has_lost = float(record.min()) <= worst * SHOWN_SHARE < 0.0
    return np.append(record, record[record < 0.0].mean() if has_lost else worst)


def _p_value(record: FloatArray, *, seed: int) -> float:
    block_days, lags = memory_of(len(record))
    as_far = kernels.as_far(record, np.empty_like(record), block_days, lags, REPLICATES, seed)
    return (1 + as_far) / (1 + REPLICATES)


def _statistic(record: FloatArray) -> float:
    return float(kernels.studentised(record, memory_of(len(record))[1]))


def _expected(record: FloatArray, sealed_days: int) -> float:
    """Return the studentised mean that so many days like these and the extra loss would have."""
    lasting = _statistic(record) * float(np.sqrt(sealed_days / len(record)))
    mean = float(record.mean())
    if mean <= 0.0:
        return lasting
    loss = -float(_with_loss(record, float(record.min()))[-1])
    return lasting * (1.0 - loss / (mean * sealed_days))


def _reason(p_value: float, level: float, *, own: bool, active: int) -> str:
    if active < MIN_ACTIVE_DAYS:
        return f"sealed days that differ and trade must be at least {MIN_ACTIVE_DAYS}, was {active}"
    what = "its own net P&L" if own else "what it earned beyond the newest generation"
    if p_value <= level:
        return f"on sealed days {what} is luck with probability {p_value:.4f}, at most {level:.4f}"
    return f"luck does as well as {what} with probability {p_value:.4f}, above the level of {level:.4f}"
