/* A store in a folder of its own, and the hasher of its keys. */
#ifndef ASSAY_TEST_STORE_AROUND_H
#define ASSAY_TEST_STORE_AROUND_H

extern struct store *store;
extern struct hasher *hasher;
extern char state_path[64];

int open_store(void **state);
int close_store(void **state);

#endif
