#!/bin/bash
# One run of the suite on several machines of a SLURM cluster: sbatch slurm.sh specs/vision.json
#
# Ray's own "symmetric-run" starts Ray on every machine, runs the command on the first, and stops Ray when it ends.
# Killed, preempted or out of time, the same sbatch goes on where it stopped.
#
# Adapt: the number of machines, their cores, GPUs and time, and how the environment with the suite is activated.
#SBATCH --job-name=suite
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --output=suite-%j.log

set -euo pipefail

spec="${1:?usage: sbatch slurm.sh SPEC [further options of suite run]}"
shift

# source /shared/venv/bin/activate

first="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
address="$first:6379"

# Only who has this token may run anything on these machines. The folder of the job is on all of them.
token="$(mktemp "$SLURM_SUBMIT_DIR/.ray-token.XXXXXX")"
trap 'rm -f "$token"' EXIT
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$token"

export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH="$token"
export RAY_USAGE_STATS_ENABLED=0
# Features and decoded pictures are kept on each machine's own disk.
export SUITE_CACHE_DIR="${SUITE_CACHE_DIR:-/tmp/suite-cache-$USER}"

srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
    ray symmetric-run \
    --address "$address" \
    --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus="$SLURM_CPUS_PER_TASK" \
    --num-gpus="${SLURM_GPUS_PER_TASK:-0}" \
    --include-dashboard=false \
    -- suite run "$spec" --cluster "$address" "$@"
