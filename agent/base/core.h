/* The data that rooms share on the loop's thread. It has no locks, because no other thread touches it. agent.c creates all of it before the loop
   runs, and frees it. A room can look only into the structures whose headers it includes. */
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
    char instance[33]; /* 128 random bits in hex, different in every run */
    double started;
    double turn; /* when this turn of the loop began; 0: the clock was not read in this turn */
    bool ready;
    bool stopping;
    uint64_t commits;     /* commits of the store so far, plus one */
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

    /* Why the data in force differs from the files; NULL: it does not differ. */
    char **key_errors;  /* by issuer: the error of its key file */
    char *policy_error; /* the error of the policy file */
    char *reload_error; /* the error of the last reload */

    /* Functions through which lower rooms call the whole agent. */
    int (*use_keyring)(struct core *core, struct keyring *ring); /* agent_use_keyring */
    void (*check_ready)(struct core *core);                      /* called after a feed was read or keys arrived: checks whether the agent is ready
                                                                    now */
    void (*reload)(struct core *core, struct reload_waiter *waiter); /* reload_all */
};

double unix_now(void); /* Unix seconds */

/* The same, but one reading of the clock for each turn of the loop: reading a clock costs a twentieth of an answer from the cache. */
double core_turn_now(struct core *core);

#endif
