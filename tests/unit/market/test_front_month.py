import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.market.front_month import front_month, holes_note


def kept(*rows: tuple[int, int, int]) -> list[int]:
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    months: list[int] = contract[front_month(days, contract, volume, root="ES")].tolist()
    return months


def test_rolls_on_the_day_after_the_next_month_traded_more() -> None:
    assert kept((1, 3, 90), (1, 6, 10), (2, 3, 40), (2, 6, 60), (3, 3, 5), (3, 6, 95)) == [3, 3, 6]


def test_never_goes_back_to_an_earlier_month() -> None:
    before = [(day, month, volume) for day in (1, 2, 3) for month, volume in ((3, 10), (6, 90))]
    after = [(day, month, volume) for day in (4, 5, 6) for month, volume in ((3, 99), (6, 1))]
    assert kept(*before, *after) == [6] * 6


def test_an_expired_month_gives_way_on_the_day_itself() -> None:
    assert kept((1, 3, 90), (1, 6, 10), (2, 6, 20), (2, 9, 30)) == [3, 9]


def test_without_volume_the_nearest_month_stays_until_it_ends() -> None:
    assert kept((1, 3, 0), (1, 6, 0), (2, 3, 0), (2, 6, 0), (3, 6, 0), (3, 9, 0)) == [3, 3, 6]


DECEMBER, MARCH = 202412, 202503


def day_of(date: str) -> int:
    return int(np.datetime64(date, "D").astype(np.int64))


def autumn(
    *, without: tuple[str, ...] = (), odd: dict[str, tuple[int, int]] | None = None
) -> list[tuple[int, int, int]]:
    """Business days to 13 December; March trades more from the 9th on, and `odd` days have their own volumes."""
    dates = np.arange("2024-09-16", "2024-12-14", dtype="datetime64[D]")
    rows = []
    for date in dates[np.is_busday(dates)].astype(str).tolist():
        usual = 1_500_000 if date < "2024-12-10" else 300_000, 2_000 if date < "2024-12-09" else 1_600_000
        near, far = (odd or {}).get(date, usual)
        rows += [] if date in without else [(day_of(date), DECEMBER, near)]
        rows.append((day_of(date), MARCH, far))
    return rows


def rolls_on(rows: list[tuple[int, int, int]]) -> list[str]:
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    front = front_month(days, contract, volume, root="ES")
    far = days[front & (contract == MARCH)]
    return [] if len(far) == 0 else [str(np.datetime64(int(far[0]), "D"))]


@pytest.mark.parametrize(
    "rows",
    [
        autumn(),
        autumn(without=("2024-09-25",)),
        autumn(without=("2024-09-16",)),
        autumn(without=("2024-10-14", "2024-10-15", "2024-10-16", "2024-10-17", "2024-10-18")),
        autumn(without=("2024-12-04",)),
        autumn(odd={"2024-10-01": (1_500_000, 9_000_000)}),
        autumn(odd={"2024-12-03": (10, 2_000)}),
        autumn(odd={"2024-09-16": (10, 9)}),
        autumn(odd={"2024-09-16": (100, 2_000)}),
        autumn(without=tuple(f"2024-10-{day:02d}" for day in range(1, 12))),
        [*autumn(), (day_of("2024-12-09"), 202506, 3_000_000), (day_of("2024-12-06"), 202506, 50)],
    ],
    ids=[
        "usual",
        "a hole",
        "a hole at the start",
        "a week",
        "near the end",
        "far spike",
        "day cut short",
        "thin start",
        "first day of the next month",
        "two weeks",
        "far spike at the roll",
    ],
)
def test_one_odd_day_or_a_hole_never_moves_the_roll(rows: list[tuple[int, int, int]]) -> None:
    assert rolls_on(rows) == ["2024-12-10"]


@pytest.mark.parametrize("last", ["2024-10-10", "2024-11-29", "2024-12-11"])
def test_a_last_day_without_the_front_month_is_a_hole_and_no_roll(last: str) -> None:
    rows = [row for row in autumn(without=(last,) if last < "2024-12-10" else ()) if row[0] <= day_of(last)]
    far = 202506 if last > "2024-12-10" else MARCH
    rows = [row for row in rows if (row[0], row[1]) != (day_of("2024-12-11"), MARCH)]
    rows += [(day_of("2024-10-01"), 202506, 50), (day_of(last), 202506, 50)]
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    front = front_month(days, contract, volume, root="ES")
    assert day_of(last) not in days[front]
    assert far not in contract[front]


def test_a_hole_has_no_bars_of_another_month_and_is_told() -> None:
    rows = autumn(without=("2024-09-25",))
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    front = front_month(days, contract, volume, root="ES")
    assert day_of("2024-09-25") not in days[front]
    expected = "ES: 1 trading day without bars of the front month left out, the first 2024-09-25"
    assert holes_note("ES", days, front) == expected
    whole = np.ones(len(days), np.bool_)
    assert holes_note("ES", days, whole) is None


def test_a_front_month_that_does_not_come_back_gives_way_on_the_day_itself() -> None:
    gone = np.arange("2024-10-14", "2024-12-14", dtype="datetime64[D]").astype(str).tolist()
    assert rolls_on(autumn(without=tuple(gone))) == ["2024-10-14"]


def test_a_series_that_changes_its_contract_without_overlap_keeps_every_day() -> None:
    assert kept(*[(day, 3, 9) for day in range(1, 9)], *[(day, 6, 9) for day in range(9, 20)]) == [3] * 8 + [6] * 11


def test_two_days_of_higher_volume_move_the_roll_at_any_time() -> None:
    odd = dict.fromkeys(("2024-10-01", "2024-10-02"), (1_500_000, 1_600_000))
    assert rolls_on(autumn(odd=odd)) == ["2024-10-03"]


@given(last=st.integers(0, 60), hole=st.integers(0, 60))
def test_what_comes_later_never_changes_a_day_that_has_bars(last: int, hole: int) -> None:
    rows = autumn(without=(str(np.datetime64("2024-09-16", "D") + hole),))
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    early = days <= day_of("2024-09-23") + last
    seen = front_month(days[early], contract[early], volume[early], root="ES")
    later = front_month(days, contract, volume, root="ES")[early]
    assert np.array_equal(seen & later, later)
    assert set(days[early][seen & ~later]) <= {day_of("2024-09-16") + hole}


@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from([3, 6, 9, 12]), st.integers(0, 50)), min_size=1, max_size=60)
)
def test_each_day_keeps_one_month_and_months_only_advance(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    front = front_month(days, contract, volume, root="ES")
    months = [set(contract[front & (days == day)].tolist()) for day in sorted(set(days.tolist()))]
    chosen = [month for each in months for month in each]
    assert all(len(each) <= 1 for each in months)
    assert chosen == sorted(chosen)
    assert chosen
