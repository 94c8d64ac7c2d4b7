/* Which of the shared page's counters a record is about. */
#ifndef ASSAY_RECORD_THING_H
#define ASSAY_RECORD_THING_H

#include "agent/fastpath/shared_page.h"
#include "record.h"

/* The thing that a record revokes. A record that names a kid is against all that the issuer said: which keys have borne that kid is the
   list's to know (former_kids.c), and such records are rare. Any thread may ask. */
struct thing record_thing(const struct shared_page *shared, enum record_kind kind, struct text issuer, struct text name);

#endif
