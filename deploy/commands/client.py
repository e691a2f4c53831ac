"""How the `cchc` command speaks to a running system: HTTP with a token of the installation's own issuer."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from deploy.commands.refusal import CommandRefusedError
from deploy.embedded.programs import AUDIENCE, ISSUER
from deploy.embedded.settings import OFFSETS
from shared.clock import SystemClock
from shared.security import issue_token

Answer = TypeVar("Answer")
TOKEN_LIFE = timedelta(hours=1)
PAGE = 200
TIMEOUT = 30.0  # seconds for one request


def local_token(
    keys: Path,
    *,
    role: str,
    unit: str | None,
    name: str | None,
    expires: timedelta,
    issuer: str = ISSUER,
    audience: str = AUDIENCE,
) -> str:
    """Return a token of the installation's own issuer.

    Raises:
        CommandRefusedError: this installation has no issuer yet.
    """
    try:
        return issue_token(
            keys,
            issuer=issuer,
            audience=audience,
            role=role,
            unit=unit,
            name=name,
            expires=expires,
            now=SystemClock().now(),
        )
    except FileNotFoundError as error:
        raise CommandRefusedError(
            f"Chưa có khóa ký trong {keys}: chạy cchc run một lần trước. [no signing key yet: start the system once]"
        ) from error


class SystemClient:
    """Requests to the services of one installation, as whom the caller says; one token and connection a person."""

    def __init__(self, base_port: int, keys: Path) -> None:
        self._base_port, self._keys = base_port, keys
        self._people: dict[tuple[str, str | None], str] = {}
        self._connections = httpx2.Client(timeout=TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connections.close()

    def request(
        self,
        role: str,
        unit: str | None,
        method: str,
        service: str,
        path: str,
        **content: Any,  # noqa: ANN401 -- httpx2's
    ) -> httpx2.Response:
        """Return the answer, which is a success.

        Raises:
            CommandRefusedError: the service said no, with its own words, or did not answer.
        """
        who = (role, unit)
        if who not in self._people:
            self._people[who] = local_token(self._keys, role=role, unit=unit, name=None, expires=TOKEN_LIFE)
        headers = {"Authorization": f"Bearer {self._people[who]}", **content.pop("headers", {})}
        url = f"http://127.0.0.1:{self._base_port + OFFSETS[service]}{path}"
        try:
            answer = self._connections.request(method, url, headers=headers, **content)
        except httpx2.HTTPError as error:
            raise CommandRefusedError(
                f"{service} không trả lời ở {url}: hệ thống có đang chạy không? (cchc ps) [no answer]"
            ) from error
        if answer.is_error:
            raise CommandRefusedError(f"{method} {path}: {answer.status_code} {_reason(answer)}")
        return answer

    def items(self, role: str, unit: str | None, service: str, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield all items of a paged list."""
        cursor: str | None = None
        while True:
            asked = {**query, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
            page = self.request(role, unit, "GET", service, path, params=asked).json()
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def wait_for(look: Callable[[], Answer | None], *, within: float, what: str) -> Answer:
    """Return the first answer of `look` that is not None, looking ten times a second.

    Raises:
        CommandRefusedError: there was none `within` seconds.
    """
    deadline = time.monotonic() + within
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise CommandRefusedError(f"{what}: chưa thấy sau {within:.0f} giây. [not seen in time]")
        time.sleep(0.1)
    return found


def _reason(answer: httpx2.Response) -> str:
    """Return what a problem document says, its first errors included."""
    try:
        problem = answer.json()
        errors = "; ".join(str(error.get("message", "")) for error in (problem.get("errors") or [])[:3])
        return f"{problem['title']} {problem.get('detail') or ''} {errors}".strip()
    except (ValueError, KeyError, AttributeError, TypeError):
        return answer.text[:200]
