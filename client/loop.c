/* All epoll instances and timers of a system have the same inode, so fstat() cannot tell them from others that got the same numbers after
   the program, or a child of it, has closed every descriptor. A socket has an inode of its own. So one that is otherwise unused is
   registered in the epoll instance without any event: an instance that knows it is the handle's. */
#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

static bool control(const struct loop *loop, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};

    return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0;
}

static bool open_all(struct loop *loop)
{
    struct stat self;

    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->anchor_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->anchor_fd < 0 || fstat(loop->anchor_fd, &self) != 0)
        return false;
    loop->anchor_device = self.st_dev;
    loop->anchor_inode = self.st_ino;
    return control(loop, EPOLL_CTL_ADD, loop->anchor_fd, 0) && control(loop, EPOLL_CTL_ADD, loop->timer_fd, EPOLLIN);
}

int loop_open(struct loop *loop)
{
    *loop = (struct loop){.epoll_fd = -1, .timer_fd = -1, .anchor_fd = -1, .wakes_at = LOOP_NEVER};
    if (open_all(loop))
        return 0;
    int status = errno == ENOMEM ? ASSAY_E_NO_MEMORY : ASSAY_E_UNREACHABLE;

    close_fd(&loop->epoll_fd);
    close_fd(&loop->timer_fd);
    close_fd(&loop->anchor_fd);
    return status;
}

static bool anchor_is_ours(const struct loop *loop)
{
    struct stat now;

    return fstat(loop->anchor_fd, &now) == 0 && now.st_dev == loop->anchor_device && now.st_ino == loop->anchor_inode;
}

/* The instance also shows whether one of the two descriptors was replaced: it knows a file together with its number. */
static bool knows(const struct loop *loop, int fd, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, fd, events);
}

bool loop_is_ours(const struct loop *loop)
{
    return anchor_is_ours(loop) && knows(loop, loop->anchor_fd, 0) && knows(loop, loop->timer_fd, EPOLLIN);
}

void loop_close(struct loop *loop)
{
    if (!anchor_is_ours(loop))
        return;
    if (knows(loop, loop->anchor_fd, 0)) {
        if (knows(loop, loop->timer_fd, EPOLLIN))
            close_fd(&loop->timer_fd);
        close_fd(&loop->epoll_fd);
    }
    close_fd(&loop->anchor_fd);
}

bool loop_watch(struct loop *loop, int fd)
{
    loop->for_room = false;
    return control(loop, EPOLL_CTL_ADD, fd, EPOLLIN);
}

/* Closing is not enough: a child that does not know of the socket may hold it open, and the instance would go on reporting it. */
void loop_unwatch(struct loop *loop, int fd)
{
    control(loop, EPOLL_CTL_DEL, fd, 0);
}

void loop_want_room(struct loop *loop, int fd, bool wanted)
{
    if (wanted != loop->for_room && control(loop, EPOLL_CTL_MOD, fd, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN))
        loop->for_room = wanted;
}

/* Leaves a timer alone that is too early, so that it need not be set for every question. Setting a timer that has expired makes the
   descriptor unreadable again. */
void loop_wake_at(struct loop *loop, int64_t moment, int64_t now)
{
    bool has_run_out = loop->wakes_at <= now;

    if (!has_run_out && loop->wakes_at <= moment)
        return;
    struct itimerspec when = {.it_value = {.tv_nsec = 0}};

    if (moment != LOOP_NEVER) {
        when.it_value.tv_sec = moment / NS_PER_S;
        when.it_value.tv_nsec = moment % NS_PER_S;
    }
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        loop->wakes_at = moment;
}
