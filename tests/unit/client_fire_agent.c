/* The library under fire from the agent's side of the socket: garbage, silence, other servers and hang-ups give no yes, and with a
   good agent the handle works again. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "asking.h"

/* What stands behind the socket. */
enum manner {
    GOOD,
    SILENT,
    DEAD,
    HALF_THEN_SILENT,
    HALF_THEN_DEAD,
    GARBAGE,
    MAIL_SERVER,
    WEB_SERVER,
    WRONG_MSGID,
    REQUEST_BACK,
    TWICE,
    WITH_ANOTHER,
    ENDLESS_STRING,
    HUGE,
    NO_RESULT,
    RESULT_OF_ANOTHER_SHAPE,
    YES_IN_WORDS,
};

static void put_raw(struct wire_writer *out, const char *text)
{
    wire_put_raw(out, text, strlen(text));
}

static void put_yes(struct wire_writer *out, uint32_t msgid)
{
    fake_answer(out, msgid);
    fake_yes(out, "somebody", 8);
}

static enum fake_action behave(void *context, const struct fake_request *request, struct wire_writer *out)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    enum manner manner = (enum manner)atomic_load((atomic_int *)context);

    switch (manner) {
    case GOOD:
        return fake_echo(NULL, request, out);
    case SILENT:
        return FAKE_HOLD;
    case DEAD:
        return FAKE_SEND_AND_CLOSE;
    case HALF_THEN_SILENT:
    case HALF_THEN_DEAD:
        fake_answer(out, request->msgid);
        put_raw(out, "\x86\xa6"
                     "acti");
        return manner == HALF_THEN_SILENT ? FAKE_SEND : FAKE_SEND_AND_CLOSE;
    case GARBAGE:
        put_raw(out, "\xc1\xff\xfe garbage");
        return FAKE_SEND;
    case MAIL_SERVER:
        put_raw(out, "220 mail.example.com ESMTP ready\r\n");
        return FAKE_SEND;
    case WEB_SERVER:
        put_raw(out, http);
        return FAKE_SEND_AND_CLOSE;
    case WRONG_MSGID:
        put_yes(out, request->msgid + 1);
        return FAKE_SEND;
    case REQUEST_BACK:
        wire_put_raw(out, request->bytes, request->size);
        return FAKE_SEND;
    case TWICE:
        put_yes(out, request->msgid);
        put_yes(out, request->msgid);
        return FAKE_SEND;
    case WITH_ANOTHER:
        put_yes(out, request->msgid);
        put_yes(out, request->msgid + 1);
        return FAKE_SEND;
    case ENDLESS_STRING:
        fake_answer(out, request->msgid);
        put_raw(out, "\xdb\xff\xff\xff\xff never so long");
        return FAKE_SEND;
    case HUGE:
        fake_answer(out, request->msgid);
        wire_put_str_head(out, 200000);
        for (int i = 0; i < 20000; i++)
            put_raw(out, "0123456789");
        return FAKE_SEND;
    case NO_RESULT:
        fake_answer(out, request->msgid);
        wire_put_nil(out);
        return FAKE_SEND;
    case RESULT_OF_ANOTHER_SHAPE:
        fake_answer(out, request->msgid);
        wire_put_bool(out, true);
        return FAKE_SEND;
    default:
        fake_answer(out, request->msgid);
        wire_put_map(out, 1);
        wire_put_text(out, "active");
        wire_put_text(out, "true");
        return FAKE_SEND;
    }
}

static void whatever_answers_a_good_agent_mends_it(void **state)
{
    static const struct {
        enum manner manner;
        int expected;
    } all[] = {
        {SILENT, ASSAY_E_TIMEOUT},
        {DEAD, ASSAY_E_UNREACHABLE},
        {HALF_THEN_SILENT, ASSAY_E_TIMEOUT},
        {HALF_THEN_DEAD, ASSAY_E_PROTOCOL},
        {GARBAGE, ASSAY_E_PROTOCOL},
        {MAIL_SERVER, ASSAY_E_PROTOCOL},
        {WEB_SERVER, ASSAY_E_PROTOCOL},
        {WRONG_MSGID, ASSAY_E_PROTOCOL},
        {REQUEST_BACK, ASSAY_E_PROTOCOL},
        {TWICE, ASSAY_E_PROTOCOL},
        {WITH_ANOTHER, ASSAY_E_PROTOCOL},
        {ENDLESS_STRING, ASSAY_E_PROTOCOL},
        {HUGE, ASSAY_E_PROTOCOL},
        {NO_RESULT, ASSAY_E_PROTOCOL},
        {RESULT_OF_ANOTHER_SHAPE, ASSAY_E_PROTOCOL},
        {YES_IN_WORDS, ASSAY_E_PROTOCOL},
    };
    atomic_int manner = GOOD;
    struct fake_agent *agent = fake_agent_start(behave, &manner, 0);
    struct assay *assay = open_at(agent, 100);

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(ask_for(assay, "before", (int)i), 0);
        atomic_store(&manner, (int)all[i].manner);
        for (int again = 0; again < 2; again++) { /* over the connection that was good, and over a new one */
            int status = ask_for(assay, "meanwhile", (int)i);

            if (status != all[i].expected)
                print_error("manner %d: %d\n", (int)all[i].manner, status);
            assert_int_equal(status, all[i].expected);
        }
        atomic_store(&manner, GOOD);
        for (int again = 0; again < 3; again++)
            assert_int_equal(ask_for(assay, "after", again), 0);
    }
    assay_close(assay);
    fake_agent_stop(agent);
}

#define THREADS 8

struct caller {
    pthread_t thread;
    struct assay *assay;
    atomic_bool *stop;
    atomic_ulong right;
    unsigned long unreachable, wrong;
    char name[16];
};

static void *call_until_told(void *argument)
{
    struct caller *caller = argument;

    for (int i = 0; !atomic_load(caller->stop); i++) {
        int status = ask_for(caller->assay, caller->name, i);

        if (status == 0)
            atomic_fetch_add(&caller->right, 1);
        caller->unreachable += status == ASSAY_E_UNREACHABLE || status == ASSAY_E_PROTOCOL; /* half an answer, or none */
        caller->wrong += status != 0 && status != ASSAY_E_UNREACHABLE && status != ASSAY_E_PROTOCOL;
    }
    return NULL;
}

static void start_callers(struct caller *callers, struct assay *assay, atomic_bool *stop)
{
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.assay = assay, .stop = stop};
        snprintf(callers[i].name, sizeof callers[i].name, "t%d", i);
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_until_told, &callers[i]), 0);
    }
}

/* Until each has had a right answer from here on. While connections are broken off, one thread may have had none: 20 requests between two
   hang-ups may all be the others'. */
static void await_all(struct caller *callers)
{
    for (int i = 0; i < THREADS; i++) {
        unsigned long before = atomic_load(&callers[i].right);

        while (atomic_load(&callers[i].right) == before)
            usleep(100);
    }
}

static void stop_callers(struct caller *callers, atomic_bool *stop)
{
    atomic_store(stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].wrong, 0);
        assert_true(callers[i].right > 0);
    }
}

static void threads_outlive_an_agent_that_hangs_up_again_and_again(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);
    struct caller callers[THREADS];
    atomic_bool stop = false;

    (void)state;
    start_callers(callers, assay, &stop);
    for (int i = 0; i < 200; i++) {
        unsigned before = fake_agent_requests(agent);

        fake_agent_hang_up(agent);
        while (fake_agent_requests(agent) < before + 20) /* they are at it again */
            usleep(100);
    }
    await_all(callers);
    stop_callers(callers, &stop);
    assert_int_equal(ask_for(assay, "at last", 0), 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_answers_a_good_agent_mends_it),
        cmocka_unit_test(threads_outlive_an_agent_that_hangs_up_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
