/* sys_weft.c - sys.h over Weft. */
#include "sys.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft.h"

static weft_team_t *team;
static weft_tid_t *tids;
static weft_request_t requests[SYS_WINDOW];
static weft_request_t *many;

static void must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "measure (weft): rank %d: %s: %s: %s\n", weft_rank(), what, weft_strerror(rc), weft_last_error());
	exit(1);
}

void sys_init(int *argc, char ***argv)
{
	must(weft_init(), "init");
	team = weft_team_job();
	tids = calloc((size_t)weft_size(), sizeof *tids);
	if (tids == NULL)
		must(WEFT_ENOMEM, "init");
	for (int r = 0; r < weft_size(); r++)
		tids[r] = weft_team_tid(team, r);
}

void sys_fini(void)
{
	free(tids);
	weft_fini();
}

int sys_rank(void)
{
	return weft_rank();
}

int sys_size(void)
{
	return weft_size();
}

const char *sys_lacks(const char *figure)
{
	return NULL;
}

void sys_send(int to, int tag, const void *buf, size_t nbytes)
{
	must(weft_send(tids[to], WEFT_CONTEXT, tag, buf, nbytes, -1), "send");
}

void sys_recv(int from, int tag, void *buf, size_t nbytes)
{
	must(weft_recv(tids[from], WEFT_CONTEXT, tag, buf, nbytes, NULL, -1), "recv");
}

void sys_isend(int slot, int to, int tag, const void *buf, size_t nbytes)
{
	must(weft_isend(tids[to], WEFT_CONTEXT, tag, buf, nbytes, &requests[slot]), "isend");
}

void sys_irecv(int slot, int from, int tag, void *buf, size_t nbytes)
{
	must(weft_irecv(tids[from], WEFT_CONTEXT, tag, buf, nbytes, &requests[slot]), "irecv");
}

void sys_wait(int n)
{
	must(weft_wait_all(requests, n, NULL, -1), "wait");
}

void sys_post_many(int from, int count)
{
	static char scrap[8];

	many = calloc((size_t)count + 1, sizeof *many);
	if (many == NULL)
		must(WEFT_ENOMEM, "post");
	for (int i = 0; i < count; i++)
		must(weft_irecv(tids[from], WEFT_CONTEXT, 1000 + i, scrap, sizeof scrap, &many[i]), "post");
}

void sys_cancel_many(int count)
{
	for (int i = 0; i < count; i++) {
		weft_cancel(many[i]);
		weft_wait(&many[i], NULL, -1);
	}
	free(many);
}

void sys_barrier(void)
{
	must(weft_barrier(team), "barrier");
}

void sys_bcast(double *values, int count)
{
	must(weft_bcast(team, values, count, WEFT_DOUBLE, 0), "bcast");
}

void sys_reduce(const double *in, double *out, int count)
{
	must(weft_reduce(team, in, out, count, WEFT_DOUBLE, WEFT_SUM, 0), "reduce");
}

void sys_allreduce(const double *in, double *out, int count)
{
	must(weft_allreduce(team, in, out, count, WEFT_DOUBLE, WEFT_SUM), "allreduce");
}

void sys_gather(const double *in, double *out, int count)
{
	must(weft_gather(team, in, out, count, WEFT_DOUBLE, 0), "gather");
}

void sys_allgather(const double *in, double *out, int count)
{
	must(weft_allgather(team, in, out, count, WEFT_DOUBLE), "allgather");
}

void sys_alltoall(const double *in, double *out, int count)
{
	must(weft_alltoall(team, in, out, count, WEFT_DOUBLE), "alltoall");
}

void sys_spawn(const char *program, int count)
{
	weft_tid_t *children = calloc((size_t)count, sizeof *children);
	weft_exit_t how;

	if (children == NULL)
		must(WEFT_ENOMEM, "spawn");
	int started = weft_spawn(program, NULL, NULL, count, children, NULL);
	must(started < 0 ? started : started < count ? WEFT_ENOSPC : 0, "spawn");
	for (int i = 0; i < count; i++)
		must(weft_wait_exit(children[i], &how, -1), "wait for the end of a child");
	free(children);
}
