"""One run of ``check``: every file is read, every policy in it evaluated, and what excuses it looked up."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from ecr_exposure.cli.check_report.checked_policy import CheckedPolicy, Question, Result
from ecr_exposure.cli.policies_in_files.code_facts import NAMED_ACCOUNT, CodeFacts
from ecr_exposure.cli.policies_in_files.files import FoundFile
from ecr_exposure.cli.policies_in_files.found_policy import FileError, FoundPolicy, Kind
from ecr_exposure.cli.policies_in_files.json_documents import UnknownFormError, is_repository_policy
from ecr_exposure.cli.policies_in_files.outcome import Outcome, evaluate
from ecr_exposure.cli.policies_in_files.recognition import Form, Recognized, recognize
from ecr_exposure.cli.policies_in_files.suppressions import Excuse, Suppressions
from ecr_exposure.cli.policies_in_files.terraform_folders import TerraformFolders
from ecr_exposure.errors import ParameterError
from ecr_exposure.findings.access_tests import EXTERNAL
from ecr_exposure.parameters import PublicRepository
from ecr_exposure.policy.json_values import describe

FAIL, WARN = "fail", "warn"
_CODE: Final = (Kind.CLOUDFORMATION, Kind.TERRAFORM_PLAN, Kind.TERRAFORM_SOURCE)
_ACCEPTED: Final = (
    "a repository policy, output of aws ecr get-repository-policy, a configuration item, event, snapshot or history of "
    "AWS Config; with repositories of Amazon ECR, a CloudFormation template, a Terraform plan or Terraform source"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How policies are evaluated.

    unknown: fail or warn; None for warn in Terraform source, and fail elsewhere. now: aware.
    suppressions: None with --no-suppressions.
    """

    question: Question
    members: tuple[str, ...] = ()
    public_repositories: tuple[PublicRepository, ...] = ()
    unknown: str | None = None
    suppressions: Suppressions | None = None
    now: datetime

    def judged(self, found: FoundPolicy) -> CheckedPolicy:
        """Return a policy with its result; raises ParameterError, for example without an owner that is needed."""
        question = self.question
        owner = found.account or question.owner
        if owner is None and question.test == EXTERNAL.name and found.kind in _CODE:
            owner = NAMED_ACCOUNT  # as which the code names its own account
        outcome = evaluate(
            found.policy,
            test=question.test,
            owner=owner,
            region=found.region or question.region,
            members=self.members,
            trusted_accounts=question.trusted_accounts,
            trusted_organizations=question.trusted_organizations,
            resource_tags=found.tags,
            now=self.now,
        )
        excuse = self._excuse_of(found)
        result = _result_of(outcome, excuse)
        notes = excuse.notes
        if excuse.text is not None and result in (Result.PUBLIC, Result.UNKNOWN):
            notes = (*notes, f"not excused, because more than pull and discover is allowed: {excuse.text}")
        return CheckedPolicy(
            found=found,
            outcome=outcome,
            result=result,
            excuse=excuse.text if result is Result.PUBLIC_ON_PURPOSE else None,
            notes=notes,
            is_warning=result is Result.UNKNOWN and self._warns(found.kind),
        )

    def _excuse_of(self, found: FoundPolicy) -> Excuse:
        excuse = self.suppressions.excuse_of(found) if self.suppressions else Excuse(None)
        if excuse.text is None and isinstance(found.repository, str):
            for entry in self.public_repositories:
                if entry.covers(found.account or self.question.owner or "", found.repository):
                    return Excuse(f"--public-repository {describe(str(entry))}", excuse.notes)
        return excuse

    def _warns(self, kind: Kind) -> bool:
        return self.unknown == WARN or (self.unknown is None and kind is Kind.TERRAFORM_SOURCE)


def _result_of(outcome: Outcome, excuse: Excuse) -> Result:
    verdict = outcome.verdict
    if verdict.compliance == "COMPLIANT":
        return Result.CLOSED
    if verdict.problem is not None:
        return Result.UNKNOWN if outcome.unknown else Result.CANNOT_BE_EVALUATED
    if excuse.text is not None and outcome.is_excusable:
        return Result.PUBLIC_ON_PURPOSE
    return Result.UNKNOWN if outcome.unknown else Result.PUBLIC


class Facts(NamedTuple):
    """What the options say about the code; see CodeFacts."""

    owner: str | None
    region: str | None
    parameters: Mapping[str, str]


class CheckRun:
    """What was found so far."""

    def __init__(
        self, judgement: Judgement, facts: Facts, *, is_ignored: Callable[[str], bool], accepts_any_file: bool
    ) -> None:
        """accepts_any_file: a file of the command line that holds nothing to check is no error."""
        self.judgement, self._facts = judgement, facts
        self._is_ignored, self._accepts_any_file = is_ignored, accepts_any_file
        self._terraform = TerraformFolders(self._read_comments)
        self._terraform_files: list[FoundFile] = []
        self._kept: dict[Hashable, Any] = {}
        self.policies: list[CheckedPolicy] = []
        self.errors: list[FileError] = []
        self._messages: set[str] = set()
        self.notes: list[str] = []
        self.files_read = self.recognized = 0

    def check(self, found: FoundFile) -> None:
        """Read a file, and evaluate its policies; what cannot be read is one of the errors."""
        try:
            recognized = recognize(found)
        except FileError as error:
            self.add_error(error)
            return
        self._check(found, recognized)
        self.files_read += 1

    def _check(self, found: FoundFile, recognized: Recognized | None) -> None:
        if recognized is None:
            self._is_not_recognized(found)
        elif recognized.form is Form.TERRAFORM_SOURCE:
            self._add_terraform(found, str(recognized.text))
        else:
            if recognized.has_comments and recognized.counts_errors:
                self._read_comments(found.shown, str(recognized.text))
            problem = self.add_error if recognized.counts_errors else _ignore
            if self._read(found, recognized, problem):
                self.recognized += 1

    def _add_terraform(self, found: FoundFile, text: str) -> None:
        try:
            self._terraform.add(found.shown, text)
        except FileError as error:
            self.add_error(error)
        else:
            self._terraform_files.append(found)

    def finish(self) -> None:
        """Evaluate the Terraform source of the files that were checked: each of them stands for its folder."""
        errors: list[FileError] = []
        facts = self._code_facts(errors.append)
        try:
            for policy in self._terraform.policies(facts) if self._terraform_files else ():
                if not self._is_ignored(policy.file):
                    self._judge(policy)
        except Exception as error:  # noqa: BLE001 - whatever a file causes, the others are checked
            self.add_error(_unexpected(self._terraform_files[0].shown, error))
        for each in errors:
            if self._terraform.matters(each.file) and not self._is_ignored(each.file):
                self.add_error(each)
        # A template that code fills in is no policy by itself, and need not be JSON.
        is_template = self._terraform.is_template
        self.errors = [each for each in self.errors if not is_template(each.file)]
        alone = (
            each for each in self.policies if each.found.kind is not Kind.POLICY or not is_template(each.found.file)
        )
        self.policies = list(alone)
        for found in self._terraform_files:
            if self._terraform.matters(found.shown):
                self.recognized += 1
            else:
                self._is_not_recognized(found)

    def add_error(self, error: FileError) -> None:
        """Add what cannot be read, once: a module may be called often."""
        if error.message not in self._messages:
            self._messages.add(error.message)
            error.__traceback__ = error.__context__ = None  # whose frames hold the content of the file
            self.errors.append(error)

    def _is_not_recognized(self, found: FoundFile) -> None:
        if found.is_named and not self._accepts_any_file:
            self.add_error(FileError(found.shown, None, f"nothing to check in it (accepted: {_ACCEPTED})"))

    def _read_comments(self, file: str, text: str) -> None:
        if self.judgement.suppressions is not None and not file.endswith(".json"):
            self.judgement.suppressions.read_comments(file, text)

    def _code_facts(self, problem: Callable[[FileError], None]) -> CodeFacts:
        return CodeFacts(**self._facts._asdict(), problem=problem, note=self._note, kept=self._kept)

    def _read(self, found: FoundFile, recognized: Recognized, problem: Callable[[FileError], None]) -> bool:
        """Evaluate the policies of a file; return whether it is what it seemed to be."""
        count = 0
        try:
            for policy in _read_as(recognized, found, self._code_facts(problem)):
                if found.is_named or not _is_of_another_service(policy):
                    count += 1
                    self._judge(policy)
        except UnknownFormError as error:
            if found.is_named and not self._accepts_any_file:
                self.add_error(error)
            return False
        except FileError as error:
            problem(error)
            return recognized.counts_errors
        except Exception as error:  # noqa: BLE001 - whatever a file causes, the others are checked
            problem(_unexpected(found.shown, error))
            return recognized.counts_errors
        return count > 0 or recognized.form not in (Form.JSON, Form.JSON_LINES)

    def _judge(self, found: FoundPolicy) -> None:
        try:
            self.policies.append(self.judgement.judged(found))
        except ParameterError as error:
            hint = ": add --owner" if found.account is None and self.judgement.question.owner is None else ""
            self.add_error(FileError(found.file, found.span.line, f"{error}{hint}"))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _unexpected(file: str, error: Exception) -> FileError:
    return FileError(file, None, f"cannot be read: unexpected error: {type(error).__name__}")


def _ignore(_problem: FileError) -> None:
    """Ignore what is wrong in a file that is, then, none of those that are checked."""


def _read_as(recognized: Recognized, found: FoundFile, facts: CodeFacts) -> Iterator[FoundPolicy]:
    if recognized.text is not None:
        yield from recognized.form.read(found.shown, recognized.text, facts)
        return
    with found.open() as stream:
        yield from recognized.form.read(found.shown, stream, facts)


def _is_of_another_service(found: FoundPolicy) -> bool:
    """Return whether a policy that stands alone in a file of a folder is none of a repository."""
    return found.kind is Kind.POLICY and found.repository is None and not is_repository_policy(found.policy)
