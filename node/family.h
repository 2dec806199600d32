/* family.h - which MPI a program belongs to, by the libraries that it is linked with.
 *
 * The dynamic section of the program is read, then those of its libraries, found where the dynamic loader will find
 * them (RPATH, LD_LIBRARY_PATH, RUNPATH, $ORIGIN, ld.so.conf, the default folders), until a library of an MPI is
 * needed. Everything is bounded, and files may be damaged or hostile: what can't be read belongs to no family.
 * A static program, and one that loads its MPI with dlopen, belong to none; users say it with --mpi. Programs behind
 * scripts and wrappers: behind.h.
 */
#ifndef WEFT_NODE_FAMILY_H
#define WEFT_NODE_FAMILY_H

enum family {
	FAMILY_NONE,    /* no MPI that is seen */
	FAMILY_OPENMPI, /* Open MPI 3, 4, 5: PMIx */
	FAMILY_MPICH,   /* MPICH 3, 4 and what keeps to its binary interface: PMI-1 */
	FAMILY_OTHER,   /* an MPI that can't be hosted */
	FAMILY_UNCLEAR, /* a script that starts programs of several */
};

enum { FAMILY_LIBRARY = 80 };

/* path is relative to dirfd (or AT_FDCWD); library_path: the program's LD_LIBRARY_PATH or NULL. library gets the name
 * of the library that decided, "" for FAMILY_NONE. */
enum family family_find(int dirfd, const char *path, const char *library_path, char library[FAMILY_LIBRARY]);

/* What a library's name alone says. */
enum family family_of_library(const char *name);

#endif
