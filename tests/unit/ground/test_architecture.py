"""The picture of the architecture: that every word and dot of its plan is a folder that exists, and none is missing."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[3]
PICTURE = ROOT / "docs" / "architecture.svg"
SVG = "{http://www.w3.org/2000/svg}"
GLUE = {"sensors", "jobs", "assets"}


@pytest.fixture(scope="module")
def plan() -> ElementTree.Element:
    plan = ElementTree.parse(PICTURE).getroot().find(f"{SVG}g[@id='plan']")  # noqa: S314 - a file of ours
    assert plan is not None
    return plan


def wings_of(storey: str) -> set[str]:
    """The wings of a storey, which are its packages."""
    return {path.parent.name for path in (ROOT / storey).glob("*/__init__.py")}


def columns(plan: ElementTree.Element) -> dict[str, float]:
    """The middle of the column of each wing."""
    texts = [text for text in plan.iter(f"{SVG}text") if text.get("class") == "wing"]
    places = [re.match(r"translate\(([\d.]+)", text.get("transform", "")) for text in texts]
    return {text.text or "": float(place[1]) - 5 for text, place in zip(texts, places, strict=True) if place}


def rows(plan: ElementTree.Element) -> dict[str, float]:
    """The middle of the row of each storey."""
    texts = [text for text in plan.iter(f"{SVG}text") if "storey" in text.get("class", "").split()]
    return {text.text or "": float(text.get("y", "nan")) - 5 for text in texts}


def lines(plan: ElementTree.Element) -> set[str]:
    """What stands beside the rows without dots."""
    return {text.text or "" for text in plan.iter(f"{SVG}text") if text.get("class") == "dim"}


def test_a_dot_stands_where_a_storey_has_a_wing_and_nowhere_else(plan: ElementTree.Element) -> None:
    places = {(float(dot.get("cx", "nan")), float(dot.get("cy", "nan"))) for dot in plan.iter(f"{SVG}circle")}
    drawn = {
        (storey, wing)
        for storey, y in rows(plan).items()
        for wing, x in columns(plan).items()
        if any(abs(x - at) < 1 and abs(y - down) < 1 for at, down in places)
    }
    assert drawn == {(storey, wing) for storey in ("api", "services", "store", "trading") for wing in wings_of(storey)}
    assert len(drawn) == len(places), "no dot stands between two columns"


def test_its_storeys_stand_above_each_other_as_the_layers_contract_has_them(plan: ElementTree.Element) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (circle,) = [
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["name"] == "The circle turns one way"
    ]
    floor_of = {storey: floor for floor, layer in enumerate(circle["layers"]) for storey in layer.split(" | ")}
    drawn = sorted(rows(plan), key=rows(plan).__getitem__)
    assert {*drawn, *GLUE} == floor_of.keys()
    assert [floor_of[storey] for storey in drawn] == sorted(floor_of[storey] for storey in drawn)
    assert any(line.startswith("jobs, assets:") for line in lines(plan)), "beside the sensors' row"


def test_it_names_the_wings_of_orchestration_and_no_wings_where_there_are_none(plan: ElementTree.Element) -> None:
    (named,) = [line.partition(":")[0] for line in lines(plan) if line.startswith("cli")]
    assert set(named.split(", ")) == wings_of("orchestration")
    assert not any(wings_of(storey) for storey in (*GLUE, "gateways"))


def test_it_needs_nothing_from_elsewhere_and_stays_small() -> None:
    text = PICTURE.read_text("utf-8")
    assert not re.search(r"<script|@import|@font-face|href=|url\((?!#)|<image|foreignObject", text)
    assert len(text) < 12_000
