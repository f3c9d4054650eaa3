"""The least a server can do: uvicorn, one ONNX session, JSON in and out. What the gateway is measured against."""

import sys
from typing import Any

import numpy as np
import onnxruntime
import orjson
import uvicorn


def app(model: bytes) -> Any:
    """One model, whatever the path; nothing is checked, counted or logged."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        tensor = orjson.loads(body)["inputs"][0]
        given = {tensor["name"]: np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])}
        found = session.run(names, given)
        outputs = [
            {"name": name, "shape": list(array.shape), "data": array.reshape(-1)}
            for name, array in zip(names, found, strict=True)
        ]
        answer = orjson.dumps({"model_name": "bare", "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return served


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as source:  # noqa: PTH123  the least a server can do
        handler = app(source.read())
    # h11 is what comes with uvicorn; the other is there because the gateway brings it
    http = sys.argv[3]
    uvicorn.run(
        handler, port=int(sys.argv[2]), http=http, log_level="warning", access_log=False, server_header=False, lifespan="off"
    )  # fmt: skip
