/* What hello brings is used only if it is a page: sealed, of the right size and kind, of the agent that was asked, whose clock is
 * ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/hello.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static struct cache cache;

static int set_up(void **state)
{
    (void)state;
    cache_init(&cache, 1024 * 1024);
    return cache.greeting != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cache_fini(&cache);
    return 0;
}

/* A page as an agent makes it, unless something is wrong with it. */
static struct page good_page(void)
{
    struct page page = {.version = PAGE_VERSION, .counters = PAGE_COUNTERS};

    memcpy(page.magic, PAGE_MAGIC, sizeof PAGE_MAGIC);
    memset(page.instance, 7, sizeof page.instance);
    page.heartbeat = (uint64_t)monotonic_ns();
    return page;
}

static int memory_of(const struct page *page, off_t bytes, int seals)
{
    int fd = memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0 && write(fd, page, sizeof *page) == (ssize_t)sizeof *page && ftruncate(fd, bytes) == 0);
    assert_true(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

struct told {
    const char *instance; /* NULL: it is not there, as are a clock of CLOCK_NONE and a page of -1 */
    int64_t clock;
    int page;
};
#define CLOCK_NONE INT64_MIN

static enum hello take_answer(const struct told *told, int status, int fd, const struct span *span)
{
    uint8_t bytes[256];
    struct wire_writer writer;
    struct answer answer;

    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_map(&writer, (told->instance != NULL ? 1U : 0) + (told->clock != CLOCK_NONE ? 1U : 0) + (told->page >= 0 ? 1U : 0));
    if (told->instance != NULL) {
        wire_put_text(&writer, "instance");
        wire_put_text(&writer, told->instance);
    }
    if (told->clock != CLOCK_NONE) {
        wire_put_text(&writer, "clock");
        wire_put_int(&writer, told->clock);
    }
    if (told->page >= 0) {
        wire_put_text(&writer, "page");
        wire_put_bool(&writer, told->page != 0);
    }
    answer_init(&answer);
    answer.result = (struct wire_cursor){bytes, writer.at};
    return hello_take(&cache, status, &answer, fd, span);
}

static enum hello take_told(const char *instance, int64_t clock, bool page, int fd, const struct span *span)
{
    return take_answer(&(struct told){instance, clock, page}, 0, fd, span);
}

#define SEVENS "07070707070707070707070707070707"

static enum hello take_fd(int fd)
{
    struct span span = {monotonic_ns(), monotonic_ns()};
    enum hello outcome = take_told(SEVENS, span.before, true, fd, &span);

    if (fd >= 0)
        close(fd);
    return outcome;
}

static void a_good_page_is_used(void **state)
{
    struct page page = good_page();

    (void)state;
    assert_int_equal(take_fd(memory_of(&page, sizeof page, ALL_SEALS)), HELLO_GREETED);
    assert_true(cache_has_page(&cache));
}

static void each_seal_is_needed_and_the_size(void **state)
{
    const int seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};
    struct page page = good_page();

    (void)state;
    for (size_t i = 0; i < sizeof seals / sizeof *seals; i++)
        assert_int_equal(take_fd(memory_of(&page, sizeof page, ALL_SEALS & ~seals[i])), HELLO_FAILED);
    assert_int_equal(take_fd(memory_of(&page, sizeof page - 4096, ALL_SEALS)), HELLO_FAILED);
    assert_int_equal(take_fd(memory_of(&page, sizeof page + 4096, ALL_SEALS)), HELLO_FAILED);
    assert_int_equal(take_fd(open("/dev/null", O_RDONLY | O_CLOEXEC)), HELLO_FAILED);
    assert_int_equal(take_fd(-1), HELLO_FAILED);
    assert_false(cache_has_page(&cache));
}

static void it_is_a_page_of_this_version_and_agent(void **state)
{
    struct page pages[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        pages[i] = good_page();
    pages[0].magic[0] = 'A';
    pages[1].version++;
    pages[2].counters--;
    pages[3].instance[15]++;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(take_fd(memory_of(&pages[i], sizeof pages[i], ALL_SEALS)), HELLO_FAILED);
    assert_false(cache_has_page(&cache));
}

static enum hello take_clock(int64_t before, int64_t clock, int64_t after)
{
    struct page page = good_page();
    struct span span = {before, after};
    int fd = memory_of(&page, sizeof page, ALL_SEALS);
    enum hello outcome = take_told(SEVENS, clock, true, fd, &span);

    close(fd);
    return outcome;
}

static void clocks_are_compared(void **state)
{
    const int64_t now = 1000 * NS_PER_S;

    (void)state;
    assert_int_equal(take_clock(now, now, now + 60 * NS_PER_MS), HELLO_UNCERTAIN);
    assert_false(cache_has_page(&cache));
    assert_int_equal(take_clock(now, now - 9 * NS_PER_MS, now), HELLO_GREETED);
    assert_int_equal(take_clock(now, now + 9 * NS_PER_MS, now), HELLO_GREETED);
    assert_true(hello_is_due(&cache, now) == false); /* there is a page */
    const int64_t others[] = {now - 11 * NS_PER_MS, now + 11 * NS_PER_MS, 0, -1};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tear_down(state);
        set_up(state);
        assert_true(hello_is_due(&cache, now));
        assert_int_equal(take_clock(now, others[i], now), HELLO_FAILED);
        assert_false(cache_has_page(&cache));
        if (others[i] >= 0) /* another clock is another clock for ever */
            assert_false(hello_is_due(&cache, now + 3600 * NS_PER_S));
    }
}

/* Whatever else it says, and though there is a page. */
static void an_answer_without_one_of_its_members_is_none(void **state)
{
    const int64_t now = monotonic_ns();
    const struct span span = {now, now};
    const struct told cases[] = {{SEVENS, now, 1}, {NULL, now, 1}, {SEVENS, CLOCK_NONE, 1}, {SEVENS, now, -1},
                                 {"0707070707070707070707070707070g", now, 1}, {"0707", now, 1}};
    struct page page = good_page();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tear_down(state);
        set_up(state);
        int fd = memory_of(&page, sizeof page, ALL_SEALS);

        assert_int_equal(take_answer(&cases[i], 0, fd, &span), i == 0 ? HELLO_GREETED : HELLO_FAILED);
        assert_int_equal(cache_has_page(&cache), i == 0);
        close(fd);
    }
}

static void an_error_greets_nobody(void **state)
{
    const int64_t now = monotonic_ns();
    const struct span span = {now, now};
    const struct told good = {SEVENS, now, 1};
    struct page page = good_page();
    int fd = memory_of(&page, sizeof page, ALL_SEALS);

    (void)state;
    assert_int_equal(take_answer(&good, ASSAY_E_TIMEOUT, fd, &span), HELLO_FAILED);
    assert_int_equal(take_answer(&good, ASSAY_E_WIRE, fd, &span), HELLO_REFUSED);
    assert_false(cache_has_page(&cache));
    close(fd);
}

/* What came beside an answer: one descriptor, or it is nothing. */
static int taken(int level, int type, size_t bytes)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {.head = {.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(bytes)}};
    struct msghdr message = {.msg_control = &control, .msg_controllen = CMSG_SPACE(bytes)};
    int fds[2] = {1000, 1000}, descriptor = -1;

    memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
    descriptor_take(&message, &descriptor);
    return descriptor;
}

static void only_a_descriptor_is_taken_for_one(void **state)
{
    (void)state;
    assert_int_equal(taken(SOL_SOCKET, SCM_RIGHTS, sizeof(int)), 1000);
    assert_int_equal(taken(SOL_SOCKET, SCM_CREDENTIALS, sizeof(int)), -1);
    assert_int_equal(taken(IPPROTO_IP, SCM_RIGHTS, sizeof(int)), -1);
    assert_int_equal(taken(SOL_SOCKET, SCM_RIGHTS, 2 * sizeof(int)), -1);
}

static void a_no_is_not_asked_again_at_once(void **state)
{
    const int64_t now = monotonic_ns();
    struct span span = {now, now};

    (void)state;
    assert_true(hello_is_due(&cache, now));
    assert_false(hello_is_due(&cache, now));
    assert_int_equal(take_told(SEVENS, now, false, -1, &span), HELLO_REFUSED);
    assert_false(hello_is_due(&cache, now + HELLO_REFUSED_NS - 1));
    assert_true(hello_is_due(&cache, now + HELLO_REFUSED_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_page_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_seal_is_needed_and_the_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_a_page_of_this_version_and_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clocks_are_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_without_one_of_its_members_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_greets_nobody, set_up, tear_down),
        cmocka_unit_test(only_a_descriptor_is_taken_for_one),
        cmocka_unit_test_setup_teardown(a_no_is_not_asked_again_at_once, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
