"""The bench of discovery at a size that fits a test: what is planted shows, what is played is counted, its figures."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import made_markets
from bench.discovery import figures, markets, mean
from bench.made_markets import Acceptance, Account, Judge, Market, accounts_of, desk_of_its_own, made, played
from trading.days import day_number
from trading.strategies.genome import default_genome

NULL = Market("NQ", 1, 16)
PLANTED = replace(NULL, kind="OPENING_RANGE", sharpe=12.0)
ACCEPTED = Acceptance(generation=2, after_iterations=9, claimed=3.0, realised=2.0, parent_realised=0.5)
WINNER = Account("breakout", {"LOOK_LOST": 1, "ACCEPTED": 1}, [(False, 40), (True, 14)], 2, 1, [ACCEPTED], 9.0, 400)
LOSER = Account("breakout", {"CANNOT_WIN": 16}, [], 1, 0, [], -1.0, 400)


def test_a_planted_edge_is_earned_in_the_unseen_year_and_no_other() -> None:
    genome, first_unseen = default_genome("breakout"), day_number(made_markets.START_ON) + 366
    earned = [
        Judge(made(replace(market, years=1.0)), "NQ", first_unseen=first_unseen).unseen("breakout", genome)
        for market in (NULL, PLANTED)
    ]
    assert earned[0] < 2.0 < earned[1]


@pytest.mark.thorough
def test_every_iteration_of_every_bot_is_counted_while_bars_arrive() -> None:
    with desk_of_its_own() as desk:
        accounts = played(desk, replace(PLANTED, iterations=4, years=1.0, arriving=True))
    assert [account.archetype for account in accounts] == ["breakout_retest", "breakout"]
    for account in accounts:
        assert sum(account.outcomes.values()) == 4
        assert account.outcomes.get("LOOK_LOST", 0) == sum(not won for won, _ in account.looks)
        assert account.outcomes.get("ACCEPTED", 0) == len(account.accepted) == account.epochs_won
        assert (account.epochs, account.log_e is not None, account.record_days > 60) == (1, True, True)


def test_what_was_played_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Market] = []

    @contextmanager
    def no_desk() -> Any:
        yield None

    def once(_: None, market: Market) -> list[Account]:
        asked.append(market)
        return [WINNER, LOSER]

    monkeypatch.setattr(made_markets, "desk_of_its_own", no_desk)
    monkeypatch.setattr(made_markets, "played", once)
    twice = [accounts_of(NULL, keep=tmp_path) for _ in range(2)]
    assert twice == [[WINNER, LOSER]] * 2
    assert accounts_of(PLANTED, keep=tmp_path) == [WINNER, LOSER]
    assert asked == [NULL, PLANTED]


def test_no_two_markets_are_kept_under_one_name_and_all_sorts_come_before_the_next_seed() -> None:
    every = list(markets(range(1, 4), 16))
    assert len({market.name for market in every}) == len(every)
    assert [market.seed for market in every] == sorted(market.seed for market in every)
    assert {(market.symbol, bool(market.kind), market.arriving) for market in every} == {
        ("NQ", False, False),
        ("NQ", True, False),
        ("NQ", False, True),
        ("NQ", True, True),
        ("MES", False, False),
    }


def test_figures_count_what_was_accepted_where_nothing_is_planted_and_where_an_edge_is() -> None:
    lines = list(figures([(NULL, [LOSER, LOSER]), (PLANTED, [WINNER, LOSER])]))
    for line in (
        "null bots (low costs), static bars: any accepted after 16  0.00% [0.00%, 84.19%] of 2",
        "bots where an edge of Sharpe 12 is planted: any accepted after 16 50.00% [1.26%, 98.74%] of 2",
        "edge of Sharpe 12: unseen Sharpe of accepted generations minus their parents' +1.50 of 1",
        "edge of Sharpe 12: Sharpe on the days they won at minus unseen Sharpe +1.00 of 1",
        "planted bots: 2 looks, 1 won, 1 lost, 1 on too few days to win",
        "null bots: iterations by verdict: CANNOT_WIN 32",
        "planted bots: an e-value of 20 or more after 400 days 50.00% [1.26%, 98.74%] of 2",
        "proven of all 4 records: 1, of which 1 where an edge is planted",
    ):
        assert line in lines


def test_a_mean_is_told_with_its_interval() -> None:
    """Student's quantile with two degrees of freedom is 4.303, and the standard error 1 / sqrt(3)."""
    assert mean([1.0, 2.0, 3.0]) == "+2.00 [-0.48, +4.48] of 3"
