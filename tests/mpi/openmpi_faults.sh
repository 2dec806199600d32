#!/bin/sh
# openmpi_faults.sh - what can go wrong with a job of Open MPI is told, ends it, and leaves nothing.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/mpi/openmpi_lib.sh"
for p in ends hello rounds; do compile $p.c || exit 99; done

limit=30
for nodes in 1 3; do
	status "MPI_Abort on $nodes node(s): its code" 7 weft run -n 3 --local-nodes $nodes "$tmp/ends" abort 1 7
	says "and who called it" "rank 1 \(t.*, pid .*\) on .* called MPI_Abort with code 7"
	status "a rank that is killed on $nodes node(s)" 137 weft run -n 3 --local-nodes $nodes "$tmp/ends" kill 1 9
	says "is named, and ends the job" "rank 1 .* was killed by signal 9 .*; the job was ended"
	status "a rank that goes without MPI_Finalize on $nodes node(s)" 5 weft run -n 3 --local-nodes $nodes "$tmp/ends" exit 1 5
	says "is named, and ends the job, too" "rank 1 .* ended with exit code 5 without MPI_Finalize"
	status "an exit code after MPI_Finalize on $nodes node(s)" 5 weft run -n 3 --local-nodes $nodes "$tmp/ends" late 1 5
done
status "a rank that goes before MPI_Init" 1 weft run -n 3 "$tmp/ends" early 1 0
says "does not leave the others waiting" "rank 1 .* ended with exit code 0 without MPI_Init"

status "a program without MPI that ends beside them" 3 weft run -q -n 1 sh -c 'exit 3' : -n 2 "$tmp/hello"
equal "does not touch them" "rank 0 of 2 rank 1 of 2" "$(sort "$tmp/out" | xargs)"

# Strangers on the server's port.
weft up >/dev/null || exit 99
weft run -q -n 3 "$tmp/rounds" "$tmp/stop" >"$tmp/rounds.out" 2>&1 </dev/null &
job=$!
until_true 20 grep -q running "$tmp/rounds.out"
port=$(cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | sed -n 's/^PMIX_SERVER_URI2=.*127\.0\.0\.1:\([0-9]*\)$/\1/p' | head -n 1)
garbage() { # bytes to the server, which may hang up meanwhile
	bash -c "exec 3<>/dev/tcp/127.0.0.1/$port && head -c $1 /dev/urandom >&3" 2>/dev/null
}
if [ -n "$port" ] && command -v bash >/dev/null; then
	for n in 1 7 100 5000 100000; do garbage $n; done
	# A length of all ones where the header is expected.
	bash -c "exec 3<>/dev/tcp/127.0.0.1/$port && printf '\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' >&3" 2>/dev/null
	touch "$tmp/stop"
	wait $job
	equal "a job goes on while strangers send garbage to its server" "0 running wrong: 0" "$? $(xargs <"$tmp/rounds.out")"
else
	touch "$tmp/stop"
	wait $job
	skip "a job goes on while strangers send garbage to its server" "no bash, or the port is unknown"
fi

# A task VM that dies takes its job along, and no more.
weft run -q -n 2 "$tmp/rounds" "$tmp/never" >"$tmp/never.out" 2>&1 </dev/null &
job=$!
until_true 20 grep -q running "$tmp/never.out"
hosts() { left | sed -n 's/ weft-taskvm$//p' | while read -r p; do ! pgrep -P "$p" >/dev/null || echo "$p"; done; }
folder() { ls -d /dev/shm/weft-*.* 2>/dev/null; }
one_folder() { [ "$(folder | wc -l)" = 1 ]; } # the last job's goes with its task VM, a moment after its end
until_true 5 one_folder
equal "shared memory is in a folder of the job's" 1 "$(folder | wc -l)"
kill -9 $(hosts)
wait $job
equal "the job of a task VM that was killed has failed" 1 "$([ $? != 0 ] && echo 1)"
gone() { [ -z "$(folder)" ]; }
expect "its shared memory is gone" "$(until_true 10 gone || folder)"
status "and the next job runs" 0 weft run -q -n 2 "$tmp/hello"
weft down >/dev/null

# Without libpmix.
mkdir "$tmp/libexec"
for p in node/weftd node/weft-taskvm coord/weft-coord; do ln -s "$build/$p" "$tmp/libexec/"; done
export WEFT_LIBEXECDIR="$tmp/libexec"
status "a Weft without libpmix starts no singletons" 125 weft run -n 2 "$tmp/hello"
says "but says what to install" "built without libpmix: apt-get install libpmix-dev"
status "other programs run" 0 weft run -n 2 true
echo 'int missing; int weft_mpi_part(void); int weft_mpi_part(void) { return missing; }' >"$tmp/part.c"
echo 'int missing;' >"$tmp/missing.c"
if ${CC:-cc} -shared -fPIC -o "$tmp/libmissing.so" "$tmp/missing.c" &&
	${CC:-cc} -shared -fPIC -o "$tmp/libexec/weft-pmix.so" "$tmp/part.c" -L"$tmp" -Wl,--no-as-needed -lmissing; then
	status "nor does one whose libpmix is gone" 125 weft run -n 2 "$tmp/hello"
	says "and says what to install" "libpmix is missing: apt-get install libpmix2"
else
	skip "nor does one whose libpmix is gone" "no shared library can be made here"
fi
unset WEFT_LIBEXECDIR
expect "nothing is left" "$(remains)"
done_testing
