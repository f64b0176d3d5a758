"""The alternatives of a policy: what it is for each answer to a question that its template or code leaves open.

Whether a condition holds can depend on a parameter that has no default. Then a policy is resolved for both answers,
each with the same answer everywhere.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")
Result = TypeVar("Result")
_MOST_ALTERNATIVES: Final = 36
"""One for each region that a mapping can have, or for five conditions."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The answers that one alternative is about; is_open: no other question has an answer."""

    answers: Mapping[Hashable, object] = field(default_factory=dict)
    is_open: bool = True

    def answer(self, question: Hashable, options: tuple[Answer, ...], references: tuple[str, ...]) -> Answer | None:
        """Return the answer to a question; None if it has none.

        references: the values on which the answer depends. Raises UndecidedError for a question that is new.
        """
        if question in self.answers:
            found: Answer = self.answers[question]  # type: ignore[assignment] # one of the options
            return found
        if self.is_open or not options:
            return None
        raise UndecidedError(question, options, references)

    def has_other_answer(self, question: tuple[str, str, str]) -> bool:
        """Return whether the value of a question about equality equals another text already."""
        kind, unknown, known = question
        return any(
            holds is True and isinstance(each, tuple) and each[:2] == (kind, unknown) and each[2] != known
            for each, holds in self.answers.items()
        )


class UndecidedError(Exception):
    """A question has more than one answer."""

    def __init__(self, question: Hashable, options: tuple[object, ...], references: tuple[str, ...]) -> None:
        """Store the question."""
        super().__init__(question)
        self.question, self.options, self.references = question, options, references


@dataclass(frozen=True, slots=True)
class Resolved(Generic[Result]):
    """The results, one for each alternative, and the references of the values that decide between them."""

    results: tuple[Result, ...]
    references: tuple[str, ...] = ()


def each_alternative(resolve: Callable[[Decisions], Result]) -> Resolved[Result]:
    """Resolve something for all answers; with too many alternatives once, without an answer."""
    results: list[Result] = []
    references: dict[str, None] = {}
    pending: list[dict[Hashable, object]] = [{}]
    while pending:
        answers = pending.pop()
        try:
            results.append(resolve(Decisions(answers, is_open=False)))
        except UndecidedError as undecided:
            references |= dict.fromkeys(undecided.references)
            pending += [{**answers, undecided.question: each} for each in reversed(undecided.options)]
        if len(results) + len(pending) > _MOST_ALTERNATIVES:
            return Resolved((resolve(Decisions()),))
    return Resolved(tuple(results), tuple(references))
