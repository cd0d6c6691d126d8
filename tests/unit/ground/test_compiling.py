"""A cold start that does not look for what no loop needs."""

import subprocess
import sys

import pytest

from trading.compiling import out_of_sight

COLD_START = """
import sys
import trading.compiling
print("scipy.linalg" in sys.modules)
import scipy.linalg.cython_blas
print("scipy.linalg.cython_blas" in sys.modules)
"""


def test_a_module_is_out_of_sight_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with out_of_sight("colorsys"), pytest.raises(ImportError):
        __import__("colorsys")
    assert __import__("colorsys").rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)


def test_a_module_that_is_there_already_stays() -> None:
    with out_of_sight("subprocess"):
        assert __import__("subprocess") is subprocess


def test_a_cold_start_leaves_linear_algebra_to_those_who_use_it() -> None:
    said = subprocess.run([sys.executable, "-c", COLD_START], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
