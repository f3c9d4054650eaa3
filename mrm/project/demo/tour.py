"""What a newcomer is told."""

from mrm.project.demo.bank import PASSWORD, plan

TRY = (
    ("maria", "Approvals: read what changed in Retail credit decision 1.1.0 and sign as the second risk officer"),
    ("priya", "Approvals: try to sign your own model, and read why not"),
    ("lucia", "Monitoring: deploy 1.1.0 once it is signed, then roll back to 1.0.0"),
    ("daniel", "Findings: answer the open finding on the approval ratio of women"),
    ("ingrid", "Models: follow the timeline, then ask for the report as PDF under Reports"),
)


def introduction(address: str) -> str:
    """The address, the accounts and what to try, as text."""
    people = "\n".join(f"  {entry['username']:<10} {entry['name']}, {entry['part']}" for entry in plan()["people"])
    steps = "\n".join(f"  {who:<10} {what}" for who, what in TRY)
    return (
        f"\nOpen {address} and sign in; every password is {PASSWORD}\n\n{people}\n\nTry:\n{steps}\n\n"
        f"API: {address}/api/v1/docs/   Ctrl-C stops everything.\n"
    )
