"""What `manage.py audit` can do: one module for each word, with HELP, add_arguments(parser) and run(command, options)."""

import importlib
import pkgutil
from types import ModuleType


def found() -> dict[str, ModuleType]:
    """Every module here, by the word it stands for."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
