/* The public header, its functions visible outside libassay.so: everything else of the library is compiled hidden. */
#ifndef ASSAY_CLIENT_EXPORTS_H
#define ASSAY_CLIENT_EXPORTS_H

#pragma GCC visibility push(default)
#include <assay/assay.h>
#pragma GCC visibility pop

#endif
