/* Files that hold secrets: who else may read them, or choose them. */
#ifndef ASSAY_SECRET_H
#define ASSAY_SECRET_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* Can everybody read the file there, or write it? Kubernetes' are let pass, which it writes so: there is nobody else in a pod. */
static inline bool secret_is_open(const char *path, mode_t mode)
{
    static const char *const of_kubernetes[] = {"/var/run/secrets/", "/run/secrets/"};

    for (unsigned i = 0; i < sizeof of_kubernetes / sizeof *of_kubernetes; i++) {
        if (strncmp(path, of_kubernetes[i], strlen(of_kubernetes[i])) == 0)
            return false;
    }
    return (mode & (S_IROTH | S_IWOTH)) != 0;
}

#endif
