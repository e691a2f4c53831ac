"""`cchc ps`."""

import json

from rich.console import Console
from rich.table import Table

from deploy.commands.installation import running_system
from deploy.embedded.home import Home


def show_processes(home: Home, *, as_json: bool) -> None:
    """Print what runs.

    Raises:
        CommandRefusedError: nothing does.
    """
    system = running_system(home)
    rows = [
        {"name": row.name, "pid": row.pid, "port": row.port, "restarts": row.restarts, "state": row.state}
        for row in system.processes
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("tên (name)", "pid", "cổng (port)", "khởi động lại (restarts)", "trạng thái (state)")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)
