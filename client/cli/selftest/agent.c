/* The agent under test. It has a socket, a state and keys of its own, in a folder of mode 0700. It ends with this process in all cases,
   and the folder is removed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "selftest.h"

#define START_SECONDS 10
#define STOP_SECONDS  10
#define LOG_SHOWN     2000

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

bool bed_interrupted(void)
{
    return interrupted != 0;
}

/* The folder is removed also on ^C: the running attack ends, within its time limit, and then the program. */
static void catch_signals(void)
{
    const struct sigaction act = {.sa_handler = on_signal};

    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
}

static bool is_program(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

static bool try_path(struct test_bed *bed, const char *folder, size_t bytes, const char *name)
{
    char *path CLEANUP_FREE = NULL;

    if (asprintf(&path, "%.*s%s", (int)bytes, folder, name) < 0)
        path = NULL;
    char *whole CLEANUP_FREE = path != NULL && is_program(path) ? realpath(path, NULL) : NULL;

    if (whole == NULL || strlen(whole) >= sizeof bed->program)
        return false;
    strcpy(bed->program, whole);
    return true;
}

int bed_find(struct test_bed *bed, const char *agent)
{
    static const char *const beside[] = {"/assayd", "/../sbin/assayd", "/../libexec/assayd", "/../../agent/assayd"};
    char self[TEST_PATH_BYTES];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = bytes > 0 ? memrchr(self, '/', (size_t)bytes) : NULL;

    if (agent != NULL)
        return try_path(bed, agent, strlen(agent), "") ? 0 : report_bad_input("--agent %s: there is no such program", agent);
    for (size_t i = 0; slash != NULL && i < COUNT(beside); i++)
        if (try_path(bed, self, (size_t)(slash - self), beside[i]))
            return 0;
    for (const char *at = getenv("PATH"), *end; at != NULL && *at != '\0'; at = *end == ':' ? end + 1 : end) {
        end = strchrnul(at, ':');
        if (*at == '/' && try_path(bed, at, (size_t)(end - at), "/assayd"))
            return 0;
    }
    return report_bad_input("assayd is neither beside this program nor in $PATH; give its path: --agent PATH");
}

/* Without a loopback interface, the agent has no address to contact either. */
static void lay_bait(struct test_bed *bed)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd CLEANUP_FD = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return;
    bed->bait_port = ntohs(address.sin_port);
    bed->bait = take_fd(&fd);
}

bool bed_was_visited(const struct test_bed *bed)
{
    int fd CLEANUP_FD = bed->bait >= 0 ? accept4(bed->bait, NULL, NULL, SOCK_CLOEXEC) : -1;

    return fd >= 0;
}

int bed_make(struct test_bed *bed)
{
    const char *where = secure_getenv("TMPDIR");
    char folder[sizeof bed->folder];

    /* A socket's path must be short: if TMPDIR is too long, /tmp is used. */
    if (where == NULL || where[0] != '/' || strlen(where) > sizeof folder - sizeof "/assay-selftest-XXXXXX")
        where = "/tmp";
    snprintf(folder, sizeof folder, "%s/assay-selftest-XXXXXX", where);
    catch_signals();
    if (mkdtemp(folder) == NULL)
        return report_undecided("internal", "cannot create a folder in %s: %s", where, strerror(errno));
    memcpy(bed->folder, folder, sizeof folder);
    snprintf(bed->socket, sizeof bed->socket, "%s/s", bed->folder);
    lay_bait(bed);
    return 0;
}

int bed_put(const struct test_bed *bed, const char *name, const char *text, size_t bytes)
{
    char path[TEST_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", bed->folder, name);
    int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, text, bytes) != (ssize_t)bytes)
        return report_undecided("internal", "cannot write %s: %s", path, strerror(errno));
    return 0;
}

static void run_agent(const struct test_bed *bed, const char *config, pid_t parent)
{
    char path[TEST_PATH_BYTES];
    char *const arguments[] = {(char *)bed->program, (char *)"--config", (char *)config, NULL};

    snprintf(path, sizeof path, "%s/log", bed->folder);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), nothing = open("/dev/null", O_RDONLY);

    /* This program handles ^C. The agent is in a process group of its own, and ends with this program. */
    setpgid(0, 0);
    if (log < 0 || nothing < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    unsetenv("LISTEN_FDS");
    unsetenv("NOTIFY_SOCKET");
    execv(bed->program, arguments);
    _exit(127);
}

static void short_sleep(void)
{
    const struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};

    nanosleep(&pause, NULL);
}

/* True if it has ended within that time. */
static bool wait_end(struct test_bed *bed, int seconds)
{
    int64_t deadline = monotonic_ns() + seconds * NS_PER_S;

    while (bed->process > 0 && waitpid(bed->process, NULL, WNOHANG) == 0) {
        if (monotonic_ns() > deadline)
            return false;
        short_sleep();
    }
    bed->process = 0;
    return true;
}

/* Reports the end of the agent's log in one line. */
static int not_started(const struct test_bed *bed, const char *what)
{
    char path[TEST_PATH_BYTES], text[LOG_SHOWN + 1];

    snprintf(path, sizeof path, "%s/log", bed->folder);
    int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd >= 0 ? read(fd, text, LOG_SHOWN) : 0;

    text[bytes > 0 ? bytes : 0] = '\0';
    return report_undecided("not_started", "%s %s: %s", bed->program, what, bytes > 0 ? text : "its log is empty");
}

static bool is_ready(struct test_bed *bed)
{
    static const uint8_t nothing[] = {0x80};
    const struct iovec map = {(void *)nothing, sizeof nothing};
    struct answer answer CLEANUP(answer_clear);

    answer_init(&answer);
    return assay_call(bed->assay, "ping", &map, 1, &answer) == 0;
}

int bed_start(struct test_bed *bed)
{
    char config[TEST_PATH_BYTES];
    pid_t self = getpid();
    int64_t deadline = monotonic_ns() + START_SECONDS * NS_PER_S;

    snprintf(config, sizeof config, "%s/assayd.yaml", bed->folder);
    if (assay_open(&bed->assay, bed->socket, NULL) != 0)
        return report_no_memory();
    bed->process = fork();
    if (bed->process < 0)
        return report_undecided("internal", "cannot start a process: %s", strerror(errno));
    if (bed->process == 0)
        run_agent(bed, config, self);
    while (!is_ready(bed)) {
        if (waitpid(bed->process, NULL, WNOHANG) != 0) {
            bed->process = 0;
            return not_started(bed, "did not start");
        }
        if (interrupted || monotonic_ns() > deadline)
            return not_started(bed, interrupted ? "was interrupted" : "was not ready in time");
        short_sleep();
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts;
    (void)kind;
    (void)where;
    return remove(path);
}

void bed_clear(struct test_bed *bed)
{
    assay_close(bed->assay);
    if (bed->process > 0) {
        kill(bed->process, SIGTERM);
        if (!wait_end(bed, STOP_SECONDS)) {
            kill(bed->process, SIGKILL);
            waitpid(bed->process, NULL, 0);
        }
    }
    if (bed->bait >= 0)
        close(bed->bait);
    if (bed->folder[0] != '\0')
        nftw(bed->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
