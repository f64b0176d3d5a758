"""The errors that the rule and its engine raise."""

from typing import Final

_LONGEST_STEP: Final = 60


class ParameterError(ValueError):
    """A rule parameter or an argument is wrong; the message names it, its value and what is accepted."""


class RemedyError(ParameterError):
    """The arguments of `remedy` do not close this policy; the message says why, and what to do instead."""


class ItemError(ValueError):
    """A configuration item has a form that AWS Config does not document; the message names the place."""


class PolicyError(ValueError):
    """A policy document cannot be evaluated.

    place: the path inside the document, such as ``Statement[2].Condition``; "" is the document itself.
    message: which value is wrong, and what is accepted.
    """

    def __init__(self, place: str, message: str) -> None:
        """Store place and message separately, so that an outer reader can extend the place."""
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.message = message

    def within(self, outer: str) -> "PolicyError":
        """Return the same error with its place extended by the element that contains it."""
        step = outer if len(outer) <= _LONGEST_STEP else f"{outer[:_LONGEST_STEP]}…"
        return PolicyError(f"{step}.{self.place}" if self.place else step, self.message)


class EvaluationError(RuntimeError):
    """The invocation fails: AWS Config did not receive all evaluations."""
