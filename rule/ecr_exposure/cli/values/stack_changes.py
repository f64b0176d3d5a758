"""What the deployed stack says against the values of the next deployment, or against any deployment. Pure.

CloudFormation's statuses:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
SAM CLI sends UsePreviousValue for each parameter of the template that gets no value:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
"""

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.organization.stack_reader import DeployedStack, DeployedStacks
from ecr_exposure.cli.prerequisites.finding import Finding, Level, one_or_each, unchecked
from ecr_exposure.cli.prerequisites.recorder_settings import aws_command
from ecr_exposure.cli.stack import DeployedAs
from ecr_exposure.cli.values.template_parameters import TemplateParameters

_CREATION_FAILED: Final = "CloudFormation cannot update a stack whose creation failed"
_DELETED_FIRST: Final = {
    "ROLLBACK_COMPLETE": _CREATION_FAILED,
    "ROLLBACK_FAILED": _CREATION_FAILED,
    "DELETE_FAILED": "CloudFormation cannot update a stack whose deletion failed",
}
# Its change set was not executed; SAM CLI deploys such a stack as one that does not exist.
_NOT_CREATED: Final = "REVIEW_IN_PROGRESS"
# What CloudFormation returns for a parameter with NoEcho.
_HIDDEN: Final = "****"

_Subject = TypeVar("_Subject")


def stack_problems(
    stacks: DeployedStacks, values: Mapping[str, str], parameters: TemplateParameters
) -> Iterator[Finding]:
    """Compare the deployed stacks with ``values``, those that the file has or gets, equal findings in one."""
    yield from _unread(stacks)
    states = _by_region(stacks, lambda stack: stack.status)
    for status, regions in states.items():
        yield from _state(stacks, status, regions)
    changes = _Changes(stacks, values, parameters)
    yield from changes.home_region()
    yield from changes.role_path()
    yield from changes.shape()
    yield from changes.kept()


def _unread(stacks: DeployedStacks) -> Iterator[Finding]:
    by_reason: dict[Unknown, list[str]] = defaultdict(list)
    for region, stack in stacks.of_regions.items():
        if isinstance(stack, Unknown):
            by_reason[Unknown(stack.reason.replace(region, "REGION"))].append(region)
    for unknown, regions in by_reason.items():
        note = "If it exists, preflight compares its values with those of the file."
        yield unchecked("the deployed stack", unknown, _where(stacks, regions), level=Level.HINT, note=note)


def _state(stacks: DeployedStacks, status: str, regions: list[str]) -> Iterator[Finding]:
    where = _where(stacks, regions)
    if status in _DELETED_FIRST:
        yield Finding(
            level=Level.MISSING,
            problem=f"the stack is in the state {status}: {_DELETED_FIRST[status]}",
            where=where,
            commands=(shlex.join(("sam", "delete", "--region", one_or_each(regions), "--no-prompts")),),
            note="Delete the stack, then deploy.",
        )
    elif status == "UPDATE_ROLLBACK_FAILED":
        roll_back = ("cloudformation", "continue-update-rollback")
        yield Finding(
            level=Level.MISSING,
            problem=f"the stack is in the state {status}: CloudFormation cannot update it before the rollback is done",
            where=where,
            commands=(aws_command(*roll_back, "--region", one_or_each(regions), "--stack-name", stacks.name),),
            note="The events of the stack say what failed. Remove the cause first.",
        )
    elif status.endswith("_IN_PROGRESS"):
        yield Finding(
            level=Level.HINT,
            problem=f"the stack is in the state {status}, so another operation is not done yet",
            where=where,
            note="Wait for its end. Then run preflight again.",
        )


class _Changes:
    """What the next deployment would change in stacks that it can update."""

    def __init__(self, stacks: DeployedStacks, values: Mapping[str, str], parameters: TemplateParameters) -> None:
        self._stacks, self._values, self._parameters = stacks, values, parameters

    def home_region(self) -> Iterator[Finding]:
        """Yield where HomeRegion would change."""
        for (before, after), regions in self._changed("HomeRegion", self._is_of_organization).items():
            if before:
                back = shlex.join(("--set", f"HomeRegion={before}"))
                yield Finding(
                    level=Level.MISSING,
                    problem=f"the stack in {_listed(regions)} has HomeRegion={before}, and the new value is {after}; "
                    f"it cannot be changed: remove every stack first, or set it back: {back}",
                    where=_where(self._stacks, regions),
                )

    def role_path(self) -> Iterator[Finding]:
        """Yield where RolePath would change, and the name of the roles would not."""

        def same_name(stack: DeployedStack) -> bool:
            name = "ExecutionRoleName"
            return self._is_of_organization(stack) and self._before(stack, name) == self._after(stack, name)

        for (before, after), regions in self._changed("RolePath", same_name).items():
            back = shlex.join(("--set", f"RolePath={before}"))
            yield Finding(
                level=Level.MISSING,
                problem=f"the stack in {_listed(regions)} has RolePath={before}, and the new value is {after}, but "
                "ExecutionRoleName is the same: a role's name exists once in an account",
                where=_where(self._stacks, regions),
                note=f"Change ExecutionRoleName, too (--set ExecutionRoleName=NAME), or set it back: {back}",
            )

    def shape(self) -> Iterator[Finding]:
        """Yield where DeployAs would change."""
        for (before, after), regions in self._changed("DeployAs", lambda _stack: True).items():
            yield Finding(
                level=Level.HINT,
                problem=f"the stack in {_listed(regions)} has DeployAs={before}, and the new value is {after}: AWS "
                "Config replaces the rule, so the old evaluations are deleted and new findings are created",
                where=_where(self._stacks, regions),
            )

    def kept(self) -> Iterator[Finding]:
        """Yield the values that a stack has beside those of the file."""

        def differing(stack: DeployedStack) -> tuple[tuple[str, str], ...]:
            return tuple(
                (name, value)
                for name, value in sorted(stack.values.items())
                if name in self._parameters
                and name not in self._values
                and value not in {self._parameters.default(name), _HIDDEN}
            )

        for pairs, regions in _by_region(self._stacks, differing, only=_can_be_updated).items():
            if pairs:
                options = shlex.join(word for name, value in pairs for word in ("--set", f"{name}={value}"))
                yield Finding(
                    level=Level.HINT,
                    problem=f"the stack in {_listed(regions)} has values that the file lacks: "
                    f"{', '.join(name for name, _ in pairs)}",
                    where=_where(self._stacks, regions),
                    note=f"sam deploy keeps them. To have all values in one place: {options}",
                )

    def _changed(self, name: str, only: Callable[[DeployedStack], bool]) -> Mapping[tuple[str, str], list[str]]:
        """Return the Regions by the old and the new value of a parameter, where they differ."""
        found = _by_region(
            self._stacks,
            lambda stack: (self._before(stack, name), self._after(stack, name)),
            only=lambda stack: _can_be_updated(stack) and only(stack),
        )
        return {(before, after): regions for (before, after), regions in found.items() if before != after}

    def _is_of_organization(self, stack: DeployedStack) -> bool:
        """Whether the stack serves the organization, and will."""
        return DeployedAs.ACCOUNT_RULE not in {self._before(stack, "DeployAs"), self._after(stack, "DeployAs")}

    def _before(self, stack: DeployedStack, name: str) -> str:
        """Return the value of a parameter; an older template may not have had it."""
        return stack.values.get(name, self._parameters.default(name))

    def _after(self, stack: DeployedStack, name: str) -> str:
        return self._values.get(name, self._before(stack, name))


def _can_be_updated(stack: DeployedStack) -> bool:
    gone = (*_DELETED_FIRST, _NOT_CREATED, "DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
    return stack.status not in gone


def _by_region(
    stacks: DeployedStacks,
    subject: Callable[[DeployedStack], _Subject],
    only: Callable[[DeployedStack], bool] = lambda stack: stack.status != _NOT_CREATED,
) -> Mapping[_Subject, list[str]]:
    """Return the Regions of the stacks by what they have in common."""
    found: dict[_Subject, list[str]] = defaultdict(list)
    for region, stack in stacks.of_regions.items():
        if isinstance(stack, DeployedStack) and only(stack):
            found[subject(stack)].append(region)
    return found


def _listed(regions: list[str]) -> str:
    return ", ".join(regions)


def _where(stacks: DeployedStacks, regions: list[str]) -> str:
    return f"account {stacks.account}, {_listed(regions)}"
