"""One row of the report: what AWS Config recorded of a repository, and its policy, evaluated anew, where that was read.

Of the two answers the worse one is the result, and a note says that they differ.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from ecr_exposure.annotation import NO_POLICY, public_on_purpose
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind
from ecr_exposure.cli.found_policies.outcome import Outcome
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, RecordedEvaluation, Result
from ecr_exposure.cli.policy_report.located_finding import moment
from ecr_exposure.cli.recorded_repositories import found_in
from ecr_exposure.cli.recorded_results.evaluations import EvaluatedRepository
from ecr_exposure.findings.access_tests import TESTS
from ecr_exposure.public_on_purpose import day_in
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import Verdict, cannot_be_evaluated

_CANNOT_BE_EVALUATED: Final = "Cannot be evaluated: "
_ON_PURPOSE, _END = public_on_purpose("\0").split("\0")
_LAST_DAY: Final = re.compile(r", last day ([0-9]{4}-[0-9]{2}-[0-9]{2})$")
_NOT_PUBLIC: Final = (NO_POLICY, *(test.no_grant for test in TESTS.values()))
"""How the rule's annotations of repositories that are not public begin.

One that changes must stay here as it was, because an organization may have deployed the rule before.
"""
_CUT: Final = "The annotation has no room for the grant."
_NO_ANNOTATION: Final = "AWS Config has no annotation of this evaluation."
_WORST_FIRST: Final = (
    Result.PUBLIC,
    Result.CANNOT_BE_EVALUATED,
    Result.UNKNOWN,
    Result.PUBLIC_ON_PURPOSE,
    Result.CLOSED,
)


def row_of(evaluations: Iterable[EvaluatedRepository], anew: CheckedPolicy | None, today: date) -> CheckedPolicy:
    """Return the row of a repository with evaluations; several, if several rules have the name.

    anew: its recorded policy, evaluated anew; None if that was not read. today: in UTC.
    """
    different = dict.fromkeys(evaluations)  # a page may repeat an evaluation of the one before
    rows = sorted((_recorded_row(each, today) for each in different), key=lambda each: _rank(each.result))
    row, others = rows[0], rows[1:]
    notes = tuple(_other_rule(each) for each in others)
    row = replace(row, notes=notes)
    return row if anew is None else _worse(row, anew)


def row_without_evaluation(found: FoundPolicy, rule: str, anew: CheckedPolicy | None) -> CheckedPolicy:
    """Return the row of a repository that AWS Config recorded, and that the rule has not evaluated."""
    text = f"AWS Config has no evaluation of this repository by the rule {rule}"
    row = CheckedPolicy(
        found=replace(found, kind=Kind.EVALUATION),
        outcome=Outcome(verdict=cannot_be_evaluated(text)),
        result=Result.CANNOT_BE_EVALUATED,
    )
    if anew is None or _rank(anew.result) > _rank(row.result):
        return row if anew is None else replace(row, notes=(_anew(anew),))
    return replace(anew, notes=(*anew.notes, text))


def _recorded_row(evaluated: EvaluatedRepository, today: date) -> CheckedPolicy:
    repository = Repository(account=evaluated.account, region=evaluated.region, name=evaluated.name, arn="")
    verdict, result, excuse = _read(evaluated.evaluation, today)
    return CheckedPolicy(
        found=found_in(repository, Kind.EVALUATION),
        outcome=Outcome(verdict=verdict),
        result=result,
        excuse=excuse,
        recorded=evaluated.evaluation,
    )


def _read(evaluation: RecordedEvaluation, today: date) -> tuple[Verdict, Result, str | None]:
    """Return what an evaluation says, and what excuses it: the rule writes the sentences that are read here.

    One with another sentence, or without any, is of another rule that has the name: its COMPLIANT means something else.
    """
    text = evaluation.annotation or _NO_ANNOTATION
    if text.startswith(_CANNOT_BE_EVALUATED):
        return _not_evaluated(text.removeprefix(_CANNOT_BE_EVALUATED))
    if evaluation.compliance == "NON_COMPLIANT":
        return Verdict(compliance="NON_COMPLIANT", annotation=text), Result.PUBLIC, None
    if text.startswith(_ON_PURPOSE):
        return _on_purpose(text, today)
    if text.startswith(_NOT_PUBLIC):
        return Verdict(compliance="COMPLIANT", annotation=text), Result.CLOSED, None
    return _not_evaluated(f"COMPLIANT by {evaluation.rule} is not in the words of this rule: {text}")


def _not_evaluated(problem: str) -> tuple[Verdict, Result, None]:
    return cannot_be_evaluated(problem), Result.CANNOT_BE_EVALUATED, None


def _on_purpose(text: str, today: date) -> tuple[Verdict, Result, str | None]:
    """Return what an annotation says that begins with an exemption, which it may have had to cut."""
    exemption, _, grant = text.removeprefix(_ON_PURPOSE).partition(_END)
    last_day = _LAST_DAY.search(exemption)
    if last_day and (end := day_in(last_day[1])) and end < today:
        passed = f"The last day of the exception has passed since the evaluation: {text}"
        return Verdict(compliance="NON_COMPLIANT", annotation=passed), Result.PUBLIC, None
    verdict = Verdict(compliance="COMPLIANT", annotation=grant or _CUT)
    return verdict, Result.PUBLIC_ON_PURPOSE, exemption


def _worse(row: CheckedPolicy, anew: CheckedPolicy) -> CheckedPolicy:
    """Return the worse of two answers; the new one, which has grants, if they are the same."""
    notes = dict.fromkeys((*anew.notes, *row.notes))
    if anew.result is row.result:
        return replace(anew, recorded=row.recorded, notes=tuple(notes))
    notes[f"the answers differ: {_text_of(row)}; {_anew(anew)}"] = None
    if _rank(anew.result) < _rank(row.result):
        return replace(anew, recorded=row.recorded, notes=tuple(notes))
    return replace(row, found=anew.found, notes=tuple(notes))


def _rank(result: Result) -> int:
    return _WORST_FIRST.index(result)


def _text_of(row: CheckedPolicy) -> str:
    recorded = row.recorded
    if recorded is None:
        raise AssertionError("a row of an evaluation has it")
    said = f"{recorded.compliance} ({row.result.value})"
    return f"the rule {recorded.rule} evaluated the repository as {said} at {moment(recorded.evaluated)}"


def _anew(anew: CheckedPolicy) -> str:
    return f"the recorded policy, evaluated now, is: {anew.result.value}"


def _other_rule(row: CheckedPolicy) -> str:
    annotation = (row.recorded.annotation if row.recorded else "") or _NO_ANNOTATION
    return f"{_text_of(row)}: {annotation}"
