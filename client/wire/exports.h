/* The public header, with its functions visible outside libassay.so. All other functions of the library are hidden. */
#ifndef ASSAY_CLIENT_EXPORTS_H
#define ASSAY_CLIENT_EXPORTS_H

#pragma GCC visibility push(default)
#include <assay/assay.h>
#pragma GCC visibility pop

#endif
