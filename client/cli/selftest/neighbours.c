/* Other users of the same agent: what one user takes must not be missing for another. If this runs as root, the attacker is another user. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "assay/assay.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/wire.h"
#include "selftest.h"

#define GROUP          "neighbours"
#define NOBODY         65534
#define MANY           2200 /* more than half of the connections that an agent accepts */
#define ASKING         200
#define CHECKS         256
#define REQUEST_BYTES  (CHECKS * 16 + 256)
#define IN_TIME_NS     NS_PER_S
#define ALICE          "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"alice\",\"exp\":$X}"

/* The attacker's connections. */
struct crowd {
    int fds[MANY];
    unsigned count;
    unsigned some; /* how many an agent with these limits accepts */
};

static void disperse(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++)
        close(crowd->fds[i]);
    crowd->count = 0;
}

static void be(uid_t user)
{
    if (getuid() == 0 && seteuid(user) != 0)
        perror("seteuid");
}

/* Opens as many connections as the agent accepts, up to `most`. */
static void gather(struct crowd *crowd, const struct test_bed *bed, unsigned most)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, bed->socket, strnlen(bed->socket, sizeof address.sun_path - 1));
    be(NOBODY);
    while (crowd->count < most) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
            break;
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
            close(fd);
            break;
        }
        crowd->fds[crowd->count++] = fd;
    }
    be(0);
}

static void say(const struct crowd *crowd, const uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < crowd->count; i++)
        (void)send(crowd->fds[i], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_closed(int fd)
{
    struct pollfd one = {.fd = fd};

    return poll(&one, 1, 0) > 0 && (one.revents & POLLHUP) != 0;
}

static size_t put_request(uint8_t *bytes, size_t room, const char *method, unsigned checks)
{
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, room);
    wire_put_array(&writer, 4);
    wire_put_uint(&writer, 0);
    wire_put_uint(&writer, 1);
    wire_put_text(&writer, method);
    wire_put_array(&writer, 1);
    wire_put_map(&writer, checks > 0);
    if (checks > 0) {
        wire_put_text(&writer, "checks");
        wire_put_array(&writer, checks);
    }
    for (unsigned i = 0; i < checks; i++) {
        wire_put_array(&writer, 2);
        wire_put_text(&writer, "GET");
        wire_put_text(&writer, "/public/x");
    }
    return writer.full ? 0 : wire_written(&writer);
}

/* What the agent answers to a user who was there before, and to one who comes now. */
static const char *ask(struct test_bed *bed, const char *token, size_t bytes, bool comes_now)
{
    static const struct assay_options always = {.size = sizeof always, .cache_bytes = ASSAY_NO_CACHE};
    struct test_bed other = *bed;
    int64_t begin = monotonic_ns();

    if (comes_now && assay_open(&other.assay, bed->socket, &always) != 0)
        return "(no handle)";
    const char *said = test_verify(&other, token, bytes, TEST_AUDIENCE);

    if (comes_now)
        assay_close(other.assay);
    return strcmp(said, "accepted") == 0 && monotonic_ns() - begin > IN_TIME_NS ? "(late)" : said;
}

static int without_reading(struct test_bed *bed, struct crowd *crowd, const char *token, size_t bytes, struct test_report *report)
{
    uint8_t hello[64];
    size_t size = put_request(hello, sizeof hello, "hello", 0);
    unsigned closed = 0;

    gather(crowd, bed, crowd->some);
    for (unsigned i = 0; i < 4; i++)
        say(crowd, hello, size);
    const char *before = ask(bed, token, bytes, false), *said = strcmp(before, "accepted") == 0 ? ask(bed, token, bytes, true) : before;

    for (unsigned i = 0; i < crowd->count; i++)
        closed += is_closed(crowd->fds[i]);
    disperse(crowd);
    return report_attack(report, GROUP, "the page, not read", "hello on many connections, and no answer read", "accepted", closed > 0 ? "(connections were closed)" : said);
}

static int with_checks(struct test_bed *bed, struct crowd *crowd, const char *token, size_t bytes, struct test_report *report)
{
    uint8_t request[REQUEST_BYTES];
    size_t size = put_request(request, sizeof request, "authorize", CHECKS);

    gather(crowd, bed, crowd->some < ASKING ? crowd->some : ASKING);
    for (unsigned i = 0; i < 8; i++)
        say(crowd, request, size);
    const char *said = ask(bed, token, bytes, false);

    disperse(crowd);
    return report_attack(report, GROUP, "work for seconds", "many times 256 checks at once", "accepted", said);
}

static int with_connections(struct test_bed *bed, struct crowd *crowd, const char *token, size_t bytes, struct test_report *report)
{
    gather(crowd, bed, MANY);
    const char *said = ask(bed, token, bytes, getuid() == 0); /* the agent accepts no further connection of the same user */

    disperse(crowd);
    return report_attack(report, GROUP, "all connections", "as many as there are", "accepted", said);
}

/* A user other than root may have fewer descriptors than this needs; then the agent accepts fewer connections, too. */
static void allow_descriptors(struct crowd *crowd)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    crowd->some = files.rlim_max / 4 < MANY / 4 ? (unsigned)(files.rlim_max / 4) : MANY / 4;
    if (files.rlim_cur >= MANY + 64)
        return;
    files.rlim_cur = files.rlim_max < MANY + 64 ? files.rlim_max : MANY + 64;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

int attack_neighbours(struct test_bed *bed, const struct forge *forge, struct test_report *report)
{
    struct crowd *crowd CLEANUP_FREE = calloc(1, sizeof *crowd);
    size_t bytes = 0;
    char *token CLEANUP_FREE = forge_token(forge, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", ALICE, SIGN_RS256, DAMAGE_NONE, &bytes);

    if (crowd == NULL || token == NULL)
        return report_undecided("internal", "making a token failed");
    allow_descriptors(crowd);
    if (getuid() == 0 && (chmod(bed->folder, 0711) != 0 || chmod(bed->socket, 0666) != 0))
        return report_undecided("internal", "%s cannot be opened for another user: %s", bed->folder, strerror(errno));
    int code = without_reading(bed, crowd, token, bytes, report);

    if (code == 0 && !bed_interrupted())
        code = with_checks(bed, crowd, token, bytes, report);
    if (code == 0 && !bed_interrupted())
        code = with_connections(bed, crowd, token, bytes, report);
    return code == 0 && bed_interrupted() ? report_undecided("interrupted", "interrupted") : code;
}
