# What a shell and every SLURM job needs. Change it for your cluster, then, in the folder of the clone:
#   . launchpad/environment.sh
# sbatch hands the environment on, and jobs source this file again (pre_rocket of the qadapters). Where
# a site hands nothing on, write the full path of the clone into pre_rocket and rocket_launch.

if [ -z "${TM23FLOWS_HOME:-}" ]; then
    TM23FLOWS_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    export TM23FLOWS_HOME
fi
. "$TM23FLOWS_HOME/.venv/bin/activate"
export OMP_NUM_THREADS=1

# module load vasp                                  # what your site needs to find VASP
# export TM23_OUTBOX=$HOME/tm23-outbox              # a folder that compute nodes and you both see

# FireWorks and jobflow find the database through files. These are written for the database of your
# settings (mongo_uri in ~/.tm23flows.yaml, or TM23_MONGO_URI), readable by you alone; only their names
# are exported. FireWorks prefers a FW_config.yaml in the working folder or in ~/.fireworks.
if [ -z "${FW_CONFIG_FILE:-}" ] || [ -z "${JOBFLOW_CONFIG_FILE:-}" ]; then
    eval "$(tm23 db env | grep _CONFIG_FILE=)"
fi
