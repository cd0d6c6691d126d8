"""Parts of a tape: the same decisions as on the whole history, none before the part, and figures of the part alone."""

import numpy as np
import pytest

from tests.harness.searches import best_of, in_order
from tests.oracle.series import random_bars, random_genome, random_sessions
from trading.backtests.engine import Account, Backtest, Exits, Strategy, exits_of, run_signals, run_tape
from trading.backtests.parts import Part, PartBacktester
from trading.errors import LookAhead
from trading.figures.performance import daily_pnl
from trading.market.instruments import instrument
from trading.strategies.archetypes import ONE_PER_FAMILY
from trading.strategies.genome import Genome, default_genome, validated
from trading.strategies.signals import Signals, signals, warm_up_bars
from trading.strategies.tape import Tape, tape_of
from trading.verification.walk_forward import Fence, Segment, walk_forward

ACCOUNT = Account(instrument("MES"), 50_000_000_000)


def tape(seed: int, n_bars: int = 3_000) -> Tape:
    rng = np.random.default_rng(seed)
    return tape_of(random_bars(rng, n_bars), random_sessions(rng, n_bars))


def backtester(whole: Tape, archetype: str) -> PartBacktester:
    return PartBacktester(whole, archetype, account=ACCOUNT)


def on_the_whole_history(whole: Tape, archetype: str, genome: Genome, part: Part) -> Backtest:
    """Decide on everything up to the part's end, then drop what was decided before the part."""
    history = whole.until(part.end_bar - 1)
    wishes = signals(history, archetype, genome)
    side = wishes.side.copy()
    side[: part.first_bar] = 0
    muted = Signals(side, wishes.stop_unit_ticks, wishes.target_unit_ticks)
    exits: Exits = exits_of(archetype, genome)
    return run_signals(history, muted, exits, account=ACCOUNT)


@pytest.mark.parametrize("archetype", ONE_PER_FAMILY)
@pytest.mark.parametrize("seed", range(4))
def test_a_part_trades_as_the_whole_history_would_have_from_there_on(archetype: str, seed: int) -> None:
    whole = tape(seed)
    genome = validated(archetype, random_genome(np.random.default_rng(seed), archetype))
    part = Part(1_200 + 17 * seed, 2_400 + 31 * seed)
    run = backtester(whole, archetype).run(genome, part)
    expected = on_the_whole_history(whole, archetype, genome, part)
    for column in ("entry_bar", "exit_bar", "side", "entry_ticks", "exit_ticks", "net_micros", "exit_reason"):
        assert getattr(run.trades, column).tolist() == getattr(expected.trades, column).tolist(), column
    assert run.equity_micros.tolist() == expected.equity_micros[part.first_bar :].tolist()


def test_the_comparison_above_is_about_real_trades() -> None:
    counts = {}
    for archetype in ONE_PER_FAMILY:
        genome = validated(archetype, random_genome(np.random.default_rng(1), archetype))
        counts[archetype] = len(backtester(tape(1), archetype).run(genome, Part(1_217, 2_431)).trades)
    assert sum(count > 5 for count in counts.values()) >= 6, counts


def test_a_part_shorter_than_the_warm_up_trades_where_a_bare_cut_cannot() -> None:
    whole, genome, part = tape(5), default_genome("mean_reversion"), Part(2_000, 2_150)
    assert len(part) < warm_up_bars("mean_reversion", genome)
    cut = run_tape(whole.part(part.first_bar, part.end_bar), Strategy("mean_reversion", genome), account=ACCOUNT)
    assert cut.performance.trades == 0
    assert backtester(whole, "mean_reversion").run(genome, part).performance.trades > 0


def test_figures_belong_to_the_part_alone() -> None:
    whole, part = tape(6), Part(1_500, 2_500)
    run = backtester(whole, "trend").run(default_genome("trend"), part)
    assert len(run.equity_micros) == len(run.trading_day) == len(part)
    assert (run.trading_day == whole.trading_day[1_500:2_500]).all()
    assert run.trades.entry_bar.min() > part.first_bar
    assert run.trades.exit_bar.max() < part.end_bar
    assert run.performance.net_pnl_micros == run.trades.net_micros.sum()
    assert daily_pnl(run.equity_micros, run.trading_day, account_micros=ACCOUNT.account_micros).sum() == (
        run.performance.net_pnl_micros
    )


def test_a_part_at_the_beginning_of_history_warms_up_inside_it() -> None:
    whole, genome = tape(7), default_genome("mean_reversion")
    run = backtester(whole, "mean_reversion").run(genome, Part(0, 1_000))
    bare = run_tape(whole.part(0, 1_000), Strategy("mean_reversion", genome), account=ACCOUNT)
    assert run.performance == bare.performance


@pytest.mark.scorecard(21)
def test_bars_after_the_part_change_nothing_inside_it() -> None:
    rng = np.random.default_rng(8)
    bars, sessions = random_bars(rng, 3_000), random_sessions(rng, 3_000)
    whole, cut = tape_of(bars, sessions), tape_of(bars, sessions).part(0, 2_000)
    genome = default_genome("breakout")
    before = backtester(cut, "breakout").run(genome, Part(1_000, 2_000))
    after = backtester(whole, "breakout").run(genome, Part(1_000, 2_000))
    assert before.performance == after.performance


def test_runs_in_any_order_and_as_often_as_asked_with_the_same_answer() -> None:
    run = backtester(tape(9), "breakout")
    asked = [(default_genome("breakout"), first, first + 600) for first in range(0, 2_400, 150)]
    once = [run(*question) for question in asked]
    assert [run(*question) for question in reversed(asked)] == once[::-1]


def test_serves_a_walk_forward_whose_search_stays_behind_its_fence() -> None:
    run = backtester(tape(10), "breakout")
    genomes = [validated("breakout", {**default_genome("breakout"), "range_bars": bars}) for bars in (5, 10, 20)]
    segments = [Segment(Part(at, at + 1_200), Part(at + 1_200, at + 1_600)) for at in (0, 400, 800)]
    verdict = walk_forward(segments, evaluate=run, search=best_of(in_order(genomes), trials=9), seed=0)
    for result in verdict.segments:
        test = result.segment.test
        assert result.test == run(result.genome, test.first_bar, test.end_bar)

    def peeking(fence: Fence, _: np.random.Generator) -> Genome:
        fence(genomes[0], 0, 1_201)
        return genomes[0]

    with pytest.raises(LookAhead):
        walk_forward(segments, evaluate=run, search=peeking, seed=0)
