"""Every call of AWS with every fault: the outcomes are those that a person expects, and the page says so.

The rehearsal itself fails for a wrong evaluation, a missing one without an error, and a deleted one without a reason.
"""

import pytest

from tests.reliability.documented_answers import COMPLETE, PAGES, body_of
from tests.reliability.fault_table import TABLES, Call, Table
from tests.reliability.reliability_page import PAGE, expected, observed, page
from tests.reliability.situations import Outcome, rehearsed

COLUMNS = [(table, at) for table in TABLES for at in range(len(table.calls))]
CALLS = [call for table in TABLES for call in table.calls]


@pytest.mark.parametrize(("table", "at"), COLUMNS, ids=lambda part: getattr(part, "title", part))
def test_each_fault_of_a_call_has_the_expected_outcome(table: Table, at: int) -> None:
    assert observed(table.calls[at]) == expected(table, at)


def test_page_has_the_outcomes() -> None:
    """`make reliability` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page({table.calls[at]: expected(table, at) for table, at in COLUMNS})


@pytest.mark.parametrize(
    "call", [call for call in CALLS if call.operation in COMPLETE and call.heading != "all"], ids=lambda call: call.name
)
def test_answers_of_which_the_wrong_ones_are_made_are_complete(call: Call) -> None:
    """Otherwise every wrong answer would fail for the same reason."""
    with rehearsed(call.situation) as rehearsal:
        assert rehearsal.outcome((call.answer(body_of(call.operation)),))[0] is Outcome.REPORTED


def test_answers_in_two_pages_are_complete() -> None:
    for call in CALLS:
        if call.operation in PAGES:
            with rehearsed(call.situation) as rehearsal:
                _, (first, second, _) = call.on_each_page(call.fault())
                assert rehearsal.outcome((first, second))[0] is Outcome.REPORTED
