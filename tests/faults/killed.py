"""kill -9 before, in the middle of and after each call by which an agent changes its state: what sets.py and streams.py share."""
import multiprocessing.pool
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "lib")]

import agent as e2e  # noqa: E402
import table as tables  # noqa: E402

SHIM = os.path.join(e2e.BUILD, "tests", "faults", "shim.so")
MOMENTS = ("before", "in the middle of", "after")


def live(agent, point, moment, day):
    """Starts it, lets it have its day, and ends it, unless it was killed. How many calls changed the state."""
    table = tables.Table(agent.path("table"), armed=False)
    agent.environment = {"LD_PRELOAD": SHIM, "ASSAY_FAULT_STATE": agent.state, "ASSAY_FAULT_TABLE": table.path}
    if point:
        agent.environment["ASSAY_FAULT_KILL"] = f"{point}:{moment}"
    try:
        agent.launch()
        try:
            agent.wait_ready()
            day(agent)
            agent.process.terminate()  # what is to be written is written before it ends
        except (AssertionError, OSError, EOFError):
            if not point:
                raise
        agent.wait_exit()
        return table[tables.WRITES]
    finally:
        table.close()
        agent.environment = {}


def each_point(run):
    """run(point, moment) -> (what is wrong, or None; calls that changed the state; a fact) without a kill, then for each."""
    wrong, points, fact = run(0, 0)
    assert wrong is None, wrong
    jobs = [(point, moment) for point in range(1, points + 1) for moment in range(3)]
    with multiprocessing.pool.ThreadPool(2) as pool:
        results = pool.starmap(run, jobs)
    found = [f"killed {MOMENTS[moment]} call {point}: {result[0]}" for (point, moment), result in zip(jobs, results) if result[0]]
    return points, found, fact, [result[2] for result in results]
