"""The index of decisions: every page stands there by its own title and status, once and in order."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "adr"
ROW = re.compile(r"^\| (\d+) \| \[(.+?)\]\((.+?)\) \| (.+?) \| (\w+) \|$", flags=re.MULTILINE)


def decided(path: Path) -> tuple[int, str, str]:
    """Number, title and status of a page, as it says itself."""
    text = path.read_text("utf-8")
    heading = re.match(r"# (\d+)\. (.+)\n", text)
    status = re.search(r"^(?:\*\*Status\*\*: )?(accepted|superseded|withdrawn)\b", text, re.MULTILINE | re.IGNORECASE)
    assert heading is not None, path.name
    assert status is not None, f"{path.name} says no status"
    return int(heading[1]), heading[2], status[1].lower()


def test_the_index_lists_every_decision_by_its_own_title_and_status() -> None:
    pages = sorted(FOLDER.glob("[0-9]*.md"))
    rows = ROW.findall((FOLDER / "README.md").read_text("utf-8"))
    assert [(name, int(number), title, status) for number, title, name, _, status in rows] == [
        (path.name, *decided(path)) for path in pages
    ]


def test_a_decision_is_numbered_as_its_file_is() -> None:
    for path in FOLDER.glob("[0-9]*.md"):
        assert decided(path)[0] == int(path.name[:4])
