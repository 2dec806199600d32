/* Happy path: WEFT_SSH, or ssh, runs with our terminal and asks what it has to ask; when it is in it goes to the background
 * as the master of a socket in the VM's folder. weftd's own ssh, which has no terminal, finds that (node/launch.c).
 *
 * What can go wrong: there is no terminal and no askpass program, or the password is wrong: ssh says so itself; WEFT_SSH is
 * another program, which knows nothing of masters.
 */
#include "config.h"

#include "console/sshmaster.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/rundir.h"

extern char **environ;

enum { WORDS_MAX = 64 };

/* The words of WEFT_SSH with ours behind the program, for ssh takes the first value of an option; copy holds them. */
static int make_words(char *copy, const char *socket_option, const char *login, const char *host, const char **argv,
                      struct weft_error *e)
{
	const char *const ours[] = {"-f", "-N", "-o", "BatchMode=no", "-o", "ControlMaster=yes", "-o", socket_option,
	                            "-o", "ControlPersist=5", "-o", "NumberOfPasswordPrompts=3"};
	char *rest = NULL;
	size_t n = 0;
	argv[n++] = strtok_r(copy, " \t", &rest);
	if (!weft__rundir_is_ssh(argv[0] ? argv[0] : ""))
		return weft__err_set(e, WEFT_EUNSUP, "so=pw is for ssh, and WEFT_SSH is another program");
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		argv[n++] = ours[i];
	for (char *word; n < WORDS_MAX - 4 && (word = strtok_r(NULL, " \t", &rest));)
		if (strcmp(word, "%h") != 0)
			argv[n++] = word;
	if (*login) {
		argv[n++] = "-l";
		argv[n++] = login;
	}
	argv[n++] = host;
	argv[n] = NULL;
	return 0;
}

int sshmaster_open(const char *dir, const char *login, const char *host, struct weft_error *e)
{
	const char *given = getenv("WEFT_SSH"), *argv[WORDS_MAX];
	char copy[2048], option[256] = "ControlPath=";
	size_t n = strlen(option);
	pid_t pid;
	int status = 0;
	if (snprintf(copy, sizeof copy, "%s", given && *given ? given : "ssh") >= (int)sizeof copy)
		return weft__err_set(e, WEFT_ETOOBIG, "WEFT_SSH is too long");
	if (!weft__rundir_ssh_socket(dir, login, host, option + n, sizeof option - n))
		return weft__err_set(e, WEFT_ETOOBIG, "the path of the virtual machine's folder is too long for a socket of ssh");
	int rc = make_words(copy, option, login, host, argv, e);
	if (rc)
		return rc;
	int errnum = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (errnum)
		return weft__err_set(e, WEFT_ENOFILE, "%.100s: %s", argv[0], strerror(errnum));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return weft__err_set(e, WEFT_EDENIED, "ssh did not get in");
}
