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
#include "node/behind.h"
#include "node/family.h"
#include "node/jobmap.h"
#include "node/world.h"

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

/* --- behind scripts and wrappers --------------------------------------------------------------------------- */

static void put_text(const char *name, const char *text)
{
	char path[200];
	write_file(name, text, strlen(text), folder);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(chmod(path, 0700), 0);
}

static void put_program(const char *name, const char *needed)
{
	char path[200];
	put(name, needed, NULL);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(chmod(path, 0700), 0);
}

/* The family of a command line of words with ' ' between; the first one is a name in the folder. */
static enum family behind(const char *line)
{
	char words[400], path[600], variables[2][200], *argv[20] = {NULL}, *env[3] = {variables[0], variables[1], NULL};
	char library[FAMILY_LIBRARY], *rest = NULL;
	size_t n = 0;
	snprintf(variables[0], sizeof variables[0], "PATH=/nowhere:%s/lib", folder);
	snprintf(variables[1], sizeof variables[1], "TOP=%s", folder);
	snprintf(words, sizeof words, "%s", line);
	for (char *word = strtok_r(words, " ", &rest); word && n < 19; word = strtok_r(NULL, " ", &rest))
		argv[n++] = word;
	snprintf(path, sizeof path, "%s/%s", folder, argv[0]);
	int dirfd = open(folder, O_PATH | O_DIRECTORY);
	const struct behind_command c = {dirfd, path, argv, env};
	enum family f = behind_find(&c, library);
	close(dirfd);
	return f;
}

static void put_programs(void)
{
	put_program("plain", "libc.so.6 ");
	put_program("open", "libmpi.so.40 ");
	put_program("mpich", "libmpich.so.12 ");
	put_program("lib/found", "libmpich.so.12 ");
	put_program("lib/nice", "libc.so.6 ");
	put_program("nice", "libc.so.6 ");
	put_program("sh", "libc.so.6 ");
	put_program("python3", "libc.so.6 ");
}

static void a_program_is_found_behind_another_one(void **state)
{
	put_programs();
	put_text("script", "#!/bin/sh\nexec ./open\n");
	assert_int_equal(behind("plain"), FAMILY_NONE);
	assert_int_equal(behind("plain ./open"), FAMILY_OPENMPI);
	assert_int_equal(behind("nice -n 5 found"), FAMILY_MPICH);
	assert_int_equal(behind("plain found"), FAMILY_NONE); /* a word, for all that is known */
	assert_int_equal(behind("nice nice ./script"), FAMILY_OPENMPI);
	assert_int_equal(behind("sh script"), FAMILY_OPENMPI);
	assert_int_equal(behind("sh -e script"), FAMILY_OPENMPI);
	assert_int_equal(behind("sh -c ./mpich;true"), FAMILY_MPICH);
}

static void a_script_belongs_to_what_it_starts(void **state)
{
	static const struct {
		const char *text;
		enum family family;
	} cases[] = {
	        {"#!/bin/sh\n./open\n", FAMILY_OPENMPI},
	        {"./mpich", FAMILY_MPICH},
	        {"#!/bin/sh\n# ./open\necho hello\n", FAMILY_NONE},
	        {"#!/bin/sh\nexec found \"$@\"\n", FAMILY_MPICH},
	        {"#!/bin/sh\nexec \"$TOP/open\" >log 2>&1\n", FAMILY_OPENMPI},
	        {"#!/bin/bash\nexport BIN=\"$TOP/lib\"\n$BIN/found --in <file &\nwait\n", FAMILY_MPICH},
	        {"#!/bin/sh\n\"$(dirname \"$0\")/open\"\n", FAMILY_OPENMPI},
	        {"#!/bin/bash\n${0%/*}/open\n", FAMILY_OPENMPI},
	        {"#!/bin/sh\ncd lib && ./found\n", FAMILY_MPICH},
	        {"#!/bin/sh\nA=1 B=2 nice -n 1 \\\n  ./open -x\n", FAMILY_OPENMPI},
	        {"#!/bin/sh\nif true; then ./mpich; fi\n", FAMILY_MPICH},
	        {"#!/bin/sh\n./open; ./mpich\n", FAMILY_UNCLEAR},
	        {"#!/bin/sh\nmpirun -n 2 ./open\n", FAMILY_NONE},
	        {"#!/bin/sh\n./open --version\n/opt/bin/mpiexec.hydra ./open\n", FAMILY_NONE},
	        {"#!/bin/sh\n$UNKNOWN/open\n", FAMILY_NONE},
	        {"#!/bin/sh\n./deep\n", FAMILY_NONE}, /* itself, and no end */
	};
	put_programs();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_text("deep", cases[i].text);
		print_message("# %.60s\n", cases[i].text + strcspn(cases[i].text, "\n"));
		assert_int_equal(behind("deep"), cases[i].family);
	}
	put_text("passes", "#!/bin/sh\nulimit -s unlimited\nexec \"$@\"\n");
	assert_int_equal(behind("passes ./open"), FAMILY_OPENMPI);
	assert_int_equal(behind("passes found 1 2"), FAMILY_MPICH);
}

static void python_belongs_to_the_mpi_of_its_mpi4py(void **state)
{
	char path[100];
	static const char *const folders[] = {"site", "site/mpi4py", "v", "v/bin", "v/lib", "v/lib/python3.9",
	        "v/lib/python3.9/site-packages",
	                                      "v/lib/python3.9/site-packages/mpi4py"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put_program("v/bin/python3", "libc.so.6 ");
	put_program("v/lib/python3.9/site-packages/mpi4py/MPI.cpython-39.so", "libmpich.so.12 ");
	put_text("uses.py", "from mpi4py import MPI\n");
	put_text("plain.py", "print(1)\n");
	put_text("calls.sh", "#!/bin/sh\nexec v/bin/python3 -u uses.py\n");
	assert_int_equal(behind("v/bin/python3 uses.py"), FAMILY_MPICH);
	assert_int_equal(behind("v/bin/python3 -X dev -m mpi4py.run plain.py"), FAMILY_MPICH);
	assert_int_equal(behind("v/bin/python3 -u plain.py"), FAMILY_NONE);
	assert_int_equal(behind("v/bin/python3"), FAMILY_NONE);
	assert_int_equal(behind("calls.sh"), FAMILY_MPICH);
}

static void damaged_scripts_do_no_harm(void **state)
{
	static const char *const pieces[] = {"#!/bin/sh\n", "$", "{", "}", "(", ")", "\"", "'", "`", "\\", "\n", " ", "=", "A", "$A", "cd ",
	                                     "/", "<", ">", "#", "${0%/*}", "$(dirname ", "./open", "exec ", "\377"};
	struct weft__rng r;
	char text[4000];
	put_programs();
	weft__rng_init(&r, 7);
	for (int i = 0; i < 1000; i++) {
		size_t n = 0;
		for (uint64_t k = weft__rng_below(&r, 300); k > 0; k--)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", pieces[weft__rng_below(&r, sizeof pieces / sizeof *pieces)]);
		write_file("bad", text, n, folder);
		put_text("deep", "./bad\n");
		assert_in_range(behind("sh bad"), FAMILY_NONE, FAMILY_UNCLEAR);
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

static void a_world_has_some_of_a_jobs_ranks(void **state)
{
	const uint64_t tids[] = {tid(1, 1), tid(2, 1), tid(1, 2), tid(2, 2), tid(3, 1), tid(3, 2)};
	const uint8_t members[] = {0, 1, 1, 0, 0, 1};
	uint8_t read[6];
	char text[40];
	struct world w;
	assert_int_equal(world_init(&w, tids, 6, members), 0);
	assert_int_equal(w.size, 3);
	assert_int_equal(world_rank(&w, 1), 0);
	assert_int_equal(world_rank(&w, 5), 2);
	assert_int_equal(world_rank(&w, 0), 3); /* it does not belong */
	assert_int_equal(w.tids[1], tids[2]);
	assert_int_equal(w.map.nnodes, 3);
	assert_true(world_print(&w, 6, text, sizeof text));
	assert_string_equal(text, "1+2.5+1");
	assert_false(world_print(&w, 6, text, 7));
	assert_true(world_read("1+2.5+1", read, 6));
	assert_memory_equal(read, members, 6);
	world_fini(&w);
	assert_int_equal(world_init(&w, tids, 6, NULL), 0);
	assert_true(world_print(&w, 6, text, sizeof text));
	assert_string_equal(text, "");
	assert_true(world_read("", read, 6));
	assert_int_equal(read[0] + read[5], 2);
	world_fini(&w);
	static const char *const bad[] = {"x", "1", "1+", "6+1", "5+2", "1+2x", "1+2..3+1", "4294967295+4294967295", "0+99999999999"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(world_read(bad[i], read, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_of_libraries_tell_the_family),
	        cmocka_unit_test_setup_teardown(a_program_belongs_to_what_it_needs, setup, teardown),
	        cmocka_unit_test_setup_teardown(libraries_of_libraries_are_looked_at_where_the_loader_finds_them, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_is_no_program_belongs_nowhere, setup, teardown),
	        cmocka_unit_test_setup_teardown(damaged_programs_do_no_harm, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_program_is_found_behind_another_one, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_script_belongs_to_what_it_starts, setup, teardown),
	        cmocka_unit_test_setup_teardown(python_belongs_to_the_mpi_of_its_mpi4py, setup, teardown),
	        cmocka_unit_test_setup_teardown(damaged_scripts_do_no_harm, setup, teardown),
	        cmocka_unit_test(a_world_has_some_of_a_jobs_ranks),
	        cmocka_unit_test(a_map_tells_nodes_in_their_order_and_local_ranks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
