"""Fuzz each target for some time, in a process of its own with a limit on its memory, and keep what failed.

    python tests/hostile/fuzz/run.py [--seconds 180] [--targets yaml card …]

Inputs are hypothesis' own: a failing one is made as small as it gets, told, and written into `corpus/TARGET`, which
the tests read again each time. A line a target: inputs tried, how many were accepted, failures.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(__file__).resolve().parent / "corpus"
ROUND = 200
"""Inputs between two looks at the clock."""


def fuzz(name: str, seconds: float) -> str:
    """Try inputs for some time; the line to print."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from tests.hostile.fuzz.check import MEMORY, check
    from tests.hostile.fuzz.targets import TARGETS

    target = TARGETS[name]
    tried, accepted, failures, last = 0, 0, [], b""
    with tempfile.TemporaryDirectory() as folder:
        for data in target.seeds():
            assert check(target, data, Path(folder)), f"{name}: a seed is refused"
        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        inputs, end = target.inputs(), time.monotonic() + seconds
        for number in itertools.count():

            @seed(number)
            @settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                      phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False)
            @given(inputs)
            def attempt(data: bytes) -> None:
                nonlocal tried, accepted, last
                if time.monotonic() > end:
                    return
                tried, last = tried + 1, data
                accepted += check(target, data, Path(folder))

            try:
                attempt()
            except BaseException as error:  # any of them is what is looked for
                kept = CORPUS / name / hashlib.sha256(last).hexdigest()[:12]
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(last)
                failures.append(f"{kept.name} {type(error).__name__}: {' '.join(str(error).split())[:200]}")
                if isinstance(error, KeyboardInterrupt):
                    raise
            if time.monotonic() > end:
                break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = [f"{name}: {tried:,} inputs, {accepted:,} accepted, {len(failures)} failures, peak {peak} MiB"]
    return "\n".join([*lines, *(f"    {failure}" for failure in failures)])


def main() -> None:
    """Fuzz the targets that are asked for, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.one:
        print(fuzz(options.one, options.seconds), flush=True)
        return
    from tests.hostile.fuzz.targets import TARGETS

    for name in options.targets or TARGETS:
        command = [sys.executable, __file__, "--one", name, "--seconds", str(options.seconds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=3 * options.seconds + 300)
        except subprocess.TimeoutExpired:
            print(f"{name}: hangs", flush=True)
            continue
        print(done.stdout.strip() or f"{name}: ended with {done.returncode}: {done.stderr.strip()[-600:]}", flush=True)


if __name__ == "__main__":
    main()
