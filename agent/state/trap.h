/* A page of the store that cannot be had any more (the file was cut while it is mapped, the disk fails) is a signal in the middle
   of an answer. The agent then ends with words and without having answered. */
#ifndef ASSAY_TRAP_H
#define ASSAY_TRAP_H

#include <stdint.h>

/* How deep this thread is in LMDB, which may follow a damaged number to anywhere: a fault in there is the store's too. */
extern _Thread_local volatile int trap_inside;

/* Looks up where that open file is mapped. Faults in other places are none of its business, and stay what they were. */
void trap_set(int fd);
uintptr_t trap_map(void); /* where that is; 0: nobody knows */
void trap_clear(void);

#endif
