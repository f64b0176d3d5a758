"""What an answer of each AWS call must hold before the rule uses it.

botocore accepts answers that are none: it does not enforce Content-Length, reads a body that is not JSON as an empty
answer, and takes a list or a text for an object until an attribute is missing. A repository without a policy, an
account that is missing from the organization or an evaluation that AWS Config never received would follow.
So every client has two hooks: `check_body` reads the body before botocore does, `check_answer` reads the result.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from botocore.model import ListShape, MapShape, StructureShape
from botocore.utils import parse_timestamp

from ecr_exposure.errors import EvaluationError
from ecr_exposure.policy.json_values import describe

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel, Shape

_FIRST_ERROR_STATUS: Final = 300
_FIRST_SERVER_ERROR_STATUS: Final = 500


class _Value(Enum):
    """The kinds of single values in an answer, by how an error calls them."""

    TEXT = "a string"
    NAME = "a non-empty string"
    TIME = "a time with its offset"


_Form = _Value | Mapping[str, Any] | list[Any]
"""An object with the elements that it must have, a list with the form of its elements, or a single value."""

_TAG: Final = {"Key": _Value.NAME, "Value": _Value.TEXT}
_QUALIFIER: Final = {"ResourceType": _Value.NAME, "ResourceId": _Value.NAME}
_ITEM: Final = {
    "resourceType": _Value.NAME,
    "resourceId": _Value.NAME,
    "configurationItemStatus": _Value.NAME,
    "configurationItemCaptureTime": _Value.TIME,
}
_CREDENTIALS: Final = {
    "AccessKeyId": _Value.NAME,
    "SecretAccessKey": _Value.NAME,
    "SessionToken": _Value.NAME,
    "Expiration": _Value.TIME,
}
ANSWERS: Final[Mapping[str, Mapping[str, _Form]]] = {
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    "AssumeRole": {"Credentials": _CREDENTIALS},
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    "DescribeRepositories": {"repositories": [{"repositoryName": _Value.NAME, "repositoryArn": _Value.NAME}]},
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
    # A repository without a policy is an error, RepositoryPolicyNotFoundException, and no empty text.
    "GetRepositoryPolicy": {"policyText": _Value.NAME},
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
    "ListTagsForResource": {"tags": [_TAG]},
    # https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByConfigRule.html
    "GetComplianceDetailsByConfigRule": {
        "EvaluationResults": [
            {"EvaluationResultIdentifier": {"EvaluationResultQualifier": _QUALIFIER}, "ResultRecordedTime": _Value.TIME}
        ]
    },
    # https://docs.aws.amazon.com/config/latest/APIReference/API_GetResourceConfigHistory.html
    "GetResourceConfigHistory": {"configurationItems": [_ITEM]},
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    "ListAccounts": {"Accounts": [{"Id": _Value.NAME}]},
    # https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
    # Whether AWS Config sends FailedEvaluations when it refuses none is undocumented.
    "PutEvaluations": {},
}
"""By operation: the elements without which the rule would take an answer for another one."""
_TOKENS: Final = ("nextToken", "NextToken")


def check_answers_of(client: "BaseClient") -> None:
    """Make the client raise EvaluationError, which names call and place, for an answer that is not complete."""
    client.meta.events.register("before-parse", check_body)
    client.meta.events.register("after-call", check_answer)


def pages(client: "BaseClient", operation: str, token_name: str, **parameters: object) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list; raise EvaluationError for a page token that came before: the list would not end.

    operation: as boto3 spells it. botocore's paginators only recognize a token that comes twice in a row.
    """
    tokens: set[str] = set()
    following: dict[str, str] = {}
    while True:
        page = getattr(client, operation)(**parameters, **following)
        yield page
        token = page.get(token_name)
        if not token:
            return
        if token in tokens:
            raise EvaluationError(f"{client.meta.method_to_api_mapping[operation]}: a page token came twice")
        tokens.add(token)
        following = {token_name: token}


def check_body(operation_model: "OperationModel", response_dict: dict[str, Any], **_: object) -> None:
    """Raise EvaluationError unless the body is one that botocore can read; botocore's event ``before-parse``.

    The body of an error is replaced where botocore could not read it: then the HTTP status is the error code, so that
    a proxy's page with status 503 is retried like every other 503.
    """
    is_json = operation_model.service_model.resolved_protocol == "json"
    body = response_dict["body"]
    if response_dict["status_code"] >= _FIRST_ERROR_STATUS:
        if is_json:
            response_dict["body"] = _error_body(body)
        elif response_dict["status_code"] >= _FIRST_SERVER_ERROR_STATUS and b"<ErrorResponse" not in body:
            response_dict["body"] = b""
    elif is_json:
        content = _decoded(body)
        if not isinstance(content, dict):
            raise _error(operation_model, "", "the answer is not a JSON object")
        if operation_model.output_shape is not None:
            _check_shape(operation_model, operation_model.output_shape, content, "")


def check_answer(http_response: "AWSResponse", parsed: Mapping[str, Any], model: "OperationModel", **_: object) -> None:
    """Raise EvaluationError if an element of `ANSWERS`, or an error's code, is missing; botocore's ``after-call``."""
    if http_response.status_code >= _FIRST_ERROR_STATUS:
        if not isinstance(parsed.get("Error", {}).get("Code"), str):
            raise _error(model, "", f"the answer with HTTP status {http_response.status_code} is no error of AWS")
        return
    for name in _TOKENS:
        # botocore takes 0 and [] for the end of the list.
        if parsed.get(name) is not None and not isinstance(parsed[name], str):
            raise _error(model, name, f"{describe(parsed[name])} is not a string")
    _check_form(model, ANSWERS[model.name], parsed, "")


def _decoded(body: bytes) -> object:
    try:
        # As botocore decodes it: json.loads would also accept other encodings, and a byte order mark.
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


def _error_body(body: bytes) -> bytes:
    content = _decoded(body)
    content = content if isinstance(content, dict) else {}
    # Services differ in the letter case: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
    message = content.get("message", content.get("Message"))
    kept = {"__type": content.get("__type"), "message": message}
    return json.dumps({name: value for name, value in kept.items() if isinstance(value, str)}).encode()


def _check_shape(model: "OperationModel", shape: "Shape", value: object, place: str) -> None:
    """Raise EvaluationError where botocore's parser would stumble: it asks for no type."""
    if value is None or shape.type_name not in _PARSED:
        return
    if not _PARSED[shape.type_name](value):
        raise _error(model, place, f"{describe(value)} is not a {shape.type_name}")
    for name, member, element in _parts(shape, value):
        _check_shape(model, member, element, f"{place}{name}".removeprefix("."))


def _parts(shape: "Shape", value: object) -> Iterator[tuple[str, "Shape", object]]:
    """Yield the place, the shape and the value of each part of a structure, list or map."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            yield f".{name}", member, value.get(member.serialization.get("name", name))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for at, element in enumerate(value):
            yield f"[{at}]", shape.member, element
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for name, element in value.items():
            yield f".{name}", shape.value, element


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        parse_timestamp(value)  # type: ignore[arg-type]  # numbers are what AWS sends
    except (ValueError, OverflowError, RuntimeError):
        return False
    return True


_PARSED: Final[Mapping[str, Callable[[object], bool]]] = {
    "structure": lambda value: isinstance(value, dict),
    "map": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list) and None not in value,
    "timestamp": _is_time,
}
"""What botocore's parser needs of each kind of value; it returns all other kinds as they are."""


def _check_form(model: "OperationModel", form: _Form, value: object, place: str) -> None:
    if isinstance(form, Mapping):
        if not isinstance(value, Mapping):
            raise _error(model, place, f"{describe(value)} is not an object")
        for name, element in form.items():
            _check_form(model, element, value.get(name), _joined(place, name))
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise _error(model, place, f"{describe(value)} is not a list")
        for at, element in enumerate(value):
            _check_form(model, form[0], element, f"{place}[{at}]")
    elif not _is(form, value):
        raise _error(model, place, f"{describe(value)} is not {form.value}")


def _is(kind: _Value, value: object) -> bool:
    if kind is _Value.TIME:
        return isinstance(value, datetime) and value.tzinfo is not None
    return isinstance(value, str) and (kind is _Value.TEXT or bool(value.strip()))


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _error(model: "OperationModel", place: str, problem: str) -> EvaluationError:
    call = f"{model.service_model.service_name}:{model.name}"
    return EvaluationError(": ".join(part for part in (call, place, problem) if part))
