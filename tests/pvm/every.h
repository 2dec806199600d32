/* every.h - what the files of every.c share. */
#ifndef EVERY_H
#define EVERY_H

#include <pvm3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { TAG = 7, NTIDS = 8 };

/* pvm3.h of PVM does not declare these, though its library has them. */
int pvm_settmask(int who, char *mask);
int pvm_gettmask(int who, char *mask);

extern int tids[NTIDS], ntids; /* of tasks that do what they are told by messages */
extern char program[4096];

void say(const char *what, long value);
void say_text(const char *what, const char *text);
void say_id(const char *what, long value);
void must(const char *what, long value);

#define R(call) say(#call, (long)(call))
#define ID(call) say_id(#call, (long)(call))
#define TEXT(call) say_text(#call, (call))
/* Not worth a line when it is well: it only prepares. */
#define MUST(call) must(#call, (long)(call))

int dead_tid(void);
int start_tasks(int n);
void order(int tid, const char *what);
void end_tasks(void);
int reply_int(int tid);
void send_int(int tid, int tag, int v);
int next_int(void);

/* A file's cases; ends with NULL. */
struct one_case {
	const char *name;
	void (*run)(void);
};
extern const struct one_case buffer_cases[], message_cases[], group_cases[], corner_cases[], danger_cases[], service_cases[];

#endif
