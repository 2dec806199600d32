# lib.sh - for tests with several machines: network namespaces on a bridge, each with an sshd of its own. Source it
# first. Everything is in namespaces of the test, processes and mounts included, and gone with it.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "network namespaces are for root"
for tool in ip nft ssh ssh-keygen unshare; do
	command -v $tool >/dev/null || skip_all "there is no $tool: iproute2, nftables, openssh-client, util-linux"
done
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$sshd" ] || skip_all "there is no sshd: openssh-server"
if [ -z "${WEFT_TEST_HOSTS-}" ]; then
	unshare -p -f --mount-proc -n -m true 2>/dev/null || skip_all "namespaces can't be made here"
	WEFT_TEST_HOSTS=1 WEFT_TEST_NAMESPACE=1 exec unshare -p -f --mount-proc -n -m --kill-child sh "$0" "$@"
fi
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run && mkdir -p /run/netns /run/sshd
. "$WEFT_SRCDIR/tests/system/lib.sh"

net=10.77.0
keys=$tmp/ssh
mkdir -m 700 "$keys"
ssh-keygen -q -t ed25519 -N '' -f "$keys/id" || exit 99
cp "$keys/id.pub" "$keys/authorized"
: >"$keys/known"
: >"$keys/config"
printf '127.0.0.1 localhost\n%s.1 %s\n' $net home >"$tmp/hosts"
mount --bind "$tmp/hosts" /etc/hosts

# This namespace is the home machine.
ip link set lo up
ip link add switch type bridge && ip addr add $net.1/24 dev switch && ip link set switch up
hosts_made=1

# A VM started by the test reaches its hosts by this.
export WEFT_SSH="ssh -F $keys/config -o BatchMode=yes -o ConnectTimeout=5"

# host_wire NAME: a machine with a network and no ssh server. Its address is $net.N, in $address.
host_wire() {
	hosts_made=$((hosts_made + 1))
	address=$net.$hosts_made
	ip netns add "$1" && ip link add "v$hosts_made" type veth peer name eth0 netns "$1" || exit 99
	ip link set "v$hosts_made" master switch && ip link set "v$hosts_made" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add $address/24 dev eth0
	ip -n "$1" link set eth0 up
	printf '%s %s\n' $address "$1" >>"$tmp/hosts"
	cat >>"$keys/config" <<-END
		Host $1
		  HostName $address
	END
}

# host_known NAME: its key is known here.
host_known() { printf '%s %s\n' "$address" "$(cut -d' ' -f1,2 "$keys/$1.key.pub")" >>"$keys/known"; }

# host_sshd NAME [LINE of sshd_config]…: an ssh server for that machine; $inside, a command, is run there first.
inside=
host_sshd() {
	host=$1
	shift
	ssh-keygen -q -t ed25519 -N '' -f "$keys/$host.key" || exit 99
	mkdir -m 700 -p "$tmp/run-$host"
	{
		printf '%s\n' "$@" # the first value of a setting holds
		cat <<-END
			Port 22
			HostKey $keys/$host.key
			AuthorizedKeysFile $keys/authorized
			StrictModes no
			UsePAM no
			PermitRootLogin yes
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PidFile none
			SetEnv WEFT_RUNDIR=$tmp/run-$host
		END
	} >"$keys/$host.conf"
	ip netns exec "$host" unshare -u -m sh -c "hostname $host; ${inside:-true}; exec '$sshd' -D -f '$keys/$host.conf' -E '$keys/$host.log'" &
	inside=
	until_true 10 listens "$host" || { cat "$keys/$host.log"; exit 99; }
}
listens() { ip netns exec "$1" grep -q ':0016 .* 0A ' /proc/net/tcp /proc/net/tcp6; }

# host_make NAME [LINE]…: both, and known.
host_make() {
	host_wire "$1"
	host_sshd "$@"
	host_known "$1"
}

cat >>"$keys/config" <<END
Host *
  User root
  IdentityFile $keys/id
  IdentitiesOnly yes
  UserKnownHostsFile $keys/known
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
END

# must: the last test has to have gone well, or the rest makes no sense.
must() {
	[ "$tap_failed" = 0 ] || { echo 'Bail out! the rest needs this'; exit 1; }
}

# on NAME COMMAND…: in that machine's network.
on() { where=$1; shift; ip netns exec "$where" "$@"; }

# remains_elsewhere: processes and files of Weft on any machine, empty when all is clean.
remains_elsewhere() {
	until_true 10 nothing_of_weft || ps -eo pid,comm,args | grep -E 'weft(d|-)' | grep -v grep
	find "$tmp"/run-* -mindepth 1 2>/dev/null
}
nothing_of_weft() {
	for p in /proc/[0-9]*; do
		case $(cat "$p/comm" 2>/dev/null) in weftd | weftd-keeper | weft-coord | weft-taskvm) return 1 ;; esac
	done
}
