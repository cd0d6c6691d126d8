"""Fonts and the chart library, taken from their wheels into the git-ignored `static/vendor`.

Belongs here: locating the wheels without importing them, checking their hashes, subsetting, the manifest that lets a
later start verify what was built. Does not belong here: using them (`static/css`, `static/js`).

`python -m api.pages.vendor` builds at install; the API calls `ensure` at start and goes on with system fonts and
without charts when it cannot build.
"""

import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from trading.errors import Unavailable

log = logging.getLogger("api.pages.vendor")

VENDOR = Path(__file__).parent / "static" / "vendor"
MANIFEST = "manifest.json"
RECIPE = 2
TAILS = {"uplot.js": b"\nglobalThis.uPlot = uPlot;\n"}  # so that it works as a script and as a module
TEXT = "".join(map(chr, range(0x20, 0x7F))) + " ·•×–—‘’“”…←↑→↓↵−≤≥≠±§°µ▲▼△▽●○◆◇■□▪▸▾✓✕⌘Δσ"
FEATURES = ["kern", "liga", "calt", "tnum", "zero", "ccmp", "locl", "mark", "mkmk", "ss01", "cv05", "case"]


class BadWheel(Unavailable):
    """A file of a wheel is missing or is not the one this code was written for."""

    code = "BAD_WHEEL"


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside an installed package, and the sha256 it must have."""

    package: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            BadWheel: it is missing or another file.
        """
        spec = find_spec(self.package)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        path = Path(places[0], self.path) if places else Path(self.path)
        if not places or not path.is_file():
            raise BadWheel(f"{self.package} lacks {self.path}")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256:
            raise BadWheel(f"{self.package}/{self.path} has another hash: {digest}")
        return content


@dataclass(frozen=True, slots=True)
class Font:
    """A variable font, the weights kept of it, and axes pinned to one value."""

    source: Source
    family: str
    target: str
    weights: tuple[int, int]
    pinned: tuple[tuple[str, float], ...] = ()


FONTS = (
    Font(
        Source(
            "fontpkg_inter",
            "files/Inter[opsz,wght].ttf",
            "29160a80ff49ddcab2c97711247e08b1fab27a484a329ce8b813d820dc559031",
        ),
        "Inter",
        "inter.woff2",
        (400, 650),
        (("opsz", 14.0),),
    ),
    Font(
        Source(
            "fontpkg_jetbrains_mono",
            "files/JetBrainsMono[wght].ttf",
            "48715a42ec242c21e9f02692891e147d022299a52e48d5e413e1a942193ffeda",
        ),
        "JetBrains Mono",
        "jetbrains-mono.woff2",
        (400, 700),
    ),
)
COPIES = (
    (
        Source("uplot", "static/uPlot.iife.js", "655bc8aa33781e8721c5af6b59f1699c03c9bda951aa74a6ab518ac20cc4326d"),
        "uplot.js",
    ),
    (
        Source("uplot", "static/uPlot.min.css", "3f121cd4a997b634e07a887658850018e475c26f0bddd874109a8d382c19de87"),
        "uplot.css",
    ),
    (
        Source("fontpkg_inter", "LICENSE", "5b9321a4298cfeb6b34354164a1c3afc3db114569984c502b9b35d988fd58c57"),
        "inter-LICENSE.txt",
    ),
    (
        Source("fontpkg_jetbrains_mono", "LICENSE", "b2fe5e8987594e9ffd1d2ca52a2f5d73eb8335243893c5d6254b5ad69269591d"),
        "jetbrains-mono-LICENSE.txt",
    ),
)


def ensure(folder: Path = VENDOR) -> bool:
    """Build what is missing or damaged; return whether the folder is whole. Never raises: the page works without."""
    if is_whole(folder):
        return True
    try:
        build(folder)
    except (BadWheel, OSError, ImportError) as failure:
        log.warning("the page uses system fonts and no charts: %s", failure)
        return False
    return True


def is_whole(folder: Path) -> bool:
    """Return whether every file of the manifest stands there with its hash, made by this recipe."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return manifest["recipe"] == _recipe() and all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
            for name, sha256 in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def build(folder: Path, *, say: Callable[[str], object] = log.info) -> None:
    """Build every file beside the folder and move them in, the manifest last.

    Raises:
        BadWheel: a wheel is missing or has other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, bytes] = {target: source.read() + TAILS.get(target, b"") for source, target in COPIES}
    for font in FONTS:
        made[font.target] = _subset(font)
        say(f"{font.target}: {len(made[font.target]) / 1024:.0f} KB")
    made["fonts.css"] = "\n".join(_face(font) for font in FONTS).encode()
    for name, content in made.items():
        _write(folder / name, content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(made.items())}
    _write(folder / MANIFEST, json.dumps({"recipe": _recipe(), "files": hashes}, indent=1).encode())


def _recipe() -> str:
    spoken = repr((RECIPE, TAILS, TEXT, FEATURES, FONTS, COPIES))
    return hashlib.sha256(spoken.encode()).hexdigest()


def _subset(font: Font) -> bytes:
    from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
    from fontTools.varLib.instancer import instantiateVariableFont  # type: ignore[import-untyped]

    opened = TTFont(BytesIO(font.source.read()), recalcTimestamp=False)
    options = Options(layout_features=FEATURES, name_IDs=[0, 1, 2, 13, 14], notdef_outline=True, hinting=False)
    subsetter = Subsetter(options)
    subsetter.populate(text=TEXT)
    subsetter.subset(opened)
    limits: dict[str, float | tuple[float, float]] = {"wght": font.weights, **dict(font.pinned)}
    limited = instantiateVariableFont(opened, limits)
    limited.flavor = "woff2"
    written = BytesIO()
    limited.save(written)
    return written.getvalue()


def _face(font: Font) -> str:
    low, high = font.weights
    return (
        f'@font-face{{font-family:"{font.family}";font-style:normal;font-weight:{low} {high};'
        f'font-display:swap;src:url("{font.target}") format("woff2")}}'
    )


def _write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".vendor-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def main() -> int:
    """Build the folder and say what it holds."""
    try:
        build(VENDOR, say=lambda line: sys.stdout.write(f"{line}\n"))
    except (BadWheel, OSError, ImportError) as failure:
        sys.stderr.write(f"cannot build {VENDOR.name}: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
