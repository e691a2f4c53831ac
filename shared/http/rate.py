"""How many requests a caller may send: a token bucket for each, in this process only.

Replicas of a service each have their own, so behind a balancer a caller gets as many times the rate as there are
replicas. That is enough for what this guards against, one program that has run wild; it needs no shared store and
costs a request one microsecond. Whoever is not let in has no bucket: strangers are kept off before us, by the proxy.

Header fields as in draft-ietf-httpapi-ratelimit-headers-10.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Final

from starlette.types import Scope

from shared.telemetry import counter

MOST_CALLERS: Final = 10_000
"""Buckets that are kept; of more callers, those that have been silent longest get a full one again."""

_SCOPE_KEY: Final = "cchc.rate"
_refused = counter(
    "cchc.http.too_many", unit="{request}", description="Requests refused because of their caller's rate."
)


class TooManyAtOnce(Exception):  # noqa: N818 -- errors say the refusal
    """The server has no room for one more request, whoever sends it."""


class TooManyRequests(Exception):  # noqa: N818 -- errors say the refusal
    """The caller's bucket is empty (HTTP 429)."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after
        """Whole seconds after which one more request is let through."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """The buckets of all callers.

    Args:
        per_second: tokens that a bucket gains; 0 switches everything off, the header fields too.
        burst: tokens that a bucket holds.
        now: seconds that only grow.
    """

    def __init__(self, per_second: float, burst: int, *, now: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        window = ceil(burst / per_second) if per_second else 0
        _refused.add(0)  # shown before there is anything to count
        self._policy = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (burst, window))

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, scope: Scope, caller: str) -> None:
        """Take one token of `caller`, and write into the request's scope what its answer says of the rest.

        Raises:
            TooManyRequests: there is none.
        """
        if not self._per_second:
            return
        bucket = self._filled(caller)
        is_let_through = bucket.tokens >= 1
        if is_let_through:
            bucket.tokens -= 1
        full_in = ceil((self._burst - bucket.tokens) / self._per_second)
        scope[_SCOPE_KEY] = (self._policy, (b"ratelimit", b'"default";r=%d;t=%d' % (bucket.tokens, full_in)))
        if not is_let_through:
            _refused.add(1)
            raise TooManyRequests(max(1, ceil((1 - bucket.tokens) / self._per_second)))

    def _filled(self, caller: str) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(self._burst), now)
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(caller)
        bucket.tokens = min(float(self._burst), bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket


def rate_headers(scope: Scope) -> Sequence[tuple[bytes, bytes]]:
    """Return the header fields of the answer to a request that took a token; none for any other."""
    found: Sequence[tuple[bytes, bytes]] = scope.get(_SCOPE_KEY, ())
    return found
