"""Measure everything, and print the results beside their targets."""

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    artifact,
    change_events,
    check_beside_checkov,
    cold_start,
    config_snapshots,
    engine,
    hard_policies,
    periodic_runs,
    preflight_at_scale,
    replay_at_scale,
    scan_at_scale,
)
from tests.benchmarks.measurements import Measurement


def measurements() -> Iterator[Measurement]:
    """Measure one subject after the other."""
    with tempfile.TemporaryDirectory() as folder:
        function = Path(folder, "function")
        artifact.build(function)
        yield from artifact.measure(function)
        yield from cold_start.measure(function, Path(folder))
    yield from change_events.measure()
    yield from engine.measure()
    yield from hard_policies.measure()
    yield from periodic_runs.measure()
    yield from preflight_at_scale.measure()
    yield from replay_at_scale.measure()
    yield from scan_at_scale.measure()
    yield from config_snapshots.measure()
    yield from check_beside_checkov.measure()


def main() -> None:
    """Measure and print."""
    console = Console()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs with a load of {os.getloadavg()[0]:.1f}"
    console.print(f"{machine}, {platform.python_implementation()} {platform.python_version()}", highlight=False)
    table = Table("measured", "details", "result", "target", "met")
    met = {True: "yes", False: "NO", None: ""}
    for each in measurements():
        console.print(f"[dim]{each.what}: {each.result}", highlight=False)
        table.add_row(each.what, each.details, each.result, each.target, met[each.is_met])
    console.print(table)


if __name__ == "__main__":
    main()
