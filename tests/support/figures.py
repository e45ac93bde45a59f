"""What tests have measured, told at the end of a run: pytest shows nothing that they print."""

import pytest

__all__ = ["FIGURES", "pytest_terminal_summary"]

FIGURES = "figures"
"""A test's property (`record_property`) whose lines are shown."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each test's, under its name."""
    for report in terminalreporter.getreports("passed"):
        for name, lines in report.user_properties:
            if name == FIGURES:
                terminalreporter.write_line(f"\n{report.nodeid}\n{lines}")
