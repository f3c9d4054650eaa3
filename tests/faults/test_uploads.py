"""Uploads that are too large, cut off or meet a full disk, at the real server: a sentence, and nothing recorded."""

import hashlib
import socket
from typing import Any

import httpx
import pytest

from tests.conftest import BANK_GROUP
from tests.faults.conftest import House, Visitor

pytestmark = pytest.mark.xdist_group(BANK_GROUP)
MEBIBYTE = 1024 * 1024
FULL = "The disk is full, so nothing was recorded."


def artifact_of(house: House, draft: dict[str, Any]) -> Any:
    return house.rows("SELECT artifact_id, revision FROM inventory_version WHERE id = %s", draft["id"])[0]


@pytest.fixture
def untouched(house: House, draft: dict[str, Any]) -> Any:
    """Afterwards the draft, the storage and the data sets are as they were, and the server goes on."""
    before, stored = artifact_of(house, draft), house.stored()
    count = house.value("SELECT count(*) FROM inventory_dataset")
    yield
    assert artifact_of(house, draft) == before == (None, draft["revision"])
    assert house.stored() == stored
    assert house.value("SELECT count(*) FROM inventory_dataset") == count
    assert house.up.answers("/readyz")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("size", [300_000, 3 * MEBIBYTE], ids=["in-memory", "on-disk"])
def test_a_full_disk_is_said_on_the_page_and_in_the_api(
    house: House, priya: Visitor, draft: dict[str, Any], size: int
) -> None:
    """The small file meets the end of the disk in the storage, the large one already while it is received."""
    with house.full_disk(64 * 1024):
        content = {"file": ("m.onnx", bytes(size))}
        answer = priya.api("POST", f"versions/{draft['id']}/artifact/", data={"kind": "onnx"}, files=content)
        page = priya.page(f"/models/versions/{draft['id']}/artifact/", {"kind": "onnx"}, files=content)
    if size > MEBIBYTE:
        assert (answer.status_code, page.status_code) == (507, 507)
        assert answer.json()["reasons"][0].startswith(FULL)
        assert FULL in page.text
    else:
        (reason,) = answer.json()["reasons"]
        assert (answer.status_code, page.status_code) == (409, 409)
        assert reason.startswith("The storage took no more bytes")
        assert reason in page.text


@pytest.mark.usefixtures("untouched")
def test_a_full_disk_refuses_a_table(house: House, priya: Visitor) -> None:
    rows = "".join(f"{number},{number * 7919 % 10007}\n" for number in range(30_000))
    facts = {"name": "Too much", "source": "warehouse", "unit": "retail-lending"}
    with house.full_disk(64 * 1024):
        answer = priya.api("POST", "datasets/", data=facts, files={"file": ("t.csv", f"a,b\n{rows}".encode())})
    assert answer.status_code == 507
    assert answer.json()["reasons"][0].startswith(FULL)


def test_after_the_disk_has_room_again_the_same_upload_is_taken(
    house: House, priya: Visitor, draft: dict[str, Any]
) -> None:
    content = b"model" * 100_000
    form = {"data": {"kind": "onnx"}, "files": {"file": ("m.onnx", content)}}
    with house.full_disk(64 * 1024):
        assert priya.api("POST", f"versions/{draft['id']}/artifact/", **form).status_code == 409
    taken = priya.api("POST", f"versions/{draft['id']}/artifact/", **form)
    assert taken.json()["artifact"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert artifact_of(house, draft)[1] == draft["revision"] + 1


def multipart(content: bytes, **fields: str) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://127.0.0.1/", data=fields, files={"file": ("m.onnx", content)})
    return request.read(), request.headers["Content-Type"]


def sent_by_hand(house: House, visitor: Visitor, path: str, kind: str, body: bytes, announced: int) -> bytes:
    """A request over a bare socket that ends before its announced length; what the server still says."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    lines = [
        f"POST {path} HTTP/1.1", f"Host: {house.up.address.removeprefix('http://')}", f"Cookie: {cookies}",
        f"X-CSRFToken: {visitor.http.cookies['csrftoken']}", f"Content-Type: {kind}", f"Content-Length: {announced}",
        "Connection: close",
    ]  # fmt: skip
    host, port = house.up.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        line.shutdown(socket.SHUT_WR)
        said = b""
        while part := line.recv(65_536):
            said += part
    return said


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("door", ["page", "api"])
@pytest.mark.parametrize("size", [10_000, 3 * MEBIBYTE], ids=["in-memory", "on-disk"])
def test_an_upload_cut_off_on_the_way_records_nothing(
    house: House, priya: Visitor, draft: dict[str, Any], door: str, size: int
) -> None:
    body, kind = multipart(b"x" * size, kind="onnx")
    path = f"/api/v1/versions/{draft['id']}/artifact/" if door == "api" else f"/models/versions/{draft['id']}/artifact/"
    said = sent_by_hand(house, priya, path, kind, body[: len(body) // 2], len(body))
    assert not said.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")), said[:300]


@pytest.mark.usefixtures("untouched")
def test_an_upload_whose_tail_is_missing_is_known_by_its_digest(priya: Visitor, draft: dict[str, Any]) -> None:
    """A file cut before it was sent arrives whole; only the announced digest tells."""
    whole = b"model" * 1000
    digest = hashlib.sha256(whole).hexdigest()
    form = {"data": {"kind": "onnx", "sha256": digest}, "files": {"file": ("m.onnx", whole[:-7])}}
    answer = priya.api("POST", f"versions/{draft['id']}/artifact/", **form)
    page = priya.page(f"/models/versions/{draft['id']}/artifact/", **form)
    sentence = f"but {digest} was announced; the upload was cut short or is another file. Send it again."
    assert (answer.status_code, page.status_code) == (422, 422)
    assert answer.json()["reasons"][0].endswith(sentence)
    assert sentence in page.text


@pytest.mark.usefixtures("untouched")
def test_a_request_that_announces_too_much_is_refused_before_it_is_read(
    house: House, priya: Visitor, draft: dict[str, Any]
) -> None:
    announced, start = 600 * MEBIBYTE, b"--x\r\n"
    kind = "multipart/form-data; boundary=x"
    sentence = b"The request is 600.0 MiB; at most 512 MiB of files are taken at once. Nothing was read or recorded."
    for path in (f"/api/v1/versions/{draft['id']}/artifact/", f"/models/versions/{draft['id']}/artifact/"):
        said = sent_by_hand(house, priya, path, kind, start, announced)
        assert said.startswith(b"HTTP/1.1 413"), said[:300]
        assert sentence in said


@pytest.mark.usefixtures("untouched")
def test_text_beyond_its_limit_is_refused_before_it_is_read(priya: Visitor, model: dict[str, Any]) -> None:
    text = {"use_summary": "x" * (5 * MEBIBYTE), "revision": 1}
    answer = priya.api("PATCH", f"models/{model['id']}/", json=text)
    assert answer.status_code == 413
    assert answer.json()["reasons"][0].endswith(
        "at most 4 MiB of text are taken at once. Nothing was read or recorded."
    )
    page = priya.page(f"/models/{model['id']}/edit/", {"use_summary": "x" * (5 * MEBIBYTE)})
    assert (page.status_code, "at most 4 MiB of text are taken at once" in page.text) == (413, True)
    assert priya.api("GET", f"models/{model['id']}/").json()["use_summary"] == "Lends."


@pytest.mark.usefixtures("untouched")
def test_a_table_beyond_its_limit_is_refused_with_the_limit(priya: Visitor) -> None:
    facts = {"name": "Too much", "source": "warehouse", "unit": "retail-lending"}
    content = b"a,b\n" + b"1,2\n" * (17 * MEBIBYTE)
    answer = priya.api("POST", "datasets/", data=facts, files={"file": ("t.csv", content)})
    assert answer.status_code == 422
    sentence = "The table is larger than 64 MiB, the largest that is taken here; send Parquet, or a sample."
    assert answer.json()["reasons"] == [sentence]
