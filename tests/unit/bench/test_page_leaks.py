"""The judgement over a page that ran for long: a planted leak is seen, noise and warm-up are not."""

import random

import pytest

from bench.leaks import LEAST_SAMPLES, Sample, growth

MESSAGES = 28_800
SAMPLES = 20


def watched(
    *, heap_bytes_each: float = 0.0, nodes_each: float = 0.0, listeners_each: float = 0.0, seed: int = 1
) -> list[Sample]:
    chance = random.Random(seed)  # noqa: S311 - noise, not a secret
    taken = [MESSAGES * place // (SAMPLES - 1) for place in range(SAMPLES)]
    return [
        Sample(
            messages=messages,
            heap_mb=14 + min(messages, 3_000) * 1e-3 + chance.gauss(0, 0.4) + messages * heap_bytes_each / 1e6,
            nodes=2_000 + chance.randint(0, 90) + int(messages * nodes_each),
            listeners=110 + chance.randint(0, 4) + int(messages * listeners_each),
        )
        for messages in taken
    ]


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_warm_up_are_no_leak(seed: int) -> None:
    assert growth(watched(seed=seed), messages=MESSAGES).faults == []


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ({"heap_bytes_each": 130.0}, "MB of heap"),
        ({"nodes_each": 0.02}, "DOM nodes"),
        ({"listeners_each": 0.002}, "listeners"),
    ],
)
def test_a_planted_leak_is_seen_and_named(planted: dict[str, float], named: str, seed: int) -> None:
    faults = growth(watched(**planted, seed=seed), messages=MESSAGES).faults
    assert [named in fault for fault in faults] == [True]


def test_one_heavy_sample_is_no_leak() -> None:
    samples = watched()
    samples[-1] = Sample(samples[-1].messages, samples[-1].heap_mb + 60, samples[-1].nodes, samples[-1].listeners)
    assert growth(samples, messages=MESSAGES).faults == []


def test_growth_is_what_was_planted() -> None:
    assert growth(watched(heap_bytes_each=1_000.0), messages=MESSAGES).heap_mb == pytest.approx(28.8, rel=0.03)


def test_a_few_samples_or_none_with_messages_judge_nothing() -> None:
    with pytest.raises(ValueError, match="samples"):
        growth(watched()[: LEAST_SAMPLES - 1], messages=MESSAGES)
    with pytest.raises(ValueError, match="samples"):
        growth([Sample(0, 1.0, 1, 1)] * LEAST_SAMPLES, messages=MESSAGES)
