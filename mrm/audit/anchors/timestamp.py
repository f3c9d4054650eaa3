"""Time stamps by an outside authority, RFC 3161; needs the package rfc3161-client, which is imported here alone."""

from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from mrm.audit.anchors.anchorage import Anchorage, AnchorProblem, Contradiction, Seen, Signed, checkpoint_of
from mrm.audit.anchors.exchange import post
from mrm.audit.anchors.places import Place


class Timestamp(Anchorage):
    """The token is the authority's whole reply over the SHA-256 of the note."""

    offline = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.who = f"The time-stamping authority at {place.shown}"
        self.certificates = _certificates(Path(place.proof))

    def anchor(self, signed: Signed) -> bytes:
        content = signed.note.encode()
        request = TimestampRequestBuilder(data=content, hash_algorithm=HashAlgorithm.SHA256).build()
        answer = post(self.who, self.place.address, request.as_bytes(), "application/timestamp-query")
        if answer.status != 200:
            raise AnchorProblem(f"{self.who} answers {answer.status}.")
        try:
            self._verified(answer.content, content, request.nonce)
        except (VerificationError, ValueError) as error:
            raise AnchorProblem(f"{self.who} gives a stamp that does not hold: {error}") from error
        return answer.content

    def verify(self, token: bytes, note: str) -> Seen:
        try:
            stamp = self._verified(token, note.encode(), None)
        except (VerificationError, ValueError) as error:
            size = checkpoint_of(note).size
            raise Contradiction(
                f"The time stamp of {self.place.shown} for the size {size} does not hold: {error}"
            ) from error
        return Seen(_signer(stamp) or self.place.shown, stamp.tst_info.gen_time)

    def latest(self, note: str) -> int | None:
        """An authority stamps and forgets."""
        return None

    def _verified(self, token: bytes, content: bytes, nonce: int | None) -> TimeStampResponse:
        stamp = decode_timestamp_response(token)
        builder = VerifierBuilder() if nonce is None else VerifierBuilder().nonce(nonce)
        for certificate in self.certificates:
            own = certificate.issuer == certificate.subject
            builder = (
                builder.add_root_certificate(certificate) if own else builder.add_intermediate_certificate(certificate)
            )
        builder.build().verify_message(stamp, content)
        return stamp


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise AnchorProblem(f"The certificates of the authority at {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise AnchorProblem(f"{path} does not hold the certificates of an authority in PEM.") from error
    if not any(each.issuer == each.subject for each in found):
        raise AnchorProblem(f"{path} holds no root certificate, one that signed itself; add it.")
    return found


def _signer(stamp: TimeStampResponse) -> str:
    """The name in the certificate that signed the stamp."""
    signers = {info.serial_number for info in stamp.signed_data.signer_infos}
    for content in stamp.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(content)
        if certificate.serial_number in signers:
            return certificate.subject.rfc4514_string()
    return ""
