"""Which base URLs a connector may call: no metadata service, nothing local to the link."""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from .errors import Invalid, Transient

_METADATA_NAMES = {"metadata", "metadata.google.internal", "instance-data", "metadata.goog"}
_METADATA_ADDRESSES = {
    ipaddress.ip_address(address)
    for address in (
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
}


def require_url(url: str, *, allowed_hosts: Collection[str] | None = None) -> str:
    """The URL without a trailing slash, or Invalid with the reason. Resolves no name."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Invalid("The address is not a valid URL.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise Invalid("The address must start with http:// or https:// and name a host.")
    if parts.username or parts.password:
        raise Invalid("The address must not contain a user name or password; store them as secrets.")
    if parts.query or parts.fragment:
        raise Invalid("The address must not contain a query or a fragment.")
    if allowed_hosts is not None and host not in allowed_hosts:
        raise Invalid(f"The host {host} is not on the list of allowed hosts.")
    if host.rstrip(".") in _METADATA_NAMES:
        raise Invalid(f"The host {host} is a metadata service and is never called.")
    _require_literal(host)
    return url.rstrip("/")


def require_resolved(host: str, port: int | None) -> None:
    """Resolve the host and refuse it when any of its addresses is forbidden."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Transient(f"The host {host} cannot be resolved.") from None
    for *_, address in found:
        _require_address(ipaddress.ip_address(str(address[0]).split("%")[0]), host)


def _require_literal(host: str) -> None:
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0].rstrip("."))
    except ValueError:
        return
    _require_address(address, host)


def _require_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, host: str) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        raise Invalid(f"The host {host} is a link-local or special address and is never called.")
    if address in _METADATA_ADDRESSES:
        raise Invalid(f"The host {host} is a metadata service and is never called.")
