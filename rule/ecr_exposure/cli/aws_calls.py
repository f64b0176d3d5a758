"""AWS clients, the errors that their calls raise, and what a failed read leaves unknown."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is no OSError
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from mypy_boto3_account import AccountClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_controltower import ControlTowerClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_securityhub import SecurityHubClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

# Throttling in a large organization is waited out; an endpoint that does not answer is given up.
_PATIENT: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,  # as many as threads share a client; botocore closes further ones after each call
    user_agent_extra="ecr-exposure",
)
# An attempt without a response may have been accepted: a repetition would be a second invocation or change.
_ONE_ATTEMPT: Final = _PATIENT.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=10))
# For thousands of calls side by side: the client slows down as soon as AWS throttles it.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_ADAPTIVE: Final = _PATIENT.merge(Config(retries={"mode": "adaptive", "total_max_attempts": 10}))
# A queue answers at once, or after the seconds that the caller asks for.
_SHORT_WAIT: Final = _PATIENT.merge(Config(read_timeout=10))
_FIRST_ERROR_STATUS: Final = 300
_TOO_MANY_REQUESTS: Final = 429
_JSON_PROTOCOLS: Final = ("json", "rest-json")
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_SESSION_CREDENTIALS: Final[Mapping[str, str]] = MappingProxyType({})
# Threads may share clients, but not the session while it creates one:
# https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
_CREATING: Final = Lock()

_Value = TypeVar("_Value")
_Response = TypeVar("_Response")
_Client = TypeVar("_Client", bound=BaseClient)


class NotAwsError(Exception):
    """A response that did not come from AWS, but for example from a proxy."""


# All that a call can raise: AWS's own errors, failed connections, and responses that are not from AWS.
AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError, NotAwsError)

# https://docs.aws.amazon.com/boto3/latest/guide/retries.html lists what botocore repeats a few times within seconds.
_NO_RESPONSE: Final = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError, NotAwsError)
_THROTTLED: Final = frozenset(
    """Throttling ThrottlingException ThrottledException RequestThrottledException TooManyRequestsException
    ProvisionedThroughputExceededException TransactionInProgressException RequestLimitExceeded RequestThrottled
    BandwidthLimitExceeded LimitExceededException SlowDown PriorRequestNotComplete EC2ThrottledException
    RequestTimeout RequestTimeoutException""".split()
)


# Of the operator's credentials, midway: of a role's session, a signature, a sign-in by AWS IAM Identity Center.
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_NO_RENEWAL: Final = (CredentialRetrievalError, SSOTokenLoadError, TokenRetrievalError, UnauthorizedSSOTokenError)
_LONGEST_MESSAGE: Final = 200


class CredentialsExpiredError(Exception):
    """The operator's credentials expired while the command ran: every further call would fail."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be read, with the reason: neither present nor missing."""

    reason: str


class Clients:
    """The clients of one session, region and set of credentials, each created on first use.

    A call whose success did not come from AWS raises NotAwsError.
    """

    def __init__(
        self, session: boto3.Session, region: str, credentials: Mapping[str, str] = _SESSION_CREDENTIALS
    ) -> None:
        """Credentials are arguments of ``Session.client``; without them the session's own are used."""
        self._session = session
        self._arguments: dict[str, Any] = {"region_name": region, "config": _PATIENT, **credentials}

    @cached_property
    def account(self) -> "AccountClient":
        """AWS Account Management."""
        with _CREATING:
            client: AccountClient = self._session.client("account", **self._arguments)
        return _guarded(client)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """AWS CloudFormation."""
        with _CREATING:
            client: CloudFormationClient = self._session.client("cloudformation", **self._arguments)
        return _guarded(client)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """Amazon CloudWatch."""
        with _CREATING:
            client: CloudWatchClient = self._session.client("cloudwatch", **self._arguments)
        return _guarded(client)

    @cached_property
    def config(self) -> "ConfigServiceClient":
        """AWS Config."""
        with _CREATING:
            client: ConfigServiceClient = self._session.client("config", **self._arguments)
        return _guarded(client)

    @cached_property
    def config_reads(self) -> "ConfigServiceClient":
        """AWS Config, for many calls side by side: it keeps to the rate that AWS accepts."""
        with _CREATING:
            client: ConfigServiceClient = self._session.client("config", **{**self._arguments, "config": _ADAPTIVE})
        return _guarded(client)

    @cached_property
    def control_tower(self) -> "ControlTowerClient":
        """AWS Control Tower."""
        with _CREATING:
            client: ControlTowerClient = self._session.client("controltower", **self._arguments)
        return _guarded(client)

    @cached_property
    def ecr(self) -> "ECRClient":
        """Amazon ECR."""
        with _CREATING:
            client: ECRClient = self._session.client("ecr", **self._arguments)
        return _guarded(client)

    @cached_property
    def ecr_changes(self) -> "ECRClient":
        """Amazon ECR, with one attempt for each call: who changes a policy looks at it before a repetition."""
        with _CREATING:
            client: ECRClient = self._session.client("ecr", **{**self._arguments, "config": _ONE_ATTEMPT})
        return _guarded(client)

    @cached_property
    def ecr_reads(self) -> "ECRClient":
        """Amazon ECR, for many calls side by side: it keeps to the rate that AWS accepts."""
        with _CREATING:
            client: ECRClient = self._session.client("ecr", **{**self._arguments, "config": _ADAPTIVE})
        return _guarded(client)

    @cached_property
    def functions(self) -> "LambdaClient":
        """AWS Lambda."""
        with _CREATING:
            client: LambdaClient = self._session.client("lambda", **self._arguments)
        return _guarded(client)

    @cached_property
    def iam(self) -> "IAMClient":
        """AWS IAM."""
        with _CREATING:
            client: IAMClient = self._session.client("iam", **self._arguments)
        return _guarded(client)

    @cached_property
    def invocations(self) -> "LambdaClient":
        """AWS Lambda, with one attempt for each call: who invokes a function decides what is repeated."""
        with _CREATING:
            client: LambdaClient = self._session.client("lambda", **{**self._arguments, "config": _ONE_ATTEMPT})
        return _guarded(client)

    @cached_property
    def kms(self) -> "KMSClient":
        """AWS KMS."""
        with _CREATING:
            client: KMSClient = self._session.client("kms", **self._arguments)
        return _guarded(client)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """Amazon CloudWatch Logs."""
        with _CREATING:
            client: CloudWatchLogsClient = self._session.client("logs", **self._arguments)
        return _guarded(client)

    @cached_property
    def organizations(self) -> "OrganizationsClient":
        """AWS Organizations."""
        with _CREATING:
            client: OrganizationsClient = self._session.client("organizations", **self._arguments)
        return _guarded(client)

    @cached_property
    def security_hub(self) -> "SecurityHubClient":
        """AWS Security Hub."""
        with _CREATING:
            client: SecurityHubClient = self._session.client("securityhub", **self._arguments)
        return _guarded(client)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Amazon SQS."""
        with _CREATING:
            client: SQSClient = self._session.client("sqs", **{**self._arguments, "config": _SHORT_WAIT})
        return _guarded(client)

    @cached_property
    def sts(self) -> "STSClient":
        """AWS STS."""
        with _CREATING:
            client: STSClient = self._session.client("sts", **self._arguments)
        return _guarded(client)


def required(response: _Response, read: Callable[[_Response], _Value]) -> _Value:
    """Return a member that AWS always sends; raises NotAwsError where the response lacks it."""
    try:
        return read(response)
    except KeyError as error:
        raise NotAwsError(f"the response has no {error}, so it did not come from AWS") from None


def entries(pages: Iterable[_Response], read: Callable[[_Response], Iterable[_Value]]) -> Iterator[_Value]:
    """Return a list's entries over all pages; raises NotAwsError where a page has no such list."""
    for page in pages:
        yield from required(page, read)


def attempt(read: Callable[[], _Value], failure: str = "") -> _Value | Unknown:
    """Return what is read, or why it could not be read, with words about the failure in front if given.

    Raises CredentialsExpiredError if nothing more can be read.
    """
    try:
        return read()
    except AWS_ERRORS as error:
        if has_expired(error):
            raise CredentialsExpiredError(error_text(error)) from None
        return Unknown(f"{failure}: {error_text(error)}" if failure else error_text(error))


def error_code(error: BaseException) -> str:
    """Return AWS's code of an error, or an empty string."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def has_expired(error: BaseException) -> bool:
    """Return whether the credentials of the call have expired, or could not be renewed."""
    return error_code(error) in _EXPIRED or isinstance(error, _NO_RENEWAL)


def may_pass(error: BaseException) -> bool:
    """Return whether the call may succeed later: AWS throttled it or failed, or no response of AWS arrived."""
    if not isinstance(error, ClientError):
        return isinstance(error, _NO_RESPONSE)
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _THROTTLED or status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR


def was_retried(error: ClientError) -> bool:
    """Return whether botocore repeated the call, so that an attempt before the last one may have succeeded."""
    return int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0


def is_refusal(error: BaseException) -> bool:
    """Return whether AWS surely did nothing: a first attempt may have succeeded, and a proxy has no request id."""
    if not isinstance(error, ClientError):
        return False
    response = error.response.get("ResponseMetadata", {})
    client_error = _FIRST_CLIENT_ERROR <= response.get("HTTPStatusCode", 0) < _FIRST_SERVER_ERROR
    return client_error and bool(response.get("RequestId")) and not was_retried(error)


def error_text(error: BaseException) -> str:
    """Return an error in one printable line; one of AWS with its code, its message and the operation.

    A message is cut at 200 characters.
    """
    if isinstance(error, ClientError):
        details: Mapping[str, Any] = error.response.get("Error", {})
        message = message_text(str(details.get("Message", "")))
        return printable(f"{details.get('Code', 'Unknown')}: {message} ({error.operation_name})")
    return message_text(str(error))


def message_text(text: str) -> str:
    """Return a message of AWS in one printable line, cut at 200 characters."""
    line = printable(text)
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def printable(text: str) -> str:
    """Return a text from outside in one line, without control characters, which could move a terminal's cursor."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _guarded(client: _Client) -> _Client:
    client.meta.events.register("before-parse", _refuse_if_not_aws)
    return client


def _refuse_if_not_aws(operation_model: OperationModel, response_dict: Mapping[str, Any], **_: object) -> None:
    """Require the request id and the body that every response of AWS has.

    botocore reads an HTML page as an empty response, and fails without an error of its own at other bodies.
    """
    if response_dict["status_code"] >= _FIRST_ERROR_STATUS:
        return
    if "x-amzn-requestid" not in response_dict["headers"] or not _has_body_of_aws(operation_model, response_dict):
        raise NotAwsError(f"the response to {operation_model.name} did not come from AWS")


def _has_body_of_aws(operation_model: OperationModel, response_dict: Mapping[str, Any]) -> bool:
    shape, protocol = operation_model.output_shape, operation_model.service_model.resolved_protocol
    if shape is None or operation_model.has_streaming_output:
        return True
    body: bytes = response_dict["body"]
    if protocol == "query":
        return shape.serialization.get("resultWrapper", "").encode() in body
    if protocol not in _JSON_PROTOCOLS or not body:
        return True
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False
