"""The supervisor: keeps programs alive and ends them in reverse order.

Belongs here: one program's life (start, question, restart with back-off, stop) and the loop over all of them. Does not
belong here: which programs there are (`orchestration.platform.roster`), and the order of a start
(`orchestration.platform.up`).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from gateways.processes import end, session_steps_back, workers_of
from trading.errors import Unavailable

Say = Callable[[str], None]

LOOK_SECONDS = 0.25
ASK_SECONDS = 5.0
ASK_SOON_SECONDS = 0.5
HANG_SECONDS = 30.0
CALM_SECONDS = 60.0
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
STOP_SECONDS = 8.0
SLOW_STOP_SECONDS = 3.0
LOG_BYTES = 20_000_000
LOGS_KEPT = 3
TAIL_LINES = 6
TAIL_COLUMNS = 240


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to tell that it is well.

    Attributes:
        name: For people and log files.
        command: Arguments, the program first.
        environment: All of its environment.
        answers: A question of at most a few seconds: true is well, false is not, None is that nobody can tell now.
        start_seconds: How long it may take to its first answer.
        directory: Where it starts.
        session_nice: How far it and all it starts step back, where the kernel weighs sessions before processes.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], bool | None]
    directory: Path
    start_seconds: float = 600.0
    session_nice: int = 0


class Kept(Protocol):
    """Something the supervisor keeps alive."""

    name: str
    ready: bool

    def look(self) -> None:
        """Restart what died."""

    def stop(self) -> None:
        """End it."""


@dataclass(slots=True)
class StartedProgram:
    """A program that was started, and its log."""

    program: Program
    log: Path
    say: Say
    name: str = field(init=False)
    ready: bool = field(init=False, default=False)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)
    started_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.name = self.program.name

    def start(self) -> None:
        """Start the program.

        Raises:
            Unavailable: the program or its log cannot be opened.
        """
        self.process = spawn(self.program, self.log)
        self.started_at = time.monotonic()

    def stop(self) -> None:
        """End the program's children, then the program, where it still runs; kill what stays."""
        if self.process is not None:
            end_program(self.process)
        self.process = None


@dataclass(slots=True)
class Ward(StartedProgram):
    """A program under supervision."""

    deaths: int = field(init=False, default=0)
    well_at: float = field(init=False, default=0.0)
    next_start_at: float = field(init=False, default=0.0)
    next_question_at: float = field(init=False, default=0.0)

    def start(self) -> None:
        """Start the program; it is not ready before it answers.

        Raises:
            Unavailable: the program or its log cannot be opened.
        """
        StartedProgram.start(self)
        self.well_at = self.started_at
        self.next_question_at = self.started_at + ASK_SOON_SECONDS
        self.ready = False

    def look(self) -> None:
        """Do what is due: start, bury, ask."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.next_start_at:
                self._start_again()
        elif (code := self.process.poll()) is not None:
            self._bury(_ending(code))
        elif now >= self.next_question_at:
            self._ask()

    def stop(self) -> None:
        """End the program and all it started; it answers no more."""
        StartedProgram.stop(self)
        self.ready = False

    def _start_again(self) -> None:
        """Start the program; a start that fails is a death like any other, so a start of the platform gives it up."""
        try:
            self.start()
        except Unavailable:
            self.deaths += 1
            raise

    def _ask(self) -> None:
        well = self.program.answers()
        now = time.monotonic()
        if well is not False:
            self.well_at = now
            if well and not self.ready:
                self.ready = True
                self.say(f"{self.name} is ready after {now - self.started_at:.1f} s")
            if now - self.started_at > CALM_SECONDS:
                self.deaths = 0
        elif now - self.well_at > (HANG_SECONDS if self.ready else self.program.start_seconds):
            self._put_down(now - self.well_at)
        rotate(self.log)
        self.next_question_at = now + (ASK_SECONDS if self.ready else ASK_SOON_SECONDS)

    def _put_down(self, silent_seconds: float) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._bury(f"did not answer for {silent_seconds:.0f} s and was killed")

    def _bury(self, ending: str) -> None:
        wait = backoff_seconds(self.deaths)
        self.deaths += 1
        self.process = None
        self.ready = False
        self.next_start_at = time.monotonic() + wait
        self.say(f"{self.name} {ending}; it starts again in {wait:g} s. The end of {self.log}:\n{tail(self.log)}")


@dataclass(slots=True)
class Chore(StartedProgram):
    """A program that runs once beside the others; nothing waits for it."""

    ready: bool = field(init=False, default=True)

    def look(self) -> None:
        """Tell how it ended."""
        if self.process is None or (code := self.process.poll()) is None:
            return
        took = time.monotonic() - self.started_at
        self.process = None
        if code == 0:
            self.say(f"{self.name} is done after {took:.1f} s")
        else:
            self.say(f"{self.name} {_ending(code)}. The end of {self.log}:\n{tail(self.log)}")


@dataclass(slots=True)
class Watch:
    """The looks at one of the kept: what a look raises is said once, and the next looks wait longer each time."""

    kept: Kept
    say: Say
    failures: int = field(init=False, default=0)
    said: str = field(init=False, default="")
    next_look_at: float = field(init=False, default=0.0)

    def look(self) -> None:
        """Look where it is due; a full disk or a failed fork must not end the others."""
        if time.monotonic() < self.next_look_at:
            return
        try:
            self.kept.look()
        except (OSError, Unavailable) as failure:
            self._wait(f"{self.kept.name} is in trouble: {failure}; it is tried again, less and less often")
        else:
            self.failures, self.said = 0, ""

    def _wait(self, words: str) -> None:
        self.next_look_at = time.monotonic() + backoff_seconds(self.failures)
        self.failures += 1
        if words != self.said:
            self.say(words)
        self.said = words


def watch(kept: Sequence[Kept], say: Say, *, until: Callable[[], bool]) -> None:
    """Look after everything in order, again and again, until told to end; one in trouble does not end the others."""
    watches = [Watch(each, say) for each in kept]
    while not until():
        for each in watches:
            each.look()
        time.sleep(LOOK_SECONDS)


def backoff_seconds(failures: int) -> float:
    """Return how long to wait after so many failures before this one: half a second, doubled up to half a minute."""
    doublings = min(failures, 10)  # a float ends at 2**1024, which is a bad night of half minutes
    return min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0**doublings)


def stop_in_reverse(kept: Sequence[Kept], say: Say) -> bool:
    """End everything, the last started first; what cannot be ended does not save the others. Return whether all has."""
    everything = True
    for each in reversed(kept):
        began = time.monotonic()
        try:
            each.stop()
            if (took := time.monotonic() - began) > SLOW_STOP_SECONDS:
                say(f"{each.name} took {took:.1f} s to end")
        except (OSError, psutil.Error, subprocess.SubprocessError, Unavailable) as failure:
            say(f"{each.name} does not end: {failure}")
            everything = False
    return everything


def spawn(program: Program, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C in our terminal reaches only us.

    Raises:
        Unavailable: the program or its log cannot be opened.
    """
    try:
        rotate(log)
        with log.open("ab") as handle:
            process = subprocess.Popen(
                program.command,
                env=dict(program.environment),
                cwd=program.directory,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as failure:
        raise Unavailable(f"{program.name} cannot start: {failure.strerror}") from failure
    if program.session_nice:
        session_steps_back(process.pid, nice=program.session_nice)
    return process


def end_program(process: subprocess.Popen[bytes]) -> None:
    """End a program's children, then the program; kill what stays."""
    end(workers_of(process.pid), grace_seconds=STOP_SECONDS)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, indented; empty where there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 8_192))
            last = handle.read().decode("utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "\n".join(f"    {line[:TAIL_COLUMNS]}" for line in last)


def rotate(log: Path) -> None:
    """Set a log aside once it is large and empty it, keeping the last few.

    The writer appends and goes on in the emptied file; a line written while the copy ends can be lost. Where the disk
    has no room for the copy, all of them are: a log that grows for ever would keep the disk full.

    Raises:
        OSError: the log cannot be emptied.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if not log.exists() or log.stat().st_size < LOG_BYTES:
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    newest = log.with_name(f"{log.name}.1")
    try:
        shutil.copyfile(log, newest)
    except OSError as failure:
        newest.unlink(missing_ok=True)
        log.write_text(f"the lines before this one could not be set aside and are lost: {failure.strerror}\n", "utf-8")
    else:
        os.truncate(log, 0)


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
