"""How loops over bars become machine code, and how a process starts with them quickly.

Belongs here: the one set of compiler options, what makes a loop fit for vector instructions, and the pause of the
garbage collector. Does not belong here: loops.

Compiled loops work on arrays that live longer than the call and allocate nothing, so arrays are not reference-counted
in them (`_nrt`): an atomic count at every inlined call would cost more than the loop.

A loop is vectorised when each turn does the same without a branch: conditions become values, a search becomes the
smallest index at which they hold, and bars are counted by `span`. Loops of `BLOCK` turns have no remainder.

The machine code kept on disk is renewed when the file of its loop changes, not when this one does.

Importing the compiler and its first call make some hundred thousand objects that live as long as the process. The
collector, counting new objects, would look through all of them again and again: a fifth of a cold start. Another fifth
is SciPy's linear algebra, which the compiler looks for in case a loop multiplies matrices; none of ours does.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., object])


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector out of a stretch of work that makes no garbage; nests, also across threads."""
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


@contextmanager
def out_of_sight(module: str) -> Iterator[None]:
    """Let an import of a module fail for a while, unless it is imported already; SciPy itself goes on as ever."""
    if module in sys.modules:
        yield
        return
    modules: dict[str, Any] = cast("dict[str, Any]", sys.modules)
    modules[module] = None  # how the import system is told that there is none
    try:
        yield
    finally:
        del sys.modules[module]


with collector_paused(), out_of_sight("scipy.linalg.cython_blas"):
    import numba.np.arraymath  # noqa: F401 - looks for SciPy when it is first imported
    import numpy as np
    from numba import njit

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
BLOCK = 64


def compiled(loop: Loop) -> Loop:
    """Return the loop as machine code, kept on disk between processes, free of the interpreter's lock."""
    return cast(Loop, njit(**OPTIONS)(loop))


def inlined(loop: Loop) -> Loop:
    """Return a leaf that is compiled into the loops that call it."""
    return cast(Loop, njit(**OPTIONS, forceinline=True)(loop))


@inlined
def span(first_bar: int, end_bar: int) -> range:
    """Return the bars first_bar..end_bar-1 as unsigned indices: one that could be negative would wrap around."""
    return range(np.uint64(first_bar), np.uint64(end_bar))
