#!/bin/bash
# One training run on two machines under SLURM:  sbatch configs/cluster/slurm.sh configs/fleet_diagnosis.py [FLAGS]
#
# From the checkout, which all machines see, after `make train` has made .venv. A process per machine; JAX reads from
# SLURM how many there are. A step's tasks are shared out: make tasks_per_step a multiple of all devices. On GPUs ask for
# them (--gpus-per-task) and install '.[cuda12]'. Two minutes before the limit the chunk at hand is finished and saved; a
# requeued or second sbatch goes on from there, with any number of machines.
#SBATCH --job-name=mtl_jax
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
set -euo pipefail
CONFIG=$1
shift
RESUME=
if compgen -G "runs/$(basename "$CONFIG" .py)-*" > /dev/null; then RESUME=--resume; fi
srun --kill-on-bad-exit=1 .venv/bin/python scripts/train.py "$CONFIG" --distributed $RESUME "$@"
