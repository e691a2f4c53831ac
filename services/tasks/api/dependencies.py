"""What route functions ask for."""

import json
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.handlers import Ask, Desk
from services.tasks.queries import Today
from shared.clock import vietnam_date
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.http.caller import Caller, CallerDep, current_caller
from shared.http.idempotency import IdempotencyKeyDep
from shared.http.preconditions import ExpectedVersionDep, entity_tag


def actor_of(caller: Caller) -> Actor:
    """Return the caller in the words of the domain, without a name."""
    return Actor(
        subject=caller.subject, roles=frozenset(ActorRole(role.value) for role in caller.roles), unit=caller.unit
    )


async def current_actor(caller: CallerDep) -> Actor:
    """Return who calls."""
    return actor_of(caller)


def desk_of(request: Request) -> Desk:
    """Return what the use cases work with."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        raise TypeError("the application has no desk")
    return desk


ActorDep = Annotated[Actor, Depends(current_actor)]


async def today(request: Request) -> Today:
    """Return the Vietnamese calendar day on which timings are asked for."""
    desk = desk_of(request)
    return Today(day=vietnam_date(desk.clock.now()), due_soon_days=desk.due_soon_days)


TodayDep = Annotated[Today, Depends(today)]


@dataclass(frozen=True)
class Writer:
    """What a write works with, and says of itself: who, under which key, having read which version."""

    desk: Desk
    actor: Actor
    request: RequestKey | None
    version: int | None

    def ask(self, task_id: UUID) -> Ask:
        """Return what the use case is asked for `task_id`."""
        return Ask(actor=self.actor, task_id=task_id, request=self.request, expected_version=self.version)


async def current_writer(
    request: Request,
    request_key: IdempotencyKeyDep,
    expected_version: ExpectedVersionDep,
) -> Writer:
    """Return what this write says of itself; one dependency for all of it, for each costs time in every write."""
    return Writer(
        desk=desk_of(request),
        actor=actor_of(await current_caller(request)),
        request=request_key,
        version=expected_version,
    )


WriterDep = Annotated[Writer, Depends(current_writer)]


class WriteResponse(Response):
    """The answer to a write, with sorted keys: read back from a database that keeps no order it is the same bytes."""

    media_type = "application/json"

    def __init__(self, answer: StoredAnswer, version: int | None = None) -> None:
        headers = {} if version is None else entity_tag(version)
        super().__init__(answer.body, status_code=answer.status, headers=headers)

    def render(self, content: object) -> bytes:
        """Return `content` as JSON."""
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def task_response(answer: StoredAnswer) -> WriteResponse:
    """Return the answer to a write that tells the task, with the task's version as ETag."""
    return WriteResponse(answer, version=answer.body["version"])
