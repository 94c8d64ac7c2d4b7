/* What the thread of a Redis feed tells the loop, when the loop is slow to listen; and what it takes for an entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/feeds/redis_link.h"
#include "agent/feeds/stream_reader.h"

/* A server that answers one command after the other as it is told. */
struct server {
    const char *const *answers;
    int listener;
    pthread_t thread;
    sem_t done; /* there is no answer left, or the client has come again: all that there was to tell was told */
};

static void *serve(void *context)
{
    struct server *server = context;
    int fd = accept(server->listener, NULL, NULL), again = -1;
    const char *const *answer = server->answers;
    char command[4096];

    for (; recv(fd, command, sizeof command, 0) > 0 && *answer != NULL; answer++)
        assert_int_equal(send(fd, *answer, strlen(*answer), 0), strlen(*answer));
    if (*answer == NULL && recv(fd, command, 1, MSG_DONTWAIT) == 0)
        again = accept(server->listener, NULL, NULL);
    sem_post(&server->done);
    while (recv(again >= 0 ? again : fd, command, sizeof command, 0) > 0)
        ;
    close(fd);
    close(again);
    return NULL;
}

static void start(struct server *server, const char *const *answers, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    server->answers = answers;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, 64, "redis://127.0.0.1:%u", ntohs(address.sin_port));
    sem_init(&server->done, 0, 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void ignore(void *context)
{
    (void)context;
}

static unsigned taken;
static struct stream_position behind; /* the last one taken */
static int ends_with; /* what comes of taking a reply */

/* There is room for one more. */
static int take_one(void *context, const struct stream_position *position, const char *text, size_t bytes)
{
    (void)context;
    (void)text;
    (void)bytes;
    behind = *position;
    return taken++ == 0 ? 1 : 0;
}

/* All that the thread says while the server answers so, taken at once. */
static struct redis_news hear_after(struct stream_position position, const char *const *answers, bool comes)
{
    struct server server;
    struct redis_news news;
    char url[64], stream[] = "s";
    uv_loop_t loop;

    start(&server, answers, url);
    const struct feed_config config = {.redis = url, .stream = stream};

    assert_int_equal(uv_loop_init(&loop), 0);
    struct redis_link *link = redis_link_new(&loop, &config, &position, ignore, NULL);

    assert_non_null(link);
    if (!comes)
        sem_wait(&server.done);
    do {
        if (comes)
            uv_run(&loop, UV_RUN_ONCE); /* a reply waits until it is taken: nothing more is asked for */
        redis_link_news(link, &news);
    } while (comes && !news.has_reply);
    taken = 0;
    if (news.has_reply)
        assert_int_equal(redis_link_each(link, take_one, NULL, &(bool){false}), ends_with);
    redis_link_close(link);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    return news;
}

static struct redis_news hear(const char *const *answers)
{
    return hear_after((struct stream_position){.id = "5-0", .added = 3, .knows_added = 1}, answers, false);
}

#define FACTS(added)                                                                                                               \
    "*8\r\n$6\r\nlength\r\n:0\r\n$17\r\nlast-generated-id\r\n$3\r\n5-0\r\n$13\r\nentries-added\r\n:" added                         \
    "\r\n$20\r\nmax-deleted-entry-id\r\n$3\r\n0-0\r\n"

static void well(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*-1\r\n", FACTS("3"), NULL};
    struct redis_news news = hear(answers);

    (void)state;
    assert_true(news.alive);
    assert_string_equal(news.gap, "");
}

static void a_gap_after_it_was_well(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*-1\r\n", FACTS("3"), "*-1\r\n", FACTS("4"), NULL};
    struct redis_news news = hear(answers);

    (void)state;
    assert_string_equal(news.gap, "the stream was replaced");
    assert_false(news.alive);
    assert_string_equal(news.position.id, STREAM_START);
}

static void well_after_a_gap(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*-1\r\n", FACTS("4"), "*-1\r\n", FACTS("4"), NULL};
    struct redis_news news = hear(answers);

    (void)state;
    assert_string_equal(news.gap, "the stream was replaced");
    assert_true(news.alive);
    assert_string_equal(news.position.id, "5-0");
}

static void an_error_after_it_was_well(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*-1\r\n", FACTS("3"), "-LOADING\r\n", NULL};
    struct redis_news news = hear(answers);

    (void)state;
    assert_false(news.alive);
    assert_string_equal(news.error, "LOADING");
}

#define ENTRY(id) "*2\r\n$3\r\n" id "\r\n*2\r\n$1\r\nr\r\n$2\r\n{}\r\n"

/* One that is not taken is the next batch's first: none behind it is taken. */
static void entries_that_do_not_fit(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*3\r\n" ENTRY("1-0") ENTRY("2-0") ENTRY("3-0"), FACTS("3"), NULL};
    struct redis_news news = hear_after((struct stream_position){.id = STREAM_START}, answers, true);

    (void)state;
    assert_true(news.has_reply);
    assert_int_equal(taken, 2);
}

#define NO_ENTRY "*1\r\n$3\r\n2-0\r\n"

/* Where the last one is none, nobody knows behind what to read on. */
static void a_reply_that_ends_in_what_is_no_entry(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n" ENTRY("1-0") NO_ENTRY, NULL};
    struct redis_news news = hear_after((struct stream_position){.id = STREAM_START}, answers, false);

    (void)state;
    assert_string_equal(news.error, "its answer is not a stream");
    assert_false(news.has_reply || news.alive);
}

static void a_reply_with_what_is_no_entry_in_it(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n" NO_ENTRY ENTRY("3-0"), FACTS("2"), NULL};

    (void)state;
    ends_with = -2;
    struct redis_news news = hear_after((struct stream_position){.id = STREAM_START}, answers, true);

    ends_with = 0;
    assert_true(news.has_reply);
    assert_int_equal(taken, 0);
}

static redisReply *reply_of(const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    assert_non_null(reply);
    return reply;
}

/* How many were added with the first entries is known at once: what is deleted unread right behind them is noticed. */
static void the_first_entries(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n" ENTRY("5-0"), FACTS("3"), NULL};

    (void)state;
    ends_with = 1;
    struct redis_news news = hear_after((struct stream_position){.id = STREAM_START}, answers, true);

    assert_true(news.has_reply && behind.has_entry && behind.knows_added);
    assert_int_equal(behind.added, 3);
    ends_with = 0;
}

/* Those behind a reply that was full: nothing was known of the number yet. */
static void entries_behind_one_whose_number_is_not_known(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n" ENTRY("5-0"), "*1\r\n" ENTRY("4-0"), FACTS("9"), NULL};
    redisReply *last = reply_of(ENTRY("4-0"));
    struct stream_position position;
    const redisReply *record;

    (void)state;
    assert_true(stream_entry(last, &position, &record));
    freeReplyObject(last);
    ends_with = 1;
    assert_true(hear_after(position, answers, true).has_reply && behind.knows_added);
    assert_int_equal(behind.added, 9);
    ends_with = 0;
}

static void the_first_entries_whose_number_nobody_says(void **state)
{
    static const char *const answers[] = {"+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n" ENTRY("5-0"), "-NOPERM\r\n", NULL};
    struct redis_news news = hear_after((struct stream_position){.id = STREAM_START}, answers, false);

    (void)state;
    assert_string_equal(news.error, "NOPERM");
    assert_false(news.has_reply || news.alive);
}

/* Nothing was missed only if the server says so. */
static void entries_after_one_that_cannot_be_asked_for(void **state)
{
    static const char *const answers[] = {
        "+PONG\r\n", "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n" ENTRY("6-0"), "-NOPERM\r\n", NULL};
    struct redis_news news = hear_after((struct stream_position){.id = "5-0", .has_entry = 1, .added = 3, .knows_added = 1}, answers, false);

    (void)state;
    assert_string_equal(news.error, "NOPERM");
    assert_false(news.has_reply || news.alive);
    assert_string_equal(news.gap, "");
}

#define ID     "$3\r\n5-0\r\n"
#define DIGITS "1234567890"

/* What a server says is in its stream. NULL: that is no entry; {}: one without a record. */
static void entries(void **state)
{
    static const struct {
        const char *bytes, *record;
    } cases[] = {
        {"*2\r\n" ID "*2\r\n$1\r\nr\r\n$2\r\n[]\r\n", "[]"},
        {"*2\r\n" ID "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nr\r\n$1\r\nx\r\n", "x"},
        {"*2\r\n" ID "*2\r\n$1\r\nr\r\n:5\r\n", "{}"},
        {"*2\r\n" ID "*2\r\n:1\r\n$1\r\nx\r\n", "{}"},
        {"*2\r\n" ID "*2\r\n$1\r\nq\r\n$1\r\nx\r\n", "{}"},
        {"*2\r\n" ID "*1\r\n$1\r\nr\r\n", "{}"},
        {"*2\r\n" ID "*-1\r\n", "{}"},
        {"*2\r\n" ID ":1\r\n", "{}"},
        {":1\r\n", NULL},
        {"*1\r\n" ID, NULL},
        {"*3\r\n" ID "*0\r\n:1\r\n", NULL},
        {"*2\r\n:5\r\n*0\r\n", NULL},
        {"*2\r\n$60\r\n" DIGITS DIGITS DIGITS DIGITS DIGITS DIGITS "\r\n*0\r\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redisReply *reply = reply_of(cases[i].bytes);
        struct stream_position position;
        const redisReply *record;

        assert_int_equal(stream_entry(reply, &position, &record), cases[i].record != NULL);
        if (cases[i].record != NULL)
            assert_string_equal(record->str, cases[i].record);
        freeReplyObject(reply);
    }
}

static void streams(void **state)
{
    static const char *const bad[] = {":1\r\n",        "*0\r\n", "*1\r\n:1\r\n", "*1\r\n*1\r\n+s\r\n", "*1\r\n*2\r\n+s\r\n:1\r\n",
                                      "*1\r\n*3\r\n+s\r\n*0\r\n*0\r\n", "*2\r\n*2\r\n+s\r\n*0\r\n*2\r\n+s\r\n*0\r\n"};
    redisReply *good = reply_of("*1\r\n*2\r\n+s\r\n*0\r\n");

    (void)state;
    assert_non_null(stream_entries(good));
    freeReplyObject(good);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        redisReply *reply = reply_of(bad[i]);

        assert_null(stream_entries(reply));
        freeReplyObject(reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well),
        cmocka_unit_test(a_gap_after_it_was_well),
        cmocka_unit_test(well_after_a_gap),
        cmocka_unit_test(an_error_after_it_was_well),
        cmocka_unit_test(a_reply_that_ends_in_what_is_no_entry),
        cmocka_unit_test(a_reply_with_what_is_no_entry_in_it),
        cmocka_unit_test(entries_that_do_not_fit),
        cmocka_unit_test(the_first_entries),
        cmocka_unit_test(entries_behind_one_whose_number_is_not_known),
        cmocka_unit_test(the_first_entries_whose_number_nobody_says),
        cmocka_unit_test(entries_after_one_that_cannot_be_asked_for),
        cmocka_unit_test(entries),
        cmocka_unit_test(streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
