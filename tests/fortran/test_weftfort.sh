#!/bin/sh
# weftfort: its flags compile, link and run; another compiler gets a module of its own; errors say what to do.
set -u
weftfort=$WEFT_BUILDDIR/bindings/fortran/weftfort
n=0
echo 1..11
fc=$(sed -n "s/^built_fc='\(.*\)'/\1/p" "$weftfort")
if [ -z "$fc" ] || [ ! -f "$WEFT_BUILDDIR/bindings/fortran/.libs/libweft_fortran.a" ]; then
	for n in 1 2 3 4 5 6 7 8 9 10 11; do echo "ok $n # SKIP built without Fortran"; done
	exit 0
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
unset WEFT_FC WEFT_MODULE_DIR WEFT_LIBDIR
export XDG_CACHE_HOME="$work/cache"

check() # NAME STATUS
{
	n=$((n + 1))
	if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

cat >hello.f90 <<'PROGRAM'
program hello
    use weft
    implicit none
    print '(a)', weft_strerror(WEFT_EAGAIN)
end program hello
PROGRAM

# A sanitized library is loaded by programs that are sanitized as well.
flags=$(sed -n 's/^FCFLAGS = .*\(-fsanitize=[^ ]*\).*/\1/p' "$WEFT_BUILDDIR/Makefile")

# shellcheck disable=SC2086 # flags are words
"$weftfort" $flags hello.f90 -o hello >log 2>&1 && ./hello >out 2>&1 && grep -q '^not now' out
check compiles_links_and_runs $?
# shellcheck disable=SC2046,SC2086
$fc $flags $("$weftfort" --cflags) -c hello.f90 -o hello.o 2>log && $fc $flags hello.o $("$weftfort" --libs) -o hello2 2>>log && ./hello2 >out
check cflags_and_libs_do_the_same $?
"$weftfort" -c hello.f90 2>log && [ -f hello.o ]
check dash_c_does_not_link $?
[ "$("$weftfort" -show -c x.f90)" = "$fc $("$weftfort" -showme:compile) -c x.f90" ]
check show_prints_the_command $?
[ -f "$("$weftfort" --module-dir)/weft.mod" ]
check module_dir_has_the_module $?
[ ! -e cache ]
check the_own_compiler_needs_no_cache $?

# Another compiler, as far as weftfort can tell.
cat >otherfc <<OTHER
#!/bin/sh
[ "\$1" = --version ] && { echo "Other Fortran 7"; exit; }
echo "\$*" >>"$work/otherfc.log"
exec $fc "\$@"
OTHER
chmod +x otherfc
dir=$(WEFT_FC=$work/otherfc "$weftfort" --module-dir) && [ -f "$dir/weft.mod" ] && [ -f "$dir/weft.o" ] &&
	case $dir in "$work"/cache/weft/*/otherfc-*) true ;; *) false ;; esac
check another_compiler_gets_a_module_of_its_own $?
WEFT_FC=$work/otherfc "$weftfort" --module-dir >out && [ "$(wc -l <otherfc.log)" -eq 1 ] && [ "$(ls "$dir" | wc -l)" -eq 2 ]
check it_is_made_once $?
# shellcheck disable=SC2086
"$weftfort" -fc="$work/otherfc" $flags hello.f90 -o hello3 2>log && ./hello3 >out && grep -q '^not now' out
check programs_of_another_compiler_run $?

printf '#!/bin/sh\n[ "$1" = --version ] && echo Old Fortran || { echo "syntax error" >&2; exit 1; }\n' >oldfc
chmod +x oldfc
! WEFT_FC=$work/oldfc "$weftfort" --module-dir >out 2>&1 && grep -q 'syntax error' out && grep -q "^weftfort: $work/oldfc can't compile" out &&
	[ -z "$(find cache -name 'make.*')" ]
check a_compiler_that_can_not_is_named $?
! WEFT_FC=$work/nothing "$weftfort" hello.f90 >out 2>&1 && grep -q '^weftfort: .*does not run; WEFT_FC' out
check a_compiler_that_is_not_there_is_named $?
[ "$n" -eq 11 ]
