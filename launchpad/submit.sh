#!/usr/bin/env bash
# Submits workers to SLURM where jobs are ready for them: one round, so that cron or a loop repeats it.
#   launchpad/submit.sh aimd=27 label=10 train-gpu=2 analyse=1
# The number says how many SLURM jobs of a category may be in the queue, waiting and running. Their
# output goes to folders in $TM23FLOWS_RUNS, or runs/ in the clone: a large disk that all nodes see.
set -euo pipefail

home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
set +u  # activate scripts and modules read variables that are not there
. "$home/launchpad/environment.sh"
set -u
runs=${TM23FLOWS_RUNS:-$home/runs}
mkdir -p "$runs"

# Two rounds at once would submit twice as many.
exec 9>"$runs/.submit.lock"
if ! flock --nonblock 9; then
    echo "Another round of launchpad/submit.sh is under way." >&2
    exit 0
fi

failed=0
for wanted in "$@"; do
    category=${wanted%=*} most=${wanted#*=}
    adapter=$home/launchpad/my_qadapter_$category.yaml
    if [ ! -f "$adapter" ] || ! [ "$most" -gt 0 ] 2>/dev/null; then
        echo "'$wanted' is not CATEGORY=NUMBER of a file launchpad/my_qadapter_CATEGORY.yaml." >&2
        exit 2
    fi
    # qlaunch counts all jobs of the user; squeue, which it asks, heeds this variable.
    SQUEUE_NAMES=tm23-$category timeout 600 qlaunch -q "$adapter" \
        -w "$home/launchpad/my_fworker_$category.yaml" --launch_dir "$runs" \
        rapidfire -m "$most" --timeout 60 --sleep 20 9>&- || failed=1
done
exit "$failed"
