"""Requests made from the services' own API documents, sent to a running system, and what is told of their answers."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.known_things import Known, Number
from tests.support.province import PROVINCE
from tests.support.system import System

SERVICES = ("plans", "tasks", "reporting")
CHECKS: Sequence[CheckFunction] = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
Operation = APIOperation[Any, Any, Any, Any]
ROUND = 50
"""Requests of one kind to one endpoint before the next endpoint has its turn: things made here are met there."""

USUAL = {
    "POST /v1/units": "admin of all",
    "POST /v1/tasks/{task_id}/progress": "lead unit",
    "POST /v1/tasks/{task_id}/completions": "lead unit",
    "POST /v1/completions/batch": "lead unit",
    "PUT /v1/calendar/days/{day}": "admin",
    "DELETE /v1/calendar/days/{day}": "admin",
}
OF_LEADERS = ("/v1/webhook-", "/v1/notices")
"""Who asks most often where it is not the secretariat."""


def usual_caller(operation: Operation) -> str:
    """Return who asks most often."""
    of_leaders = operation.path.startswith(OF_LEADERS)
    return USUAL.get(operation.label, "leader" if of_leaders else "secretariat")


@dataclass(frozen=True)
class Fault:
    """An answer that its API document does not allow, or a 5xx, with the request that brought it."""

    operation: str
    what: str
    request: str
    answer: str


@dataclass
class Tally:
    """What came back."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Service and status class -> how many."""
    succeeded: Counter[str] = field(default_factory=Counter)
    """Endpoint -> how many requests did what they asked for."""
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)

    @property
    def sent(self) -> int:
        return self.answers.total()

    def lines(self) -> Iterator[str]:
        """Yield one line a service: requests by status class."""
        for service in SERVICES:
            classes = {kind: count for (of, kind), count in sorted(self.answers.items()) if of == service}
            shown = ", ".join(f"{kind} {count}" for kind, count in classes.items())
            yield f"{service}: {sum(classes.values())} requests: {shown}"
        yield "did what was asked: " + ", ".join(f"{name} {count}" for name, count in sorted(self.succeeded.items()))


class Traffic:
    """All endpoints of all services of one system, called with every kind of token."""

    def __init__(self, system: System, known: Known) -> None:
        self.tally = Tally()
        self._system = system
        self._known = known
        self._session = requests.Session()
        self._tokens = _tokens(system)
        self._operations = [
            (service, operation) for service in SERVICES for operation in _operations(system.url(service))
        ]

    def never_succeeded(self) -> set[str]:
        """Return the endpoints of which no request did what it asked for: behind their front door nothing was tried."""
        return {name_of(operation) for _, operation in self._operations} - set(self.tally.succeeded)

    def close(self) -> None:
        self._session.close()

    def run(self, requests_wanted: int, *, seed_from: int = 0) -> Tally:
        """Send at least so many requests, half of them made to fit the documents, half of them not to."""
        turn = seed_from
        kinds = 2 * sum(_has_choices(operation) for _, operation in self._operations)
        while (left := requests_wanted - self.tally.sent) > 0:
            # Never the same order twice: what one endpoint always does before another's turn, the other never meets.
            dice = Random(turn)  # noqa: S311 -- repeatable, guards nothing
            for service, operation in dice.sample(self._operations, len(self._operations)):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    self._round(service, operation, mode, min(ROUND, left // kinds + 1), turn)
            turn += 1
        return self.tally

    def boundaries(self) -> Tally:
        """Send the cases that the documents' bounds and types suggest, and every method that they do not name."""
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        for service, operation in self._operations:
            generation = operation.schema.config.generation_for(operation=operation)
            cases = operation.schema.iter_coverage_cases(
                operation, generation_modes=modes, generation_config=generation
            )
            for case in cases:
                self._exchange(service, case, self._header_of(usual_caller(operation)))
        return self.tally

    def _round(self, service: str, operation: Operation, mode: GenerationMode, count: int, turn: int) -> None:
        if not _has_choices(operation):
            if mode is GenerationMode.NEGATIVE:
                return
            count = 1

        @seed(f"{operation.label} {mode} {turn}")
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def send(case: Case[Any], data: st.DataObject) -> None:
            def number(below: int) -> int:
                return data.draw(st.integers(0, below - 1))

            self._send(service, case, number)

        send()

    def _send(self, service: str, case: Case[Any], number: Number) -> None:
        self._known.lay_into(case, number)
        usual = usual_caller(case.operation)
        names = [usual, usual, usual, *self._tokens, "nobody"]
        self._exchange(service, case, self._header_of(names[number(len(names))]))

    def _header_of(self, person: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[person]}"} if person in self._tokens else {}

    def _exchange(self, service: str, case: Case[Any], headers: dict[str, str]) -> None:
        for name, value in dict(case.headers).items():  # text beyond Latin-1 goes out as its UTF-8 bytes
            case.headers[name] = str(value).encode(errors="replace").decode("latin-1")
        try:
            response = case.call(base_url=self._system.url(service), session=self._session, headers=headers, timeout=30)
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
            return  # no client can send it
        self.tally.answers[service, f"{response.status_code // 100}xx"] += 1
        name = name_of(case.operation)
        if response.status_code < 300:
            self.tally.succeeded[name] += 1
        self._known.learn(name, case, response)
        try:
            case.validate_response(response, checks=list(CHECKS))
        except FailureGroup as group:
            for failure in group.exceptions:
                self._keep(case, response, failure.title, failure.message)

    def _keep(self, case: Case[Any], response: Response, title: str, message: str) -> None:
        fault = Fault(
            operation=case.operation.label,
            what=f"{response.status_code} {title}: {message[:500]}",
            request=json.dumps(
                [case.path_parameters, case.query, dict(case.headers), repr(case.body)[:2000]], default=repr
            ),
            answer=(response.content or b"")[:500].decode(errors="replace"),
        )
        self.tally.faults.setdefault((fault.operation, fault.what[:120]), fault)


def name_of(operation: Operation) -> str:
    """Return the name of the endpoint's function."""
    return str(operation.definition.raw["operationId"]).partition("_v1_")[0]


def _tokens(system: System) -> dict[str, str]:
    people = {
        "secretariat": ("secretariat", PROVINCE),
        "secretariat of all": ("secretariat", None),
        "lead unit": ("department", "TV-STP"),
        "department without unit": ("department", None),
        "leader": ("leader", PROVINCE),
        "admin": ("admin", PROVINCE),
        "admin of all": ("admin", None),
    }
    return {name: system.token(*who) for name, who in people.items()} | {"a stranger's": "eyJhbGciOiJub25lIn0.e30."}


def _operations(url: str) -> Iterator[Operation]:
    for result in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        yield result.ok()


def _has_choices(operation: Operation) -> bool:
    """Tell whether there is anything in the request that could be one way or another."""
    return bool(operation.path_parameters or operation.query or operation.body)
