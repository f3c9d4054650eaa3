"""A time-stamping authority on this machine: openssl with certificates of its own, as an auditor meets it."""

import subprocess
from pathlib import Path

CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[other]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
"""
REQUEST = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""


class Authority:
    """Its root certificate, and a signer that the root certified."""

    def __init__(self, folder: Path, kind: str = "ec", usage: str = "stamping") -> None:
        folder.mkdir()
        self.folder, self.config = folder, folder / "tsa.cnf"
        self.config.write_text(CONFIG.format(folder=folder))
        (folder / "req.cnf").write_text(REQUEST)
        (folder / "serial").write_text("01\n")
        key = "-newkey rsa:2048" if kind == "rsa" else "-newkey ec -pkeyopt ec_paramgen_curve:P-256"
        self._run(f"req -x509 {key} -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Root -extensions authority")
        self._run(f"req -new {key} -nodes -keyout tsa.key -out tsa.csr -subj /CN=Stamps")
        self._run(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 77 -days 30 -out tsa.pem"
            f" -extfile tsa.cnf -extensions {usage}"
        )
        self.root, self.signer = (folder / "ca.pem").read_bytes(), (folder / "tsa.pem").read_bytes()

    def stamp(self, note: bytes, *, certificates: bool = True, digest: str = "sha256") -> bytes:
        """The reply of the authority over the bytes."""
        (self.folder / "note").write_bytes(note)
        self._run(f"ts -query -data note -{digest} {'-cert' if certificates else ''} -out query.tsq")
        self._run(
            "ts -reply -config tsa.cnf -section tsa -queryfile query.tsq -signer tsa.pem -inkey tsa.key"
            " -chain ca.pem -out reply.tsr"
        )
        return (self.folder / "reply.tsr").read_bytes()

    def _run(self, command: str) -> None:
        words = ["openssl", *command.split()]
        if words[1] == "req":
            words += ["-config", "req.cnf"]
        subprocess.run(words, cwd=self.folder, check=True, capture_output=True)
