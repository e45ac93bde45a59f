"""Stands in for the supervisor: speaks its lines of JSON, and changes nothing but a table of runs.

`FAKE_PLAN` says how long a run takes and how it ends. Like the real one it lets one process at a
time onto a stack, stops its work when its input ends, and dies of nothing else.
"""

import json
import os
import sys
import threading

import psycopg

TABLE = """
CREATE TABLE IF NOT EXISTS public.runs (
    number bigserial PRIMARY KEY, operation text, attempt int, pid int, worker int,
    began timestamptz DEFAULT clock_timestamp(), ended timestamptz, result text
)
"""
ALONE = "SELECT pg_advisory_lock(hashtext(deployment_id::text)) FROM byoc.operations WHERE id = %s"


def main() -> None:
    """Answer each line, until there are no more."""
    plan = json.loads(os.environ.get("FAKE_PLAN", "{}"))
    end_of_input = threading.Event()
    lines: list[dict[str, object]] = []
    told = threading.Semaphore(0)

    def read() -> None:
        for line in sys.stdin:
            lines.append(json.loads(line))
            told.release()
        end_of_input.set()
        told.release()

    threading.Thread(target=read, daemon=True).start()
    while True:
        told.acquire()
        if not lines:
            return
        job = lines.pop()
        print("a line of some library's", flush=True)  # noqa: T201 - as real ones do
        answer = run(str(job["operation"]), int(str(job["attempt"])), plan, end_of_input)
        if answer is None:
            return
        print(json.dumps({"operation": job["operation"], **answer}), flush=True)  # noqa: T201


def run(
    operation: str, attempt: int, plan: dict[str, object], stop: threading.Event
) -> dict[str, object] | None:
    """One run; no answer where it was stopped."""
    endings = dict(plan.get("endings", {})).get(operation, ["SUCCEEDED"])  # type: ignore[call-overload]  # JSON
    ended = endings[min(attempt, len(endings)) - 1]
    slow = dict(plan.get("slow", {}))  # type: ignore[call-overload]  # JSON
    seconds = float(slow.get(operation, plan.get("seconds", 0.05)))
    with psycopg.connect(os.environ["BYOC_DATABASE_URL"], autocommit=True) as database:
        database.execute(ALONE, [operation])
        (number,) = database.execute(
            "INSERT INTO public.runs (operation, attempt, pid, worker) VALUES (%s, %s, %s, %s)"
            " RETURNING number",
            [operation, attempt, os.getpid(), os.getppid()],
        ).fetchone() or (0,)
        stopped = stop.wait(seconds)
        if ended == "DIES":
            os._exit(9)
        database.execute(
            "UPDATE public.runs SET ended = clock_timestamp(), result = %s WHERE number = %s",
            ["stopped" if stopped else ended, number],
        )
    if stopped:
        return None
    error = None if ended == "SUCCEEDED" else {"code": "FAKE", "got": "as planned"}
    return {"ended": ended, "error": error}


if __name__ == "__main__":
    main()
