"""Policies of the corpus with some values made unknown: what is certain is what the real policy has."""

import json
import random
import re
from datetime import datetime
from typing import Any

from ecr_exposure.cli.found_policies.outcome import Outcome, evaluate
from ecr_exposure.cli.found_policies.unknown_values import Unknown, joined, references_in
from tests.corpus.each_case import each_case
from tests.corpus.loader import TESTS, Case, all_cases
from tests.nightly import NIGHTLY
from tests.rule.test_corpus import ids_of

# What a value that is not known is taken for none of: a policy variable, an empty list or object of a condition, and
# the last of the ten accounts that a pattern matches.
OUT_OF_QUESTION = re.compile(r'\$\{|: \[\]|: \{\}|"[0-9]{11}\?"')


def policy_of(case: Case) -> Any:
    """Return the policy as an object; None where it is none, or a value in it has no place in a policy."""
    if case.is_about_the_item or case.problems:
        return None
    try:
        policy = json.loads(case.policy) if isinstance(case.policy, str) else case.policy
    except ValueError:
        return None
    return policy if isinstance(policy, dict) and not OUT_OF_QUESTION.search(json.dumps(policy)) else None


CASES = [case for case in all_cases() if policy_of(case)]
# How much of a policy is unknown: both in the nightly profile, by default always the same one for a case.
SHARES = (0.08, 0.3)


class Maker:
    """Makes values unknown, at random but always the same ones."""

    def __init__(self, seed: str) -> None:
        """Begin with a seed."""
        self._random = random.Random(seed)  # noqa: S311 - chooses values for a test
        self._count = 0

    def unknown(self) -> Unknown:
        """Return one more unknown value."""
        self._count += 1
        return Unknown(f"value {self._count}")

    def policy(self, policy: dict[str, Any], share: float) -> dict[str, Any]:
        """Return a policy in which about this share of the values is unknown."""
        return {name: self._value(value, share, name) for name, value in policy.items()}

    def _value(self, value: Any, share: float, *path: str) -> Any:
        if self._random.random() < share:
            return self._part(value, path) if isinstance(value, str) and self._random.random() < 0.5 else self.unknown()
        if isinstance(value, dict):
            return {name: self._value(each, share, *path, name) for name, each in value.items()}
        return [self._value(each, share, *path) for each in value] if isinstance(value, list) else value

    def _part(self, text: str, path: tuple[str, ...]) -> Any:
        # A part of an ARN or of the name of a service is no wildcard, and directly under the element there is only *.
        start, end = sorted(self._random.choices(range(len(text) + 1), k=2))
        of_principal = not {"Principal", "NotPrincipal"}.isdisjoint(path)
        if path[-1] in ("Effect", "Version") or (of_principal and ("*" in text[start:end] or "?" in text[start:end])):
            return self.unknown()
        return joined((text[:start], self.unknown(), text[end:]))


def outcome_of(case: Case, policy: Any, test: str) -> Outcome:
    """Evaluate a policy with the facts of a case."""
    return evaluate(
        policy,
        test=test,
        owner=case.repository["account"],
        region=case.repository["region"],
        members=[str(member) for member in case.parameters.get("members", ())],
        trusted_accounts=ids_of(case.parameters, "trustedAccounts"),
        trusted_organizations=ids_of(case.parameters, "trustedOrganizations"),
        now=datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))),
        resource_tags=case.resource_tags,
    )


@each_case(CASES)
def test_certain_outcome_is_the_label_of_the_real_policy(case: Case) -> None:
    """The real policy is one of those that the unknown values allow."""
    for share in SHARES if NIGHTLY else (random.Random(case.name).choice(SHARES),):  # noqa: S311 - as above
        policy = Maker(f"{case.name} {share}").policy(policy_of(case), share)
        references = set(references_in(policy))
        for test in TESTS:
            outcome = outcome_of(case, policy, test)
            assert set(outcome.unknown) <= references
            expected = "NON_COMPLIANT" if outcome.unknown else case.expect[test]
            assert outcome.verdict.compliance == expected, (test, policy, outcome)


def test_corpus_has_policies_of_every_kind_of_label() -> None:
    labels = {(test, case.expect[test]) for case in CASES for test in TESTS}
    assert labels == {(test, label) for test in TESTS for label in ("COMPLIANT", "NON_COMPLIANT")}
    assert len(CASES) > 700
