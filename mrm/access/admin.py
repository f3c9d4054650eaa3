from mrm.access.models import Account, BusinessUnit, Person, RoleGrant, Token
from mrm.audit.records import show

show(BusinessUnit, Person, RoleGrant)
show(Account, without=("password",))
show(Token, without=("digest",))
