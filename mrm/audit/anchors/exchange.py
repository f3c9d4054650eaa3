"""One request to a place on the web, and what came back within its limits."""

from dataclasses import dataclass

import httpx

from mrm.audit.anchors.anchorage import AnchorProblem

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
LARGEST_ANSWER = 256 << 10


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    content: bytes


def post(who: str, address: str, content: bytes, kind: str) -> Answer:
    """Send bytes; `AnchorProblem` when no answer came. Proxies are taken from the environment."""
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False) as client,
            client.stream("POST", address, content=content, headers={"content-type": kind}) as answer,
        ):
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise AnchorProblem(f"{who} answers with more than {LARGEST_ANSWER} bytes.")
            return Answer(answer.status_code, answer.headers.get("content-type", "").partition(";")[0], bytes(body))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise AnchorProblem(f"{who} cannot be reached.") from error
    except httpx.TimeoutException as error:
        raise AnchorProblem(f"{who} did not answer within {READ_SECONDS:.0f} seconds.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AnchorProblem(f"{who} broke off: {error}.") from error
