"""Operators on present and absent keys, matching and variables, labelled by hand."""

from typing import Any, Final

from tests.oracle.enumeration.cases import ACCOUNT, ORG, ROLE, UNIT, Case, allow, deny, doc, unless, when
from tests.oracle.generator.pool import OWNER

_FITTING: Final[dict[str, tuple[str, str]]] = {
    "StringEquals": ("aws:PrincipalTag/team", "red"),
    "StringEqualsIgnoreCase": ("aws:PrincipalTag/team", "red"),
    "StringLike": ("aws:PrincipalTag/team", "r*"),
    "ArnEquals": ("lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:x"),
    "ArnLike": ("lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:x"),
    "IpAddress": ("aws:Ec2InstanceSourcePrivateIPv4", "10.0.0.0/8"),
    "Bool": ("aws:MultiFactorAuthPresent", "true"),
    "NumericEquals": ("aws:MultiFactorAuthAge", "5"),
    "NumericLessThan": ("aws:MultiFactorAuthAge", "5"),
    "NumericLessThanEquals": ("aws:MultiFactorAuthAge", "5"),
    "NumericGreaterThan": ("aws:MultiFactorAuthAge", "5"),
    "NumericGreaterThanEquals": ("aws:MultiFactorAuthAge", "5"),
    "DateEquals": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
    "DateLessThan": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
    "DateLessThanEquals": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
    "DateGreaterThan": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
    "DateGreaterThanEquals": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
    "BinaryEquals": ("example:Unheard", "cmVk"),
}
_NEGATED: Final[dict[str, tuple[str, str]]] = {
    "StringNotEquals": ("aws:PrincipalTag/team", "red"),
    "StringNotEqualsIgnoreCase": ("aws:PrincipalTag/team", "red"),
    "StringNotLike": ("aws:PrincipalTag/team", "r*"),
    "ArnNotEquals": ("lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:x"),
    "ArnNotLike": ("lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:x"),
    "NotIpAddress": ("aws:Ec2InstanceSourcePrivateIPv4", "10.0.0.0/8"),
    "NumericNotEquals": ("aws:MultiFactorAuthAge", "5"),
    "DateNotEquals": ("aws:TokenIssueTime", "2026-10-01T00:00:00Z"),
}


def _forms(name: str, key: str, value: str, *, plain: str) -> list[Case]:
    """What each form of an operator answers when the key is absent, and that presence opens it."""

    def form(operator: str, expected: str, present: str) -> Case:
        condition: dict[str, Any] = {operator: {key: value}, "Null": {key: present}}
        return Case(f"{operator}, absent: {present}", expected, doc(allow(condition)))

    return [
        form(name, plain, "true"),
        form(name, "open", "false"),
        form(f"{name}IfExists", "open", "true"),
        form(f"ForAllValues:{name}", "open", "true"),
        form(f"ForAllValues:{name}IfExists", "open", "true"),
        form(f"ForAnyValue:{name}", "closed", "true"),
        form(f"ForAnyValue:{name}", "open", "false"),
        form(f"ForAnyValue:{name}IfExists", "open", "true"),
        Case(
            f"ForAnyValue:{name}IfExists, absent, in a deny",
            "open",
            doc(
                allow({"Null": {key: "true"}}),
                deny({f"ForAnyValue:{name}IfExists": {key: value}}),
            ),
        ),
        Case(
            f"ForAllValues:{name}, absent, in a deny",
            "closed",
            doc(allow({"Null": {key: "true"}}), deny({f"ForAllValues:{name}": {key: value}})),
        ),
    ]


ABSENCE: Final = tuple(
    case
    for table, plain in ((_FITTING, "closed"), (_NEGATED, "open"))
    for name, (key, value) in table.items()
    for case in _forms(name, key, value, plain=plain)
)

_OTHER = "${aws:PrincipalTag/other}"

MATCHING: Final = (
    when("case matters", "closed", StringEquals={"aws:PrincipalType": "assumedrole"}),
    when("case ignored", "open", StringEqualsIgnoreCase={"aws:PrincipalType": "assumedrole"}),
    when("case of an operator", "closed", sTRINGeQUALS={"AWS:principalORGid": ORG}),
    when("bool of any case", "open", Bool={"aws:SecureTransport": "TRUE"}),
    when("bool that is not", "closed", Bool={"aws:SecureTransport": [False, "FALSE"]}),
    when("or of values", "open", Bool={"aws:SecureTransport": ["false", "true"]}),
    unless("nor of values", "closed", StringNotEquals={"aws:PrincipalType": ["x", "y"]}),
    when("less than the least", "closed", NumericLessThan={"aws:MultiFactorAuthAge": 0}),
    when("the least", "open", NumericLessThanEquals={"aws:MultiFactorAuthAge": "0"}),
    when("below the least", "closed", NumericEquals={"aws:MultiFactorAuthAge": "-1"}),
    when("now", "open", DateEquals={"aws:CurrentTime": "2026-10-01T00:00:00Z"}),
    when(
        "now with an offset",
        "open",
        DateLessThanEquals={"aws:CurrentTime": "2026-10-01T02:00:00+02:00"},
    ),
    when("before now", "closed", DateLessThan={"aws:CurrentTime": "2026-10-01"}),
    when("past as a number", "closed", DateLessThan={"aws:EpochTime": 1577836800}),
    when("number of now", "open", NumericLessThanEquals={"aws:EpochTime": 1790812800}),
    when("date as text", "open", StringLike={"aws:CurrentTime": "2027-*"}),
    when("not the past", "open", DateNotEquals={"aws:CurrentTime": "2020-01-01"}),
    when("address without a mask", "closed", IpAddress={"aws:SourceIp": "203.0.113.9"}),
    when("address as text", "open", StringEquals={"aws:SourceIp": "203.0.113.9"}),
    when("private address as text", "closed", StringLike={"aws:SourceIp": "10.*"}),
    when("arn equals with a star", "open", ArnEquals={"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}),
    when("star stays in its field", "closed", ArnLike={"aws:PrincipalArn": "arn:*:role/ci"}),
    when("string star crosses", "open", StringLike={"aws:PrincipalArn": "arn:*:role/ci"}),
    when(
        "last field takes the rest",
        "open",
        ArnLike={"codebuild:BuildArn": "arn:aws:codebuild:*:*:build/x:*"},
    ),
    when("short arn", "open", ArnLike={"aws:PrincipalArn": "*"}),
    when("short arn of another service", "closed", ArnLike={"aws:PrincipalArn": "arn:aws:s3"}),
    when("short arn of an account", "closed", ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}"}),
    unless("short arn in a deny", "open", ArnLike={"aws:PrincipalArn": "*"}),
    unless(
        "not a short arn of an account",
        "closed",
        ArnNotLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}"},
    ),
    when("ip of an arn", "open", IpAddress={"aws:PrincipalArn": "10.0.0.0/8"}),
    unless("ip of an arn in a deny", "open", NotIpAddress={"aws:PrincipalArn": "10.0.0.0/8"}),
    when("arn of an organization", "open", ArnLike={"aws:PrincipalAccount": ROLE}),
    when("no set operator", "open", StringLike={"aws:PrincipalOrgPaths": UNIT}),
    when("no values", "open", StringEquals={"aws:PrincipalAccount": []}),
    unless("no values in a deny", "open", StringNotEquals={"aws:PrincipalAccount": []}),
    when(
        "some value is none of them",
        "open",
        ForAnyValue__StringNotEquals={"aws:TagKeys": ["a", "b"]},
    ),
    when(
        "one value and another",
        "open",
        ForAnyValue__StringEquals={"aws:TagKeys": "a"},
        ForAnyValue__StringLike={"aws:TagKeys": "b*"},
    ),
    when(
        "one value and no other",
        "closed",
        ForAnyValue__StringEquals={"aws:TagKeys": "a"},
        ForAllValues__StringLike={"aws:TagKeys": "b*"},
    ),
    when(
        "one path only",
        "closed",
        ForAnyValue__StringLike={"aws:PrincipalOrgPaths": ["*/r-ab12/"]},
        ForAllValues__StringLike={"aws:PrincipalOrgPaths": ["*/r-zz99/"]},
    ),
    when("escaped star", "closed", StringLike={"aws:PrincipalAccount": "${*}"}),
    when("escaped star in a text", "open", StringLike={"aws:UserAgent": "a${*}b${$}${?}"}),
    when("another key", "open", StringEquals={"aws:PrincipalTag/team": "${aws:username}"}),
    when(
        "account from a tag",
        "open",
        StringEquals={"aws:PrincipalAccount": "${aws:PrincipalTag/acct}"},
    ),
    when(
        "own account in an arn",
        "open",
        ArnLike={"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/ci"},
    ),
    when(
        "owner's account in an arn",
        "closed",
        ArnLike={"aws:PrincipalArn": "arn:aws:iam::${aws:ResourceAccount}:role/ci"},
    ),
    when(
        "fixed account, free role",
        "closed",
        ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{_OTHER}"},
    ),
    when("variable without a value", "closed", StringEquals={"aws:username": "${aws:SourceAccount}"}),
    when("not without a value", "open", StringNotEquals={"aws:username": "${aws:SourceAccount}"}),
    when("default", "open", StringEquals={"aws:username": "${aws:SourceAccount, 'bob'}"}),
    when(
        "default that is named",
        "closed",
        StringEquals={"aws:PrincipalAccount": f"${{aws:SourceAccount, '{OWNER}'}}"},
    ),
    when("unknown variable", "open", StringEquals={"aws:PrincipalAccount": "${example:Unheard}"}),
    when("multivalued variable", "open", StringEquals={"aws:PrincipalAccount": "${aws:TagKeys}"}),
    unless(
        "unknown variable in a deny",
        "open",
        StringNotEquals={"aws:PrincipalAccount": "${example:Unheard}"},
    ),
    unless(
        "not the owner's organization",
        "closed",
        StringNotEquals={"aws:PrincipalOrgID": "${aws:ResourceOrgID}"},
    ),
    when(
        "two tags that must differ",
        "closed",
        StringEquals={"aws:PrincipalTag/a": "${aws:PrincipalTag/b}"},
        StringLike={"aws:PrincipalTag/a": "x*", "aws:PrincipalTag/b": "y*"},
    ),
    when(
        "two tags that may agree",
        "open",
        StringEquals={"aws:PrincipalTag/a": "${aws:PrincipalTag/b}"},
        StringLike={"aws:PrincipalTag/a": "x*", "aws:PrincipalTag/b": "*y"},
    ),
    when("bool of a variable", "open", Bool={"aws:MultiFactorAuthPresent": "${aws:SecureTransport}"}),
    when(
        "bool of a false variable",
        "closed",
        Bool={"aws:SecureTransport": "${aws:PrincipalIsAWSService}"},
    ),
    Case(
        "no variables in an old version",
        "closed",
        doc(allow({"StringEquals": {"aws:username": "${aws:username}"}}), version="2008-10-17"),
    ),
    Case(
        "no variables without a version",
        "closed",
        doc(allow({"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalOrgID}"}}), version=None),
    ),
)
