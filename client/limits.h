/* Every bound of the client library, with its unit in its name. Those that the agent enforces are its own as well: they are here
   so that the library does not send what must come back refused. */
#ifndef ASSAY_CLIENT_LIMITS_H
#define ASSAY_CLIENT_LIMITS_H

/* A request, whole. The agent reads no longer one. */
#define REQUEST_BYTES_MAX 65536

/* What an audience may have of it: many times the longest URL that anyone configures. */
#define AUDIENCE_BYTES_MAX 4096

/* A token is sent up to here, although the agent accepts 16 KiB: "too_large" is the agent's to say as long as it can be told.
   The rest of the frame is for the audience and the words around the two. */
#define TOKEN_SENT_BYTES_MAX (REQUEST_BYTES_MAX - AUDIENCE_BYTES_MAX - 256)

/* Of authorize. An action is a method's name, or some other word of the service's. A resource is sent up to what HTTP servers take for
   a request's first line, although the agent knows none above 4 KiB: "bad_resource" is the agent's to say as long as it can be told. */
#define ACTION_BYTES_MAX        4096
#define RESOURCE_SENT_BYTES_MAX 16384

/* And so there is less room for the token, which is all the same much more than the agent accepts. */
#define AUTHORIZE_TOKEN_SENT_BYTES_MAX (TOKEN_SENT_BYTES_MAX - ACTION_BYTES_MAX - RESOURCE_SENT_BYTES_MAX)

/* Checks of one question, as many as the agent takes. Their texts share the frame with the token, which is sent up to here then. */
#define CHECKS_MAX                  256
#define CHECKS_TOKEN_SENT_BYTES_MAX 20480

/* What comes before the parameters: array heads, msgid, and the method's name. */
#define REQUEST_HEAD_BYTES_MAX 64
#define METHOD_BYTES_MAX       31

/* The parts that a caller may hand the parameters over in: four strings and what stands before each, and two without; and the head before
   them. */
#define PARAMS_PAIRS_MAX  4
#define PARAMS_PARTS_MAX  (2 * PARAMS_PAIRS_MAX + 2)
#define REQUEST_PARTS_MAX (1 + PARAMS_PARTS_MAX)

/* An answer, whole: a frame like a request, and slack for what is around a result that fills it. */
#define ANSWER_BYTES_MAX (65536 + 1024)

/* Nearly every answer fits here, on the stack of a thread that may have only 64 KiB of it; a longer one is moved to the heap. */
#define ANSWER_SMALL_BYTES 4096

/* Values in an answer. The claims of a token of 16 KiB can hold 6,144, "[1,1,…]" being the densest JSON there is. */
#define ANSWER_NODES_MAX 16384

/* Arrays and maps inside each other: the answer's, the result's, and 16 of a payload. Below WIRE_DEPTH_MAX. */
#define ANSWER_DEPTH_MAX 24

/* Connections kept for the next call. A process with more calls under way at once opens, and closes, more than these. */
#define IDLE_CONNECTIONS_MAX 16

/* A call whose deadline comes sooner than its socket's own timeout, by more than this, asks poll() instead: where it has used up some of its
   time already, or has less than the one that connected the socket. */
#define DEADLINE_SLACK_NS (10 * 1000 * 1000)

#define TIMEOUT_DEFAULT_MS 5000

/* What is remembered of yeses: a lane for each processor. A token and its verdict take 3 KiB, so the default holds 5,000 in all. */
#define CACHE_BYTES_DEFAULT (16 * 1024 * 1024)
#define LANES_MAX           64
#define LANE_BYTES_MIN      (256 * 1024)
#define LANE_BYTES_MAX      (1024 * 1024 * 1024)

/* A hello is not said again before then: after one that brought no page, and where there is none for this process. */
#define HELLO_AGAIN_NS   INT64_C(1000000000)
#define HELLO_REFUSED_NS INT64_C(10000000000)
#define HELLO_TIMEOUT_NS INT64_C(500000000)
#define HELLO_TRIES      3

/* Of the calls that never wait: questions of one handle on their way, a power of two, as many as the agent takes of one user; and
   the bytes of those requests, which are kept until they are answered. */
#define ASKED_MAX       4096
#define ASKED_BYTES_MAX (16 * 1024 * 1024)

/* Requests that are written by one call into the kernel. */
#define SENT_TOGETHER_MAX 64

/* Where the agent's backlog is full, or it is being begun anew: the time until connecting is tried again. */
#define CONNECT_AGAIN_NS (5 * 1000 * 1000)

/* An agent that has answered and is gone is waited for so long, for it may only be begun anew; once, and then calls fail at once until it
   is back. It takes 20 ms to start; whoever begins it anew, a second. */
#define COMES_BACK_NS INT64_C(2000000000)

#endif
