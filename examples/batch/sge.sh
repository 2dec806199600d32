#!/bin/sh
# sge.sh - a Weft program as a job of Grid Engine:  qsub sge.sh
#$ -N weft
#$ -pe mpi 6
#$ -cwd -V
#$ -l h_rt=00:10:00
#$ -notify

# weft run takes the machines and the slots from $PE_HOSTFILE and starts a daemon on each other machine by qrsh -inherit,
# inside of the job's limits. The parallel environment ("mpi" here) needs control_slaves TRUE.
trap '' USR1 USR2 # what -notify sends ahead of an end is for programs that know it
exec "${WEFT:-weft}" run "${EXAMPLES:-.}/hello"
