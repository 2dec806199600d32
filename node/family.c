/* The walk is breadth first, so that what the program itself names comes before what its libraries need. Names that no
 * MPI hides behind (the C library and its kin) are not opened: most programs cost one file and a few reads. */
#include "config.h"

#include "node/family.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"

enum {
	IMAGES_MAX  = 256, /* files that one walk opens */
	NEEDED_MAX  = 256, /* libraries that one of them names */
	HEADERS_MAX = 256, /* program headers */
	ENTRIES_MAX = 4096, /* of a dynamic section */
	NAME_MAX_   = 256,
	PATHS_MAX   = 4096, /* a list of folders */
	CONF_BYTES  = 64 * 1024,
	CONF_DEPTH  = 4,
};

/* One file of the walk. */
struct image {
	char path[PATH_MAX];
	dev_t dev;
	ino_t ino;
	size_t nneeded;
	char (*needed)[NAME_MAX_];
	char rpath[PATHS_MAX], runpath[PATHS_MAX];
};

struct walk {
	const char *library_path;
	struct image *images[IMAGES_MAX];
	size_t nimages;
	char *defaults; /* folders, each followed by ':'; NULL: not asked for so far */
};

/* --- names ---------------------------------------------------------------------------------------- */

static const struct {
	const char *prefix, *version; /* version "": any */
	enum family family;
} libraries[] = {
        {"libmpi.so.", "40", FAMILY_OPENMPI},
        {"libmpi_mpifh.so.", "40", FAMILY_OPENMPI},
        {"libmpi_usempif08.so.", "40", FAMILY_OPENMPI},
        {"libmpi_usempi_ignore_tkr.so.", "40", FAMILY_OPENMPI},
        {"libmpi_cxx.so.", "40", FAMILY_OPENMPI},
        {"liboshmem.so.", "40", FAMILY_OPENMPI},
        {"libmpich.so.", "12", FAMILY_MPICH},
        {"libmpichfort.so.", "12", FAMILY_MPICH},
        {"libmpichcxx.so.", "12", FAMILY_MPICH},
        {"libmpi.so.", "12", FAMILY_MPICH},
        {"libpmpi.so.", "12", FAMILY_MPICH},
        {"libmpifort.so.", "12", FAMILY_MPICH},
        {"libmpicxx.so.", "12", FAMILY_MPICH},
        {"libmpi.so", "", FAMILY_OTHER},
        {"libmpich.so", "", FAMILY_OTHER},
        {"libmpi_mpifh.so", "", FAMILY_OTHER},
        {"libmpi_abi.so", "", FAMILY_OTHER},
        {"libmpi_cray", "", FAMILY_OTHER},
        {"libmpi_gnu_", "", FAMILY_OTHER},
        {"libmpi_ibm.so", "", FAMILY_OTHER},
        {"libmpt.so", "", FAMILY_OTHER},
        {"libsmpi.so", "", FAMILY_OTHER},
};

enum family family_of_library(const char *name)
{
	const char *slash = strrchr(name, '/');
	name = slash ? slash + 1 : name;
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		size_t n = strlen(libraries[i].prefix), v = strlen(libraries[i].version);
		if (strncmp(name, libraries[i].prefix, n) != 0)
			continue;
		if (v == 0 || (!strncmp(name + n, libraries[i].version, v) && (name[n + v] == '\0' || name[n + v] == '.')))
			return libraries[i].family;
	}
	return FAMILY_NONE;
}

static bool needs_no_look(const char *name)
{
	static const char *const plain[] = {"libc.so.",     "libm.so.",       "ld-linux",      "libpthread.so.", "libdl.so.",
	                                    "librt.so.",    "libgcc_s.so.",   "libstdc++.so.", "libgfortran.so.", "libquadmath.so.",
	                                    "linux-vdso.so", "libgomp.so.",   "libweft",       "libmsgpack",     "libz.so."};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (!strncmp(name, plain[i], strlen(plain[i])))
			return true;
	return false;
}

/* --- reading one file ------------------------------------------------------------------------------- */

static bool read_at(int fd, void *to, size_t nbytes, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, nbytes, (off_t)offset) == (ssize_t)nbytes;
}

/* A text of the string table, cut to size; false: there is none. */
static bool read_text(int fd, uint64_t offset, char *to, size_t size)
{
	if (offset > INT64_MAX)
		return false;
	ssize_t n = pread(fd, to, size - 1, (off_t)offset);
	if (n <= 0)
		return false;
	to[n] = '\0';
	return *to != '\0' && strlen(to) < size - 1;
}

/* The program headers, the caller's to free; NULL: no program of this machine. */
static ElfW(Phdr) *read_headers(int fd, size_t *n)
{
	ElfW(Ehdr) e;
	const int native = __ELF_NATIVE_CLASS == 64 ? ELFCLASS64 : ELFCLASS32;
	const int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	if (!read_at(fd, &e, sizeof e, 0) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != native ||
	    e.e_ident[EI_DATA] != order || e.e_phentsize != sizeof(ElfW(Phdr)) || e.e_phnum > HEADERS_MAX)
		return NULL;
	ElfW(Phdr) *headers = weft__calloc(e.e_phnum + 1u, sizeof *headers);
	if (headers && !read_at(fd, headers, e.e_phnum * sizeof *headers, e.e_phoff)) {
		weft__free(headers);
		return NULL;
	}
	*n = e.e_phnum;
	return headers;
}

/* Where in the file an address of the loaded program is; false: nowhere. */
static bool offset_of(const ElfW(Phdr) *headers, size_t n, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < n; i++) {
		const ElfW(Phdr) *h = &headers[i];
		if (h->p_type != PT_LOAD || address < h->p_vaddr || address - h->p_vaddr >= h->p_filesz)
			continue;
		*offset = h->p_offset + (address - h->p_vaddr);
		return true;
	}
	return false;
}

/* The dynamic section, the caller's to free, or NULL. */
static ElfW(Dyn) *read_dynamic(int fd, const ElfW(Phdr) *headers, size_t nheaders, size_t *n)
{
	for (size_t i = 0; i < nheaders; i++) {
		if (headers[i].p_type != PT_DYNAMIC)
			continue;
		*n = headers[i].p_filesz / sizeof(ElfW(Dyn));
		*n = *n < ENTRIES_MAX ? *n : ENTRIES_MAX;
		ElfW(Dyn) *entries = weft__calloc(*n + 1, sizeof *entries);
		if (entries && read_at(fd, entries, *n * sizeof *entries, headers[i].p_offset))
			return entries;
		weft__free(entries);
		return NULL;
	}
	return NULL;
}

static void read_names(int fd, struct image *image, const ElfW(Dyn) *entries, size_t n, uint64_t strings)
{
	for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
		uint64_t at = strings + entries[i].d_un.d_val;
		if (entries[i].d_un.d_val > UINT32_MAX)
			continue;
		if (entries[i].d_tag == DT_NEEDED && image->nneeded < NEEDED_MAX)
			image->nneeded += read_text(fd, at, image->needed[image->nneeded], NAME_MAX_);
		else if (entries[i].d_tag == DT_RPATH && !read_text(fd, at, image->rpath, sizeof image->rpath))
			*image->rpath = '\0';
		else if (entries[i].d_tag == DT_RUNPATH && !read_text(fd, at, image->runpath, sizeof image->runpath))
			*image->runpath = '\0';
	}
}

static bool image_read(int fd, struct image *image)
{
	size_t nheaders, n = 0, count = 0;
	uint64_t address = 0, strings;
	ElfW(Phdr) *headers = read_headers(fd, &nheaders);
	ElfW(Dyn) *entries = headers ? read_dynamic(fd, headers, nheaders, &n) : NULL;
	for (size_t i = 0; entries && i < n && entries[i].d_tag != DT_NULL; i++) {
		count += entries[i].d_tag == DT_NEEDED;
		if (entries[i].d_tag == DT_STRTAB)
			address = entries[i].d_un.d_ptr;
	}
	bool good = entries && offset_of(headers, nheaders, address, &strings);
	if (good) {
		image->needed = weft__calloc((count < NEEDED_MAX ? count : NEEDED_MAX) + 1, NAME_MAX_);
		if (image->needed)
			read_names(fd, image, entries, n, strings);
	}
	weft__free(headers);
	weft__free(entries);
	return good && image->needed;
}

/* --- where libraries are ------------------------------------------------------------------------------ */

static void add_folder(struct walk *w, const char *folder, size_t n)
{
	size_t used = strlen(w->defaults);
	if (n > 0 && used + n + 2 <= PATHS_MAX)
		snprintf(w->defaults + used, PATHS_MAX - used, "%.*s:", (int)n, folder);
}

/* ld.so.conf: a folder a line, "include PATTERN". */
static void read_conf(struct walk *w, const char *path, int depth)
{
	char *text = weft__malloc(CONF_BYTES + 1);
	FILE *f = text && depth < CONF_DEPTH ? fopen(path, "re") : NULL;
	size_t n = f ? fread(text, 1, CONF_BYTES, f) : 0;
	if (f)
		fclose(f);
	if (text)
		text[n] = '\0';
	char *rest = NULL;
	for (char *line = n ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " \t");
		line[strcspn(line, "#\r")] = '\0';
		size_t length = strcspn(line, " \t");
		glob_t found = {0};
		if (*line == '/')
			add_folder(w, line, length);
		if (strncmp(line, "include", 7) != 0 || length != 7)
			continue;
		char *pattern = line + 7 + strspn(line + 7, " \t");
		pattern[strcspn(pattern, " \t")] = '\0';
		if (*pattern == '/' && glob(pattern, 0, NULL, &found) == 0)
			for (size_t i = 0; i < found.gl_pathc; i++)
				read_conf(w, found.gl_pathv[i], depth + 1);
		globfree(&found);
	}
	weft__free(text);
}

static const char *defaults(struct walk *w)
{
	if (w->defaults)
		return w->defaults;
	w->defaults = weft__calloc(1, PATHS_MAX);
	if (!w->defaults)
		return "";
	static const char *const known[] = {"/lib64", "/usr/lib64", "/lib", "/usr/lib"};
	read_conf(w, "/etc/ld.so.conf", 0);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		add_folder(w, known[i], strlen(known[i]));
	return w->defaults;
}

/* Takes the file into the walk; true: it was there, and a file. */
static bool image_open(struct walk *w, int dirfd, const char *path)
{
	struct stat st;
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	bool is_file = !fstat(fd, &st) && S_ISREG(st.st_mode), seen = false;
	for (size_t i = 0; i < w->nimages; i++)
		seen |= w->images[i]->dev == st.st_dev && w->images[i]->ino == st.st_ino;
	struct image *image = is_file && !seen && w->nimages < IMAGES_MAX ? weft__calloc(1, sizeof *image) : NULL;
	if (image) {
		image->dev = st.st_dev;
		image->ino = st.st_ino;
		snprintf(image->path, sizeof image->path, "%s", path);
		w->images[w->nimages++] = image;
		if (!image_read(fd, image))
			image->nneeded = 0;
	}
	close(fd);
	return is_file;
}

/* A folder of a list with $ORIGIN filled in, and the library's name behind it. */
static bool full_path(const struct image *image, const char *folder, size_t n, const char *name, char *path)
{
	static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
	const char *slash = strrchr(image->path, '/');
	size_t origin = slash ? (size_t)(slash - image->path) : 0;
	for (size_t i = 0; i < 2; i++) {
		size_t word = strlen(words[i]);
		if (n < word || strncmp(folder, words[i], word) != 0)
			continue;
		int length = snprintf(path, PATH_MAX, "%.*s%.*s/%s", origin ? (int)origin : 1, origin ? image->path : ".",
		                      (int)(n - word), folder + word, name);
		return length > 0 && length < PATH_MAX;
	}
	int length = snprintf(path, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? folder : ".", name);
	return length > 0 && length < PATH_MAX;
}

static bool open_in(struct walk *w, int dirfd, const struct image *image, const char *folders, const char *name)
{
	char path[PATH_MAX];
	for (const char *at = folders; at && *at;) {
		size_t n = strcspn(at, ":;");
		if (full_path(image, at, n, name, path) && image_open(w, dirfd, path))
			return true;
		at += n + (at[n] != '\0');
	}
	return false;
}

static void library_open(struct walk *w, int dirfd, const struct image *image, const char *name)
{
	if (strchr(name, '/')) {
		image_open(w, dirfd, name);
		return;
	}
	bool old = !*image->runpath;
	if (old && (open_in(w, dirfd, image, image->rpath, name) ||
	            (image != w->images[0] && open_in(w, dirfd, w->images[0], w->images[0]->rpath, name))))
		return;
	if (open_in(w, dirfd, image, w->library_path, name) || open_in(w, dirfd, image, image->runpath, name))
		return;
	open_in(w, dirfd, image, defaults(w), name);
}

/* --- the walk ------------------------------------------------------------------------------------------ */

static enum family look(struct walk *w, int dirfd, char *library)
{
	for (size_t i = 0; i < w->nimages; i++) {
		struct image *image = w->images[i];
		for (size_t k = 0; k < image->nneeded; k++) {
			enum family f = family_of_library(image->needed[k]);
			if (f == FAMILY_NONE)
				continue;
			snprintf(library, FAMILY_LIBRARY, "%.79s", image->needed[k]);
			return f;
		}
		for (size_t k = 0; k < image->nneeded; k++)
			if (!needs_no_look(image->needed[k]))
				library_open(w, dirfd, image, image->needed[k]);
	}
	return FAMILY_NONE;
}

enum family family_find(int dirfd, const char *path, const char *library_path, char library[FAMILY_LIBRARY])
{
	struct walk w = {.library_path = library_path};
	*library = '\0';
	image_open(&w, dirfd, path);
	enum family f = look(&w, dirfd, library);
	for (size_t i = 0; i < w.nimages; i++) {
		weft__free(w.images[i]->needed);
		weft__free(w.images[i]);
	}
	weft__free(w.defaults);
	return f;
}
