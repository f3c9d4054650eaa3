from mrm.access.models import Account, BusinessUnit, Factor, GroupGrant, Link, Person, RoleGrant, Token
from mrm.audit.records import show

show(BusinessUnit, GroupGrant, Link, Person, RoleGrant)
show(Account, without=("password",))
show(Factor, without=("data",))
show(Token, without=("digest",))
