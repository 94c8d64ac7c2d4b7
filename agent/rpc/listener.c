#include "listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "agent/door/socket.h"
#include "agent/fastpath/previous_run.h"
#include "agent/keys/keyring.h"
#include "agent/state/store.h"

/* The timer runs only while some connection's patience does, and only until the first one ends. */
static void on_alarm(void *context)
{
    struct door *door = context;
    struct patience *lists[] = {&door->idle, &door->partial};
    uint64_t now = uv_now(door->core->loop);

    door->timer_due = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        while (lists[i]->first != NULL && conn_deadline(lists[i]->first) <= now) {
            door->accounts.facts.timeouts++;
            conn_close(lists[i]->first);
        }
    }
    door_arm(door);
}

void door_arm(struct door *door)
{
    const struct patience *lists[] = {&door->idle, &door->partial};
    uint64_t now = uv_now(door->core->loop), first = UINT64_MAX;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i]->first != NULL && conn_deadline(lists[i]->first) < first)
            first = conn_deadline(lists[i]->first);
    }
    if (first == UINT64_MAX || (door->timer_due != 0 && door->timer_due <= first))
        return;
    door->timer_due = first;
    alarm_set(door->alarm, first > now ? (double)(first - now) / 1000 : 0.001);
}

/* libuv accepts the next connection after this one was accepted. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct door *door = listener->data;

    if (status != 0)
        return;
    door->has_one_waiting = door->accepted >= ACCEPTED_PER_TURN_MAX;
    if (!door->has_one_waiting)
        conn_open(door, listener);
}

static void do_nothing(uv_idle_t *awake)
{
    (void)awake;
}

static void on_flush(uv_check_t *check)
{
    struct door *door = check->data;

    conn_flush_all(door); /* short requests get their answers before long ones continue */
    if (accounts_take_turns(&door->accounts))
        uv_idle_start(&door->awake, do_nothing);
    else
        uv_idle_stop(&door->awake);
    conn_flush_all(door);
}

static void accept_on(struct door *door)
{
    door->accepted = 0;
    if (door->has_one_waiting && !door->is_turning_away && !door->core->stopping)
        conn_open(door, (uv_stream_t *)&door->listener);
}

static void on_sleep(uv_prepare_t *prepare)
{
    struct door *door = prepare->data;

    accept_on(door);
    conn_flush_all(door); /* answers from timers and closing handles */
    door->before_wait(door->context);
}

/* If libuv has no descriptor left, it drops all waiting connections. So the limit on connections stays below that on descriptors. */
static unsigned connections_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 256;
    files.rlim_cur = files.rlim_max < CONNECTIONS_MAX + DESCRIPTORS_KEPT ? files.rlim_max : CONNECTIONS_MAX + DESCRIPTORS_KEPT;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 256;
    if (files.rlim_cur < CONNECTIONS_MAX + DESCRIPTORS_KEPT)
        log_warning("the limit of file descriptors is low, so the agent accepts fewer connections", LOG_NUMBER("limit", files.rlim_cur));
    return files.rlim_cur > DESCRIPTORS_KEPT + CONNECTIONS_KEPT_FOR_ROOT ? (unsigned)files.rlim_cur - DESCRIPTORS_KEPT
                                                                         : CONNECTIONS_KEPT_FOR_ROOT + 1;
}

static void open_again(uv_handle_t *listener);

/* Open connections stay. */
static void on_gone(void *context)
{
    struct door *door = context;

    door->has_one_waiting = false;
    if (!uv_is_closing((uv_handle_t *)&door->listener))
        uv_close((uv_handle_t *)&door->listener, open_again);
}

static int start_handles(struct door *door)
{
    uv_loop_t *loop = door->core->loop;

    door->alarm = alarm_new(loop, on_alarm, door);
    door->heart = alarm_new(loop, door_beat, door);
    door->left_alarm = alarm_new(loop, sent_page_on_alarm, door);
    if (door->alarm == NULL || door->heart == NULL || door->left_alarm == NULL) {
        alarm_close(door->alarm);
        alarm_close(door->heart);
        alarm_close(door->left_alarm);
        uv_run(loop, UV_RUN_NOWAIT);
        return -1;
    }
    uv_check_init(loop, &door->flush);
    uv_idle_init(loop, &door->awake);
    uv_prepare_init(loop, &door->sleep);
    uv_pipe_init(loop, &door->listener, 0);
    door->flush.data = door->sleep.data = door->listener.data = door;
    uv_check_start(&door->flush, on_flush);
    uv_prepare_start(&door->sleep, on_sleep);
    socket_watch_init(&door->file, loop);
    door->file.gone = on_gone;
    door->file.context = door;
    return 0;
}

static int listen_on_socket(struct door *door, char why[512])
{
    door->listen_fd = socket_listen(door->core->ring->config, &door->made_socket, &door->found_socket, why);
    if (door->listen_fd < 0)
        return -1;
    int status = uv_pipe_open(&door->listener, door->listen_fd);

    if (status == 0)
        status = uv_listen((uv_stream_t *)&door->listener, LISTEN_BACKLOG, on_connection);
    if (status != 0)
        snprintf(why, 512, "the socket cannot be served: %s", uv_strerror(status));
    socket_watch_note(&door->file, door->core->ring->config->socket_path, door->made_socket);
    return status;
}

static void open_again(uv_handle_t *listener)
{
    struct door *door = listener->data;
    char why[512] = "out of memory or file descriptors";

    if (door->core->stopping)
        return;
    uv_pipe_init(door->core->loop, &door->listener, 0);
    if (listen_on_socket(door, why) != 0)
        log_error("the socket cannot be created again; no caller can connect until the agent restarts", LOG_TEXT("why", why));
}

void door_look_for_socket(struct door *door)
{
    socket_watch_look(&door->file);
}

struct door *door_open(struct verdicts *verdicts, void (*before_wait)(void *context), void *context, char why[512])
{
    struct door *door = calloc(1, sizeof *door);

    snprintf(why, 512, "out of memory or file descriptors");
    if (door == NULL)
        return NULL;
    door->core = verdicts->core;
    door->verdicts = verdicts;
    door->before_wait = before_wait;
    door->context = context;
    door->idle.milliseconds = CONNECTION_IDLE_SECONDS * 1000;
    door->partial.milliseconds = PARTIAL_FRAME_SECONDS * 1000;
    door->accounts = (struct accounts){.connections_max = connections_max(), .push_out = conn_push_out, .context = door};
    door->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (door->zone == NULL || start_handles(door) < 0) {
        door_free(door);
        return NULL;
    }
    if (listen_on_socket(door, why) == 0) {
        if (door->found_socket && store_is_new(door->core->store)) /* an agent has run here, and its marker was in a state folder that is gone */
            previous_run_suspect(door->core->previous_run);
        return door;
    }
    door_drain(door);
    door_close(door);
    uv_run(verdicts->core->loop, UV_RUN_NOWAIT); /* lets libuv close the handles */
    door_free(door);
    return NULL;
}

void door_drain(struct door *door)
{
    socket_watch_end(&door->file);
    if (door->made_socket)
        socket_remove(door->core->ring->config->socket_path, door->listen_fd);
    if (!uv_is_closing((uv_handle_t *)&door->listener))
        uv_close((uv_handle_t *)&door->listener, NULL);
    conn_drain_all(door);
}

bool door_is_quiet(const struct door *door)
{
    return door->all == NULL && door->held == 0;
}

void door_close(struct door *door)
{
    conn_close_all(door);
    sent_page_forget_all(door);
    uv_close((uv_handle_t *)&door->flush, NULL);
    uv_close((uv_handle_t *)&door->awake, NULL);
    socket_watch_close(&door->file);
    uv_close((uv_handle_t *)&door->sleep, NULL);
    alarm_close(door->alarm);
    alarm_close(door->heart);
    alarm_close(door->left_alarm);
}

void door_free(struct door *door)
{
    if (door->zone != NULL)
        msgpack_zone_free(door->zone);
    free(door->spare);
    free(door);
}
