/* A feed file and its reader, with what somebody does to the file while it is being read. */
#ifndef ASSAY_TEST_FEED_FILE_AROUND_H
#define ASSAY_TEST_FEED_FILE_AROUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

#include "agent/feeds/file_reader.h"

#define PIECE 262144 /* that is read at a time */
#define LARGE (5 * PIECE)

extern char path[64], other[64];
extern struct feed_file file;

/* What was taken since the last reading began. */
extern unsigned taken, too_long, enough_asked;
extern char last[32];
extern bool refused;
extern unsigned room;         /* for so many lines */
extern unsigned enough_after; /* it was asked so often */
extern bool enough_once_taken, cut_once_taken;
extern off_t cut_to; /* when it is asked whether that is enough */

/* What somebody does while it is being read, at the first line of each piece of it. */
enum somebody { NOTHING, REMOVES, REPLACES_ONCE, REPLACES };
extern enum somebody somebody;

int set_up(void **state);
int tear_down(void **state);

int read_file(void);
void put(const char *at, off_t offset, const char *text, size_t bytes);
void append(const char *at, const char *text);
void fill(const char *at, size_t bytes); /* so many bytes of lines of 64 */
void one_line_of(const char *at, size_t bytes);
void begin_with(size_t bytes); /* it was read whole, and nothing has been noticed */
void rewrite(off_t offset);
void replace(void);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
