/* Every limit of the agent, in one place. Each name ends with the unit, and each comment gives the reason. The agent applies limits on what a peer
   may send before it trusts anything that the peer sent. */
#ifndef ASSAY_AGENT_LIMITS_H
#define ASSAY_AGENT_LIMITS_H

/* Tokens. The largest tokens of real issuers (Azure AD with group claims) stay below 10 KiB. HTTP servers refuse headers above 8 to 16 KiB, so a
   longer token can hardly have arrived in a request. */
#define TOKEN_BYTES_MAX 16384
#define TOKEN_HEADER_DEPTH_MAX 8
#define TOKEN_PAYLOAD_DEPTH_MAX 16
#define KNOWN_HEADER_BYTES_MAX 256 /* headers up to this size are cached decoded; longer ones contain certificates */
#define KNOWN_HEADERS 8            /* searched one by one */
#define TOKEN_SIGNATURE_BYTES_MAX 1024 /* RSA of 8192 bits */
#define TOKEN_KEYS_TRIED_MAX 4         /* for a token without kid: each try costs a signature check */

/* The most MessagePack that JSON of so many bytes needs. The worst case is a number like 1e1 with its comma: 4 bytes become 9. */
#define WIRE_BYTES_OF_JSON(bytes) ((bytes) / 4 * 9 + 64)

/* Key sets. The largest public ones hold a few dozen keys in a few dozen KiB. */
#define KEY_FILE_BYTES_MAX (1024 * 1024)
#define KEY_SET_KEYS_MAX 1024
#define KEY_SET_WARNINGS_MAX 16 /* listed one by one; further ones are only counted */

/* Files. Within this time a change takes effect, on every file system; otherwise tokens that depend on the file become undecided. */
#define FILE_BOUND_SECONDS 2
#define FILE_BOUND_SECONDS_MAX 60
#define FILE_BOUND_BYTES_PER_SECOND 30000000 /* a large file gets this much longer: half a million lines a second, on a busy machine */
#define POLICY_SETTLES_SECONDS 0.5 /* the agent waits while a policy is being written, because half a policy may be a valid one with fewer rules */

/* Key sets over HTTPS. If a thousand agents fetch from one issuer at the same time, more than 20 requests in one second must be rare. */
#define FETCH_SPREAD_SECONDS 150 /* after a start with old sets: 6.7 in an average second; over 60 s it would be 16.7, and often 27 */
#define FETCH_BACK_OFF_SECONDS 2 /* first retry without usable keys; it doubles up to the refresh period */
#define FETCH_BACK_OFF_PARTS 2   /* first retry with usable keys: this part of the refresh period; with 2 s, an outage began with 35 requests in a
                                    second */
#define FETCH_PERIOD_SECONDS_MIN 60 /* bounds for the refresh period that an issuer may set itself */
#define FETCH_PERIOD_SECONDS_MAX 86400

/* Keys over HTTPS. */
#define KEYS_REFRESH_SECONDS 600
#define KEYS_COOLDOWN_SECONDS 10
#define KEYS_AGE_SECONDS (24 * 3600)
#define KEYS_AGE_SECONDS_MAX (30 * 24 * 3600) /* an issuer that was unreachable for a month may have lost every key */
#define KEYS_MISSING_MAX 32          /* issuers without keys that `ping` names; `status` lists the others */
#define KEYS_WAITING_MAX 4096        /* requests that wait for a fetch; normally few, unless a caller invents kids */
#define KEYS_WAITING_BYTES_MAX (8 * 1024 * 1024)
#define KEYS_STRANGE_MAX 64          /* kids that a fetch did not bring, by issuer; more would not help against an attacker, who can use a new kid
                                        each time */
#define KEYS_FETCH_SECONDS 30        /* a document and a set together; callers do not wait longer */
#define KEYS_FETCH_SECONDS_LEAST 4   /* the default where `max_key_age` is short */
#define KEYS_FETCH_SECONDS_MAX 300
#define KEYS_PATIENCE_SECONDS 4      /* how long a request waits for a fetch: libassay's callers have a timeout of 5 s by default */
#define HTTPS_SECONDS_MAX 30         /* a whole answer, unless its caller sets another bound */
#define HTTPS_CONNECT_SECONDS_MAX 3
#define HTTPS_HEADER_BYTES_MAX (64 * 1024)
#define HTTPS_REDIRECTS_MAX 3        /* only to the same host */
#define HTTPS_ETAG_BYTES_MAX 256
#define HTTPS_AGE_SECONDS_MAX 1e9    /* upper bound for an answer's Age: 30 years, as good as infinite */
#define HTTPS_ETAG_SECONDS_MIN 2     /* an ETag counts only if the last change is at least this old: file times have whole seconds, and clocks step */
#define HTTPS_CURSOR_BYTES_MAX 256
#define HTTPS_CONNECTION_SECONDS_MAX 60 /* a reused connection was checked against the system's authorities as they were when it began */
#define CA_FILE_BYTES_MAX (4 * 1024 * 1024) /* the system's file of all authorities has 0.2 MB; read for each request */
#define LOOKUPS_MAX 32               /* concurrent name lookups, a thread each; a silent name server holds each for half a minute */
#define LOOKUP_SECONDS_MAX 4         /* the agent does not wait longer for a lookup */
#define LOOKUP_KEPT_SECONDS 60       /* how long addresses for HTTPS are cached; the same as in libcurl */
#define READING_SECONDS_MAX 4        /* reading a token file or an authorities' file; the agent does not wait longer */
#define READERS_MAX 64               /* threads that read these files: a file system that does not answer holds one for each of its files */
#define THREADS_END_SECONDS_MAX 1    /* how long the end of the process waits for threads */
#define URL_BYTES_MAX 2048              /* of issuers and of key sets: proxies and servers accept hardly more */
#define DISCOVERY_BYTES_MAX (64 * 1024) /* a discovery document; the largest have about 10 KiB */
#define DISCOVERY_DEPTH_MAX 16          /* real documents have 3 levels */

/* Redis: limits on a reply, applied before the agent reads it. */
#define REDIS_REPLY_BYTES_MAX (64 * 1024 * 1024)
#define REDIS_REPLY_DEPTH_MAX 7             /* the reply to XREAD has 5 levels */
#define REDIS_REPLY_ELEMENTS_MAX (1 << 20)  /* each takes about 100 bytes of memory, and 3 bytes are enough to send one */
#define REDIS_REPLY_LINE_BYTES_MAX (64 * 1024) /* strings carry their length; a line is a number, "OK" or an error */
#define REDIS_PORT 6379
#define REDIS_DB_MAX 99999
#define REDIS_PASSWORD_BYTES_MAX 4096
#define REDIS_KEEPALIVE_SECONDS 15

/* Configuration. */
#define CONFIG_FILE_BYTES_MAX (1024 * 1024)
#define YAML_DEPTH_MAX 32 /* claims in a policy's tests are the deepest, and a token's claims have 16 levels */
#define CONFIG_FAULTS_MAX 64   /* nobody reads a longer list to its end */
#define CONFIG_ISSUERS_MAX 256
#define CONFIG_LIST_MAX 256    /* audiences, aliases, values of a claim, … of one issuer */
#define CLAIM_PLACES_MAX 8     /* an issuer's places of roles, and of scopes */
#define CONFIG_ALIASES_MAX 7   /* each spelling of an issuer costs a lookup for each kind of revocation */
#define CONFIG_FEEDS_MAX 16
#define CONFIG_PEERS_MAX 128 /* each is a line of `status` */
#define PEER_NAME_BYTES_MAX 64
#define PEER_GROUPS_MAX 1024 /* groups of a peer; more point to a broken directory service, and then no group entry matches */
#define FEED_PATH_BYTES_MAX 240 /* the path is the source's name, under which entries are counted */
#define LEEWAY_SECONDS_MAX 600 /* clocks further apart are broken, and a longer leeway extends the life of stolen tokens */

/* Policies. */
#define POLICY_FILE_BYTES_MAX (4 * 1024 * 1024) /* about 20,000 rules: larger policies are generated, and the generator should produce fewer rules */
#define POLICY_RULES_MAX 32768
#define POLICY_NAMES_MAX 1024 /* different roles, and different scopes: a set of them is a bitmap of a few words */
#define POLICY_RULE_NAME_BYTES_MAX 128 /* each answer contains one */
#define POLICY_LIST_MAX 256   /* entries of one list in a rule */
#define RESOURCE_BYTES_MAX 4096
#define RESOURCE_SEGMENTS_MAX 64
#define AUTHORIZE_CHECKS_MAX 256 /* checks in one request */

/* The socket. */
#define FRAME_BYTES_MAX (64 * 1024) /* the largest request: a token and many resources */
#define FRAME_NODES_MAX 4096        /* values in one request; the agent scans an incomplete message again from its start, so this bounds the cost */
#define FRAME_DEPTH_MAX 8
#define ANSWER_BYTES_MAX (64 * 1024)
#define LISTEN_BACKLOG 4096 /* beyond it a non-blocking client gets EAGAIN; the kernel has its own bound (somaxconn) */
#define CONNECTIONS_MAX 4096           /* less where the limit on open files is lower */
#define TURN_NS_PER_USER 20000         /* a user's share of a turn of the loop; the others wait this long for each busy user */
#define TURN_NS_ALONE 200000           /* the share while no other user asks: */
#define ALONE_NS 1000000000            /* no other user asked for this long */
#define CHECKS_AT_ONCE 48              /* checks of one request in a row, while other users ask: about 15 us */
#define READ_BYTES_IN_LINE 4096        /* read at once while other connections of the user wait for their turn: unprocessed bytes stay in memory */
#define ACCEPTED_PER_TURN_MAX 32       /* connections, about 10 us each; a client that connects and leaves in a loop always has the next one ready */
#define PAGES_UNREAD_PER_UID_MAX 256   /* of the fast path; the kernel lets the agent have as many descriptors in queues as open files */
#define LEFT_PAGES_SECONDS 1           /* how often the agent checks whether clients have read the pages of closed connections */
#define DESCRIPTORS_KEPT 32            /* for the store, files and logs: libuv drops the whole backlog when descriptors run out */
#define IN_FLIGHT_PER_CONNECTION_MAX 256 /* requests that wait for a signature check; beyond it the agent stops reading the connection */
#define IN_FLIGHT_PER_UID_MAX 4096 /* over both doors */
#define CONNECTION_UNSENT_BYTES_MAX (256 * 1024) /* answers that the peer has not read; beyond it the agent stops reading the connection */
#define BUFFERS_BYTES_MAX (64 * 1024 * 1024)     /* half-sent messages and unsent answers of all connections */
#define BUFFERS_BYTES_PER_UID_MAX (BUFFERS_BYTES_MAX / 4)
#define CONNECTIONS_KEPT_FOR_ROOT 16
#define CONNECTION_IDLE_SECONDS 300
#define PARTIAL_FRAME_SECONDS 10 /* the longest that a message may stay half sent, or answers unread */
#define HEARTBEAT_SECONDS 0.5    /* clients with the page trust it for 1.9 s after a heartbeat, so three may be late */
#define SECRET_MEMORY_BYTES (64 * 1024) /* never swapped out: RLIMIT_MEMLOCK allows this much even in a container */
#define SECRET_MEMORY_PIECE_BYTES 32
#define DRAIN_SECONDS 5          /* after SIGTERM: for answers under way */
#define STUCK_SECONDS_MAX 10     /* after that: for threads, which may be in a commit */
#define STUCK_SECONDS 3          /* after that: for libuv's threads, which can then only be waiting for a file system */

/* HTTP. A token and the headers of a browser behind a gateway stay below these 32 KiB. */
#define HTTP_HEAD_BYTES_MAX (32 * 1024)
#define HTTP_BODY_BYTES_MAX (64 * 1024) /* as received, with the framing of chunks */
#define HTTP_IN_BYTES_FIRST 4096
#define HTTP_REQUEST_SECONDS 10 /* from the first byte of a request to the last, and for the client to read the answer */
#define HTTP_RETRY_SECONDS_TEXT "1"
#define HTTP_JSON_DEPTH_MAX 8 /* of a request's body */

/* Signature checks. */
#define WORKERS_MAX 64
#define CHECKS_QUEUED_MAX 4096 /* about 0.1 s of RS256 on one core: callers that wait longer have given up */
#define CHECKS_QUEUED_PER_UID_MAX (CHECKS_QUEUED_MAX / 2) /* leaves room for the other users */

#define CHECKS_BYTES_MAX (32 * 1024 * 1024) /* all waiting tokens together */

/* The cache of verified tokens. */
#define STAMP_SECONDS_WITHOUT_TOKEN 3600 /* how long clients may cache a decision that needs no token */
#define CACHE_BYTES_DEFAULT (64 * 1024 * 1024)
#define CACHE_BYTES_MIN (1024 * 1024)

/* Revocation. */
#define REVOCATION_NAME_BYTES_MAX 4096 /* a jti, sub, sid, kid in a record */
#define REVOCATION_SLOTS_MAX 8192 /* combinations of issuer, kind and source that are counted separately; further issuers are counted together */
#define SLOT_ISSUER_BYTES_MAX 300
#define STORE_MAP_BYTES (16ULL << 30) /* address space, not memory: room for over 300 million records */
#define STORE_KEPT_PARTS 64           /* one part in this many stays free, because removing entries takes pages too */
#define FEED_LINE_BYTES_MAX 16384
#define FEED_RUN_RECORDS 131072          /* records of a batch that are sorted together in memory: 3 MiB, four times that while they are written */
#define FEED_RUNS_MAX 128                /* runs of a batch: 16 million records, in a file of 400 MB beside the store */
#define FEED_BATCH_GROUPS_MAX 16384      /* different issuers and kinds in a batch: twice as many as are counted separately */
#define FEED_BATCH_NAMES_BYTES_MAX (2 * 1024 * 1024) /* names of these issuers together */
#define FEED_BUCKETS_PER_COMMIT 2048     /* about 8 MiB of changed pages, which LMDB keeps; operators' changes come in between */
#define FEED_THINGS_MAX 256              /* the agent ends cached results thing by thing for so many in a batch; beyond it, it ends all of them */
#define FEED_INTERVAL_SECONDS 5          /* between two requests over HTTPS */
#define FEED_INTERVAL_SECONDS_MAX (24 * 3600)
#define FEED_BACK_OFF_SECONDS_MAX 60     /* for a server that fails; or the interval, if that is longer */
#define FEED_ANSWER_BYTES_MAX (4ULL << 30) /* of one answer: about 40 million lines, more than a batch takes */
#define FEED_ANSWER_SECONDS_MAX 600
#define FEED_ANSWER_SECONDS_FIRST 10     /* of an answer of any size: its revocations take effect at its end */
#define FEED_ANSWER_BYTES_PER_SECOND 1000000 /* a large answer gets this much longer: a line of 8 Mbit/s */
#define FEED_STALL_SECONDS 10            /* an answer that brings nothing for so long has ended */
#define FEED_NOTED_EVERY_SECONDS 60      /* how often the store notes that a remote feed has nothing new */
#define FEED_REPLY_ENTRIES 2048          /* of a stream at once: at 16 KiB each, half of what a reply may have */
#define FEED_REPLY_ENTRIES_TEXT "2048"
#define FEED_REPLIES_PER_SECOND 20       /* each costs a commit; this many may follow each other without a pause */
#define FEED_BLOCK_SECONDS 5             /* how often an idle stream confirms that nothing is new */
#define FEED_BLOCK_MILLISECONDS_TEXT "5000"
#define FEED_REDIS_SECONDS_MAX 5         /* to connect, or for a reply */
#define FEED_RECONNECT_SECONDS_MIN 0.1
#define FEED_RECONNECT_SECONDS_MAX 5.0
#define FEED_RETRY_SECONDS 5             /* after a failure of the disk */
#define FEED_SETTLES_SECONDS 1           /* how long a file that is read from its start must be quiet before its undo lines take effect */
#define UNREADABLE_KEPT_MAX 1024         /* lines that could not be read, of all feeds together; lines that the configuration excludes are not kept */
#define UNREADABLE_BYTES_MAX 4096        /* of such a line; a longer one is counted, and cannot be tried again */
#define UNREADABLE_LOGGED_MAX 16         /* of a batch: further ones are only counted */
#define FORGET_GRACE_SECONDS (24 * 3600) /* a record stays this long after its `exp` */
#define FORGET_FIRST_SECONDS 600         /* of a run: a clock that is corrected after a start must not cost records */
#define FORGET_EVERY_SECONDS 3600
#define FORGET_GROUPS_PER_COMMIT 4
#define CLOCK_APART_SECONDS_MAX 60       /* difference of wall and monotonic clock since the start */
#define CLOCK_LEAP_SECONDS (12 * 3600)   /* since the last run: the machine may have been off, or its clock behind; the agent keeps records longer */
#define CLOCK_BACK_SECONDS_MAX 300       /* behind the latest time ever seen */
#define CLOCK_NOTED_EVERY_SECONDS 60
#define WRITES_QUEUED_MAX 8192
#define WRITES_PER_COMMIT_MAX 1024

/* Log lines about decisions: a flood of bad tokens must not become a flood of log lines. */
#define AUDIT_LINES_PER_SECOND_MAX 100

/* Lines about decisions that go to a file or stdout. */
#define SINK_BYTES_MAX        (1024 * 1024) /* that wait, and as many again that are being written */
#define SINK_CLOSE_SECONDS    2             /* a stop waits so long for them */
#define AUDIT_CLAIMS_MAX      8             /* that `audit:` names */
#define AUDIT_CLAIM_BYTES_MAX 64

/* The name of a source of revocations with its terminator: the operator who revoked, or the feed. */
#define SOURCE_NAME_BYTES 256

#endif
