#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <linux/landlock.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/base/log.h"

void confine_early(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none); /* a core dump would contain every cached token */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef ASSAY_LOOSE
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)CRYPTO_secure_malloc_init(SECRET_MEMORY_BYTES, SECRET_MEMORY_PIECE_BYTES); /* a leak checker does not look for pointers there */
#endif
}

#ifndef ASSAY_LOOSE /* sanitizers and coverage need what is taken away here: they read the process, and write files */

/* Older headers lack some of these; the kernel says which ones it supports. */
#define ACCESS_REFER    (UINT64_C(1) << 13) /* 5.19 */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14) /* 6.2 */

#define ACCESS_MAKE                                                                                                                \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Only the files' modes limit reading, because a reload may name files that are unknown now. */
#define ACCESS_TAKEN                                                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     ACCESS_MAKE)
#define ACCESS_STATE                                                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_TRUNCATE)
#define ACCESS_LOG    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define ACCESS_SOCKET (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* A folder that does not exist is skipped: if systemd holds the socket, the configured path may not exist. */
static int allow_below(int rules, const char *folder, uint64_t access)
{
    struct landlock_path_beneath_attr beneath = {access, open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};

    if (beneath.parent_fd < 0 && errno == ENOENT)
        return 0;
    long status = beneath.parent_fd >= 0 ? syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) : -1;
    int error = errno;

    if (beneath.parent_fd >= 0)
        close(beneath.parent_fd);
    errno = error;
    return status == 0 ? 0 : -1;
}

/* In the file's folder. `file` NULL: not configured. */
static int allow_beside(int rules, const char *file, uint64_t access)
{
    char copy[PATH_MAX];

    if (file == NULL)
        return 0;
    snprintf(copy, sizeof copy, "%s", file);
    return allow_below(rules, dirname(copy), access);
}

void confine(const struct config *config)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr taken = {
        .handled_access_fs = ACCESS_TAKEN | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0),
    };
    int rules = version > 0 ? (int)syscall(SYS_landlock_create_ruleset, &taken, sizeof taken, 0) : -1;

    if (rules < 0 || allow_below(rules, config->state_path, ACCESS_STATE & taken.handled_access_fs) < 0 ||
        allow_beside(rules, config->audit.file, ACCESS_LOG) < 0 || allow_beside(rules, config->socket_path, ACCESS_SOCKET) < 0 ||
        allow_beside(rules, config->http.path, ACCESS_SOCKET) < 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        log_warning("the agent could not confine itself (landlock), and continues without", LOG_TEXT("error", strerror(errno)));
    if (rules >= 0)
        close(rules);
}

#else

void confine(const struct config *config)
{
    (void)config;
}

#endif
