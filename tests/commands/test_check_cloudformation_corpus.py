"""The corpus in YAML templates: a policy has its verdict as an object, in a literal block and as a quoted text."""

import json
from collections.abc import Callable
from datetime import datetime
from textwrap import indent
from typing import Any, Final

import pytest
import yaml

from ecr_exposure.cli.found_policies.outcome import evaluate
from tests.commands.read_templates import Reading
from tests.corpus.loader import TESTS, Case, all_cases
from tests.nightly import every

TEXTS: Final = [case for case in all_cases() if not case.is_about_the_item and isinstance(case.policy, str)]
CASES: Final = every(13, TEXTS)
# YAML has no half of a surrogate pair. A number becomes text, and 1e400 is one. The last is nested too deeply for YAML.
NO_OBJECT: Final = ("half-of-a-surrogate-pair", "json-number", "nested-too-deeply")


def in_literal_block(case: Case) -> str | None:
    """Return the text in a literal block, which cannot begin with a blank, or have a carriage return or a control."""
    text = case.policy
    is_plain = text == text.strip(" \n") and text and all(each.isprintable() or each == "\n" for each in text)
    return f"|\n{indent(text, ' ' * 8)}" if is_plain else None


def in_quotes(case: Case) -> str | None:
    """Return the text in quotes, as JSON has them."""
    return json.dumps(case.policy)


def as_object(case: Case) -> str | None:
    """Return the policy as YAML; None if it is no object, or one that YAML cannot keep."""
    try:
        policy = json.loads(case.policy, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        return None
    is_kept = isinstance(policy, dict) and policy and not any(each in case.name for each in NO_OBJECT)
    return f"\n{indent(yaml.safe_dump(policy, sort_keys=False), ' ' * 8)}" if is_kept else None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError
    return content


@pytest.mark.parametrize("form", [in_literal_block, in_quotes, as_object])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict_is_that_of_the_corpus(case: Case, form: Callable[[Case], str | None]) -> None:
    written = form(case)
    if written is None:
        return
    resource = "Resources:\n  App:\n    Type: AWS::ECR::Repository\n    Properties:\n"
    found = Reading(f"{resource}      RepositoryPolicyText: {written}\n").only
    for test in TESTS:
        outcome = evaluate(
            found.policy,
            test=test,
            owner=case.repository["account"],
            region=case.repository["region"],
            resource_tags=case.resource_tags,
            trusted_accounts=[each for each in str(case.parameters.get("trustedAccounts", "")).split(",") if each],
            trusted_organizations=[each for each in case.parameters.get("trustedOrganizations", "").split(",") if each],
            members=[str(each) for each in case.parameters.get("members", ())],
            now=datetime.fromisoformat(str(case.parameters.get("now", "2026-11-24T00:00:00Z"))),
        )
        assert (outcome.verdict.compliance, outcome.unknown) == (case.expect[test], ()), (test, outcome.verdict)
