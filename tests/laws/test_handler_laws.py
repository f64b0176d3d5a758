"""Laws about the handler: whatever a policy holds, it gets an evaluation and a line in the log, and so do the others.

The lines are written by the formatter, the handler and the sink of the Lambda runtime client.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ecr_exposure import handler
from tests.corpus.loader import TESTS
from tests.laws.test_document_laws import POLICIES, policy_like, values
from tests.rule.member_account import CLOSED, MEMBER, OPEN, REGION, MemberAccount, deployed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Lambda runtime client is for Linux")

# Frame type, length and time: https://github.com/aws/aws-lambda-python-runtime-interface-client
FRAME_HEADER: Final = 16

# With halves of surrogate pairs, which JSON can spell.
unicode = st.text(st.characters())
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, -(10**400)]) | unicode,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(unicode, inner, max_size=4),
    max_leaves=12,
)
insertions = st.text(st.characters(), min_size=1, max_size=3) | st.sampled_from(
    ["\\ud800", "\\udfff", "1e400", "9" * 400, "${", "${aws:PrincipalTag/", "*" * 40, "\\u0000", "\\u202e", "[" * 200]
)


@st.composite
def damaged_policies(draw: st.DrawFn) -> str:
    """Return a policy of the corpus with something inserted at one to three places."""
    text = draw(st.sampled_from([text for text in POLICIES if isinstance(text, str) and text]))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(insertions) + text[at + draw(st.integers(0, 3)) :]
    return text


texts = unicode | (odd_json | values | policy_like).map(json.dumps) | damaged_policies()


def statement(**elements: object) -> str:
    """Return a policy of one Allow for everyone, with other elements."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    return json.dumps({"Statement": [allow | elements]})


def later_than(number: str) -> str:
    """Return a policy with a number of any length in a condition."""
    condition = {"NumericGreaterThan": {"aws:EpochTime": "NUMBER"}}
    return statement(Condition=condition).replace('"NUMBER"', number)


HOSTILE: Final = (
    statement(Condition={"StringLike": {"aws:PrincipalTag/\ud800": "*"}}),
    statement(Action="ecr:*\ud800"),
    statement(Sid="\ud800"),
    statement(Principal={"AWS": "\ud800*"}),
    later_than("9" * 309),
    later_than("1e400"),
    later_than('"1e400"'),
)


class FunctionLog:
    """The lines that the runtime client writes to the log of the function."""

    def __init__(self) -> None:
        """Start empty."""
        self.sink = pytest.importorskip("awslambdaric.bootstrap").FramedTelemetryLogSink(0)
        self.clear()

    def clear(self) -> None:
        """Forget the lines."""
        self.sink.file = BytesIO()

    def evaluations(self) -> dict[str, str]:
        """Return the repositories that were logged, each with its compliance."""
        frames, lines = self.sink.file.getvalue(), []
        while frames:
            end = FRAME_HEADER + int.from_bytes(frames[4:8], "big")
            lines.append(json.loads(frames[FRAME_HEADER:end]))
            frames = frames[end:]
        found = [line for line in lines if "compliance" in line]
        assert all("arn" in line and "reasons" in line for line in found)
        return {line["arn"].partition("/")[2]: line["compliance"] for line in found}


@contextmanager
def function_log() -> Iterator[FunctionLog]:
    """Log inside the with block as in Lambda with the log format JSON."""
    log = FunctionLog()
    bootstrap = sys.modules["awslambdaric.bootstrap"]
    writer: logging.Handler = bootstrap.LambdaLoggerHandlerWithFrameType(log.sink)
    writer.setFormatter(pytest.importorskip("awslambdaric.lambda_runtime_log_utils").JsonFormatter())
    writer.addFilter(bootstrap.LambdaLoggerFilter())
    logger = logging.getLogger(handler.__name__.partition(".")[0])
    logger.addHandler(writer)
    try:
        yield log
    finally:
        logger.removeHandler(writer)


def check_change(member: MemberAccount, log: FunctionLog, policy: Any) -> None:
    """Check that a changed repository is evaluated and logged."""
    log.clear()
    configuration = {"RepositoryName": "mm", "RepositoryPolicyText": policy}
    (evaluation,) = member.response_to(member.change_event("mm", configuration=configuration))
    assert evaluation["ComplianceType"] in {"COMPLIANT", "NON_COMPLIANT"}
    assert log.evaluations() == {"mm": evaluation["ComplianceType"]}


def check_periodic(member: MemberAccount, log: FunctionLog, text: str) -> None:
    """Check that three repositories are evaluated and logged; the one in the middle has the policy."""
    log.clear()
    member.config.put_evaluations.clear()
    member.organization.set_policy(MEMBER, REGION, "mm", text or None)
    member.config.deliver_scheduled(MEMBER, REGION)
    reported = {
        each["ComplianceResourceId"]: each["ComplianceType"]
        for call in member.config.put_evaluations
        for each in call.evaluations
    }
    assert reported["mm"] in {"COMPLIANT", "NON_COMPLIANT"}
    assert reported == {"aa": "NON_COMPLIANT", "mm": reported["mm"], "zz": "COMPLIANT"}
    assert log.evaluations() == reported


@pytest.mark.parametrize("test", TESTS)
class TestAnyPolicy:
    """The handler answers, the line is written, the other repositories are evaluated."""

    def test_change_is_evaluated_and_logged(self, test: str) -> None:
        with deployed({"publicAccessTest": test}) as member, function_log() as log:
            member.create("mm", None)

            @given(texts | odd_json | policy_like)
            def check(policy: Any) -> None:
                # An event is JSON, which has neither NaN nor Infinity; the text of a policy can have them.
                assume(isinstance(policy, str) or not {"NaN", "Infinity"} & set(re.findall(r"\w+", json.dumps(policy))))
                check_change(member, log, policy)

            for text in HOSTILE:
                check = example(text)(check)
            check()

    def test_periodic_evaluation_covers_it_and_the_others(self, test: str) -> None:
        with deployed({"publicAccessTest": test}) as member, function_log() as log:
            for name, policy in (("aa", OPEN), ("mm", None), ("zz", CLOSED.replace("111122223333", MEMBER))):
                member.create(name, policy)

            @settings(max_examples=max(20, settings().max_examples // 5))
            @given(texts)
            def check(text: str) -> None:
                check_periodic(member, log, text)

            for text in HOSTILE:
                check = example(text)(check)
            check()
