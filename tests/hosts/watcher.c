/* watcher.c - waits for a node to be added and says its name. */
#include <stdio.h>

#include <weft.h>

enum { TAG = 7, NODES_MAX = 16, WAIT_MS = 20000 };

static const char *name_of(uint32_t node)
{
	static weft_node_t nodes[NODES_MAX];
	int n = 0;
	if (weft_nodes(nodes, NODES_MAX, &n))
		return NULL;
	for (int i = 0; i < n && i < NODES_MAX; i++)
		if (nodes[i].node == node)
			return nodes[i].host;
	return NULL;
}

int main(void)
{
	weft_notice_t notice = {0};
	if (weft_init() || weft_notify(WEFT_NOTIFY_ADDED, WEFT_CONTEXT, TAG, NULL, 1))
		return 1;
	puts("watching");
	fflush(stdout);
	if (weft_recv(WEFT_ANY_TASK, WEFT_CONTEXT, TAG, &notice, sizeof notice, NULL, WAIT_MS))
		return 2;
	const char *name = name_of(notice.node);
	if (notice.what != WEFT_NOTIFY_ADDED || !name)
		return 3;
	printf("added %s\n", name);
	weft_fini();
	return 0;
}
