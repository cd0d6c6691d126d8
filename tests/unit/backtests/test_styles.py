"""A rule text runs as an archetype does: the same trades where it says the same, through the same doors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.rule_texts import AS_TEXTS
from tests.oracle.series import random_bars, random_sessions
from trading.backtests.engine import (
    Account,
    Backtest,
    Output,
    Strategy,
    exits_of,
    order_list_hash,
    run_signals,
    run_tape,
)
from trading.backtests.parts import Part, PartBacktester
from trading.errors import BadGenome, BadInput
from trading.improvement.breeding import mutate
from trading.market.instruments import instrument
from trading.strategies.archetypes import ONE_PER_FAMILY
from trading.strategies.genome import Genome, Style, default_genome, genome_hash, schema, validated
from trading.strategies.rules import rule_text
from trading.strategies.styles import entry_signals
from trading.strategies.tape import Tape, tape_of

ACCOUNT = Account(instrument("MES"), 10**11)


def tape(seed: int, *, n_bars: int = 1_500) -> Tape:
    rng = np.random.default_rng([seed, 47])
    return tape_of(random_bars(rng, n_bars), random_sessions(rng, n_bars, longest=60))


def run(style: Style, genome: Genome, series: Tape) -> Backtest:
    return run_tape(series, Strategy(style, genome), account=ACCOUNT)


@pytest.mark.parametrize("name", sorted(AS_TEXTS))
def test_begins_with_the_genome_of_the_archetype_it_spells_out(name: str) -> None:
    assert default_genome(rule_text(AS_TEXTS[name])) == default_genome(name)


@pytest.mark.scorecard(25)
@pytest.mark.parametrize("name", sorted(AS_TEXTS))
def test_trades_as_the_archetype_it_spells_out_whatever_the_genome(name: str) -> None:
    style, traded = rule_text(AS_TEXTS[name]), 0
    chance, genome = np.random.default_rng(7), default_genome(name)
    for seed in range(8):
        series = tape(seed)
        mine, theirs = run(style, genome, series), run(name, genome, series)
        assert order_list_hash(mine) == order_list_hash(theirs)
        assert mine.performance == theirs.performance
        assert mine.genome_hash == theirs.genome_hash == genome_hash(genome)
        traded += len(mine.trades)
        genome = mutate(style, genome, chance=chance, rate=0.6, reach=6)
    assert traded > 20


def test_a_rule_that_says_something_else_trades_something_else() -> None:
    other = rule_text(AS_TEXTS["breakout"].replace("close > highest", "low > highest"))
    genome, series = default_genome("breakout"), tape(0)
    assert order_list_hash(run(other, genome, series)) != order_list_hash(run("breakout", genome, series))


@pytest.mark.parametrize("style", [*ONE_PER_FAMILY, *map(rule_text, AS_TEXTS.values())])
def test_every_door_leads_to_the_same_signals_and_exits(style: Style) -> None:
    series, genome = tape(2), default_genome(style)
    wishes = entry_signals(series, style, genome)
    bare = run_signals(series, wishes, exits_of(style, genome), account=ACCOUNT)
    handed_in = run_tape(series, Strategy(style, genome), account=ACCOUNT, wishes=wishes)
    assert order_list_hash(bare) == order_list_hash(handed_in) == order_list_hash(run(style, genome, series))


@pytest.mark.parametrize("style", ["breakout", rule_text(AS_TEXTS["breakout"])])
def test_signals_handed_in_are_traded_with_the_exits_of_the_genome_and_none_of_its_own(style: Style) -> None:
    series, genome = tape(2), default_genome(style)
    own = entry_signals(series, style, genome)
    other = replace(own, side=np.where(own.stop_unit_ticks > 0, -1, 0).astype(np.int8))
    traded = run_tape(series, Strategy(style, genome), account=ACCOUNT, wishes=other)
    bare = run_signals(series, other, exits_of(style, genome), account=ACCOUNT)
    assert order_list_hash(traded) == order_list_hash(bare) != order_list_hash(run(style, genome, series))
    with pytest.raises(BadInput, match="signals must be -1, 0 or 1"):
        run_tape(series, Strategy(style, genome), account=ACCOUNT, wishes=replace(own, side=own.side * 2 + 2))


@pytest.mark.scorecard(20)
@settings(max_examples=20)
@given(seed=st.integers(0, 50), order=st.permutations(sorted(AS_TEXTS)))
def test_gives_the_same_bytes_in_any_order_and_with_reused_buffers(seed: int, order: list[str]) -> None:
    series = tape(seed, n_bars=700)
    output = Output.for_bars(len(series))
    for name in order:
        style = rule_text(AS_TEXTS[name])
        wanted = Strategy(style, default_genome(style))
        fresh = order_list_hash(run_tape(series, wanted, account=ACCOUNT))
        reused = run_tape(series, wanted, account=ACCOUNT, output=output)
        assert order_list_hash(reused) == fresh


def test_runs_over_a_part_as_over_a_history_that_ends_with_it() -> None:
    style, series = rule_text(AS_TEXTS["momentum_surge"]), tape(4)
    backtester = PartBacktester(series, style, account=ACCOUNT)
    genome = default_genome(style)
    part = backtester.run(genome, Part(700, 1_200))
    theirs = PartBacktester(series, "momentum_surge", account=ACCOUNT).run(genome, Part(700, 1_200))
    assert part.performance == theirs.performance
    assert part.trades.entry_bar.min() > 700


def test_refuses_a_genome_that_does_not_fill_the_rule() -> None:
    style = rule_text(AS_TEXTS["reversal"])
    with pytest.raises(BadGenome, match="unknown genome parameters"):
        run(style, default_genome("trend"), tape(0, n_bars=50))
    with pytest.raises(BadGenome, match="rsi_extreme"):
        run(style, {**default_genome(style), "rsi_extreme": 49}, tape(0, n_bars=50))


def test_every_number_of_a_rule_matters_to_its_hash() -> None:
    style = rule_text(AS_TEXTS["breakout"])
    genome = default_genome(style)
    hashes = {genome_hash(genome)}
    for name, row in schema(style).items():
        hashes.add(genome_hash(validated(style, {**genome, name: row.high if genome[name] != row.high else row.low})))
    assert len(hashes) == 1 + len(genome)
