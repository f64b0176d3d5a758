"""docs/deploy.md has every parameter of the template, and the figures of its example add up."""

import re

from ecr_exposure.parameters import PARAMETERS
from tests.deployment.sam import SECURITY_HUB, TEMPLATE
from tests.documentation.pages import DEPLOY, section, table, text_of, ticked
from tests.local_aws.templates import read_template


def test_parameter_table_is_complete_and_has_the_defaults_of_the_template() -> None:
    parameters = read_template(TEMPLATE)["Parameters"]
    rows = {ticked(name)[0]: default for name, default, _ in table(section(DEPLOY, "Template parameters"))}
    assert sorted(rows) == sorted(name for name in parameters if name not in PARAMETERS)
    written = {"empty": "", "–": ""}
    defaults = {name: written.get(cell, cell.strip("`")) for name, cell in rows.items()}
    assert defaults == {name: str(parameters[name]["Default"]) for name in rows}


def test_shapes_are_those_of_the_template() -> None:
    shapes = [ticked(row[0])[0] for row in table(section(DEPLOY, "Shapes"))]
    assert shapes == read_template(TEMPLATE)["Parameters"]["DeployAs"]["AllowedValues"]


def test_outputs_exist() -> None:
    outputs = read_template(TEMPLATE)["Outputs"].keys()
    named = re.findall(r"output\s+`(\w+)`", text_of(DEPLOY))
    assert len(named) >= 5
    assert set(named) <= outputs


def test_severity_is_the_default_of_the_security_hub_template() -> None:
    (default,) = re.findall(r"`Severity` \(default `(\w+)`\)", section(DEPLOY, "Security Hub"))
    assert default == read_template(SECURITY_HUB)["Parameters"]["Severity"]["Default"]


def test_example_of_the_costs_follows_the_formulas() -> None:
    repositories, accounts, regions, changes = 1_000, 50, 2, 2
    daily = (repositories * (changes + 30), repositories * changes + accounts * regions * 30)
    text = " ".join(section(DEPLOY, "What it costs").split())
    assert f"For {repositories:,} repositories in {accounts} accounts and {regions} Regions" in text
    assert "these are {:,} evaluations and {:,} invocations".format(*daily) in text
    assert f"and {repositories * changes:,} of each without" in text
