"""How loops of strategies and of the engine become machine code, and how a process starts with them quickly.

Belongs here: the one set of compiler options, and the pause of the garbage collector. Does not belong here: loops.

Importing the compiler and its first call make some hundred thousand objects that live as long as the process. The
collector, counting new objects, would look through all of them again and again: a fifth of a cold start.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

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


with collector_paused():
    from numba import njit


def compiled(loop: Loop) -> Loop:
    """Return the loop as machine code, kept on disk between processes, free of the interpreter's lock."""
    return cast(Loop, njit(cache=True, nogil=True, error_model="numpy")(loop))


def inlined(loop: Loop) -> Loop:
    """Return a leaf that is compiled into the loops that call it."""
    return cast(Loop, njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(loop))
