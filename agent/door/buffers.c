/* Who pays when buffers run out. Bounds are on a user's bytes and on everybody's; whoever comes to a bound is not by that the
   culprit, so the connection goes that holds the most: a client that reads its answers outlives a thousand that do not. */
#include "conn_inside.h"

static struct account *heaviest_account(const struct door *door)
{
    struct account *heaviest = NULL;

    for (struct account *account = door->accounts; account != NULL; account = account->next) {
        if (heaviest == NULL || account->buffered > heaviest->buffered)
            heaviest = account;
    }
    return heaviest;
}

static struct conn *heaviest_of(const struct door *door, const struct account *account)
{
    struct conn *heaviest = NULL;

    for (struct conn *conn = door->all; conn != NULL; conn = conn->next) {
        if (conn->account == account && (heaviest == NULL || conn->charged > heaviest->charged))
            heaviest = conn;
    }
    return heaviest;
}

/* The account that is at its bound, or at the common one the account with the most. NULL: there is room. */
static struct account *who_pays(const struct conn *conn, size_t bytes)
{
    if (conn->account->buffered + bytes > BUFFERS_BYTES_PER_UID_MAX)
        return conn->account;
    return conn->door->buffered + bytes > BUFFERS_BYTES_MAX ? heaviest_account(conn->door) : NULL;
}

bool conn_charge(struct conn *conn, size_t bytes)
{
    const struct account *account = who_pays(conn, bytes);

    if (account != NULL)
        conn_push_out(conn->door, conn); /* answers that were only not sent yet are nobody's fault */
    while ((account = who_pays(conn, bytes)) != NULL) {
        struct conn *heaviest = heaviest_of(conn->door, account);

        if (heaviest == NULL || (account == conn->account && heaviest->charged <= conn->charged))
            return false;
        conn_break_off(heaviest, "it left the most answers unread, or messages half sent, when memory for them ran out");
    }
    conn->charged += bytes;
    conn->account->buffered += bytes;
    conn->door->buffered += bytes;
    return true;
}

/* What a closing connection held is written off when it closes, and its buffers go with it. */
void conn_discharge(struct conn *conn, size_t bytes)
{
    if (bytes > conn->charged)
        bytes = conn->charged;
    if (bytes == 0)
        return;
    conn->charged -= bytes;
    conn->account->buffered -= bytes;
    conn->door->buffered -= bytes;
}
