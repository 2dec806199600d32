/* heat - 2-D heat diffusion on a square plate, its rows spread over the tasks.
 *
 * The top edge is held at 100 degrees, a disc near the lower right at 60, the other edges at 0. Each step
 * every inner point becomes the mean of its four neighbours (Jacobi); neighbouring tasks exchange one row
 * each way. Rank 0 gathers the plate, computes it again alone and compares, and draws it.
 *
 * usage: heat [--size N] [--steps N] [--picture FILE] [--no-check]
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft.h"
#include "picture.h"

enum { ROW_UP = 1, ROW_DOWN = 2, RESULT = 3 };

struct plate {
	int size;        /* points in a row, and rows of the whole plate */
	int first, rows; /* the rows that are ours; a ghost row above and one below */
	double *now, *next;
};

struct options {
	int size, steps, check;
	const char *picture;
};

static void must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "heat: %s: %s: %s\n", what, weft_strerror(rc), weft_last_error());
	exit(EXIT_FAILURE);
}

static int first_row(int size, int rank, int ntasks)
{
	return (int)((int64_t)size * rank / ntasks);
}

/* The temperature that row, column is held at, or a negative number where it is free. */
static double held_at(int size, int row, int column)
{
	double dy = row - 0.7 * size, dx = column - 0.7 * size;
	if (row == 0)
		return 100.0;
	if (row == size - 1 || column == 0 || column == size - 1)
		return 0.0;
	return dx * dx + dy * dy < 0.01 * size * size ? 60.0 : -1.0;
}

static void plate_init(struct plate *p, int size, int first, int rows)
{
	size_t npoints = ((size_t)rows + 2) * (size_t)size;

	*p = (struct plate){.size = size, .first = first, .rows = rows};
	p->now = calloc(npoints, sizeof *p->now);
	p->next = calloc(npoints, sizeof *p->next);
	if (p->now == NULL || p->next == NULL)
		must(WEFT_ENOMEM, "plate");
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < size; c++) {
			double t = held_at(size, first + r, c);
			p->now[(size_t)(r + 1) * size + c] = t < 0.0 ? 0.0 : t;
		}
}

static void plate_fini(struct plate *p)
{
	free(p->now);
	free(p->next);
}

static void plate_step(struct plate *p)
{
	int n = p->size;

	for (int r = 1; r <= p->rows; r++) {
		const double *row = p->now + (size_t)r * n;
		double *out = p->next + (size_t)r * n;
		for (int c = 0; c < n; c++) {
			double t = held_at(n, p->first + r - 1, c);
			out[c] = t >= 0.0 ? t : 0.25 * (row[c - 1] + row[c + 1] + row[c - n] + row[c + n]);
		}
	}
	double *swap = p->now;
	p->now = p->next;
	p->next = swap;
}

/* Our outer rows to the neighbours, theirs into our ghost rows. */
static void exchange(struct plate *p, weft_tid_t above, weft_tid_t below)
{
	size_t n = (size_t)p->size, nbytes = n * sizeof(double);
	double *ghost_above = p->now, *top = p->now + n;
	double *bottom = p->now + (size_t)p->rows * n, *ghost_below = bottom + n;
	weft_request_t r[4];
	int nr = 0;

	if (above.v != 0) {
		must(weft_irecv(above, WEFT_CONTEXT, ROW_DOWN, ghost_above, nbytes, &r[nr++]), "irecv");
		must(weft_isend(above, WEFT_CONTEXT, ROW_UP, top, nbytes, &r[nr++]), "isend");
	}
	if (below.v != 0) {
		must(weft_irecv(below, WEFT_CONTEXT, ROW_UP, ghost_below, nbytes, &r[nr++]), "irecv");
		must(weft_isend(below, WEFT_CONTEXT, ROW_DOWN, bottom, nbytes, &r[nr++]), "isend");
	}
	must(weft_wait_all(r, nr, NULL, -1), "exchange");
}

static void run(struct plate *p, const struct options *o)
{
	weft_team_t *team = weft_team_job();
	int rank = weft_rank(), ntasks = weft_size();
	weft_tid_t above = rank > 0 ? weft_team_tid(team, rank - 1) : WEFT_NO_TID;
	weft_tid_t below = rank < ntasks - 1 ? weft_team_tid(team, rank + 1) : WEFT_NO_TID;

	for (int step = 0; step < o->steps; step++) {
		exchange(p, above, below);
		plate_step(p);
		if (rank == 0 && o->steps >= 10 && (step + 1) % (o->steps / 10) == 0) {
			printf("heat: step %d of %d\n", step + 1, o->steps);
			fflush(stdout);
		}
	}
}

/* The whole plate at rank 0, in whole[size * size]. */
static void gather(const struct plate *p, double *whole)
{
	size_t n = (size_t)p->size;
	weft_team_t *team = weft_team_job();

	if (weft_rank() > 0) {
		must(weft_send(weft_team_tid(team, 0), WEFT_CONTEXT, RESULT, p->now + n,
		               (size_t)p->rows * n * sizeof(double), -1), "send result");
		return;
	}
	memcpy(whole, p->now + n, (size_t)p->rows * n * sizeof(double));
	for (int r = 1; r < weft_size(); r++) {
		size_t first = (size_t)first_row(p->size, r, weft_size());
		size_t end = (size_t)first_row(p->size, r + 1, weft_size());
		must(weft_recv(weft_team_tid(team, r), WEFT_CONTEXT, RESULT, whole + first * n,
		               (end - first) * n * sizeof(double), NULL, -1), "receive result");
	}
}

/* The largest difference from what one task computes alone. */
static double difference_from_serial(const double *whole, const struct options *o)
{
	struct plate p;
	double worst = 0.0;

	plate_init(&p, o->size, 0, o->size);
	for (int step = 0; step < o->steps; step++)
		plate_step(&p);
	for (size_t i = 0; i < (size_t)o->size * o->size; i++)
		worst = fmax(worst, fabs(whole[i] - p.now[(size_t)o->size + i]));
	plate_fini(&p);
	return worst;
}

static int report(const double *whole, const struct options *o)
{
	double sum = 0.0;
	int failed = 0;

	for (size_t i = 0; i < (size_t)o->size * o->size; i++)
		sum += whole[i];
	printf("heat: %d x %d points, %d steps, %d tasks: mean temperature %.9f\n", o->size, o->size, o->steps,
	       weft_size(), sum / ((double)o->size * o->size));
	if (o->check) {
		double worst = difference_from_serial(whole, o);
		failed = !(worst <= 1e-12);
		printf("heat: largest difference from the serial solution %.3g: %s\n", worst, failed ? "WRONG" : "right");
	}
	if (o->picture != NULL && o->picture[0] != '\0') {
		if (picture_write(o->picture, whole, o->size, o->size, 0.0, 100.0) != 0) {
			perror(o->picture);
			failed = 1;
		} else {
			printf("heat: picture in %s\n", o->picture);
		}
	}
	return failed;
}

static int positive(const char *text, const char *option, int min)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v < min || v > 20000) {
		fprintf(stderr, "heat: %s takes a number from %d to 20000, not \"%s\"\n", option, min, text);
		exit(2);
	}
	return (int)v;
}

static struct options parse(int argc, char **argv)
{
	struct options o = {.size = 400, .steps = 2000, .check = 1, .picture = PICTURE_DEFAULT};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--no-check") == 0)
			o.check = 0;
		else if (strcmp(argv[i], "--size") == 0 && i + 1 < argc)
			o.size = positive(argv[++i], "--size", 3);
		else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc)
			o.steps = positive(argv[++i], "--steps", 1);
		else if (strcmp(argv[i], "--picture") == 0 && i + 1 < argc)
			o.picture = argv[++i];
		else {
			fprintf(stderr, "usage: heat [--size N] [--steps N] [--picture FILE] [--no-check]\n");
			exit(2);
		}
	}
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct plate p;
	double *whole = NULL;
	int failed = 0;

	must(weft_init(), "weft_init");
	int rank = weft_rank(), ntasks = weft_size();
	if (ntasks > o.size) {
		if (rank == 0)
			fprintf(stderr, "heat: %d tasks for %d rows: take at most one task a row\n", ntasks, o.size);
		return 2;
	}
	int first = first_row(o.size, rank, ntasks);
	plate_init(&p, o.size, first, first_row(o.size, rank + 1, ntasks) - first);
	run(&p, &o);
	if (rank == 0 && (whole = malloc((size_t)o.size * o.size * sizeof *whole)) == NULL)
		must(WEFT_ENOMEM, "result");
	gather(&p, whole);
	if (rank == 0)
		failed = report(whole, &o);
	free(whole);
	plate_fini(&p);
	must(weft_fini(), "weft_fini");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
