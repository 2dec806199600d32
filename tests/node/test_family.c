/* Which MPI a program is linked with, and where its ranks are. */
#include "config.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ids.h"
#include "base/rng.h"
#include "node/family.h"
#include "node/jobmap.h"

/* A program of one segment that needs libraries; runpath may be NULL. */
struct file {
	ElfW(Ehdr) head;
	ElfW(Phdr) load, dynamic;
	ElfW(Dyn) entries[16];
	char strings[512];
};

static char folder[64];

static void write_file(const char *name, const void *bytes, size_t n, const char *in)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", in, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static size_t add_text(struct file *f, size_t at, const char *text)
{
	assert_true(at + strlen(text) + 1 < sizeof f->strings);
	strcpy(f->strings + at, text);
	return at + strlen(text) + 1;
}

/* needed: names, each followed by ' '. */
static void make_file(struct file *f, const char *needed, const char *runpath)
{
	size_t at = 1, n = 0;
	memset(f, 0, sizeof *f);
	memcpy(f->head.e_ident, ELFMAG, SELFMAG);
	f->head.e_ident[EI_CLASS] = __ELF_NATIVE_CLASS == 64 ? ELFCLASS64 : ELFCLASS32;
	f->head.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	f->head.e_phoff = offsetof(struct file, load);
	f->head.e_phentsize = sizeof(ElfW(Phdr));
	f->head.e_phnum = 2;
	f->load = (ElfW(Phdr)){.p_type = PT_LOAD, .p_vaddr = 0x10000, .p_filesz = sizeof *f};
	f->dynamic = (ElfW(Phdr)){.p_type = PT_DYNAMIC, .p_offset = offsetof(struct file, entries), .p_filesz = sizeof f->entries};
	for (const char *word = needed; *word; word += strcspn(word, " ") + 1) {
		char name[100];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(word, " "), word);
		f->entries[n].d_tag = DT_NEEDED;
		f->entries[n++].d_un.d_val = at;
		at = add_text(f, at, name);
	}
	if (runpath) {
		f->entries[n].d_tag = DT_RUNPATH;
		f->entries[n++].d_un.d_val = at;
		add_text(f, at, runpath);
	}
	f->entries[n].d_tag = DT_STRTAB;
	f->entries[n].d_un.d_ptr = 0x10000 + offsetof(struct file, strings);
}

static void put(const char *name, const char *needed, const char *runpath)
{
	struct file f;
	make_file(&f, needed, runpath);
	write_file(name, &f, sizeof f, folder);
}

static enum family find(const char *name, const char *library_path, const char *wanted_library)
{
	char path[200], library[FAMILY_LIBRARY];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	enum family f = family_find(AT_FDCWD, path, library_path, library);
	assert_string_equal(library, wanted_library);
	return f;
}

static int setup(void **state)
{
	strcpy(folder, "/tmp/weft-test-family-XXXXXX");
	assert_non_null(mkdtemp(folder));
	char sub[100];
	snprintf(sub, sizeof sub, "%s/lib", folder);
	return mkdir(sub, 0700);
}

static int teardown(void **state)
{
	char command[120];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void names_of_libraries_tell_the_family(void **state)
{
	assert_int_equal(family_of_library("libmpi.so.40"), FAMILY_OPENMPI);
	assert_int_equal(family_of_library("/opt/lib/libmpi.so.40"), FAMILY_OPENMPI);
	assert_int_equal(family_of_library("libmpi_mpifh.so.40"), FAMILY_OPENMPI);
	assert_int_equal(family_of_library("libmpich.so.12"), FAMILY_MPICH);
	assert_int_equal(family_of_library("libmpi.so.12"), FAMILY_MPICH);
	assert_int_equal(family_of_library("libmpichfort.so.12.1.8"), FAMILY_MPICH);
	assert_int_equal(family_of_library("libmpi.so.4"), FAMILY_OTHER);
	assert_int_equal(family_of_library("libmpi.so.400"), FAMILY_OTHER);
	assert_int_equal(family_of_library("libmpi_abi.so.0"), FAMILY_OTHER);
	assert_int_equal(family_of_library("libmpich.so.10"), FAMILY_OTHER);
	assert_int_equal(family_of_library("libmpi_helper.so.1"), FAMILY_NONE);
	assert_int_equal(family_of_library("libm.so.6"), FAMILY_NONE);
	assert_int_equal(family_of_library(""), FAMILY_NONE);
}

static void a_program_belongs_to_what_it_needs(void **state)
{
	put("plain", "libc.so.6 ", NULL);
	put("open", "libc.so.6 libmpi.so.40 ", NULL);
	put("mpich", "libmpich.so.12 libc.so.6 ", NULL);
	put("other", "libmpi.so.1 ", NULL);
	assert_int_equal(find("plain", NULL, ""), FAMILY_NONE);
	assert_int_equal(find("open", NULL, "libmpi.so.40"), FAMILY_OPENMPI);
	assert_int_equal(find("mpich", NULL, "libmpich.so.12"), FAMILY_MPICH);
	assert_int_equal(find("other", NULL, "libmpi.so.1"), FAMILY_OTHER);
}

static void libraries_of_libraries_are_looked_at_where_the_loader_finds_them(void **state)
{
	char path[100];
	put("lib/libsolver.so.1", "libmpi.so.12 ", NULL);
	put("lib/libloop.so.1", "libloop.so.1 libsolver.so.1 ", "$ORIGIN");
	put("by_origin", "libsolver.so.1 ", "/nowhere:$ORIGIN/lib");
	put("by_braces", "libsolver.so.1 ", "${ORIGIN}/lib");
	put("by_variable", "libsolver.so.1 libc.so.6 ", NULL);
	put("by_loop", "libloop.so.1 ", "$ORIGIN/lib");
	snprintf(path, sizeof path, "/nowhere:%s/lib", folder);
	assert_int_equal(find("by_origin", NULL, "libmpi.so.12"), FAMILY_MPICH);
	assert_int_equal(find("by_braces", NULL, "libmpi.so.12"), FAMILY_MPICH);
	assert_int_equal(find("by_loop", NULL, "libmpi.so.12"), FAMILY_MPICH);
	assert_int_equal(find("by_variable", path, "libmpi.so.12"), FAMILY_MPICH);
	assert_int_equal(find("by_variable", NULL, ""), FAMILY_NONE);
}

static void what_is_no_program_belongs_nowhere(void **state)
{
	char fifo[100];
	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	write_file("script", "#!/bin/sh\nmpirun\n", 17, folder);
	write_file("empty", "", 0, folder);
	assert_int_equal(find("script", NULL, ""), FAMILY_NONE);
	assert_int_equal(find("empty", NULL, ""), FAMILY_NONE);
	assert_int_equal(find("fifo", NULL, ""), FAMILY_NONE); /* and it does not wait for a writer */
	assert_int_equal(find("lib", NULL, ""), FAMILY_NONE);
	assert_int_equal(find("missing", NULL, ""), FAMILY_NONE);
}

static void damaged_programs_do_no_harm(void **state)
{
	struct file good, bad;
	struct weft__rng r;
	char path[100], library[FAMILY_LIBRARY];
	make_file(&good, "libc.so.6 libmpi.so.40 ", "$ORIGIN/lib");
	weft__rng_init(&r, 5);
	snprintf(path, sizeof path, "%s/bad", folder);
	for (int i = 0; i < 3000; i++) {
		bad = good;
		uint64_t n = 1 + weft__rng_below(&r, 8);
		for (uint64_t k = 0; k < n; k++) {
			size_t range = k % 2 ? sizeof bad : offsetof(struct file, strings);
			((uint8_t *)&bad)[weft__rng_below(&r, range)] = (uint8_t)weft__rng_next(&r);
		}
		write_file("bad", &bad, weft__rng_below(&r, 4) ? sizeof bad : (size_t)weft__rng_below(&r, sizeof bad), folder);
		enum family f = family_find(AT_FDCWD, path, NULL, library);
		assert_in_range(f, FAMILY_NONE, FAMILY_OTHER);
		assert_true(strlen(library) < FAMILY_LIBRARY);
	}
}

static uint64_t tid(uint32_t node, uint32_t local)
{
	return weft__tid_make(node, local, 0).v;
}

static void a_map_tells_nodes_in_their_order_and_local_ranks(void **state)
{
	const uint64_t tids[] = {tid(7, 1), tid(2, 1), tid(7, 2), tid(3, 9), tid(2, 2)};
	struct jobmap m;
	assert_int_equal(jobmap_init(&m, tids, 5), 0);
	const uint32_t nodes[] = {2, 3, 7}, ntasks[] = {2, 1, 2}, node_of[] = {2, 0, 2, 1, 0}, local[] = {0, 0, 1, 0, 1};
	assert_int_equal(m.nnodes, 3);
	assert_memory_equal(m.nodes, nodes, sizeof nodes);
	assert_memory_equal(m.ntasks, ntasks, sizeof ntasks);
	assert_memory_equal(m.node_of, node_of, sizeof node_of);
	assert_memory_equal(m.local_rank, local, sizeof local);
	assert_int_equal(jobmap_position(&m, 3), 1);
	assert_int_equal(jobmap_position(&m, 4), 3);
	jobmap_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_of_libraries_tell_the_family),
	        cmocka_unit_test_setup_teardown(a_program_belongs_to_what_it_needs, setup, teardown),
	        cmocka_unit_test_setup_teardown(libraries_of_libraries_are_looked_at_where_the_loader_finds_them, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_is_no_program_belongs_nowhere, setup, teardown),
	        cmocka_unit_test_setup_teardown(damaged_programs_do_no_harm, setup, teardown),
	        cmocka_unit_test(a_map_tells_nodes_in_their_order_and_local_ranks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
