"""parameters.yaml as preflight writes it, read by SAM CLI's own reader."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.values.parameters_file import parse, read_parameters, write_parameters
from ecr_exposure.cli.values.sam_deploy import configuration_finding, deploy_commands, values_are_read
from tests.commands.sam_reader import SamReader, sam_reader
from tests.deployment.sam import ROOT, run

VALUES: Final[Mapping[str, str]] = {
    "IncludeManagementAccount": "true",
    "MaximumExecutionFrequency": "Off",
    "LogRetentionInDays": "365",
    "ManagementAccountId": "000011112222",
    "ExcludedAccounts": ",".join(f"{number:012}" for number in range(315)),
    "excludedPublicRepositories": "*,000011112222:team/?-public/*",
    "excludedPublicTag": "dp:exclude:identity",
    "OrganizationId": "o-0123456789",
    "AlarmTopicName": "",
    "Text": "a # b: 'c' \\d, 2026-01-31, ~, größe, \U0001f600",
}


@pytest.fixture(scope="module")
def sam(tools: Path) -> Iterator[SamReader]:
    """Return SAM CLI's reader."""
    assert tools.exists()
    with sam_reader() as reader:
        yield reader


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the files of the repository that `sam deploy` and preflight read."""
    for name in ("parameters.yaml", "samconfig.toml", "template.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


class TestFile:
    """`parameter_overrides = "file://parameters.yaml"`."""

    def test_every_kind_of_value_arrives_as_it_was_written(self, project: Path, sam: SamReader) -> None:
        file = project / "parameters.yaml"
        write_parameters(file, read_parameters(file).with_values(VALUES))
        assert sam.overrides(project, "file://parameters.yaml") == VALUES
        assert sam.configuration(project)[0] == VALUES

    def test_committed_file_of_comments_has_no_values(self, project: Path, sam: SamReader) -> None:
        values, settings = sam.configuration(project)
        assert values == {} == read_parameters(project / "parameters.yaml").values
        assert settings["parameter_overrides"] == "file://parameters.yaml"
        assert settings["confirm_changeset"] is False
        assert settings["stack_name"] == "ecr-repository-no-public-access"
        assert values_are_read(project / "parameters.yaml")

    def test_line_for_all_commands_serves_sam_deploy(self, project: Path, sam: SamReader) -> None:
        samconfig, line = project / "samconfig.toml", 'parameter_overrides = "file://parameters.yaml"\n'
        section = "[default.global.parameters]\n"
        text = samconfig.read_text()
        assert text.count(line) == text.count(section) == 1
        samconfig.write_text(text.replace(line, "").replace(section, section + line))
        assert sam.configuration(project)[1]["parameter_overrides"] == "file://parameters.yaml"
        assert values_are_read(project / "parameters.yaml")

    def test_examples_in_the_committed_file_are_read_without_their_marks(self, project: Path, sam: SamReader) -> None:
        file = project / "parameters.yaml"
        text = file.read_text()
        comments, _, examples = text.partition("without the # in front:\n")
        file.write_text(comments.rpartition("\n")[0] + "\n" + examples.replace("# ", ""))
        assert len(sam.overrides(project, "file://parameters.yaml")) == 3
        assert sam.overrides(project, "file://parameters.yaml") == read_parameters(file).values

    def test_arguments_beside_the_file_replace_its_values(self, project: Path, sam: SamReader) -> None:
        """As in the command that preflight prints for a Region."""
        file = project / "parameters.yaml"
        write_parameters(file, read_parameters(file).with_values(VALUES))
        other = {"ExcludedAccounts": "000011112222,444455556666", "AlarmTopicName": "alarms", "OrganizationId": ""}
        (command,) = deploy_commands(file, {"us-east-1": other}, None, project)
        words = command.replace("'", "").split(" --parameter-overrides ")[1].split()
        assert sam.overrides(project, *words) == {**VALUES, **other}

    @pytest.mark.parametrize(
        "raw",
        [
            b'\xef\xbb\xbfManagementAccountId: "000011112222"\r\nDeployAs: "account-rule"',
            b"# a\n---\n# b\n  ManagementAccountId: '000011112222' # c\n  DeployAs: account-rule\n...\n# d\n",
            b'DeployAs:\n- "x"\n- account-rule\n\nManagementAccountId: >-\n  000011112222\n\n# end\n',
            b"DeployAs: [x, 'account-rule', '', ~]\nManagementAccountId: !!str 1\n".replace(b"!!str 1", b'" 1"'),
            b"ManagementAccountId:\nDeployAs: ~",
        ],
    )
    @pytest.mark.parametrize("values", [{"DeployAs": "a,b"}, {"ManagementAccountId": "0001"}, {"New": "1", "Two": ""}])
    def test_changed_files_of_every_form_are_read_alike(
        self, raw: bytes, values: dict[str, str], project: Path, sam: SamReader
    ) -> None:
        file = project / "parameters.yaml"
        file.write_bytes(raw)
        before = read_parameters(file)
        assert sam.overrides(project, "file://parameters.yaml") == before.values
        write_parameters(file, before.with_values(values))
        assert sam.overrides(project, "file://parameters.yaml") == {**before.values, **values}


class TestStack:
    """What `sam deploy` sends to CloudFormation."""

    def test_parameter_that_the_file_lacks_keeps_the_value_of_the_stack(
        self, tools: Path, environment: dict[str, str], tmp_path: Path
    ) -> None:
        """So says parameters.yaml; a new stack gets the default."""
        merge = (
            "import json; from samcli.commands.deploy.deploy_context import DeployContext; "
            'print(json.dumps(DeployContext.merge_parameters({"Parameters": {"A": {}, "B": {}}}, {"B": ""})))'
        )
        assert json.loads(run((tools / "python", "-c", merge), cwd=tmp_path, env=environment).stdout) == [
            {"ParameterKey": "A", "UsePreviousValue": True},
            {"ParameterKey": "B", "ParameterValue": ""},
        ]


class TestGuided:
    """`sam deploy --guided`, answered with Y at "Save arguments to configuration file"."""

    def test_line_that_it_replaces_is_noticed(
        self, tools: Path, environment: dict[str, str], project: Path, sam: SamReader
    ) -> None:
        save = """if True:
            from samcli.commands.deploy.guided_config import GuidedConfig
            from samcli.lib.config.samconfig import SamConfig
            config = SamConfig(".", "samconfig.toml")
            values = {"DeployAs": "account-rule", "OrganizationId": ""}
            GuidedConfig("template.yaml", "parameters")._save_parameter_overrides(["deploy"], "default", values, config)
            config.flush()
        """
        assert configuration_finding(project / "parameters.yaml") is None
        run((tools / "python", "-c", save), cwd=project, env=environment)
        assert sam.configuration(project)[0] == {"DeployAs": "account-rule", "OrganizationId": ""}
        finding = configuration_finding(project / "parameters.yaml")
        assert finding
        section, line = finding.note.removeprefix("Below ").split(", it needs this line: ")
        samconfig = project / "samconfig.toml"
        kept = [each for each in samconfig.read_text().splitlines() if not each.startswith("parameter_overrides")]
        kept.insert(kept.index(section) + 1, line)
        samconfig.write_text("\n".join(kept))
        assert sam.configuration(project)[1]["parameter_overrides"] == "file://parameters.yaml"
        assert configuration_finding(project / "parameters.yaml") is None


class TestUnquotedValues:
    """Which values SAM CLI changes."""

    @pytest.mark.parametrize(
        "text",
        """true True TRUE false yes no on off Off y n null ~ 0 1 365 -5 +5 007 000011112222 0o17 0x1F 0b11 1_000 1e3
        1.5 1.50 .5 1. .inf -.INF .nan 1:20 2026-01-31 2026-1-3 2026-01-31T10:00:00 2026-01-31T10:00:00Z = o-0123456789
        r-ab12 eu-west-1 dp:exclude:identity 000011112222,444455556666 1,000 -1_0 0_ 0888 999999999999999999999
        TwentyFour_Hours a'b a"b a\\b 'x' "x\\"y" 12e03 0.0 -0 -.5e+3 .5e3 12E-1""".split(),
    )
    def test_value_that_sam_changes_is_recognized(self, text: str, project: Path, sam: SamReader) -> None:
        (project / "parameters.yaml").write_text(f"A: {text}\nB: [x, {text}]\n")
        read = sam.overrides(project, "file://parameters.yaml")
        ours = read_parameters(project / "parameters.yaml")
        for entry in ours.entries.values():
            assert entry.unquoted or entry.value == read[entry.name]

    def test_values_that_sam_keeps_are_accepted_without_quotes(self) -> None:
        text = "A: Off\nB: 365\nC: o-0123456789\nD: public/*\nE: 444455556666,000011112222\nF: 123456789012\n"
        assert [entry.unquoted for entry in parse(text, "f").entries.values()] == [()] * 6
