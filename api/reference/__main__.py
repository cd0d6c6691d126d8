"""`python -m api.reference [FOLDER]` writes the reference as pages of Markdown, into docs/reference unless told where.

Belongs here: writing the files. Does not belong here: what they say.
"""

import sys
from pathlib import Path

from api.reference.render import markdown
from api.reference.sheets import all_sheets
from gateways.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "reference"


def write(folder: Path) -> None:
    """Write every sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in all_sheets():
        (folder / f"{sheet.name}.md").write_text(markdown(sheet), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
