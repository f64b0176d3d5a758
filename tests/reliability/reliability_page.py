"""Writes docs/reliability.md from what the function does: `make reliability`."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from tests.reliability.fault_table import KINDS, NO_ANSWERS, TABLES, Call, Cell, Table
from tests.reliability.situations import Outcome, rehearsed

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
Column = Mapping[str, Cell]
"""The outcomes of one call, by kind of fault."""

_INTRODUCTION: Final = """\
# Reliability

What the rule does when a call of AWS fails, for every call that the function makes and every kind of fault.
In each case either AWS Config receives every evaluation, or the invocation fails and you can see it:
AWS Lambda invokes the function again, twice, and then keeps the event in the queue ([replay][replay]).
A fault never makes a public repository COMPLIANT, and never deletes the evaluation of a repository that was not read.
The invocation after the fault reports every evaluation, without a repair.

A test causes each fault in a local stand-in for AWS, below the AWS SDK; nothing here has run on a real AWS account.
`make reliability` writes this page from the results, and the test fails if the page differs from them.

| result | meaning |
|---|---|
| reported | AWS Config receives every evaluation: the SDK repeated the call, or the function does not need it |
| fails | The invocation fails and reports nothing; the earlier evaluations stay |
| fails partly | The invocation reports every evaluation that does not need the call, and then fails |
| fails late | AWS Config has every evaluation, but has not confirmed it, so the invocation fails |
| no exception | Every evaluation is reported; a tag that could not be read is no exception for a public repository |

| fault | what the test does |
|---|---|
| once, every time | the first call fails, or all three attempts |
| error page of a proxy | HTML with the HTTP status 503 or 403 |
| time-out | while connecting, before AWS processes the call, and after it |
| connection reset | before AWS processes the call, and after it |
| answer cut off | after the first byte, in the middle, and before the last byte |
| answer is no object | `null`, a list, a string, a number, or a byte order mark before an object |
| wrong types in the answer | each element in turn is missing, empty or of another type |
| access denied | AccessDeniedException |
| credentials expired | ExpiredTokenException |
| page tokens | a token that repeats, two that alternate, one of another type, one that AWS refuses |

Lists fail on the first page, and on the second one.
"""
_END: Final = """
`GetRepositoryPolicy` fails for one of the repositories, or for all.
If one repository denies access to its policy, the function evaluates the latest configuration item of the repository.
`GetResourceConfigHistory` reads this item, and `ListTagsForResource` the tag that `excludedPublicTag` names.
A change event that `ecr-exposure replay` sends again reads its repository in the same way.

[replay]: deploy.md
"""


def observed(call: Call) -> Column:
    """Return what the function does under each fault of a call.

    Raises AssertionError for what must never be, and for an error about an answer that does not name the call.
    """
    column: dict[str, Cell] = {}
    with rehearsed(call.situation) as rehearsal:
        for kind, runs in KINDS.items():
            results = [rehearsal.outcome(faults, again=not at) for at, faults in enumerate(runs(call))]
            column[kind] = Cell(outcome for outcome, _ in results)
            for _, error in results:
                assert kind not in NO_ANSWERS or not error or call.operation in error, error
    return column


def expected(table: Table, at: int) -> Column:
    """Return what a person expects of a call."""
    return {kind: cells[at] for kind, cells in table.expected.items()}


def page(columns: Mapping[Call, Column]) -> str:
    """Return the text of the page."""
    tables = (line for table in TABLES for line in _lines(table, [columns[call] for call in table.calls]))
    return _INTRODUCTION + "\n".join(tables) + "\n" + _END


def _lines(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    yield from ("", f"## {table.title}", "")
    yield _row("fault", *(call.name.replace(call.operation, f"`{call.operation}`") for call in table.calls))
    yield _row(*["---"] * (len(columns) + 1)).replace(" ", "")
    for kind in KINDS:
        yield _row(kind, *(_words(column[kind]) for column in columns))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _words(cell: Cell) -> str:
    return " or ".join(outcome.value for outcome in Outcome if outcome in cell) or "–"


if __name__ == "__main__":
    logging.disable()
    with redirect_stdout(StringIO()):  # rdklib prints every error
        text = page({call: observed(call) for table in TABLES for call in table.calls})
    PAGE.write_text(text, encoding="utf-8")
