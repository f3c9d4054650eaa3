"""Models, versions and data of the tests' bank, through the services."""

from typing import Any

from mrm.inventory import queries, services
from mrm.inventory.models import Dataset, Model, Version
from tests.factories.access import Cast

TABLE = b"ltv,income,defaulted\n0.4,1200,0\n0.9,800,1\n"
PROTECTED = b"sex,age\nf,33\nm,51\n"


def model(cast: Cast, name: str = "Retail PD", **facts: Any) -> Model:
    given = {
        "unit": cast.retail,
        "owner": cast.owner.person,
        "developer": cast.developer.person,
        "use_summary": "Lends.",
    }
    made = services.register(name=name, actor=cast.owner, **{**given, **facts})
    return Model.objects.select_related("unit", "owner", "developer").get(pk=made.pk)


def version(cast: Cast, of: Model, label: str = "1.0.0", **facts: Any) -> Version:
    return services.add_version(of, label=label, developer=cast.developer.person, actor=cast.developer, **facts)


def dataset(cast: Cast, name: str = "Applications", content: bytes = TABLE, *, protected: bool = False) -> Dataset:
    return services.register_upload(
        [content], name=name, source="warehouse", unit=cast.retail, holds_protected=protected, actor=cast.developer
    )


def answers(example: int = 0) -> dict[str, int | None]:
    """The answers of one of the tiering method's worked examples."""
    given: dict[str, int | None] = queries.current_pack("tiering_method").content["examples"][example]["answers"]
    return given
