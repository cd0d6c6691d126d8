"""A code location of toys: one sensor that is off, the request that switches it on, and whether it is on.

Belongs here: what proves that a door is shut, by what would happen were it open. Does not belong here: doors.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

WHERE = {"repositoryLocationName": "toys", "repositoryName": "__repository__", "sensorName": "toy"}
START = "mutation Start($where: SensorSelector!) { startSensor(sensorSelector: $where) { __typename } }"
BODY = {"query": START, "variables": {"where": WHERE}}
TOYS = """
import dagster as dg

@dg.op
def play(): ...

@dg.job
def game(): play()

@dg.sensor(job=game, default_status=dg.DefaultSensorStatus.STOPPED)
def toy(context): ...

defs = dg.Definitions(jobs=[game], sensors=[toy])
"""


@dataclass(frozen=True, slots=True)
class Toys:
    """A Dagster instance of its own, over the toys."""

    instance: DagsterInstance
    origin: InProcessCodeLocationOrigin
    opened: ExitStack

    def context(self, *, read_only: bool) -> WorkspaceProcessContext:
        """Return what a webserver works with; it is closed with the toys."""
        target = InProcessWorkspaceLoadTarget(self.origin)
        return self.opened.enter_context(WorkspaceProcessContext(self.instance, target, read_only=read_only))

    def started(self) -> bool:
        """Say whether somebody switched the sensor on."""
        return any(state.instigator_name == "toy" for state in self.instance.all_instigator_state())


@contextmanager
def toys_in(folder: Path) -> Iterator[Toys]:
    """Lay the toys out in a folder, with an instance that remembers there."""
    (folder / "toys.py").write_text(TOYS)
    target = LoadableTargetOrigin(python_file=str(folder / "toys.py"), working_directory=str(folder))
    origin = InProcessCodeLocationOrigin(target, location_name="toys")
    with DagsterInstance.local_temp(str(folder)) as instance, ExitStack() as opened:
        yield Toys(instance, origin, opened)
