"""The driver of a run on a cluster, in a process of its own, which is in the cluster's network and can be killed."""

import json
import sys
from pathlib import Path

from runner_plans import plan_of

from suite.errors import SuiteError
from suite.runner.run import run_plan
from suite.runner.workers import ClusterChoice

options = json.loads(sys.argv[1])
out = Path(options.pop("out"))
choice = ClusterChoice(options.pop("cluster"), options.pop("artefacts", None))
run_options = {name: options.pop(name) for name in ("jobs", "timeout_seconds") if name in options}
executor = options.pop("executor", "cluster_executors:execute")
plan = plan_of(*options.pop("models"), seeds=tuple(options.pop("seeds", [1])), **options)
try:
    outcome = run_plan(
        plan, out=out, cache_root=out, cluster=choice, executor=executor, progress="lines", **run_options
    )
except SuiteError as error:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
except KeyboardInterrupt:
    sys.exit(130)
print(json.dumps({"counts": outcome.counts, "new": outcome.new, "seconds": outcome.seconds}))
