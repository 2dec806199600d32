#!/bin/sh
# others.sh - Weft in jobs of PBS, Grid Engine, Flux and LSF, as far as variables, files and launchers go: these are played.
. "$WEFT_SRCDIR/tests/system/lib.sh"
for name in $(env | sed -n 's/^\(\(SLURM\|PBS\|LSB\|FLUX\|SGE\|PE\|JOB\)_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
WEFT_RUNDIR=$rundir WEFT=$build/console/weft EXAMPLES=$examples
export WEFT_RUNDIR WEFT EXAMPLES
here=$(hostname)
bin=$tmp/bin
mkdir "$bin"
PATH=$bin:$PATH
export PATH tmp

# A launcher that runs the command here; on "lost" and "silent" it can't.
cat >"$bin/reach" <<'END'
#!/bin/sh
echo "$1" >>"$tmp/reached"
case $1 in
lost) echo "ssh: Could not resolve hostname lost: Name or service not known" >&2; exit 255 ;;
silent) exec sleep 100 ;;
esac
shift
SSH_CONNECTION='127.0.0.1 1 127.0.0.1 2' exec sh -c "$*"
END
cat >"$bin/qrsh" <<'END'
#!/bin/sh
[ "$1 $2" = "-inherit -V" ] || exit 2
shift 2
exec reach "$@"
END
cat >"$bin/flux" <<'END'
#!/bin/sh
case "$1 $2" in
"getattr hostlist") echo 'alpha,beta[07-08]' ;;
"resource list") echo 7 ;;
"exec --rank")
	echo "rank $3" >>"$tmp/reached"
	shift 3
	SSH_CONNECTION='127.0.0.1 1 127.0.0.1 2' exec "$@" ;;
*) exit 2 ;;
esac
END
chmod +x "$bin/reach" "$bin/qrsh" "$bin/flux"
WEFT_SSH=reach
export WEFT_SSH

# run COMMAND…: its output in $out, its status in $rc, the hosts that were reached in $reached.
run() {
	: >"$tmp/reached"
	rc=0
	out=$(timeout -k 5 60 "$@" 2>&1 </dev/null) || rc=$?
	reached=$(sort "$tmp/reached" | paste -sd ' ')
}
per_node() { printf '%s\n' "$out" | sed -n 's/.* on node //p' | sort | uniq -c | awk '{ print $1 }' | paste -sd ' '; }
matches() { if printf '%s\n' "$3" | grep -q -E -e "$2"; then ok "$1"; else not_ok "$1" "no /$2/ in: $3"; fi; }

# --- PBS
PBS_JOBID=12.server PBS_NODEFILE=$tmp/nodes
export PBS_JOBID PBS_NODEFILE
printf '%s\n%s\nalpha\nbeta\nalpha\nalpha\n' "$here" "$here" >"$PBS_NODEFILE"
run sh "$WEFT_SRCDIR/examples/batch/pbs.sh"
equal "the example for PBS ends well" 0 "$rc"
equal "other machines are reached, each once" "alpha beta" "$reached"
equal "the tasks are placed as the file says" "2 3 1" "$(per_node)"
expect "nothing remains" "$(remains)"
printf 'alpha\nbeta\n' >"$PBS_NODEFILE"
run "$WEFT" run "$EXAMPLES/hello"
equal "a machine outside of the allocation gets no task" "1 1" "$(printf '%s\n' "$out" | grep -v 'node 1$' | sed -n 's/.* on //p' | sort | uniq -c | awk '{ print $1 }' | paste -sd ' ')"
run "$WEFT" run --local-nodes 2 -n 2 "$EXAMPLES/hello"
equal "--local-nodes has nothing to do with the job" "" "$reached"
run "$WEFT" run sh -c 'kill -9 $$'
equal "the status is the tasks'" 137 "$rc"

run "$WEFT" up
matches "weft up makes the job's VM" "'pbs-12.server' is up: 2 machines for 2 tasks" "$out"
run "$WEFT" run "$EXAMPLES/hello"
equal "weft run uses it" "1 1" "$(per_node)"
run env PBS_JOBID=13.server "$WEFT" ps
equal "another job does not" 125 "$rc"
run "$WEFT" down
expect "nothing remains of it" "$(remains)"

run "$WEFT" up
run "$WEFT" spawn -n 2 sleep 100
kill -9 $(left | awk '$2 == "weft-coord" { print $1 }') "$(sed -n 's/^pid //p' "$rundir/pbs-12.server/vm")"
if until_true 20 nothing_runs; then ok "when the job's end kills its first machine, the others' daemons end"; else
	not_ok "when the job's end kills its first machine, the others' daemons end" "$(left)"
fi
run "$WEFT" down

: >"$PBS_NODEFILE"
run "$WEFT" run true
matches "an empty file is said" 'PBS_NODEFILE.*is empty' "$out"
equal "with status 125" 125 "$rc"
rm "$PBS_NODEFILE"
run "$WEFT" up
matches "a missing file is said" 'PBS_NODEFILE.*No such file' "$out"
printf '%s\nlost\nalpha\n' "$here" >"$PBS_NODEFILE"
run "$WEFT" run true
matches "a host that there is not is named with the cause" 'lost.*(resolve|not known)' "$out"
equal "and the run fails with 125" 125 "$rc"
expect "nothing remains of the others" "$(remains)"
printf 'silent\nalpha\n' >"$PBS_NODEFILE"
began=$(date +%s)
run "$WEFT" up
matches "a host that does not answer is named" silent "$out"
if [ $(($(date +%s) - began)) -lt 15 ]; then ok "in time"; else not_ok "in time"; fi
expect "no half of a VM remains" "$(remains)"

printf '%s\nalpha\n' "$here" >"$PBS_NODEFILE"
cat >"$tmp/saver" <<'END'
#!/bin/sh
trap 'echo saved; exit 0' TERM
echo ready
for i in $(seq 300); do sleep 0.1; done
END
chmod +x "$tmp/saver"
"$WEFT" run "$tmp/saver" >"$tmp/out" 2>&1 &
launcher=$!
ready() { [ "$(grep -c ready "$tmp/out")" = 2 ]; }
until_true 20 ready
kill $launcher
rc=0
wait $launcher || rc=$?
equal "qdel's SIGTERM lets the tasks save what they have" 2 "$(grep -c saved "$tmp/out")"
equal "and the run ends with 143" 143 "$rc"
expect "nothing remains afterwards" "$(remains)"
unset PBS_JOBID PBS_NODEFILE

# --- Grid Engine
JOB_ID=34 PE_HOSTFILE=$tmp/hosts
export JOB_ID PE_HOSTFILE
printf '%s 1 all.q UNDEFINED\nalpha 2 all.q UNDEFINED\n' "$here" >"$PE_HOSTFILE"
run sh "$WEFT_SRCDIR/examples/batch/sge.sh"
equal "the example for Grid Engine ends well" 0 "$rc"
equal "the other machine is reached by qrsh" alpha "$reached"
equal "the tasks are placed as the slots are" "1 2" "$(per_node)"
unset JOB_ID PE_HOSTFILE

# --- LSF
run env LSB_JOBID=5 LSB_MCPU_HOSTS="$here 1 alpha 1" "$WEFT" run "$EXAMPLES/hello"
equal "LSF's variable is understood" "1 1" "$(per_node)"

# --- Flux
FLUX_JOB_ID=f3 FLUX_URI=local:///none
export FLUX_JOB_ID FLUX_URI
run sh "$WEFT_SRCDIR/examples/batch/flux.sh"
equal "the example for Flux ends well" 0 "$rc"
equal "the brokers are called by their ranks" "rank 0 rank 1 rank 2" "$reached"
equal "the cores are what tasks are for" "3 2 2" "$(per_node)"
unset FLUX_JOB_ID FLUX_URI

# --- Slurm without Slurm
run env SLURM_JOB_ID=6 SLURM_JOB_NODELIST='n[0-1]' WEFT_SRUN=/nowhere/srun "$WEFT" run true
matches "a launcher that there is not is named" '/nowhere/srun' "$out"
equal "and nothing runs" 125 "$rc"
run env SLURM_JOB_ID=6 SLURM_JOB_NODELIST='n[0-' "$WEFT" run true
matches "a broken list is said" 'slurm job 6: .*not a list' "$out"
expect "nothing remains in the end" "$(remains)"
done_testing
