"""The checks that ask how much of a result was luck: resampled trades and bars, deflated Sharpe, overfitting.

Belongs here: what is resampled and compared. Does not belong here: the statistics (`trading.verification`), thresholds
(`trading.verification.verdicts`).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.backtests.workbench import Workbench
from services.desk import Desk
from services.progress import Progress, counted
from services.verification.findings import Finding, figures_of, quantiles_of, seed_of
from services.verification.suite import grid_around
from store.database import transaction
from store.improvement import iterations
from store.tables import BacktestSession
from store.verification import verifications
from trading.arrays import FloatArray
from trading.backtests.parts import Part
from trading.errors import Refused
from trading.figures.performance import Performance, daily_pnl, daily_returns
from trading.money import usd
from trading.strategies.genome import Genome, genome_hash, validated
from trading.strategies.tape import tape_of
from trading.verification import verdicts
from trading.verification.luck import (
    deflated_sharpe,
    estimate_sharpe,
    minimum_track_record,
    overfitting_probability,
    probabilistic_sharpe,
    variance_of_trials,
)
from trading.verification.monte_carlo import MonteCarlo, Sampling, bootstrap_blocks, bootstrap_trades, reshuffle_trades
from trading.verification.resampling import resampled_bars
from trading.verification.verdicts import Grade, Kind, Verdict

WEEK_DAYS = 5
BLOCK_DAYS = 20
SYNTHETIC_HISTORIES = 40
PBO_CANDIDATES = 120
PBO_BLOCKS = 16
TRIED, ON_GRID = "improve and evolve iterations", "the bot's grid"


def check_resampled_trades(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Walk the record's trades and weeks in other orders, and with other draws."""
    run, tell = bench.run(), counted(progress, "resample", of=3)
    account_micros = bench.account.account_micros
    pnl = run.trades.net_micros.copy()
    if not len(pnl):
        return Finding(Verdict(Grade.UNKNOWN, "the bot did not trade"), {"trades": 0})
    days = daily_pnl(run.equity_micros, run.trading_day, account_micros=account_micros)
    sampling = Sampling(account_micros=account_micros, seed=seed_of(bench.bot, Kind.MONTE_CARLO_TRADES))
    weeks = bootstrap_blocks(days, sampling, block=min(WEEK_DAYS, len(days)))
    tell()
    figures = {"own": figures_of(run.performance), "weeks": _spread(weeks)}
    figures["reshuffled"] = _spread(reshuffle_trades(pnl, sampling))
    tell()
    figures["bootstrapped"] = _spread(bootstrap_trades(pnl, sampling))
    tell()
    return Finding(verdicts.of_resampled_trades(weeks), figures)


def check_resampled_bars(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Run the genome over synthetic histories made of the same trading days."""
    bars, sessions = bench.at_hand.bars, bench.at_hand.sessions
    tell = counted(progress, "synthetic histories", of=SYNTHETIC_HISTORIES)
    days = len(np.unique(sessions.trading_day))
    own = bench.run().performance
    results: list[Performance] = []
    for number in range(SYNTHETIC_HISTORIES):
        seed = seed_of(bench.bot, Kind.MONTE_CARLO_BARS) + number
        made, index = resampled_bars(bars, sessions, block_days=min(BLOCK_DAYS, days), seed=seed)
        backtester = bench.backtester_on(tape_of(made, index))
        results.append(backtester.run(bench.genome, Part(0, len(made))).performance)
        tell()
    nets = [float(usd(result.net_pnl_micros)) for result in results]
    figures = {
        "histories": len(results),
        "block_days": min(BLOCK_DAYS, days),
        "own": figures_of(own),
        "net_usd": quantiles_of(nets),
        "max_drawdown_pct": quantiles_of([result.max_drawdown_pct for result in results]),
        "loss_probability": sum(net < 0.0 for net in nets) / len(nets),
        "own_beats_share": sum(result.net_pnl_micros < own.net_pnl_micros for result in results) / len(results),
        "nets_usd": nets,
    }
    return Finding(verdicts.of_resampled_bars(nets), figures)


def check_sharpe(desk: Desk, bench: Workbench, _: Progress) -> Finding:
    """Judge the Sharpe ratio of the session the bot's figures show, given all the genomes its lineage has tried.

    Raises:
        Refused: the bot has no completed session since its reset.
    """
    with transaction(desk.database) as db:
        counted = verifications.shown_session(db, bench.bot.id)
        if counted is None or counted.data_fingerprint is None:
            raise Refused(f"{bench.bot.name} has no completed session since its reset: run a backtest first")
        tried = iterations.tried_so_far(db, bench.bot.id)
        sharpes = verifications.candidate_sharpes(db, bench.bot.id)
    figures, deflated = _judged(session_returns(counted), tried=max(tried, 1), sharpes=sharpes)
    figures["session_sharpe"] = counted.figures.sharpe
    return Finding(verdicts.of_sharpe(deflated, tried=max(tried, 1)), figures, _origin(counted))


def check_overfitting(desk: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Compare the genome in force with those that were tried by combinatorially symmetric cross-validation.

    Where no iteration has tried any, the genomes of the bot's grid stand for them, and the verdict says so, and of how
    many they were drawn.
    """
    compared = _compared(desk, bench)
    tell = counted(progress, "candidates", of=len(compared.genomes))
    returns = np.column_stack([_returns(bench, genome, tell) for genome in compared.genomes])
    if len(returns) < 2 * PBO_BLOCKS:
        return Finding(Verdict(Grade.UNKNOWN, f"{len(returns)} days are too few for {PBO_BLOCKS} blocks"), {})
    overfitting = overfitting_probability(returns, blocks=PBO_BLOCKS)
    figures = {
        "probability": overfitting.probability,
        "loss_probability": overfitting.loss_probability,
        "candidates": len(compared.genomes),
        "candidates_from": compared.origin,
        "candidates_of": compared.of,
        "days": len(returns),
        "blocks": PBO_BLOCKS,
        "splits": len(overfitting.logits),
        "logit": quantiles_of(overfitting.logits.tolist()),
    }
    return Finding(verdicts.of_overfitting(overfitting, among=compared.in_words), figures)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The genomes an overfitting test compares, the one in force first: from where, and of how many they were drawn."""

    genomes: tuple[Genome, ...]
    origin: str
    of: int

    @property
    def in_words(self) -> str:
        drawn = f"{len(self.genomes):,}" if len(self.genomes) == self.of else f"{len(self.genomes):,} of {self.of:,}"
        return f"{drawn} tried" if self.origin == TRIED else f"{drawn} on {self.origin}"


def _compared(desk: Desk, bench: Workbench) -> _Compared:
    own, others_at_most = genome_hash(bench.genome), PBO_CANDIDATES - 1
    with transaction(desk.database) as db:
        known = verifications.candidates(db, bench.bot.id, besides=own, limit=others_at_most)
        of = verifications.count_candidates(db, bench.bot.id, besides=own)
    if len(known) >= 2:
        tried = (validated(bench.style, genome) for genome in known)
        return _Compared((bench.genome, *tried), TRIED, 1 + of)
    others = sorted((genome for genome in grid_around(bench) if genome != bench.genome), key=genome_hash)
    return _Compared((bench.genome, *others[:others_at_most]), ON_GRID, 1 + len(others))


def session_returns(stored: BacktestSession) -> FloatArray:
    """Return the daily returns of a stored session over its account, fractions, shape (n_days,), oldest first."""
    equity = np.array([int(value.scaleb(6)) for value in (stored.account_usd, *stored.equity_usd)])
    returns: FloatArray = np.diff(equity) / float(equity[0])
    return returns


def _origin(stored: BacktestSession) -> dict[str, Any]:
    return {
        "session_id": stored.id,
        "generation_number": stored.generation_number,
        "genome_hash": stored.genome_hash,
        "data_source": stored.data_source,
        "data_fingerprint": stored.data_fingerprint,
        "engine_version": stored.engine_version,
    }


def _judged(returns: FloatArray, *, tried: int, sharpes: list[float]) -> tuple[dict[str, Any], float | None]:
    estimate = estimate_sharpe(returns) if len(returns) >= 2 else None
    if estimate is None:
        return {"days": len(returns), "tried": tried}, None
    variance = variance_of_trials(sharpes) or 0.0  # fewer than two tried genomes have no spread, and deflate nothing
    deflated = deflated_sharpe(estimate, trials=tried, sharpe_variance=variance)
    figures = {
        "days": estimate.observations,
        "tried": tried,
        "trial_sharpe_variance_per_day": variance,
        "sharpe_per_day": estimate.sharpe,
        "skewness": estimate.skewness,
        "kurtosis": estimate.kurtosis,
        "probabilistic": probabilistic_sharpe(estimate),
        "deflated": deflated,
        "minimum_track_record_days": minimum_track_record(estimate),
    }
    return figures, deflated


def _returns(bench: Workbench, genome: Genome, tell: Callable[[], None]) -> FloatArray:
    run = bench.backtester.run(genome, bench.whole)
    tell()
    return daily_returns(run.equity_micros, run.trading_day, account_micros=bench.account.account_micros)


def _spread(result: MonteCarlo) -> dict[str, Any]:
    return asdict(result)
