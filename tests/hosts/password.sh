#!/bin/sh
# password.sh - a host whose ssh asks the user something: so=pw lets it ask, and the daemon goes through what it opened.
. "$WEFT_SRCDIR/tests/hosts/lib.sh"

ssh-keygen -q -t ed25519 -N 'open sesame' -f "$keys/locked" || exit 99
cat "$keys/locked.pub" >>"$keys/authorized"
host_make alpha
host_make beta
# Only a key behind a question opens beta.
printf 'Host beta\n  IdentityFile %s/locked\n' "$keys" >"$keys/first"
sed "s,IdentityFile $keys/id,IdentityFile $keys/%n.id," "$keys/config" >>"$keys/first"
cp "$keys/first" "$keys/config"
cp "$keys/id" "$keys/alpha.id"
printf '#!/bin/sh\necho "$1" >>"%s/asked"\ncat "%s/answer"\n' "$tmp" "$tmp" >"$tmp/askpass"
chmod +x "$tmp/askpass"
export SSH_ASKPASS="$tmp/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=:0

status "a virtual machine is up" 0 weft up
must
status "a host whose ssh asks does not come by itself" 125 weft add alpha beta
expect "and so=pw is what is told" "$(grep -q 'so=pw behind its name' "$tmp/out" || cat "$tmp/out")"
expect "nobody was asked" "$(cat "$tmp/asked" 2>/dev/null)"

echo wrong >"$tmp/answer"
status "with a wrong answer it does not come either" 125 weft add 'beta so=pw'
expect "and is told so" "$(grep -q 'beta: ssh did not get in' "$tmp/out" && grep -q 'ssh -v beta' "$tmp/out" || cat "$tmp/out" "$tmp/err")"

: >"$tmp/asked"
echo 'open sesame' >"$tmp/answer"
status "with the right one it does" 0 weft add 'beta so=pw'
equal "one question was asked" 1 "$(grep -c passphrase "$tmp/asked")"
status "tasks run there" 0 weft run --host beta sh -c 'echo $WEFT_NODE; hostname'
equal "on that machine" beta "$(tail -n 1 "$tmp/out")"
status "others are not asked about" 0 weft delete alpha beta
no_master() { ! ls "$rundir"/default/ssh.* >/dev/null 2>&1; }
until_true 15 no_master && why= || why=$(ls "$rundir/default")
expect "the connection closes when nobody uses it" "$why"

: >"$tmp/asked"
printf 'beta so=pw\nalpha so=ms\n' >"$tmp/list"
status "in a list of hosts" 0 weft run --hostfile "$tmp/list" -n 2 hostname
equal "both are there" "alpha beta" "$(sort "$tmp/out" | xargs)"
says "no daemon is started by hand" 'alpha: so=ms: Weft starts no daemon by hand'
status "the virtual machine goes" 0 weft down
expect "nothing is left" "$(remains_elsewhere)"
done_testing
