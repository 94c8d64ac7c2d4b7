/* The calls that never wait, before the agent's door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_agent.h"
#include "hand_agent.h"

#define STRANGER 12345
#define SHORT_MS 60

static int set_up(void **state)
{
    return both_start(state, 20000); /* no test waits for it */
}

static void a_stranger_who_listens_is_not_believed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct both both = {.agent = hand_start(STRANGER, 16)};

    assert_int_equal(assay_open(&both.assay, both.agent->path, &fake_asked_always), 0);
    assert_int_equal(assay_send_verify(both.assay, "t", 1, NULL, &both, NULL), ASSAY_E_UNTRUSTED);
    assert_true(hand_accept(both.agent));
    assert_true(hand_is_alone(both.agent));
    is_quiet(&both);
    assay_close(both.assay);
    hand_stop(both.agent);
}

/* Those that wait when the agent's place was taken by another are told so as well, and their tokens are not. */
static void nor_one_who_comes_later(void **state)
{
    struct both *both = *state;
    struct hand_request request;

    if (geteuid() != 0)
        skip();
    ask_about(both->assay, "t", both);
    read_one(both);
    hand_stop_listening(both->agent);
    hand_hang_up(both->agent);
    struct hand_agent *stranger = hand_start(STRANGER, 16);

    assert_int_equal(rename(stranger->path, both->agent->path), 0);
    assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_UNTRUSTED);
    assert_true(hand_accept(stranger));
    assert_false(hand_read(stranger, &request));
    is_quiet(both);
    hand_stop(stranger);
}

/* Callers before the door, as many as fit there. */
static void crowd(const char *path, int *fds, int count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, path);
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&address, sizeof address);
    }
}

static void a_full_backlog_is_waited_for(void **state)
{
    struct both both = {.agent = hand_start(0, 0)};
    struct assay_options options = {.size = sizeof options, .timeout_ms = SHORT_MS, .cache_bytes = ASSAY_NO_CACHE};
    struct assay *hasty;
    struct hand_request request;
    int fds[4];
    void *tag;

    (void)state;
    crowd(both.agent->path, fds, 4);
    assert_int_equal(assay_open(&hasty, both.agent->path, &options), 0);
    ask_about(hasty, "one", &both.tags[0]);
    usleep(SHORT_MS * 1000 / 2);
    ask_about(hasty, "two", &both.tags[1]);
    assert_int_equal(end_of(hasty, &both.tags[0], NULL), ASSAY_E_TIMEOUT);
    assert_int_equal(assay_waiting(hasty), 1);
    assay_close(hasty);

    assert_int_equal(assay_open(&both.assay, both.agent->path, &fake_asked_always), 0);
    ask_about(both.assay, "t", &both);
    assert_int_equal(assay_process(both.assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(is_ready(both.assay, 0)); /* it does not spin */
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    while (hand_accept(both.agent))
        ;
    hand_hang_up(both.agent);
    assert_true(is_ready(both.assay, 1000));
    assert_int_equal(assay_process(both.assay, &tag, NULL), ASSAY_E_PENDING);
    request = read_one(&both);
    hand_say_yes(both.agent, &request);
    assert_int_equal(end_of(both.assay, &both, "t"), 0);
    assay_close(both.assay);
    hand_stop(both.agent);
}

/* One waits before the door, and then there is none. */
static void who_waits_is_told_what_the_next_one_finds(void **state)
{
    struct both both = {.agent = hand_start(0, 0)};
    char away[128];
    int fds[4];

    (void)state;
    crowd(both.agent->path, fds, 4);
    assert_int_equal(assay_open(&both.assay, both.agent->path, &fake_asked_always), 0);
    ask_about(both.assay, "one", &both.tags[0]);
    ask_about(both.assay, "two", &both.tags[1]);
    snprintf(away, sizeof away, "%s.away", both.agent->path);
    assert_int_equal(rename(both.agent->path, away), 0);
    assert_int_equal(assay_send_verify(both.assay, "t", 1, NULL, NULL, NULL), ASSAY_E_UNREACHABLE);
    assert_true(is_ready(both.assay, 0));
    assert_int_equal(assay_waiting(both.assay), 2);
    assert_int_equal(end_of(both.assay, &both.tags[0], NULL), ASSAY_E_UNREACHABLE);
    assert_int_equal(end_of(both.assay, &both.tags[1], NULL), ASSAY_E_UNREACHABLE);
    is_quiet(&both);
    assay_close(both.assay);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    unlink(away);
    hand_stop(both.agent);
}

/* In what has come and was not read. */
static bool has_come(const struct hand_agent *agent, const char *word)
{
    char bytes[4096];
    ssize_t got = recv(agent->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    return got > 0 && memmem(bytes, (size_t)got, word, strlen(word)) != NULL;
}

/* An agent that closes the connection at hello would close the next one, too, and the questions would have no answer. */
static void hello_is_not_said_again_beside_questions(void **state)
{
    struct both both = {.agent = hand_start(0, 16)};
    struct assay_options options = {.size = sizeof options, .timeout_ms = 20000};
    struct hand_request request;
    void *tag;

    (void)state;
    assert_int_equal(assay_open(&both.assay, both.agent->path, &options), 0);
    ask_about(both.assay, "t", &both);
    assert_true(hand_accept(both.agent));
    assert_true(has_come(both.agent, "hello") && has_come(both.agent, "verify"));
    hand_hang_up(both.agent);
    for (int i = 0; i < 5 && !hand_accept(both.agent); i++)
        assert_int_equal(assay_process(both.assay, &tag, NULL), ASSAY_E_PENDING);
    assert_int_equal(assay_process(both.assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(has_come(both.agent, "verify"));
    assert_false(has_come(both.agent, "hello"));
    assert_true(hand_read(both.agent, &request));
    hand_say_yes(both.agent, &request);
    assert_int_equal(end_of(both.assay, &both, "t"), 0);
    assay_close(both.assay);
    hand_stop(both.agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_who_listens_is_not_believed),
        cmocka_unit_test_setup_teardown(nor_one_who_comes_later, set_up, both_stop),
        cmocka_unit_test(a_full_backlog_is_waited_for),
        cmocka_unit_test(hello_is_not_said_again_beside_questions),
        cmocka_unit_test(who_waits_is_told_what_the_next_one_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
