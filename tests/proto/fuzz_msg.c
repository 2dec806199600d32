/* fuzz_msg.c - libFuzzer's way into the decoder: make fuzz. sample_try says what must hold. */
#include "config.h"

#include "tests/proto/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *body, size_t nbytes);

int LLVMFuzzerTestOneInput(const uint8_t *body, size_t nbytes)
{
	sample_try(body, nbytes);
	return 0;
}
