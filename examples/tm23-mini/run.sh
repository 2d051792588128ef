#!/usr/bin/env bash
# TM23-mini from nothing: every label, model and number of it, on real DFT.
#
#   examples/tm23-mini/run.sh [FOLDER]     default: work/tm23-mini; 'make mini' does this
#
# It takes about three hours on two cores ('tm23 status' says what is left). It can be stopped at any time (Ctrl-C, a crash,
# a reboot) and started again: what is done is found.
#   MINI_METALS   metals, "Cu Ti Au Os" by default
#   MINI_WORKERS  jobs at once, 2 by default
#   MINI_ENGINE   gpaw; emt goes the same road in minutes, for trying, and is not DFT (Cu and Au)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-work/tm23-mini}
read -ra metals <<<"${MINI_METALS:-Cu Ti Au Os}"
workers=${MINI_WORKERS:-2}
engine=${MINI_ENGINE:-gpaw}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

mkdir -p "$work/jobs"
work=$(cd "$work" && pwd)
[ -e "$work/engine" ] || echo "$engine" >"$work/engine"
if [ "$(cat "$work/engine")" != "$engine" ]; then
    echo "Labels in $work are of the engine $(cat "$work/engine"): take another folder for $engine." >&2
    exit 2
fi
tm23 db start --path "$work/db" --port 0
eval "$(tm23 db env --path "$work/db")"
tm23 recover
if [ "$engine" = gpaw ]; then
    echo "${#metals[@]} metals: about $((${#metals[@]} * 90)) minutes of one core; what is there is not computed again."
    echo "From another shell: eval \"\$(tm23 db env --path $work/db)\"; tm23 status"
fi
SECONDS=0

add() { # workflow file, then what workflow.py is told
    local file=$1
    local added="$work/db/$(basename "$file").added" # goes when the database goes
    shift
    if [ ! -e "$added" ]; then
        python "$here/workflow.py" "$@" --engine "$engine" -o "$file"
        lpad add "$file"
        mkdir -p "$work/db"
        touch "$added"
    fi
}

pids=()
stop() {
    kill -TERM "${pids[@]}" 2>/dev/null || true # workers store what is done
    wait
    echo "Stopped: start this again to go on." >&2
    exit 130
}
trap stop INT TERM

work_off() { # everything in the launchpad
    pids=()
    for number in $(seq "$workers"); do
        (cd "$work/jobs" && exec tm23 worker >>"$work/worker-$number.log" 2>&1) &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || true; done # one that fails leaves the others to end
    pids=()
    tm23 status
    if [ "$(lpad get_fws -s FIZZLED -d count | tail -n 1)" != 0 ]; then
        echo "Some jobs failed: see 'tm23 status', mend the cause, 'tm23 rerun --where', and start this again." >&2
        echo "To go on without a metal: 'lpad archive_wflows -i ID' of its failed job, and MINI_METALS without it." >&2
        exit 1
    fi
    # Workers that were told to end, or whose disk is full, leave jobs.
    if [ "$(lpad get_fws -q '{"state": {"$nin": ["COMPLETED", "ARCHIVED"]}}' -d count | tail -n 1)" != 0 ]; then
        echo "The workers ended before all jobs were done: see $work/worker-1.log, and start this again." >&2
        exit 1
    fi
}

for metal in "${metals[@]}"; do
    add "$work/labels-$metal.yaml" labels "$metal"
done
work_off
# Another choice of metals has models of its own.
add "$work/models-$(IFS=-; echo "${metals[*]}").yaml" models "${metals[@]}"
work_off

tm23 audit
tm23 report -o "$work/report/index.html" --files "$work/report"
tm23 cost
tm23 db dump "$work/tm23-mini.tm23.tar.xz" --licence CC-BY-4.0 --without-model-files --without-places
echo "TM23-mini is complete, after $((SECONDS / 60)) minutes of this run: $work/report/index.html"
echo "Its database runs: tm23 db stop --path $work/db"
