/* Calls into the C library and OpenSSL that fail when a test says so: failing.c wraps them (-Wl,--wrap). */
#ifndef ASSAY_TEST_FAILING_H
#define ASSAY_TEST_FAILING_H

#include <stdbool.h>

/* From now on the call after the next `after` ones fails; once. */
void fail_after(unsigned after);

/* No more of it. True: one has failed. */
bool has_failed(void);

#endif
