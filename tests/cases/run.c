/* Takes every folder of tests/cases and tests/accepted through the agent's own configuration, keys, checks and revocation list, and
   compares the outcome with what the folder says. A folder has: token, expect, about; and where it needs them config.yaml, keys.json or
   keys.pem, ask.json (now, audience, revoked), and twin: the token without its fault, which must be accepted. What a folder does not
   have is taken from tests/cases/default. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "agent/keys/keyring.h"
#include "agent/revocation/list.h"
#include "agent/token/json.h"

#define NOW_DEFAULT 1767225600.0
#define TOKEN_FILE_MAX (1024 * 1024)

static const char *work; /* a folder of our own, in which each case is laid out */
static struct store *store;
static struct hasher *hasher;
static struct verifier *verifier;
static struct token_room room;

struct blob {
    char *at;
    size_t size;
};

static struct blob read_file(const char *folder, const char *name)
{
    char path[4096];
    struct blob blob = {NULL, 0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return blob;
    blob.at = calloc(1, TOKEN_FILE_MAX + 1);
    if (blob.at != NULL)
        blob.size = fread(blob.at, 1, TOKEN_FILE_MAX, file);
    fclose(file);
    return blob;
}

static void write_file(const char *name, struct blob blob)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", work, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, blob.at, blob.size) != (ssize_t)blob.size || close(fd) < 0) {
        perror(path);
        exit(2);
    }
}

/* The folder's file, or else the default's. */
static void lay_out(const char *folder, const char *fallback, const char *name)
{
    struct blob blob = read_file(folder, name);

    if (blob.at == NULL)
        blob = read_file(fallback, name);
    if (blob.at != NULL)
        write_file(name, blob);
    free(blob.at);
}

struct situation {
    struct keyring *ring;
    double now;
    char *audience; /* NULL: none is asked for */
    json_t *revoked;
};


static enum outcome judge(void *context, const struct token *token)
{
    struct view *view = store_view(store);
    unsigned kinds;

    (void)context;
    if (view == NULL || list_kinds(view, &kinds) < 0)
        return OUTCOME_UNDECIDED;
    return list_judge(hasher, view, kinds, token);
}

static const char *decide(const struct situation *situation, struct blob text)
{
    struct revocations revocations = {judge, NULL};
    struct question question = {
        .issuers = situation->ring->issuers,
        .issuer_count = situation->ring->count,
        .audience = {situation->audience, situation->audience != NULL ? strlen(situation->audience) : 0},
        .now = situation->now,
        .room = &room,
        .verifier = verifier,
        .revocations = &revocations,
    };
    struct token token = token_of(text.at, text.size);

    switch (token_check(&token, &question, STAGE_FORM, STAGE_NOW)) {
    case OUTCOME_ACCEPTED:
        return "accepted";
    case OUTCOME_REFUSED:
        return reason_name(token.reason);
    default:
        return "undecided";
    }
}

/* Applies or takes back the folder's records. */
static void change(const struct situation *situation, bool undo)
{
    struct view *view = store_begin(store, false);
    json_t *item;
    size_t i;

    json_array_foreach (situation->revoked, i, item) {
        char *text = json_dumps(item, JSON_COMPACT);
        uint8_t wire[65536];
        struct wire_writer writer;
        msgpack_unpacked unpacked;
        struct record record;
        char digits[RECORD_DIGITS_BYTES];

        wire_writer_init(&writer, wire, sizeof wire);
        msgpack_unpacked_init(&unpacked);
        if (json_to_wire(text, strlen(text), 4, &writer) < 0 ||
            msgpack_unpack_next(&unpacked, (const char *)wire, wire_written(&writer), NULL) != MSGPACK_UNPACK_SUCCESS ||
            record_read(&unpacked.data.via.map, !undo, digits, &record) != NULL ||
            (undo ? list_undo(hasher, view, &record, NULL, NULL) : list_apply(hasher, view, &record, "cases")) < 0) {
            fprintf(stderr, "a record of `revoked` is not one: %s\n", text);
            exit(2);
        }
        msgpack_unpacked_destroy(&unpacked);
        free(text);
    }
    if (list_cover(hasher, view, situation->ring) < 0)
        exit(2);
    if (store_commit(view) < 0)
        exit(2);
    store_let_go(store);
}

static bool arrange(const char *folder, const char *fallback, struct situation *situation)
{
    static const char *const files[] = {"config.yaml", "keys.json", "keys-b.json", "keys.pem"};
    struct blob ask = read_file(folder, "ask.json");
    struct faults faults = {0};
    char path[4096];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        lay_out(folder, fallback, files[i]);
    json_t *asked = ask.at != NULL ? json_loadb(ask.at, ask.size, 0, NULL) : json_object();
    json_t *now = json_object_get(asked, "now"), *audience = json_object_get(asked, "audience");

    free(ask.at);
    snprintf(path, sizeof path, "%s/config.yaml", work);
    struct config *config = config_load(path, &faults);

    situation->ring = config != NULL ? keyring_load(config, 0, &faults) : NULL;
    for (unsigned i = 0; i < faults.count; i++)
        fprintf(stderr, "%s: %s\n", folder, faults.text[i]);
    faults_clear(&faults);
    situation->now = now != NULL ? json_number_value(now) : NOW_DEFAULT;
    situation->audience = audience != NULL ? strdup(json_string_value(audience)) : NULL;
    situation->revoked = json_incref(json_object_get(asked, "revoked"));
    json_decref(asked);
    return situation->ring != NULL;
}

/* One folder. Returns whether everything was as it says. */
static bool run(const char *folder, const char *fallback)
{
    struct blob token = read_file(folder, "token"), twin = read_file(folder, "twin"), expect = read_file(folder, "expect");
    struct situation situation = {0};
    bool good = token.at != NULL && expect.at != NULL && arrange(folder, fallback, &situation);

    if (good) {
        expect.at[strcspn(expect.at, "\r\n")] = '\0';
        if (situation.revoked != NULL)
            change(&situation, false);
        const char *found = decide(&situation, token), *twin_found = twin.at != NULL ? decide(&situation, twin) : "accepted";

        if (strcmp(found, expect.at) != 0 || strcmp(twin_found, "accepted") != 0) {
            fprintf(stderr, "%s: expected %s, found %s; its twin: %s\n", folder, expect.at, found, twin_found);
            good = false;
        }
        if (situation.revoked != NULL) {
            change(&situation, true);
            if (strcmp(found, "revoked") == 0 && strcmp(decide(&situation, token), "accepted") != 0) {
                fprintf(stderr, "%s: still refused after its records were taken back\n", folder);
                good = false;
            }
        }
    } else {
        fprintf(stderr, "%s: cannot be set up\n", folder);
    }
    keyring_drop(situation.ring);
    json_decref(situation.revoked);
    free(situation.audience);
    free(token.at);
    free(twin.at);
    free(expect.at);
    return good;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every folder below, in the order of their names. */
static void run_all(const char *root, const char *fallback, unsigned *passed, unsigned *failed)
{
    char *names[8192], path[4096];
    size_t count = 0;
    DIR *folder = opendir(root);

    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL && count < 8192;) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "default") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s/token", root, entry->d_name);
        if (access(path, R_OK) == 0)
            names[count++] = strdup(entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    qsort(names, count, sizeof *names, compare);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        ++*(run(path, fallback) ? passed : failed);
        free(names[i]);
    }
}

int main(int argc, char **argv)
{
    char folder[] = "/dev/shm/assay-cases-XXXXXX", state[64], why[STORE_WHY_BYTES], fallback[4096], command[128];
    unsigned passed = 0, failed = 0;

    if (argc < 2 || (work = mkdtemp(folder)) == NULL) {
        fprintf(stderr, "usage: %s tests/cases [tests/accepted]\n", argv[0]);
        return 2;
    }
    snprintf(state, sizeof state, "%s/state", work);
    snprintf(fallback, sizeof fallback, "%s/default", argv[1]);
    store = store_open(state, 1 << 30, why);
    hasher = hasher_new();
    verifier = verifier_new(0);
    if (store == NULL || hasher == NULL || verifier == NULL)
        return 2;
    for (int i = 1; i < argc; i++)
        run_all(argv[i], fallback, &passed, &failed);
    verifier_free(verifier);
    hasher_free(hasher);
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", work);
    int removed = system(command);

    printf("%u passed, %u failed\n", passed, failed);
    return removed == 0 && failed == 0 && passed > 0 ? 0 : 1;
}
