"""HTTP connections whose answers leave in one piece: a call to the network costs more than scoring a row."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 65_536  # bytes of a request that bring neither the end of its head nor anything of its body
_HEAD, _INTERIM = b"HTTP/1.1 ", b"HTTP/1.1 1"  # how an answer begins, and how a word before it does


class Joined(asyncio.Transport):
    """A transport that keeps an answer's head until its body comes, and sends both as one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport, self._head = transport, b""

    def write(self, data: Any) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD) and not data.startswith(_INTERIM):
            self._head = bytes(data)
            return
        if data:
            self._transport.write(data)

    def close(self) -> None:
        self.write(b"")
        self._transport.close()

    def abort(self) -> None:
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


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP over such a transport. Its parser takes a head of any length; this does not."""

    waiting = 0  # bytes since the request last got on

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Joined(transport))

    def data_received(self, data: bytes) -> None:
        self.waiting += len(data)
        super().data_received(data)
        if self.waiting > LONGEST_HEAD and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response(f"The head of a request is at most {LONGEST_HEAD} bytes long.")
            else:
                self.transport.close()

    def on_headers_complete(self) -> None:
        self.waiting = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.waiting = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.waiting = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer without a body ends here."""
        self.transport.write(b"")
        super().on_response_complete()
