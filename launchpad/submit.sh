#!/usr/bin/env bash
# Submits workers to SLURM where jobs are ready for them: one round, so that cron or a loop repeats it.
#   launchpad/submit.sh aimd=27 label=10 train-gpu=2 analyse=1
# The number says how many SLURM jobs of a category may be in the queue, waiting and running; each takes
# jobs until none is left. Their output goes to folders in $TM23FLOWS_RUNS, or runs/ in the clone: a
# large disk that all nodes see. With the number 0 it only says what is ready.
set -euo pipefail

home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
set +u  # activate scripts and modules read variables that are not there
. "$home/launchpad/environment.sh"
set -u
[ -n "${FW_CONFIG_FILE:-}" ] || exit 1 # there is no database, and somebody has said so
runs=${TM23FLOWS_RUNS:-$home/runs}
mkdir -p "$runs"

# Two rounds at once would submit twice as many.
exec 9>"$runs/.submit.lock"
if ! flock --nonblock 9; then
    echo "Another round of launchpad/submit.sh is under way." >&2
    exit 0
fi

for wanted in "$@"; do
    if [ ! -f "$home/launchpad/my_qadapter_${wanted%=*}.yaml" ] || ! [[ ${wanted#*=} =~ ^[0-9]+$ ]]; then
        echo "'$wanted' is not CATEGORY=NUMBER of a file launchpad/my_qadapter_CATEGORY.yaml." >&2
        exit 2
    fi
done

failed=0
for wanted in "$@"; do
    category=${wanted%=*} most=${wanted#*=}
    # Not more than are wanted, and none for jobs that a submitted worker is going to take.
    queued=$(squeue --noheader --me --name "tm23-$category" --format %i | wc -l)
    pending=$(squeue --noheader --me --name "tm23-$category" --states PENDING --format %i | wc -l)
    ready=$(lpad get_fws -d count -q "{\"state\": \"READY\", \"spec._category\": \"$category\"}" | tail -n 1)
    room=$((most - queued)) needed=$((ready - pending))
    number=$((room < needed ? room : needed))
    echo "$category: $ready jobs ready, $queued workers in the queue, $((number > 0 ? number : 0)) more"
    [ "$number" -gt 0 ] || continue
    # The time limit is for jobs that somebody else takes meanwhile: qlaunch would wait for more.
    qlaunch -s -q "$home/launchpad/my_qadapter_$category.yaml" \
        -w "$home/launchpad/my_fworker_$category.yaml" --launch_dir "$runs" \
        rapidfire --nlaunches "$number" --timeout $((60 + 10 * number)) 9>&- || failed=1
done
exit "$failed"
