/* A search goes down: from the command line to the program behind a wrapper, from a script to the programs that it
 * names, from those that are scripts on to theirs. The first MPI is noted, and a second one makes it unclear. */
#include "config.h"

#include "node/behind.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "node/script.h"

enum {
	WORDS_MAX  = 16,  /* arguments that are looked at */
	DEPTH_MAX  = 4,   /* scripts in scripts, wrappers behind wrappers */
	LOOKS_MAX  = 256, /* files that are asked for their family */
	TEXT_BYTES = 64 * 1024, /* of a script */
};

struct search {
	int dirfd;
	char *const *env;
	const char *folders; /* PATH */
	const char *folder;  /* of a script: where it has gone to; "" for dirfd */
	char *library;
	enum family found;
	bool launches; /* it calls a launcher, of an MPI or ours, whose ranks are of its own making */
	int depth;
	unsigned nlooks;
};

static void look_program(struct search *s, const char *path, char *const *argv);

const char *behind_variable(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; env[i]; i++)
		if (!strncmp(env[i], name, n) && env[i][n] == '=')
			return env[i] + n + 1;
	return NULL;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Programs that only start the one that their arguments name. */
static bool is_wrapper(const char *name)
{
	static const char *const wrappers[] = {"env",   "nice", "timeout", "numactl", "taskset",  "time",    "nohup",    "stdbuf",
	                                       "strace", "ltrace", "gdb",   "perf",    "chrt",     "ionice",  "setarch",  "valgrind",
	                                       "xterm", "setsid", "sudo",   "prlimit", "unshare", "hwloc-bind", "likwid-pin"};
	for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
		if (!strcmp(name, wrappers[i]))
			return true;
	return false;
}

/* Their names have endings: mpirun.openmpi, mpiexec.hydra. */
static bool is_launcher(const char *name)
{
	static const char *const launchers[] = {"mpirun", "mpiexec", "orterun", "prterun", "prun",
	                                        "srun",   "jsrun",   "aprun",   "weft",    "flux"};
	for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
		size_t n = strlen(launchers[i]);
		if (!strncmp(name, launchers[i], n) && (name[n] == '\0' || name[n] == '.'))
			return true;
	}
	return false;
}

/* --- files ------------------------------------------------------------------------------------------------ */

/* A name as the script means it. */
static const char *from_here(const struct search *s, const char *name, char full[PATH_MAX])
{
	bool moved = *name != '/' && *s->folder;
	int n = snprintf(full, PATH_MAX, "%s%s%s", moved ? s->folder : "", moved ? "/" : "", name);
	return n < PATH_MAX ? full : "";
}

static bool is_program(const struct search *s, const char *name)
{
	struct stat st;
	char full[PATH_MAX];
	const char *path = from_here(s, name, full);
	return !fstatat(s->dirfd, path, &st, 0) && S_ISREG(st.st_mode) && !faccessat(s->dirfd, path, X_OK, AT_EACCESS);
}

/* As a shell finds it. */
static bool resolve(const struct search *s, const char *name, char path[PATH_MAX])
{
	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return strlen(name) < PATH_MAX && is_program(s, path);
	}
	for (const char *at = s->folders; *name && at;) {
		size_t n = strcspn(at, ":");
		int length = snprintf(path, PATH_MAX, "%.*s%s%s", (int)n, at, n ? "/" : "./", name);
		if (length < PATH_MAX && is_program(s, path))
			return true;
		at = at[n] ? at + n + 1 : NULL;
	}
	return false;
}

static void note(struct search *s, enum family f, const char *library)
{
	char both[FAMILY_LIBRARY];
	if (f == FAMILY_NONE || f == s->found || s->found == FAMILY_UNCLEAR)
		return;
	if (s->found == FAMILY_NONE) {
		s->found = f;
		snprintf(s->library, FAMILY_LIBRARY, "%s", library);
		return;
	}
	s->found = FAMILY_UNCLEAR;
	snprintf(both, sizeof both, "%.36s and %.36s", s->library, library);
	memcpy(s->library, both, sizeof both);
}

/* Of the file itself. */
static bool look_file(struct search *s, const char *path)
{
	char library[FAMILY_LIBRARY], full[PATH_MAX];
	if (s->nlooks == LOOKS_MAX)
		return false;
	s->nlooks++;
	enum family f = family_find(s->dirfd, from_here(s, path, full), behind_variable(s->env, "LD_LIBRARY_PATH"), library);
	note(s, f, library);
	return f != FAMILY_NONE;
}

/* The text of a file, which has no zero byte where it begins; the caller's to weft__free. NULL: it is none. */
static char *read_text(const struct search *s, const char *path, size_t *n)
{
	char full[PATH_MAX], head[256];
	int fd = openat(s->dirfd, from_here(s, path, full), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t got = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) ? pread(fd, head, sizeof head, 0) : 0;
	bool is_text = got > 0 && !memchr(head, '\0', (size_t)got);
	char *text = is_text ? weft__malloc(TEXT_BYTES + 1) : NULL;
	got = text ? pread(fd, text, TEXT_BYTES, 0) : 0;
	if (fd >= 0)
		close(fd);
	*n = got > 0 ? (size_t)got : 0;
	if (text)
		text[*n] = '\0';
	return text;
}

/* --- Python -------------------------------------------------------------------------------------------------- */

static bool look_modules(struct search *s, const char *folder, size_t n, const char *below)
{
	char pattern[PATH_MAX];
	glob_t found = {0};
	bool any = false;
	int length = snprintf(pattern, sizeof pattern, "%.*s%s/mpi4py/MPI*.so", (int)n, folder, below);
	if (n > 0 && *folder == '/' && length < PATH_MAX && glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			any |= look_file(s, found.gl_pathv[i]);
	globfree(&found);
	return any;
}

/* Beside an interpreter, which is PREFIX/bin/python3. */
static bool look_beside(struct search *s, const char *interpreter)
{
	static const char *const places[] = {"/lib/python3*/site-packages", "/local/lib/python3*/dist-packages",
	                                     "/lib/python3/dist-packages", "/lib/python3*/dist-packages", "/lib64/python3*/site-packages"};
	size_t n = strlen(interpreter);
	for (int up = 0; up < 2; up++)
		while (n > 0 && interpreter[--n] != '/')
			;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (look_modules(s, interpreter, n, places[i]))
			return true;
	return false;
}

/* mpi4py, in the order in which Python looks for it. */
static void look_mpi4py(struct search *s, const char *interpreter)
{
	const char *list = behind_variable(s->env, "PYTHONPATH"), *home = behind_variable(s->env, "HOME");
	char path[PATH_MAX], full[PATH_MAX], whole[PATH_MAX + 64], real[PATH_MAX];
	for (const char *at = list; at && *at;) {
		size_t n = strcspn(at, ":");
		if (look_modules(s, at, n, ""))
			return;
		at += n + (at[n] == ':');
	}
	if (home && look_modules(s, home, strlen(home), "/.local/lib/python3*/site-packages"))
		return;
	if (!resolve(s, interpreter, path))
		return;
	const char *here = from_here(s, path, full);
	if (*here == '/')
		snprintf(whole, sizeof whole, "%s", here);
	else if (s->dirfd == AT_FDCWD)
		snprintf(whole, sizeof whole, "/proc/self/cwd/%s", here);
	else
		snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s", s->dirfd, here);
	if (look_beside(s, whole) || !realpath(whole, real))
		return;
	look_beside(s, real); /* a virtual environment has a link to the interpreter, and may see what is beside that */
}

/* python3 [OPTION]... FILE | -m MODULE | -c TEXT. */
static void look_python(struct search *s, const char *interpreter, char *const *argv)
{
	size_t i = 1, n;
	while (argv[i] && *argv[i] == '-' && strcmp(argv[i], "-m") != 0 && strcmp(argv[i], "-c") != 0)
		i += argv[i + 1] && (!strcmp(argv[i], "-W") || !strcmp(argv[i], "-X")) ? 2 : 1;
	bool file = argv[i] && *argv[i] != '-';
	char *text = file ? read_text(s, argv[i], &n) : NULL;
	const char *words = file ? text : argv[i] ? argv[i + 1] : NULL;
	if (words && strstr(words, "mpi4py"))
		look_mpi4py(s, interpreter);
	weft__free(text);
}

/* --- scripts ----------------------------------------------------------------------------------------------------- */

static const char *on_variable(void *arg, const char *name)
{
	const struct search *s = arg;
	return behind_variable(s->env, name);
}

static bool on_command(void *arg, const char *folder, char *const *argv)
{
	struct search *s = arg;
	const char *outer = s->folder;
	char path[PATH_MAX], full[PATH_MAX];
	s->folder = *folder ? from_here(s, folder, full) : outer;
	s->launches |= is_launcher(last_part(argv[0]));
	if (!s->launches && resolve(s, argv[0], path))
		look_program(s, path, argv);
	s->folder = outer;
	return !s->launches;
}

static void look_shell_text(struct search *s, const char *text, size_t n, const char *path)
{
	static const struct script_ops ops = {on_variable, on_command};
	script_scan(text, n, path, &ops, s);
}

/* The program in "#!/usr/bin/env NAME" or "#!/bin/NAME". */
static void interpreter_of(const char *text, char *name, size_t size)
{
	const char *at = text + 2;
	snprintf(name, size, "/bin/sh");
	for (int i = 0; !strncmp(text, "#!", 2) && i < 3; i++) {
		at += strspn(at, " \t");
		size_t n = strcspn(at, " \t\r\n");
		if (n == 0 || n >= size)
			return;
		snprintf(name, size, "%.*s", (int)n, at);
		at += n;
		if (strcmp(last_part(name), "env") != 0 && *name != '-')
			return;
	}
}

/* A word of a command line that may be the program of the rest; true: it is. */
static bool look_word(struct search *s, char *const *argv)
{
	char path[PATH_MAX];
	if (*argv[0] == '-' || !resolve(s, argv[0], path))
		return false;
	look_program(s, path, argv);
	return true;
}

/* argv[1..]: its arguments. */
static void look_script(struct search *s, const char *path, char *const *argv)
{
	char name[PATH_MAX], *file[] = {name, (char *)(uintptr_t)path, NULL};
	size_t n;
	char *text = read_text(s, path, &n);
	if (!text)
		return;
	interpreter_of(text, name, sizeof name);
	bool shell = strncmp(last_part(name), "python", 6) != 0;
	if (shell)
		look_shell_text(s, text, n, path);
	else
		look_python(s, name, file);
	bool passes = shell && strstr(text, "$@"); /* its arguments may be a command */
	weft__free(text);
	for (size_t i = 1; passes && s->found == FAMILY_NONE && argv[i] && i <= WORDS_MAX; i++)
		if (look_word(s, argv + i))
			return;
}

static bool is_shell(const char *name)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "csh", "tcsh"};
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (!strcmp(name, shells[i]))
			return true;
	return false;
}

/* sh [OPTION]... FILE | -c TEXT. */
static void look_shell(struct search *s, char *const *argv)
{
	size_t i = 1;
	bool is_text = false;
	for (; argv[i] && *argv[i] == '-'; i++)
		is_text |= argv[i][1] != '-' && strchr(argv[i], 'c');
	if (argv[i] && is_text)
		look_shell_text(s, argv[i], strlen(argv[i]), "");
	else if (argv[i])
		look_script(s, argv[i], argv + i);
}

/* --- programs -------------------------------------------------------------------------------------------------- */

static void look_behind(struct search *s, const char *path, char *const *argv)
{
	const char *name = last_part(path);
	size_t n;
	char *text = read_text(s, path, &n);
	weft__free(text);
	if (text)
		look_script(s, path, argv);
	else if (is_shell(name))
		look_shell(s, argv);
	else if (!strncmp(name, "python", 6))
		look_python(s, path, argv);
	for (size_t i = 1; s->found == FAMILY_NONE && !s->launches && i <= WORDS_MAX && argv[i]; i++) {
		if (is_wrapper(name) && look_word(s, argv + i))
			return;
		if (strchr(argv[i], '/'))
			look_file(s, argv[i]);
	}
}

/* argv: its name and its arguments. */
static void look_program(struct search *s, const char *path, char *const *argv)
{
	s->launches |= is_launcher(last_part(argv[0])) || is_launcher(last_part(path));
	if (s->launches || s->depth == DEPTH_MAX || look_file(s, path))
		return;
	s->depth++;
	look_behind(s, path, argv);
	s->depth--;
}

enum family behind_find(const struct behind_command *c, char library[FAMILY_LIBRARY])
{
	struct search s = {.dirfd = c->dirfd, .env = c->env, .folders = behind_variable(c->env, "PATH"), .folder = "", .library = library};
	if (!s.folders)
		s.folders = "/bin:/usr/bin";
	*library = '\0';
	look_program(&s, c->path, c->argv);
	if (s.launches)
		*library = '\0';
	return s.launches ? FAMILY_NONE : s.found;
}
