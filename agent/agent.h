/* The agent: what its rooms share, on the loop's thread. Nothing here is locked, for nobody else touches it. */
#ifndef ASSAY_AGENT_H
#define ASSAY_AGENT_H

#include <uv.h>

#include "agent/board.h"
#include "agent/cache.h"
#include "agent/keys/keyring.h"
#include "agent/revocation/list.h"
#include "agent/state/store.h"
#include "agent/state/writer.h"
#include "agent/workers.h"

struct door;
struct http;
struct watch;
struct watchdog;
struct checks;
struct reload;
struct refresh;
struct feeds;
struct https;
struct remotes;
struct forget;
struct earlier;

struct clock_state {
    double highest;        /* time ever seen, in Unix seconds */
    double noted;          /* what of it was last sent to the disk */
    double wall_start, monotonic_start;
    double leap; /* seconds by which the clock was ever seen to go ahead at once: so much it may have been behind before */
    bool noting;
    unsigned accepting; /* an operator's words on their way to the disk */
    bool behind; /* when it was last looked at, it could not be trusted */
};

struct counters {
    uint64_t accepted;
    uint64_t refused[REASON_COUNT];
    uint64_t shadow[REASON_COUNT]; /* what was found of shadow issuers' tokens */
    uint64_t undecided;
    uint64_t allowed;
    uint64_t denied[REASON_COUNT];
    uint64_t joined; /* answered by a check that was already under way for the same token */
    uint64_t revokes, unrevokes;
};

struct agent {
    uv_loop_t *loop;
    const char *config_path;
    char instance[33]; /* 128 random bits, in hex: tells this run from the last */
    double started;
    double turn; /* when this turn of the loop began; 0: nobody has asked yet */
    struct keyring *ring;
    char **key_errors; /* by issuer: why its key file could not be taken over; NULL: it could */
    char *policy_error; /* likewise of the policy's */
    char *reload_error; /* why the last reload was refused */
    struct store *store;
    struct writer *writer;
    struct hasher *hasher;
    struct board *board;
    uint64_t commits; /* so far, and one */
    struct cache *cache;
    struct workers *workers;
    struct checks *checks;
    struct door *door;
    struct http *http; /* NULL: none */
    struct watch *watch;
    struct watchdog *watchdog; /* NULL: nobody wants to hear of us */
    struct reload *reload;
    struct refresh *refresh;
    struct https *https;
    struct remotes *remotes;
    struct feeds *feeds;
    struct forget *forget;
    struct earlier *earlier;
    struct clock_state clock;
    struct counters counters;
    bool ready;
    bool stopping;
    struct cover_job *covers; /* keyrings whose keys are being noted under their revoked kids */
    bool covers_missed; /* the last time that keys under revoked kids were to be noted */
    uint8_t audit_key[32]; /* of the digests by which log lines name tokens */
};

double agent_now(void); /* Unix seconds */

/* The same for all that is asked in one turn of the loop: reading a clock takes a twentieth of an answer from the cache. */
double agent_turn_now(struct agent *agent);

/* Opens everything that the keyring's configuration names and serves until stopped. 0: stopped in order; -1: could not start, which was
   logged. Takes the keyring. */
int agent_run(struct keyring *ring, const char *config_path);

/* Ready, once the feeds have been read and the keys have come. */
void agent_check_ready(struct agent *agent);

#endif
