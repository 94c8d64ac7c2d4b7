#include "schedules.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 4096

enum state { IDLE, IN_A_STEP, ENDING };

struct thread {
    pthread_t thread;
    sem_t go;
    enum state state;
    bool dead;
    const char *where;
};

static const struct scenario *scenario;
static struct thread threads[ACTORS_MAX];
static sem_t back; /* whoever ran has stopped */
static bool exploring;
static __thread unsigned self = ACTORS_MAX;

static unsigned choice[CHOICES_MAX], options[CHOICES_MAX];
static unsigned depth, known; /* where this run is, and how many of its choices are given */
static struct explored result;

static void *act(void *context)
{
    self = (unsigned)((struct thread *)context - threads);
    for (;;) {
        struct thread *its = &threads[self];

        sem_wait(&its->go);
        if (its->state == ENDING)
            return NULL;
        its->state = IN_A_STEP;
        scenario->actors[self].step(scenario->actors[self].index);
        its->state = IDLE;
        sem_post(&back);
    }
}

void schedule_point(const char *where)
{
    if (self == ACTORS_MAX || !exploring)
        return; /* the set-up, or after the end */
    threads[self].where = where;
    sem_post(&back);
    sem_wait(&threads[self].go);
}

unsigned schedule_choose(unsigned count)
{
    if (count == 1 || !exploring)
        return 0;
    if (depth == CHOICES_MAX)
        abort(); /* a scenario without an end */
    if (depth >= known) {
        choice[depth] = 0;
        known = depth + 1;
    }
    options[depth] = count;
    return choice[depth++];
}

void schedule_kill(unsigned actor)
{
    threads[actor].dead = true;
}

bool schedule_is_dead(void)
{
    return self < ACTORS_MAX && threads[self].dead;
}

/* A step in which nobody may come in between needs no thread. */
static void resume(unsigned actor, bool alone)
{
    if (alone && threads[actor].state == IDLE) {
        scenario->actors[actor].step(scenario->actors[actor].index);
        return;
    }
    sem_post(&threads[actor].go);
    sem_wait(&back);
}

static bool can_go_on(unsigned actor)
{
    if (threads[actor].dead)
        return false;
    return threads[actor].state == IN_A_STEP || scenario->actors[actor].enabled(scenario->actors[actor].index);
}

static void trace(unsigned actor)
{
    size_t used = strlen(result.trace);
    const struct thread *thread = &threads[actor];

    snprintf(result.trace + used, sizeof result.trace - used, "%s%s%s%s", used > 0 ? ", " : "", scenario->actors[actor].name,
             thread->state == IN_A_STEP ? " from " : "", thread->state == IN_A_STEP ? thread->where : "");
}

/* The one that ran last comes first, so that the first run has no preemptions. */
static unsigned list_options(unsigned last, unsigned preemptions, unsigned list[ACTORS_MAX])
{
    unsigned count = 0;
    bool inside = last < scenario->count && threads[last].state == IN_A_STEP && !threads[last].dead;

    if (inside)
        list[count++] = last;
    for (unsigned i = 0; i < scenario->count && (!inside || preemptions > 0); i++) {
        if ((!inside || (i != last && scenario->interrupts(i))) && can_go_on(i))
            list[count++] = i;
    }
    return count;
}

static void run_once(unsigned preemptions)
{
    unsigned last = ACTORS_MAX, list[ACTORS_MAX], count;

    depth = 0;
    result.trace[0] = '\0';
    exploring = true;
    while (result.violation == NULL && (count = list_options(last, preemptions, list)) > 0) {
        unsigned chosen = list[schedule_choose(count)];

        if (last < scenario->count && chosen != last && threads[last].state == IN_A_STEP && !threads[last].dead)
            preemptions--;
        trace(chosen);
        resume(chosen, preemptions == 0);
        last = chosen;
        result.violation = scenario->violated();
    }
    exploring = false;
    for (unsigned i = 0; i < scenario->count; i++) {
        if (threads[i].state == IN_A_STEP)
            resume(i, false);
        threads[i].dead = false;
    }
    result.runs++;
}

/* The last choice for which there is another one. */
static bool go_elsewhere(void)
{
    while (depth > 0 && choice[depth - 1] + 1 >= options[depth - 1])
        depth--;
    if (depth == 0)
        return false;
    choice[depth - 1]++;
    known = depth;
    return true;
}

struct explored schedules_explore(const struct scenario *its, unsigned preemptions)
{
    scenario = its;
    memset(&result, 0, sizeof result);
    memset(threads, 0, sizeof threads);
    known = 0;
    sem_init(&back, 0, 0);
    for (unsigned i = 0; i < its->count; i++) {
        sem_init(&threads[i].go, 0, 0);
        if (pthread_create(&threads[i].thread, NULL, act, &threads[i]) != 0)
            abort();
    }
    do {
        its->set_up();
        run_once(preemptions);
        its->tear_down();
    } while (result.violation == NULL && go_elsewhere());
    for (unsigned i = 0; i < its->count; i++) {
        threads[i].state = ENDING;
        sem_post(&threads[i].go);
        pthread_join(threads[i].thread, NULL);
        sem_destroy(&threads[i].go);
    }
    sem_destroy(&back);
    return result;
}
