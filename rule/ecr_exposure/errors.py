"""The four things that can go wrong, each named after what is wrong."""

from typing import Final

_LONGEST_STEP: Final = 60


class ParameterError(ValueError):
    """A rule parameter or an argument is wrong; the text names it, its value and what is accepted."""


class ItemError(ValueError):
    """A configuration item has a shape that AWS Config does not document; the text names the place."""


class PolicyError(ValueError):
    """A policy document cannot be judged.

    place: the path inside the document, such as ``Statement[2].Condition``; "" is the document itself.
    message: what stands there and what is accepted.
    """

    def __init__(self, place: str, message: str) -> None:
        """Keep the place and the message apart, so that an outer reader can lengthen the place."""
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.message = message

    def within(self, outer: str) -> "PolicyError":
        """Return the same error as seen from the element that holds this one."""
        step = outer if len(outer) <= _LONGEST_STEP else f"{outer[:_LONGEST_STEP]}…"
        return PolicyError(f"{step}.{self.place}" if self.place else step, self.message)


class EvaluationError(RuntimeError):
    """The invocation failed: AWS Config has not got what it should have got."""
