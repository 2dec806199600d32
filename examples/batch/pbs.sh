#!/bin/sh
# pbs.sh - a Weft program as a job of PBS or Torque:  qsub pbs.sh
#PBS -N weft
#PBS -l select=3:ncpus=2:mpiprocs=2
#PBS -l walltime=00:10:00
# Torque writes the second line as: -l nodes=3:ppn=2

# weft run takes the machines and the number of tasks from $PBS_NODEFILE and starts a daemon on each other machine by
# ssh ($WEFT_SSH, if it is to be another program). qdel sends SIGTERM first: the tasks have 20 s to save what they have.
cd "${PBS_O_WORKDIR:-.}" || exit 1
exec "${WEFT:-weft}" run "${EXAMPLES:-.}/hello"
