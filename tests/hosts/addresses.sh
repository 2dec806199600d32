#!/bin/sh
# The daemons find their way home, and to each other, whatever interfaces and names there are besides.
. "$WEFT_SRCDIR/tests/hosts/lib.sh"

# trap_at [NETNS]: a bridge for containers with the address that every machine with Docker has, and an
# interface that is down; docker0 has something connected, so that it is up in earnest.
trap_at() {
	in=${1:+-n $1}
	ip $in link add docker0 type bridge && ip $in addr add 172.17.0.1/16 dev docker0 && ip $in link set docker0 up
	ip $in link add feed0 type veth peer name lost0 && ip $in link set feed0 master docker0
	ip $in addr add 10.99.0.1/24 dev lost0 && ip $in link set feed0 up && ip $in link set lost0 up
	ip $in link add lost1 type veth peer name lost2 && ip $in addr add 10.98.0.1/24 dev lost1
}
trap_at
printf '127.0.1.1 %s\n' "$(hostname)" >>"$tmp/hosts"

host_make alpha
trap_at alpha
host_make beta
# sshd does not say here where a connection comes from
host_make gamma 'ForceCommand unset SSH_CONNECTION SSH_CLIENT; exec sh -c "$SSH_ORIGINAL_COMMAND"'
trap_at gamma

status "a virtual machine comes up on one fixed port" 0 env WEFT_LOG=debug WEFT_RUNDIR="$rundir" "$build/console/weft" up --ports 7100
must
status "its name is 127.0.1.1, and hosts come all the same" 0 weft add --ports 7100 alpha beta gamma
for h in alpha beta gamma; do
	expect "$h found home by its real address" "$(weft conf | grep -q " $h .* up .*:7100" && weft logs | grep -q 'home answers at 10.77.0.1 port 7100' || weft logs | grep HOME)"
done
expect "and by no other" "$(weft logs | grep 'home answers at' | grep -v '10.77.0.1 ')"
expect "home's own address is not told as 127.0.1.1" "$(weft conf --json | grep -o '"address": *"127[^"]*"')"
status "tasks on all of them reach each other" 0 weft run -n 8 "$examples/ring"
weft down >/dev/null

# beta may be dialled by nobody but ssh; it may dial the others.
on beta nft -f - <<'END'
table inet filter {
	chain input {
		type filter hook input priority 0
		ct state established,related accept
		tcp dport 22 accept
		tcp dport 1-65535 drop
	}
}
END
status "a virtual machine whose one node can't be dialled" 0 weft up
must
status "comes up" 0 weft add alpha beta gamma
status "and its tasks reach each other, for that node dials" 0 weft run -n 8 "$examples/ring"
status "again, and faster" 0 weft run -n 8 "$examples/ring"
expect "that is said in the log" "$(weft logs | grep -q -E 'host=beta can.t be dialled from here|node=3 is to dial' || weft logs | grep -E 'PEER|INTRO')"
weft down >/dev/null

# Two networks that know nothing of each other; home is in both.
ip link add other type bridge && ip addr add 10.88.0.1/24 dev other && ip link set other up
net=10.88.0
host_make delta
ip link set "v$hosts_made" master other
ip -n delta route add default via 10.88.0.1
status "a private virtual machine that spans two networks" 0 weft run --host alpha,delta,beta -n 3 hostname
expect "has tasks on all" "$(sort "$tmp/out" | tr '\n' ' ' | grep -qx 'alpha beta delta ' || cat "$tmp/out" "$tmp/err")"
expect "nothing is left anywhere" "$(remains_elsewhere)"
done_testing
