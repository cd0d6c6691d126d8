"""`python -m bench`: every benchmark there is, one after another; one that cannot run says NOT RUN and why."""

import importlib.util
import subprocess
import sys

BENCHES = {
    "bench.engine": "the engine beside its peers",
    "bench.fleet": "the platform under a fleet of 100 and 1,000 bots (10,000: python -m bench.fleet --full)",
    "bench.page": "the board in a real browser: 200, 5,000 and 10,000 bots (leaks: python -m bench.page --leak)",
}


def main() -> None:
    """Run what is there; exit 1 where one fails."""
    failed = [name for name, what in BENCHES.items() if not _ran(name, what)]
    for name in failed:
        print(f"{name}: NOT RUN or failed")
    sys.exit(1 if failed else 0)


def _ran(name: str, what: str) -> bool:
    print(f"\n== {name}: {what}", flush=True)
    if importlib.util.find_spec(name) is None:
        print("NOT RUN: there is no such benchmark here")
        return False
    return subprocess.run([sys.executable, "-m", name], check=False).returncode == 0


if __name__ == "__main__":
    main()
