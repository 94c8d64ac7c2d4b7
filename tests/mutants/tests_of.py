"""Which tests are run on a file of which a check is taken out: programs of tests/unit, then files and classes of tests/e2e.

The order of the latter is that of the time they take; one that takes longer
than TEST_SECONDS_MAX (or --longest) is left out. LAST is run on what is left: it takes long.
"""
TEST_SECONDS_MAX = 2
LAST = {"fastpath_schedules", "agent_batch"}

LIST_UNITS = ["agent_list", "agent_entries", "agent_batch", "agent_batch_ends"]
LIST = ["test_revocation", "test_feed.Feed", "test_clock", "test_freshness.Times", "test_command_revoke", "test_protocol"]
FILES = ["test_feed", "test_freshness", "test_revocation"]
HTTPS = ["test_feed_https", "test_freshness.Gaps"]
REDIS = ["test_feed_redis", "test_command_publish"]
FEEDS = FILES + HTTPS + ["test_feed_redis", "test_reload", "test_fast_path.Stamps"]
WATCH = ["test_keys", "test_freshness", "test_feed.Feed", "test_authorize_reload", "test_reload"]
KEYS_UNITS = ["keys_discovery", "keys_schedule", "keys_schedule_fleet", "keys_url", "cases"]
KEYS = ["test_live_keys", "test_live_keys_bad", "test_live_keys_down", "test_live_keys_process", "test_keys", "test_verify", "test_reload",
        "test_revocation", "test_fast_path_issuers", "test_config"]
ANSWERS_UNITS = ["agent_cache", "agent_board", "agent_clock", "agent_turns", "fastpath_schedules"]
TIMES_UNITS = ["agent_clock"]
TIMES = ["test_clock", "test_freshness", "test_feed", "test_fast_path.Earlier", "test_reload", "test_live_keys"]
ANSWERS = ["test_verify", "test_authorize", "test_authorize_reload", "test_revocation", "test_fast_path", "test_fast_path_issuers",
           "test_fast_path_process", "test_keys.StopUnderWay", "test_reload", "test_live_keys_down.Strangers", "test_live_keys_down.Down", "test_peers", "test_freshness.Links",
           "test_feed.Feed"]
CLIENT_UNITS = ["client_cache_lookup", "client_cache_valid", "client_cache_stamp", "client_cache_memory", "client_hello", "client_verify_answers",
                "client_verify_verdict", "client_verify_arguments", "client_authorize", "client_connections", "client_cancel",
                "client_events_questions", "client_events_answers", "client_events_bad_answers", "client_events_bounds",
                "client_events_connect", "client_events_ends", "client_events_process", "client_fire_agent", "client_fire_process", "client_faults",
                "client_events_faults", "client_events_random", "client_events_wiped"]
CLIENT = ["test_fast_path_process", "test_fast_path_issuers.InProcess", "test_restart", "test_live_keys_process"]
STORE = ["test_store", "test_salvage", "test_revocation", "test_feed.Feed", "test_clock", "test_command_revoke"]

# The first that a path begins with.
TESTS = {
    "agent/revocation/salvage": (["agent_entries"], ["test_salvage"]),
    "agent/feeds/from_https": (["feed_kinds"], HTTPS + ["test_reload"]),
    "agent/feeds/from_redis": (["feed_kinds", "agent_redis_link", "agent_stream_gap"], REDIS),
    "agent/feeds/redis_link": (["agent_redis_link", "agent_stream_gap"], REDIS),
    "agent/revocation/stream_": (["agent_redis_link", "agent_stream_gap"], REDIS),
    "agent/feeds/from_file": ([], FILES),
    "agent/feeds/file_reader": (["feed_file"], FILES),
    "agent/feeds/feeds": (["feeds", "agent_list"], FEEDS),
    "agent/feeds/feed": ([], FEEDS),
    "agent/feeds/batch": (["agent_batch", "agent_batch_ends"], FEEDS),
    "agent/feeds/line": ([], FILES + ["test_feed_redis.Follow"]),
    "agent/feeds/sorted_changes": (["agent_batch", "agent_batch_ends"], ["test_feed"]),
    "agent/revocation/": (LIST_UNITS, LIST),
    "agent/files/": (["files_watch", "files_watched"], WATCH),
    "agent/keys/": (KEYS_UNITS, KEYS),
    "agent/state/": (LIST_UNITS, STORE),
    "agent/keys/refresh": (TIMES_UNITS, TIMES),
    "agent/fastpath/previous_run": (TIMES_UNITS, TIMES),
    "agent/state/clock": (TIMES_UNITS, TIMES),
    "agent/": (ANSWERS_UNITS, ANSWERS),
    "client/": (CLIENT_UNITS, CLIENT),
}
SOURCES = ["agent/revocation/*.c", "agent/files/*.c", "agent/verdict/*.c", "agent/fastpath/*.c", "agent/keys/*.c",
           "client/{cache,shard,stamp,judge,hello,channel}.c", "agent/state/*.c", "agent/{refresh,earlier,clock}.c"]


def tests_of(path):
    return next(tests for start, tests in TESTS.items() if path.startswith(start))
