"""How a policy's names are said to a person: roles, actions, fields."""


def words(name: str) -> str:
    """`bu_lead` is a business-unit lead; every other name reads as it is written."""
    return name.replace("bu_lead", "business-unit lead").replace("_", " ")
