#!/bin/sh
# pmi.sh WHAT - a task that speaks PMI-1 by hand, well or not. What it hears it prints.
say() { printf '%s\n' "$1" >&4; }
hear() { IFS= read -r answer <&4 || exit 9; }
ask() { say "$1"; hear; }
wait_for() { # a file; not for ever
	n=0
	until [ -e "$1" ]; do
		n=$((n + 1))
		[ $n -lt 400 ] || exit 8
		sleep 0.05
	done
}
first() { ask 'cmd=init pmi_version=1 pmi_subversion=1'; }
last() { ask 'cmd=finalize'; }

[ "$PMI_FD" = 4 ] || { echo "PMI_FD is \"$PMI_FD\""; exit 7; }
case $1 in
exchange) # each puts a key, all see all of them; rank 0 waits for a file before
	first
	ask "cmd=put kvsname=weft_job_$WEFT_JOB key=k$PMI_RANK value=v$PMI_RANK"
	[ "$PMI_RANK" != 0 ] || [ -z "$2" ] || { : >"$2.waits"; wait_for "$2"; }
	ask 'cmd=barrier_in'
	seen=
	i=0
	while [ "$i" -lt "$PMI_SIZE" ]; do
		ask "cmd=get kvsname=weft_job_$WEFT_JOB key=k$i"
		seen="$seen ${answer##*value=}"
		i=$((i + 1))
	done
	echo "rank $PMI_RANK sees$seen"
	last
	;;
many) # more keys than go into one message, on each node
	first
	value=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
	value=$value$value$value$value$value$value$value$value$value
	i=0
	while [ $i -lt 200 ]; do
		ask "cmd=put kvsname=weft_job_$WEFT_JOB key=k${PMI_RANK}_$i value=$PMI_RANK$value$i"
		i=$((i + 1))
	done
	ask 'cmd=barrier_in'
	for i in 0 77 199; do
		ask "cmd=get kvsname=weft_job_$WEFT_JOB key=k$(((PMI_RANK + 1) % PMI_SIZE))_$i"
		[ "${answer##*value=}" = "$(((PMI_RANK + 1) % PMI_SIZE))$value$i" ] || echo "rank $PMI_RANK got $answer"
	done
	ask 'cmd=barrier_in'
	echo "rank $PMI_RANK has them"
	last
	;;
map)
	first
	ask 'cmd=get key=PMI_process_mapping'
	echo "${answer##*value=}"
	ask 'cmd=get_universe_size'
	[ "${answer##*size=}" != "size=0 rc=0" ] || echo "no universe"
	last
	;;
program)
	first
	ask 'cmd=get_appnum'
	echo "rank $PMI_RANK: ${answer#*appnum=}"
	last
	;;
spawn) # N children of this script
	first
	say 'mcmd=spawn'
	for line in "nprocs=$2" "execname=$0" totspawns=1 spawnssofar=1 arg1=child "arg2=$3" argcnt=2 preput_num=1 \
		preput_key_0=PARENT_ROOT_PORT_NAME 'preput_val_0=a port' info_num=0 endcmd; do
		say "$line"
	done
	hear
	echo "$answer"
	last
	;;
child)
	first
	ask 'cmd=get key=PARENT_ROOT_PORT_NAME'
	ask2=${answer##*value=}
	[ -z "$2" ] || wait_for "$2"
	echo "child $PMI_RANK of $PMI_SIZE, spawned $PMI_SPAWNED, finds $ask2"
	ask 'cmd=barrier_in'
	last
	;;
fails) # to spawn what there is not
	first
	say 'mcmd=spawn'
	for line in nprocs=1 execname=./no-such-program totspawns=1 spawnssofar=1 argcnt=0 preput_num=0 info_num=0 endcmd; do
		say "$line"
	done
	hear
	echo "$answer"
	last
	;;
garbage) first; say 'GET / HTTP/1.0'; wait_for /nowhere ;;
long)
	first
	i=0
	while [ $i -lt 200 ]; do
		printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' >&4
		i=$((i + 1))
	done
	wait_for /nowhere
	;;
nul) first; printf 'cmd=get\0key=a\n' >&4; wait_for /nowhere ;;
foreign) first; say 'cmd=put kvsname=other key=a value=b'; wait_for /nowhere ;;
twice) first; first; wait_for /nowhere ;;
deaf) # asks and never reads
	first
	while :; do say 'cmd=get_maxes' || exit 9; done
	;;
dies) # rank 1, in a barrier that rank 0 does not come to
	first
	[ "$PMI_RANK" != 0 ] || wait_for /nowhere
	say 'cmd=barrier_in'
	[ "$PMI_RANK" != 1 ] || kill -9 $$
	hear
	;;
leaves) # well, but before the barrier that the others are in
	first
	[ "$PMI_RANK" = 1 ] || ask 'cmd=barrier_in'
	last
	;;
esac
