/* Checks files that hold secrets: who else can read them, or choose them. */
#ifndef ASSAY_SECRET_H
#define ASSAY_SECRET_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* Can every user read or write the file? The check passes Kubernetes' secret files, whose modes allow it: a pod has no other users. */
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
