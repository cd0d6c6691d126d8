"""Arrays by what they hold: the one list of element types, named as the field names columns.

Belongs here: aliases of NumPy arrays that more than one room speaks of. Does not belong here: shapes and units, which
the docstring of each function gives.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
PriceArray = NDArray[np.int32]
"""Prices in ticks as the kernels read them: half the memory of a count that may grow without bound."""
SideArray = NDArray[np.int8]
"""For each bar the side a strategy wants: 1 long, -1 short, 0 none."""
GateArray = NDArray[np.uint8]
"""For each bar the flags that say whether a strategy may act there (`strategies/kernels.py`)."""
VerdictArray = NDArray[np.int8]
"""For each bar whether a condition holds: 1 yes, -1 no, 0 unknown."""
AnyArray = NDArray[np.generic]
