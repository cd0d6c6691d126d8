"""Names keep to docs/naming.md: public nouns stand there, and a public name stands for one class."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = ("trading", "store", "gateways", "services", "assets", "jobs", "sensors", "orchestration", "api")
PAGE = (ROOT / "docs" / "naming.md").read_text("utf-8")
NO_WINGS = {"static", "css", "js", "templates", "versions", "__pycache__"}
ITEMS_IN_DISGUISE = {"one", "found", "told", "shown"}
OF_A_PAGE = "|".join(sorted(ITEMS_IN_DISGUISE))
BOUND_ON_A_PAGE = re.compile(
    rf"\b(?:const|let|function) (?:[\[{{][^=;]*)?\b({OF_A_PAGE})\b"
    rf"|\b({OF_A_PAGE})(?:, \w+)*\)? (?:=>|{{)"
    rf"|\bthis\.({OF_A_PAGE})\b"
)


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield every file of these folders, or of the product, by its path, with its source."""
    for storey in folders or PRODUCT:
        for path in sorted((ROOT / storey).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def public_classes(source: str) -> list[ast.ClassDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def errors_among(classes: Iterable[ast.ClassDef]) -> set[str]:
    """Return the classes that are raised, which are named for what is wrong rather than by a noun."""
    bases = {node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases} for node in classes}
    errors = {"Exception", "BaseException"}
    while more := {name for name, of in bases.items() if of & errors} - errors:
        errors |= more
    return errors


def head_noun(name: str) -> str:
    """Return the last word of a CamelCase or snake_case name, in small letters."""
    parts: list[str] = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return parts[-1].lower()


def glossary(page: str) -> list[str]:
    """Return the words that have a row of their own, or share one, in a table of the page; in the singular."""
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("|")]
    return [singular(word.strip()) for row in rows for word in row.split(",") if word.strip(" -") not in ("", "word")]


def singular(noun: str) -> str:
    if noun.endswith("ies") and noun != "series":
        return f"{noun[:-3]}y"
    if noun.endswith("ches"):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is", "series")) else noun


def table_names(source: str) -> list[str]:
    return [
        str(node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and [ast.unparse(target) for target in node.targets] == ["__tablename__"]
    ]


def without_a_row(names: Iterable[str], page: str) -> list[str]:
    """Return the names whose noun the page does not explain."""
    words = set(glossary(page))
    return sorted({name for name in names if singular(head_noun(name)) not in words})


def standing_twice(classes: Iterable[str]) -> set[str]:
    return {name for name, times in Counter(classes).items() if times > 1}


def bound_names(source: str) -> set[str]:
    """Return every name that a source gives to a value, a function or a parameter."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def bound_on_a_page(script: str) -> list[str]:
    """Return the items in disguise among what a script declares, takes as a parameter or keeps in an object."""
    return [match[0] for match in BOUND_ON_A_PAGE.finditer(script)]


def test_the_noun_of_every_public_class_stands_in_the_naming_page() -> None:
    classes = [node for _, source in sources() for node in public_classes(source)]
    names = {node.name for node in classes} - errors_among(classes)
    assert len(names) > 400
    assert without_a_row(names, PAGE) == []


def test_the_noun_of_every_table_stands_in_the_naming_page() -> None:
    tables = [name for file, source in sources() if file.startswith("store/") for name in table_names(source)]
    assert len(tables) >= 25
    assert without_a_row(tables, PAGE) == []


def test_every_wing_stands_in_the_naming_page() -> None:
    wings = {part for file, _ in sources() for part in Path(file).parts[1:-1]} - NO_WINGS
    assert {"bots", "work", "market", "rules", "edge"} <= wings
    assert without_a_row(wings, PAGE) == []


def test_a_word_of_the_naming_page_has_one_meaning() -> None:
    assert standing_twice(glossary(PAGE)) == set()


def test_no_public_class_name_stands_twice() -> None:
    assert standing_twice(node.name for _, source in sources() for node in public_classes(source)) == set()


def test_no_value_is_called_by_a_word_that_says_no_more_than_item() -> None:
    files = list(sources(*PRODUCT, "tests", "bench"))
    assert {file.partition("/")[0] for file, _ in files} == {*PRODUCT, "tests", "bench"}
    assert {file: names for file, source in files if (names := bound_names(source) & ITEMS_IN_DISGUISE)} == {}


def test_no_value_of_a_page_is_called_by_such_a_word_either() -> None:
    modules = {path.name: path.read_text("utf-8") for path in (ROOT / "api/pages/static/js").glob("*.js")}
    assert len(modules) > 30
    assert {name: bound for name, source in modules.items() if (bound := bound_on_a_page(source))} == {}


@pytest.mark.parametrize(
    ("name", "noun"),
    [("BotEquityCurve", "curve"), ("bot_equity_curve", "curve"), ("SessionsPage", "page"), ("Bars", "bars")],
)
def test_the_noun_of_a_name_is_its_last_word(name: str, noun: str) -> None:
    assert head_noun(name) == noun


def test_a_noun_without_a_row_is_found_and_one_of_many_is_known_by_its_singular() -> None:
    page = "| word | means |\n|---|---|\n| job, series | work |\n| policy | what holds |\n"
    assert without_a_row(["BotJobs", "Series", "Policies", "PolicyKeeper", "bot_grudges"], page) == [
        "PolicyKeeper",
        "bot_grudges",
    ]


def test_an_error_needs_no_noun_and_what_it_is_derived_from_may_stand_elsewhere() -> None:
    classes = public_classes("class NoBars(Refused): ...\nclass Refused(Exception): ...\nclass Bar: ...")
    assert {node.name for node in classes} - errors_among(classes) == {"Bar"}


def test_a_planted_second_class_of_a_name_is_found() -> None:
    planted = public_classes("class Bar: ...") + public_classes("class Bar: ...\nclass Bot: ...")
    assert standing_twice(node.name for node in planted) == {"Bar"}


@pytest.mark.parametrize(
    "source",
    [
        "one = 1",
        "def of(*, found: int) -> None: ...",
        "def told() -> str: ...",
        "print([shown for shown in range(3)])",
        "for place, one in enumerate('ab'): ...",
        "if (found := 1): ...",
        "class Reading:\n    shown: int",
    ],
)
def test_an_item_in_disguise_is_found_however_it_is_bound(source: str) -> None:
    assert len(bound_names(source) & ITEMS_IN_DISGUISE) == 1


@pytest.mark.parametrize(
    "script",
    [
        "const found = [];",
        "let shown;",
        "const { say: told, last } = this.curve;",
        "const [series, told] = await both;",
        "rows.map((one) => one.id)",
        "rows.map(one => one.id)",
        "sums.reduce((sum, one) => sum + one.bots, 0)",
        "function isAlike(one, next) {",
        "  constructor(told) {",
        "for (const one of rows) draw(one);",
        "this.told.changed();",
        "function told(row) { return row; }",
    ],
)
def test_an_item_in_disguise_is_found_in_a_script_too(script: str) -> None:
    assert len(bound_on_a_page(script)) == 1


def test_a_word_of_a_sentence_is_no_value_of_a_script() -> None:
    assert bound_on_a_page('/** The one that was found. */ say("shown or told"); const others = ["one"];') == []
