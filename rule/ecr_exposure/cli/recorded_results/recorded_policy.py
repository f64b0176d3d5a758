"""One row of the report: what AWS Config recorded of a repository, and its policy, evaluated anew, where that was read.

Of the two answers the worse one is the result, and a note says that they differ.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ecr_exposure.annotation import public_on_purpose
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind
from ecr_exposure.cli.found_policies.outcome import Outcome
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, RecordedEvaluation, Result
from ecr_exposure.cli.policy_report.located_finding import moment
from ecr_exposure.cli.recorded_repositories import found_in
from ecr_exposure.cli.recorded_results.evaluations import EvaluatedRepository
from ecr_exposure.repository import Repository
from ecr_exposure.verdict import Verdict, cannot_be_evaluated

_CANNOT_BE_EVALUATED: Final = "Cannot be evaluated: "
_START, _END = map(re.escape, public_on_purpose("\0").split("\0"))
_ON_PURPOSE: Final = re.compile(f"{_START}(?P<exemption>.+?){_END}(?P<grant>.+)")
_NO_ANNOTATION: Final = "AWS Config has no annotation of this evaluation."
_WORST_FIRST: Final = (
    Result.PUBLIC,
    Result.CANNOT_BE_EVALUATED,
    Result.UNKNOWN,
    Result.PUBLIC_ON_PURPOSE,
    Result.CLOSED,
)


def row_of(evaluations: Sequence[EvaluatedRepository], anew: CheckedPolicy | None) -> CheckedPolicy:
    """Return the row of a repository with evaluations; several, if several rules have the name.

    anew: its recorded policy, evaluated anew; None if that was not read.
    """
    rows = sorted((_recorded_row(each) for each in evaluations), key=lambda each: _rank(each.result))
    row, others = rows[0], rows[1:]
    notes = tuple(_other_rule(each.recorded) for each in others if each.recorded)
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


def _recorded_row(evaluated: EvaluatedRepository) -> CheckedPolicy:
    repository = Repository(account=evaluated.account, region=evaluated.region, name=evaluated.name, arn="")
    verdict, result, excuse = _read(evaluated.evaluation)
    return CheckedPolicy(
        found=found_in(repository, Kind.EVALUATION),
        outcome=Outcome(verdict=verdict),
        result=result,
        excuse=excuse,
        recorded=evaluated.evaluation,
    )


def _read(evaluation: RecordedEvaluation) -> tuple[Verdict, Result, str | None]:
    """Return what an evaluation says: the rule writes the sentences that are read here."""
    text = evaluation.annotation or _NO_ANNOTATION
    if evaluation.compliance == "COMPLIANT":
        on_purpose = _ON_PURPOSE.fullmatch(text)
        if on_purpose is None:
            return Verdict(compliance="COMPLIANT", annotation=text), Result.CLOSED, None
        verdict = Verdict(compliance="COMPLIANT", annotation=on_purpose["grant"])
        return verdict, Result.PUBLIC_ON_PURPOSE, on_purpose["exemption"]
    if text.startswith(_CANNOT_BE_EVALUATED):
        problem = text.removeprefix(_CANNOT_BE_EVALUATED)
        verdict = Verdict(compliance="NON_COMPLIANT", annotation=text, problem=problem)
        return verdict, Result.CANNOT_BE_EVALUATED, None
    return Verdict(compliance="NON_COMPLIANT", annotation=text), Result.PUBLIC, None


def _worse(row: CheckedPolicy, anew: CheckedPolicy) -> CheckedPolicy:
    """Return the worse of two answers; the new one, which has grants, if they are the same."""
    recorded = row.recorded
    if recorded is None or anew.result is row.result:
        return replace(anew, recorded=recorded, notes=(*anew.notes, *row.notes))
    difference = f"the answers differ: {_text_of(recorded)}; {_anew(anew)}"
    if _rank(anew.result) < _rank(row.result):
        return replace(anew, recorded=recorded, notes=(*anew.notes, *row.notes, difference))
    return replace(row, found=anew.found, notes=(*row.notes, *anew.notes, difference))


def _rank(result: Result) -> int:
    return _WORST_FIRST.index(result)


def _text_of(recorded: RecordedEvaluation) -> str:
    return f"the rule {recorded.rule} evaluated the repository as {recorded.compliance} at {moment(recorded.evaluated)}"


def _anew(anew: CheckedPolicy) -> str:
    return f"the recorded policy, evaluated now, is: {anew.result.value}"


def _other_rule(recorded: RecordedEvaluation) -> str:
    return f"{_text_of(recorded)}: {recorded.annotation or _NO_ANNOTATION}"
