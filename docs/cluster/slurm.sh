#!/bin/bash
# One run of the suite on several machines of a SLURM cluster: sbatch slurm.sh specs/vision.json
#
# Ray is started on every machine, the run goes on from the first one, and Ray ends with it. Killed, preempted or out of
# time, the same sbatch goes on where it stopped; a machine that fails takes down no more than its own trials.
#
# Adapt: the number of machines, their cores, GPUs and time, and how the environment with the suite is activated.
#SBATCH --job-name=suite
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --output=suite-%j.log
#SBATCH --no-kill

set -euo pipefail

spec="${1:?usage: sbatch slurm.sh SPEC [further options of suite run]}"
shift

# source /shared/venv/bin/activate

mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
first="${machines[0]}"
# The address of the first machine as the last one knows it: to itself it may be 127.0.1.1.
known="$(srun --nodes=1 --ntasks=1 --nodelist="${machines[-1]}" getent ahostsv4 "$first")" ||
    { echo "${machines[-1]} knows no address of $first" >&2; exit 1; }
host="${known%% *}"
# Two jobs may share a machine.
port=$((20000 + SLURM_JOB_ID % 5000 * 2))
address="$host:$port"

# Only who has this token may run anything on these machines. The folder of the job is on all of them.
token="$(mktemp "$SLURM_SUBMIT_DIR/.ray-token.XXXXXX")"
trap 'rm -f "$token"; kill $(jobs -p) 2> /dev/null || true' EXIT
trap 'exit 143' TERM
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$token"

export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH="$token"
export RAY_USAGE_STATS_ENABLED=0
# Features and decoded pictures are kept on each machine's own disk.
export SUITE_CACHE_DIR="${SUITE_CACHE_DIR:-/tmp/suite-cache-$USER}"

# Said again: srun does not take the number of cores from sbatch in every version of SLURM.
step=(srun --cpus-per-task="$SLURM_CPUS_PER_TASK" --overlap --no-kill)
gpus="${SLURM_GPUS_PER_TASK:-0}"
share=(--num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${gpus##*:}" --min-worker-port=0 --max-worker-port=0 --block)

"${step[@]}" --nodes=1 --ntasks=1 --nodelist="$first" \
    ray start --head --node-ip-address="$host" --port="$port" --ray-client-server-port=$((port + 1)) \
    --include-dashboard=false "${share[@]}" >> "suite-$SLURM_JOB_ID-ray.log" 2>&1 &
until (: > "/dev/tcp/$host/$port") 2> /dev/null; do
    kill -0 $! 2> /dev/null || { echo "Ray did not start: see suite-$SLURM_JOB_ID-ray.log" >&2; exit 1; }
    sleep 1
done
others=$((${#machines[@]} - 1))
if ((others > 0)); then
    "${step[@]}" --nodes="$others" --ntasks="$others" --exclude="$first" \
        ray start --address="$address" "${share[@]}" >> "suite-$SLURM_JOB_ID-ray.log" 2>&1 &
fi

suite run "$spec" --cluster "$address" "$@" &
wait $!
