from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.process import GatewayProcess


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One running gateway for the tests of a module; each test names its own endpoint."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway")).start()
    yield process
    process.stop()


@pytest.fixture
def own_gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway that the test may kill."""
    process = GatewayProcess(tmp_path).start()
    yield process
    process.stop()
