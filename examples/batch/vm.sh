#!/bin/sh
# vm.sh - one virtual machine for all steps of a job:  sbatch vm.sh
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --time=00:10:00

# Meanwhile, on the login node, weft attach slurm:JOBID is the console of this machine.
weft=${WEFT:-weft}
"$weft" up || exit 1
"$weft" run "${EXAMPLES:-.}/hello" && "$weft" run -n 2 "${EXAMPLES:-.}/ring"
status=$?
"$weft" down
exit $status
