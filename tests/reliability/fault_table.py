"""The table: every call of AWS, every kind of fault, and the outcome that a person expects of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from tests.local_aws.calls import Call as SentCall
from tests.local_aws.faults import Connection, Fault
from tests.reliability.documented_answers import PAGES, TOKENS, body_of, wrong_bodies
from tests.reliability.situations import (
    CHANGE,
    DENIED,
    MOST_CALLS,
    ORGANIZATION,
    OVERSIZED,
    PERIODIC,
    REPLAYED,
    REPLAYED_DENIED,
    REPLAYED_TAGGED,
    TAGGED,
    Outcome,
    Situation,
)
from tests.rule.member_account import OPEN

_NO_TOKENS: Final[tuple[object, ...]] = (0, 7, True, [], {})
Faults = tuple[Fault, ...]
Cell = frozenset[Outcome]
_PAGE: Final = "<html><head><title>Error</title></head><body><h1>Blocked</h1></body></html>"
_TIME_OUTS: Final = (Connection.CONNECT_TIMEOUT, Connection.READ_TIMEOUT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """A call in a situation.

    heading: what tells it from another call of the operation. repository: limits its faults to one repository.
    wrong: yields the bodies of wrong answers to an operation.
    """

    service: str
    operation: str
    situation: Situation
    heading: str = ""
    repository: str | None = None
    wrong: Callable[[str], Iterator[str]] = wrong_bodies

    @property
    def name(self) -> str:
        """The operation, and the heading if it has one."""
        return ", ".join(filter(None, (self.operation, self.heading)))

    def fault(self, **how: Any) -> Fault:
        """Return a fault of this call that lasts, unless `times` says otherwise."""
        return Fault(self.service, self.operation, repository=self.repository, **({"times": None} | how))

    def answer(self, body: str) -> Fault:
        """Return a fault that replaces the answer, after AWS has processed the call."""
        return self.fault(status=200, body=body, request_id=True, processed=True)

    def answers(self, body: str) -> Iterator[Fault]:
        """Yield the answer, and for a call that changes something also an answer without the change, as of a proxy."""
        yield self.answer(body)
        if self.operation == "PutEvaluations":
            yield replace(self.answer(body), processed=False)

    def on_each_page(self, fault: Fault) -> Iterator[Faults]:
        """Yield the fault, and for a list also the fault on the second page after a complete first one."""
        yield (fault,)
        if self.operation in PAGES:
            first, second = (self.answer(_json(page)) for page in PAGES[self.operation])
            # The latest fault comes first, so the second page is complete once the fault is over.
            yield first, replace(second, when=self.asks_for_more), replace(fault, when=self.asks_for_more)

    def asks_for_more(self, sent: SentCall) -> bool:
        """Return whether the call asks for a page after the first."""
        return TOKENS[self.operation] in sent.parameters


def _json(content: object) -> str:
    return json.dumps(content)


def _errors(status: int, code: str, times: int | None) -> Callable[[Call], Iterator[Faults]]:
    return lambda call: call.on_each_page(call.fault(status=status, code=code, times=times))


def _proxy(call: Call) -> Iterator[Faults]:
    yield from call.on_each_page(call.fault(status=503, body=_PAGE))
    yield from call.on_each_page(call.fault(status=403, body=_PAGE))


def _connection(kinds: tuple[Connection, ...], times: int | None) -> Callable[[Call], Iterator[Faults]]:
    def faults(call: Call) -> Iterator[Faults]:
        for kind in kinds:
            yield from call.on_each_page(call.fault(connection=kind, times=times))
        # AWS processes the call, and the answer is lost.
        yield from call.on_each_page(call.fault(connection=kinds[-1], times=times, processed=True))

    return faults


def _bodies(*bodies: str) -> Callable[[Call], Iterator[Faults]]:
    def faults(call: Call) -> Iterator[Faults]:
        for answer in (answer for body in bodies for answer in call.answers(body)):
            yield from call.on_each_page(answer)

    return faults


def _cut_off(call: Call) -> Iterator[Faults]:
    body = body_of(call.operation)
    for length in (1, len(body) // 2, len(body) - 1):
        for answer in call.answers(body[:length]):
            yield from call.on_each_page(answer)


def _wrong_types(call: Call) -> Iterator[Faults]:
    for body in call.wrong(call.operation):
        yield (call.answer(body),)


def _tokens(call: Call) -> Iterator[Faults]:
    if call.operation not in PAGES:
        return
    token, first = TOKENS[call.operation], PAGES[call.operation][0]

    def page(following: object, after: str | None) -> Fault:
        # A loop that follows the tokens for ever would end here, and the rehearsal would count its calls.
        answer = replace(call.answer(_json({**first, token: following})), times=MOST_CALLS)
        return replace(answer, when=lambda sent: sent.parameters.get(token) == after)

    yield page("t1", None), page("t1", "t1")
    yield page("t1", None), page("t2", "t1"), page("t1", "t2")
    for wrong in _NO_TOKENS:
        yield (page(wrong, None),)
    yield (
        page("t1", None),
        replace(call.fault(code="InvalidNextTokenException"), when=lambda sent: token in sent.parameters),
    )


KINDS: Final[Mapping[str, Callable[[Call], Iterator[Faults]]]] = MappingProxyType(
    {
        "throttled once": _errors(400, "ThrottlingException", 1),
        "throttled every time": _errors(400, "ThrottlingException", None),
        "HTTP 500 once": _errors(500, "InternalFailure", 1),
        "HTTP 500 every time": _errors(500, "InternalFailure", None),
        "error page of a proxy": _proxy,
        "time-out once": _connection(_TIME_OUTS, 1),
        "time-out every time": _connection(_TIME_OUTS, None),
        "connection reset once": _connection((Connection.RESET,), 1),
        "connection reset every time": _connection((Connection.RESET,), None),
        "answer cut off": _cut_off,
        "answer empty": _bodies(""),
        "HTML with status 200": _bodies(_PAGE, "OK"),
        "answer is no object": _bodies("null", "[]", '"text"', "7", "\ufeff{}"),
        "wrong types in the answer": _wrong_types,
        "access denied": _errors(400, "AccessDeniedException", None),
        "credentials expired": _errors(400, "ExpiredTokenException", None),
        "page tokens": _tokens,
    }
)
NO_ANSWERS: Final = ("answer cut off", "answer empty", "HTML with status 200", "answer is no object")
"""Where the error must name the call: there is nothing else that would."""


def _without_policy(operation: str) -> Iterator[str]:
    """Yield the wrong answers that hold no policy: a policy would be the same for every repository."""
    return (body for body in wrong_bodies(operation) if json.loads(body).get("policyText") != OPEN)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Some calls of one kind of evaluation, and for each kind of fault the outcomes that a person expects."""

    title: str
    calls: tuple[Call, ...]
    expected: Mapping[str, tuple[Cell, ...]]


# A: reported; F: fails; P: fails partly; L: fails late; T: no exception; N: there is no such answer.
A: Final = Cell({Outcome.REPORTED})
F: Final = Cell({Outcome.FAILS})
P: Final = Cell({Outcome.FAILS_PARTLY})
L: Final = Cell({Outcome.FAILS_LATE})
T: Final = Cell({Outcome.NO_EXCEPTION})
N: Final = Cell()

TABLES: Final = (
    Table(
        title="Change-triggered evaluation",
        calls=(
            Call(service="sts", operation="AssumeRole", situation=CHANGE),
            Call(service="organizations", operation="ListAccounts", situation=ORGANIZATION),
            Call(service="config", operation="GetResourceConfigHistory", situation=OVERSIZED),
            Call(service="config", operation="PutEvaluations", situation=CHANGE),
        ),
        expected={
            "throttled once": (A, A, A, A),
            "throttled every time": (F, F, F, F),
            "HTTP 500 once": (A, A, A, A),
            "HTTP 500 every time": (F, F, F, F),
            "error page of a proxy": (F, F, F, F),
            "time-out once": (A, A, A, A),
            "time-out every time": (F, F, F, F | L),
            "connection reset once": (A, A, A, A),
            "connection reset every time": (F, F, F, F | L),
            "answer cut off": (F, F, F, F | L),
            "answer empty": (F, F, F, F | L),
            "HTML with status 200": (F, F, F, F | L),
            "answer is no object": (F, F, F, F | L),
            "wrong types in the answer": (F, A | F, A | F, A | L),
            "access denied": (F, F, F, F),
            "credentials expired": (F, F, F, F),
            "page tokens": (N, F, N, N),
        },
    ),
    Table(
        title="Periodic evaluation: lists and reports",
        calls=(
            Call(service="ecr", operation="DescribeRepositories", situation=PERIODIC),
            Call(service="config", operation="GetComplianceDetailsByConfigRule", situation=PERIODIC),
            Call(service="config", operation="PutEvaluations", situation=PERIODIC),
        ),
        expected={
            "throttled once": (A, A, A),
            "throttled every time": (P, P, F),
            "HTTP 500 once": (A, A, A),
            "HTTP 500 every time": (P, P, F),
            "error page of a proxy": (P, P, F),
            "time-out once": (A, A, A),
            "time-out every time": (P, P, F | L),
            "connection reset once": (A, A, A),
            "connection reset every time": (P, P, F | L),
            "answer cut off": (P, P, F | L),
            "answer empty": (P, P, F | L),
            "HTML with status 200": (P, P, F | L),
            "answer is no object": (P, P, F | L),
            "wrong types in the answer": (A | P, A | P, A | L),
            "access denied": (P, P, F),
            "credentials expired": (P, P, F),
            "page tokens": (P, P, N),
        },
    ),
    Table(
        title="Periodic evaluation: each repository",
        calls=(
            Call(
                service="ecr",
                operation="GetRepositoryPolicy",
                situation=PERIODIC,
                repository="opened",
                heading="one",
            ),
            Call(
                service="ecr",
                operation="GetRepositoryPolicy",
                situation=PERIODIC,
                wrong=_without_policy,
                heading="all",
            ),
            Call(service="config", operation="GetResourceConfigHistory", situation=DENIED),
            Call(service="ecr", operation="ListTagsForResource", situation=TAGGED),
        ),
        expected={
            "throttled once": (A, A, A, A),
            "throttled every time": (P, F, P, T),
            "HTTP 500 once": (A, A, A, A),
            "HTTP 500 every time": (P, F, P, T),
            "error page of a proxy": (P, F, P, T),
            "time-out once": (A, A, A, A),
            "time-out every time": (P, F, P, T),
            "connection reset once": (A, A, A, A),
            "connection reset every time": (P, F, P, T),
            "answer cut off": (P, F, P, T),
            "answer empty": (P, F, P, T),
            "HTML with status 200": (P, F, P, T),
            "answer is no object": (P, F, P, T),
            "wrong types in the answer": (A | P, F, A | P, T),
            "access denied": (A, F, P, T),
            "credentials expired": (P, F, P, T),
            "page tokens": (N, N, N, N),
        },
    ),
    Table(
        title="Replayed change event",
        calls=(
            Call(service="ecr", operation="GetRepositoryPolicy", situation=REPLAYED),
            Call(service="config", operation="GetResourceConfigHistory", situation=REPLAYED_DENIED),
            Call(service="ecr", operation="ListTagsForResource", situation=REPLAYED_TAGGED),
            Call(service="config", operation="PutEvaluations", situation=REPLAYED),
        ),
        expected={
            "throttled once": (A, A, A, A),
            "throttled every time": (F, F, T, F),
            "HTTP 500 once": (A, A, A, A),
            "HTTP 500 every time": (F, F, T, F),
            "error page of a proxy": (F, F, T, F),
            "time-out once": (A, A, A, A),
            "time-out every time": (F, F, T, F | L),
            "connection reset once": (A, A, A, A),
            "connection reset every time": (F, F, T, F | L),
            "answer cut off": (F, F, T, F | L),
            "answer empty": (F, F, T, F | L),
            "HTML with status 200": (F, F, T, F | L),
            "answer is no object": (F, F, T, F | L),
            "wrong types in the answer": (A | F, A | F, T, A | L),
            "access denied": (F, F, T, F),
            "credentials expired": (F, F, T, F),
            "page tokens": (N, N, N, N),
        },
    ),
)
