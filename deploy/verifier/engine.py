"""Puts the application's own sign-off engine into verify.py, so that a decision is judged again by the same rules.

Run after a change of mrm/signoff/policies: `python deploy/verifier/engine.py`. A test tells when it was forgotten.
"""

import ast
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
POLICIES = HERE.parents[1] / "mrm" / "signoff" / "policies"
MODULES = ("history", "matching", "standing", "evaluate")
BEGIN = "# The sign-off engine as the application runs it; engine.py puts it here."
END = "# The end of the engine."
RENAMED = {"Verdict": "Judgement"}  # verify.py has a verdict of its own


def engine() -> str:
    """The modules of the engine one after the other, without their imports."""
    return "\n\n".join(_body((POLICIES / f"{name}.py").read_text()) for name in MODULES)


def _body(source: str) -> str:
    tree = ast.parse(source)
    lines = source.splitlines()
    left_out = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if isinstance(first := tree.body[0], ast.Expr):
        left_out.append(first)
    for node in left_out:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    text = "\n".join(lines).strip("\n")
    for name, other in RENAMED.items():
        text = re.sub(rf"\b{name}\b", other, text)
    return re.sub(r"\n{4,}", "\n\n\n", text) + "\n"


def put(verifier: str) -> str:
    """The verifier with the engine between its marks."""
    before, rest = verifier.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{engine()}\n\n{END}{after}"


if __name__ == "__main__":
    file = HERE / "verify.py"
    file.write_text(put(file.read_text()))
