"""`python -m bench.discovery`: what the platform's own loop accepts on markets whose truth is known.

Bots of a seeded fleet have baselines and improve iterations, by the product's own code on an embedded database, on
markets with a planted edge and on markets without one; then every accepted generation meets a year that nobody saw.
`--seeds` says how many markets of each sort, `--iterations` how long their bots improve; `--full` is 25 markets and 200
iterations, which takes a day. With `--keep FOLDER` each market is written down there once it is played, and read from
there the next time. Shares have 95 % intervals (Clopper and Pearson 1934) and means those of Student's t; bots of one
market share its days, so both are somewhat too narrow. The record is in `docs/proof/discovery.md`.

Belongs here: which markets, and the figures over them. Does not belong here: playing one (`made_markets.py`), the
statistics of looks and evidence alone (`judgement.py`).
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from bench.judgement import PROOF, share
from bench.made_markets import SUITED, Account, Market, accounts_of
from trading.improvement.looks import MIN_ACTIVE_DAYS
from trading.verification.discoveries import proven

CHEAP, DEAR = "NQ", "MES"
STRENGTHS = (3.0, 6.0, 12.0)
AFTER = (16, 40, 200)
FULL_SEEDS, FULL_ITERATIONS = 25, 200

Played = Sequence[tuple[Market, list[Account]]]


def main() -> None:
    """Play what is asked for and print every figure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=1, help="markets of each sort, 1 if not given")
    asked.add_argument("--iterations", type=int, default=16, help="improve iterations of each bot, 16 if not given")
    asked.add_argument("--first-seed", type=int, default=1, help="where seeds begin: others are fresh markets")
    asked.add_argument("--full", action="store_true", help=f"{FULL_SEEDS} seeds, {FULL_ITERATIONS} iterations")
    asked.add_argument("--only", choices=("static", "arriving"), help="only markets whose bars stand still, or arrive")
    asked.add_argument("--keep", type=Path, help="folder of what was played, to go on from")
    chosen = asked.parse_args()
    seeds = FULL_SEEDS if chosen.full else chosen.seeds
    iterations = FULL_ITERATIONS if chosen.full else chosen.iterations
    played = []
    for market in markets(range(chosen.first_seed, chosen.first_seed + seeds), iterations):
        if chosen.only in (None, "arriving" if market.arriving else "static"):
            played.append((market, accounts_of(market, keep=chosen.keep)))
            print(f"{market.name}: {_in_short(played[-1][1])}", flush=True)
    for line in figures(played):
        print(line)


def markets(seeds: Sequence[int], iterations: int) -> Iterator[Market]:
    """Yield markets, one of each sort before the next seed, so that any beginning has some of all."""
    for seed in seeds:
        for arriving in (False, True):
            yield Market(CHEAP, seed, iterations, arriving=arriving)
            for kind in SUITED:
                for sharpe in STRENGTHS if not arriving else STRENGTHS[1:2]:
                    yield Market(CHEAP, seed, iterations, kind=kind, sharpe=sharpe, arriving=arriving)
        yield Market(DEAR, seed, iterations)


def figures(played: Played) -> Iterator[str]:
    """Yield every figure in a line of its own, sorts of markets that were not played left out."""
    for symbol, words in ((CHEAP, "low costs"), (DEAR, "high costs")):
        null = _accounts(played, symbol=symbol, planted=False, arriving=False)
        yield from _accepting(null, f"null bots ({words}), static bars", _longest(played))
    for sharpe in STRENGTHS:
        planted = _accounts(played, sharpe=sharpe, planted=True, arriving=False)
        yield from _accepting(planted, f"bots where an edge of Sharpe {sharpe:g} is planted", _longest(played))
        yield from _lasting(planted, f"edge of Sharpe {sharpe:g}")
    everywhere = _accounts(played, planted=True, arriving=False)
    yield from _lasting(everywhere, "all planted edges")
    for planted_too, words in ((False, "null"), (True, "planted")):
        arrived = _accounts(played, planted=planted_too, arriving=True)
        epochs = sum(account.epochs for account in arrived)
        if epochs:
            won = sum(account.epochs_won for account in arrived)
            yield f"{words} bots, arriving bars: epochs with an accepted generation {share(won, epochs)} of {epochs}"
    for planted_too, words in ((False, "null"), (True, "planted")):
        accounts = _accounts(played, planted=planted_too)
        if accounts:
            yield from _spending(accounts, words)
            yield from _evidence(accounts, words)
    yield from _proven(played)


def _accounts(
    played: Played,
    *,
    planted: bool,
    arriving: bool | None = None,
    symbol: str | None = None,
    sharpe: float | None = None,
) -> list[Account]:
    return [
        account
        for market, accounts in played
        for account in accounts
        if bool(market.kind) is planted
        and arriving in (None, market.arriving)
        and symbol in (None, market.symbol)
        and sharpe in (None, market.sharpe)
    ]


def _longest(played: Played) -> int:
    return max((market.iterations for market, _ in played), default=0)


def _accepting(accounts: list[Account], whose: str, iterations: int) -> Iterator[str]:
    for after in sorted({number for number in (*AFTER, iterations) if number <= iterations}):
        if accounts:
            fooled = sum(any(each.after_iterations <= after for each in account.accepted) for account in accounts)
            yield f"{whose}: any accepted after {after} {share(fooled, len(accounts))} of {len(accounts)}"


def _lasting(accounts: list[Account], where: str) -> Iterator[str]:
    accepted = [acceptance for account in accounts for acceptance in account.accepted]
    gains = [each.realised - each.parent_realised for each in accepted]
    overstated = [each.claimed - each.realised for each in accepted]
    if accepted:
        yield f"{where}: unseen Sharpe of accepted generations minus their parents' {mean(gains)}"
        yield f"{where}: Sharpe on the days they won at minus unseen Sharpe {mean(overstated)}"


def _spending(accounts: list[Account], whose: str) -> Iterator[str]:
    looks = [look for account in accounts for look in account.looks]
    won = sum(passed for passed, _ in looks)
    hopeless = sum(active < MIN_ACTIVE_DAYS for _, active in looks)
    outcomes = sum((Counter(account.outcomes) for account in accounts), Counter[str]())
    counts = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
    yield f"{whose} bots: {len(looks)} looks, {won} won, {len(looks) - won} lost, {hopeless} on too few days to win"
    yield f"{whose} bots: iterations by verdict: {counts}"


def _evidence(accounts: list[Account], whose: str) -> Iterator[str]:
    known = [account for account in accounts if account.log_e is not None]
    if known:
        reached = sum(account.log_e >= PROOF for account in known if account.log_e is not None)
        days = f"{np.median([account.record_days for account in known]):.0f} days"
        yield f"{whose} bots: an e-value of 20 or more after {days} {share(reached, len(known))} of {len(known)}"


def _proven(played: Played) -> Iterator[str]:
    known = [
        (account.log_e, bool(market.kind))
        for market, accounts in played
        for account in accounts
        if account.log_e is not None
    ]
    if known:
        chosen = proven(np.array([log_e for log_e, _ in known]))
        true = int(chosen[[planted for _, planted in known]].sum())
        yield f"proven of all {len(known)} records: {int(chosen.sum())}, of which {true} where an edge is planted"


def mean(values: Sequence[float]) -> str:
    """Return a mean with its 95 % interval and how many it is of; without an interval where there is one value."""
    centre, of = float(np.mean(values)), len(values)
    if of < 2:
        return f"{centre:+.2f} of {of}"
    reach = float(stats.t.ppf(0.975, of - 1)) * float(np.std(values, ddof=1)) / math.sqrt(of)
    return f"{centre:+.2f} [{centre - reach:+.2f}, {centre + reach:+.2f}] of {of}"


def _in_short(accounts: list[Account]) -> str:
    accepted = sum(len(account.accepted) for account in accounts)
    looks = sum(len(account.looks) for account in accounts)
    return f"{len(accounts)} bots, {looks} looks, {accepted} generations accepted"


if __name__ == "__main__":
    main()
