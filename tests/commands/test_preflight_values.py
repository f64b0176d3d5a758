"""``preflight`` and parameters.yaml: what it adds, sets, leaves and prints about it."""

import json
import os
import signal
from pathlib import Path
from typing import Final

import pytest

from ecr_exposure.cli.command_line import Environment
from ecr_exposure.cli.main import main
from ecr_exposure.cli.values.parameters_file import read_parameters
from tests.commands.conftest import RunPreflight
from tests.commands.prepared_organization import ABROAD, HOME, ONE, TWO, PreparedOrganization, refused
from tests.deployment.sam import ROOT, TEMPLATE
from tests.local_aws.calls import Call
from tests.local_aws.faults import Fault
from tests.local_aws.organization import HUB, ORGANIZATION_ID, LocalOrganization
from tests.local_aws.templates import ResolvedTemplate, read_template

COMMENTS: Final = (ROOT / "parameters.yaml").read_text(encoding="utf-8")


class TestAdding:
    """What the file lacks."""

    def test_values_of_the_organization_are_added_in_quotes(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        report = preflight(prepared)
        root = prepared.admin.org.root_id
        assert report.status == 0
        assert project.read_text() == COMMENTS + (
            f'OrganizationId: "{ORGANIZATION_ID}"\nOrganizationRootId: "{root}"\n'
            f'ManagementAccountId: "{HUB}"\nHomeRegion: "{HOME}"\n'
        )
        at = report.lines.index("Parameter values added to parameters.yaml")
        assert report.lines[at:] == [
            "Parameter values added to parameters.yaml",
            f"  OrganizationId={ORGANIZATION_ID}",
            f"  OrganizationRootId={root}",
            f"  ManagementAccountId={HUB}",
            f"  HomeRegion={HOME} (the first of the named Regions that every account has enabled; it cannot be changed "
            "after the first deployment)",
            "",
            f"Deploy with credentials of account {HUB} (master) when nothing is missing:",
            "    sam build && sam deploy --region eu-west-1",
            "    sam deploy --region us-east-1",
            "",
            "Ready to deploy",
        ]

    @pytest.mark.parametrize("shape", ["organization-conformance-pack", "organization-rule", "account-rule"])
    def test_template_accepts_the_file_in_every_shape(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path, shape: str
    ) -> None:
        for region in (HOME, ABROAD):
            prepared.remove_recorder(ONE, region)
        preflight(prepared, "--set", f"DeployAs={shape}")
        values = read_parameters(project).values
        assert ("ExcludedAccounts" in values) == (shape != "account-rule")
        for region in (HOME, ABROAD):
            assert ResolvedTemplate(read_template(TEMPLATE), values, region=region).violations == []

    def test_invoking_accounts_are_the_active_ones(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        prepared.admin.close_account(AccountId=TWO)
        report = preflight(prepared, "--set", "InvokePermission=accounts", regions=HOME)
        values = read_parameters(project).values
        assert report.values["InvokingAccounts"] == values["InvokingAccounts"] == f"{HUB},{ONE}"
        assert ResolvedTemplate(read_template(TEMPLATE), values).violations == []

    def test_second_run_changes_nothing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        prepared.remove_recorder(ONE)
        prepared.remove_recorder(ONE, ABROAD)
        preflight(prepared, "--set", "publicAccessTest=reachable")
        before = project.read_bytes()
        os.utime(project, (1, 1))
        report = preflight(prepared, "--set", "publicAccessTest=reachable")
        assert (project.read_bytes(), project.stat().st_mtime) == (before, 1)
        assert "Parameter values: nothing to add to parameters.yaml" in report.lines
        assert "would choose" not in report.text
        assert read_parameters(project).values["ExcludedAccounts"] == ONE

    def test_values_that_are_there_stay_and_the_choice_is_printed(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        text = "OrganizationId: 'o-another001' # theirs\nExcludedAccounts: ''\nHomeRegion: us-east-1\n"
        project.write_text(text)
        for region in (HOME, ABROAD):
            prepared.remove_recorder(ONE, region)
        report = preflight(prepared)
        assert project.read_text().startswith(text)
        assert (
            "parameters.yaml says OrganizationId=o-another001; preflight would choose o-exampleorg1: "
            "--set OrganizationId=o-exampleorg1"
        ) in report.lines
        assert (
            f"parameters.yaml says ExcludedAccounts=; preflight would choose {ONE} "
            f"(not ACTIVE, or without a recorder in every named Region): --set ExcludedAccounts={ONE}"
        ) in report.lines
        assert "says HomeRegion" not in report.text
        assert "    sam build && sam deploy --region us-east-1" in report.lines

    def test_of_a_long_list_only_the_difference_is_printed(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        theirs = [str(500_000_000_000 + number) for number in range(20)]
        project.write_text(f'ExcludedAccounts: "{",".join(theirs)}"\n')
        prepared.remove_recorder(ONE)
        report = preflight(prepared, regions=HOME)
        (line,) = [each for each in report.lines if each.startswith("parameters.yaml says")]
        assert line.startswith(
            "parameters.yaml says ExcludedAccounts=500000000000,… (20 entries); "
            f"preflight would add {ONE} and remove 500000000000,500000000001,"
        )
        assert line.endswith(f": --set ExcludedAccounts={ONE}")

    def test_region_that_differs_gets_a_command_of_its_own(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        prepared.remove_recorder(ONE, ABROAD)
        report = preflight(prepared)
        assert read_parameters(project).values["ExcludedAccounts"] == ""
        override = f"--parameter-overrides file://parameters.yaml ExcludedAccounts={ONE}"
        assert f"    sam deploy --region us-east-1 {override}" in report.lines
        assert (
            "  us-east-1 needs ExcludedAccounts of its own: deploy every update there with the command above."
        ) in report.lines
        assert "use that: it sends the value of parameters.yaml.\n" in report.text

    def test_further_region_alone_excludes_nothing_for_all(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        preflight(prepared, regions=HOME)
        before = read_parameters(project).values
        prepared.remove_recorder(ONE, ABROAD)
        report = preflight(prepared, regions=ABROAD)
        assert read_parameters(project).values == before | {"ExcludedAccounts": ""}
        assert "would choose" not in report.text
        override = f"--parameter-overrides file://parameters.yaml ExcludedAccounts={ONE}"
        assert f"    sam build && sam deploy --region us-east-1 {override}" in report.lines

    def test_unknown_values_are_named_and_the_others_added(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        with (
            prepared.organization.faults.inject(refused("organizations", "DescribeOrganization")),
            prepared.organization.faults.inject(refused("organizations", "ListRoots")),
        ):
            report = preflight(prepared)
        assert report.status == 2
        assert read_parameters(project).values == {"HomeRegion": HOME}
        for name in ("OrganizationId", "OrganizationRootId", "ManagementAccountId"):
            assert f"  {name}: unknown, see above" in report.lines

    def test_account_that_somebody_excluded_because_it_cannot_be_checked_stays(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.write_text(f'ExcludedAccounts: "{TWO}"\n')
        prepared.organization.accounts_without_role.add(TWO)
        report = preflight(prepared)
        assert "would choose" not in report.text
        assert "are not in ExcludedAccounts" not in report.text

    def test_more_accounts_than_a_parameter_holds_are_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        suspended = [{"Id": str(500_000_000_000 + number), "State": "SUSPENDED"} for number in range(316)]
        body = json.dumps({"Accounts": [{"Id": HUB, "State": "ACTIVE"}, *suspended]})
        response = Fault("organizations", "ListAccounts", status=200, body=body, request_id=True)
        with prepared.organization.faults.inject(response):
            report = preflight(prepared, regions=HOME)
        problem = (
            "ExcludedAccounts would have 316 account ids; a parameter of CloudFormation holds 315, in 4,096 characters"
        )
        assert report.under("Missing") == [f"template.yaml: {problem}"]
        assert "ExcludedAccounts" not in read_parameters(project).values

    def test_missing_file_is_created(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """Without it, sam deploy stops."""
        project.unlink()
        preflight(prepared, regions=HOME)
        assert read_parameters(project).values["OrganizationId"] == ORGANIZATION_ID

    def test_one_account_needs_no_value_of_the_organization(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        preflight(prepared, "--set", "DeployAs=account-rule")
        assert project.read_text() == f'{COMMENTS}DeployAs: "account-rule"\n'

    def test_profile_is_part_of_the_command(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        assert project.exists()
        report = preflight(prepared, "--profile", "hub", regions=HOME)
        assert "    sam build && sam deploy --region eu-west-1 --profile hub" in report.lines


class TestSetting:
    """--set."""

    def test_value_is_written_in_place_and_printed(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.write_text("RuleName: 'ecr'  # ours\n# end\n")
        report = preflight(prepared, "--set", "RuleName=public", "--set", "excludedPublicRepositories=public/*,team/?")
        assert project.read_text().startswith(
            'RuleName: "public"  # ours\n# end\nexcludedPublicRepositories: "public/*,team/?"\nOrganizationId:'
        )
        assert report.lines[:2] == [
            "Set in parameters.yaml: RuleName=public",
            "Set in parameters.yaml: excludedPublicRepositories=public/*,team/?",
        ]

    def test_value_is_written_without_aws(
        self, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LocalOrganization():
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                monkeypatch.delenv(name)
            assert main(["preflight", "--regions", HOME, "--set", "RuleName=public"]) == 2
        assert project.read_text() == f'{COMMENTS}RuleName: "public"\n'
        output = capsys.readouterr()
        assert output.out == "Set in parameters.yaml: RuleName=public\n"
        assert "no usable AWS credentials" in output.err

    @pytest.mark.parametrize(
        ("assignments", "problem"),
        [
            (("RuleName",), "--set: 'RuleName' is not of the form NAME=VALUE"),
            (("RuleName=a", "RuleName=b"), "--set: RuleName has two values"),
            (("RuleName=a", "DeployAS=account-rule"), "--set: DeployAS is not a parameter of template.yaml; "
             "did you mean DeployAs?"),
            (("nothing=1",), "--set: nothing is not a parameter of template.yaml; its parameters are publicAccess"),
            (("DeployAs=account",), "--set: DeployAs: 'account' is not accepted; accepted is one of "
             "organization-conformance-pack, organization-rule, account-rule"),
            (("ManagementAccountId=1111",), "--set: ManagementAccountId: '1111' is not accepted; accepted is an "
             "account ID of 12 digits"),
            (("trustedAccounts=" + ",".join(["111122223333"] * 80),), "--set: trustedAccounts: '111122223333,"),
            (("LogRetentionInDays=many",), "--set: LogRetentionInDays: 'many' is not accepted; accepted is one of 1"),
            (("ExcludedAccounts=" + ",".join(["111122223333"] * 316),), "has 4,107 bytes; accepted are at most 4,096"),
        ],
    )  # fmt: skip
    def test_value_that_is_not_accepted_ends_before_the_first_call(
        self,
        prepared: PreparedOrganization,
        project: Path,
        capsys: pytest.CaptureFixture[str],
        assignments: tuple[str, ...],
        problem: str,
    ) -> None:
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        prepared.organization.calls.clear()
        arguments = [word for each in assignments for word in ("--set", each)]
        assert main(["preflight", "--regions", HOME, *arguments], environment) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert problem in output.err
        assert output.err.count("\n") == 1
        assert prepared.organization.calls == []
        assert project.read_text() == COMMENTS


class TestFile:
    """What the file says already."""

    def test_values_that_do_not_work_are_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.write_text(
            "ReservedConcurrency: 0010\nRuleNme: x\nDeployAs: 'account'\nIncludeManagementAccount: true\n"
        )
        report = preflight(prepared, regions=HOME)
        assert report.status == 1
        assert report.under("Missing") == [
            "parameters.yaml, line 1: ReservedConcurrency: '0010' is not accepted; accepted is a whole number from "
            "1 to 9999",
            "parameters.yaml, line 2: RuleNme is not a parameter of template.yaml; did you mean RuleName?",
            "parameters.yaml, line 3: DeployAs: 'account' is not accepted; accepted is one of "
            "organization-conformance-pack, organization-rule, account-rule",
            "parameters.yaml, line 4: IncludeManagementAccount: true has no quotes, and SAM CLI may read "
            "something else",
        ]
        assert '  Write: IncludeManagementAccount: "true"' in report.lines

    def test_file_that_is_not_a_map_ends_before_the_first_call(
        self, prepared: PreparedOrganization, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.write_text("# a\nRuleName: a\nRuleName: b\n")
        prepared.organization.calls.clear()
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        assert main(["preflight", "--regions", HOME, "--set", "DeployAs=account-rule"], environment) == 2
        problem = "parameters.yaml, line 3: RuleName is a duplicate: line 2 has it, too; delete one of them"
        assert capsys.readouterr() == ("", f"Not run: {problem}\n")
        assert prepared.organization.calls == []

    def test_read_only_file_is_reported_with_the_values(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        project.chmod(0o444)
        report = preflight(prepared, regions=HOME)
        assert report.status == 2
        assert project.read_text() == COMMENTS
        (line,) = [each for each in report.lines if each.startswith("Parameter values")]
        assert line.startswith("Parameter values that could not be added: parameters.yaml cannot be written")
        assert report.values["HomeRegion"] == HOME

    def test_template_without_a_parameter_gets_no_value_for_it(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        template = project.parent / "template.yaml"
        template.write_text(template.read_text().replace("\n  HomeRegion:\n    Type", "\n  Home:\n    Type"))
        report = preflight(prepared, regions=HOME)
        assert "HomeRegion" not in read_parameters(project).values
        assert any(line.startswith("  Not added: HomeRegion is not a parameter of") for line in report.lines)

    def test_value_that_is_entered_meanwhile_stays(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        """Reading a large organization takes minutes."""

        def enter(_call: Call) -> bool:
            project.write_text("# new\nHomeRegion: us-east-1\n")
            return False

        with prepared.organization.faults.inject(Fault("organizations", "ListAccounts", when=enter)):
            report = preflight(prepared, regions=HOME)
        assert project.read_text().startswith("# new\nHomeRegion: us-east-1\nOrganizationId: ")
        assert "  HomeRegion=" not in report.text

    def test_interrupt_leaves_the_file(self, prepared: PreparedOrganization, project: Path) -> None:
        interrupted: list[Call] = []

        def interrupt(call: Call) -> bool:
            interrupted.append(call)
            if len(interrupted) == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return False

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        environment = Environment(session=prepared.organization.session(HUB, HOME))
        try:
            with prepared.organization.faults.inject(Fault("organizations", "ListAccounts", when=interrupt)):
                assert main(["preflight", "--regions", HOME], environment) == 130
        finally:
            signal.signal(signal.SIGINT, before)
        assert project.read_text() == COMMENTS
        assert len(list(project.parent.iterdir())) == 3


class TestFolder:
    """Where the file is."""

    def test_outside_of_a_project_values_are_printed_only(
        self, prepared: PreparedOrganization, preflight: RunPreflight, working_folder: Path
    ) -> None:
        (working_folder / "parameters.yaml").write_text("what: [is, {this: x}]\n")
        report = preflight(prepared, regions=HOME)
        assert report.status == 0
        assert report.values["OrganizationId"] == ORGANIZATION_ID
        assert "Not written: . has no template.yaml; name the file beside it with --parameters FILE" in report.lines
        assert "sam deploy" not in report.text
        assert (working_folder / "parameters.yaml").read_text() == "what: [is, {this: x}]\n"

    def test_set_outside_of_a_project_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preflight", "--regions", HOME, "--set", "RuleName=a"]) == 2
        problem = "--set: parameters.yaml is not beside a template.yaml, so nothing is written"
        assert capsys.readouterr() == ("", f"Not run: {problem}\n")

    def test_file_of_another_name_and_folder_is_part_of_the_command(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project.parent / "elsewhere").mkdir()
        monkeypatch.chdir(project.parent / "elsewhere")
        report = preflight(prepared, "--parameters", "../second.yaml", regions=HOME)
        assert report.status == 0
        assert project.read_text() == COMMENTS
        assert read_parameters(project.parent / "second.yaml").values["HomeRegion"] == HOME
        folder = project.parent.resolve()
        deploy = "sam deploy --region eu-west-1 --parameter-overrides file://second.yaml"
        assert f"    cd {folder} && sam build && {deploy}" in report.lines


class TestSamconfig:
    """The line in samconfig.toml."""

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (('"file://parameters.yaml"', '"DeployAs=\\"account-rule\\" OrganizationId=\\"\\""'),
             "its parameter_overrides has values of its own, as sam deploy --guided saves them"),
            (('"file://parameters.yaml"', '["file://parameters.yaml", "RuleName=a"]'),
             "its parameter_overrides has values of its own, as sam deploy --guided saves them"),
            (('parameter_overrides = "file://parameters.yaml"', ""), "it has no parameter_overrides"),
            (("version = 0.1", "version = "), "Invalid value (at line 2, column 11)"),
        ],
    )  # fmt: skip
    def test_replaced_line_is_missing(
        self,
        prepared: PreparedOrganization,
        preflight: RunPreflight,
        project: Path,
        change: tuple[str, str],
        reason: str,
    ) -> None:
        samconfig = project.parent / "samconfig.toml"
        text = samconfig.read_text()
        assert change[0] in text
        samconfig.write_text(text.replace(*change))
        report = preflight(prepared, regions=HOME)
        assert report.under("Missing") == [f"samconfig.toml: sam deploy does not read parameters.yaml: {reason}"]
        line = 'it needs this line: parameter_overrides = "file://parameters.yaml"'
        assert f"  Below [default.deploy.parameters], {line}" in report.lines
        command = "sam build && sam deploy --region eu-west-1 --parameter-overrides file://parameters.yaml"
        assert f"    {command}" in report.lines

    def test_missing_configuration_is_missing(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path
    ) -> None:
        (project.parent / "samconfig.toml").unlink()
        (finding,) = preflight(prepared, regions=HOME).under("Missing")
        assert finding == "samconfig.toml: sam deploy does not read parameters.yaml: it does not exist"

    @pytest.mark.parametrize("line", ['["file://parameters.yaml"]', '"file://./parameters.yaml"'])
    def test_other_ways_to_write_the_line_are_fine(
        self, prepared: PreparedOrganization, preflight: RunPreflight, project: Path, line: str
    ) -> None:
        samconfig = project.parent / "samconfig.toml"
        samconfig.write_text(samconfig.read_text().replace('"file://parameters.yaml"', line))
        assert preflight(prepared, regions=HOME).status == 0
