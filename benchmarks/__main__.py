"""`python -m benchmarks [P1 P2 …] [--rounds N] [--seconds S]`: prints a table, writes benchmarks/results/*.json."""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

# Before anything reads the environment: a developer's .env must not change what is measured.
os.environ["LABELCRM_ENV_FILE"] = os.devnull

from benchmarks import measuring
from benchmarks.running import BENCHES, measure
from labelcrm.launcher import ServiceError

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run the chosen benches one after the other, each on fresh servers; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Ratios to limits measured in the same run.")
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], help="which ones (all)")
    parser.add_argument("--rounds", type=int, help="rounds per bench, instead of what each bench does")
    parser.add_argument("--seconds", type=float, help="length of a round where a bench goes by the clock")
    chosen = parser.parse_args()
    results = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in chosen.bench or BENCHES:
            print(f"{name} …", flush=True)
            try:
                results.append(processes.submit(measure, name, chosen.rounds, chosen.seconds).result())
            except ServiceError as error:
                sys.stderr.write(f"{name}: {error}\n")
                return 2
    print(measuring.table(results), flush=True)
    print(f"\nWritten to {_write(results)}")
    missed = [figure for result in results for figure in result.figures if figure.reached is False]
    return 1 if missed else 0


def _write(results: list[measuring.Result]) -> Path:
    about = measuring.machine()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{about['at'].replace(':', '').replace('+0000', 'Z')}.json"
    path.write_text(json.dumps({"machine": about, "results": [asdict(result) for result in results]}, indent=1))
    return path


if __name__ == "__main__":
    sys.exit(main())
