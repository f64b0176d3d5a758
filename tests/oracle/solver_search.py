"""The search for one request that some Allow statement matches and no Deny statement does."""

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from tests.oracle import solver_logic as logic
from tests.oracle.solver_caller import FEDERATED, ROLE, ROOT, USER, Caller, CallerRules
from tests.oracle.solver_condition_keys import RequestContext
from tests.oracle.solver_logic import FALSE, Bool, Budget
from tests.oracle.solver_operators import OperatorType
from tests.oracle.solver_policy import Condition, Statement
from tests.oracle.solver_statements import (
    carries_request_tags,
    carries_tag_keys,
    covered_actions,
    covers,
    statement_formula,
)
from tests.oracle.solver_texts import ModelTexts, Solution, is_refuted, request_of_model, solve

FoundRequest = Callable[[], dict[str, Any]]
"""Makes the request of a model, which not every search has to read."""

_HINTED_STEPS = 600_000
_BLANK_STEPS = 2_000_000
_MOST_HINTS = 16
# Ways to encode a question: free texts in variables empty; too few requests where not exact; too many requests.
_BLANK, _STRICT, _LOOSE = {"blank": True}, {"blank": False}, {"loose": True}
# What an unknown key can be read as beside text.
_READ_AS_NUMBERS = (OperatorType.NUMBER, OperatorType.DATE, OperatorType.ADDRESS)


class Answer(Enum):
    """What the oracle answers about a policy under one test."""

    GRANTED = "a caller that the test asks about is granted access"
    NOT_GRANTED = "no such caller is granted access"
    PROBLEM = "the document is invalid"
    UNDECIDED = "the solver ran out of steps, or the encoding is not exact here"


class SolverQuestion(Protocol):
    """A question whose answer is a request for an action that an Allow matches."""

    @property
    def allow(self) -> Statement:
        """The Allow."""

    @property
    def action(self) -> str:
        """The action, in lower case."""

    @property
    def tags(self) -> tuple[bool, bool]:
        """Whether requests of the action can have request tags and tag keys."""

    @property
    def conditions(self) -> list[Condition]:
        """The conditions of all its statements."""

    def formula(self, request: RequestContext) -> Bool:
        """Whether the request is an answer."""


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """One Allow, with the Denies that cover the same action, and the action."""

    allow: Statement
    denies: tuple[Statement, ...]
    action: str

    @property
    def tags(self) -> tuple[bool, bool]:
        """Whether requests of the action can have request tags and tag keys."""
        return carries_request_tags(self.action), carries_tag_keys(self.action)

    @property
    def conditions(self) -> list[Condition]:
        """The conditions of all its statements."""
        return [each for statement in (self.allow, *self.denies) for each in statement.conditions]

    def formula(self, request: RequestContext) -> Bool:
        """The Allow matches and no Deny does."""
        allowed = statement_formula(request, self.allow)
        if logic.is_false(allowed):
            return FALSE
        return logic.both(allowed, *(logic.no(statement_formula(request, deny)) for deny in self.denies))

    def includes(self, other: "AccessQuestion") -> bool:
        """Whether every request that answers the other question answers this one."""
        return (
            self.allow is other.allow
            and {deny.index for deny in self.denies} <= {deny.index for deny in other.denies}
            and all(mine or not theirs for mine, theirs in zip(self.tags, other.tags, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What all questions about one policy share."""

    rules: CallerRules
    value_counts: Counter[str]
    budget: Budget
    caller: type[Caller] = Caller


def search(statements: tuple[Statement, ...], rules: CallerRules, steps: int) -> tuple[Answer, FoundRequest | None]:
    """Ask the questions one by one until one finds a request; `steps` limits the work for all of them."""
    shared = _shared(statements, rules, steps)
    certain = True
    for question in _questions(statements):
        answer, found = answer_of(shared, question)
        if answer is Answer.GRANTED:
            return answer, found
        certain = certain and answer is Answer.NOT_GRANTED
    return (Answer.NOT_GRANTED if certain else Answer.UNDECIDED), None


def search_actions(statements: tuple[Statement, ...], rules: CallerRules, steps: int) -> dict[int, list[str]] | None:
    """The actions that each Allow grants, by the index of the statement; None if one is undecided."""
    shared = _shared(statements, rules, steps)
    denies = [statement for statement in statements if not statement.allow]
    found: dict[int, list[str]] = {}
    for allow in statements:
        known: list[tuple[AccessQuestion, Answer]] = []
        for action in covered_actions(allow) if allow.allow else ():
            question = _question(allow, denies, action)
            answer = _implied(question, known) or answer_of(shared, question)[0]
            if answer is Answer.UNDECIDED:
                return None
            known.append((question, answer))
            if answer is Answer.GRANTED:
                found.setdefault(allow.index, []).append(action)
    return found


def needs_unreliable(statement: Statement, statements: tuple[Statement, ...], rules: CallerRules, steps: int) -> bool:
    """Whether an Allow with an unreliable principal grants access for no other of its principals."""
    without = replace(statement, principals=replace(statement.principals, unreliable=False))
    others = tuple(each for each in statements if not each.allow)
    return search((without, *others), rules, steps)[0] is Answer.NOT_GRANTED


def _implied(question: AccessQuestion, known: list[tuple[AccessQuestion, Answer]]) -> Answer | None:
    for other, answer in known:
        if answer is Answer.GRANTED and question.includes(other):
            return answer
        if answer is Answer.NOT_GRANTED and other.includes(question):
            return answer
    return None


def _shared(statements: tuple[Statement, ...], rules: CallerRules, steps: int) -> Search:
    counts = Counter(condition.key for statement in statements for condition in statement.conditions)
    return Search(rules, counts, Budget(steps))


def _questions(statements: tuple[Statement, ...]) -> Iterator[AccessQuestion]:
    """The questions about every Allow."""
    denies = [statement for statement in statements if not statement.allow]
    for allow in statements:
        if allow.allow:
            yield from _questions_about(allow, denies)


def _question(allow: Statement, denies: list[Statement], action: str) -> AccessQuestion:
    return AccessQuestion(allow, tuple(deny for deny in denies if covers(deny, action)), action)


def _questions_about(allow: Statement, denies: list[Statement]) -> list[AccessQuestion]:
    """One question for each smallest set of Denies that cover one of the actions."""
    found: list[AccessQuestion] = []
    for action in covered_actions(allow):
        question = _question(allow, denies, action)
        if not any(known.includes(question) for known in found):
            found = [known for known in found if not question.includes(known)] + [question]
    return found


def answer_of(search: Search, question: SolverQuestion) -> tuple[Answer, FoundRequest | None]:
    """Answer one question, for each kind of caller where the policy distinguishes them."""
    probe = search.caller(search.rules)
    question.formula(_request(search, question, probe))
    certain = True
    for kind in (ROLE, USER, ROOT, FEDERATED) if probe.asked_kind else (None,):
        answer = Answer.UNDECIDED
        for way in (_BLANK, _STRICT, _LOOSE) if probe.encoding.hints else (_STRICT, _LOOSE):
            request = _request(search, question, search.caller(search.rules, kind, **way))
            answer, texts = _solved(search, request, question)
            if texts is not None:
                return answer, functools.partial(
                    request_of_model, request, question.action, question.allow.index, texts
                )
            exact = answer is Answer.NOT_GRANTED or not request.caller.encoding.restrictions
            if way is not _BLANK and exact:
                break
        certain = certain and answer is Answer.NOT_GRANTED
    return (Answer.NOT_GRANTED if certain else Answer.UNDECIDED), None


def _request(search: Search, question: SolverQuestion, caller: Caller) -> RequestContext:
    tags, keys = question.tags
    return RequestContext(caller, request_tags=tags, tag_keys=keys, value_counts=search.value_counts)


def _solved(search: Search, request: RequestContext, question: SolverQuestion) -> tuple[Answer, ModelTexts | None]:
    granted = question.formula(request)
    encoding = request.caller.encoding
    without_model = Answer.UNDECIDED if encoding.restrictions else Answer.NOT_GRANTED
    if logic.is_false(granted):
        return without_model, None
    solution = _solution(search.budget, request.caller, granted)
    if solution.verdict == "unsat":
        return without_model, None
    if solution.verdict == "unknown" or encoding.guesses or _has_untied_types(request, question):
        return Answer.UNDECIDED, None
    return Answer.GRANTED, solution.texts


def _solution(budget: Budget, caller: Caller, granted: Bool) -> Solution:
    """Solve, with hints first. Facts about variables that nothing asks about are left out: they can always be met."""
    formulas = [*logic.related(caller.facts, logic.variables(granted)), *caller.encoding.restrictions, granted]
    if is_refuted(caller, formulas, budget):
        return Solution("unsat")
    if caller.blank:
        return solve(caller, formulas, budget, most=_BLANK_STEPS)
    names = logic.all_variables(formulas)
    hints = [hint for hint in caller.encoding.hints if logic.variables(hint[0]) & names]
    for hinted in itertools.islice(itertools.product(*hints), _MOST_HINTS if hints else 0):
        solution = solve(caller, formulas, budget, hinted, most=_HINTED_STEPS)
        if solution.verdict == "sat":
            return solution
    return solve(caller, formulas, budget)


def _has_untied_types(request: RequestContext, question: SolverQuestion) -> bool:
    """Whether set operators read an unknown key as several types: nothing ties its number to its text."""
    for name, key in request.keys.items():
        read = [each.operator for each in question.conditions if each.key == name and each.operator.set_operator.value]
        types = {operator.type in _READ_AS_NUMBERS and operator.type for operator in read}
        if key.unknown and len(types) > 1:
            return True
    return False
