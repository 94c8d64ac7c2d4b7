/* Every limit of the agent, in one place: the unit is in the name, the reason beside it. Limits on what a peer may send are
   applied before anything is believed about that peer. */
#ifndef ASSAY_AGENT_LIMITS_H
#define ASSAY_AGENT_LIMITS_H

/* Tokens. The largest that real issuers make (Azure AD with group claims) stay below 10 KiB; HTTP servers refuse headers above 8
   to 16 KiB, so a longer one can hardly have arrived by a request. */
#define TOKEN_BYTES_MAX 16384
#define TOKEN_HEADER_DEPTH_MAX 8
#define TOKEN_PAYLOAD_DEPTH_MAX 16
#define KNOWN_HEADER_BYTES_MAX 256 /* headers that are read once: more are longer only with certificates in them */
#define KNOWN_HEADERS 8            /* looked through one by one */
#define TOKEN_SIGNATURE_BYTES_MAX 1024 /* RSA of 8192 bits */
#define TOKEN_KEYS_TRIED_MAX 4         /* a token without kid: each try costs a signature check */

/* JSON of T bytes never needs more MessagePack than this: the worst is a number like 1e1 with its comma, 4 bytes that become 9. */
#define WIRE_BYTES_OF_JSON(bytes) ((bytes) / 4 * 9 + 64)

/* Key sets. The largest public ones hold some dozens of keys in some dozens of KiB. */
#define KEY_FILE_BYTES_MAX (1024 * 1024)
#define KEY_SET_KEYS_MAX 1024
#define KEY_SET_WARNINGS_MAX 16 /* told by name; the others are counted */

/* Files: until a change counts, whatever the file system, or nothing is said that rests on it. */
#define FILE_BOUND_SECONDS 2
#define FILE_BOUND_SECONDS_MAX 60
#define FILE_BOUND_BYTES_PER_SECOND 30000000 /* and so much longer for a large one: half a million lines a second, on a busy machine */
#define POLICY_SETTLES_SECONDS 0.5 /* half a policy may be a whole one with fewer rules, so one that is being written is left alone */

/* Key sets that are fetched. Of a thousand agents that do the same at the same time, hardly ever more than 20 come in one second. */
#define FETCH_SPREAD_SECONDS 150 /* after a start with old sets: 6.7 in an average second; over 60 s it were 16.7, and often 27 */
#define FETCH_BACK_OFF_SECONDS 2 /* the first, without usable keys; it doubles up to the refresh period */
#define FETCH_BACK_OFF_PARTS 2   /* with usable keys the first is this part of the refresh period: at 2 s an outage began with 35 */
#define FETCH_PERIOD_SECONDS_MIN 60 /* what an issuer may say in the place of the refresh period */
#define FETCH_PERIOD_SECONDS_MAX 86400

/* Keys over HTTPS. */
#define KEYS_REFRESH_SECONDS 600
#define KEYS_COOLDOWN_SECONDS 10
#define KEYS_AGE_SECONDS (24 * 3600)
#define KEYS_AGE_SECONDS_MAX (30 * 24 * 3600) /* who has not been heard of for a month may have lost every key */
#define KEYS_MISSING_MAX 32          /* issuers without keys that `ping` names; further ones are in `status` */
#define KEYS_WAITING_MAX 4096        /* requests that wait for a fetch: they are few, or somebody makes kids up */
#define KEYS_WAITING_BYTES_MAX (8 * 1024 * 1024)
#define KEYS_STRANGE_MAX 64          /* kids that a fetch did not bring, by issuer; more than an attacker needs, who has others each time */
#define KEYS_FETCH_SECONDS 30        /* of a document and a set together; nobody waits so long */
#define KEYS_FETCH_SECONDS_LEAST 4   /* by default, where keys become too old soon */
#define KEYS_FETCH_SECONDS_MAX 300
#define KEYS_PATIENCE_SECONDS 4      /* of a request that waits for a fetch: libassay's callers have 5 s by default */
#define HTTPS_SECONDS_MAX 30         /* of a whole answer, where its owner sets no other bound */
#define HTTPS_CONNECT_SECONDS_MAX 3
#define HTTPS_HEADER_BYTES_MAX (64 * 1024)
#define HTTPS_REDIRECTS_MAX 3        /* to the same host */
#define HTTPS_ETAG_BYTES_MAX 256
#define HTTPS_AGE_SECONDS_MAX 1e9    /* of an answer in a cache: 30 years are as good as never */
#define HTTPS_ETAG_SECONDS_MIN 2     /* since what is served was changed: times of files have whole seconds, and clocks steps */
#define HTTPS_CURSOR_BYTES_MAX 256
#define HTTPS_CONNECTION_SECONDS_MAX 60 /* used again, it rests on the system's authorities as they were when it began */
#define CA_FILE_BYTES_MAX (4 * 1024 * 1024) /* the system's own, of all authorities, has 0.2 MB; read for each request */
#define LOOKUPS_MAX 32               /* names being looked up at once, each by a thread; a name server that is silent keeps each half a minute */
#define LOOKUP_SECONDS_MAX 4         /* one that lasts longer is not waited for any more */
#define LOOKUP_KEPT_SECONDS 60       /* addresses for HTTPS, as libcurl keeps them */
#define READING_SECONDS_MAX 4        /* of a token's or an authority's file; one that takes longer is not waited for any more */
#define READERS_MAX 64               /* threads that read them: each file system that does not answer keeps one for each of its files */
#define THREADS_END_SECONDS_MAX 1    /* that the process's end waits for threads */
#define URL_BYTES_MAX 2048              /* issuers', and of their keys: proxies and servers take hardly more */
#define DISCOVERY_BYTES_MAX (64 * 1024) /* a discovery document; the largest have some 10 KiB */
#define DISCOVERY_DEPTH_MAX 16          /* they have 3 levels */

/* A Redis: what it may answer, before any of it is believed. */
#define REDIS_REPLY_BYTES_MAX (64 * 1024 * 1024)
#define REDIS_REPLY_DEPTH_MAX 7             /* XREAD answers in 5 levels */
#define REDIS_REPLY_ELEMENTS_MAX (1 << 20)  /* each takes some 100 bytes of memory, and may be sent in 3 */
#define REDIS_REPLY_LINE_BYTES_MAX (64 * 1024) /* strings come with their length; a line is a number, "OK" or an error */
#define REDIS_PORT 6379
#define REDIS_DB_MAX 99999
#define REDIS_PASSWORD_BYTES_MAX 4096
#define REDIS_KEEPALIVE_SECONDS 15

/* Configuration. */
#define CONFIG_FILE_BYTES_MAX (1024 * 1024)
#define YAML_DEPTH_MAX 32 /* claims in a policy's test are the deepest, and a token's have 16 levels */
#define CONFIG_FAULTS_MAX 64   /* a file with more is not read to its end by anybody */
#define CONFIG_ISSUERS_MAX 256
#define CONFIG_LIST_MAX 256    /* audiences, aliases, values of a claim, … of one issuer */
#define CLAIM_PLACES_MAX 8     /* of an issuer's roles, and of its scopes */
#define CONFIG_ALIASES_MAX 7   /* each spelling of an issuer costs a look-up for each kind of revocation */
#define CONFIG_FEEDS_MAX 16
#define CONFIG_PEERS_MAX 128 /* each is a line of `status` */
#define PEER_NAME_BYTES_MAX 64
#define PEER_GROUPS_MAX 1024 /* of who connects; more are a directory service gone wrong, and match nothing */
#define FEED_PATH_BYTES_MAX 240 /* it is a source's name, which entries are counted under */
#define LEEWAY_SECONDS_MAX 600 /* clocks further apart are broken, and a longer leeway is a longer life for stolen tokens */

/* Policies. */
#define POLICY_FILE_BYTES_MAX (4 * 1024 * 1024) /* some 20,000 rules: who has more generates them, and should generate fewer */
#define POLICY_RULES_MAX 32768
#define POLICY_NAMES_MAX 1024 /* different roles, and different scopes: a set of them is a few words of bits */
#define POLICY_RULE_NAME_BYTES_MAX 128 /* each answer carries one */
#define POLICY_LIST_MAX 256   /* entries of one list in a rule */
#define RESOURCE_BYTES_MAX 4096
#define RESOURCE_SEGMENTS_MAX 64
#define AUTHORIZE_CHECKS_MAX 256 /* questions in one request */

/* The socket. */
#define FRAME_BYTES_MAX (64 * 1024) /* the largest request: a token, and room for many resources beside it */
#define FRAME_NODES_MAX 4096        /* values in one request; a scan of a half message starts anew, so this bounds its cost */
#define FRAME_DEPTH_MAX 8
#define ANSWER_BYTES_MAX (64 * 1024)
#define LISTEN_BACKLOG 4096 /* a client that does not block is told EAGAIN behind it; the kernel has a bound of its own (somaxconn) */
#define CONNECTIONS_MAX 4096           /* less where the limit on open files is lower */
#define TURN_NS_PER_USER 20000         /* of a turn of the loop; for each user who has much to ask the others wait so long */
#define TURN_NS_ALONE 200000           /* while nobody else asks: */
#define ALONE_NS 1000000000            /* for so long */
#define CHECKS_AT_ONCE 48              /* of one request, while others ask: some 15 us */
#define READ_BYTES_IN_LINE 4096        /* at once, while others of the user wait for their turn: what is not taken up is kept */
#define ACCEPTED_PER_TURN_MAX 32       /* connections: some 10 us each, and who connects and leaves again has the next one ready */
#define PAGES_UNREAD_PER_UID_MAX 256   /* of the fast path; the kernel lets the agent have as many in queues as open files */
#define LEFT_PAGES_SECONDS 1           /* until it is looked again whether those of closed connections were read */
#define DESCRIPTORS_KEPT 32            /* for the store, files, logs: libuv drops the whole backlog when it runs out */
#define IN_FLIGHT_PER_CONNECTION_MAX 256 /* requests that wait for a signature; beyond it the connection is not read */
#define IN_FLIGHT_PER_UID_MAX 4096 /* over both doors */
#define CONNECTION_UNSENT_BYTES_MAX (256 * 1024) /* answers that a peer does not read; beyond it the connection is not read */
#define BUFFERS_BYTES_MAX (64 * 1024 * 1024)     /* half messages and unsent answers of all connections */
#define BUFFERS_BYTES_PER_UID_MAX (BUFFERS_BYTES_MAX / 4)
#define CONNECTIONS_KEPT_FOR_ROOT 16
#define CONNECTION_IDLE_SECONDS 300
#define PARTIAL_FRAME_SECONDS 10 /* half a message, or answers that are not read */
#define HEARTBEAT_SECONDS 0.5    /* clients who hold the page believe in it for 1.9 seconds: three may be late */
#define SECRET_MEMORY_BYTES (64 * 1024) /* never swapped out: what RLIMIT_MEMLOCK allows even in a container */
#define SECRET_MEMORY_PIECE_BYTES 32
#define DRAIN_SECONDS 5          /* after SIGTERM: answers that are still being made */
#define STUCK_SECONDS_MAX 10     /* after that: threads that are waited for, a commit among what they do */
#define STUCK_SECONDS 3          /* after that: libuv's, which have nothing to do any more but to wait for a file system */

/* HTTP. A token and the headers of a browser behind a gateway stay below the 32 KiB that these take. */
#define HTTP_HEAD_BYTES_MAX (32 * 1024)
#define HTTP_BODY_BYTES_MAX (64 * 1024) /* as it comes: with the framing of its chunks */
#define HTTP_IN_BYTES_FIRST 4096
#define HTTP_REQUEST_SECONDS 10 /* from the first byte to the last, and for an answer to be taken */
#define HTTP_RETRY_SECONDS_TEXT "1"
#define HTTP_JSON_DEPTH_MAX 8 /* of what is asked */

/* Signature checks. */
#define WORKERS_MAX 64
#define CHECKS_QUEUED_MAX 4096 /* about 0.1 s of RS256 on one core: who waits longer has given up */
#define CHECKS_QUEUED_PER_UID_MAX (CHECKS_QUEUED_MAX / 2) /* there is room for the others */

#define CHECKS_BYTES_MAX (32 * 1024 * 1024) /* what the tokens that wait may take together */

/* The cache of verified tokens. */
#define STAMP_SECONDS_WITHOUT_TOKEN 3600 /* how long clients may remember what is allowed to everybody */
#define CACHE_BYTES_DEFAULT (64 * 1024 * 1024)
#define CACHE_BYTES_MIN (1024 * 1024)

/* Revocation. */
#define REVOCATION_NAME_BYTES_MAX 4096 /* a jti, sub, sid, kid in a record */
#define REVOCATION_SLOTS_MAX 8192 /* issuers, kinds and sources that are counted apart; further issuers are counted together */
#define SLOT_ISSUER_BYTES_MAX 300
#define STORE_MAP_BYTES (16ULL << 30) /* address space, not memory: room for over 300 million records */
#define STORE_KEPT_PARTS 64           /* one part of so many is kept free: forgetting takes pages too */
#define FEED_LINE_BYTES_MAX 16384
#define FEED_RUN_RECORDS 131072          /* of a batch, in memory and sorted together: 3 MiB, four times while it is written */
#define FEED_RUNS_MAX 128                /* of a batch: 16 million records, in a file of 400 MB beside the store */
#define FEED_BATCH_GROUPS_MAX 16384      /* different issuers and kinds in a batch: twice as many as are counted apart */
#define FEED_BATCH_NAMES_BYTES_MAX (2 * 1024 * 1024) /* of these issuers */
#define FEED_BUCKETS_PER_COMMIT 2048     /* some 8 MiB of pages that are changed, and kept by LMDB; operators' changes come in between */
#define FEED_THINGS_MAX 256              /* of a batch, that clients are told of one by one; beyond it they ask about everything anew */
#define FEED_INTERVAL_SECONDS 5          /* between two questions over HTTPS */
#define FEED_INTERVAL_SECONDS_MAX (24 * 3600)
#define FEED_BACK_OFF_SECONDS_MAX 60     /* of a server that fails, or the interval where that is longer */
#define FEED_ANSWER_BYTES_MAX (4ULL << 30) /* of one answer: some 40 million lines, more than a batch takes */
#define FEED_ANSWER_SECONDS_MAX 600
#define FEED_ANSWER_SECONDS_FIRST 10     /* of an answer, whatever its size: what it revokes counts when it has ended */
#define FEED_ANSWER_BYTES_PER_SECOND 1000000 /* and so much longer for a large one: a line of 8 Mbit/s */
#define FEED_STALL_SECONDS 10            /* an answer of which nothing comes for so long has ended */
#define FEED_NOTED_EVERY_SECONDS 60      /* that a remote feed has nothing new */
#define FEED_REPLY_ENTRIES 2048          /* of a stream at once: at 16 KiB each half of what a reply may have */
#define FEED_REPLY_ENTRIES_TEXT "2048"
#define FEED_REPLIES_PER_SECOND 20       /* each costs a commit; so many may come one after the other without waiting */
#define FEED_BLOCK_SECONDS 5             /* that nothing new has come is known so often */
#define FEED_BLOCK_MILLISECONDS_TEXT "5000"
#define FEED_REDIS_SECONDS_MAX 5         /* to connect, or for an answer */
#define FEED_RECONNECT_SECONDS_MIN 0.1
#define FEED_RECONNECT_SECONDS_MAX 5.0
#define FEED_RETRY_SECONDS 5             /* after a failure of the disk */
#define FEED_SETTLES_SECONDS 1           /* a file that is read from its start, until what it takes back counts */
#define UNREADABLE_KEPT_MAX 1024         /* lines of feeds that could not be read, all feeds together; what is excluded is not kept */
#define UNREADABLE_BYTES_MAX 4096        /* of such a line; a longer one is counted, and cannot be tried again */
#define UNREADABLE_LOGGED_MAX 16         /* a batch: the others are only counted */
#define FORGET_GRACE_SECONDS (24 * 3600) /* after a record's `exp` */
#define FORGET_FIRST_SECONDS 600         /* of a run: a clock that is set right after a start must not cost records */
#define FORGET_EVERY_SECONDS 3600
#define FORGET_GROUPS_PER_COMMIT 4
#define CLOCK_APART_SECONDS_MAX 60       /* wall and monotonic clock, since the start */
#define CLOCK_LEAP_SECONDS (12 * 3600)   /* since the last run: it may have been away, or its clock behind; records are kept for longer */
#define CLOCK_BACK_SECONDS_MAX 300       /* behind the highest time ever seen */
#define CLOCK_NOTED_EVERY_SECONDS 60
#define WRITES_QUEUED_MAX 8192
#define WRITES_PER_COMMIT_MAX 1024

/* Log lines about decisions: a flood of bad tokens must not become a flood of lines. */
#define AUDIT_LINES_PER_SECOND_MAX 100

/* The name of a source of revocations, with the terminator: who revoked, or which feed. */
#define SOURCE_NAME_BYTES 256

#endif
