"""Which policy allows more where the principals of its Allow statements differ, labelled by hand."""

from typing import Any

import pytest

from tests.oracle.inclusion_answers import NETWORK, OF_ORG, QUESTION, accounts, arns, check_inclusion, document
from tests.oracle.policy_builder import (
    ACCOUNT,
    GRANTED,
    NOT_GRANTED,
    OTHER_ACCOUNT,
    OWNER,
    ROLE,
    ROLE_ID,
    Json,
    all_of,
    allow,
    labelled,
    policy,
)
from tests.oracle.solver_inclusion import more_allowed
from tests.oracle.solver_search import Answer

NAMED = {"AWS": ACCOUNT}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"


def all_but(value: Any) -> Json:
    """An Allow with NotPrincipal."""
    return allow(principal=..., NotPrincipal={"AWS": value})


# The situation, what the new and the old policy hold, and whether the new one allows more.
PRINCIPALS = (
    ("account in place of everyone", allow(principal=NAMED), allow(), NOT_GRANTED),
    ("everyone in place of an account", allow(), allow(principal=NAMED), GRANTED),
    ("account added to everyone", allow(principal={"AWS": ["*", ACCOUNT]}), allow(), NOT_GRANTED),
    ("account in place of everyone, condition dropped", allow(principal=NAMED), allow(OF_ORG), GRANTED),
    ("account added to a list", allow(principal={"AWS": [ACCOUNT, OTHER_ACCOUNT]}), allow(principal=NAMED), GRANTED),
    ("owner added", allow(principal={"AWS": [ACCOUNT, OWNER]}), allow(principal=NAMED), GRANTED),
    ("root ARN in place of the account", allow(principal={"AWS": ROOT}), allow(principal=NAMED), NOT_GRANTED),
    ("account in place of its role", allow(principal=NAMED), allow(principal={"AWS": ROLE}), GRANTED),
    ("role in place of its account", allow(principal={"AWS": ROLE}), allow(principal=NAMED), NOT_GRANTED),
    ("role in place of a session", allow(principal={"AWS": ROLE}), allow(principal={"AWS": SESSION}), GRANTED),
    (
        "session in place of another",
        allow(principal={"AWS": SESSION}),
        allow(principal={"AWS": SESSION + "2"}),
        GRANTED,
    ),
    ("session in place of the account", allow(principal={"AWS": SESSION}), allow(principal=NAMED), NOT_GRANTED),
    ("user added", allow(principal={"AWS": [ROLE, USER]}), allow(principal={"AWS": ROLE}), GRANTED),
    ("federated user added", allow(principal={"AWS": [ROLE, FEDERATED]}), allow(principal={"AWS": ROLE}), GRANTED),
    ("federated user of the account", allow(principal={"AWS": FEDERATED}), allow(principal=NAMED), NOT_GRANTED),
    ("provider in place of everyone", allow(principal={"Federated": SAML}), allow(), NOT_GRANTED),
    (
        "provider added",
        allow(principal={"AWS": OTHER_ACCOUNT, "Federated": SAML}),
        allow(principal={"AWS": OTHER_ACCOUNT}),
        GRANTED,
    ),
    (
        "service added, which calls as itself",
        allow(principal={"AWS": ACCOUNT, "Service": "lambda.amazonaws.com"}),
        allow(principal=NAMED),
        NOT_GRANTED,
    ),
    (
        "statement of a service added",
        [allow(OF_ORG), allow(principal={"Service": "lambda.amazonaws.com"})],
        allow(),
        NOT_GRANTED,
    ),
    ("deleted role added", allow(principal={"AWS": [ACCOUNT, ROLE_ID]}), allow(principal=NAMED), NOT_GRANTED),
    (
        "mixed principals split",
        [allow(principal=NAMED), allow(OF_ORG)],
        allow(principal={"AWS": ["*", ACCOUNT]}),
        NOT_GRANTED,
    ),
    (
        "mixed principals split, and the condition dropped for the named ones",
        [allow(principal=NAMED), allow(all_of(OF_ORG, NETWORK))],
        allow(NETWORK, principal={"AWS": ["*", ACCOUNT]}),
        GRANTED,
    ),
    (
        "NotPrincipal written as ArnNotEquals",
        allow(arns("ArnNotEquals", ROLE)),
        all_but(ROLE),
        NOT_GRANTED,
    ),
    (
        "NotPrincipal written as ArnEquals",
        allow(arns("ArnEquals", ROLE)),
        all_but(ROLE),
        GRANTED,
    ),
    (
        "NotPrincipal written as another role",
        allow(arns("ArnNotEquals", f"{ROLE}x")),
        all_but(ROLE),
        GRANTED,
    ),
    (
        "excluded account written as the account",
        allow(accounts("StringNotEquals", ACCOUNT)),
        all_but(ROOT),
        NOT_GRANTED,
    ),
    (
        "excluded account written as the ARN of its root user",
        allow(arns("ArnNotEquals", ROOT)),
        all_but(ROOT),
        GRANTED,
    ),
    (
        "excluded session written as its role, which can have a path",
        allow(arns("ArnNotEquals", ROLE)),
        all_but(SESSION),
        GRANTED,
    ),
    (
        "excluded federated user written as ArnNotEquals",
        allow(arns("ArnNotEquals", FEDERATED)),
        all_but(FEDERATED),
        NOT_GRANTED,
    ),
    ("NotPrincipal dropped", allow(), all_but(ROLE), GRANTED),
    (
        "one of two excluded principals dropped",
        all_but(ROLE),
        all_but([ROLE, USER]),
        GRANTED,
    ),
    (
        "pattern of an ARN as a condition",
        allow(arns("ArnLike", "arn:aws:iam::*:role/ci")),
        allow(principal={"AWS": "arn:aws:iam::*:role/ci"}),
        NOT_GRANTED,
    ),
    (
        "ArnLike of an account in place of its account",
        allow(arns("ArnLike", f"arn:aws:iam::{ACCOUNT}:role/*")),
        allow(principal=NAMED),
        NOT_GRANTED,
    ),
    (
        "StringLike across colons in place of an account",
        allow(arns("StringLike", f"arn:aws:iam::*:role/{ACCOUNT}/*")),
        allow(principal=NAMED),
        GRANTED,
    ),
    (
        "role of every account in place of one",
        allow(arns("ArnLike", "arn:aws:iam::*:role/ci")),
        allow(principal={"AWS": ROLE}),
        GRANTED,
    ),
    ("role ARN as ArnEquals", allow(arns("ArnEquals", ROLE)), allow(principal={"AWS": ROLE}), NOT_GRANTED),
    (
        "condition on the account in place of the account",
        allow(accounts("StringEquals", ACCOUNT)),
        allow(principal=NAMED),
        NOT_GRANTED,
    ),
)


class TestPrincipals:
    """What the new policy allows and the old one denies."""

    @pytest.mark.parametrize(("new", "old", "expected"), labelled(PRINCIPALS))
    def test_pair_is_answered_as_labelled(self, new: Any, old: Any, expected: Answer) -> None:
        assert check_inclusion(document(new), document(old)) is expected

    def test_session_has_the_new_access(self) -> None:
        _, found = more_allowed(
            policy(allow(principal={"AWS": SESSION})), policy(allow(principal={"AWS": USER})), **QUESTION
        )
        assert found is not None
        assert found()["principal"] == SESSION
