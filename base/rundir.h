/* rundir.h - where a VM keeps its sockets and files, and how a task or tool finds them.
 *
 * Base folder: $WEFT_RUNDIR, else $XDG_RUNTIME_DIR/weft, else /tmp/weft-<uid>. One folder a VM in
 * it, named after the VM; in that one folder a node, "n<index>", with the node's socket "sock".
 * Every folder is 0700, owned by us and no symlink: checked each time, through descriptors.
 * $WEFT_VM names the VM (else that of the batch job, else "default"); $WEFT_DIR, set for tasks, is
 * the node's folder itself.
 */
#ifndef WEFT_BASE_RUNDIR_H
#define WEFT_BASE_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/batch.h"
#include "base/err.h"

/* The path of the base folder (made when missing) into path[size]. 0, WEFT_ETOOBIG, WEFT_EDENIED,
 * WEFT_EIO. */
int weft__rundir_base(char *path, size_t size, struct weft_error *e);

/* The same path; the folder is neither made nor looked at. */
int weft__rundir_base_path(char *path, size_t size, struct weft_error *e);

/* A VM's folder, vm, has been removed: the base folder goes as well when nothing else is in it and it is not
 * $WEFT_RUNDIR, which the user made. */
void weft__rundir_base_drop(const char *vm);

/* The name of the VM that is meant when none is given: $WEFT_VM, in a batch job the job's (written to own), else
 * "default". */
const char *weft__rundir_vm_name(char own[static WEFT__BATCH_VM_TEXT]);

/* The path of the VM's folder (name NULL: the one above); not made, not checked.
 * Names are 1..64 of [A-Za-z0-9._-], not starting with '.'. */
int weft__rundir_vm(const char *name, char *path, size_t size, struct weft_error *e);

/* Opens a folder and checks owner, mode and kind; makes it first when make is set.
 * Returns a descriptor, or WEFT_ENOFILE, WEFT_EDENIED, WEFT_EIO. */
int weft__rundir_open(const char *path, int make, struct weft_error *e);

/* Where in a VM's folder an ssh to this host has its control socket, when its user was asked for a password. False: the path
 * is too long for a socket. And whether a program is ssh, which knows of such sockets. */
bool weft__rundir_ssh_socket(const char *dir, const char *login, const char *host, char *path, size_t size);
bool weft__rundir_is_ssh(const char *program);

/* Has an open folder been removed? Then its VM is over: nobody can find it any more. */
bool weft__rundir_removed(int fd);

/* A connected SOCK_SEQPACKET socket to the file `name` in the folder `path`, however long the path
 * is, whose server has our uid. Returns a descriptor, or WEFT_ENOVM (nobody listens), WEFT_EDENIED,
 * WEFT_EIO. */
int weft__rundir_connect(const char *path, const char *name, struct weft_error *e);

/* A node of the VM that answers on this machine: a connected socket as above, its folder in
 * nodedir[size]. vm_name NULL: $WEFT_DIR when it is set, and no other. Else the lowest n<index> of
 * the VM's folder that answers. WEFT_ENOVM when there is none. */
int weft__rundir_attach(const char *vm_name, char *nodedir, size_t size, struct weft_error *e);

#endif
