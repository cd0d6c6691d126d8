"""Nothing public is kept for the tests alone: what only they call is deleted, or moves to `tests/harness`.

A caller is code of the platform or a bench. What a decorator takes (a route, an asset, a command) is called by whoever
registered it; methods of a class with a base are called by the base.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PLATFORM = ("trading", "store", "gateways", "services", "assets", "jobs", "sensors", "orchestration", "api")
BINDINGS = {"property", "staticmethod", "classmethod"}
Function = ast.FunctionDef | ast.AsyncFunctionDef

AWAITED = {
    "trading/backtests/engine.py": {"run_backtest"},  # the door for bars that nobody has laid out as a tape yet
    "trading/backtests/steps.py": {
        "leaves_with_session",
        "stop_ticks",
        "target_ticks",
    },  # for a runner in a stage's book
    "trading/governance/gates.py": {"automatic_move", "demote", "evidence_of", "is_demotion", "promote"},
    "trading/improvement/looks.py": {"can_win", "opens_epoch", "sealed_from", "waits_for_days"},
    "trading/strategies/signals.py": {"signal_at"},  # a runner in a stage's book asks bar by bar
    "trading/strategies/styles.py": {"signal_at"},
    "trading/verification/betting.py": {"log_e_values"},
    "trading/verification/luck.py": {"deflated_among"},
    "gateways/embedded.py": {"remove_embedded"},  # ends the server of a platform that is thrown away
}
"""What stands ready for a stage that is not there yet, file by file."""


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations/versions" not in path.as_posix():
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def called(tree: ast.Module) -> Iterator[str]:
    """Yield the names that code reads, imports under another name, or tells somebody to look up."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (name.name for name in node.names if name.asname)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from looked_up(node.value)


def looked_up(words: str) -> list[str]:
    """Return a name that a string is, alone or dotted or of a module: `store.base:metadata`."""
    return re.split("[.:]", words) if re.fullmatch(r"\w+([.:]\w+)*", words) else []


def functions(tree: ast.Module) -> Iterator[Function]:
    """Yield the public functions and methods that nothing but a call by name can reach."""
    own = [node for node in tree.body if isinstance(node, Function)]
    plain = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases]
    own += [node for statement in plain for node in statement.body if isinstance(node, Function)]
    for node in own:
        if not node.name.startswith("_") and {ast.unparse(each) for each in node.decorator_list} <= BINDINGS:
            yield node


def uncalled(platform: list[tuple[str, ast.Module]], beside: Counter[str]) -> dict[str, set[str]]:
    """Return the functions of each file whose name stands nowhere in the platform or beside it."""
    names = Counter(name for _, tree in platform for name in called(tree)) + beside
    unknown = {file: {node.name for node in functions(tree)} - names.keys() for file, tree in platform}
    return {file: left for file, left in unknown.items() if left}


def test_every_public_function_has_a_caller_that_is_no_test() -> None:
    platform = list(sources(*PLATFORM))
    assert len(platform) > 300
    beside = Counter(name for _, tree in sources("bench") for name in called(tree))
    for path in (ROOT / "api").rglob("*.html"):
        beside.update(re.findall(r"\w+", path.read_text("utf-8")))
    left = uncalled(platform, beside)
    assert {
        file: names - AWAITED.get(file, set()) for file, names in left.items() if names - AWAITED.get(file, set())
    } == {}


def test_a_function_that_nobody_calls_is_found() -> None:
    source = """
def called(): ...
def shown(): ...
def _private(): called()
def by_another_name(): ...
def left(): ...
@app.get("/")
def route(): ...
class Plain:
    def left_too(self): ...
    @property
    def left_three(self): ...
class Derived(Base):
    def asked_by_the_base(self): ...
"""
    caller = "from a import by_another_name as it\nSENSOR = 'b.shown'\nWORDS = 'left is a word of a sentence'"
    trees = [("a.py", ast.parse(source)), ("b.py", ast.parse(caller))]
    assert uncalled(trees, Counter()) == {"a.py": {"left", "left_too", "left_three"}}
