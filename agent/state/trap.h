/* Handles unreadable pages of the mapped store. If the file is cut while it is mapped, or the disk fails, the process gets a signal in the middle
   of an answer. The agent then ends with a message and without having answered. */
#ifndef ASSAY_TRAP_H
#define ASSAY_TRAP_H

#include <stdint.h>

/* How many calls deep this thread is in LMDB, which may follow a damaged number to any address: a fault inside is the store's, too. */
extern _Thread_local volatile int trap_inside;

/* Finds where that open file is mapped. Faults at other addresses are not handled here. */
void trap_set(int fd);
uintptr_t trap_map(void); /* that address; 0: unknown */
void trap_clear(void);

#endif
