/* A configuration from anybody: good, or refused with at least one fault that names the file. */
#include <fcntl.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    struct faults faults = {0};

    if (path[0] == '\0')
        snprintf(path, sizeof path, "/dev/shm/assay-fuzz-%d.yaml", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
        exit(2);
    struct config *config = config_load(path, &faults);

    unlink(path);
    CHECK((config == NULL) == (faults.count > 0));
    for (unsigned i = 0; i < faults.count; i++)
        CHECK(strncmp(faults.text[i], path, strlen(path)) == 0);
    for (unsigned i = 0; config != NULL && i < config->issuer_count; i++) {
        const struct issuer_config *issuer = &config->issuers[i];

        CHECK(issuer->keys.name != NULL && issuer->rules.names.count > 0 && issuer->rules.audiences.count > 0);
        CHECK(issuer->rules.algorithms != 0 && (issuer->rules.algorithms & ~ALGORITHMS_ALL) == 0);
        CHECK(issuer->rules.leeway >= 0 && issuer->rules.leeway <= LEEWAY_SECONDS_MAX);
    }
    config_drop(config);
    faults_clear(&faults);
    return 0;
}
