#!/bin/sh
# slurm.sh - a Weft program as a job of Slurm:  sbatch slurm.sh
#SBATCH --job-name=weft
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=2
#SBATCH --time=00:10:00
#SBATCH --signal=TERM@60

# weft run finds the nodes and the number of tasks itself and starts a daemon on each node by srun. A minute before the
# time is over the tasks get SIGTERM, and 20 s to save what they have. The exit status is the largest of theirs.
exec "${WEFT:-weft}" run "${EXAMPLES:-.}/hello"
