/* The fast path (agent/ARCHITECTURE.md, client/page.h) for spin: can a call that begins after revoke, or a reload, was answered be told
   yes? Or one that begins after the token has expired?

   Agents come one after another, and each may be killed or stop cleanly at any point; its writer commits while its loop does other things.
   Two tokens: token 0 rests on counters 0 and 1, token 1 on counter 1, which they share by collision. The questions are verify of either,
   and authorize of token 0, which the policy allows until it is changed. Counter 1 is also their issuer's, whose keys may be replaced, by which
   both are withdrawn: the signature of a token that is asked about is checked before all else, under the keys of that moment. A client process: threads that ask, and one that maps pages.

   A thread may stop between any two reads, and a decision between any two of its own: the protocol does not lean on the loop doing them
   in one turn. Time is events: a page is stale some time after its agent's end, and a hit goes by what was stale when it read the clock.
   Of what the client remembers there is one yes at a time: no yes has a bearing on another.

   That counters begin at random is that a value is told apart by whose page it is in. A memory that is not in order (weaker than the
   processor's acquire and release) is not modelled.

   BUG=0 is the design. The others are mistakes, each of which must be found (run.sh):
     1 no wait after a predecessor that was killed       2 the counter grows, and it is answered, before the old view is let go
     3 a yes is kept as one of the page's agent, whoever gave it            4 a clean stop inside the wait removes the marker
     5 a decision reads the view first, counters then    6 a clean stop removes the marker before it closes the page
     7 `until` is not looked at                          8 the policy's generation is not looked at
     9 the heartbeat is not looked at                   10 counters begin alike in each page
    11 it is answered before the counter grows          12 of several changes in one commit only one lets its counter grow
    13 the page is handed out before the marker is left 14 `closed` is not looked at
    15 the heartbeat is read last, perhaps from the page of another agent than the counters
    16 a signature check counts though its issuer's keys were replaced meanwhile
    17 keys are replaced, and the issuer's counter does not grow */
#ifndef BUG
#define BUG 0
#endif
/* All of it at once is too much for one run: run.sh leaves out one part after another. */
#ifndef THREADS
#define THREADS 1
#endif
#ifndef AGENTS
#define AGENTS 3
#endif
#ifndef CHANGES
#define CHANGES 7 /* a set: of those below, what the operator asks for */
#endif
#ifndef QUESTIONS
#define QUESTIONS 7 /* a set */
#endif
#ifndef EXPIRES
#define EXPIRES 1
#endif
#define NONE   AGENTS

#define BIT(set, n)    ((set >> (n)) & 1)
#define POLICY         2 /* beside the changes 0 and 1, which revoke token 0 and 1 */
#define KEYS           3
#define AUTHORIZE      2 /* beside the questions 0 and 1, which verify them */
#define TOKEN_OF(q)    (q == 1 -> 1 : 0)
#define RESTS_ON_0(q)  (q != 1)
#define SAME(a, b)     (a == b || BUG == 10)

/* What outlives an agent: the disk, the marker, the lock's next owner, and what was promised to somebody. */
byte committed;     /* a set of revoked tokens */
bit policy_file;    /* 1: authorize is forbidden */
bit keys_file;      /* 1: the issuer has other keys */
bit marker;
byte answered;      /* a set of changes */
bit over;           /* the tokens have expired */

/* Pages, which also outlive their agents in whoever has mapped them. */
byte grown[AGENTS]; /* a set of words, the counters and the policy's: each change comes once to each page */
byte closed, stale; /* sets of agents */

/* The agent that runs. */
byte now_running;
bit up;             /* it can be asked */
byte shown;         /* a set: what its view of the store shows */
bit policy, keys;   /* in force */
bit stopping;

/* The client: the page that it has mapped, and its one yes. */
byte mapped = NONE;
bit shard, has;
byte yes_question, yes_agent, yes_words;

/* All that only the running agent knows. */
byte waiting, finished, taken, held; /* sets of changes: before the commit, behind it, with the loop, before the answer */
bit may_answer, view_is_late;
bit reloading, rekeying;

#define WRONG(q) (BIT(answered, TOKEN_OF(q)) || (q == AUTHORIZE && BIT(answered, POLICY)) || BIT(answered, KEYS) || over)

/* Two seconds after the lock was taken no earlier page can be believed. */
#define EARLIER_ARE_STALE ((now_running < 1 || BIT(stale, 0)) && (now_running < 2 || BIT(stale, 1)))
#define IDLE              (taken == 0 && !reloading && !rekeying && !view_is_late)
#define IN_WORK(n)        BIT((waiting | finished | taken | held | answered), n)

inline begin_agent()
{
    may_answer = !marker || BUG == 1;
    shown = committed;
    policy = policy_file;
    keys = keys_file;
    up = 1
}

inline end_agent()
{
    up = 0; stopping = 0; shown = 0; policy = 0; keys = 0; rekeying = 0;
    waiting = 0; finished = 0; taken = 0; held = 0; may_answer = 0; view_is_late = 0; reloading = 0;
    now_running++
}

inline let_grow(words)
{
    grown[now_running] = grown[now_running] | (words)
}

/* One change of those taken up. */
inline take_effect()
{
    if
    :: BIT(taken, 0) -> let_grow(1); held = held | 1; taken = taken & 2
    :: else -> let_grow(2); held = held | 2; taken = 0
    fi;
    if
    :: BUG == 12 -> held = held | taken; taken = 0
    :: else
    fi
}

/* The loop, the writer's thread, and the operator, who asks for a change again until it was answered. */
proctype Agent()
{
again:
    skip;
    atomic { begin_agent() }
    do
    :: atomic { BIT(CHANGES, 0) && !IN_WORK(0) -> waiting = waiting | 1 }
    :: atomic { BIT(CHANGES, 1) && !IN_WORK(1) -> waiting = waiting | 2 }
    :: atomic { BIT(CHANGES, POLICY) && !IN_WORK(POLICY) && IDLE && !stopping -> policy_file = 1; reloading = 1 }
    :: atomic { reloading -> policy = policy_file; let_grow(4); held = held | 4; reloading = 0 }

    :: atomic { BIT(CHANGES, KEYS) && !IN_WORK(KEYS) && IDLE && !stopping -> keys_file = 1; rekeying = 1 }
    :: atomic { rekeying -> keys = keys_file; held = held | 8; rekeying = 0; if :: BUG != 17 -> let_grow(2) :: else fi }

    /* The writer: all that waits in one commit. */
    :: atomic { waiting != 0 -> committed = committed | waiting; finished = finished | waiting; waiting = 0 }

    /* The loop takes up what is committed: the view goes, then each change has its effect. */
    :: atomic { finished != 0 && IDLE ->
           taken = finished; finished = 0;
           if :: BUG == 2 -> view_is_late = 1 :: else -> shown = committed fi }
    :: atomic { view_is_late && taken == 0 -> shown = committed; view_is_late = 0 }
    :: atomic { BUG != 11 && taken != 0 -> take_effect() }
    :: atomic { BUG == 11 && taken != 0 && may_answer -> answered = answered | taken; held = taken; taken = 0 }
    :: atomic { BUG == 11 && held != 0 -> let_grow(held); held = 0 }
    :: atomic { BUG != 11 && may_answer && held != 0 -> answered = answered | held; held = 0 }

    :: atomic { shown != committed && BUG != 2 -> shown = committed } /* the view is renewed whenever the loop likes */
    :: atomic { !may_answer && EARLIER_ARE_STALE -> may_answer = 1 }

    :: atomic { !stopping -> stopping = 1; if :: BUG != 6 -> closed = closed | (1 << now_running) :: else fi }
    :: atomic { stopping && waiting == 0 && finished == 0 && IDLE ->
           if :: may_answer || BUG == 4 -> marker = 0 :: else fi; up = 0 }
       if
       :: atomic { BUG == 6 -> closed = closed | (1 << now_running) }
       :: true /* killed at the last moment, or what was left changes nothing */
       fi;
       break
    :: true -> break /* killed */
    od;
    atomic { end_agent() }
    if
    :: now_running < AGENTS -> goto again
    :: else
    fi
}

/* Time: an agent that is gone becomes stale, and the tokens expire. */
proctype Time()
{
    do
    :: atomic { EXPIRES && !over -> over = 1 }
    :: atomic { now_running > 0 && !BIT(stale, 0) -> stale = stale | 1 }
    :: atomic { now_running > 1 && !BIT(stale, 1) -> stale = stale | 2 }
    :: atomic { now_running > 2 && !BIT(stale, 2) -> stale = stale | 4 }
    od
}

inline forget()
{
    has = 0; yes_question = 0; yes_agent = 0; yes_words = 0
}

/* Says hello again and again, and takes its time to map what it was given. */
proctype Greeter()
{
    byte page = NONE;

    do
    :: atomic { up && !stopping && now_running != mapped -> page = now_running; if :: BUG != 13 -> marker = 1 :: else fi }
       if
       :: atomic { BUG == 13 && page == now_running && up -> marker = 1 }
       :: BUG != 13 || page != now_running || !up
       fi;
       atomic { mapped = page; page = NONE; if :: !shard -> forget() :: else fi }
    od
}

#define WORD_IS_SAME(n) (BIT(yes_words, n) == BIT(grown[mapped], n) && (mapped == yes_agent || BUG == 10))

proctype Thread()
{
    byte question = 0, agent = NONE, words, stale_then;
    bit wrong, over_then, shows, checked_by;

    do
    :: atomic {
           if
           :: BIT(QUESTIONS, 0) -> question = 0
           :: BIT(QUESTIONS, 1) -> question = 1
           :: BIT(QUESTIONS, AUTHORIZE) -> question = AUTHORIZE
           fi;
           wrong = WRONG(question) }
       if
       :: atomic { mapped != NONE && !shard && has && yes_question == question -> shard = 1 }
          /* A hit: the clock, then one word after the other. */
          atomic { stale_then = stale; over_then = over }
          if :: BIT(stale_then, mapped) && BUG != 9 && BUG != 15 -> goto miss :: else fi;
          if :: BIT(closed, mapped) && BUG != 14 && BUG != 15 -> goto miss :: else fi;
          if :: mapped != yes_agent -> goto miss :: else fi;
          if :: question == AUTHORIZE && BUG != 8 && !WORD_IS_SAME(POLICY) -> goto miss :: else fi;
          if :: RESTS_ON_0(question) && !WORD_IS_SAME(0) -> goto miss :: else fi;
          if :: !WORD_IS_SAME(1) -> goto miss :: else fi;
          if :: over_then && BUG != 7 -> goto miss :: else fi;
          if :: BUG == 15 && (BIT(stale_then, mapped) || BIT(closed, mapped)) -> goto miss :: else fi;
          assert(!wrong);
          shard = 0;
          goto next;
miss:     skip;
          atomic { shard = 0; forget(); stale_then = 0; over_then = 0 }
       :: true
       fi;

       /* The question goes to the agent. */
       atomic { if :: up -> agent = now_running; checked_by = keys :: else -> agent = NONE fi }
       if :: agent == NONE -> goto next :: else fi;
       if
       :: atomic { BUG == 5 && agent == now_running && up -> shows = BIT(shown, TOKEN_OF(question)) }
       :: BUG != 5
       :: agent != now_running || !up -> goto next
       fi;
       if :: atomic { agent == now_running && up -> words = words | (grown[agent] & 1) } :: agent != now_running || !up -> goto next fi;
       if :: atomic { agent == now_running && up -> words = words | (grown[agent] & 6) } :: agent != now_running || !up -> goto next fi;
       if
       :: atomic { agent == now_running && up ->
              if :: BUG != 5 -> shows = BIT(shown, TOKEN_OF(question)) :: else fi;
              if :: question == AUTHORIZE && policy -> shows = 1 :: else fi;
              if :: checked_by == 1 || (checked_by != keys && BUG != 16) -> shows = 1 :: else fi; /* or it is asked again */
              if :: over -> shows = 1 :: else fi }
       :: agent != now_running || !up -> goto next
       fi;
       if :: shows -> goto next :: else fi; /* no */
       assert(!wrong);
       if
       :: atomic { !shard && (agent == mapped || (BUG == 3 && mapped != NONE)) ->
              has = 1; yes_question = question; yes_agent = mapped; yes_words = words & (question == AUTHORIZE -> 7 : 3) }
       :: true
       fi;
next:  skip;
       atomic { question = 0; wrong = 0; words = 0; agent = NONE; stale_then = 0; over_then = 0; shows = 0; checked_by = 0 }
    od
}

init
{
    atomic {
        byte i;

        run Agent();
        run Time();
        run Greeter();
        for (i : 1 .. THREADS) {
            run Thread()
        }
    }
}
