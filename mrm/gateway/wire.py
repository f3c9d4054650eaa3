"""HTTP connections whose answers leave in one piece: a call to the network costs more than scoring a row."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Joined(asyncio.Transport):
    """A transport that sends what was written within one turn of the loop as one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport, self._parts = transport, list[bytes]()
        self._soon = asyncio.get_running_loop().call_soon

    def write(self, data: Any) -> None:
        if not self._parts:
            self._soon(self._flush)
        self._parts.append(bytes(data))

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._parts.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()


class Protocol(H11Protocol):
    """uvicorn's HTTP over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Joined(transport))
