/* actor.h - the test program as a task that does what its arguments say.
 *
 * It enrols on its own connection, without the library, and prints what it was told. Steps, with blanks between:
 *   h     HELLO                     cN   CONNECT with rank N of its job     c#N  with tid N
 *   w     wait for CHANNEL          g    wait for TASK_GONE
 *   b     BYE                       sN   sleep N ms
 *   mN?   SHARE a buffer with rank N; ? is o: as it should be, u: unsealed, s: of another size, n: without
 *         descriptor, p: a pipe, b: take one back, f: 40 of them
 *   r     wait for SHARED
 */
#ifndef TESTS_NODE_ACTOR_H
#define TESTS_NODE_ACTOR_H

const char *actor_program(void); /* to be launched as: actor_program() "task" steps of rank 0, of rank 1 ... */
int actor_main(char **argv);     /* for main, when argv[1] is "task" */

#endif
