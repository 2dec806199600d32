# rig.sh - a Slurm of its own: slurmctld and three slurmd on this machine, in namespaces of their own, so that no port is
# taken and no process is left; source it first. Needs root and the packages slurmctld, slurmd and slurm-client.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
for program in slurmctld slurmd srun sbatch scancel; do
	command -v $program >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v $program >/dev/null || skip_all "there is no $program (packages slurmctld, slurmd, slurm-client)"
done
[ "$(id -u)" = 0 ] || skip_all "only root can start a Slurm of its own"
if [ -z "${WEFT_TEST_NETWORK-}" ]; then
	unshare -n -p -f --mount-proc true 2>/dev/null || skip_all "no namespaces can be made here"
	WEFT_TEST_NETWORK=1
	export WEFT_TEST_NETWORK
	exec unshare -n sh "$0" "$@"
fi
for name in $(env | sed -n 's/^\(SLURM[A-Z_]*\|SRUN[A-Z_]*\|SBATCH[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
. "$WEFT_SRCDIR/tests/system/lib.sh"
# Names are looked up only where there is an address that is not loopback's.
ip link set lo up 2>/dev/null && ip address add 10.11.12.13/32 dev lo || skip_all "there is no ip (package iproute2)"

WEFT_RUNDIR=$rundir WEFT=$build/console/weft EXAMPLES=$examples
SLURM_CONF=$tmp/slurm.conf
export WEFT_RUNDIR WEFT EXAMPLES SLURM_CONF
jobs=$tmp/jobs
mkdir "$jobs" "$tmp/state" "$tmp/spool.n0" "$tmp/spool.n1" "$tmp/spool.n2"
cd "$jobs" || exit 99

cat >"$SLURM_CONF" <<END
ClusterName=rig
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$tmp/state
SlurmdSpoolDir=$tmp/spool.%n
SlurmctldPidFile=$tmp/slurmctld.pid
SlurmdPidFile=$tmp/slurmd.%n.pid
SlurmctldLogFile=$tmp/slurmctld.log
SlurmdLogFile=$tmp/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName=n[0-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[17101-17103] CPUs=2 State=UNKNOWN
PartitionName=rig Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END

start_slurmd() { # node: its process is in $tmp/slurmd.NODE
	slurmd -D -N "$1" >"$tmp/slurmd.$1.out" 2>&1 &
	echo $! >"$tmp/slurmd.$1"
}
slurm_is_up() { [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" = 3 ]; }

slurmctld -D >"$tmp/slurmctld.out" 2>&1 &
for n in n0 n1 n2; do start_slurmd $n; done
if ! until_true 30 slurm_is_up; then
	tail -n 20 "$tmp"/slurm*.out "$tmp"/slurm*.log | sed 's/^/# /'
	not_ok "Slurm comes up"
	done_testing
	exit 1
fi
ok "Slurm is up"

# submit OPTION… SCRIPT: runs it to its end, at most a minute; its exit status in $rc, its output in $out.
submit() {
	: >"$tmp/output"
	rc=0
	timeout -k 5 "${limit:-60}" sbatch -W -o "$tmp/output" "$@" >"$tmp/sbatch" 2>&1 || rc=$?
	out=$(cat "$tmp/output")
}
# begin OPTION… SCRIPT: submits it; its number in $job. Its output comes to $tmp/job.
begin() {
	: >"$tmp/job"
	job=$(sbatch --parsable -o "$tmp/job" "$@")
}
has_said() { grep -q -E -e "$1" "$tmp/job"; }
job_is_over() { [ -z "$(squeue -h -j "$job" -t all -o %T 2>/dev/null | grep -v -E 'COMPLETED|CANCELLED|FAILED|TIMEOUT|NODE_FAIL')" ]; }

# job_script NAME: makes a job script of its standard input.
job_script() { { echo '#!/bin/sh'; cat; } >"$jobs/$1"; }

# matches "name" pattern text
matches() {
	if printf '%s\n' "$3" | grep -q -E -e "$2"; then ok "$1"; else not_ok "$1" "no /$2/ in: $3"; fi
}
# No process of Weft, no VM.
leavings() {
	until_true "${1:-10}" nothing_of_weft || ps -eo pid,ppid,args | grep -E '[w]eft|[s]leep 10'
	find "$rundir" -mindepth 1 -maxdepth 1
}
nothing_of_weft() { ! ps -eo args | grep -q -E '^[^ ]*(weftd|weft-coord|weft-taskvm)( |$)|[s]leep 10'; }
