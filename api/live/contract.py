"""The JSON the board asks for beside its stream."""

from api.edge.contract import Spoken


class SparksAnswer(Spoken):
    """Equity lines by bot, one level 0-z per point, scaled to each line's own range; unknown bots are left out."""

    sparks: dict[str, str]
