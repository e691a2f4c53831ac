"""Test processes that run side by side are given different ports, though nobody listens on them yet."""

import subprocess
import sys

from tests.support.system import ROOT

ONE = """
from tests.support import ports
ports.SPAN = 300
print(*(ports.free_port(neighbours=1) for _ in range(20)), flush=True)
input()
"""


def test_processes_side_by_side_are_given_different_ports() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    given: list[int] = []
    for process in processes:
        assert process.stdout is not None
        given += [int(port) + offset for port in process.stdout.readline().split() for offset in (0, 1)]
    for process in processes:
        process.communicate("\n", timeout=10)
    assert len(given) == 3 * 20 * 2
    assert len(set(given)) == len(given)
