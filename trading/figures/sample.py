"""In sample or not: whether figures cover days that the genome behind them was chosen on.

Belongs here: the rule. Does not belong here: what a generation knows (`store.improvement.looks`), where it is said.
"""

from datetime import date


def is_in_sample(first_on: date | None, *, knows_until: date | None) -> bool:
    """Return whether figures are in sample: one day that they cover is enough.

    Args:
        first_on: The first trading date the figures cover; None for no figures, which are never in sample.
        knows_until: The last trading date the generation was chosen on; None for one that was chosen on none.
    """
    return first_on is not None and knows_until is not None and knows_until >= first_on
