"""Runs one command as a process of its own under a time limit, and writes what it cost as JSON: wall and CPU seconds (of it
and of what it waited for), peak resident memory, and how it ended. Standard library only.

    python measure.py REPORT.json LIMIT_SECONDS COMMAND ...
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time


def main():
    report, limit, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    begin = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    late = threading.Event()

    def end():
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    timer.cancel()
    with open(report, "w", encoding="utf-8") as file:
        json.dump({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_kib": usage.ru_maxrss,
                   "exit": os.waitstatus_to_exitcode(status), "too_slow": late.is_set()}, file)


main()
