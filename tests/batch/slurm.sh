#!/bin/sh
# slurm.sh - Weft in jobs of a real Slurm.
. "$WEFT_SRCDIR/tests/batch/rig.sh"

# per_node: how many lines of hello came from each node.
per_node() { printf '%s\n' "$out" | sed -n 's/.* on node //p' | sort | uniq -c | awk '{ print $1 }' | paste -sd ' '; }

submit -N3 --ntasks-per-node=2 "$WEFT_SRCDIR/examples/batch/slurm.sh"
equal "the example for Slurm ends well" 0 "$rc"
equal "its tasks are one team of all that was allocated" 6 "$(printf '%s\n' "$out" | grep -c 'of 6')"
equal "two of them on each node" "2 2 2" "$(per_node)"
expect "nothing is left after the job" "$(leavings)"

# --- counts and statuses
job_script hello <<'END'
"$WEFT" run "$EXAMPLES/hello"
END
submit -N2 -n3 hello
equal "an uneven job has its tasks as Slurm has allotted them" "2 1" "$(per_node)"
submit -N2 hello
equal "a job of whole nodes has as many tasks as Slurm says" "1 1" "$(per_node)"
job_script more <<'END'
"$WEFT" run -n 5 "$EXAMPLES/hello"
END
submit -N2 -n2 more
equal "more tasks than slots are fine when asked for" 5 "$(printf '%s\n' "$out" | grep -c 'of 5')"
job_script status <<'END'
exec "$WEFT" run sh -c 'exit $((WEFT_RANK + 5))'
END
submit -N2 -n3 status
equal "the job's exit status is the largest of the tasks'" 7 "$rc"

out=$(timeout -k 5 60 salloc -N2 -n3 "$WEFT" run "$EXAMPLES/hello" 2>"$tmp/err")
equal "with salloc the tasks are on the nodes, not on the login machine" "2 1" "$(per_node)"
equal "which is the first node of the VM" "" "$(printf '%s\n' "$out" | grep 'node 1$')"
for mpi in openmpi mpich; do
	name="a program of $mpi has its ranks on the nodes"
	if ! command -v mpicc.$mpi >/dev/null; then
		skip "$name" "there is no mpicc.$mpi"
		continue
	fi
	mpicc.$mpi -o "$jobs/hello.$mpi" "$WEFT_SRCDIR/tests/mpi/hello.c" 2>"$tmp/err"
	printf '"$WEFT" run "$PWD/hello.%s"\n' $mpi | job_script mpi
	submit -N3 -n6 mpi
	equal "$name" 6 "$(printf '%s\n' "$out" | grep -c 'of 6')"
done

# --- a VM for the whole script
job_script steps <<'END'
"$WEFT" up || exit 1
"$WEFT" run -l sh -c 'exit 0' && echo first
srun --overlap -N1 -n1 -w n2 "$WEFT" run "$EXAMPLES/hello"
WEFT_VM= "$WEFT" conf
srun --overlap -N3 -n3 "$EXAMPLES/hello"
echo "srun of three copies: $?"
END
submit -N3 -n3 steps
matches "weft up in a job tells of its machines" "'slurm-[0-9]*' is up: 3 machines for 3 tasks" "$out"
matches "a step of the script uses it" '^first$' "$out"
equal "a step on another of its nodes does, too" "1 1 1" "$(per_node)"
matches "conf lists the nodes by Slurm's names" 'n2' "$out"
matches "copies that srun starts are refused with the right command" 'weft run -n 3 .*hello' "$out"
matches "and with a status that says so" 'srun of three copies: [1-9]' "$out"
expect "the VM ends with the script" "$(leavings 15)"
job_script copies <<'END'
srun -n3 "$EXAMPLES/hello"
srun -n3 "$WEFT" run "$EXAMPLES/hello"
END
submit -N3 -n3 copies
matches "they are refused without a VM as well" 'weft run -n 3 .*hello' "$out"
matches "and three copies of weft run, too" 'weft run: .*3 copies.* without srun' "$out"
equal "none of them runs alone" "" "$(printf '%s\n' "$out" | grep 'of 1')"

# --- attaching
job_script standing <<'END'
"$WEFT" up
until [ -e "$0.done" ] || [ -e "$STOP" ]; do sleep 0.1; done
END
STOP=$tmp/stop; export STOP
begin -N2 -n2 standing
until_true 20 has_said 'is up'
status "weft attach runs a command in the job" 0 weft attach slurm:$job conf
matches "which sees the job's nodes" 'n1' "$(cat "$tmp/out")"
if command -v script >/dev/null; then
	shows() { grep -q -E -e "$1" "$tmp/out"; }
	: >"$tmp/out"
	{ # a line is typed when its prompt is there; when the console has ended nobody reads
		until_true 20 shows 'weft> '
		printf 'conf\n'
		until_true 20 shows '^NODE'
		printf 'quit\n'
		until_true 20 test -e "$tmp/ended"
	} | { timeout -k 5 60 script -qec "'$WEFT' attach slurm:$job" /dev/null >>"$tmp/out" 2>&1; : >"$tmp/ended"; }
	matches "weft attach has the job's console" "slurm-$job" "$(cat "$tmp/out")"
else
	skip "weft attach has the job's console" "there is no script (package bsdutils)"
fi
status "a job that is not there is refused" 125 weft attach slurm:99999 conf
says "with what shows those that are" 'Slurm has no job 99999: .* see: squeue --me'
waiting=$(sbatch --parsable --begin=now+1hour --wrap true)
status "so is one that has not begun" 125 weft attach "slurm:$waiting" conf
says "with what tells when it will" "job $waiting has not begun .PENDING.; see: squeue --start --jobs=$waiting"
scancel "$waiting"
stale() { SLURM_JOB_ID=99999 SLURM_JOB_NODELIST=n0,n1 SLURM_JOB_CPUS_PER_NODE='2(x2)' weft run true; }
status "the variables of a job that has ended start nothing" 125 stale
says "and it is told why" 'n[01]: Slurm knows no such job any more'
says "by what srun said" '^    . srun: .*Invalid job id'
says "and with what shows the jobs that there are" 'mend it with: squeue --me'
PATH=/nowhere status "and any where there is no Slurm" 125 "$WEFT" attach slurm:1
says "with where to go" 'there is no Slurm here'
status "a target that is none is refused" 125 weft attach slurm
touch "$STOP"
until_true 20 job_is_over
expect "the VM is gone with the job" "$(leavings 15)"

# --- the end of the allocation
cat >"$jobs/saver" <<'END'
#!/bin/sh
trap 'echo "saved by $WEFT_RANK"; exit 3' TERM
echo "ready $WEFT_RANK"
for i in $(seq 300); do sleep 0.1; done
END
chmod +x "$jobs/saver"
job_script saving <<'END'
"$WEFT" run "$PWD/saver"
echo "ended with $?"
END
all_ready() { [ "$(grep -c ready "$tmp/job")" = "$1" ]; }
begin -N3 -n3 saving
until_true 20 all_ready 3
scancel --signal=TERM "$job"
until_true 20 has_said 'ended with'
said=$(cat "$tmp/job")
equal "SIGTERM to the steps reaches all tasks once" "saved by 0 saved by 1 saved by 2" "$(grep -o 'saved by .' "$tmp/job" | sort | paste -sd ' ')"
matches "weft run says who ends it" 'the batch system ends this job: SIGTERM on n[12]' "$said"
matches "and ends with 143" 'ended with 143' "$said"
until_true 10 job_is_over
expect "nothing is left" "$(leavings)"

job_script stubborn <<'END'
exec "$WEFT" run --grace 1s sh -c 'trap "" TERM; echo ready; for i in $(seq 300); do sleep 0.1; done'
END
begin -N2 -n2 stubborn
until_true 20 all_ready 2
scancel --batch --signal=TERM "$job"
if until_true 10 job_is_over; then ok "tasks that stay are killed after the grace"; else not_ok "tasks that stay are killed after the grace" "$(cat "$tmp/job")"; fi
expect "nothing is left of them" "$(leavings)"

begin -N3 -n3 saving
until_true 20 all_ready 3
scancel "$job"
if until_true 20 job_is_over; then ok "a cancelled job ends"; else not_ok "a cancelled job ends" "$(cat "$tmp/job")"; fi
expect "nothing is left of it" "$(leavings 15)"

begin -N3 -n3 saving
until_true 20 all_ready 3
scancel --full --signal=KILL "$job"
until_true 20 job_is_over
expect "a job that is killed leaves no process" "$(leavings 15 | grep -v "^$rundir")"

# --- a node that does not come
kill -9 "$(cat "$tmp/slurmd.n2")"
job_script lame <<'END'
began=$(date +%s)
"$WEFT" run "$EXAMPLES/hello"
echo "status $? after $(($(date +%s) - began))"
END
submit -N3 -n3 lame
matches "a node that does not come is named" 'weft run: .*n2' "$out"
matches "within 12 s, with status 125" 'status 125 after ([0-9]|1[012])$' "$out"
expect "nothing is left of the others" "$(leavings 15)"
done_testing
