/* A Weft program that sends a PVM program what a machine of the other byte order would send it. Its argument is that program,
 * reads.c; its exit status is that one's. */
#include <string.h>
#include <weft.h>

enum { TAG = 5 };

/* A header, then numbers and a text. */
static unsigned char message[16 + 4 + 8 + 4 + 8 + 4 + 4] = {'P', 'V', 2, 0};

static void put(unsigned char **to, unsigned long long value, int size, int is_little)
{
	for (int i = 0; i < size; i++)
		(*to)[i] = (unsigned char)(value >> 8 * (is_little ? i : size - 1 - i));
	*to += size;
}

int main(int argc, char **argv)
{
	static const unsigned short one = 1;
	int is_little = !*(const unsigned char *)&one;
	unsigned char *at = message + 16;
	double d = 2.5;
	unsigned long long bits;
	weft_tid_t tid;
	weft_exit_t how = {.code = -1};
	if (argc < 2 || weft_init())
		return 2;
	message[3] = is_little ? 0x10 : 0;
	memcpy(&bits, &d, sizeof bits);
	put(&at, 0x01020304, 4, is_little);
	put(&at, 1ull << 40 | 5, 8, is_little);
	put(&at, (unsigned)-3, 4, is_little); /* a short */
	put(&at, bits, 8, is_little);
	put(&at, 3, 4, is_little);
	memcpy(at, "hi\0", 4);
	if (weft_spawn(argv[1], NULL, NULL, 1, &tid, NULL) != 1 ||
	    weft_send(tid, WEFT_CONTEXT, TAG, message, sizeof message, -1) || weft_wait_exit(tid, &how, 20000))
		return 3;
	weft_fini();
	return how.code;
}
