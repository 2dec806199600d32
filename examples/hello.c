/* hello - who am I, and where? */
#include <stdio.h>
#include <stdlib.h>

#include "weft.h"

int main(void)
{
	char me[32];

	int rc = weft_init();
	if (rc != 0) {
		fprintf(stderr, "hello: weft_init: %s: %s\n", weft_strerror(rc), weft_last_error());
		return EXIT_FAILURE;
	}
	printf("hello from rank %d of %d, task %s on node %d\n", weft_rank(), weft_size(),
	       weft_tid_text(weft_self(), me, sizeof me), weft_node());
	weft_fini();
	return EXIT_SUCCESS;
}
