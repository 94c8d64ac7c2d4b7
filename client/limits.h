/* Every limit of the client library, with its unit in its name. The agent enforces some of these limits too; they are here so that the
   library does not send what the agent would refuse. */
#ifndef ASSAY_CLIENT_LIMITS_H
#define ASSAY_CLIENT_LIMITS_H

/* A whole request. The agent reads none that is longer. */
#define REQUEST_BYTES_MAX 65536

/* An audience: many times the longest URL that is used as one. */
#define AUDIENCE_BYTES_MAX 4096

/* The library sends tokens up to this length, although the agent accepts 16 KiB, so that the agent can refuse a longer one as
   "too_large". The rest of the request is for the audience and the encoding. */
#define TOKEN_SENT_BYTES_MAX (REQUEST_BYTES_MAX - AUDIENCE_BYTES_MAX - 256)

/* Of authorize. An action is an HTTP method's name or another word that the service uses. The library sends resources up to the length
   that HTTP servers accept in a request line, although the agent accepts 4 KiB, so that the agent can refuse a longer one as
   "bad_resource". */
#define ACTION_BYTES_MAX        4096
#define RESOURCE_SENT_BYTES_MAX 16384

/* With an action and a resource there is less room for the token, but still much more than the agent accepts. */
#define AUTHORIZE_TOKEN_SENT_BYTES_MAX (TOKEN_SENT_BYTES_MAX - ACTION_BYTES_MAX - RESOURCE_SENT_BYTES_MAX)

/* The most checks in one question; the agent's limit is the same. Their strings share the request with the token, which may have this
   length then. */
#define CHECKS_MAX                  256
#define CHECKS_TOKEN_SENT_BYTES_MAX 20480

/* What comes before the parameters: array heads, msgid, and the method's name. */
#define REQUEST_HEAD_BYTES_MAX 64
#define METHOD_BYTES_MAX       31

/* The most parts of a request's parameters: four strings, each with its head, and two values without strings; and the head before them. */
#define PARAMS_PAIRS_MAX  4
#define PARAMS_PARTS_MAX  (2 * PARAMS_PAIRS_MAX + 2)
#define REQUEST_PARTS_MAX (1 + PARAMS_PARTS_MAX)

/* A whole answer: as long as a request, plus what is around a result of that length. */
#define ANSWER_BYTES_MAX (65536 + 1024)

/* Nearly every answer fits into this buffer, on the stack of a thread that may have only 64 KiB; a longer one is moved to the heap. */
#define ANSWER_SMALL_BYTES 4096

/* Values in an answer. The claims of a token of 16 KiB can have 6,144: "[1,1,…]" is the densest JSON. */
#define ANSWER_NODES_MAX 16384

/* Nesting of arrays and maps: the answer, the result, and 16 levels of a payload. Less than WIRE_DEPTH_MAX. */
#define ANSWER_DEPTH_MAX 24

/* Connections that are kept for the next call. A process with more calls at the same time opens and closes further ones. */
#define IDLE_CONNECTIONS_MAX 16

/* A call whose deadline comes earlier than its socket's timeout, by more than this, uses poll(): it has used up some of its time already,
   or has a shorter timeout than the call that connected the socket. */
#define DEADLINE_SLACK_NS (10 * 1000 * 1000)

#define TIMEOUT_DEFAULT_MS 5000

/* The cache's default size, for all shards together. A token and its verdict take 3 KiB, so 5,000 results fit. */
#define CACHE_BYTES_DEFAULT (16 * 1024 * 1024)
#define SHARDS_MAX           64
#define SHARD_BYTES_MIN      (256 * 1024)
#define SHARD_BYTES_MAX      (1024 * 1024 * 1024)

/* The pause before the next hello, after one that brought no page, and if this process can have no page. */
#define HELLO_AGAIN_NS   INT64_C(1000000000)
#define HELLO_REFUSED_NS INT64_C(10000000000)
#define HELLO_TIMEOUT_NS INT64_C(500000000)
#define HELLO_TRIES      3

/* Of the calls that do not wait: the most questions of one handle that wait for an answer, a power of two, as many as the agent takes
   from one user; and the most bytes of their requests, which are kept until they are answered. */
#define PENDING_MAX       4096
#define PENDING_BYTES_MAX (16 * 1024 * 1024)

/* The most requests that one system call writes. */
#define SENT_TOGETHER_MAX 64

/* The pause before the next attempt to connect, while the agent's backlog is full or the agent restarts. */
#define CONNECT_AGAIN_NS (5 * 1000 * 1000)

/* How long calls wait for an agent that had answered and then went away, because it may be restarting. They wait once; after that, calls
   fail at once until the agent is back. The agent starts in 20 ms; a service manager takes up to a second to start it again. */
#define COMES_BACK_NS INT64_C(2000000000)

#endif
