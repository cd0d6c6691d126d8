"""Dagster's home folder: the instance and the workspace our programs share.

Belongs here: rendering `dagster.yaml` from the settings, and the workspace of the supervised code server.
Does not belong here: definitions.
"""

from pathlib import Path
from string import Template

from gateways.settings import Settings
from trading.errors import Unavailable

LOCATION = "proving-ground"
MODULE = "orchestration.definitions"
TEMPLATE = Path(__file__).with_name("dagster.yaml")
SPARE_RUNS = 2  # runs without a job type: rollups after a reset, retention, a person's own
START_SECONDS = 600  # a run may take that long to start, on a machine that others keep busy
WORKSPACE = f"""\
load_from:
  - grpc_server:
      host: 127.0.0.1
      port: {{port}}
      location_name: {LOCATION}
"""


def dagster_home(settings: Settings) -> Path:
    """Return the folder DAGSTER_HOME names."""
    return settings.proving_home.resolve() / "dagster"


def workspace_file(settings: Settings) -> Path:
    """Return the workspace that points at the supervised code server."""
    return dagster_home(settings) / "workspace.yaml"


def render_instance(settings: Settings) -> str:
    """Return `dagster.yaml` with room for all runs the caps allow, and for those without a cap."""
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        max_runs=sum(settings.caps.running.values()) + SPARE_RUNS, start_seconds=START_SECONDS
    )


def write_home(settings: Settings) -> Path:
    """Write both files anew, so that a changed setting takes effect at the next start.

    Raises:
        Unavailable: the folder cannot be written.
    """
    home = dagster_home(settings)
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "dagster.yaml").write_text(render_instance(settings), "utf-8")
        workspace_file(settings).write_text(WORKSPACE.format(port=settings.code_server_port), "utf-8")
    except OSError as failure:
        raise Unavailable(f"cannot write {home}: {failure.strerror}") from failure
    return home
