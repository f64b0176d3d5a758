"""AWS Systems Manager Automation, as far as the runbook of deploy/runbook.yaml needs it: moto runs no documents.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import boto3
from botocore import xform_name

_REFERENCE: Final = re.compile(r"\{\{ ([\w.:]+) \}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of a runbook.

    outputs: ``Step.Name`` to value, of the steps that succeeded. failure: the error of the step that failed; empty if
    the execution succeeded.
    """

    outputs: Mapping[str, Any]
    failure: str = ""

    @property
    def result(self) -> str:
        """What the runbook says that it did."""
        return str(self.outputs.get("ClosePolicy.Result", ""))


class Automation:
    """The content of a document of type Automation."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """Take the content, in which a template's functions are resolved."""
        self._content = content

    @property
    def script(self) -> str:
        """The Python script of the one step that has one."""
        (script,) = (each["inputs"]["Script"] for each in self._content["mainSteps"] if "Script" in each["inputs"])
        return str(script)

    def execute(self, session: boto3.Session, account: str, parameters: Mapping[str, str]) -> Execution:
        """Run the steps with the credentials of a session, which are those of the automation role.

        Raises ValueError for parameters that Automation would reject.
        """
        names = self._names(session, account, parameters)
        outputs: dict[str, Any] = {}
        for step in self._content["mainSteps"]:
            inputs = _filled(step["inputs"], names)
            try:
                answer = _run(step["action"], inputs, session)
            except Exception as error:  # noqa: BLE001 - whatever a script raises fails its step
                if step.get("onFailure") == "Continue" and step.get("isCritical") is False:
                    continue
                return Execution(outputs=outputs, failure=str(error))
            for each in step["outputs"]:
                outputs[f"{step['name']}.{each['Name']}"] = _selected(answer, each["Selector"])
        return Execution(outputs=outputs)

    def _names(self, session: boto3.Session, account: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        declared = self._content["parameters"]
        if unknown := parameters.keys() - declared.keys():
            raise ValueError(f"not parameters of the runbook: {sorted(unknown)}")
        names = {name: each["default"] for name, each in declared.items() if "default" in each} | dict(parameters)
        for name, each in declared.items():
            if name not in names or not re.search(each.get("allowedPattern", ""), names[name]):
                raise ValueError(f"{name}: {names.get(name)!r} is not accepted")
        return names | {"global:ACCOUNT_ID": account, "global:REGION": str(session.region_name)}


def _filled(part: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {name: each if name == "Script" else _filled(each, names) for name, each in part.items()}
    return _REFERENCE.sub(lambda found: names[found[1]], part) if isinstance(part, str) else part


def _run(action: str, inputs: Mapping[str, Any], session: boto3.Session) -> Mapping[str, Any]:
    """Run one action; the script finds the session's credentials where boto3 looks for them."""
    match action:
        case "aws:executeAwsApi":
            names = {name: each for name, each in inputs.items() if name not in {"Api", "Service"}}
            client: Any = session.client(inputs["Service"])
            answer: Mapping[str, Any] = getattr(client, xform_name(inputs["Api"]))(**names)
            return answer
        case "aws:executeScript":
            namespace: dict[str, Any] = {}
            exec(compile(inputs["Script"], "runbook", "exec"), namespace)  # noqa: S102 - our own script
            with _default_session(session):
                return {"Payload": namespace[inputs["Handler"]](inputs["InputPayload"], {})}
    raise NotImplementedError(action)


@contextmanager
def _default_session(session: boto3.Session) -> Iterator[None]:
    with patch.object(boto3, "DEFAULT_SESSION", session):
        yield


def _selected(answer: Mapping[str, Any], selector: str) -> Any:
    value: Any = answer
    for name in selector.removeprefix("$.").split("."):
        value = value[name]
    return value
