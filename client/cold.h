/* COLD marks a function that runs rarely in a file of hot code: the compiler makes it small and places it apart. */
#ifndef ASSAY_CLIENT_COLD_H
#define ASSAY_CLIENT_COLD_H

#define COLD __attribute__((cold))

#endif
