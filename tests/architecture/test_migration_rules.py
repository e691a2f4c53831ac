"""Migrations leave the program before them alive, since both run while processes are replaced (docs/operations.md).

A migration adds: tables, columns that may be null or have a default, indexes, constraints on what is new. What takes
away or renames comes later, when no program that still runs knows it, and says since when in its docstring.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import ROOT

VERSIONS = sorted(
    file for room in ("services", "shared") for file in (ROOT / room).rglob("migrations/versions/*.py")
)  # fmt: skip
TAKES_AWAY = {"drop_table", "drop_column", "rename_table"}
ALLOWED_BY = "Not used since"
"""Words of a migration's docstring that answer for taking away: `Not used since 0003_...`."""


def refusals(source: str) -> Iterator[str]:
    """Yield what the program before would stumble over when this migration has run."""
    module = ast.parse(source)
    if _is_first(module) or ALLOWED_BY in (ast.get_docstring(module) or ""):
        return
    for function in module.body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                yield from _faults(call)


def _is_first(module: ast.Module) -> bool:
    """Whether nothing is before it: `down_revision = None`."""
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="down_revision")], value=ast.Constant(value=None)):
                return True
            case ast.AnnAssign(target=ast.Name(id="down_revision"), value=ast.Constant(value=None)):
                return True
    return False


def _faults(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in TAKES_AWAY:
        yield f"{name} takes away what the program before uses"
    if name == "alter_column" and given.keys() & {"new_column_name", "type_"}:
        yield "alter_column renames or retypes what the program before uses"
    if name == "alter_column" and _is(given.get("nullable"), value=False):
        yield "alter_column forbids null, which the program before may write"
    if name == "add_column":
        for column in (argument for argument in call.args if isinstance(argument, ast.Call)):
            inner = {keyword.arg: keyword.value for keyword in column.keywords}
            if _is(inner.get("nullable"), value=False) and "server_default" not in inner:
                yield "add_column without a default refuses the rows of the program before"
    if name == "execute" and any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and _takes_away(part.value)
        for part in ast.walk(call)
    ):
        yield "execute drops or renames what the program before uses"


def _takes_away(statement: str) -> bool:
    words = statement.upper()
    return any(phrase in words for phrase in ("DROP TABLE", "DROP COLUMN", "RENAME ", "SET NOT NULL", "TRUNCATE"))


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: f"{file.parents[2].name}-{file.stem}")
def test_a_migration_leaves_the_program_before_it_alive(file: Path) -> None:
    assert list(refusals(file.read_text(encoding="utf-8"))) == []


def test_a_revision_is_named_as_its_file_and_follows_the_file_before() -> None:
    """Processes ask where their database stands without alembic (shared/database/revisions.py)."""
    for folder in {file.parent for file in VERSIONS}:
        files = sorted(file for file in VERSIONS if file.parent == folder)
        before = None
        for file in files:
            told = {
                statement.targets[0].id: statement.value.value
                for statement in ast.parse(file.read_text(encoding="utf-8")).body
                if isinstance(statement, ast.Assign)
                and isinstance(statement.targets[0], ast.Name)
                and isinstance(statement.value, ast.Constant)
            }
            assert (told["revision"], told["down_revision"]) == (file.stem, before)
            before = file.stem


def test_there_are_migrations_to_look_at() -> None:
    assert len(VERSIONS) >= 5


PLANTED = {
    'op.drop_table("a")': "drop_table",
    'op.drop_column("a", "b")': "drop_column",
    'op.rename_table("a", "b")': "rename_table",
    'op.alter_column("a", "b", new_column_name="c")': "renames",
    'op.alter_column("a", "b", type_=sa.Text())': "retypes",
    'op.alter_column("a", "b", nullable=False)': "forbids null",
    'op.add_column("a", sa.Column("b", sa.Text(), nullable=False))': "without a default",
    'op.execute("ALTER TABLE a RENAME COLUMN b TO c")': "renames",
    'op.execute(sa.text("alter table a drop column b"))': "drops",
}
"""What the rule must refuse; a guard that was never seen to fail guards nothing."""
HARMLESS = [
    'op.create_table("a", sa.Column("b", sa.Text(), nullable=False))',
    'op.add_column("a", sa.Column("b", sa.Text(), nullable=True))',
    'op.add_column("a", sa.Column("b", sa.Text(), nullable=False, server_default=""))',
    'op.create_index("ix_a_b", "a", ["b"])',
    'op.alter_column("a", "b", nullable=True)',
]


def a_migration(statement: str, docstring: str = "A change.") -> str:
    return f'"""{docstring}"""\n\ndown_revision = "0001"\n\n\ndef upgrade() -> None:\n    {statement}\n'


@pytest.mark.parametrize("statement", PLANTED)
def test_what_the_program_before_cannot_live_with_is_refused(statement: str) -> None:
    (refusal,) = refusals(a_migration(statement))
    assert PLANTED[statement] in refusal
    assert list(refusals(a_migration(statement, "Drop b. Not used since 0002_b."))) == []


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_it_can_live_with_is_allowed(statement: str) -> None:
    assert list(refusals(a_migration(statement))) == []
