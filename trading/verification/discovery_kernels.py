"""The compiled loop behind the closed e-BH rule.

Belongs here: the search for the largest set, over e-values that `discoveries.py` has checked and sorted. Does not
belong here: what a discovery is.
"""

from trading.arrays import FloatArray
from trading.compiling import compiled, inlined


@inlined
def holds(e_values: FloatArray, size: int, q: float) -> bool:
    """Return whether the `size` largest e-values may be called discoveries.

    Of all groups with k bots inside the set and any number outside, the k least inside and those outside whose e-value
    lies under the group's bar, k / (q size), ask the most. That bar rises with k, so one pass outwards suffices.
    """
    inside = 0.0
    outside = 0.0
    out = 0
    last = len(e_values) - 1
    for k in range(1, size + 1):
        bar = k / (q * size)
        inside += e_values[size - k]
        while out < len(e_values) - size and e_values[last - out] < bar:
            outside += e_values[last - out]
            out += 1
        if inside + outside < (k + out) * bar:
            return False
    return True


@compiled
def largest_proven(e_values: FloatArray, q: float) -> int:
    """Return the size of the largest set of discoveries that parts no equal e-values.

    Args:
        e_values: Largest first, none negative, finite.
        q: Expected share of false discoveries, above 0 and below 1.
    """
    bots = len(e_values)
    for size in range(bots, 0, -1):
        if size < bots and e_values[size] == e_values[size - 1]:
            continue
        if e_values[size - 1] * q * size >= 1.0 and holds(e_values, size, q):
            return size
    return 0
