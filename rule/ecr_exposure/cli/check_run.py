"""One run of ``check``: every file is read, every policy in it evaluated, and what excuses it looked up."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecr_exposure.cli.files_to_check.files import FoundFile
from ecr_exposure.cli.files_to_check.recognition import Form, Recognized, recognize
from ecr_exposure.cli.files_to_check.suppressions import Suppressions
from ecr_exposure.cli.found_policies.code_facts import CodeFacts
from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError
from ecr_exposure.cli.policies_in_json.json_documents import UnknownFormError, is_repository_policy
from ecr_exposure.cli.policies_in_terraform.terraform_folders import TerraformFolders
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.errors import ParameterError

if TYPE_CHECKING:
    from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy

_ACCEPTED: Final = (
    "a repository policy, output of aws ecr get-repository-policy, a configuration item, event, snapshot or history of "
    "AWS Config; with repositories of Amazon ECR, a CloudFormation template, a Terraform plan or Terraform source"
)


class Facts(NamedTuple):
    """What the options say about the code; see CodeFacts."""

    owner: str | None
    region: str | None
    parameters: Mapping[str, str]


class CheckRun:
    """What was found so far."""

    def __init__(
        self,
        judgement: Judgement,
        suppressions: Suppressions | None,
        facts: Facts,
        *,
        is_ignored: Callable[[str], bool],
        accepts_any_file: bool,
    ) -> None:
        """suppressions: None with --no-suppressions. accepts_any_file: a named file without policies is no error."""
        self.judgement, self.suppressions, self._facts = judgement, suppressions, facts
        self._is_ignored, self._accepts_any_file = is_ignored, accepts_any_file
        self._terraform = TerraformFolders(self._read_comments)
        self._terraform_files: list[FoundFile] = []
        self._kept: dict[Hashable, Any] = {}
        self.policies: list[CheckedPolicy] = []
        self.errors: list[NotReadError] = []
        self._messages: set[str] = set()
        self.notes: list[str] = []
        self.files_read = self.recognized = 0

    def check(self, found: FoundFile) -> None:
        """Read a file, and evaluate its policies; what cannot be read is one of the errors."""
        try:
            recognized = recognize(found)
        except NotReadError as error:
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
        except NotReadError as error:
            self.add_error(error)
        else:
            self._terraform_files.append(found)

    def finish(self) -> None:
        """Evaluate the Terraform source of the files that were checked: each of them stands for its folder."""
        errors: list[NotReadError] = []
        facts = self._code_facts(errors.append)
        try:
            for policy in self._terraform.policies(facts) if self._terraform_files else ():
                if not self._is_ignored(policy.file):
                    self._judge(policy)
        except Exception as error:  # noqa: BLE001 - whatever a file causes, the others are checked
            self.add_error(_unexpected(self._terraform_files[0].shown, error))
        for each in errors:
            if self._terraform.matters(each.place) and not self._is_ignored(each.place):
                self.add_error(each)
        # A template that code fills in is no policy by itself, and need not be JSON.
        is_template = self._terraform.is_template
        self.errors = [each for each in self.errors if not is_template(each.place)]
        alone = (
            each for each in self.policies if each.found.kind is not Kind.POLICY or not is_template(each.found.file)
        )
        self.policies = list(alone)
        for found in self._terraform_files:
            if self._terraform.matters(found.shown):
                self.recognized += 1
            else:
                self._is_not_recognized(found)

    def add_error(self, error: NotReadError) -> None:
        """Add what cannot be read, once: a module may be called often."""
        if error.message not in self._messages:
            self._messages.add(error.message)
            error.__traceback__ = error.__context__ = None  # whose frames hold the content of the file
            self.errors.append(error)

    def _is_not_recognized(self, found: FoundFile) -> None:
        if found.is_named and not self._accepts_any_file:
            self.add_error(NotReadError(found.shown, None, f"nothing to check in it (accepted: {_ACCEPTED})"))

    def _read_comments(self, file: str, text: str) -> None:
        if self.suppressions is not None and not file.endswith(".json"):
            self.suppressions.read_comments(file, text)

    def _code_facts(self, problem: Callable[[NotReadError], None]) -> CodeFacts:
        return CodeFacts(**self._facts._asdict(), problem=problem, note=self._note, kept=self._kept)

    def _read(self, found: FoundFile, recognized: Recognized, problem: Callable[[NotReadError], None]) -> bool:
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
        except NotReadError as error:
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
            self.add_error(NotReadError(found.file, found.span.line, f"{error}{hint}"))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _unexpected(file: str, error: Exception) -> NotReadError:
    return NotReadError(file, None, f"cannot be read: unexpected error: {type(error).__name__}")


def _ignore(_problem: NotReadError) -> None:
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
