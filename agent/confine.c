#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <linux/landlock.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef ASSAY_SECCOMP
#include <seccomp.h>
#endif

#include "agent/limits.h"
#include "agent/observe/log.h"

#ifndef ASSAY_LOOSE /* sanitizers and coverage look into the process, and write files, by what is taken away here */

static void tell(const char *what, int error)
{
    log_warning("the agent could not confine itself, and goes on without", LOG_TEXT("what", what),
                LOG_TEXT("error", strerror(error)));
}

/* Older headers have not all of them; the kernel says which it knows. */
#define ACCESS_REFER    (UINT64_C(1) << 13) /* 5.19 */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14) /* 6.2 */

#define ACCESS_MAKE                                                                                                                \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Reading is left to the files' modes: a reload may name files that nobody knows of yet. */
#define ACCESS_TAKEN                                                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     ACCESS_MAKE)
#define ACCESS_STATE                                                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_TRUNCATE)
#define ACCESS_SOCKET (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* A folder that is not there is nowhere to make anything in: where systemd holds the socket, the configured place may not exist. */
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

static int allow_beside(int rules, const char *socket)
{
    char copy[sizeof((struct sockaddr_un *)0)->sun_path];

    snprintf(copy, sizeof copy, "%s", socket); /* its length was checked */
    return allow_below(rules, dirname(copy), ACCESS_SOCKET);
}

static void confine_files(const struct config *config)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr taken = {
        .handled_access_fs = ACCESS_TAKEN | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0),
    };
    int rules = version > 0 ? (int)syscall(SYS_landlock_create_ruleset, &taken, sizeof taken, 0) : -1;

    if (rules < 0 || allow_below(rules, config->state_path, ACCESS_STATE & taken.handled_access_fs) < 0 ||
        allow_beside(rules, config->socket_path) < 0 || (config->http.path != NULL && allow_beside(rules, config->http.path) < 0) ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        tell("landlock: files", errno);
    if (rules >= 0)
        close(rules);
}

#ifdef ASSAY_SECCOMP
/* What no part of the agent, nor of its libraries, has a use for, and what somebody who got in would try. They fail with EPERM. */
static const char *const denied[] = {
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "mount",
    "umount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fsconfig",
    "fspick",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "add_key",
    "request_key",
    "keyctl",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "sethostname",
    "setdomainname",
    "iopl",
    "ioperm",
    "modify_ldt",
    "personality",
    "syslog",
    "vhangup",
    "uselib",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "capset",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    "lookup_dcookie",
    "mknod",
    "mknodat",
};

/* libuv has a ring from the moment on in which it makes a loop (since 1.45), and aborts where that is denied later; where it gets none it
   goes on without. */
static const char *const denied_early[] = {"io_uring_setup", "io_uring_enter", "io_uring_register"};

static void deny(const char *const *names, size_t count)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int status = filter != NULL ? 0 : -ENOMEM;

    /* Kernels before 5.16 would slow every read of memory for it, as if what runs here were not trusted. */
    if (status == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    for (size_t i = 0; status == 0 && i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);

        if (number != __NR_SCMP_ERROR) /* this machine, or this library, has no such call */
            status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
    }
    if (status == 0)
        status = seccomp_load(filter);
    if (status < 0)
        tell("seccomp: system calls", -status);
    seccomp_release(filter);
}

static void confine_calls_early(void)
{
    deny(denied_early, sizeof denied_early / sizeof *denied_early);
}

static void confine_calls(void)
{
    deny(denied, sizeof denied / sizeof *denied);
}
#else
static void confine_calls_early(void)
{
}

static void confine_calls(void)
{
}
#endif

void confine(const struct config *config)
{
    confine_files(config);
    confine_calls();
}

#else

static void confine_calls_early(void)
{
}

void confine(const struct config *config)
{
    (void)config;
}

#endif

void confine_early(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none); /* a core would hold every token that is cached */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef ASSAY_LOOSE
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    confine_calls_early();
    (void)CRYPTO_secure_malloc_init(SECRET_MEMORY_BYTES, SECRET_MEMORY_PIECE_BYTES);
}
