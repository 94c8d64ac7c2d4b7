/* Maps a record to its counter in the shared page. */
#ifndef ASSAY_RECORD_THING_H
#define ASSAY_RECORD_THING_H

#include "agent/fastpath/shared_page.h"
#include "record.h"

/* The thing that a record revokes. A record that names a kid concerns all tokens of the issuer: only the list knows which keys have had that kid
   (former_kids.c), and such records are rare. May be called from any thread. */
struct thing record_thing(const struct shared_page *shared, enum record_kind kind, struct text issuer, struct text name);

#endif
