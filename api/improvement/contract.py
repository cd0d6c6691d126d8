"""The JSON of the strategy lab."""

from datetime import datetime

from pydantic import Field

from api.edge.contract import Spoken
from services.improvement.lab import CandidateRow, GeneChange, IterationRow


class IterationTold(Spoken, of=IterationRow):
    """One iteration of one bot and its verdict."""


class IterationsAnswer(Spoken):
    """Iterations, youngest first."""

    data: list[IterationTold] = Field(validation_alias="iterations")
    next_cursor: str | None
    now: datetime


class CandidateTold(Spoken, of=CandidateRow):
    """One genome that was tried; held-out figures only where it was judged."""


class GeneTold(Spoken, of=GeneChange):
    """One number of the genome, in the parent and in the candidate."""

    changed: bool


class IterationInDepthAnswer(Spoken):
    """One iteration with all it tried; `judged` is the trial held against the parent."""

    iteration: IterationTold
    candidates: list[CandidateTold]
    judged: int | None
    genes: list[GeneTold]
