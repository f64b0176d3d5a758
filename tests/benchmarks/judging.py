"""How long verdicts take, always beside something measured in the same run.

`unconditional` is compared with json.loads of the same texts; the worst policies with the limit of 250 ms.
"""

import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from ecr_exposure import judge
from tests.benchmarks.worst_policies import POLICIES

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ACTIONS = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "PutImage", "ListImages")


def statement(random: Random, number: int) -> dict[str, Any]:
    """Return a statement as real policies have them: a few principals, a few actions, sometimes a condition."""
    account = f"{random.randrange(10**12):012d}"
    principals = (
        {"AWS": f"arn:aws:iam::{account}:root"},
        {"AWS": [f"arn:aws:iam::{account}:role/ci-{number}", f"arn:aws:iam::{account}:user/u{number}"]},
        {"Service": "lambda.amazonaws.com"},
        "*",
    )
    found: dict[str, Any] = {
        "Sid": f"Statement{number}",
        "Effect": random.choice(["Allow"] * 4 + ["Deny"]),
        "Principal": random.choice(principals),
        "Action": [f"ecr:{action}" for action in random.sample(ACTIONS, 3)],
    }
    if found["Principal"] == "*" or random.random() < 0.3:
        key = random.choice(["aws:PrincipalOrgID", "aws:SourceVpce"])
        value = f"o-{random.randrange(10**10):010d}" if key.endswith("ID") else f"vpce-{random.randrange(16**8):08x}"
        found["Condition"] = {random.choice(["StringEquals", "StringLike"]): {key: value}}
    return found


def texts(count: int) -> list[str]:
    """Return policies of 26 statements, each text once."""
    random = Random(1)
    return [
        json.dumps({"Version": "2012-10-17", "Statement": [statement(random, n) for n in range(26)]})
        for _ in range(count)
    ]


def median(call: Callable[[Any], object], arguments: Sequence[Any]) -> float:
    """Return the median of five runs over all arguments, in microseconds for one."""
    runs: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        for argument in arguments:
            call(argument)
        runs.append(time.perf_counter() - start)
    return statistics.median(runs) / len(arguments) * 1e6


def show(title: str, rows: Iterable[tuple[str, ...]], *columns: str) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    """Measure and print."""
    Console().print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}")
    policies = texts(1_000)
    reading = median(json.loads, policies)
    plain = median(judge, policies)
    reachable = median(lambda policy: judge(policy, test="reachable", now=NOW), [json.loads(text) for text in policies])
    rows = (
        ("json.loads", f"{reading:.0f}", "1"),
        ("unconditional, from text", f"{plain:.0f}", f"{reading / plain:.3f} (0.15 wanted)"),
        ("reachable, from content", f"{reachable:.0f}", f"{reading / reachable:.3f}"),
    )
    show("1,000 policies of 26 statements", rows, "what", "µs a policy", "speed of json.loads")
    worst: list[tuple[str, ...]] = []
    for name, policy in POLICIES.items():
        start = time.perf_counter()
        verdict = judge(policy, test="reachable", owner="111122223333", region="us-east-1", now=NOW)
        took = (time.perf_counter() - start) * 1e3
        worst.append((name, f"{took:.0f}", f"{took / 250:.2f}", verdict.problem or verdict.compliance))
    show("Policies built to take long", worst, "policy", "ms", "of the limit", "answer")


if __name__ == "__main__":
    main()
