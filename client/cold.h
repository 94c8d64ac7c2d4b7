/* A function of a hot file that is not hot itself: the compiler makes it small, and keeps it out of the way of the others. */
#ifndef ASSAY_CLIENT_COLD_H
#define ASSAY_CLIENT_COLD_H

#define COLD __attribute__((cold))

#endif
