#include "guest.h"

#include "agent/config/config.h"
#include "peer_log.h"

void guest_join(struct guest *guest, int fd, const struct config *config)
{
    peer_rank(&guest->peer, fd, config);
    peer_join(&guest->peer, guest->held);
}

void guest_join_as(struct guest *guest, const struct config *config, const char *entry)
{
    (void)peer_named(config, entry, &guest->peer);
    peer_join(&guest->peer, guest->held);
}

void guest_leave(struct guest *guest)
{
    peer_leave(&guest->peer, guest->held);
}

enum welcome guest_welcome(const struct guest *guest, bool gives_commands)
{
    if (!account_is_welcome(guest->caller.account, gives_commands))
        return WELCOME_NO_PLACE;
    return peer_is_too_many(&guest->peer) ? WELCOME_TOO_MANY : WELCOME;
}

void guest_refused(const struct guest *guest, enum welcome why, struct accounts *accounts)
{
    accounts->facts.refused++;
    if (why == WELCOME_TOO_MANY)
        peer_log_turned_away(&guest->peer);
}

bool guest_hold(struct guest *guest)
{
    if (!account_hold(guest->caller.account))
        return false;
    if (!peer_hold(&guest->peer)) {
        account_release(guest->caller.account);
        return false;
    }
    guest->held++;
    return true;
}

void guest_release(struct guest *guest)
{
    peer_release(&guest->peer);
    account_release(guest->caller.account);
    guest->held--;
}

void guest_log_stranger(struct guest *guest)
{
    if (peer_is_stranger(&guest->peer) && !guest->stranger_logged) {
        guest->stranger_logged = true;
        peer_log_stranger(&guest->peer);
    }
}
