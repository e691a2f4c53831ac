"""Every figure opens into its tasks, and what becomes known after an issue stands in its errata."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.reporting.domain.content import Letterhead, content
from services.reporting.domain.counting import figures
from services.reporting.domain.errata import errata
from services.reporting.domain.errors import FigureNotFound
from services.reporting.domain.explanation import explain
from services.reporting.domain.facts import CompletionState
from services.reporting.domain.fold import CompletionHeard, Heard, VerdictHeard, known_at
from services.reporting.domain.method import Method, Rounding
from services.reporting.domain.presentation import PLAIN_FIGURES, figures_answer, tasks_answer
from services.reporting.domain.scoring import proportional
from tests.unit.reporting.sample_plan import LONG_AFTER, identifier, midday, the_sample, unit_code
from tests.unit.reporting.test_report_documents import a_report

CUTOFF = date(2023, 10, 31)


def told(heard: list[Heard] | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    known = known_at(heard or the_sample(), LONG_AFTER)
    assert known.plan is not None
    found = figures(known.plan, known, CUTOFF, Method())
    return figures_answer(found, proportional(Decimal(1))), tasks_answer(found)


@pytest.mark.parametrize("name", PLAIN_FIGURES)
def test_every_plain_figure_opens_into_as_many_tasks(name: str) -> None:
    answer, tasks = told()
    assert explain(tasks, name, Rounding.HALF_UP)["value"] == answer[name]
    for scope, rows in (("field", answer["by_field"]), ("unit", answer["by_unit"])):
        for row in rows:
            explained = explain(tasks, f"{scope}.{row['code']}.{name}", Rounding.HALF_UP)
            assert (explained["value"], len(explained["tasks"])) == (row[name], row[name])


@pytest.mark.parametrize("name", ["done_of_total", "done_of_due", "on_time_of_done"])
def test_every_rate_opens_into_its_fraction(name: str) -> None:
    answer, tasks = told()
    explained = explain(tasks, name, Rounding.HALF_UP)
    assert explained["rate"] == answer["rates"][name]
    assert explained["value"] == answer["rates"][name]["percent"]


def test_a_done_task_shows_its_documents_and_the_events_it_is_known_from() -> None:
    _, tasks = told()
    [task] = [found for found in explain(tasks, "field.II.done", Rounding.CUT)["tasks"] if found["number"] == "13"]
    assert [found["number"] for found in task["evidence"]] == ["1208/BC-STP"]
    assert task["events"] == [str(identifier("TV23-13 completed")), str(identifier("TV23-13 confirmed"))]


@pytest.mark.parametrize(
    "figure", ["", "nothing", "field.IX.done", "unit.X.done", "field.I.nothing", "plan.I.done", "."]
)
def test_a_figure_that_does_not_exist_is_refused_by_name(figure: str) -> None:
    _, tasks = told()
    with pytest.raises(FigureNotFound):
        explain(tasks, figure, Rounding.HALF_UP)


def test_a_unit_code_with_points_is_found() -> None:
    _, tasks = told()
    code = unit_code("Sở Tư pháp")
    for task in tasks:
        for unit in task["lead_units"]:
            unit["code"] = unit["code"].replace(code, "TV.STP.1")
    assert explain(tasks, "unit.TV.STP.1.total", Rounding.HALF_UP)["value"] == 4


def late_completion() -> list[Heard]:
    completion, task, day = identifier("late"), identifier("TV23-18"), date(2023, 10, 30)
    at = midday(date(2023, 11, 20))
    return [
        CompletionHeard(identifier("late reported"), at, task, 1, completion, day),
        VerdictHeard(
            identifier("late confirmed"), at + timedelta(days=1), task, 2, completion, CompletionState.CONFIRMED
        ),
    ]


def test_a_late_fact_stands_in_the_errata_with_its_events() -> None:
    frozen, _ = (
        content(
            a_report(),
            known_at(the_sample(), LONG_AFTER),
            as_of=LONG_AFTER,
            letterhead=Letterhead("UBND"),
            rule=proportional(Decimal(1)),
            corrected=None,
        ),
        None,
    )
    _, now = told([*the_sample(), *late_completion()])
    [line] = errata(frozen, {"tasks": now})
    assert line["number"] == "18"
    assert (line["then"]["timing"], line["now"]["timing"]) == ("overdue", "late")
    assert line["events"] == [str(identifier("late reported")), str(identifier("late confirmed"))]


def test_nothing_new_gives_no_errata() -> None:
    _, tasks = told()
    assert errata({"tasks": tasks}, {"tasks": tasks}) == []


def test_a_fact_about_days_after_the_cut_off_is_no_erratum() -> None:
    completion, task = identifier("later"), identifier("TV23-28")
    later = CompletionHeard(
        identifier("later reported"), midday(date(2023, 11, 5)), task, 1, completion, date(2023, 11, 5)
    )
    _, then = told()
    _, now = told([*the_sample(), later])
    assert errata({"tasks": then}, {"tasks": now}) == []
