"""The report of ``ecr-exposure check``, in each of its formats.

In reading order: ``checked_policy`` is the one list that all of them are written from. ``located_finding`` says what
each finding is and where, and ``advice`` what to do about it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TextIO

from ecr_exposure.cli.policy_report.checked_policy import Report
from ecr_exposure.cli.policy_report.csv_format import write_csv
from ecr_exposure.cli.policy_report.json_format import write_json
from ecr_exposure.cli.policy_report.junit_format import write_junit
from ecr_exposure.cli.policy_report.sarif_format import write_sarif
from ecr_exposure.cli.policy_report.table_format import write_table


def _write_html(report: Report, stream: TextIO) -> None:
    """Write the page."""
    # The template engine and the texts of the remedies take longer to import than a file to check.
    from ecr_exposure.cli.policy_report.html_format import write_html  # noqa: PLC0415

    write_html(report, stream)


FORMATS: Final[Mapping[str, Callable[[Report, TextIO], None]]] = MappingProxyType(
    {
        "table": write_table,
        "json": write_json,
        "sarif": write_sarif,
        "junit": write_junit,
        "csv": write_csv,
        "html": _write_html,
    }
)
"""By name. The stream takes UTF-8 and writes line ends as they are; JSON is also written by `write_json_lines`."""
