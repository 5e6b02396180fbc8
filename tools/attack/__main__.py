"""Attack fliptrace with what a seed draws: `make attack`, or `python -m tools.attack --seconds 60 --kills 2`.

Hostile inputs for what reads files from outside (trials.py), then commands killed at random moments (kills.py). What
fails is kept in a folder and listed; the exit code is then 1. The same seed tries the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tools.attack.kills import make_jobs, try_kills
from tools.attack.trials import make_targets, try_inputs


def main() -> None:
    parser = argparse.ArgumentParser(description="Try hostile inputs and kills.")
    parser.add_argument("--seconds", type=float, default=1_200, help="for all hostile inputs (default: 20 minutes)")
    parser.add_argument(
        "--kills", type=int, default=20, help="of each command: train, predict, reproduce (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for what failed (default: a temporary one)")
    chosen = parser.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="attack-"))
    folder.mkdir(parents=True, exist_ok=True)
    num_failures = attack_readers(folder, chosen.seed, chosen.seconds) if chosen.seconds else 0
    num_failures += attack_commands(folder, chosen.seed, chosen.kills) if chosen.kills else 0
    if num_failures:
        sys.exit(f"what failed is in {folder}")


def attack_readers(folder: Path, seed: int, seconds: float) -> int:
    """Try hostile inputs for so many seconds, and print what came of them; return how many failed."""
    targets, num_failures = make_targets(folder), 0
    for target in targets:
        # Transcripts take the most code and the largest files: half of the time is theirs.
        share = 0.5 if target.name == "transcripts" else 0.5 / (len(targets) - 1)
        outcomes = try_inputs(target, seed, seconds * share, folder)
        num_failures += len(outcomes.failures)
        found = f"{outcomes.num_read:,} read, {outcomes.num_refused:,} refused, {len(outcomes.failures):,} failed"
        print(f"{target.name}: {found}", flush=True)
        for attack, wrong in outcomes.failures:
            print(f"  {attack.what}: {wrong}")
    return num_failures


def attack_commands(folder: Path, seed: int, num_kills: int) -> int:
    """Kill every command so many times, and print what came of it; return how many of its results were wrong."""
    num_failures = 0
    for job in make_jobs(folder):
        begun = time.monotonic()
        outcomes = try_kills(job, seed, num_kills, folder)
        num_failures += len(outcomes.failures)
        found = (
            f"{outcomes.num_kills:,} kills, {outcomes.num_same:,} results the same, {len(outcomes.failures):,} wrong"
        )
        print(f"{job.name}: {found} ({time.monotonic() - begun:.0f} s)", flush=True)
        for wrong in outcomes.failures:
            print(f"  {wrong}")
    return num_failures


if __name__ == "__main__":
    main()
