#include "core.h"

#include "client/wire/clock.h"

double unix_now(void)
{
    return unix_seconds();
}

double core_turn_now(struct core *core)
{
    if (!(core->turn > 0))
        core->turn = unix_now();
    return core->turn;
}
