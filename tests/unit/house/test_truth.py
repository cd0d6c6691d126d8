"""Bots cannot read what was planted: its table, the setting that names it and what reads them are named in few places.

Imports are held to it by a contract in `pyproject.toml`; this looks at names, which reach past imports: an attribute of
the settings, a statement in plain SQL.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLATFORM = ("trading", "store", "gateways", "services", "assets", "jobs", "sensors", "orchestration", "api")
TRUTH = re.compile(r"planted_edges|plants|PlantedEdge\w*")
KNOWS = {
    "gateways/settings.py",
    "orchestration/cli/bar_work.py",
    "services/bots/discoveries.py",
    "services/bots/market.py",
    "services/market/plants.py",
    "store/map.py",
    "store/market/planted_edges.py",
    "store/migrations/env.py",
    "trading/market/plants.py",
    "trading/market/simulator.py",
}


def names(tree: ast.AST) -> Iterator[str]:
    """Yield every name of a source, dotted ones in parts, and the words of its texts but for docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            yield from (part for name in (module, *(each.name for each in node.names)) for part in name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from re.findall(r"\w+", node.value)


def knows(source: str) -> bool:
    return any(TRUTH.fullmatch(name) for name in names(ast.parse(source)))


def test_only_who_plants_and_who_tells_people_knows_the_truth() -> None:
    files = [path for folder in PLATFORM for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 300
    knowing = {path.relative_to(ROOT).as_posix() for path in files if knows(path.read_text("utf-8"))}
    assert {file for file in knowing if "migrations/versions" not in file} == KNOWS


@pytest.mark.parametrize(
    "source",
    [
        "desk.settings.plants",
        "def look(db): db.execute('SELECT kind FROM planted_edges')",
        "from store.market import planted_edges",
        "from store.market.planted_edges import PlantedEdgeRow as Row",
        "import store.market.planted_edges as bars",
    ],
)
def test_a_reader_of_the_truth_is_found(source: str) -> None:
    assert knows(source)


def test_words_of_people_are_no_knowledge() -> None:
    assert not knows('"""Knows nothing of plants."""\nimplants = "planted edge"')
