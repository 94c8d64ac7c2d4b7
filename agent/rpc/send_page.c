/* Sends the page of the fast path, and counts the pages that clients have not read. The kernel counts a descriptor in a socket's queue as the
   sender's, and limits how many a sender may have there: a client that asks for the page and does not read it would take it from all others. So
   the agent counts them by user. A descriptor still counts after the agent has closed its end of the connection, because the client's end keeps
   the queue until the client reads or closes it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/alarm.h"
#include "agent/fastpath/shared_page.h"
#include "connection_inside.h"

/* The queue of a closed connection: the agent keeps its end of it, because nothing else shows when it was read. It still takes one of its user's
   places. */
struct left {
    struct left *next;
    struct caller caller;
    int fd;
};

/* Has the peer read everything? A closed queue is empty. */
static bool is_read(int fd)
{
    int bytes;

    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

static void count_less(struct door *door, struct account *account)
{
    account->pages_unread--;
    door->pages_unread--;
}

static void sweep_conn(struct conn *conn)
{
    if (!conn->page_unread || !is_read(conn->fd))
        return;
    conn->page_unread = false;
    count_less(conn->door, conn->guest.caller.account);
}

static void drop_left(struct door *door, struct left **link)
{
    struct left *left = *link;

    *link = left->next;
    count_less(door, left->caller.account);
    account_leave(&left->caller);
    close(left->fd);
    free(left);
}

static void sweep_left(struct door *door)
{
    for (struct left **link = &door->left; *link != NULL;) {
        if (is_read((*link)->fd))
            drop_left(door, link);
        else
            link = &(*link)->next;
    }
}

void sent_page_on_alarm(void *context)
{
    struct door *door = context;

    sweep_left(door);
    if (door->left != NULL)
        alarm_set(door->left_alarm, LEFT_PAGES_SECONDS);
}

bool sent_page_look(struct door *door)
{
    if (door->pages_unread == 0 || door->swept == door->accounts.turn + 1)
        return false;
    door->swept = door->accounts.turn + 1;
    for (struct conn *conn = door->all; conn != NULL; conn = conn->next)
        sweep_conn(conn);
    sweep_left(door);
    return true;
}

/* As with connections: one user never takes the last places. */
static bool is_full(const struct conn *conn)
{
    const struct door *door = conn->door;
    unsigned own = conn->guest.caller.account->pages_unread, most = door->accounts.connections_max / 2;

    return own >= PAGES_UNREAD_PER_UID_MAX || door->pages_unread >= most || own >= most - door->pages_unread;
}

const char *conn_page_refusal(struct conn *conn)
{
    sweep_conn(conn);
    if (conn->page_unread)
        return "the page was already sent to this client, which has not read it yet";
    if (is_full(conn))
        (void)sent_page_look(conn->door);
    return is_full(conn) ? "too many of this user's connections have not read the page that they were sent" : NULL;
}

bool conn_hold_page(struct conn *conn)
{
    bool is_first = !conn->holds_page;

    conn->door->page_holders += is_first;
    conn->holds_page = true;
    return is_first;
}

void conn_drop_page(struct conn *conn)
{
    conn->door->page_holders--;
    conn->holds_page = false;
}

/* libuv passes only descriptors that are streams, so this one message is sent without it. The connection's queue is empty (conn_may_pass). */
static ssize_t send_with_page(const struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct iovec part = {(void *)bytes, size};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd = shared_page_fd(conn->door->core->shared);

    control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    return sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_rest(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct wire_writer *writer = size > 0 ? conn_answer_begin(conn, size) : NULL;

    if (writer == NULL)
        return;
    wire_put_raw(writer, bytes, size);
    conn_answer_end(conn);
}

const char *conn_send_page(struct conn *conn, const uint8_t *bytes, size_t size)
{
    ssize_t sent = send_with_page(conn, bytes, size);

    if (sent < 0)
        return errno == ETOOMANYREFS ? "too many pages that were sent are still unread; ask again later"
                                       : "the page could not be sent; ask again later";
    conn->page_unread = true;
    conn->guest.caller.account->pages_unread++;
    conn->door->pages_unread++;
    send_rest(conn, bytes + sent, size - (size_t)sent);
    return NULL;
}

static bool may_break_off(const struct caller *caller)
{
    (void)caller;
    return false; /* its queue is empty */
}

static const struct caller_kind kind_left = {NULL, may_break_off, NULL};

/* The peer still sees the end of the connection. Without a descriptor or memory the page is no longer counted: then the kernel refuses pages
   beyond its limit, and hello.c reports that. */
void sent_page_conn_closes(struct conn *conn)
{
    sweep_conn(conn);
    if (!conn->page_unread)
        return;
    struct left *left = calloc(1, sizeof *left);

    conn->page_unread = false;
    if (left != NULL)
        left->fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);
    if (left == NULL || left->fd < 0 || account_join(&conn->door->accounts, &left->caller, conn->guest.peer.uid) < 0) {
        count_less(conn->door, conn->guest.caller.account);
        if (left != NULL && left->fd >= 0)
            close(left->fd);
        free(left);
        return;
    }
    left->caller.kind = &kind_left;
    if (conn->door->left == NULL)
        alarm_set(conn->door->left_alarm, LEFT_PAGES_SECONDS);
    left->next = conn->door->left;
    conn->door->left = left;
    (void)shutdown(left->fd, SHUT_RDWR);
}

void sent_page_forget_all(struct door *door)
{
    while (door->left != NULL)
        drop_left(door, &door->left);
}
