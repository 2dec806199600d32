# lib.sh - how tests of PVM's programs begin, behind tests/system/lib.sh or tests/checks/tap.sh: programs find our libraries,
# which are in $lib. Without such, or with ones that no program can load as they are, there is nothing to test.
lib=$WEFT_BUILDDIR/bindings/pvm/.libs
[ -e "$lib/libpvm3.so" ] || skip_all "libpvm3.so was not built (shared libraries are off)"
nm -D "$lib/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# compile NAME OPTION…: NAME.c of this folder to $tmp/NAME; prints what the compiler says.
compile() {
	compiled=$1
	shift
	${CC:-cc} -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/$compiled" "$WEFT_SRCDIR/tests/pvm/$compiled.c" -L"$lib" "$@" 2>&1
}
