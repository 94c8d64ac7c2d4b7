/* What the rooms share, on the loop's thread. Nothing is locked, because no other thread touches it. agent.c makes all of it before the loop
   runs, and frees it. A room sees the inside of what it includes the header of, and of nothing else. */
#ifndef ASSAY_CORE_H
#define ASSAY_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct clock;
struct feeds;
struct hasher;
struct https;
struct keyring;
struct previous_run;
struct refresh;
struct reload_waiter;
struct remotes;
struct shared_page;
struct store;
struct watch;
struct writer;

struct core {
    uv_loop_t *loop;
    char instance[33]; /* 128 random bits, in hex: tells this run from the last */
    double started;
    double turn; /* when this turn of the loop began; 0: nobody has asked yet */
    bool ready;
    bool stopping;
    uint64_t commits;     /* of the store so far, and one */
    struct keyring *ring; /* in force */
    struct store *store;
    struct writer *writer;
    struct clock *clock;
    struct hasher *hasher;
    struct shared_page *shared;
    struct previous_run *previous_run;
    struct watch *watch;
    struct https *https;
    struct remotes *remotes;
    struct feeds *feeds;
    struct refresh *refresh;

    /* Why what is in force is not what the files say; NULL: it is. */
    char **key_errors;  /* by issuer: of its key file */
    char *policy_error; /* of the policy's */
    char *reload_error; /* of the last reload */

    /* What rooms below ask of the whole agent. */
    int (*use_keyring)(struct core *core, struct keyring *ring); /* agent_use_keyring */
    void (*check_ready)(struct core *core);                      /* a feed was read, or keys came: is the agent ready now? */
    void (*reload)(struct core *core, struct reload_waiter *waiter); /* reload_all */
};

double unix_now(void); /* Unix seconds */

/* The same for all that is asked in one turn of the loop: reading a clock takes a twentieth of an answer from the cache. */
double core_turn_now(struct core *core);

#endif
