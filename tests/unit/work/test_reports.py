"""Figures as Dagster shows them: typed, plotted, and left out where they are unknown."""

from uuid import UUID

import dagster as dg

from assets.reports import metadata_of, table


def test_an_unknown_figure_is_left_out_so_that_the_rest_plot() -> None:
    figures = {
        "sharpe": None,
        "net_pnl_usd": 12.5,
        "trades": 3,
        "in_sample": False,
        "bot": UUID(int=1),
        "calmar": float("nan"),
    }
    assert metadata_of(figures) == {
        "net_pnl_usd": dg.MetadataValue.float(12.5),
        "trades": dg.MetadataValue.int(3),
        "in_sample": dg.MetadataValue.bool(False),
        "bot": dg.MetadataValue.text(str(UUID(int=1))),
    }


def test_a_table_has_the_types_of_its_values() -> None:
    rows = [("a", 1, 0.5, True, None, UUID(int=2)), ("b", None, 2, False, None, float("inf"))]
    shown_as = table(("name", "count", "ratio", "held", "unknown", "mixed"), rows)
    assert [(column.name, column.type) for column in shown_as.schema.columns] == [
        ("name", "string"),
        ("count", "int"),
        ("ratio", "float"),
        ("held", "bool"),
        ("unknown", "string"),
        ("mixed", "string"),
    ]
    assert shown_as.records[1].data == {
        "name": "b",
        "count": None,
        "ratio": 2,
        "held": False,
        "unknown": None,
        "mixed": "inf",
    }


def test_a_table_without_rows_is_one() -> None:
    assert (table((), []).records, table(("a",), []).schema.columns[0].type) == ([], "string")
