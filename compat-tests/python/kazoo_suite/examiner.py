"""A plug-in for pytest that writes a line for each test to the file EXAMINER_RESULTS: module, class and method, result, reason.

A test is its call and its fixtures: one line says what became of all three, "pass", "skip" or "fail".
"""

import os


class Lines:
    def __init__(self, file):
        self.file = file
        self.reported = {}

    def pytest_runtest_logreport(self, report):
        # Of several bad phases the first is the cause.
        result, reason = self.reported.get(report.nodeid, ("pass", ""))
        if result == "pass" and not report.passed:
            result = "fail" if report.failed else "skip"
            reason = first_line(report)
        self.reported[report.nodeid] = (result, reason)
        if report.when == "teardown":
            # The path of the module is empty for packages that are found by name.
            module, _, test = report.nodeid.partition("::")
            self.write(module or "-", test, result, reason)

    def pytest_collectreport(self, report):
        if report.failed:
            self.write(report.nodeid or "-", "-", "fail", first_line(report))

    def write(self, *fields):
        line = "\t".join(" ".join(field.split()) for field in fields)
        self.file.write(line + "\n")
        self.file.flush()

    def pytest_sessionfinish(self):
        """The stand-in for `java` adds a line to the file EXAMINER_STARTS for each server that it starts."""
        path = os.environ.get("EXAMINER_STARTS", "")
        started = 0
        if os.path.exists(path):
            with open(path, encoding="utf-8") as starts:
                started = len(starts.readlines())
        self.write("-", "-", "servers", str(started))


def first_line(report):
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    lines = text.splitlines() or [""]
    return lines[0]


def pytest_configure(config):
    path = os.environ["EXAMINER_RESULTS"]
    lines = Lines(open(path, "w", encoding="utf-8"))
    config.pluginmanager.register(lines)
