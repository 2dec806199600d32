/* Large messages, in every encoding: what they held at pvm_send arrives, in order, whatever the sender does with its
 * memory and its buffer after that, and whenever the receivers come to receive. */
#include <pvm3.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { TAG = 7, ASK, ROUNDS = 60, NCHILDREN = 2, NINTS = 3000, NDOUBLES = 60000, NBYTES_MAX = 300000 };

static int ints[2 * NINTS]; /* every other one is sent */
static double doubles[NDOUBLES];
static char bytes[NBYTES_MAX];

static int nbytes_of(int round)
{
	return round * 7919 % NBYTES_MAX;
}

static void fill(int round)
{
	for (int i = 0; i < 2 * NINTS; i++)
		ints[i] = round + i;
	for (int i = 0; i < NDOUBLES; i++)
		doubles[i] = round + 0.5 * i;
	for (int i = 0; i < NBYTES_MAX; i++)
		bytes[i] = (char)(round + i);
}

static void scribble(void)
{
	memset(ints, 1, sizeof ints);
	memset(doubles, 2, sizeof doubles);
	memset(bytes, 3, sizeof bytes);
}

static void pack(int round)
{
	pvm_pkint(ints, NINTS, 2);
	pvm_pkdouble(doubles, NDOUBLES, 1);
	pvm_pkint(ints + 1, 1, 1);
	pvm_pkbyte(bytes, nbytes_of(round), 1);
}

/* The message of that round is the current one: is it right? */
static int is_right(int round)
{
	int one = 0, wrong = 0, n = nbytes_of(round);
	scribble();
	if (pvm_upkint(ints, NINTS, 2) || pvm_upkdouble(doubles, NDOUBLES, 1) || pvm_upkint(&one, 1, 1) ||
	    pvm_upkbyte(bytes, n, 1) || pvm_upkbyte(bytes, 1, 1) != PvmNoData)
		return 0;
	for (int i = 0; i < 2 * NINTS; i += 2)
		wrong += ints[i] != round + i;
	for (int i = 0; i < NDOUBLES; i++)
		wrong += doubles[i] < round + 0.5 * i || doubles[i] > round + 0.5 * i;
	for (int i = 0; i < n; i++)
		wrong += bytes[i] != (char)(round + i);
	return wrong == 0 && one == round + 1;
}

/* Receives the messages of so many rounds and tells how many were right. */
static void receives(int parent, int nrounds)
{
	int nright = 0;
	for (int round = 0; round < nrounds; round++) {
		pvm_recv(parent, TAG);
		nright += is_right(round);
	}
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&nright, 1, 1);
	pvm_send(parent, TAG);
}

static int child(void)
{
	int nrounds = 1, parent = pvm_parent();
	pvm_setopt(PvmAutoErr, 0);
	while (nrounds) {
		if (pvm_recv(parent, ASK) < 0 || pvm_upkint(&nrounds, 1, 1))
			return 1;
		receives(parent, nrounds);
	}
	pvm_exit();
	return 0;
}

static void ask(int *tids, int nrounds)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&nrounds, 1, 1);
	pvm_mcast(tids, NCHILDREN, ASK);
}

static void expect_right(const int *tids, int n, const char *what)
{
	for (int i = 0; i < NCHILDREN; i++) {
		int nright = -1;
		pvm_recv(tids[i], TAG);
		pvm_upkint(&nright, 1, 1);
		equal(n, nright, what);
	}
}

/* early: the children are told to receive before the messages are sent; else after that. */
static void check_sends(int *tids, int encoding, int early, const char *what)
{
	if (early)
		ask(tids, ROUNDS);
	for (int round = 0; round < ROUNDS; round++) {
		int buffer = pvm_initsend(encoding);
		fill(round);
		pack(round);
		if (round % 3 == 0) {
			pvm_mcast(tids, NCHILDREN, TAG);
		} else {
			for (int i = 0; i < NCHILDREN; i++)
				pvm_send(tids[i], TAG);
		}
		scribble();
		pvm_freebuf(buffer);
	}
	if (!early)
		ask(tids, ROUNDS);
	expect_right(tids, ROUNDS, what);
}

int main(int argc, char **argv)
{
	int tids[NCHILDREN];
	char *words[] = {(char *)"child", NULL};
	if (argc > 1)
		return child();
	equal(NCHILDREN, pvm_spawn(argv[0], words, 0, NULL, NCHILDREN, tids), "receivers are spawned");
	check_sends(tids, PvmDataInPlace, 1, "left in place, for receivers that wait");
	check_sends(tids, PvmDataInPlace, 0, "left in place, for receivers that come later");
	check_sends(tids, PvmDataRaw, 1, "raw, for receivers that wait");
	check_sends(tids, PvmDataDefault, 0, "in the default encoding, for receivers that come later");
	ask(tids, 0);
	expect_right(tids, 0, "all have ended");
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
