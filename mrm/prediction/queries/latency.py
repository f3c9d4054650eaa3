"""Times of answers as counts by bucket: eight buckets an octave, so that a quantile is told within a sixteenth."""

from collections.abc import Mapping

EXACT = 16  # so many microseconds have a bucket each


def bucket_of(micros: int) -> int:
    """The bucket of a time in microseconds."""
    if micros < EXACT:
        return micros
    octave = micros.bit_length() - 4
    return 8 * octave + (micros >> octave)


def middle_of(bucket: int) -> float:
    """The time in the middle of a bucket."""
    if bucket < EXACT:
        return float(bucket)
    octave = bucket // 8 - 1
    low = (bucket - 8 * octave) << octave
    return low + (1 << octave) / 2


def quantile(counts: Mapping[str, int], share: float) -> float | None:
    """The time within which so large a share of the answers came, in microseconds; None without an answer."""
    total = sum(counts.values())
    if not total:
        return None
    seen = 0
    for bucket, count in sorted((int(key), count) for key, count in counts.items()):
        seen += count
        if seen >= share * total:
            return middle_of(bucket)
    raise AssertionError("the shares add up to one")
