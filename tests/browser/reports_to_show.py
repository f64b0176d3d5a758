"""Reports that the page shows: repositories with hand-written policies, judged as `scan` judges them."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ecr_exposure.cli.found_policies.found_policy import FoundPolicy, Kind, NotReadError, Span
from ecr_exposure.cli.policy_report import FORMATS
from ecr_exposure.cli.policy_report.checked_policy import CheckedPolicy, Question, RecordedEvaluation, Report
from ecr_exposure.cli.policy_report.judgement import Judgement
from ecr_exposure.cli.policy_report.report_scope import PlacesRead
from ecr_exposure.parameters import PublicRepository

STARTED: Final = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
PAYMENTS, DATA, SANDBOX = "111122223333", "444455556666", "777788889999"
_JUDGEMENT: Final = Judgement(
    question=Question(), public_repositories=(PublicRepository(None, "base/*"),), public_tag="public-until", now=STARTED
)
_PULL: Final = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _allow(sid: str, principal: Any, *actions: str, **members: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions or _PULL, **members}


def _own(account: str) -> dict[str, Any]:
    return _allow("AllowOwnAccount", {"AWS": f"arn:aws:iam::{account}:root"})


PULLED: Final = _policy(_own(PAYMENTS), _allow("AllowPull", "*"))
"""Everyone can pull, beside a statement that stays."""
TAKEN_OVER: Final = _policy(_allow("AllowAll", {"AWS": "*"}, "ecr:*"))
_PUSHED: Final = _policy(
    _own(DATA),
    _allow("AllowPush", "*", "ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"),
    _allow("AllowOrganization", "*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}),
)
_INVALID: Final = _policy({**_allow("AllowPull", "*"), "Effect": "allow"})
HOSTILE_SID: Final = "<script>alert(1)</script>\u202egnp.exe\u202c<img src=x onerror=alert(2)>"
HOSTILE_NAME: Final = '"><svg/onload=alert(3)>'


def repository(name: str, account: str, policy: str | None, region: str = "eu-west-1", **members: Any) -> CheckedPolicy:
    """Return a repository as Amazon ECR answers it, judged."""
    found = FoundPolicy(
        kind=Kind.REPOSITORY,
        file=f"{account}/{region}/{name}",
        address="",
        policy=policy,
        span=Span(1, 1, 1, 1),
        repository=name,
        account=account,
        region=region,
        **members,
    )
    return _JUDGEMENT.judged(found)


def report_on(*policies: CheckedPolicy, **members: Any) -> Report:
    """Return a report of scan."""
    accounts = sorted({str(each.found.account) for each in policies})
    regions = sorted({str(each.found.region) for each in policies})
    scope = PlacesRead(source="Amazon ECR", accounts=tuple(accounts), regions=tuple(regions), not_seen=1)
    known: dict[str, Any] = {"command": "scan", "scope": scope, "started": STARTED, "version": "1.2.3"}
    return Report(policies=policies, **{**known, **members})


def _organization() -> Iterator[CheckedPolicy]:
    yield repository("payments/api", PAYMENTS, PULLED)
    yield repository("payments/worker", PAYMENTS, PULLED, "us-east-1")
    yield repository("analytics/pipeline", DATA, _PUSHED)
    yield repository("sandbox/demo", SANDBOX, TAKEN_OVER)
    yield repository("sandbox/broken", SANDBOX, _INVALID)
    yield repository("base/python", PAYMENTS, PULLED)
    yield repository("tools/cli", DATA, PULLED, tags={"public-until": "2027-03-31"})
    for number in range(60):
        account = (PAYMENTS, DATA, SANDBOX)[number % 3]
        yield repository(f"internal/service-{number:02}", account, None if number % 2 else _policy(_own(account)))


ORGANIZATION: Final = report_on(
    *_organization(),
    errors=(NotReadError("123456789012", None, "sts:AssumeRole is denied for role security-audit"),),
    exit_code=2,
)
"""67 repositories: 4 are public, one cannot be evaluated, 2 are public on purpose, 60 are not public."""
HOSTILE: Final = report_on(
    repository("team/hostile", PAYMENTS, _policy(_own(PAYMENTS), _allow(HOSTILE_SID, "*"))),
    repository(HOSTILE_NAME, DATA, TAKEN_OVER),
    repository("team/text", DATA, f"{{{HOSTILE_SID}</pre></script><!--"),
    repository("team/formula", SANDBOX, _policy(_allow('=HYPERLINK("a","b")', "*"))),
    errors=(NotReadError(HOSTILE_SID, None, HOSTILE_NAME),),
    notes=(HOSTILE_SID,),
)


RECORDED: Final = report_on(
    *(
        replace(
            checked,
            recorded=RecordedEvaluation(
                rule="OrgConfigRule-ecr-repository-no-public-access-abcd1234",
                compliance=checked.outcome.verdict.compliance,
                annotation=checked.outcome.verdict.annotation,
                evaluated=STARTED - timedelta(hours=50),
            ),
        )
        for checked in ORGANIZATION.policies[:8]
    ),
    command="report",
)
"""Some of those repositories, with the evaluations of AWS Config."""


def large_report(number: int) -> Report:
    """Return a report on so many repositories, one in five of them public, nearly all with a policy of their own."""
    return report_on(*map(_different, range(number)))


def _different(number: int) -> CheckedPolicy:
    digest = sha256(str(number).encode()).hexdigest()
    account = f"{100_000_000_000 + number % 50:012}"
    statements = [
        _allow(f"Allow{digest[:10]}", {"AWS": f"arn:aws:iam::{account}:role/{digest[10:30]}"}),
        _allow(f"Push{digest[30:40]}", {"AWS": f"arn:aws:iam::{account}:role/{digest[40:52]}"}, "ecr:PutImage"),
    ]
    if number % 5 == 0:
        statements.append(_allow(f"Public{digest[52:60]}", "*"))
    return repository(f"team-{number % 97}/{digest[:12]}", account, _policy(*statements))


def written_page(report: Report, file: Path) -> Path:
    """Write the page of a report as the commands do, and return its file."""
    stream = io.StringIO(newline="")
    FORMATS["html"](report, stream)
    file.write_text(stream.getvalue(), encoding="utf-8")
    return file
