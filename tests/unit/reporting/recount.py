"""An independent recount, written from the rules in other words than the service's code.

It works on plain dictionaries, task by task, with fractions instead of whole-number arithmetic, and knows nothing of
the service's classes. Dates of tasks: `due` (or None), `standing` for continuous and recurring ones.
"""

from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

Story = list[dict[str, Any]]


def percent(part: int, whole: int, rounding: str) -> Decimal | None:
    if whole == 0:
        return None
    mode = ROUND_DOWN if rounding == "cut" else ROUND_HALF_UP
    share = Fraction(100 * part, whole)
    with localcontext(prec=50):
        return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal("0.01"), rounding=mode)


def last_word(story: Story, completion: Any) -> str:  # noqa: ANN401 -- any hashable name does
    words = [(line["version"], line["what"]) for line in story if line.get("completion") == completion]
    return str(max(words)[1])


def product_day(task: dict[str, Any], story: Story, confirm_needed: bool) -> date | None:
    """The day of the product that may count, cut-off aside: of the last completion still standing."""
    mine = [line for line in story if line["task"] == task["id"]]
    reports = sorted((line for line in mine if line["what"] == "completed"), key=lambda line: line["version"])
    standing = [line for line in reports if last_word(mine, line["completion"]) not in {"returned", "reopened"}]
    if not standing:
        return None
    newest = standing[-1]
    if confirm_needed and last_word(mine, newest["completion"]) != "confirmed":
        return None
    day: date = newest["day"]
    return day


def recount(
    tasks: list[dict[str, Any]],
    story: Story,
    *,
    year: int,
    confirm_needed: bool,
    c: date,
    a: datetime,
    standing_rule: str,
    rounding: str,
) -> dict[str, Any]:
    """Count by hand; the answer has the names of the published figures."""
    known = {line["event"]: line for line in story if not line["at"] > a}
    last_day = date(year, 12, 31)
    tally = dict.fromkeys(("total", "done", "done_on_time", "done_late", "due", "overdue"), 0)
    fields: dict[str, list[int]] = {}
    units: dict[str, list[int]] = {}
    for task in tasks:
        if task["standing"] and standing_rule == "excluded":
            continue
        day = product_day(task, list(known.values()), confirm_needed)
        finished = day is not None and day <= c
        if task["standing"] and standing_rule == "year_end" and c < last_day:
            finished = False
        limit = last_day if task["standing"] else task["due"]
        tally["total"] += 1
        if finished:
            tally["done"] += 1
            tally["due"] += 1
            late = not task["standing"] and task["due"] is not None and day is not None and day > task["due"]
            tally["done_late" if late else "done_on_time"] += 1
        elif limit is not None:
            if c >= limit:
                tally["due"] += 1
            if c > limit:
                tally["overdue"] += 1
        for rows, names in ((fields, {task["field"]}), (units, set(task["leads"]))):
            for name in names:
                row = rows.setdefault(name, [0, 0])
                row[0] += 1
                row[1] += finished
    return {
        **tally,
        "rates": {
            "done_of_total": percent(tally["done"], tally["total"], rounding),
            "done_of_due": percent(tally["done"], tally["due"], rounding),
            "on_time_of_done": percent(tally["done_on_time"], tally["done"], rounding),
        },
        "fields": {name: tuple(row) for name, row in fields.items()},
        "units": {name: tuple(row) for name, row in units.items()},
    }
