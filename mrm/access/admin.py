from mrm.access.models import Account, BusinessUnit, Factor, Person, RoleGrant, Token
from mrm.audit.records import show

show(BusinessUnit, Person, RoleGrant)
show(Account, without=("password",))
show(Factor, without=("data",))
show(Token, without=("digest",))
