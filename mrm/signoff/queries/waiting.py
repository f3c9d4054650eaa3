"""How many requests wait for one account: a fixed number of queries, whatever there is."""

from mrm.access.models import Account
from mrm.signoff.policies import evaluate, may_sign
from mrm.signoff.queries.fold import signer
from mrm.signoff.queries.ground import ground, history_of
from mrm.signoff.queries.records import open_requests


def waiting_count(account: Account) -> int:
    """How many open requests this account may sign now: as many as `waiting_for` lists."""
    if not account.may("signoff.vote"):
        return 0
    found = list(open_requests(account).defer("subject_content"))
    if not found:
        return 0
    on, count = ground(found), 0
    for request in found:
        past = history_of(request, on, candidates=False)
        now = evaluate(request.policy.content, past)
        may = may_sign(request.policy.content, past, now, signer(request, account, on)) is None
        count += may and account.lacks("signoff.vote", request) is None
    return count
