"""Section Rules of template.yaml: which values of parameters CloudFormation refuses together.

CloudFormation evaluates the section before it creates or updates anything:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecr_exposure.cli.aws_calls import Unknown
from ecr_exposure.cli.prerequisites.finding import Finding, Level
from ecr_exposure.cli.values.template_parameters import TEMPLATE

# The types whose values are one text.
_ONE_TEXT: Final = frozenset({"String", "Number"})


class _CannotEvaluateError(Exception):
    """A part of a rule that this module does not know; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One stack: where it is deployed, and the values of its parameters."""

    partition: str
    region: str
    account: str
    values: Mapping[str, str]
    """A parameter without a value has its default."""


class TemplateRules:
    """The rules of a template."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Take the template, with intrinsic functions in their full form."""
        parameters = content.get("Parameters") or {}
        self._parameters = {name: each for name, each in parameters.items() if each.get("Type") in _ONE_TEXT}
        self._rules: Any = content.get("Rules") or {}

    def findings(self, deployments: Sequence[Deployment]) -> Iterator[Finding]:
        """Yield each assertion that fails, and each rule that cannot be evaluated, with its Regions."""
        regions: dict[str | Unknown, list[str]] = defaultdict(list)
        for deployment in deployments:
            for violation in self.violations(deployment):
                regions[violation].append(deployment.region)
        for violation, where in regions.items():
            place = f"{TEMPLATE}, {', '.join(where)}"
            if isinstance(violation, Unknown):
                yield Finding(level=Level.UNCHECKED, problem=violation.reason, where=place)
            else:
                note = "The section Rules of the template refuses these values."
                yield Finding(level=Level.MISSING, problem=violation.rstrip("."), where=place, note=note)

    def violations(self, deployment: Deployment) -> tuple[str | Unknown, ...]:
        """Return the descriptions of the assertions that fail, and why others could not be evaluated."""
        if not isinstance(self._rules, dict):
            return (Unknown("the section Rules could not be checked: it is not a map"),)
        found = (each for name, rule in self._rules.items() for each in self._violated(name, rule, deployment))
        return tuple(dict.fromkeys(found))

    def _violated(self, name: str, rule: object, deployment: Deployment) -> Iterator[str | Unknown]:
        evaluation = _Evaluation(self._parameters, deployment)
        try:
            match rule:
                case {"RuleCondition": condition, "Assertions": [*assertions]}:
                    applies = evaluation.holds(condition)
                case {"Assertions": [*assertions]}:
                    applies = True
                case _:
                    raise _CannotEvaluateError("it has no list of assertions")  # noqa: TRY301 - one place says it
            for each in assertions if applies else ():
                assertion = each if isinstance(each, dict) else {}
                if not evaluation.holds(assertion.get("Assert")):
                    yield str(assertion.get("AssertDescription", f"an assertion of the rule {name} fails"))
        except _CannotEvaluateError as error:
            yield Unknown(f"the rule {name} of the section Rules could not be checked: {error}")


class _Evaluation:
    """The values of functions and references in one deployment."""

    def __init__(self, parameters: Mapping[str, Mapping[str, Any]], deployment: Deployment) -> None:
        self._parameters, self._deployment = parameters, deployment
        self._pseudo_parameters = {
            "AWS::AccountId": deployment.account,
            "AWS::Partition": deployment.partition,
            "AWS::Region": deployment.region,
        }

    def holds(self, condition: object) -> bool:
        """Return what a condition evaluates to."""
        match condition:
            case {"Fn::And": [_, _, *_] as parts}:
                return all([self.holds(part) for part in parts])  # noqa: C419 - each part has to be known
            case {"Fn::Or": [_, _, *_] as parts}:
                return any([self.holds(part) for part in parts])  # noqa: C419 - each part has to be known
            case {"Fn::Not": [part]}:
                return not self.holds(part)
            case {"Fn::Equals": [one, other]}:
                return self._text(one) == self._text(other)
            case {"Fn::Contains": [[*texts], text]}:
                return self._text(text) in [self._text(each) for each in texts]
        raise _CannotEvaluateError(f"{_named(condition)} is not supported")

    def _text(self, value: object) -> str:
        match value:
            case str():
                return value
            case {"Ref": str(name)} if name in self._pseudo_parameters:
                return self._pseudo_parameters[name]
            case {"Ref": str(name)} if name in self._parameters:
                text = self._deployment.values.get(name, self._parameters[name].get("Default"))
                if isinstance(text, str):
                    return text
                raise _CannotEvaluateError(f"{name} has neither a value nor a default")
            case {"Ref": name}:
                raise _CannotEvaluateError(f"the reference to {name} is not supported")
        raise _CannotEvaluateError(f"{_named(value)} is not supported")


def _named(part: object) -> str:
    """Return how a message names a part of a rule: by its function, if it has one."""
    return next(iter(part), "an empty map") if isinstance(part, dict) else f"{part!r:.80}"
