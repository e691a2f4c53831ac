"""docs/api.md against the applications, read without its generator: nothing missing, nothing that does not exist."""

import re

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.contract_documents import DOCS
from services.plans.api.errors import PROBLEMS as OF_PLANS
from services.plans.main import create_app as create_plans
from services.plans.settings import PlansSettings
from services.reporting.api.errors import PROBLEMS as OF_REPORTING
from services.reporting.main import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from services.tasks.api.errors import PROBLEMS as OF_TASKS
from services.tasks.main import create_app as create_tasks
from services.tasks.settings import TasksSettings
from shared.http import known_problems
from shared.http.permissions import OPEN_PATHS
from shared.http.problem_spec import ProblemSpec
from tests.support.system import ROOT

NOWHERE = SecretStr("postgresql://nobody@127.0.0.1:1/none")
METHODS = {"get", "post", "put", "patch", "delete"}


def applications() -> list[FastAPI]:
    return [
        create_plans(PlansSettings(plans_database_url=NOWHERE)),
        create_tasks(TasksSettings(tasks_database_url=NOWHERE)),
        create_reporting(ReportingSettings(reporting_database_url=NOWHERE)),
    ]


def endpoints() -> set[str]:
    """Return `METHOD /path` of everything in the services' OpenAPI that needs a token."""
    return {
        f"{method.upper()} {path}"
        for app in applications()
        for path, operations in app.openapi()["paths"].items()
        for method in METHODS & operations.keys()
        if path not in OPEN_PATHS
    }


def codes() -> set[str]:
    """Return every problem code: of the services' tables, and of what all of them share."""
    shared = [value for value in vars(known_problems).values() if isinstance(value, ProblemSpec)]
    tables = [*OF_PLANS.values(), *OF_TASKS.values(), *OF_REPORTING.values(), *known_problems.REFUSALS.values()]
    return {spec.code for spec in [*shared, *tables]}


def named_in(document: str) -> tuple[set[str], set[str]]:
    """Return endpoints and problem codes of the document's tables."""
    calls = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \|", document, re.MULTILINE)
    problems = re.findall(r"^\| `([a-z-]+)` \| \d{3} \|", document, re.MULTILINE)
    return set(calls), set(problems)


def test_the_document_names_every_endpoint_and_problem_and_no_other() -> None:
    assert named_in((DOCS / "api.md").read_text(encoding="utf-8")) == (endpoints(), codes())


def test_every_service_is_asked() -> None:
    assert len(applications()) == len(list((ROOT / "services").glob("*/api")))


@pytest.mark.parametrize("row", ["| `GET /v1/tasks` |", "| `task-not-found` | 404 |"])
def test_a_row_that_is_missing_or_too_many_would_be_seen(row: str) -> None:
    """A guard that was never seen to fail guards nothing."""
    document = (DOCS / "api.md").read_text(encoding="utf-8")
    assert row in document
    without = "\n".join(line for line in document.splitlines() if not line.startswith(row))
    assert named_in(without) != (endpoints(), codes())
    assert named_in(f"{document}\n{row.replace('task', 'tusk')}") != (endpoints(), codes())
