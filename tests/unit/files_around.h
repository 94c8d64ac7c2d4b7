/* What the watching of files (agent/files/) has around it, moved by the test: the loop's clock, the alarm, libuv's threads, the
   file system, the kernel's word, and who watches. */
#ifndef ASSAY_TEST_FILES_AROUND_H
#define ASSAY_TEST_FILES_AROUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "agent/files/watch_inside.h"

#define FILES 4

/* A file of the file system, its watcher, and what that was told. */
struct file {
    struct file_facts facts;
    int error;
    bool is_local, far; /* far: it cannot be looked at without waiting */
    struct watched *watched;
    unsigned changed, lost, late;
    bool hangs; /* the last `lost` said so */
};

extern struct file files[FILES]; /* /a/0, /a/1, … and the last one /b/0 */
extern struct watch *watch;
extern uint64_t now_ms;
extern unsigned seen, looks_at_once, threads_busy, folders_forgotten, alarms_set;
extern bool watch_was_freed;

int begin_watching(void **state); /* nothing is watched yet */
int end_watching(void **state);

/* It has been looked at and read, and nothing about it is open; `settles` as in struct watcher. */
void watch_clean(unsigned file, double settles);

void watch_one(unsigned file, double settles);
void change(unsigned file); /* in the file system */
void was_read(unsigned file, enum file_read how);
void pass(uint64_t milliseconds); /* the alarm rings if its time comes */
void look_after(uint64_t milliseconds);
void finish_look(void);  /* the thread that began first has looked */
void finish_looks(void); /* all of them */
void tell_happened(const char *folder, const char *name);

#endif
