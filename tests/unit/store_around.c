#include "store_around.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/revocation/list.h"

struct store *store;
struct hasher *hasher;
char state_path[64];
static char folder[] = "/tmp/assay-store-XXXXXX";

int open_store(void **state)
{
    char why[STORE_WHY_BYTES];

    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(state_path, sizeof state_path, "%s/state", folder);
    store = store_open(state_path, 1 << 30, why);
    hasher = hasher_new();
    return store != NULL && hasher != NULL ? 0 : -1;
}

int close_store(void **state)
{
    char command[64];

    (void)state;
    hasher_free(hasher);
    store_close(store);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}
