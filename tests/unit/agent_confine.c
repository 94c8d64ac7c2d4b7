/* What a process can still do after it has confined itself: each thing that is taken away is tried, and what the agent lives from too. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/confine.h"

static char root[] = "/tmp/assay-confine-XXXXXX";
static char state[64], sockets[64], http[64], elsewhere[64];

static const char *in(const char *folder, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folders(void **unused)
{
    (void)unused;
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(state, sizeof state, "%s/state", root);
    snprintf(sockets, sizeof sockets, "%s/run", root);
    snprintf(http, sizeof http, "%s/http", root);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    if (mkdir(state, 0700) < 0 || mkdir(sockets, 0755) < 0 || mkdir(http, 0755) < 0 || mkdir(elsewhere, 0777) < 0)
        return -1;
    int fd = open(in(elsewhere, "file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    return fd >= 0 && write(fd, "text", 4) == 4 && close(fd) == 0 ? 0 : -1;
}

static int remove_folders(void **unused)
{
    char command[128];

    (void)unused;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "not so: %s (%s)\n", #what, strerror(errno)); \
            _exit(1); \
        } \
    } while (0)
#define REFUSED(call, error) CHECK((errno = 0, (call) < 0) && errno == (error))

/* In a child, which is confined for good. */
static void confined(void (*body)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        static char socket_path[80], http_path[80];
        struct config config = {.state_path = state, .socket_path = socket_path, .http = {.path = http_path}};

        snprintf(socket_path, sizeof socket_path, "%s/assayd.sock", sockets);
        snprintf(http_path, sizeof http_path, "%s/http.sock", http);
        confine_early();
        confine(&config);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int create(const char *folder, const char *name)
{
    return open(in(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int bind_in(const char *folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, in(folder, name));
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static void what_it_lives_from(void)
{
    char text[8];
    int fd = open(in(elsewhere, "file"), O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0 && read(fd, text, sizeof text) == 4);
    CHECK((fd = create(state, "data.mdb")) >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 4096) == 0);
    CHECK(create(state, "data.mdb") >= 0);
    CHECK(unlink(in(state, "data.mdb")) == 0);
    CHECK(bind_in(sockets, "assayd.sock") == 0 && chmod(in(sockets, "assayd.sock"), 0660) == 0);
    CHECK(unlink(in(sockets, "assayd.sock")) == 0);
    CHECK(bind_in(http, "http.sock") == 0);
    CHECK(memfd_create("page", MFD_CLOEXEC) >= 0);
    CHECK(open("/dev/urandom", O_RDONLY | O_CLOEXEC) >= 0);
}

static void files_elsewhere(void)
{
    REFUSED(open(in(elsewhere, "file"), O_WRONLY | O_CLOEXEC), EACCES);
    REFUSED(open(in(elsewhere, "file"), O_RDWR | O_CLOEXEC), EACCES);
    REFUSED(create(elsewhere, "new"), EACCES);
    REFUSED(create("/tmp", "assay-confine-new"), EACCES);
    REFUSED(create(sockets, "file"), EACCES);
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 3)
        REFUSED(truncate(in(elsewhere, "file"), 0), EACCES);
    REFUSED(unlink(in(elsewhere, "file")), EACCES);
    REFUSED(mkdir(in(elsewhere, "folder"), 0700), EACCES);
    REFUSED(mkdir(in(state, "folder"), 0700), EACCES);
    REFUSED(rmdir(elsewhere), EACCES);
    REFUSED(symlink("/etc", in(state, "link")), EACCES);
    REFUSED(bind_in(elsewhere, "socket"), EACCES);
    REFUSED(bind_in(state, "socket"), EACCES);
    REFUSED(mkfifo(in(state, "fifo"), 0600), EACCES);
}

static void *try_in_thread(void *ret)
{
    *(bool *)ret = create(elsewhere, "new") < 0 && execl("/bin/true", "true", (char *)NULL) < 0;
    return NULL;
}

static void threads_too(void)
{
    pthread_t thread;
    bool refused = false;

    CHECK(pthread_create(&thread, NULL, try_in_thread, &refused) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(refused);
}

static void no_program(void)
{
    REFUSED(execl("/bin/true", "true", (char *)NULL), EACCES);
    REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0), EACCES);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void it_does_its_work(void **unused)
{
    (void)unused;
    confined(what_it_lives_from);
}

static void it_writes_nowhere_else(void **unused)
{
    (void)unused;
    if (!has_landlock())
        skip();
    confined(files_elsewhere);
}

static void it_starts_no_program(void **unused)
{
    (void)unused;
    if (!has_landlock())
        skip();
    confined(no_program);
}

static void its_threads_are_confined_too(void **unused)
{
    (void)unused;
    if (!has_landlock())
        skip();
    confined(threads_too);
}

/* A folder for sockets that is not there: systemd holds the socket, elsewhere. */
static void sockets_elsewhere(void)
{
    CHECK(create(state, "data.mdb") >= 0);
    REFUSED(create(elsewhere, "new"), EACCES);
}

static void without_a_folder_for_the_socket(void **unused)
{
    (void)unused;
    if (!has_landlock())
        skip();
    snprintf(sockets, sizeof sockets, "%s/nowhere", root);
    confined(sockets_elsewhere);
    snprintf(sockets, sizeof sockets, "%s/run", root);
}

static void early(void)
{
    void *secret = OPENSSL_secure_malloc(1024);
    char line[128];
    long locked = 0;
    FILE *status = fopen("/proc/self/status", "re");

    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    CHECK(secret != NULL && CRYPTO_secure_allocated(secret) == 1);
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        (void)sscanf(line, "VmLck: %ld kB", &locked);
    CHECK(locked >= 64);
}

static void nobody_looks_into_it(void **unused)
{
    (void)unused;
    confined(early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_its_work),
        cmocka_unit_test(it_writes_nowhere_else),
        cmocka_unit_test(it_starts_no_program),
        cmocka_unit_test(its_threads_are_confined_too),
        cmocka_unit_test(without_a_folder_for_the_socket),
        cmocka_unit_test(nobody_looks_into_it),
    };

    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
