#!/bin/sh
# install.sh - what a user gets: installed into a folder, with wrappers, pkg-config, man pages, and a job that runs.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
(cd "$build" && make -s install DESTDIR="$tmp/root") >install.log 2>&1 || { not_ok "make install" "$(tail -n 5 install.log)"; done_testing; exit 1; }
ok "make install"
bin=$tmp/root$prefix/bin
for f in bin/weft bin/weftcc lib/pkgconfig/weft.pc include/weft.h include/weft_base.h libexec/weft/weftd libexec/weft/weft-pvmtrace share/man/man1/weft.1 \
	lib/weft/pvm3/bin/pvm share/man/man1/weft-pvm.1 share/doc/weft/README.md share/doc/weft/docs/mpi.md; do
	if [ -e "$tmp/root$prefix/$f" ]; then ok "$f"; else not_ok "$f" "missing"; fi
done
PKG_CONFIG_LIBDIR=$tmp/root$prefix/lib/pkgconfig:$(pkg-config --variable pc_path pkg-config)
PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_LIBDIR
cat >hello.c <<'C'
#include <stdio.h>
#include <weft.h>
int main(void)
{
	if (weft_init() != 0)
		return 1;
	int64_t sum = weft_rank();
	weft_allreduce(weft_team_job(), NULL, &sum, 1, WEFT_INT64, WEFT_SUM);
	printf("%lld\n", (long long)sum);
	return weft_fini();
}
C
flags=$(pkg-config --cflags --libs weft | sed "s|-I$prefix|-I$tmp/root$prefix|; s|-L$prefix|-L$tmp/root$prefix|")
case $flags in *-lweft*) ok "pkg-config --cflags --libs weft" ;; *) not_ok "pkg-config --cflags --libs weft" "$flags" ;; esac
sanitize=$(sed -n 's/^CFLAGS = //p' "$build/Makefile" | grep -o -e '-fsanitize=[a-z,]*')
if ${CC:-cc} $sanitize hello.c $flags -L"$tmp/root$prefix/lib" -Wl,-rpath,"$tmp/root$prefix/lib" -o hello 2>err; then
	ok "a program compiles against what was installed"
	rc=0
	WEFT_RUNDIR=$rundir timeout 60 "$bin/weft" run -n 4 ./hello >out 2>err || rc=$?
	equal "and runs with what was installed" "0: 6 6 6 6" "$rc: $(xargs <out)"
else
	not_ok "a program compiles against what was installed" "$(cat err)"
fi
for option in --cflags --libs -showme -showme:compile -showme:link -showme:command -showme:help -show; do
	if [ -n "$("$bin/weftcc" $option hello.c)" ]; then ok "weftcc $option"; else not_ok "weftcc $option"; fi
done
expect "nothing remains" "$(remains)"
done_testing
