"""Commands that a service brings along itself; they find their database in the environment, as the service does."""

import typer


def register(app: typer.Typer) -> None:
    """Add these commands to `cchc`; their own options and help are the service's."""
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(context_settings=passed_on, add_help_option=False)(tasks)


def tasks(context: typer.Context) -> None:
    """Nhập báo cáo hoàn thành gửi bằng văn bản giấy; xem cchc tasks --help (completions that came on paper)."""
    from deploy.commands.installation import Installation
    from deploy.embedded.settings import enter_environment

    if "--help" not in context.args:
        url = Installation.find().url("tasks")
        enter_environment({"CCHC_TASKS_DATABASE_URL": url.get_secret_value()})
    from services.tasks.console import app

    app(args=context.args or ["--help"], prog_name="cchc tasks")
