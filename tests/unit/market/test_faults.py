"""What an import says of a file that breaks rules."""

import ast
from pathlib import Path

import numpy as np
import pytest

from store.market import bar_files
from trading.errors import BadBars
from trading.market import raw_bars
from trading.market.raw_bars import Faults
from trading.market.remedies import REMEDIES, remedy

HIGH = "high must not be below open or close"


def spoken(faults: Faults) -> list[str]:
    with pytest.raises(BadBars) as refusal:
        faults.refuse()
    return str(refusal.value).splitlines()


def test_a_rule_is_told_once_with_its_rows_counted_what_they_had_and_its_remedy() -> None:
    faults = Faults("es.csv")
    faults.add(np.array([9, 3, 7, *range(20, 234)]), HIGH, np.array([4.25, 1.5, 2.0, *range(20, 234)]))
    faults.add(np.array([8]), "ts_event must not repeat", np.array(["2024-06-03T14:00:00+00:00"]))
    assert spoken(faults) == [
        "es.csv: 218 bad rows, nothing imported",
        f"rows 3, 7, 9 and 214 more: {HIGH}, was 1.5, 2.0, 4.25; mend: {REMEDIES['high must not be below']}",
        f"row 8: ts_event must not repeat, was 2024-06-03T14:00:00+00:00; mend: {REMEDIES['ts_event must not repeat']}",
    ]


def test_a_value_that_repeats_is_told_once_and_a_row_counts_for_the_first_rule_it_broke() -> None:
    faults = Faults("es.csv")
    faults.add(np.array([1, 2]), "volume must be a number", np.array(["empty", "empty"]))
    faults.add(np.array([2]), HIGH, np.array([1.0]))
    assert spoken(faults)[1:] == [
        f"rows 1, 2: volume must be a number, was empty; mend: {REMEDIES['must be a number']}",
    ]


def test_no_fault_is_no_refusal() -> None:
    Faults("es.csv").refuse()


def rules_of(module_file: str) -> list[str]:
    """Every text that a module gives to `_fault` or `add`, or keeps under the name `rule` or `rules`."""
    nodes = list(ast.walk(ast.parse(Path(module_file).read_text("utf-8"))))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in {"_fault", "add"}]
    kept = [node.value for node in nodes if isinstance(node, ast.Assign) and "rule" in ast.unparse(node.targets[0])]
    values = [value for node in kept for value in (node.values if isinstance(node, ast.Dict) else [node])]
    given = [argument for call in named for argument in call.args]
    return [rule for rule in map(_spoken, [*given, *values]) if " " in rule]


def _spoken(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in argument.values)
    return ""


@pytest.mark.parametrize("module", [raw_bars, bar_files])
def test_every_rule_of_an_import_says_how_to_mend_what_breaks_it(module: object) -> None:
    rules = rules_of(str(getattr(module, "__file__", "")))
    assert rules
    assert [rule for rule in rules if remedy(rule) is None] == []
