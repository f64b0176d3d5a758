"""``fix --repository`` on the public policies of the corpus: closed on the local AWS, and restored exactly.

That the closed policies grant nothing new is what tests/laws checks.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure import judge
from ecr_exposure.remedy import MODES
from tests.commands.repository_to_fix import HOME, RepositoryToFix, repository_to_fix, saved_files
from tests.corpus.loader import Case, all_cases
from tests.local_aws.moto_config_ecr import any_repository_policy
from tests.local_aws.organization import HUB, MEMBERS, ORGANIZATION_ID
from tests.nightly import every

OPTIONS: Final = {
    "scope-to-organization": ("--organization", ORGANIZATION_ID),
    "scope-to-accounts": ("--accounts", MEMBERS[0]),
    "remove-statements": (),
}
TESTS: Final = ("unconditional", "reachable")


def is_public(policy: object) -> bool:
    """Return whether the repository of these tests is public with a policy: it has no tags, and another Region."""
    verdicts = [judge(policy, test=test, owner=HUB, region=HOME, resource_tags={}) for test in TESTS]  # type: ignore[arg-type]  # text
    return any(verdict.compliance == "NON_COMPLIANT" for verdict in verdicts)


LABELLED: Final = [
    (case, mode)
    for case in all_cases()
    if not case.is_about_the_item and not case.problems
    if any(case.expect.get(test) == "NON_COMPLIANT" for test in TESTS)
    for mode in MODES
]
# 31 further the mode is another one.
CASES: Final = [
    pytest.param(case, mode, id=f"{case.name} {mode}") for case, mode in every(31, LABELLED) if is_public(case.policy)
]


@pytest.fixture(scope="module")
def repository() -> Iterator[RepositoryToFix]:
    """Return the repository that gets one policy after the other."""
    with repository_to_fix() as made, any_repository_policy():
        yield made


@pytest.mark.parametrize(("case", "mode"), CASES)
def test_public_policy_is_closed_and_restored(
    repository: RepositoryToFix, case: Case, mode: str, working_folder: Path
) -> None:
    repository.text = case.policy
    status, output = repository.fix("--mode", mode, *OPTIONS[mode], "--yes")
    if mode != "remove-statements" and status == 1:  # a condition cannot say whom the values mean, or leaves nobody
        assert "mode remove-statements" in output.splitlines()[-1]
        assert (repository.text, saved_files(working_folder)) == (case.policy, [])
        return
    assert (status, is_public(repository.text)) == (0, False), output
    (saved,) = saved_files(working_folder)
    assert json.loads(saved.read_text())["policy_text"] == case.policy
    status, output = repository.run("--undo", str(saved), "--yes")
    assert (status, repository.text) == (0, case.policy), output
