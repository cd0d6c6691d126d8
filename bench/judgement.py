"""`python -m bench.judgement`: how often looks, evidence and discoveries are wrong, and what they find.

Every figure is a share with its 95 % interval (Clopper and Pearson 1934) over records whose truth is known. `--epochs`,
`--records` and `--fleets` say how many; the record of a full run is in `docs/proof/judgement.md`.

Belongs here: the statistics alone, on made records. Does not belong here: the platform's own loop over markets.
"""

import argparse
import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from scipy.stats import binomtest, norm

from bench.null_records import (
    NULLS,
    TRADING_DAYS,
    Records,
    fat_tails,
    leaning_left,
    mostly_flat,
    normal,
    planted,
    siblings,
)
from trading.arrays import BoolArray, FloatArray
from trading.improvement import look_kernels
from trading.improvement.looks import LEVELS, memory_of, paired_look
from trading.verification.betting import log_e_values_of_many
from trading.verification.discoveries import proven

OPEN_DAYS_PER_SEALED_DAY = 4
NEWEST_SHARPE = 16.0
FEW_REPLICATES = 499
PROOF = math.log(20.0)
TEN_YEARS, THREE_YEARS = 10 * TRADING_DAYS, 3 * TRADING_DAYS
AT_ONCE = 1_000


def main() -> None:
    """Print every figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--epochs", type=int, default=400)
    asked.add_argument("--records", type=int, default=4_000)
    asked.add_argument("--fleets", type=int, default=20)
    options = asked.parse_args()
    for days in (60, 250):
        show_epochs(options.epochs, days)
        show_looks(options.epochs, days)
    show_evidence(options.records)
    show_power(options.records)
    show_discoveries(options.fleets)


def show_epochs(epochs: int, days: int) -> None:
    """Print how often an epoch of looks at candidates no better than the newest generation accepts one."""
    print(f"\nA whole epoch of {len(LEVELS)} looks at {days} sealed days, no candidate better: bar 5 %")
    for name, records in NULLS.items():
        chance = np.random.default_rng([days, epochs])
        fooled = [epoch_accepts(records, chance, days=days) for _ in range(epochs)]
        print(f"  {name:34} {share(sum(fooled), epochs)}", flush=True)
    print("\nThe same where every candidate is worth nothing and the newest generation loses steadily: bar 5 %")
    for name, records in NULLS.items():
        chance = np.random.default_rng([days, epochs, 1])
        fooled = [epoch_accepts(records, chance, days=days, losing=True) for _ in range(epochs)]
        print(f"  {name:34} {share(sum(fooled), epochs)}", flush=True)


def epoch_accepts(records: Records, chance: Generator, *, days: int, losing: bool = False) -> bool:
    """Play one epoch in which one of the two things a look asks for is there in plenty and the other is not at all.

    Args:
        records: Draws days worth nothing: what candidates add to a newest generation that earns plenty, or, where that
            loses as much, what they earn.
        chance: Of all draws.
        days: Sealed days.
        losing: The newest generation loses.
    """
    opened = OPEN_DAYS_PER_SEALED_DAY * days
    newest = planted(normal(chance, 1, opened + days), -NEWEST_SHARPE if losing else NEWEST_SHARPE)[0]
    made = records(chance, len(LEVELS), opened + days)
    worthless = made / made.std()
    candidates = worthless if losing else newest + worthless
    return any(
        wins(candidate, newest, opened, level=level) for level, candidate in zip(LEVELS, candidates, strict=True)
    )


def wins(candidate: FloatArray, newest: FloatArray, opened: int, *, level: float) -> bool:
    """Return whether a candidate wins a look on the days after the open ones; hopeless ones are told apart in short."""
    difference = candidate - newest
    if not all(promising(record[opened:], level=level) for record in (difference, candidate)):
        return False
    return paired_look(
        candidate[opened:],
        newest[opened:],
        worst_candidate_day=float(candidate[:opened].min()),
        worst_difference_day=float(difference[:opened].min()),
        level=level,
        seed=int(abs(difference[opened:].sum()) * 1e6),
    ).passed


def promising(record: FloatArray, *, level: float) -> bool:
    """Return whether few replicates leave a record a chance at the level."""
    sealed = np.ascontiguousarray(record)
    block_days, lags = memory_of(len(sealed))
    if look_kernels.studentised(sealed, lags) < 1.0:
        return False
    reached = look_kernels.as_far(sealed, np.empty_like(sealed), block_days, lags, FEW_REPLICATES, 1)
    return bool(reached < 10.0 * level * FEW_REPLICATES)


def show_looks(looks: int, days: int) -> None:
    """Print how often one look finds a candidate that is better, beside what a test of known deviation would find."""
    print(f"\nOne look at {days} sealed days finds a candidate better by an annual Sharpe ratio of")
    for sharpe in (2.0, 3.0, 4.0, 6.0):
        chance = np.random.default_rng([days, looks, int(sharpe)])
        length = (1 + OPEN_DAYS_PER_SEALED_DAY) * days
        better = planted(normal(chance, looks, length), sharpe)
        won = [wins(record, np.zeros(length), length - days, level=LEVELS[0]) for record in better]
        known = norm.sf(norm.isf(LEVELS[0]) - sharpe * math.sqrt(days / TRADING_DAYS))
        print(f"  {sharpe:g}: {share(sum(won), looks)}; by a normal test of known deviation {known:.1%}", flush=True)


def show_evidence(records: int) -> None:
    """Print how often records worth nothing reach an e-value of 20 within ten years."""
    print("\nEvidence of a record worth nothing ever reaches 20 within ten years: bar 5 %")
    for name, made in NULLS.items():
        reached = np.concatenate([ever(evidence(part)) for part in drawn(made, records, TEN_YEARS)])
        print(f"  {name:34} {share(int(reached.sum()), len(reached))}", flush=True)


def show_power(records: int) -> None:
    """Print what evidence finds within three years, as a share of what the oracle finds."""
    print("\nAn e-value of 20 within three years, beside the log-optimal bettor who knows the days: bar 0.8 of it")
    for name, made in {
        "independent normal days": normal,
        "fat tails (t3)": fat_tails,
        "leaning left": leaning_left,
        "85 % of days flat": mostly_flat,
    }.items():
        for sharpe in (1.0, 2.0, 3.0):
            days = np.concatenate([planted(part, sharpe) for part in drawn(made, records, THREE_YEARS)])
            proven_records, known = ever(evidence(days)), ever(oracle(days))
            shares = f"{share(int(proven_records.sum()), len(proven_records))} of {share(int(known.sum()), len(known))}"
            print(
                f"  {name:24} Sharpe {sharpe:g}: {shares}, {proven_records.mean() / known.mean():.2f} of it", flush=True
            )


def show_discoveries(fleets: int) -> None:
    """Print the false share among proven bots of dependent fleets with 1,000 null and 100 planted records."""
    print("\nProven of 1,000 null and 100 planted records (Sharpe 2) that share half their variance: bar 10 % false")
    chance = np.random.default_rng(7)
    false, shares = [], []
    for _ in range(fleets):
        fleet = siblings(chance, 1_100, THREE_YEARS, together=1_100)
        fleet[:100] = planted(fleet[:100], 2.0)
        chosen = proven(evidence(fleet)[:, -1])
        false.append(chosen[100:].sum() / max(1, chosen.sum()))
        shares.append(chosen[:100].mean())
    error = 1.96 * float(np.std(false)) / math.sqrt(fleets)
    print(f"  false {np.mean(false):.2%} ± {error:.2%} of the proven; found {np.mean(shares):.1%} of the planted")


def drawn(made: Records, records: int, days: int) -> Iterator[FloatArray]:
    """Yield so many records, some at a time."""
    stream = np.random.default_rng([records, days])
    for first in range(0, records, AT_ONCE):
        yield made(stream, min(AT_ONCE, records - first), days)


def evidence(records: FloatArray) -> FloatArray:
    """Return the log e-values of records, as the platform counts them."""
    count, days = records.shape
    return log_e_values_of_many(records.ravel(), np.full(count, days)).reshape(records.shape)


def oracle(records: FloatArray) -> FloatArray:
    """Return the log capital of the bettor whose fixed stake grows fastest over all these records."""
    stakes = np.linspace(0.005, 0.5, 100) / records.std()
    sample = records.ravel()[:500_000]
    growth = [np.log(np.maximum(1e-9, 1.0 + stake * sample)).mean() for stake in stakes]
    held: FloatArray = np.cumsum(np.log(np.maximum(1e-300, 1.0 + stakes[int(np.argmax(growth))] * records)), axis=1)
    return held


def ever(log_e: FloatArray) -> BoolArray:
    """Return which records ever reached proof of one bot."""
    reached: BoolArray = log_e.max(axis=1) >= PROOF
    return reached


def share(hits: int, of: int) -> str:
    """Return a share with its 95 % interval."""
    interval = binomtest(hits, of).proportion_ci()
    return f"{hits / of:6.2%} [{interval.low:.2%}, {interval.high:.2%}]"


if __name__ == "__main__":
    main()
