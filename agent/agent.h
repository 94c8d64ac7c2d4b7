/* The whole agent. Only the files in this folder know it; lower rooms know the core, and what they are given. */
#ifndef ASSAY_AGENT_H
#define ASSAY_AGENT_H

#include <stddef.h>

#include "agent/base/core.h"
#include "agent/state/clock.h"
#include "agent/verdict/verdicts.h"

struct door;
struct forget;
struct http;
struct reload;
struct watchdog;

struct agent {
    struct core core;
    struct clock clock;
    struct verdicts verdicts;
    const char *config_path;
    struct door *door;
    struct http *http;         /* NULL: `http` is not configured */
    struct watchdog *watchdog; /* NULL: the service manager does not use a watchdog */
    struct reload *reload;
    struct forget *forget;
};

/* The agent that owns this core. */
static inline struct agent *agent_of(struct core *core)
{
    return (struct agent *)((char *)core - offsetof(struct agent, core));
}

/* Opens everything that the keyring's configuration names, and serves until stopped. 0: stopped in order; -1: could not start, which is logged.
   Takes the keyring. */
struct keyring;
int agent_run(struct keyring *ring, const char *config_path);

#endif
