#!/bin/sh
# weft doctor net: what reaches what, and the firewall's line.
. "$WEFT_SRCDIR/tests/hosts/lib.sh"

host_make alpha
host_make beta
host_make gamma
ip -n alpha link add docker0 type bridge && ip -n alpha addr add 172.17.0.1/16 dev docker0 && ip -n alpha link set docker0 up
ip -n alpha link add feed0 type veth peer name feed1 && ip -n alpha link set feed0 master docker0
ip -n alpha link set feed0 up && ip -n alpha link set feed1 up

# walls NAME PEER…: NAME lets nothing of these in but ssh and answers.
walls() {
	walled=$1
	shift
	on "$walled" nft -f - <<-END
		table inet filter {
			chain input {
				type filter hook input priority 0
				ct state established,related accept
				ip saddr { $(echo "$@" | tr ' ' ',') } tcp dport 1024-65535 drop
			}
		}
	END
}

status "without a virtual machine there is nothing to see" 125 weft doctor net
status "one comes up" 0 weft up --ports 7100-7109
must
status "of one node there is no network" 0 weft doctor net
weft add alpha beta gamma >/dev/null
status "where all is open all is well" 0 weft doctor net
cp "$tmp/out" "$tmp/open"
expect "each node is there with its port and its addresses" "$(grep -q -E '^ +2 +alpha +71[0-9]+ +10.77.0.2,172.17.0.1' "$tmp/open" || cat "$tmp/open")"
expect "each pair with the address that works, and a time" "$(for pair in 'alpha +beta' 'beta +alpha' 'gamma +alpha' 'beta +gamma'; do grep -q -E "^$pair +10\.77\.0\.[0-9]:71[0-9]+ +[0-9.]+ ms +answers" "$tmp/open" || cat "$tmp/open"; done)"
expect "and the verdict" "$(grep -q 'all nodes can talk' "$tmp/open" || cat "$tmp/open")"
walls beta 10.77.0.2
status "where one direction is blocked it is well enough" 0 weft doctor net
expect "but shown" "$(grep -q -E '^alpha +beta .*only the other way round' "$tmp/out" && grep -q '! alpha can.t dial beta, but is dialled by it' "$tmp/out" || cat "$tmp/out")"
expect "with the line for that machine's firewall" "$(grep -q -E 'mend it with, on beta: .*71[0-9][0-9]' "$tmp/out" || cat "$tmp/out")"
walls alpha 10.77.0.3
status "where both are it is not" 1 weft doctor net
expect "both are named, with the reason of each address" "$(grep -q '✘ alpha can.t dial beta' "$tmp/out" && grep -q '✘ beta can.t dial alpha' "$tmp/out" && grep -q -E '\| .*172.17.0.1:71[0-9]+' "$tmp/out" || cat "$tmp/out")"
status "and in JSON" 1 weft doctor net --json
expect "as data" "$(grep -q '"from": *2, *"to": *3, *"address": *"10.77.0.3", *"port": *71[0-9]*, *"ok": *false' "$tmp/out" && grep -q '"ok": *false$' "$tmp/out" || cat "$tmp/out")"
start=$(date +%s)
limit=50 weft run --host alpha,beta -n 2 "$examples/ring" >"$tmp/out" 2>&1 && echo "it worked" >>"$tmp/out"
took=$(($(date +%s) - start))
expect "tasks there are told in time that they can't talk" "$([ $took -lt 30 ] && grep -q 'no such node' "$tmp/out" && ! grep -q 'it worked' "$tmp/out" || { echo "$took s"; cat "$tmp/out"; })"
weft down >/dev/null
expect "nothing is left anywhere" "$(remains_elsewhere)"
done_testing
