"""The reference: that it says what the code says, that its files are not stale, and that text stays text."""

import pytest

from api.reference.__main__ import FOLDER
from api.reference.render import blocks, inline_markup, markdown
from api.reference.sheets import EXITS, Section, Sheet, Table, all_sheets
from trading.books import Stage
from trading.governance.gates import GATES, GateRule
from trading.market.instruments import INSTRUMENTS
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import common_exits, schema
from trading.work.reasons import CHECK_WORDS, SWITCHES

SHEETS = {sheet.name: sheet for sheet in all_sheets()}


def tables(sheet: Sheet) -> list[Table]:
    return [part for section in sheet.sections for part in section.parts if isinstance(part, Table)]


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_the_written_page_says_what_the_code_says_now(sheet: Sheet) -> None:
    page = FOLDER / f"{sheet.name}.md"
    assert page.read_text("utf-8") == markdown(sheet), "stale: run .venv/bin/python -m api.reference and commit it"


def test_no_page_is_left_of_a_sheet_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(SHEETS)


def test_every_instrument_archetype_and_exit_is_told() -> None:
    assert [row[0] for row in tables(SHEETS["instruments"])[0].rows] == list(INSTRUMENTS)
    assert [row[0] for row in tables(SHEETS["costs"])[0].rows] == list(INSTRUMENTS)
    archetypes = {
        row[0] for table in tables(SHEETS["archetypes"]) for row in table.rows if table.heads[0] == "archetype"
    }
    assert archetypes == set(ARCHETYPES)
    assert set(EXITS) == {row.name for row in common_exits(1)}


def test_every_number_of_every_archetype_stands_in_one_of_two_sheets() -> None:
    for name in ARCHETYPES:
        entries = {
            row[0]
            for table in tables(SHEETS["archetypes"])
            if name in table.heads
            for row in table.rows
            if row[table.heads.index(name)] != "—"
        }
        assert entries | set(EXITS) >= set(schema(name))


def test_figures_are_those_of_the_tables() -> None:
    mes = next(row for row in tables(SHEETS["instruments"])[0].rows if row[0] == "MES")
    assert mes == ("MES", "CME", "0.25", "5", "1.25", "1,500", "MES")
    costs = next(row for row in tables(SHEETS["costs"])[0].rows if row[0] == "MES")
    assert costs == ("MES", "0.62", "1", "1.25", "3.74")
    scalping = next(row for row in tables(SHEETS["exits"])[-1].rows if row[0] == "scalping")
    assert scalping[1:4] == ("14", "1", "1")


def bound(rule: GateRule) -> str:
    return "yes" if rule.code in SWITCHES else f"{rule.relation} {rule.required:g}"


def test_every_rule_of_every_gate_is_told_with_its_bound() -> None:
    up = tables(SHEETS["gates"])[0]
    for place, stage in enumerate(GATES, start=1):
        bounds = {row[0]: row[place] for row in up.rows if row[place] != "—"}
        rules = (*GATES[stage].figures, *GATES[stage].besides)
        assert bounds == {CHECK_WORDS[rule.code]: bound(rule) for rule in rules}
    assert up.heads[1] == f"{Stage.LAB} → {Stage.PAPER}"


def test_text_becomes_blocks_and_nothing_in_it_becomes_markup() -> None:
    text = "One\nparagraph.\n\n    as `it`\n    stands\n\n1. **First** of\n   two.\n2. `Second`.\n\n- point"
    parts = list(blocks(Section("", (text,))))
    assert [(block.kind, block.lines) for block in parts] == [
        ("p", ("One paragraph.",)),
        ("pre", ("as it\nstands",)),
        ("ol", ("**First** of two.", "`Second`.")),
        ("ul", ("point",)),
    ]
    assert markdown(Sheet("a", "A", (Section("", (text,)),))).count("```\nas it\nstands\n```") == 1
    assert inline_markup("**a** `b` <script>") == "<strong>a</strong> <code>b</code> &lt;script&gt;"
