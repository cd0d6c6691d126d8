"""Who may import whom beside the layers of the platform: tests live off the harness, and nothing lives off tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCTION = ("trading", "store", "gateways", "services", "assets", "jobs", "sensors", "orchestration", "api")
OF_THE_BENCHES = "tests/unit/bench"


def sources(*folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Yield the dotted names that a source imports, and those that scripts in its strings import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            yield from in_a_script(node.value)


def in_a_script(words: str) -> Iterator[str]:
    try:
        yield from imported(words)
    except SyntaxError:  # words about imports
        return


def offences(source: str, *, of: str) -> list[str]:
    """Return what a file imports and may not."""
    return [name for name in imported(source) if not may(of, name.split("."))]


def may(file: str, name: list[str]) -> bool:
    if any(part.startswith("test_") or part == "conftest" for part in name):
        return False
    if name[0] == "bench":
        return file.startswith(("bench/", OF_THE_BENCHES))
    return name[0] != "tests" or file.startswith(("tests/", "bench/"))


def test_nothing_lives_off_a_test_module_a_conftest_or_a_bench() -> None:
    files = [file for file in sources(*PRODUCTION, "tests", "bench") if ROOT / file != Path(__file__)]
    assert len(files) > 500
    wrong_by_file = {file: wrong for file in files if (wrong := offences((ROOT / file).read_text("utf-8"), of=file))}
    assert wrong_by_file == {}


@pytest.mark.parametrize(
    ("of", "source"),
    [
        ("tests/unit/figures/test_baselines.py", "from tests.unit.figures.test_performance import curve"),
        ("tests/unit/figures/test_baselines.py", "from tests.unit.figures import test_performance"),
        ("tests/unit/figures/test_baselines.py", "from . import test_performance"),
        ("tests/e2e/screen.py", "import tests.integration.conftest"),
        ("tests/integration/edge/test_api.py", "SCRIPT = 'from tests.integration.edge.test_doors import told'"),
        ("tests/chaos/harms.py", "from bench.fleet import fleet"),
        ("bench/fleet.py", "from tests.unit.bench.test_page_leaks import watched"),
        ("services/desk.py", "from tests.harness.factories import make_bot"),
        ("api/app.py", "def late():\n    import bench.fleet"),
    ],
)
def test_a_wrong_import_is_found_wherever_it_stands(of: str, source: str) -> None:
    assert len(offences(source, of=of)) == 1


def test_the_harness_and_the_oracle_are_there_for_every_test_and_bench() -> None:
    source = "from tests.harness.factories import make_bot\nfrom tests.oracle.series import random_bars"
    assert offences(source, of="tests/unit/work/test_badges.py") == offences(source, of="bench/page.py") == []
    assert offences("from bench.page import waits", of=f"{OF_THE_BENCHES}/test_page_waits.py") == []
