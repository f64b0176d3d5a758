"""The folder of template.yaml and parameters.yaml: which values the stack has, and what is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecr_exposure.cli.command_line import CannotRunError
from ecr_exposure.cli.prerequisites.finding import Finding, Level
from ecr_exposure.cli.values.parameters_file import Entry, quoted, read_parameters, write_parameters
from ecr_exposure.cli.values.sam_deploy import configuration_finding
from ecr_exposure.cli.values.template_parameters import (
    TEMPLATE,
    TemplateParameters,
    read_content,
    template_parameters,
)
from ecr_exposure.cli.values.template_rules import TemplateRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFolder:
    """The file of the stack's values, beside the template."""

    file: Path
    """As the operator named it."""
    parameters: TemplateParameters
    rules: TemplateRules

    @property
    def values(self) -> dict[str, str]:
        """The values that the file has now."""
        return read_parameters(self.file).values

    def set_values(self, assignments: Sequence[str]) -> dict[str, str]:
        """Write values of the form NAME=VALUE; CannotRunError, and nothing written, if one is not accepted."""
        values: dict[str, str] = {}
        for assignment in assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise CannotRunError(f"--set: {assignment!r} is not of the form NAME=VALUE")
            if name in values:
                raise CannotRunError(f"--set: {name} has two values")
            problem = self.parameters.problem(name, value)
            if problem:
                raise CannotRunError(f"--set: {problem}")
            values[name] = value
        self._write(values)
        return values

    def add_values(self, values: Mapping[str, str]) -> dict[str, str]:
        """Write the values that the file still lacks and the template accepts; return them."""
        present = self.values
        added = {name: value for name, value in self.accepted(values).items() if name not in present}
        self._write(added)
        return added

    def accepted(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the values that the template accepts."""
        return {name: value for name, value in values.items() if not self.parameters.problem(name, value)}

    def _write(self, values: Mapping[str, str]) -> None:
        """Write values; a file that has them stays as it is."""
        before = read_parameters(self.file)
        after = before.with_values(values)
        if after.text != before.text:
            write_parameters(self.file, after)

    def place(self, name: str) -> str:
        """Return where the file has a value, or the file if it has none."""
        entry = read_parameters(self.file).entries.get(name)
        return f"{self.file}, line {entry.line}" if entry else str(self.file)

    def findings(self) -> Iterator[Finding]:
        """Yield what ``sam deploy`` would ignore, change or refuse."""
        for entry in read_parameters(self.file).entries.values():
            yield from self._findings_of(entry)
        configuration = configuration_finding(self.file)
        if configuration:
            yield configuration

    def _findings_of(self, entry: Entry) -> Iterator[Finding]:
        where = self.place(entry.name)
        problem = self.parameters.problem(entry.name, entry.value)
        if problem:
            known = entry.name in self.parameters
            note = f"Change it: --set {entry.name}=VALUE" if known else "sam deploy ignores it without a word."
            yield Finding(level=Level.MISSING, problem=problem, where=where, note=note)
        elif entry.unquoted:
            values = ", ".join(entry.unquoted)
            problem = f"{entry.name}: {values} has no quotes, and SAM CLI may read something else"
            note = f"Write: {entry.name}: {quoted(entry.value)}"
            yield Finding(level=Level.MISSING, problem=problem, where=where, note=note)


def open_project_folder(file: Path) -> ProjectFolder | None:
    """Return the folder of a file of values; None if it has no template.yaml.

    CannotRunError for a file or a template that cannot be read.
    """
    template = file.parent / TEMPLATE
    if not template.is_file():
        return None
    content = read_content(template)
    project = ProjectFolder(file=file, parameters=template_parameters(content), rules=TemplateRules(content))
    read_parameters(file)
    return project
