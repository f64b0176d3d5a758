"""Measure the oracle: how many policies it decides, how long each takes, and where the engine answers otherwise.

    python -m tests.oracle.measure FILE [--generated 5000] [--seed 8] [--processes 2]

The policies are the corpus under every test, and as many generated ones, which depend on the seed alone.
FILE gets a line of JSON for each.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecr_exposure import judge
from tests.oracle.agreement import CASES, TESTS, answer_of, generated_policies, question_of
from tests.oracle.solver_oracle import decide

Measured = tuple[str, Any, dict[str, Any]]


def corpus_policies() -> Iterator[Measured]:
    """Return the cases of the corpus that are about policies, with their questions."""
    for case in CASES:
        for test in TESTS:
            yield f"{case.name} ({test})", case.policy, question_of(case, test)


def measure(item: Measured) -> dict[str, Any]:
    """Ask both about one policy."""
    name, policy, question = item
    engine = answer_of(judge(policy, **question))
    seconds, cpu_seconds = time.perf_counter(), time.process_time()
    oracle = decide(policy, **question)
    return {
        "name": name,
        "seconds": round(time.perf_counter() - seconds, 3),
        "cpu_seconds": round(time.process_time() - cpu_seconds, 3),
        "oracle": oracle.name,
        "engine": engine.name,
        "policy": policy,
        "question": question,
    }


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Return the figures, the undecided policies and the differences."""
    answers = Counter(row["oracle"] for row in rows)
    times = sorted(row["cpu_seconds"] for row in rows)
    yield f"{len(rows)} policies: {dict(answers)}"
    yield f"CPU seconds: {sum(times):.1f} in all, {times[len(times) // 2]} at the median, {times[-1]} at most"
    yield f"{sum(row['seconds'] > 10 for row in rows)} took more than 10 s"
    for row in rows:
        if row["oracle"] == "UNDECIDED":
            yield f"undecided: {row['name']} (engine: {row['engine']})"
        elif row["engine"] not in ("UNDECIDED", row["oracle"]):
            yield f"different: {row['name']} (oracle: {row['oracle']}, engine: {row['engine']})"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--generated", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    groups = {"corpus": list(corpus_policies())}
    generated = generated_policies(options.generated, options.seed)
    groups["generated"] = [(f"generated {number}", *each) for number, each in enumerate(generated)]
    with options.file.open("w", encoding="ascii") as out, multiprocessing.Pool(options.processes) as pool:
        for name, items in groups.items():
            rows = list(pool.imap(measure, items, chunksize=4))
            out.writelines(json.dumps(row, default=str) + "\n" for row in rows)
            print(name, *summary(rows), sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
