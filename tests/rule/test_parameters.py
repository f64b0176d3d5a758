"""Rule parameters: accepted values, and the error for a wrong one."""

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_exposure import ParameterError
from ecr_exposure.parameters import PARAMETERS, PublicRepository, RuleParameters, read_parameters


class TestReadParameters:
    """read_parameters."""

    def test_missing_and_empty_parameters_have_their_defaults(self) -> None:
        assert read_parameters({}) == RuleParameters()
        assert read_parameters(dict.fromkeys(PARAMETERS, "")) == RuleParameters()

    def test_lists_are_split_at_commas(self) -> None:
        parameters = read_parameters(
            {
                "publicAccessTest": "unconditional",
                "excludedPublicRepositories": "111122223333:public/*, mirror-?",
                "excludedPublicTag": " dp:exclude:identity ",
                "trustedAccounts": "444455556666,777788889999",
                "trustedOrganizations": "o-abcde12345",
                "ExecutionRoleName": "EcrExposureEvaluation",
                "ExecutionRoleRegion": "eu-central-1",
                "AssumeRoleMode": "False",
            }
        )
        first, second = parameters.public_repositories
        assert (first.account, first.pattern, str(first)) == (
            "111122223333",
            "public/*",
            "111122223333:public/*",
        )
        assert (second.account, second.pattern, str(second)) == (None, "mirror-?", "mirror-?")
        assert parameters.public_tag == "dp:exclude:identity"
        assert parameters.trusted_accounts == {"444455556666", "777788889999"}
        assert parameters.trusted_organizations == {"o-abcde12345"}

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            ([], "ruleParameters: [] is not an object"),
            ({"publicAccesTest": "x"}, "'publicAccesTest' is not a rule parameter (accepted: publicAccessTest, "),
            ({"publicAccessTest": "strict"}, "publicAccessTest: 'strict' is not a test (accepted: unconditional, "),
            ({"publicAccessTest": True}, "publicAccessTest: True is not a string"),
            ({"excludedPublicRepositories": "Team/App"}, "excludedPublicRepositories: 'Team/App' is not [account:]"),
            ({"excludedPublicRepositories": "a,,b"}, "excludedPublicRepositories: '' is not [account:]pattern"),
            ({"excludedPublicRepositories": "123:app"}, "excludedPublicRepositories: '123' is not an account id"),
            ({"excludedPublicRepositories": ":app"}, "excludedPublicRepositories: '' is not an account id"),
            ({"excludedPublicTag": "a,b"}, "excludedPublicTag: 'a,b' is not a tag key (1 to 128 ASCII letters, digits"),
            ({"excludedPublicTag": "public on purpose"}, "excludedPublicTag: 'public on purpose' is not a tag key"),
            ({"excludedPublicTag": 129 * "a"}, "excludedPublicTag: 'aaaaaaaaaa"),
            ({"excludedPublicTag": "aws:cloudformation:stack-name"}, "excludedPublicTag: 'aws:cloudformation:stack"),
            ({"excludedPublicTag": "AWS:public"}, "excludedPublicTag: 'AWS:public' is not a tag key"),
            ({"excludedPublicTag": "öffentlich"}, "excludedPublicTag: 'öffentlich' is not a tag key"),
            ({"excludedPublicTag": ["public"]}, "excludedPublicTag: ['public'] is not a string"),
            ({"trustedAccounts": "12345"}, "trustedAccounts: '12345' is not an account id of 12 digits"),
            ({"trustedOrganizations": "o-1"}, "trustedOrganizations: 'o-1' is not an organization id"),
            ({"ExecutionRoleName": "a role"}, "ExecutionRoleName: 'a role' is not the name of a role (1 to 64 letters"),
            ({"ExecutionRoleName": "/path/role"}, "ExecutionRoleName: '/path/role' is not the name of a role"),
            ({"ExecutionRoleName": "path/"}, "ExecutionRoleName: 'path/' is not the name of a role"),
            ({"ExecutionRoleName": "pa th/role"}, "ExecutionRoleName: 'pa th/role' is not the name of a role"),
            ({"ExecutionRoleName": 65 * "a"}, "ExecutionRoleName: 'aaaaaaaaaa"),
            ({"ExecutionRoleName": f"{511 * 'a'}/role"}, "ExecutionRoleName: 'aaaaaaaaaa"),
            ({"ExecutionRoleRegion": "Mars"}, "ExecutionRoleRegion: 'Mars' is not a region"),
            ({"AssumeRoleMode": "maybe"}, "AssumeRoleMode: 'maybe' is neither true nor false"),
            ({"AssumeRoleMode": False}, "AssumeRoleMode: False is not a string"),
        ],
    )
    def test_wrong_parameter_is_an_error_that_names_it(self, raw: Any, message: str) -> None:
        with pytest.raises(ParameterError) as raised:
            read_parameters(raw)
        assert str(raised.value).startswith(message)

    @pytest.mark.parametrize("key", ["p", 128 * "a", "Team+a=b.c_d:e/f@g-1", "awsome:public", "public:aws:", "-"])
    def test_tag_key_of_every_allowed_character_is_accepted(self, key: str) -> None:
        """https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html."""
        assert read_parameters({"excludedPublicTag": key}).public_tag == key

    @pytest.mark.parametrize("role", ["role", 64 * "a", "path/role", "a/b/c/Role_+=,.@-1", f"{510 * 'a'}/{64 * 'r'}"])
    def test_role_is_accepted_with_and_without_a_path(self, role: str) -> None:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html."""
        assert read_parameters({"ExecutionRoleName": role}) == RuleParameters()

    def test_parameters_json_has_the_same_parameters(self) -> None:
        root = Path(__file__).parent.parent.parent
        rdk = json.loads((root / "parameters.json").read_text())["Parameters"]
        names = [*json.loads(rdk["InputParameters"]), *json.loads(rdk["OptionalParameters"])]
        assert sorted(names) == sorted(PARAMETERS)


class TestPublicRepository:
    """An entry of excludedPublicRepositories."""

    @pytest.mark.parametrize(
        ("entry", "account", "name", "expected"),
        [
            (PublicRepository(account=None, pattern="public/*"), "111122223333", "public/app", True),
            (PublicRepository(account=None, pattern="public/*"), "111122223333", "team/public/app", False),
            (PublicRepository(account=None, pattern="public"), "111122223333", "public2", False),
        ],
    )
    def test_pattern_matches_the_whole_name(
        self, entry: PublicRepository, account: str, name: str, *, expected: bool
    ) -> None:
        assert entry.covers(account, name) is expected

    def test_entry_with_an_account_covers_that_account_only(self) -> None:
        (entry,) = read_parameters({"excludedPublicRepositories": "111122223333:app"}).public_repositories
        assert entry.covers("111122223333", "app")
        assert not entry.covers("444455556666", "app")
