"""The search for one request that some Allow statement matches and no Deny statement does."""

import functools
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.oracle.solver import logic
from tests.oracle.solver.actions import REPOSITORY_ACTIONS, carries_request_tags, carries_tag_keys, unknown_actions
from tests.oracle.solver.caller import FEDERATED, ROLE, ROOT, USER, Caller, Rules
from tests.oracle.solver.logic import FALSE, Bool
from tests.oracle.solver.policy import Statement
from tests.oracle.solver.request import Request
from tests.oracle.solver.statements import covers, statement_formula
from tests.oracle.solver.texts import Spelling, text_formulas
from tests.oracle.solver.witness import shown

Shown = Callable[[], dict[str, Any]]
_HINT_MS = 300
_BLANK_MS = 1000
_HINTS = 16
# Ways to encode a question: with free variables empty, leaving out what is hard, letting in what is hard.
_BLANK, _STRICT, _LOOSE = {"blank": True}, {"blank": False}, {"loose": True}


@dataclass(frozen=True, slots=True)
class Question:
    """One Allow, the Denies that cover the same action, and what the action lets a request carry."""

    allow: Statement
    denies: tuple[Statement, ...]
    action: str

    @property
    def tags(self) -> tuple[bool, bool]:
        """Whether the request can carry request tags and tag keys."""
        return carries_request_tags(self.action), carries_tag_keys(self.action)

    def at_least(self, other: "Question") -> bool:
        """Whether every request that answers the other question answers this one."""
        return (
            self.allow is other.allow
            and {deny.index for deny in self.denies} <= {deny.index for deny in other.denies}
            and all(mine or not theirs for mine, theirs in zip(self.tags, other.tags, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What all questions about one policy share."""

    rules: Rules
    slots: Counter[str]
    deadline: float

    @property
    def left(self) -> int:
        """Milliseconds until the deadline."""
        return max(1, int((self.deadline - time.monotonic()) * 1000))


def search(statements: tuple[Statement, ...], rules: Rules, timeout_ms: int) -> tuple[str, Shown | None]:
    """Ask the questions one by one until one is answered for certain."""
    slots = Counter(condition.key for statement in statements for condition in statement.conditions)
    shared = Search(rules, slots, time.monotonic() + timeout_ms / 1000)
    certain = True
    for question in _questions(statements):
        if shared.left <= 1:
            return "undecided", None
        verdict, found = _answer(shared, question)
        if verdict == "open":
            return verdict, found
        certain = certain and verdict == "closed"
    return ("closed" if certain else "undecided"), None


def _questions(statements: tuple[Statement, ...]) -> Iterator[Question]:
    """One question for each Allow and each smallest set of Denies that one of its actions meets."""
    allows = [statement for statement in statements if statement.allow]
    denies = [statement for statement in statements if not statement.allow]
    granted = [action for allow in allows if not allow.not_actions for action in allow.actions]
    actions = (*REPOSITORY_ACTIONS, *unknown_actions(granted))
    for allow in allows:
        found: list[Question] = []
        for action in actions:
            if covers(allow, action):
                question = Question(allow, tuple(deny for deny in denies if covers(deny, action)), action)
                if not any(known.at_least(question) for known in found):
                    found = [known for known in found if not question.at_least(known)] + [question]
        yield from found


def _answer(search: Search, question: Question) -> tuple[str, Shown | None]:
    """Open, closed or undecided for one question, asked for each kind of caller when the policy tells them apart."""
    probe = Caller(search.rules)
    _wanted(_request(search, question, probe), question)
    certain = True
    for kind in (ROLE, USER, ROOT, FEDERATED) if probe.asked_kind else (None,):
        verdict = "undecided"
        for way in (_BLANK, _STRICT, _LOOSE) if probe.doubts.hints else (_STRICT, _LOOSE):
            request = _request(search, question, Caller(search.rules, kind, **way))
            verdict, spelling = _solved(search, request, question)
            if spelling is not None:
                return verdict, functools.partial(shown, request, question.action, question.allow.index, spelling)
            if way is not _BLANK and (verdict == "closed" or not request.caller.doubts.cuts):
                break
        certain = certain and verdict == "closed"
    return ("closed" if certain else "undecided"), None


def _request(search: Search, question: Question, caller: Caller) -> Request:
    tags, keys = question.tags
    return Request(caller, request_tags=tags, tag_keys=keys, slots=search.slots)


def _wanted(request: Request, question: Question) -> Bool:
    """The Allow matches and no Deny does."""
    granted = statement_formula(request, question.allow)
    if logic.is_false(granted):
        return FALSE
    return logic.both(granted, *(logic.no(statement_formula(request, deny)) for deny in question.denies))


def _solved(search: Search, request: Request, question: Question) -> tuple[str, Spelling | None]:
    """Open with a model, closed, or undecided."""
    wanted = _wanted(request, question)
    doubts = request.caller.doubts
    if logic.is_false(wanted):
        return ("undecided" if doubts.cuts else "closed"), None
    answer, names = _asked(search, request.caller, wanted)
    if answer.verdict == "unsat":
        return ("undecided" if doubts.cuts else "closed"), None
    if answer.verdict == "unknown" or doubts.guesses or _mixed_views(request, question):
        return "undecided", None
    return "open", Spelling(request.caller, answer.model, names)


def _asked(search: Search, caller: Caller, wanted: Bool) -> tuple[logic.Answer, frozenset[str]]:
    """First where the hints point; facts about what nobody asked for are left out, for they can always be met."""
    formulas = [*logic.related(caller.facts, logic.variables(wanted)), *caller.doubts.cuts, wanted]
    names = _names(formulas)
    formulas += text_formulas(caller, names)
    names |= _names(formulas)
    hints = [hint for hint in caller.doubts.hints if logic.variables(hint[0]) & names]
    if caller.blank:
        return logic.solve(formulas, min(_BLANK_MS, search.left)), names
    for hinted in itertools.islice(itertools.product(*hints), _HINTS if hints else 0):
        answer = logic.solve([*formulas, *hinted], min(_HINT_MS, search.left // 2))
        if answer.verdict == "sat":
            return answer, names
    return logic.solve(formulas, search.left), names


def _names(formulas: list[Bool]) -> frozenset[str]:
    return frozenset().union(*(logic.variables(formula) for formula in formulas))


def _mixed_views(request: Request, question: Question) -> bool:
    """An unknown key that set operators read as more than one type: its readings are not tied to one text."""
    for name, key in request.keys.items():
        tests = [test for statement in (question.allow, *question.denies) for test in statement.conditions]
        read = [test.operator for test in tests if test.key == name and test.operator.over.value]
        written = {operator.family.name in ("NUMBER", "MOMENT", "ADDRESS") and operator.family for operator in read}
        if key.unknown and len(written) > 1:
            return True
    return False
