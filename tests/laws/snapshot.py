"""Record what `judge` answers, and compare two records: for a change that must not change any verdict.

    python -m tests.laws.snapshot write FILE
    python -m tests.laws.snapshot compare BEFORE AFTER [--texts-may-differ]

A record holds the whole Verdict of every corpus case under all three tests, and of 4,000 generated policies.
With --texts-may-differ only reason, annotation, problem and the texts of advisories may differ.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from ecr_exposure import Request, Verdict, judge
from tests.corpus.loader import all_cases
from tests.oracle.agreement import question_of
from tests.oracle.generator.policies import invalid_policies, policies, policy_texts, questions

_TESTS: Final = ("unconditional", "reachable", "external")
_GENERATED: Final = 4_000
_TEXTS: Final = ("annotation", "reason", "problem", "text")


def inputs() -> list[tuple[Any, dict[str, Any]]]:
    """Return every policy with the other arguments of `judge`."""
    found = [
        (case.policy, question_of(case, test)) for case in all_cases() if not case.is_about_the_item for test in _TESTS
    ]

    @seed(1)
    @settings(
        max_examples=_GENERATED,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(policies() | policy_texts() | invalid_policies().map(lambda invalid: invalid.policy), questions())
    def collect(policy: Any, question: dict[str, Any]) -> None:
        found.append((policy, question))
        if question["test"] == "reachable":
            found.append((policy, {**question, "test": "unconditional"}))

    collect()
    return found


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values."""

    def witness(request: Request | None) -> Any:
        return None if request is None else [request.principal, request.action, dict(request.context), str(request)]

    return {
        "compliance": verdict.compliance,
        "annotation": verdict.annotation,
        "problem": verdict.problem,
        "grants": [
            {
                "statement": grant.statement,
                "sid": grant.sid,
                "actions": list(grant.actions),
                "capabilities": [capability.value for capability in grant.capabilities],
                "reason": grant.reason,
                "witness": witness(grant.witness),
            }
            for grant in verdict.grants
        ],
        "advisories": [
            {"kind": advisory.kind.value, "statement": advisory.statement, "text": advisory.text}
            for advisory in verdict.advisories
        ],
    }


def write(file: Path) -> None:
    """Judge everything and write one record, keyed by the input."""
    record: dict[str, Any] = {}
    for policy, question in inputs():
        asked = json.dumps([policy, question], default=str, sort_keys=True)
        key = hashlib.sha256(asked.encode("ascii")).hexdigest()[:16]
        record[key] = {"asked": asked, "answer": as_json(judge(policy, **question))}
    file.write_text(json.dumps(record, indent=1), encoding="ascii")
    print(f"{len(record)} verdicts")


def _without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: (each is None) if name in _TEXTS else _without_texts(each) for name, each in value.items()}
    return [_without_texts(each) for each in value] if isinstance(value, list) else value


def compare(before: Path, after: Path, *, texts_may_differ: bool) -> int:
    """Print what differs; return how many inputs are answered otherwise or missing."""
    old, new = (json.loads(file.read_text(encoding="ascii")) for file in (before, after))
    missing = old.keys() ^ new.keys()
    differing = 0
    for key in old.keys() & new.keys():
        one, other = old[key]["answer"], new[key]["answer"]
        if texts_may_differ:
            one, other = _without_texts(one), _without_texts(other)
        if one != other:
            differing += 1
            if differing <= 20:
                print(f"{old[key]['asked']}\n  before {json.dumps(one)}\n  after  {json.dumps(other)}")
    print(f"{len(old)} before, {len(new)} after, {len(missing)} in one only, {differing} differ")
    return len(missing) + differing


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("write", "compare"))
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--texts-may-differ", action="store_true")
    options = parser.parse_args()
    if options.command == "write":
        write(*options.files)
        return 0
    return min(1, compare(*options.files, texts_may_differ=options.texts_may_differ))


if __name__ == "__main__":
    sys.exit(main())
