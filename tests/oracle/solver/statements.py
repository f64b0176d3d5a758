"""Whom and what a statement is about."""

from tests.oracle.solver import logic
from tests.oracle.solver.actions import glob
from tests.oracle.solver.caller import ROLE
from tests.oracle.solver.conditions import condition_formula
from tests.oracle.solver.logic import FALSE, TRUE, Bool
from tests.oracle.solver.matching import match_items, match_texts
from tests.oracle.solver.patterns import literal
from tests.oracle.solver.pieces import items
from tests.oracle.solver.policy import Statement
from tests.oracle.solver.principals import Form, Member
from tests.oracle.solver.readings import EMPTY_NOT_PRINCIPAL_IS_EVERYONE
from tests.oracle.solver.request import Request


def covers(statement: Statement, action: str) -> bool:
    """Whether the statement is about this action on the repository."""
    listed = any(glob(pattern, action) for pattern in statement.actions)
    return statement.covers_repository and listed != statement.not_actions


def statement_formula(request: Request, statement: Statement) -> Bool:
    """Whether the statement matches the request, its action aside: principal and every condition."""
    parts = [principal_formula(request, statement)]
    for condition in statement.conditions:
        if logic.is_false(parts[-1]):
            return FALSE
        parts.append(condition_formula(request, condition, allow=statement.allow))
    return logic.both(*parts)


def principal_formula(request: Request, statement: Statement) -> Bool:
    """Malformed principals match everyone in an Allow and nobody in a Deny, negated or not."""
    principals = statement.principals
    listed = [
        _member_formula(request, member, f"{place} of statement {statement.index}")
        for place, member in enumerate(principals.members)
        if statement.allow or member.form is not Form.PROVIDER  # no Deny is relied on to know whom a provider means
    ]
    known = logic.either(TRUE if principals.everyone else FALSE, *listed)
    certain = logic.no(known) if principals.negated else known
    unclear = principals.malformed or (principals.empty and principals.negated and not EMPTY_NOT_PRINCIPAL_IS_EVERYONE)
    provider = any(member.form is Form.PROVIDER for member in principals.members)
    if provider and principals.negated and not statement.allow:
        return FALSE  # it cannot be told whom such a Deny spares
    if not unclear:
        return certain
    if principals.negated:
        return certain if statement.allow else FALSE
    return TRUE if statement.allow else certain


def _member_formula(request: Request, member: Member, place: str) -> Bool:
    """Whether the caller is this principal."""
    caller = request.caller
    account = caller.account.member(literal(member.account))
    partition = TRUE
    if member.partition is not None:
        partition = match_items(items(caller.partition), literal(member.partition), caller.doubts)
    match member.form:
        case Form.ACCOUNT:
            return logic.both(account, partition)
        case Form.EXACT:
            return match_texts(caller.principal_arn, literal(member.arn), caller.doubts)
        case Form.SESSION:
            role, session = caller.name.member(literal(member.role)), caller.session.member(literal(member.session))
            return logic.both(caller.is_kind(ROLE), account, partition, role, session)
        case Form.PROVIDER:
            return logic.both(account, partition, logic.bool_var(f"is principal {place}"))
