"""An answer shared by those who ask within a moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.edge import recent
from api.edge.recent import Recent
from trading.errors import Unavailable


def test_those_who_ask_at_once_share_one_reading() -> None:
    read, started, answer = [], threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        assert answer.wait(10)
        read.append(1)
        return 7

    shared: Recent[int] = Recent(60)
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(shared.get, slow) for _ in range(4)]
        assert started.wait(10)
        answer.set()
        assert [answer.result(10) for answer in asking] == [7, 7, 7, 7]
    assert read == [1]


def test_a_moment_later_and_after_forgetting_it_reads_anew() -> None:
    numbers = iter(range(9))
    at_once: Recent[int] = Recent(0)
    assert [at_once.get(lambda: next(numbers)) for _ in range(2)] == [0, 1]
    kept: Recent[int] = Recent(60)
    assert [kept.get(lambda: next(numbers)) for _ in range(2)] == [2, 2]
    assert kept.peek() == 2
    kept.forget()
    assert kept.peek() is None
    assert kept.get(lambda: next(numbers)) == 3


def test_a_failure_is_told_and_not_remembered() -> None:
    shared: Recent[int] = Recent(60)

    def fail() -> int:
        raise Unavailable("away")

    with pytest.raises(Unavailable, match="away"):
        shared.get(fail)
    assert shared.get(lambda: 1) == 1


def test_a_reading_that_hangs_holds_up_nobody_else_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "WAIT_SECONDS", 0.05)
    shared: Recent[int] = Recent(60)
    started, answer = threading.Event(), threading.Event()

    def hang() -> int:
        started.set()
        assert answer.wait(10)
        return 1

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(shared.get, hang)
        assert started.wait(10)
        with pytest.raises(Unavailable, match="still waits"):
            shared.get(lambda: 2)
        answer.set()
        assert hanging.result(10) == 1


def test_forgetting_waits_for_no_reading_and_what_was_being_read_is_not_remembered() -> None:
    shared: Recent[int] = Recent(60)
    started, answer = threading.Event(), threading.Event()

    def hang() -> int:
        started.set()
        assert answer.wait(10)
        return 1

    with ThreadPoolExecutor(2) as pool:
        hanging = pool.submit(shared.get, hang)
        try:
            assert started.wait(10)
            pool.submit(shared.forget).result(5)
            assert not hanging.done()
        finally:
            answer.set()
        assert hanging.result(10) == 1
    assert shared.peek() is None
    assert shared.get(lambda: 2) == 2
