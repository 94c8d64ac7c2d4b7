/* The calls that never wait, with an agent that does at random what an agent may do, and what none may: whatever happens, each
   question ends once, and a yes is the agent's own to it. ASSAY_LONG makes it many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/stream.h"
#include "fake_agent.h"
#include "hand_agent.h"

#define QUESTIONS 200

struct game {
    struct both *both;
    unsigned seed;
    int asked, ended, cancelled;
    bool over[QUESTIONS];
    struct hand_request open[QUESTIONS]; /* that the agent has read on this connection, and not answered */
    int opens;
    uint8_t half[512]; /* of an answer: its rest */
    size_t half_bytes;
};

static unsigned answered, failed; /* in all games */

static unsigned below(struct game *game, unsigned bound)
{
    game->seed = game->seed * 1103515245 + 12345;
    return (game->seed >> 16) % bound;
}

static void end(struct game *game, const void *tag, int status, struct assay_verdict *verdict)
{
    ptrdiff_t which = (const char *)tag - game->both->tags;
    char token[32];

    assert_true(which >= 0 && which < game->asked && !game->over[which]);
    game->over[which] = true;
    game->ended++;
    *(status == 0 || status == ASSAY_E_REFUSED ? &answered : &failed) += 1;
    snprintf(token, sizeof token, "token.%d", (int)which);
    verdict_agrees(verdict, status);
    if (status == 0) {
        assert_string_equal(assay_verdict_subject(verdict), token);
        assert_int_equal(which % 3 == 0, 0); /* about those the agent says no */
    }
    if (status == ASSAY_E_REFUSED)
        assert_int_equal(which % 3, 0);
    assay_verdict_free(verdict);
}

static void ask(struct game *game)
{
    struct assay_verdict *verdict;
    char token[32];

    if (game->asked == QUESTIONS)
        return;
    void *tag = &game->both->tags[game->asked];
    int bytes = snprintf(token, sizeof token, "token.%d", game->asked++);
    int status = assay_send_verify(game->both->assay, token, (size_t)bytes, NULL, tag, &verdict);

    if (status != ASSAY_E_PENDING)
        end(game, tag, status, verdict);
}

static void cancel(struct game *game)
{
    unsigned which = below(game, QUESTIONS);
    size_t count = assay_cancel(game->both->assay, &game->both->tags[which]);

    if (count == 0)
        return;
    assert_true((int)which < game->asked && !game->over[which] && count == 1);
    game->over[which] = true;
    game->cancelled++;
}

static void hang_up(struct game *game)
{
    hand_hang_up(game->both->agent);
    game->opens = 0;
    game->half_bytes = 0;
}

static void answer(struct game *game)
{
    struct hand_agent *agent = game->both->agent;

    if (agent->fd < 0)
        return;
    if (game->half_bytes > 0) {
        hand_say(agent, game->half, game->half_bytes);
        game->half_bytes = 0;
    }
    if (game->opens == 0)
        return;
    unsigned which = below(game, (unsigned)game->opens);
    struct hand_request request = game->open[which];

    game->open[which] = game->open[--game->opens];
    if (atoi(request.token + strlen("token.")) % 3 == 0) {
        hand_say_no(agent, &request);
        return;
    }
    uint8_t bytes[512];
    size_t size = hand_write_yes(&request, bytes, sizeof bytes),
           cut = below(game, 3) == 0 ? 1 + below(game, (unsigned)size - 1) : size;

    hand_say(agent, bytes, cut);
    game->half_bytes = size - cut;
    memcpy(game->half, bytes + cut, size - cut);
}

static void read_requests(struct game *game)
{
    struct hand_agent *agent = game->both->agent;

    if (agent->fd < 0 && !hand_accept(agent))
        return;
    while (game->opens < QUESTIONS && hand_read(agent, &game->open[game->opens]))
        game->opens++;
    if (hand_is_alone(agent))
        hang_up(game);
}

static void say_garbage(struct game *game)
{
    if (game->both->agent->fd >= 0 && below(game, 8) == 0)
        hand_say(game->both->agent, "\x94\x01\xce\x12\x34\x56\x78\xc0\x80", 9);
}

static void process(struct game *game)
{
    struct assay_verdict *verdict;
    void *tag;
    int status;

    while ((status = assay_process(game->both->assay, &tag, &verdict)) != ASSAY_E_PENDING)
        end(game, tag, status, verdict);
    assert_null(tag);
    assert_int_equal(assay_waiting(game->both->assay), (size_t)(game->asked - game->ended - game->cancelled));
}

static void play(unsigned seed)
{
    void *state;

    both_start(&state, 20000);
    struct game *game = calloc(1, sizeof *game);

    game->both = state;
    game->seed = seed;
    for (int move = 0; move < 1000; move++)
        switch (below(game, 12)) {
        case 0:
            below(game, 8) == 0 ? hang_up(game) : process(game);
            break;
        case 1:
            say_garbage(game);
            break;
        case 2:
            below(game, 4) == 0 ? cancel(game) : process(game);
            break;
        case 3:
        case 4:
        case 5:
            ask(game);
            break;
        case 6:
        case 7:
            read_requests(game);
            break;
        case 8:
            process(game);
            break;
        default:
            answer(game);
        }
    while (assay_waiting(game->both->assay) > 0) { /* a good agent from now on */
        if (!is_ready(game->both->assay, 0) && game->opens == 0)
            hang_up(game);
        process(game);
        read_requests(game);
        answer(game);
    }
    assert_int_equal(game->ended + game->cancelled, game->asked);
    /* What nobody waits for goes too: it is sent once more to an agent that may have been begun anew, after a pause. */
    for (int i = 0; i < 100 && (i == 0 || game->both->assay->stream->pending.request_bytes > 0); i++) {
        hang_up(game);
        process(game);
        read_requests(game);
        usleep(i == 0 ? 0 : 1000);
    }
    hang_up(game);
    process(game);
    assert_int_equal(game->both->assay->stream->pending.given_up, 0);
    assert_int_equal(game->both->assay->stream->pending.request_bytes, 0);
    both_stop(&state);
    free(game);
}

static void each_question_ends_once(void **state)
{
    unsigned games = getenv("ASSAY_LONG") != NULL ? 20000 : 300;

    (void)state;
    alarm(600);
    for (unsigned seed = 1; seed <= games; seed++)
        play(seed);
    assert_true(answered > 50 * games && failed > 20 * games);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_question_ends_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
