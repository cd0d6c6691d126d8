"""What a terminal shows and asks, without a database session: settings, status, psql.

Belongs here: settings with errors a person can read, lines with the time, the status table. Does not belong here:
commands that work with the desk (`orchestration.cli.desk_work`).
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import URL

from gateways.embedded import binary, postmaster
from gateways.postgres import DatabaseUrls, connect_urls
from gateways.processes import holder
from gateways.settings import Settings
from orchestration.platform import health
from trading.errors import BadInput, Unavailable

COLOURS = {True: "green", False: "red", None: "dim"}
RUNBOOK_OF = {
    "database": "database-away",
    "migrations": "upgrade",
    "daemon": "autonomy-silent",
    "automations": "autonomy-silent",
}
DAEMON = "daemon"
console = Console(highlight=False)


def load_settings() -> Settings:
    """Read the environment, and what it leaves open as the platform that runs over the same folder was started.

    So a command in another shell finds a platform that was started with ENV or a port of its own.

    Raises:
        BadInput: a variable breaks its rule; the first one is named.
    """
    try:
        settings = Settings()
        running = holder(settings.lock_file)
        if running is None:
            return settings
        given = settings.model_fields_set
        return Settings(**{name: value for name, value in running.settings.items() if name not in given})
    except ValidationError as failure:
        first = failure.errors(include_input=True, include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise BadInput(f"{name}: {first['msg']}, was {first['input']!r}") from None


def say(line: str) -> None:
    """Print a line with the time; a closed terminal must not keep us from an orderly stop."""
    with suppress(OSError):
        console.print(f"{datetime.now().astimezone():%H:%M:%S}  {line}", markup=False, soft_wrap=True)


def show_status(settings: Settings) -> bool:
    """Show what runs and what is ready; return whether all of it is."""
    running = holder(settings.lock_file)
    if running is None:
        console.print(f"Nothing runs over {settings.proving_home}. Start it with: make run")
        return False
    since = datetime.fromtimestamp(running.started_at, tz=UTC).astimezone()
    rows = _questions(settings)
    console.print(f"up since {since:%Y-%m-%d %H:%M:%S}, pid {running.pid}")
    table = Table("program", "state")
    for name, well in rows:
        late = late_beat(settings) if name == DAEMON else ""
        table.add_row(name, f"[green]ready[/green]{late}" if well else f"[red]not ready[/red]{late}")
    console.print(table)
    if (starts := health.starts_in_words(settings)) is not None:
        console.print(starts, markup=False, soft_wrap=True)
    failing = health.failing_checks(settings)
    for wrong in failing:
        console.print(wrong, style="red", markup=False, soft_wrap=True)
    for name in dict.fromkeys(RUNBOOK_OF[wrong.partition(":")[0]] for wrong in failing):
        what_to_do(name)
    return all(well for _, well in rows)


def late_beat(settings: Settings) -> str:
    """Return when the daemon was last heard of, where that is longer ago than usual: it hangs, or is about to beat."""
    silent = health.daemon_silent_seconds(settings)
    return "" if silent is None or silent < health.LATE_BEAT_SECONDS else f", last heard of {silent:.0f} s ago"


def what_to_do(runbook: str) -> None:
    """Say which runbook helps."""
    console.print(f"What to do: docs/runbooks/{runbook}.md", markup=False, soft_wrap=True)


def open_psql(settings: Settings, arguments: Sequence[str]) -> None:
    """Become psql on the database; returns only by an error.

    Raises:
        Unavailable: the embedded server does not run, or there is no psql.
    """
    urls = running_urls(settings)
    as_owner = "--owner" in arguments
    url = urls.owner if as_owner else urls.app
    rest = [argument for argument in arguments if argument != "--owner"]
    program = binary("psql") if binary("psql").exists() else shutil.which("psql")
    if program is None:
        raise Unavailable("there is no psql on this machine")
    os.execve(program, [str(program), *rest], os.environ | _libpq(url))  # noqa: S606 - we become psql


def write_proof(settings: Settings, *, execute: bool) -> bool:
    """Collect a proof pack, say where it stands, and return whether every exhibit that is judged holds.

    Raises:
        Unavailable: the platform does not run.
        Refused: the API refuses a call.
    """
    from gateways.proof_packs import Exhibit, write
    from orchestration.cli import proof_pack

    at = datetime.now(UTC)
    exhibits: list[Exhibit] = []
    with console.status("asking") as spinner:
        for exhibit in proof_pack.collect(settings, execute=execute, libpq=_libpq(running_urls(settings).app)):
            exhibits.append(exhibit)
            console.print(f"[{COLOURS[exhibit.holds]}]{exhibit.judgement[0]}[/] {exhibit.title}")
            spinner.update(f"after: {exhibit.title}")
    console.print(f"Written to {write(exhibits, folder=settings.proofs_dir, at=at)}", soft_wrap=True)
    failed = [exhibit.title for exhibit in exhibits if exhibit.holds is False]
    if failed:
        console.print(f"Does not hold: {'; '.join(failed)}", style="red", markup=False, soft_wrap=True)
    return not failed


def running_urls(settings: Settings) -> DatabaseUrls:
    """Return the addresses of a database that is given or runs already; starts none.

    Raises:
        BadInput: an address is not a PostgreSQL address.
        Unavailable: none is given and the embedded one does not run.
    """
    if not (settings.database_url or settings.app_database_url) and postmaster(settings.postgres_dir) is None:
        raise Unavailable("the embedded PostgreSQL does not run; start it with: make run")
    return connect_urls(settings)


def _questions(settings: Settings) -> list[tuple[str, bool]]:
    embedded = [] if settings.database_url else [("embedded postgres", postmaster(settings.postgres_dir) is not None)]
    return [
        *embedded,
        ("code server", health.code_server_answers(settings)),
        (DAEMON, health.daemon_beats(settings) is True),
        ("webserver", health.webserver_answers(settings)),
        ("api", health.api_answers(settings)),
        ("api can serve", health.api_ready(settings)),
    ]


def _libpq(url: URL) -> dict[str, str]:
    """Return an address as libpq's variables, so that no password stands on a command line."""
    given = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
    }
    return {name: str(value) for name, value in given.items() if value}
