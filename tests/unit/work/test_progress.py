"""How far work is: counted once, carried by its signs of life."""

import threading

import pytest

from services.heartbeats import heartbeats
from services.progress import Step, counted


def test_steps_are_counted_and_never_beyond_what_was_expected() -> None:
    steps: list[tuple[str, int, int]] = []
    tell = counted(lambda *step: steps.append(step), "segments", of=2)
    for _ in range(3):
        tell()
    assert steps == [("segments", 1, 2), ("segments", 2, 2), ("segments", 2, 2)]


def test_a_sign_of_life_carries_the_step_that_was_told_last_and_the_last_word_comes_after_it() -> None:
    said: list[Step | str | None] = []
    heard = {None: threading.Event(), "halves": threading.Event()}

    def beat(step: Step | None) -> bool:
        said.append(step)
        heard[step.step if step else None].set()
        return True

    with heartbeats(beat, name="test", every_seconds=0.001, last=lambda: said.append("farewell")) as tell:
        assert heard[None].wait(60)
        tell("halves", 1, 2)
        assert heard["halves"].wait(60)
    assert (said[0], said[-2:]) == (None, [Step("halves", 1, 2), "farewell"])
    assert Step("halves", 1, 2).done_pct == 50.0


def test_no_sign_is_given_once_none_is_wanted_or_the_work_has_ended_before_the_first() -> None:
    beats: list[Step | None] = []
    over = threading.Event()

    def refused(step: Step | None) -> bool:
        beats.append(step)
        return False

    with heartbeats(refused, name="test", every_seconds=0.001, last=over.set):
        assert over.wait(60)
    with heartbeats(refused, name="test", every_seconds=0.001, first_seconds=3_600.0):
        pass
    assert beats == [None]


def test_work_that_fails_ends_its_signs_of_life() -> None:
    over = threading.Event()
    with (
        pytest.raises(ZeroDivisionError),
        heartbeats(lambda _: True, name="test", every_seconds=3_600.0, last=over.set),
    ):
        raise ZeroDivisionError
    assert over.is_set()
