"""Makes a report's documents: canonical JSON, and Word by filling a template that an office can edit itself.

The bytes depend on the content and the template alone. Word's library is imported by the thread that needs it.
"""

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from services.reporting.adapters.fixed_zip import repack
from services.reporting.adapters.paper import on_paper
from services.reporting.domain.errors import ReportTemplateBroken
from services.reporting.domain.presentation import Answer

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = Path(__file__).parent / "templates" / "bao-cao.docx"


class Documents:
    """Renders reports with one template."""

    def __init__(self, template: Path | None = None) -> None:
        self._template = template or TEMPLATE

    async def render(self, content: Answer, file_format: str) -> bytes:
        """Return the document as `docx` or `json`.

        Raises:
            ReportTemplateBroken: the template asks for something that a report does not have.
        """
        if file_format == "json":
            return to_json(content)
        return await asyncio.to_thread(to_docx, content, self._template)


def to_json(content: Answer) -> bytes:
    """Return the content as JSON with sorted names, UTF-8, one line end at the end."""
    return (json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def to_docx(content: Answer, template: Path = TEMPLATE) -> bytes:
    """Return the content as Word's file.

    Every text is escaped: a title with `<` or `&` must not break the file. The template runs in a sandbox and may
    name nothing that does not exist.

    Raises:
        ReportTemplateBroken: it does.
    """
    from docxtpl import DocxTemplate
    from jinja2 import TemplateError

    document = DocxTemplate(BytesIO(template.read_bytes()))
    try:
        document.render(on_paper(content), jinja_env=_sandbox(), autoescape=True)
    except TemplateError as error:
        raise ReportTemplateBroken(error.message or type(error).__name__) from error
    written = BytesIO()
    document.save(written)
    return repack(written.getvalue())


def _sandbox() -> "Environment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
