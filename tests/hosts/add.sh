#!/bin/sh
# Each way in which a host can fail to become a node is told from the others, with what mends it, in time.
. "$WEFT_SRCDIR/tests/hosts/lib.sh"

host_make alpha
host_make beta
host_wire nosshd
host_wire strange && host_sshd strange
host_wire changed && host_sshd changed && printf '%s %s\n' "$address" "$(cut -d' ' -f1,2 "$keys/alpha.key.pub")" >>"$keys/known"
host_make asks 'AuthorizedKeysFile none' 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes'
inside="for d in '$build/node' /usr/local/libexec/weft /usr/libexec/weft; do [ ! -d \$d ] || mount -t tmpfs none \$d; done" host_make bare
mkdir "$tmp/old" && cp "$build/tests/hosts/oldweftd" "$tmp/old/weftd"
inside="mount --bind '$tmp/old' '$build/node'" host_make old
host_make eaten 'ForceCommand head -c 32 /dev/zero | sh -c "$SSH_ORIGINAL_COMMAND"'
host_make full "SetEnv WEFT_RUNDIR=/proc/none"
host_make walled
nft -f - <<END
table inet filter {
	chain input {
		type filter hook input priority 0
		ip saddr $address tcp dport 7100-7199 drop
	}
}
END
printf '%s.200 hole\n' $net >>"$tmp/hosts"
nft add table inet holes
nft 'add chain inet holes output { type filter hook output priority 0; }'
nft add rule inet holes output ip daddr $net.200 drop
ip neigh add $net.200 lladdr 02:00:00:00:00:01 dev switch
printf '192.0.2.7 nowhere\n' >>"$tmp/hosts"
ip route add unreachable 192.0.2.0/24

status "a virtual machine comes up with a port of a range" 0 weft up --ports 7100-7199
must

start=$(date +%s%N)
status "hosts that fail make the command fail" 125 weft add alpha nosshd strange changed asks bare old eaten full walled hole nowhere nix beta
took=$((($(date +%s%N) - start) / 1000000))
cp "$tmp/out" "$tmp/added"
# Ten seconds from each one's start, which comes late on a machine that is busy; ssh itself would wait for minutes.
expect "all are decided in time" "$([ $took -lt 30000 ] || echo "$took ms")"

# told HOST "pattern of the line" "pattern of the command"
told() {
	awk -v host="$1" '/^[^ ]/ { on = $2 == host ":" || $2 == host } on' "$tmp/added" >"$tmp/one"
	if head -n 1 "$tmp/one" | grep -q -E -e "$2" && grep -E 'mend it with' "$tmp/one" | grep -q -E -e "$3"; then
		ok "$1: $2"
	else
		not_ok "$1: $2" "$(cat "$tmp/one" "$tmp/err")"
	fi
}
expect "the good ones are nodes all the same" "$(for h in alpha beta; do grep -q "✔ $h is node" "$tmp/added" || cat "$tmp/added"; done)"
told nix "its name does not resolve" "getent hosts nix"
told nowhere "there is no way to it" "ip route get nowhere"
told hole "it does not answer" "ping .* hole"
told nosshd "no ssh server listens" "systemctl.*ssh"
told strange "host key is not known" "ssh strange"
told changed "host key is another" "ssh-keygen -R changed"
told asks "wants a password" "ssh-copy-id asks"
told bare "not installed there" "dx="
told old "it has Weft 0.0 \(protocol 77\), this is Weft $("$build/console/weft" version --json 2>/dev/null | sed -n 's/.*"release": *"\([^"]*\)".*/\1/p')" "weft version"
expect "and a daemon of another version was refused by name" "$(weft logs | grep -q 'the peer is Weft 0.0 (protocol 77)' || weft logs | tail)"
told eaten "the key that came there is not the one" "ssh eaten cat"
told full "no folder for its daemon's socket" "df"
# On a machine that is busy its daemon has not given up by then.
told walled "(can't reach this machine, port 71..: a firewall|has not found its way back to one of .*:71..)" "71[0-9][0-9]"
expect "what the daemon behind the wall tried is told" "$(grep -q "10.77.0.1:71.. \(does not answer\|within\)" "$tmp/one" || cat "$tmp/one")"
expect "what ssh said is quoted" "$(grep -q '| .*Permission denied' "$tmp/added" || cat "$tmp/added")"

status "a host that is a node already is told so" 125 weft add alpha
expect "with its number" "$(grep -q 'alpha is a node already.*#2' "$tmp/out" || cat "$tmp/out")"
status "in JSON" 125 weft add --json alpha nix
expect "each host has its cause and its command" "$(grep -q '"host": *"nix"' "$tmp/out" && grep -q '"error": *"ENONODE"' "$tmp/out" && grep -q '"fix": *"getent hosts nix"' "$tmp/out" || cat "$tmp/out")"

nft delete table inet filter
status "the command that was to mend it mends it" 0 weft add walled
status "tasks run on all that came" 0 weft run --host alpha,beta,walled -n 3 sh -c 'echo $WEFT_RANK'
expect "and nowhere else" "$(weft conf --json | grep -c '"host"' | grep -qx 4 || weft conf)"
status "hosts leave, all at once" 0 weft delete alpha beta walled
status "the virtual machine goes" 0 weft down
expect "nothing is left anywhere" "$(remains_elsewhere)"

status "a machine without ssh" 0 env WEFT_SSH=/no/such/ssh WEFT_RUNDIR="$rundir" "$build/console/weft" up
status "is no machine for others" 125 weft add alpha
cp "$tmp/out" "$tmp/added"
told alpha "/no/such/ssh: no such file" "openssh-client"
weft down >/dev/null
done_testing
